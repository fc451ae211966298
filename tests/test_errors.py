"""How an error of a layer is shown."""

from derive.errors import LayerError, Location


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
