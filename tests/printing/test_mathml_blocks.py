"""Formulas in two dimensions: what they look like, that nothing is lost, and that they keep to the width."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from textwrap import dedent

import pytest
from block_reader import read
from formulas import N, a, assert_read_back, b, c, e, eps, i, j, k
from sample_derivations import quantities
from sympy import Abs, Expr, Mul, Rational, Sum, exp, log, sqrt, tanh

from derive.derivation import Derivation
from derive.errors import DeriveError
from derive.functions import MaxOver, ProductOver, where
from derive.graph import Fact, Quantity
from derive.layers import layer_names
from derive.options import NOTATIONS
from derive.pipeline import derive
from derive.printing.block_math import LayerBlockPrinter
from derive.printing.blocks import Block, columns
from derive.printing.mathml_blocks import lay_out
from derive.printing.mathml_lines import elements_of
from derive.printing.names import Names, Notation
from derive.printing.text import all_subscripts

x = e("x", i, j)


def drawn(expression: Expr, subscripts: bool = True, notation: Notation = "leibniz") -> Block:
    printer = LayerBlockPrinter(Names(quantities("batch_norm"), notation), subscripts)
    (block,) = lay_out(printer.doprint(expression), 1000)
    return block


def picture(block: Block) -> str:
    return "\n".join(row.rstrip() for row in block.rows)


PICTURES = {
    "a sum beside a fraction": (
        Sum(x, (i, 1, N)) / N,
        """
        1  N
        ─  ∑  xᵢⱼ
        N i=1
        """,
    ),
    "a root below a line": (
        (x - e("mu", j)) / sqrt(e("var", j) + eps),
        """
         xᵢⱼ − μⱼ
        ──────────
        √(σⱼ² + ε)
        """,
    ),
    "a root over a fraction": (
        sqrt(a / b + 1) + c,
        """
                _____
               ╱a
        c +   ╱ ─ + 1
            ╲╱  b
        """,
    ),
    "the root of a symbol is a word": (
        Mul(x, sqrt(eps), evaluate=False),
        """
        √ε · xᵢⱼ
        """,
    ),
    "a fraction in a fraction": (
        a / (b + 1 / c),
        """
           a
        ───────
             1
         b + ─
             c
        """,
    ),
    "the line of an outer fraction is longer": (
        Mul(1 / (a / b), 1, evaluate=False),
        """
        b
        ─
        a
        """,
    ),
    "a power of a fraction": (
        (a / b + 1) ** 2 + c,
        """
            ⎛a    ⎞²
        c + ⎜─ + 1⎟
            ⎝b    ⎠
        """,
    ),
    "a power that is no integer": (
        (a + b) ** Rational(-3, 2) * c,
        """
               −3/2
        (a + b)     c
        """,
    ),
    "a tall exponent": (
        exp(a - b) / c,
        """
         a − b
        e
        ──────
          c
        """,
    ),
    "what is too tall for an exponent": (
        exp(a / b),
        """
           ⎛a⎞
        exp⎜─⎟
           ⎝b⎠
        """,
    ),
    "cases": (
        where(eps > 0, a / b, 0) + c,
        """
            ⎧ a
            ⎪ ─   if ε > 0
            ⎪ b
        c + ⎨
            ⎩ 0   otherwise
        """,
    ),
    "bars that grow": (
        Abs(a) + Abs(a / b),
        """
              │a│
        |a| + │─│
              │b│
        """,
    ),
    "a product over an index, and the largest": (
        ProductOver(x, (i, 1, N)) + MaxOver(x, (i, 1, N)),
        """
                       N
        ⎛ max  xᵢⱼ⎞ +  ∏  xᵢⱼ
        ⎝1≤i≤N    ⎠   i=1
        """,
    ),
    "a minus before a fraction": (
        -a / b - c / 2,
        """
          1     a
        − ─ c − ─
          2     b
        """,
    ),
    "a minus before a letter": (
        -a - x,
        """
        −xᵢⱼ − a
        """,
    ),
    "two fractions": (
        e("dxhat", i, j) * e("xhat_wrt_var", i, j),
        """
         ∂L    ∂x̂ᵢⱼ
        ──── · ────
        ∂x̂ᵢⱼ   ∂σⱼ²
        """,
    ),
    "a square of a derivative": (
        e("dx", i, j) ** 2,
        """
        ⎛ ∂L ⎞²
        ⎜────⎟
        ⎝∂xᵢⱼ⎠
        """,
    ),
    "what a contribution comes through": (
        e("dmu_via_var", j),
        """
        ∂L
        ───(via σ²)
        ∂μⱼ
        """,
    ),
    "functions": (
        tanh(a) ** 2 * log(b) * exp(-x),
        """
                             −xᵢⱼ
        tanh²(a) · log(b) · e
        """,
    ),
    "a power of ten": (
        Rational(1, 10**5) + 3 * eps,
        """
        3 ε + 10⁻⁵
        """,
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_on_paper(name: str) -> None:
    expression, expected = PICTURES[name]
    assert dedent(expected).strip("\n") == picture(drawn(expression))


def test_indices_in_brackets_and_in_both_other_notations() -> None:
    summed = Sum(e("x", k, j) * e("mu", j), (k, 1, N))
    assert picture(drawn(summed, subscripts=False)) == " N\n ∑  μ[j] · x[k, j]\nk=1"
    assert picture(drawn(e("dxhat", i, j), notation="d")) == "dx̂ᵢⱼ"
    assert picture(drawn(e("dx", i, j), notation="bar")) == "x̄ᵢⱼ"
    assert picture(drawn(e("dxhat", i, j), notation="bar")) == "___\nx̂ᵢⱼ"
    assert picture(drawn(e("dmu_via_var", j), notation="bar")) == "μ̄ⱼ(via σ²)"


def test_words_do_not_run_into_one_another() -> None:
    gain, shift = e("gain"), e("shift", i)
    rows = [
        (gain * shift, "gain · shiftᵢ"), (a * gain, "a · gain"), (gain * (a + b), "gain · (a + b)"),
        (tanh(a) * gain, "gain · tanh(a)"), (a * tanh(b), "a tanh(b)"), (3 * a * x, "3 a xᵢⱼ"),
        ((a + b) * (a - b), "(a + b) · (a − b)"), (a * (a + b), "a (a + b)"),
    ]  # fmt: skip
    assert [picture(drawn(expression)) for expression, _ in rows] == [text for _, text in rows]


LONG = a * b / c * (e("mu", j) ** 2 * b / c + Sum(x * b, (i, 1, N)) - x / eps * Sum(b * e("x", k, j), (k, 1, N)))


@pytest.mark.parametrize(
    ("expression", "width", "expected"),
    [
        (
            LONG,
            32,
            """
            a b ⎛b μⱼ²    N
            ─── ⎜───── +  ∑  b xᵢⱼ
             c  ⎝  c     i=1

                  xᵢⱼ  N       ⎞
                − ───  ∑  b xₖⱼ⎟
                   ε  k=1      ⎠
            """,
        ),
        (
            (a + b - c) * tanh(a - b) * (b + c) * (a + c),
            24,
            """
            tanh(a − b)

                · (a + c) · (b + c)

                · (a + b − c)
            """,
        ),
        (
            (a + b - c * x) / (a * b + c * x - e("mu", j) * a * b * c),
            16,
            """
            a + b − c xᵢⱼ
            ─────────────
            c xᵢⱼ + a b
              − a b c μⱼ
            """,
        ),
        (
            where(e("var", j) + eps > e("mu", j), a, b),
            16,
            """
            ⎧ a
            ⎪   if σⱼ² + ε
            ⎪     > μⱼ
            ⎨
            ⎪ b
            ⎩   otherwise
            """,
        ),
    ],
    ids=["brackets over two rows", "factors", "below a line", "cases"],
)
def test_what_is_too_wide_is_broken(expression: Expr, width: int, expected: str) -> None:
    rows = lay_out(LayerBlockPrinter(Names(quantities("batch_norm"))).doprint(expression), width)
    assert "\n\n".join(map(picture, rows)) == dedent(expected).strip("\n")


def test_a_tangent_looks_as_in_a_sentence() -> None:
    indices = quantities("batch_norm")["x"].indices
    rows = [("a", "x", 1, "ẋᵢⱼ"), ("b", "xhat", 1, "dot(x̂ᵢⱼ)"), ("d", "x", 2, "D₂xᵢⱼ")]
    tangents = {name: Quantity(name, indices, "tangent", of=of, order=order) for name, of, order, _ in rows}
    part = Quantity("p", indices, "contribution", of="xhat", via="mu", mode="forward")
    printer = LayerBlockPrinter(Names(quantities("batch_norm") | tangents | {"p": part}))
    for name, _, _, text in [*rows, ("p", "", 1, "dot(x̂ᵢⱼ)(via μ)")]:
        assert [block.rows for block in lay_out(printer.doprint(e(name, i, j)), 80)] == [(text,)]


def test_what_is_not_known_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="no picture in the terminal of the element mphantom"):
        lay_out("<mphantom><mi>x</mi></mphantom>", 80)


def test_what_is_drawn_can_be_read_back() -> None:
    """What is drawn, read by a reader that only sees what stands where, has the value that it had."""
    printer = LayerBlockPrinter()

    def drawn(expression: Expr) -> str:
        (block,) = lay_out(printer.doprint(expression), 10_000)
        return read(block.rows)

    assert_read_back(drawn, seed=11)


# What only draws, and what is written with other characters than in the markup.
DRAWN = set("─╱╲_√·⎜⎝⎟⎠⎪⎨⎩│ \u2062\u2061⋅")
OTHERS = str.maketrans("⎛⎞⎧⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "(){0123456789−")


def characters(text: str) -> Counter[str]:
    return Counter(c for c in unicodedata.normalize("NFD", text).translate(OTHERS) if c not in DRAWN)


@cache
def derivation(name: str, order: int) -> Derivation | None:
    try:
        return derive(name, order=order)
    except DeriveError:
        return None


def lines(name: str, notation: Notation) -> list[str]:
    """The markup of all that a layer's derivations show, of orders 1 and 2."""
    found = []
    for order in (1, 2):
        one = derivation(name, order)
        if one is not None:
            printer = LayerBlockPrinter(Names.of(one, notation), all_subscripts(one))
            shown = [line for step in one.steps for line in (step.equation, step.display) if line is not None]
            found += [printer.fact(line) if isinstance(line, Fact) else printer.equation(line) for line in shown]
    return found


@pytest.mark.parametrize("name", layer_names())
def test_nothing_is_lost_at_any_width(name: str) -> None:
    for markup in lines(name, "leibniz"):
        said = characters("".join("".join(element.itertext()) for element in elements_of(markup)).replace("\u00a0", ""))
        for width in (32, 72, 1000):
            rows = "".join(row for block in lay_out(markup, width) for row in block.rows)
            # The root of a sum in one row has parentheses of its own; bars that grow are drawn.
            found = characters(rows) - Counter("()" * rows.count("√("))
            assert found - Counter("|" * found["|"]) == said - Counter("|" * said["|"]), markup


@pytest.mark.parametrize("name", layer_names())
@pytest.mark.parametrize("notation", NOTATIONS)
def test_blocks_are_rectangles_that_fit(name: str, notation: Notation) -> None:
    for markup in lines(name, notation):
        for width in (32, 72, 112):
            for block in lay_out(markup, width):
                assert {columns(row) for row in block.rows} == {block.width}
                assert block.width <= width
                assert 0 <= block.baseline < block.height
