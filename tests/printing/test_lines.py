from __future__ import annotations

import re
from pathlib import Path

from sample_derivations import LAYERS, staged
from tex import log_of, needs_tex

from derive.graph import Equation
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.lines import break_formula
from derive.printing.names import Names
from derive.printing.width import atoms_of, width_of

BRACKET = r"\frac{a}{b} \left(" + " - ".join(f"x_{{{n}}}" for n in range(20)) + r"\right)^{2}"


def test_what_fits_is_one_row() -> None:
    assert break_formula("y", "=", "a + b", 30) == ["y &= a + b"]


def test_terms_are_broken_before_their_sign() -> None:
    rows = break_formula("y", "=", " + ".join(["abcdef"] * 6), 15)

    assert rows == [r"y &= abcdef + abcdef", r"&\quad + abcdef + abcdef", r"&\quad + abcdef + abcdef"]


def test_a_bracket_on_two_rows_gets_a_fixed_size() -> None:
    rows = break_formula("y", "=", BRACKET, 20)

    assert len(rows) > 2
    assert r"\biggl(" in rows[0]
    assert rows[-1].endswith(r"\biggr)^{2}")
    assert r"\left" not in "".join(rows)


def test_a_bracket_on_one_row_grows() -> None:
    rows = break_formula("y", "=", rf"\left(a + b\right) + {BRACKET}", 20)

    assert r"\left(a + b\right)" in rows[0]


def test_factors_are_the_last_resort() -> None:
    rows = break_formula("y", "=", r"abcdefghij\,klmnopqrst\,uvw", 12)

    assert rows == [r"y &= abcdefghij", r"&\quad \times klmnopqrst\,uvw"]


def test_a_sum_sign_keeps_its_summand() -> None:
    rows = break_formula("y", "=", r"\sum_{i=1}^{N} \left(aaaaaaaa + bbbbbbbb + cccccccc\right)", 12)

    assert rows[0].startswith(r"y &= \sum_{i=1}^{N} \biggl(aaaaaaaa")


def test_nothing_is_broken_inside_braces_or_bars() -> None:
    cases = r"\begin{cases} a + b & c \\ d \end{cases}"
    whole = [r"\frac{a + b}{c - d}", r"\left|a + b\right|", cases, r"\sqrt{a + b}"]

    assert [1] * len(whole) == [len(atoms_of(latex)) for latex in whole]


def formulas() -> list[tuple[str, str]]:
    found = []
    for name in LAYERS:
        derivation = staged(name)
        printer = LayerLatexPrinter(Names.of(derivation))
        found += [printer.equation(s.equation) for s in derivation.steps if isinstance(s.equation, Equation)]
    return list(dict.fromkeys(found))


def test_breaking_loses_nothing() -> None:
    broken = 0
    for left, right in formulas():
        rows = break_formula(left, "=", right, 14)
        joined = "".join(rows)
        for added in (r"&\quad", "&=", r"\times", r"\,", " "):
            joined = joined.replace(added, "")
        joined = re.sub(r"\\bigg?l\(", r"\\left(", re.sub(r"\\bigg?r\)", r"\\right)", joined))
        assert (left + right).replace(r"\,", "").replace(" ", "") == joined
        for row in rows:
            assert row.count(r"\left(") == row.count(r"\right)")
        broken += len(rows) > 1
    assert broken > 30


@needs_tex
def test_widths_are_those_of_tex(tmp_path: Path) -> None:
    samples = [side for pair in formulas() for side in pair]
    boxes = "\n".join(rf"\setbox0\hbox{{$\displaystyle {s}$}}\typeout{{WIDTH \the\wd0}}" for s in samples)
    source = rf"\documentclass{{article}}\usepackage{{amsmath}}\begin{{document}}{boxes}\end{{document}}"
    points = [float(w) for w in re.findall(r"^WIDTH ([\d.]+)pt", log_of(source, tmp_path), re.MULTILINE)]

    assert len(samples) == len(points)
    for latex, width in zip(samples, points, strict=True):
        ratio = (width_of(latex) + 0.5) / (width / 10 + 0.5)
        assert 0.92 < ratio < 1.5, latex


def test_a_short_bracket_is_not_broken() -> None:
    terms = " + ".join([r"\frac{a}{b}"] * 12)
    square = r"\left(x_{ij} - \mu_{j}\right)^{2}"
    rows = break_formula("y", "=", rf"\frac{{1}}{{N}} {square} \left({terms}\right)", 20.0)
    assert len(rows) > 1
    assert square in rows[0]
