"""Inputs that are long, wide or deep, and in order but for their size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy], Any]
COUNTS = st.one_of(st.integers(2, 60), st.sampled_from([300, 1_000, 3_000]))


@st.composite
def large(draw: Draw) -> bytes:
    """Layers that are long, wide or deep, all in order but for their size."""
    count, kind = draw(COUNTS), draw(st.integers(0, 9))
    name = str(draw(st.sampled_from(["a", "é", "abc_", "μ", "q" * 50])))
    some = range(count)
    if kind == 0:  # a chain of equations, perhaps in the wrong order
        lines = [f"{name}{n + 1}[i] = {name}{n}[i]*x[i]" for n in some]
        text = f"{name}0: [N]\nx: [N]\n" + "\n".join(lines if draw(st.booleans()) else lines[::-1])
    elif kind == 1:  # many indices
        letters = ", ".join(f"i{n}" for n in some)
        text = f"x: [{', '.join(f'N{n}' for n in some)}]\ny[{letters}] = x[{letters}]"
    elif kind == 2:  # a sum over many indices
        letters, loops = ", ".join(f"i{n}" for n in some), " ".join(f"for i{n} in N{n}" for n in some)
        text = f"x: [{', '.join(f'N{n}' for n in some)}]\ny = sum(x[{letters}] {loops})"
    elif kind == 3:  # many inputs in one line
        text = "\n".join(f"{name}{n}: [N]" for n in some) + "\ny[i] = " + " + ".join(f"{name}{n}[i]" for n in some)
    elif kind == 4:  # one long line in letters of two bytes
        text = f"{name}: [N]\ny[i] = " + " + ".join(f"{n}*{name}[i]**{n % 90}" for n in some)
    elif kind == 5:  # many facts
        text = "x: []\ny = x\n" + "\n".join(f"assert x > -{n}" for n in some)
    elif kind == 6:  # a product of many sums
        text = "x: [N]\ny[i] = " + "*".join(f"(x[i] + {n})" for n in some)
    elif kind == 7:  # many numbers
        sign = draw(st.sampled_from([" + ", " - ", "*", "/", "**"]))
        text = "x: []\ny = x + " + str(sign).join(f"{n + 1}**(1/{n % 7 + 2})" for n in some[:1_000])
    elif kind == 8:  # a cycle
        text = "x: []\n" + "\n".join(f"{name}{n} = x + {name}{(n + 1) % len(some)}" for n in some)
    else:  # names that are nearly right, and long
        text = f"{'x' * len(some)}: []\ny = {'x' * (len(some) - 1)}y + " + "x" * len(some)
    return text.encode()


@st.composite
def large_claims(draw: Draw) -> bytes:
    """Long derivations: of helpers that stand before or behind what uses them, of terms, and of equal signs."""
    count, kind, name = draw(COUNTS), draw(st.integers(0, 3)), draw(st.sampled_from(["a", "é", "dgam", "x", "q" * 50]))
    some = range(count)
    if kind == 0:
        lines = [f"{name}{n + 1}[j] = {name}{n}[j]*gamma[j]" for n in some]
        return "\n".join([f"{name}0[j] = gamma[j]", *(lines if draw(st.booleans()) else lines[::-1])]).encode()
    if kind == 1:
        return ("dx[i, j] = " + " + ".join(f"{n}*dy[i, j]**{n % 90}*{name}[j]" for n in some)).encode()
    if kind == 2:
        return ("dbeta[j]" + " = sum(dy[i, j] for i in N)" * len(some)).encode()
    return "\n".join(f"dbeta[j] = sum({name}{n}[i, j] for i in N)" for n in some).encode()


@st.composite
def large_latex(draw: Draw) -> bytes:
    """The same in LaTeX."""
    count, kind = min(draw(COUNTS), 500), draw(st.integers(0, 4))
    name = draw(st.sampled_from(["a", "c", r"\zeta", "s"]))
    some = range(count)
    if kind == 0:
        lines = [rf"${name}_{{{n + 1}j}} = {name}_{{{n}j}} \gamma_j$" for n in some]
        return "\n".join([rf"${name}_{{0j}} = \gamma_j$", *(lines if draw(st.booleans()) else lines[::-1])]).encode()
    if kind == 1:
        letters = [chr(97 + n % 26) + "'" * (n // 26) for n in some]
        lines = [rf"where $\hat{{{a}}}_j = \hat{{{b}}}_j + \gamma_j$" for a, b in pairwise(letters)]
        return "\n".join(lines if draw(st.booleans()) else lines[::-1]).encode()
    if kind == 2:
        return (r"$dx_{ij} = " + " + ".join(rf"{n} dy_{{ij}}^{{{n % 90}}} {name}_j" for n in some) + "$").encode()
    if kind == 3:
        return (r"$d\beta_j" + r" = \sum_i dy_{ij}" * len(some) + "$").encode()
    return ("\\begin{align}" + r" d\beta_j &= \sum_i dy_{ij} \\" * len(some) + "\\end{align}").encode()
