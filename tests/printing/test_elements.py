"""Elements as in notes: numbers as indices, means as one fraction, capital letters for matrices."""

from __future__ import annotations

import pytest

from derive.expand import Whole, WrittenOut
from derive.functions import maximum
from derive.graph import reference
from derive.parser import parse_layer
from derive.printing.elements import ElementLatexPrinter, Wholes, place_prose, text_printer, title_prose
from derive.write_out import write_out


def page(text: str, **extents: int) -> WrittenOut:
    return write_out(parse_layer(text, "some_layer"), extents)


def wholes(written: WrittenOut) -> list[Whole]:
    return [part for section in written.sections for part in section.parts if isinstance(part, Whole)]


def symbols(text: str, **extents: int) -> list[str]:
    """The LaTeX of every array, each slice of it."""
    written = page(text, **extents)
    names = Wholes(written, "leibniz")
    printer = ElementLatexPrinter(names.names, 30)
    return [
        printer.doprint(names.slice_element(whole, behind)) for whole in wholes(written) for behind, _ in whole.slices()
    ]


@pytest.mark.parametrize(
    ("text", "extents", "expected"),
    [
        ("x: [N, D]\ny[i, j] = 2*x[i, j]\n", {"N": 1, "D": 1}, ["X", "Y", r"\frac{\partial L}{\partial Y}"]),
        ("x: [N]\nyhat[i] = 2*x[i]\n", {"N": 1}, ["x", r"\hat{y}", r"\frac{\partial L}{\partial \hat{y}}"]),
        ("x_1: [N, D]\nyhat[i, j] = 2*x_1[i, j]\n", {"N": 1, "D": 1}, ["X_{1}", r"\hat{Y}"]),
        # Greek letters, words and symbols of the author stay.
        ("gamma: [N, D]\nkey[i, j] = 2*gamma[i, j]\n", {"N": 1, "D": 1}, [r"\gamma", r"\mathrm{key}"]),
        ("x: [N, D]\ny[i, j] = 2*x[i, j]\nx: r'\\chi'\n", {"N": 1, "D": 1}, [r"\chi", "Y"]),
        # So does a letter whose capital is another quantity, or an extent, or the loss.
        ("x: [N, D]\nX: [N]\ny[i, j] = X[i]*x[i, j]\n", {"N": 1, "D": 1}, ["x", "X", "Y"]),
        ("d: [N, D]\nn[i, j] = 2*d[i, j]\n", {"N": 1, "D": 1}, ["d", "n"]),
        ("l: [N, D]\ny[i, j] = 2*l[i, j]\n", {"N": 1, "D": 1}, ["l", "Y"]),
        ("x: [N, D, E]\ny[i, j, k] = 2*x[i, j, k]\n", {"N": 1, "D": 1, "E": 1}, [r"x_{\cdot\cdot1}"]),
    ],
)
def test_arrays_have_the_symbols_of_matrices(text, extents, expected):
    assert symbols(text, **extents)[: len(expected)] == expected


def latex(text: str, **extents: int) -> list[str]:
    written = page(text, **extents)
    printer = ElementLatexPrinter(Wholes(written, "leibniz").names, 30)
    return [printer.doprint(value) for whole in wholes(written)[1:2] for value in whole.values]


def unicode(text: str, **extents: int) -> list[str]:
    written = page(text, **extents)
    printer = text_printer(written, Wholes(written, "leibniz"))
    return [printer.doprint(value) for whole in wholes(written)[1:2] for value in whole.values]


@pytest.mark.parametrize(
    ("expression", "in_latex", "in_unicode"),
    [
        ("mean(x[i, j] for i in N)", r"\frac{x_{11} + x_{21}}{2}", "(x₁₁ + x₂₁)/2"),
        (
            "mean(x[i, j]**2 for i in N)",
            r"\frac{1}{2} \left(x_{11}^{2} + x_{21}^{2}\right)",
            "1/2 · (x₁₁² + x₂₁²)",
        ),
        ("sum(x[i, j] for i in N)", "x_{11} + x_{21}", "x₁₁ + x₂₁"),
        ("max(x[i, k] for i in N for k in D)", r"\max\left(x_{11}, x_{21}\right)", "max(x₁₁, x₂₁)"),
    ],
)
def test_values_are_written_as_in_notes(expression, in_latex, in_unicode):
    text = f"x: [N, D]\ny[j] = {expression}\nz[i, j] = x[i, j]*y[j]\n"
    assert latex(text, N=2, D=1) == [in_latex]
    assert unicode(text, N=2, D=1) == [in_unicode]


def test_a_maximum_of_several_is_one():
    three = maximum(maximum(reference("a"), reference("b")), reference("c"))
    written = page("a: []\nb: []\nc: []\nq = a*b*c\n")
    assert ElementLatexPrinter(Wholes(written, "d").names, 30).doprint(three) == r"\max\left(a, b, c\right)"


def test_what_is_too_wide_for_a_denominator_can_be_broken():
    text = "x: [N]\ny = 1/sum(exp(x[i]) for i in N)\n"
    assert latex(text, N=2)[0] == r"\frac{1}{\mathrm{e}^{x_{1}} + \mathrm{e}^{x_{2}}}"
    written = page(text, N=2)
    narrow = ElementLatexPrinter(Wholes(written, "leibniz").names, 3)
    below = r"\left(\mathrm{e}^{x_{1}} + \mathrm{e}^{x_{2}}\right)^{-1}"
    assert narrow.doprint(wholes(written)[1].values[0]) == below


def test_numbers_are_subscripts_unless_a_name_ends_in_one():
    # Neither b nor d is among the subscripts of Unicode.
    assert unicode("x: [B, D]\ny[b, d] = 2*x[b, d]\n", B=1, D=2) == ["2 · x₁₁", "2 · x₁₂"]
    assert unicode("x1: [B, D]\ny[b, d] = 2*x1[b, d]\n", B=1, D=2) == ["2 · x₁[1, 1]", "2 · x₁[1, 2]"]
    assert unicode("x_v: [B, D]\ny[b, d] = 2*x_v[b, d]\n", B=1, D=2) == ["2 · xᵥ₁₁", "2 · xᵥ₁₂"]


def test_titles_and_places():
    written = page("x: [N, D]\nm[j] = sum(x[i, j] for i in N)\ny[i, j] = x[i, j]*m[j]\n", N=2, D=3)
    assert [str(part) for part in title_prose(written)] == [
        "Some layer", " for ", "N", " = 2", ", ", "D", " = 3", ", element by element",
    ]  # fmt: skip
    groups = [part for section in written.sections for part in section.parts if not isinstance(part, Whole)]
    assert [str(part) for part in place_prose(groups[0])] == ["For ", "j", " = 1", ":"]
    single = write_out(written.derivation.forward, {"N": 1, "D": 1})
    assert all(place_prose(part) == () for s in single.sections for part in s.parts if not isinstance(part, Whole))
