"""Where long lines break, and that they mean the same."""

from __future__ import annotations

import ast

import pytest

from derive.codegen.wrapping import WIDTH, call, clause, comment, statement

LONG = "a_long_name_of_an_array"
TEXTS = [
    " + ".join([LONG] * 9),
    " * ".join([LONG] * 9),
    f"np.where({', '.join([' - '.join([LONG] * 4)] * 3)})[:, None]",
    f"({' + '.join([LONG] * 9)})[:, None] * {LONG}",
    f"{LONG} / (({' * '.join([LONG] * 5)}) + ({' * '.join([LONG] * 5)}))**1.5",
    f'np.einsum("ij,jk->ik", {" * ".join([LONG] * 4)}, {" * ".join([LONG] * 4)}, optimize=True)',
    f"-{' - '.join([LONG] * 7)}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_broken_statement_is_the_same_statement(text: str) -> None:
    lines = statement("result", text, indent=0)
    assert all(len(line) <= WIDTH for line in lines)
    assert len(lines) > 1
    assert ast.dump(ast.parse(f"result = {text}")) == ast.dump(ast.parse("\n".join(lines)))


def test_short_lines_stay_whole() -> None:
    assert statement("y", "a + b") == ["    y = a + b"]
    assert comment("y = a + b") == ["    # y = a + b"]
    assert call("f", ["a", "b"], "") == ["    f(a, b)"]


def test_terms_stand_below_each_other() -> None:
    expected = ["    y = (", f"        {'a' * 50}", f"        + {'b' * 50}", f"        - {'c' * 50}", "    )"]
    assert expected == statement("y", f"{'a' * 50} + {'b' * 50} - {'c' * 50}")


def test_a_condition_breaks_inside_its_call() -> None:
    lines = clause("if", f"check and not np.all({LONG * 2} >= {LONG * 3})")
    ast.parse("\n".join([*lines, "        pass"]).replace("    if", "if", 1))
    assert [lines[0], lines[-1]] == ["    if check and not np.all(", "    ):"]


def test_comments_break_between_words_of_the_grammar_only() -> None:
    text = "y[i, j] = " + " + ".join(["sum(x[i, k]*w[k, j] for k in D)"] * 6)
    lines = comment(text)
    assert all(len(line) <= WIDTH for line in lines)
    assert text == "".join(lines).replace("    # ", "", 1).replace("    #    ", "")
    assert not any(line.endswith((",", "for", "in")) for line in lines)
