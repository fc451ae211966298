"""Related layers are found by what their gradients are made of, whatever they call it and whatever they sum over."""

from __future__ import annotations

from functools import cache

import pytest
from sympy import Add, Dummy, Mul, Sum

from derive.derivation import Derivation
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.skeletons import anatomies, families

# Batch norm over the middle axis, in other words, without a scale; and what subtracts no mean.
NORM = """
a: [P, Q, R]
c[p, r] = mean(a[p, q, r] for q in Q)
s[p, r] = sqrt(mean((a[p, q, r] - c[p, r])**2 for q in Q) + 1/100)
u[p, q, r] = (a[p, q, r] - c[p, r])/s[p, r]
"""
NO_MEAN = """
t: [K]
m = sqrt(mean(t[k]**2 for k in K) + 1/100)
n[k] = t[k]/m
"""
CENTERED = "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = x[i, j] - m[j]"
# A sum is added where the softmax subtracts one.
ADDED = "x: [N]\np[n] = exp(x[n] + sum(exp(x[k]) for k in N))"


@cache
def derived(text: str) -> Derivation:
    return derive(parse_layer(text, "own")) if "\n" in text else derive(text)


def found(*texts: str) -> list[list[tuple[str, str, tuple[str, ...]]]]:
    """The families: the layer, the gradient, and what it sums over, of each member."""
    groups = families([derived(text) for text in texts])
    return [
        [(m.anatomy.derivation.forward.name, m.anatomy.equation.name, m.anatomy.summed) for m in group]
        for group in groups
    ]


def test_the_norms_are_one_family_and_differ_in_what_they_sum_over() -> None:
    family = found("batch_norm", "group_norm", "instance_norm", "layer_norm", "linear", "rms_norm", NORM, NO_MEAN)
    assert family == [
        [
            ("batch_norm", "dx", ("N",)),
            ("group_norm", "dx", ("K", "H", "W")),
            ("instance_norm", "dx", ("H", "W")),
            ("layer_norm", "dx", ("D",)),
            ("own", "da", ("Q",)),
            ("rms_norm", "dx", ("D",)),
            ("own", "dt", ("K",)),
        ]
    ]


def test_what_lacks_a_term_has_a_gap_in_its_place() -> None:
    (family,) = families([derived("rms_norm"), derived("batch_norm")])
    assert [[term is None for term in member.terms] for member in family] == [[False] * 3, [False, True, False]]
    summed = [[term.bone.summed for term in member.anatomy.terms] for member in family]
    assert summed == [[False, True, True], [False, True]]


def test_the_richest_comes_first_whatever_the_order() -> None:
    assert found("rms_norm", "layer_norm") == found("layer_norm", "rms_norm")


def test_softmax_and_its_logarithm_are_another_family() -> None:
    names = [[name for name, _, _ in family] for family in found(*layer_names())]
    assert ["log_softmax", "softmax"] in names
    assert sum("batch_norm" in family for family in names) == 1
    assert not any("linear" in family or "gelu" in family for family in names)


def test_what_is_centered_alone_is_no_softmax() -> None:
    """dy - mean(dy) has the terms 1 and Σ; a softmax has 1 and Σ·p."""
    assert found(CENTERED, "softmax") == []
    assert found(CENTERED, "batch_norm") == [[("batch_norm", "dx", ("N",)), ("own", "dx", ("N",))]]


def test_a_sign_is_part_of_a_skeleton() -> None:
    (own,), (soft,) = anatomies(derived(ADDED)), anatomies(derived("log_softmax"))
    assert {(b.summed, len(b.powers)) for b in own.skeleton} == {(b.summed, len(b.powers)) for b in soft.skeleton}
    assert found(ADDED, "log_softmax") == []


def test_weights_count_as_numbers() -> None:
    assert len(found("batch_norm_masked", "batch_norm")[0]) == 2


@pytest.mark.parametrize("name", layer_names())
def test_the_parts_make_up_the_gradient(name: str) -> None:
    """Factor times terms is the closed form again."""
    for anatomy in anatomies(derived(name)):
        whole = Add(*(Mul(anatomy.factor, term.expression) for term in anatomy.terms))
        sums = {total: Dummy() for total in anatomy.equation.expression.atoms(Sum)}
        difference = whole.xreplace(sums) - anatomy.equation.expression.xreplace(sums)
        assert difference.expand() == 0


def test_a_gradient_of_many_names_is_left_alone() -> None:
    """With b alone there is something to compare; with b, c, d, e, f too many orders of names to try."""
    for names, related in (("b", True), ("bcdef", False)):
        inputs = "".join(f"{name}: [N]\n" for name in f"ax{names}")
        product = "*".join(f"{name}[i]" for name in f"ax{names}")
        layer = derived(f"{inputs}m = sum({product} for i in N)\ny[i] = x[i]*m*a[i]")
        assert {a.equation.name for a in anatomies(layer)} == {"da", "dx"}
        assert bool(families([layer])) is related
