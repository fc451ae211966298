"""Formulas cut into pieces: nothing is lost, and none is wider than it must be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cache

import pytest

from derive.derivation import Derivation
from derive.graph import Equation
from derive.layers import layer_names
from derive.pipeline import derive
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_lines import NARROW, inline, pieces, width_of
from derive.printing.names import Names


@cache
def derivation(name: str) -> Derivation:
    return derive(name)


def markup_of(name: str) -> list[str]:
    found = derivation(name)
    printer = LayerMathmlPrinter(Names.of(found))
    shown = [step.equation for step in found.steps]
    return [printer.equation(line) for line in shown if isinstance(line, Equation)]


def tokens(markup: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(f"<math>{markup}</math>").iter() if (e.text or "").strip()]


def body(piece: str) -> str:
    return re.sub(r"^<math[^>]*>|</math>$", "", piece)


@pytest.mark.parametrize("name", layer_names())
def test_nothing_is_lost_and_the_order_stays(name: str) -> None:
    for markup in markup_of(name):
        for width in (3.0, NARROW, 1000.0):
            parts = pieces(markup, width)
            assert [token for part in parts for token in tokens(body(part))] == tokens(markup)
            assert all(part.startswith('<math displaystyle="true">') for part in parts)


@pytest.mark.parametrize("name", layer_names())
def test_pieces_fit_a_narrow_screen(name: str) -> None:
    # 21 em: what a telephone shows beside the margins of a page.
    for markup in markup_of(name):
        assert max(width_of(body(part)) for part in pieces(markup)) < 22


def test_both_halves_of_a_cut_bracket_are_as_high() -> None:
    """As a fraction in it must be; what is not cut grows by itself."""
    tall = "<mfrac><mi>a</mi><mi>b</mi></mfrac>"
    inside = '<mo class="t">+</mo>'.join([tall, *["<mi>letters</mi>"] * 6])
    bracket = f'<mrow class="b"><mo form="prefix">(</mo>{inside}<mo form="postfix">)</mo></mrow>'
    whole = "".join(pieces(bracket, 12))
    assert re.findall(r'form="(\w+)" minsize="([0-9.]+em)" maxsize="([0-9.]+em)"', whole) == [
        ("prefix", "2.20em", "2.20em"), ("postfix", "2.20em", "2.20em"),
    ]  # fmt: skip
    assert "minsize" not in "".join(pieces(bracket, 99))


def test_what_fits_is_one_piece() -> None:
    assert len(pieces("<mi>a</mi><mo class='r'>=</mo><mi>b</mi><mo class='t'>+</mo><mi>c</mi>")) == 1


def test_cuts_stand_before_terms_then_factors_then_inside_brackets() -> None:
    factor = "<mi>abcdefghij</mi>"  # 6 em
    times, plus = '<mo class="f">·</mo>', '<mo class="t">+</mo>'
    left = '<mi>y</mi><mo class="r">=</mo>'
    assert [tokens(body(p)) for p in pieces(left + factor + plus + factor + plus + factor)] == [
        ["y", "="], ["abcdefghij"], ["+", "abcdefghij"], ["+", "abcdefghij"]
    ]  # fmt: skip
    assert [tokens(body(p)) for p in pieces(left + factor + times + factor + times + factor)] == [
        ["y", "="], ["abcdefghij", "·", "abcdefghij"], ["·", "abcdefghij"]
    ]  # fmt: skip
    inside = factor + plus + factor + plus + factor
    bracket = f'<mrow class="b"><mo>(</mo>{inside}<mo>)</mo></mrow>'
    assert [tokens(body(p)) for p in pieces(f"{left}<mi>k</mi>{times}{bracket}")] == [
        ["y", "="], ["k", "·", "(", "abcdefghij"], ["+", "abcdefghij"], ["+", "abcdefghij", ")"]
    ]  # fmt: skip


def test_a_long_formula_in_a_sentence_is_cut_too() -> None:
    term = "<mi>abcdefghij</mi>"
    text = inline(term + '<mo class="t">+</mo>' + term + '<mo class="t">+</mo>' + term)
    assert text.count("<math>") == 3
    assert "</math> <math>" in text


def test_widths() -> None:
    assert width_of("<mi>x</mi>") < width_of("<mi>xy</mi>") < width_of("<mi>x</mi><mo>+</mo><mi>y</mi>")
    assert width_of("<mfrac><mi>abc</mi><mi>d</mi></mfrac>") < width_of("<mi>abc</mi><mi>d</mi>")
    assert width_of("<msub><mi>x</mi><mi>i</mi></msub>") < width_of("<mi>x</mi><mi>i</mi>")
