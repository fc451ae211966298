"""How an error of a layer is shown."""

import pytest

from derive.errors import DeriveError, LayerError, Location, UsageError, readable


def shown(text, column, message="wrong", hint=""):
    return str(LayerError(message, hint, Location("f.layer", 3, column, text))).split("\n")


def test_place_line_caret_and_remedy():
    assert shown("y = x + z", 8, hint="declare z") == [
        "f.layer:3:9: wrong",
        "    y = x + z",
        "            ^",
        "  help: declare z",
    ]


def test_without_a_place_or_a_line():
    assert str(LayerError("wrong")) == "wrong"
    assert str(LayerError("wrong", "mend it")) == "wrong\n  help: mend it"
    assert shown("", 0) == ["f.layer:3:1: wrong"]


def test_a_tab_stays_a_tab_above_and_below():
    assert shown("\ty\t= z", 5)[1:] == ["    \ty\t= z", "    \t \t  ^"]


def test_the_caret_stands_below_the_culprit_of_a_long_line():
    text = "a" * 300 + "!" + "b" * 300
    _, line, caret = shown(text, 300)
    assert line[caret.index("^")] == "!"
    assert len(line) < 130
    assert line.strip().startswith("…")
    assert line.endswith("…")


def test_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in str(LayerError("wrong", "", Location("a\x1b[2J.layer", 1, 2, "y \x1b[31m")))


@pytest.mark.parametrize("error", [DeriveError, LayerError, UsageError])
def test_what_a_message_quotes_can_be_shown(error: type[DeriveError]) -> None:
    assert str(error("unknown name \x1b[31m\U000f0000")) == "unknown name \ufffd[31m\ufffd"
    assert str(error("two\n  lines")) == "two\n  lines"


def test_a_long_word_is_shown_by_its_ends() -> None:
    assert readable(f"unknown name {'a' * 100_000}b") == f"unknown name {'a' * 40}…{'a' * 19}b"
    assert readable(f"unknown name {'a' * 120}") == f"unknown name {'a' * 120}"
    assert len(readable("the extents are " + ", ".join(f"N{n}" for n in range(3_000)))) < 2_000
    error = LayerError("wrong", f"write {'x' * 500}1")
    assert error.hint == f"write {'x' * 40}…{'x' * 19}1"
