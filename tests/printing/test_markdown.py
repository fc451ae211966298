from __future__ import annotations

import re

import pytest
from sample_derivations import LAYERS, staged

from derive.printing.markdown import escape_markdown, markdown_text

# What GitHub refuses or mangles.
REFUSED = (r"\operatorname", r"\label", r"\left.", r"\mbox", r"\newcommand", r"\def")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("notation", ["leibniz", "d", "bar"])
def test_fences_and_inline_formulas_are_closed(name: str, notation) -> None:
    page = markdown_text(staged(name), notation, "full")

    fences = re.findall(r"^```(\w*)$", page, re.MULTILINE)
    assert ["mermaid", "", *["math", ""] * (len(fences) // 2 - 1)] == fences
    outside = re.sub(r"^```(?:math|mermaid)\n.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"\$`([^`]*)`\$", outside)
    assert outside.count("`") == 2 * len(inline)
    assert not any("\n" in latex or not latex.strip() for latex in inline)
    # GitHub does not render a formula that touches a word.
    assert not re.search(r"\w\$`", outside)
    assert not any(macro in page for macro in REFUSED)


def test_formulas_have_balanced_braces() -> None:
    for name in LAYERS:
        for formula in re.findall(r"^```math\n(.*?)^```$", markdown_text(staged(name)), re.MULTILINE | re.DOTALL):
            assert formula.count("{") == formula.count("}")
            assert formula.count(r"\left") == formula.count(r"\right")
            assert "\n\n" not in formula


def test_results_come_first_and_steps_are_numbered() -> None:
    page = markdown_text(staged("batch_norm"))

    assert page.index("## Given") < page.index("## Results") < page.index("## Derivation")
    results = page[page.index("## Results") : page.index("## Derivation")]
    assert len(staged("batch_norm").results) == results.count("```math")
    numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\. ", page, re.MULTILINE)]
    assert [step.number for step in staged("batch_norm").shown("steps")] == numbers


def test_table_of_given_quantities() -> None:
    page = markdown_text(staged("batch_norm"))

    assert "| $`x_{ij}`$ | $`N \\times D`$ | input |\n" in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {4} == {row.count("|") for row in rows}
    assert len(rows) == 2 + 5


def test_addresses_stay_as_they_are() -> None:
    text = "See https://example.org/a_b?c=1&d=2, and *that*."
    assert escape_markdown(text) == r"See <https://example.org/a_b?c=1&d=2>, and \*that\*."


def test_text_is_escaped() -> None:
    page = markdown_text(staged("batch_norm"))

    assert r"Ioffe &amp; Szegedy (2015), 100% of the\_paper: \{arXiv\} \#1 \~ x^2 \\ \<b\>." in page


@pytest.mark.parametrize(
    ("text", "markdown"),
    [("1. a", r"1\. a"), ("- a", r"\- a"), ("a*b*[c](d)", r"a\*b\*\[c\](d)"), ("a - b 2. c", "a - b 2. c")],
)
def test_escape(text: str, markdown: str) -> None:
    assert markdown == escape_markdown(text)
