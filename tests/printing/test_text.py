from __future__ import annotations

import re

import pytest
from formulas import N, assert_read_back, e, eps, i, j, k
from sample_derivations import LAYERS, quantities, staged
from sympy import Expr, Float, Integer, Rational, Sum, exp, sqrt, tanh

from derive.functions import MaxOver, sigmoid, where
from derive.graph import Quantity
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.names import Names
from derive.printing.text import columns, show_text, wrap_formula
from derive.printing.text_math import LayerTextPrinter
from derive.tangents import jvp

ROWS = [
    (e("xhat", i, j), "x̂ᵢⱼ", "x̂[i, j]"),
    (sqrt(e("var", j) + eps), "√(σⱼ² + ε)", "√(σ²[j] + ε)"),
    (e("var", j) ** 2, "(σⱼ²)²", "(σ²[j])²"),
    (e("x", i, j) ** 2, "xᵢⱼ²", "x[i, j]²"),
    (Sum(e("x", i, j), (i, 1, N)) / N, "1/N · Σᵢ xᵢⱼ", "1/N · Σ_i x[i, j]"),
    ((e("x", i, j) - e("mu", j)) / sqrt(eps), "(xᵢⱼ - μⱼ)/√ε", "(x[i, j] - μ[j])/√ε"),
    (Sum(e("x", i, j), (i, 1, N)) ** 2, "(Σᵢ xᵢⱼ)²", "(Σ_i x[i, j])²"),
    (MaxOver(e("x", k, j), (k, 1, N)) - eps, "(maxₖ xₖⱼ) - ε", "(max_k x[k, j]) - ε"),
    (e("dxhat", i, j) * e("xhat_wrt_var", i, j), "∂L/∂x̂ᵢⱼ · ∂x̂ᵢⱼ/∂σⱼ²", "∂L/∂x̂[i, j] · ∂x̂[i, j]/∂σ²[j]"),
    (e("dx", i, j) ** 2, "(∂L/∂xᵢⱼ)²", "(∂L/∂x[i, j])²"),
    (1 / e("dx", i, j), "1/(∂L/∂xᵢⱼ)", "1/(∂L/∂x[i, j])"),
    (e("dmu_via_var", j), "∂L/∂μⱼ(via σ²)", "∂L/∂μ[j](via σ²)"),
    (e("x", Integer(1), Integer(2)), "x₁₂", "x[1, 2]"),
    (where(eps > 0, tanh(eps) ** 2, exp(-eps)) * sigmoid(eps), "sigmoid(ε) · where(ε > 0, tanh(ε)², exp(-ε))", None),
    (eps ** Rational(-3, 2), "ε^(-3/2)", None),
    (Rational(1, 100000) + Rational(44715, 10**6) * eps, "0.044715 · ε + 10⁻⁵", None),
]


@pytest.mark.parametrize(("expression", "lowered", "bracketed"), ROWS, ids=[str(n) for n in range(len(ROWS))])
def test_expression(expression: Expr, lowered: str, bracketed: str | None) -> None:
    names = Names(quantities("batch_norm"))

    assert lowered == LayerTextPrinter(names).doprint(expression)
    assert (bracketed or lowered) == LayerTextPrinter(names, subscripts=False).doprint(expression)


@pytest.mark.parametrize(
    ("notation", "name", "text"),
    [("d", "dxhat", "dx̂ᵢⱼ"), ("bar", "dx", "x̄ᵢⱼ"), ("bar", "dxhat", "bar(x̂ᵢⱼ)"), ("leibniz", "dx", "∂L/∂xᵢⱼ")],
)
def test_notation(notation, name: str, text: str) -> None:
    assert text == LayerTextPrinter(Names(quantities("batch_norm"), notation)).doprint(e(name, i, j))


def test_tangents() -> None:
    indices = quantities("batch_norm")["x"].indices
    rows = [("a", "x", 1, "ẋᵢⱼ"), ("b", "xhat", 1, "dot(x̂ᵢⱼ)"), ("c", "dx", 1, "dot(∂L/∂xᵢⱼ)"), ("d", "x", 2, "D₂xᵢⱼ")]
    rows += [("e", "a", 2, "D₂ẋᵢⱼ"), ("f", "dx", 2, "D₂(∂L/∂xᵢⱼ)")]
    tangents = {name: Quantity(name, indices, "tangent", of=of, order=order) for name, of, order, _ in rows}
    part = Quantity("p", indices, "contribution", of="xhat", via="mu", mode="forward")
    printer = LayerTextPrinter(Names(quantities("batch_norm") | tangents | {"p": part}))
    for name, _, _, text in rows:
        assert printer.doprint(e(name, i, j)) == text
    assert printer.doprint(e("p", i, j)) == "dot(x̂ᵢⱼ)(via μ)"
    assert printer.doprint(e("a", i, j) ** 2) == "ẋᵢⱼ²"
    assert printer.doprint(e("d", i, j) ** 2) == "(D₂xᵢⱼ)²"
    assert printer.doprint(e("a", i, j) * e("xhat", i, j) / eps) == "ẋᵢⱼ · x̂ᵢⱼ/ε"


def test_a_dot_in_a_name_is_no_tangent() -> None:
    graph = parse_layer("x: [N]\nxdot: [N]\ny[i] = x[i]*xdot[i]")
    moving = Names({q.name: q for q in jvp(graph).quantities})
    assert [LayerTextPrinter(moving).doprint(e(name, i)) for name in ("x_dot", "xdot")] == ["ẋᵢ", "xdotᵢ"]
    assert LayerTextPrinter(Names(graph.by_name)).doprint(e("xdot", i)) == "ẋᵢ"


def test_unknown_node_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="cannot print a Float"):
        LayerTextPrinter().doprint(Float(0.5))


def in_grammar(text: str) -> str:
    """A printed expression of plain letters in the layer grammar."""
    text = re.sub(r"√(\d+|\w)", r"sqrt(\1)", text).replace("√(", "sqrt(").replace(" · ", "*").replace("^", "**")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
    return re.sub("[⁰¹²³⁴-⁹]+", lambda power: f"**{power.group().translate(digits)}", text)


def test_no_parenthesis_is_lost() -> None:
    """What is printed, read back, has the value that it had."""
    printer = LayerTextPrinter()
    assert_read_back(lambda expression: in_grammar(printer.doprint(expression)), seed=7)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("unicode", [True, False])
def test_lines_keep_to_the_width(name: str, unicode: bool) -> None:
    for width in (80, 100):
        shown = show_text(staged(name), "leibniz", "full", width, unicode)
        assert [line for line in shown.splitlines() if columns(line) > width] == []


def test_batch_norm_in_unicode() -> None:
    shown = show_text(staged("batch_norm"))

    assert "  xᵢⱼ      [N, D]  input\n" in shown
    assert "        ∂L/∂μⱼ = ∂L/∂μⱼ(via x̂) + ∂L/∂μⱼ(via σ²)\n" in shown
    assert "      ▌ ∂L/∂βⱼ = Σᵢ ∂L/∂yᵢⱼ =: A₅\n" in shown
    assert "Gradient with respect to σⱼ²\n" in shown


def test_batch_norm_in_two_dimensions() -> None:
    shown = show_text(staged("batch_norm"), flat=False)

    assert "  xᵢⱼ      [N, D]  input\n" in shown
    assert "\n\n             1  N\n        μⱼ = ─  ∑  xᵢⱼ\n             N i=1\n\n" in shown
    total = ["∂L    ∂L           ∂L", "─── = ───(via x̂) + ───(via σ²)", "∂μⱼ   ∂μⱼ          ∂μⱼ"]
    result = ["∂L     N   ∂L", "─── =  ∑  ──── =: A₅", "∂βⱼ   i=1 ∂yᵢⱼ"]
    assert "\n\n" + "\n".join(f"        {row}" for row in total) + "\n\n" in shown
    assert "\n\n" + "\n".join(f"      ▌ {row}" for row in result) + "\n\n" in shown
    assert "The layer computes yᵢⱼ.\n        yᵢⱼ = γⱼ x̂ᵢⱼ + βⱼ\n\n" in shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_sentences_are_the_same_in_two_dimensions_and_the_grammar_has_one() -> None:
    flat, tall = (show_text(staged("batch_norm"), flat=flat) for flat in (True, False))
    assert [line for line in flat.splitlines() if "The chain rule" in line or line.startswith("Gradient")] == [
        line for line in tall.splitlines() if "The chain rule" in line or line.startswith("Gradient")
    ]
    assert show_text(staged("gelu"), unicode=False) == show_text(staged("gelu"), unicode=False, flat=False)


def test_the_bar_of_a_result_goes_along_all_of_its_rows() -> None:
    shown = show_text(staged("batch_norm"), width=40, flat=False)
    results = [block for block in re.split(r"\n\n", shown) if "▌" in block]
    assert any("\n      ▌\n" in block for block in results)
    assert all(line.startswith("      ▌") for block in results for line in block.splitlines())


def test_in_few_columns_notes_stand_below_and_headings_are_wrapped() -> None:
    lines = show_text(staged("attention"), width=40).splitlines()
    at = lines.index("  ∂ℒ/∂L[row, v]")
    assert lines[at + 1 : at + 3] == ["        [Rows, V]: gradient of the loss", "        with respect to L[row, v]"]
    lines = show_text(derive("group_norm"), width=40).splitlines()
    at = lines.index("Gradient with respect to x̂[n, g, k, h,")
    assert lines[at + 1 : at + 3] == ["w]", "─" * 38]


def test_batch_norm_in_the_grammar() -> None:
    shown = show_text(staged("batch_norm"), unicode=False)

    assert "        dmu[j] = " in shown
    assert "      > dbeta[j] = sum(dy[i, j] for i in N) =: A_5\n" in shown
    assert "Assumed: eps > 0" in shown
    assert shown.isascii()


def test_indices_without_subscript_letters_are_bracketed_throughout() -> None:
    shown = show_text(staged("attention"))

    assert "s[row, col]" in shown
    assert "L[row, v]" in shown
    assert not re.search("[ᵢⱼₖ]", shown)


def test_wrapped_formula_says_the_same() -> None:
    formula = "y = first · (second + third(one, two) - x[i, j]) + fourth"

    rows = wrap_formula(formula, 24)

    assert len(rows) > 2
    assert formula.replace(" ", "") == "".join(rows).replace(" ", "")
    assert all(columns(row) <= 24 for row in rows)
