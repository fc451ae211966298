"""Runs of text with a place and a size, and lines that break where a reader would break them."""

from __future__ import annotations

import pytest
from pictured import derivation_of, odd_names
from sympy import Rational, Symbol

from derive.derivation import Derivation
from derive.graph import reference
from derive.pictures.marked import Line, MarkedPrinter, Run, break_marked, read_lines, width_of_line
from derive.pictures.nodes import picture_of
from derive.printing.names import Names, Notation


def runs(derivation: Derivation, name: str, notation: Notation = "leibniz") -> list[tuple[str, float, bool]]:
    """Text, shift and slant of the runs of a quantity's element."""
    printer = MarkedPrinter(Names.of(derivation, notation))
    (line,) = read_lines(printer.doprint(derivation.by_name[name].element))
    return [(run.text, run.shift, run.slanted) for run in line]


def plain(line: Line) -> str:
    return "".join(run.text for run in line)


def test_indices_are_lowered_and_exponents_raised() -> None:
    assert runs(derivation_of("batch_norm"), "var") == [("σ", 0.0, True), ("j", 0.28, True), ("2", -0.38, False)]


def test_an_accent_stays_with_its_letter() -> None:
    assert runs(derivation_of("batch_norm"), "xhat") == [("x̂", 0.0, True), ("ij", 0.28, True)]


def test_an_index_without_a_unicode_subscript_is_lowered_all_the_same() -> None:
    assert runs(odd_names(), "end") == [("end", 0.0, False), ("h", 0.28, True), (",id", 0.28, False)]


def test_a_name_s_own_subscripts_stand_before_the_indices() -> None:
    assert runs(odd_names(), "W_out") == [("W", 0.0, True), ("out,id", 0.28, False)]
    assert runs(derivation_of("lstm_cell"), "h0") == [
        ("h", 0.0, True), ("0,", 0.28, False), ("nl", 0.28, True)
    ]  # fmt: skip


def test_an_extent_with_a_number_has_it_lowered() -> None:
    (shape,) = read_lines(str(MarkedPrinter(Names()).index("N_1")))
    assert shape == (Run("N", slanted=True), Run("1", 0.72, 0.28))


@pytest.mark.parametrize(
    ("notation", "text"), [("leibniz", "∂L/∂xij"), ("d", "dxij"), ("bar", "x̄ij")]
)
def test_each_notation_of_a_cotangent(notation: Notation, text: str) -> None:
    assert "".join(part for part, _, _ in runs(derivation_of("batch_norm"), "dx", notation)) == text


def test_the_d_of_a_cotangent_is_upright_and_its_letter_slanted() -> None:
    assert runs(derivation_of("batch_norm", 2), "dy")[:2] == [("d", 0.0, False), ("y", 0.0, True)]


def test_a_contribution_says_what_it_comes_through() -> None:
    printer = MarkedPrinter(Names.of(derivation_of("batch_norm")))
    (line,) = read_lines(printer.doprint(reference("dx_via_mu")))
    assert plain(line) == "∂L/∂x|via μ"
    assert [run.shift for run in line[-2:]] == [0.28, 0.28]


def test_numbers_have_raised_exponents_and_a_true_minus() -> None:
    printer = MarkedPrinter(Names())
    assert read_lines(printer.doprint(Rational(1, 10**5))) == ((Run("10"), Run("−5", 0.72, -0.38)),)
    assert plain(read_lines(printer.doprint(Symbol("x", real=True) - 1))[0]) == "x − 1"


@pytest.mark.parametrize("layer", ["batch_norm", "attention", "lstm_cell", "gelu_tanh", "group_norm"])
def test_but_for_marks_the_text_is_that_of_the_text_printer(layer: str) -> None:
    """Indices apart, which stand in brackets there, or as characters of their own."""
    lowered = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ⁰¹²³⁴⁵⁶⁷⁸⁹⁻[]", "0123456789aehijklmnoprstuvx0123456789-()")

    def letters(text: str) -> list[str]:
        return sorted(char for char in text.translate(lowered) if char not in "(), _^")

    for node in picture_of(derivation_of(layer)).nodes:
        for formula in (node.label, *([node.definition] if node.definition else [])):
            (line,) = read_lines(formula.marked)
            assert letters(plain(line).replace("−", "-")) == letters(formula.text)


def test_a_short_formula_is_not_broken() -> None:
    assert break_marked("a + b", 10.0) == "a + b"


def test_a_formula_is_broken_before_signs_and_behind_dots() -> None:
    assert break_marked("aaaa + bbbb - cccc", 7.0) == "aaaa + bbbb\n- cccc"
    assert break_marked("aaaa · (bbbb + cccc)", 7.0) == "aaaa ·\n(bbbb + cccc)"


def test_a_mark_that_a_break_would_cut_is_whole() -> None:
    marked = MarkedPrinter(Names()).raised("x", "aaaa + bbbb") + " + cccc"
    assert [plain(line) for line in read_lines(break_marked(marked, 4.0))] == ["xaaaa + bbbb", "+ cccc"]


@pytest.mark.parametrize("width", [8.0, 12.0, 19.0])
def test_breaking_loses_nothing_and_keeps_the_width(width: float) -> None:
    for node in picture_of(derivation_of("batch_norm", 2)).nodes:
        if node.definition:
            lines = read_lines(break_marked(node.definition.marked, width))
            whole = read_lines(node.definition.marked)[0]
            assert "".join(map(plain, lines)).replace(" ", "") == plain(whole).replace(" ", "")
            assert all(width_of_line(line) <= width for line in lines)
