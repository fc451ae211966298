"""Color: by meaning, closed in each line, and never anything but codes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from derive.audit import Audit, Kind, Verdict
from derive.color import PLAIN, Palette
from derive.pipeline import derive
from derive.printing.audit import audit_text
from derive.printing.text import show_text
from derive.report import Report, Row

COLORED = Palette(colored=True)
CODE = re.compile(r"\033\[([0-9;]*)m")
STYLES = [name for name in vars(Palette) if not name.startswith("_")]


def plain(text: str) -> str:
    return CODE.sub("", text)


def assert_closed(text: str) -> None:
    """Each span ends in its line, none is empty, and all are of the 16 colors, or bold."""
    for line in text.split("\n"):
        codes = CODE.findall(line)
        assert codes[1::2] == ["0"] * (len(codes) // 2)
        assert len(codes) % 2 == 0
        assert all(re.fullmatch("1|(1;)?3[0-7]", code) for code in codes[::2])
        assert not re.search(r"\033\[[1-9;]+m\033", line)


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_nothing_but_the_look(style: str) -> None:
    paint: Callable[[str], str] = getattr(COLORED, style)
    assert plain(paint("one\n\ntwo")) == "one\n\ntwo"
    assert_closed(paint("one\n\ntwo"))
    assert getattr(PLAIN, style)("one") == "one"
    assert paint("") == ""


def test_styles_that_say_opposite_things_look_different() -> None:
    assert len({getattr(COLORED, style)("x") for style in ("good", "doubtful", "bad")}) == 3


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("width", [40, 100])
def test_a_derivation_in_color_is_the_same_derivation(flat: bool, width: int) -> None:
    derivation = derive("batch_norm")
    colored = show_text(derivation, width=width, flat=flat, palette=COLORED)
    assert plain(colored) == show_text(derivation, width=width, flat=flat)
    assert_closed(colored)
    assert f"{COLORED.heading('Forward pass')}\n" in colored
    assert COLORED.rule("Local derivative.") in colored
    assert colored.count(COLORED.result("▌")) >= 3


def row(line: str, worst: float, note: str = "") -> Row:
    return Row(line, "differences", worst, 1e-9, "N = 2", note=note)


def test_the_evidence_says_at_a_glance_what_failed() -> None:
    report = Report("layer", "mean", 1, ("N = 2",), (row("dx = ok", 1e-12), row("dy = 2", 1.0)), warnings=("odd",))
    colored = report.text(palette=COLORED)
    assert plain(colored) == report.text()
    assert_closed(colored)
    assert colored.startswith(COLORED.bad("layer, mean form: 1 of 2 checks FAILED, on 1 sets of data") + "\n")
    assert [colored.count(COLORED.good("ok")), colored.count(COLORED.bad("FAIL"))] == [1, 1]
    passed = Report("layer", "mean", 1, ("N = 2",), (row("dx = 1", 1e-12),)).text(palette=COLORED)
    assert "\033[1;31m" not in passed


def test_verdicts() -> None:
    kinds: list[Kind] = ["holds", "conditional", "wrong", "definition", "unreadable"]
    audit = Audit("layer", "f", tuple(Verdict(n, f"holds{n} = WRONG", kind) for n, kind in enumerate(kinds)))
    colored = audit_text(audit, 100, COLORED)
    assert plain(colored) == audit_text(audit)
    assert_closed(colored)
    heads = [line for line in colored.splitlines() if line.startswith("line ")]
    words = [
        COLORED.good("holds"), COLORED.doubtful("CONDITIONAL"), COLORED.bad("WRONG"), "definition",
        COLORED.doubtful("UNREADABLE"),
    ]  # fmt: skip
    for head, word in zip(heads, words, strict=True):
        assert head[10:].startswith(word)
