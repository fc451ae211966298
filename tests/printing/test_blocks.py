"""Blocks of text: rows of one width, on one baseline beside each other."""

from __future__ import annotations

from textwrap import dedent

import pytest

from derive.printing.blocks import Block, above, beside, columns, fenced, fraction, overlined, raised, root, text

TALL = Block(("a", "b", "c"), 1)


def lines(picture: str) -> list[str]:
    return dedent(picture).strip("\n").split("\n")


def drawn(block: Block) -> list[str]:
    assert {columns(row) for row in block.rows} == {block.width}
    return [row.rstrip() for row in block.rows]


def test_columns_are_those_of_a_terminal() -> None:
    assert columns("x̂ᵢⱼ") == 3
    assert columns("名") == 2
    assert text("名x̂").width == 3


def test_beside_each_other_all_have_one_baseline() -> None:
    block = beside([text("x"), Block(("1", "2"), 1), TALL, text("=")])
    assert drawn(block) == [" 1a", "x2b=", "  c"]
    assert block.baseline == 1
    assert beside([]).rows == ("",)


def test_above_each_other_they_are_centered_and_one_has_the_baseline() -> None:
    block = above([text("N"), text("∑"), text("i=1")], main=1)
    assert drawn(block) == [" N", " ∑", "i=1"]
    assert block.baseline == 1
    assert drawn(above([text("a"), text("bcd")], centered=False)) == ["a", "bcd"]


def test_a_fraction_has_its_baseline_in_its_line() -> None:
    block = fraction(text("a + b"), text("c"))
    assert drawn(block) == ["a + b", "─────", "  c"]
    assert block.baseline == 1
    assert fraction(TALL, text("x")).baseline == 3


def test_the_line_of_an_outer_fraction_is_longer_than_one_that_touches_it() -> None:
    inner = fraction(text("a"), text("b"))
    assert drawn(fraction(inner, text("c"))) == [" a", " ─", " b", "───", " c"]
    assert drawn(fraction(text("c + d"), inner))[1] == "─────"


@pytest.mark.parametrize(
    ("begin", "inside", "end", "picture"),
    [
        ("(", text("x"), ")", "(x)"),
        ("(", Block(("a", "b"), 1), ")", "⎛a⎞\n⎝b⎠"),
        ("(", TALL, ")", "⎛a⎞\n⎜b⎟\n⎝c⎠"),
        ("|", TALL, "|", "│a│\n│b│\n│c│"),
        ("|", text("x"), "|", "|x|"),
        ("{", TALL, "", "⎧ a\n⎨ b\n⎩ c"),
        ("{", Block(("a", "b", "c", "d"), 2), "", "⎧ a\n⎪ b\n⎨ c\n⎩ d"),
        ("(", TALL, "", "⎛a\n⎜b\n⎝c"),
    ],
)
def test_signs_grow_with_what_they_enclose(begin: str, inside: Block, end: str, picture: str) -> None:
    block = fenced(begin, inside, end)
    assert drawn(block) == lines(picture)
    assert block.baseline == inside.baseline


def test_an_exponent_ends_above_a_letter_and_in_the_top_row_of_what_is_tall() -> None:
    flat, tall = raised(text("e"), text("-x")), raised(fenced("(", TALL, ")"), text("1/2"))
    assert drawn(flat) == [" -x", "e"]
    assert flat.baseline == 1
    assert drawn(tall) == ["⎛a⎞1/2", "⎜b⎟", "⎝c⎠"]
    assert tall.baseline == 1
    assert drawn(raised(text("e"), TALL)) == [" a", " b", " c", "e"]


def test_roots_and_bars() -> None:
    assert drawn(root(text("x + 1"))) == ["√(x + 1)"]
    block = root(fraction(text("a"), text("b + c")))
    assert drawn(block) == lines(
        """
            _____
           ╱  a
          ╱ ─────
        ╲╱  b + c
        """
    )
    assert block.baseline == 2
    assert drawn(overlined(text("x̂"))) == ["_", "x̂"]
