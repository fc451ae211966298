"""A text cut into its lines."""

import pytest

from derive.claims.logical_lines import logical_lines


def sides(text: str) -> list[tuple[int, list[str]]]:
    return [(line.line, line.sides) for line in logical_lines(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b\nc = d\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
        ("\n\n  # only this = that\na = b  # c = d\n", [(4, ["a", "b"])]),
        ("a = (b +\n     c)\nd = e", [(1, ["a", "( b + c)".replace("( ", "(")]), (3, ["d", "e"])]),
        ("a = b = c", [(1, ["a", "b", "c"])]),
        ("a == b", [(1, ["a", "b"])]),
        ("a := b", [(1, ["a", "b"])]),
        ("assert a <= b", [(1, ["assert a <= b"])]),
        ("y[i] = where(a[i] == b[i], c[i], d[i])", [(1, ["y[i]", "where(a[i] == b[i], c[i], d[i])"])]),
        ('"""A = B\n\nmore = text"""\na = b', [(4, ["a", "b"])]),
        ('r"""raw"""\na = b', [(2, ["a", "b"])]),
        ("a = b + \\\n  c\nd = e", [(1, ["a", "b + \\ c"]), (3, ["d", "e"])]),
        ("a =\nb = c", [(1, ["a", ""]), (2, ["b", "c"])]),
        ("", []),
    ],
)
def test_lines(text: str, expected: list[tuple[int, list[str]]]) -> None:
    assert sides(text) == expected


def test_a_bracket_that_is_not_closed_costs_one_line() -> None:
    assert sides("a = (b\nc = d\nassert e == f\n") == [
        (1, ["a", "(b"]), (2, ["c", "d"]), (3, ["assert e", "f"]),
    ]  # fmt: skip


def test_the_line_of_a_position() -> None:
    (line,) = logical_lines("\n\nx = (a +\nb)\n")
    assert [line.line_at(line.text.index(name)) for name in "ab"] == [3, 4]
