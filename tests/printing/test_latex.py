from __future__ import annotations

import re
from pathlib import Path

import pytest
from sample_derivations import LAYERS, staged
from tex import complaints, log_of, needs_tex
from time_limits import within

from derive.parser import parse_layer
from derive.pictures import picture
from derive.pipeline import derive
from derive.printing.latex import _over_pages, latex_document, latex_fragment
from derive.printing.latex_text import escape_latex

CASES = [(name, "leibniz") for name in LAYERS] + [("batch_norm", "d"), ("batch_norm", "bar")]


@needs_tex
@pytest.mark.parametrize(("name", "notation"), CASES)
def test_document_compiles_and_keeps_its_margins(name: str, notation, tmp_path: Path) -> None:
    drawn = picture(staged(name), "tikz", notation=notation)
    assert complaints(latex_document(staged(name), notation, "full", drawn), tmp_path) == []


@needs_tex
def test_an_overfull_line_would_be_seen(tmp_path: Path) -> None:
    document = latex_document(staged("batch_norm"))
    wide = document.replace(r"\end{document}", r"\[" + "x_{ij} + " * 40 + r"y \]\end{document}")

    assert "Overfull" in log_of(wide, tmp_path)


@needs_tex
def test_fragment_needs_amsmath_alone(tmp_path: Path) -> None:
    fragment = latex_fragment(staged("batch_norm"))
    start = r"\documentclass{article}\usepackage{amsmath}\begin{document}"

    log = log_of(f"{start}\n{fragment}\n\\end{{document}}", tmp_path)

    assert "Overfull" not in log


def test_document_is_the_fragment_in_an_article() -> None:
    document = latex_document(staged("batch_norm"), "d", "brief")

    assert latex_fragment(staged("batch_norm"), "d", "brief").strip() in document
    packages = r"\\usepackage(?:\[.*?\])?\{(\w+)\}"
    assert {"amsmath", "geometry"} == set(re.findall(packages, document))
    drawn = latex_document(staged("batch_norm"), "d", "brief", picture(staged("batch_norm"), "tikz"))
    assert {"amsmath", "geometry", "tikz"} == set(re.findall(packages, drawn))
    assert "dashed: the gradients" in drawn
    forward = latex_document(staged("batch_norm"), "d", "brief", picture(staged("batch_norm"), "tikz", False))
    assert "dashed: the gradients" not in forward


def test_text_is_escaped() -> None:
    document = latex_document(staged("batch_norm"))

    assert r"Ioffe \& Szegedy (2015), 100\% of the\_paper: \{arXiv\} \#1 \textasciitilde{} x" in document
    assert document.isascii()


def test_steps_in_order_with_their_rules_and_formulas() -> None:
    fragment = latex_fragment(staged("batch_norm"))

    assert r"\subsection*{Forward pass}" in fragment
    assert r"\subsection*{Gradient with respect to $\sigma_{j}^{2}$}" in fragment
    numbers = [int(n) for n in re.findall(r"\\textbf\{(\d+)\. ", fragment)]
    assert [step.number for step in staged("batch_norm").shown("steps")] == numbers
    cotangent = r"\frac{\partial L}{\partial \mu_{j}}"
    paths = rf"{cotangent}\Big|_{{\text{{via }}\hat{{x}}}} + {cotangent}\Big|_{{\text{{via }}\sigma^{{2}}}}"
    assert f"\\[\n{cotangent} = {paths}\n\\]" in fragment


def test_results_are_boxed_and_labeled() -> None:
    fragment = latex_fragment(staged("batch_norm"))

    boxes = re.findall(r"\\boxed\{(.*)\}", fragment)
    assert len(boxes) == 3
    assert boxes[-1].endswith(r"\sum_{i=1}^{N} \frac{\partial L}{\partial y_{ij}} =: A_{5}")


def test_given_quantities_have_symbols_and_shapes() -> None:
    fragment = latex_fragment(staged("batch_norm"))

    assert r"$x_{ij}$ & $N \times D$ & input" in fragment
    assert r"$\varepsilon$ & scalar & constant, by default $10^{-5}$" in fragment
    assert r"$\partial L/\partial y_{ij}$ & $N \times D$ & gradient of the loss with respect to $y_{ij}$" in fragment
    assert r"Assumed: $\varepsilon > 0$." in fragment


def test_details_are_nested() -> None:
    derivation = staged("batch_norm")
    sizes = [latex_fragment(derivation, "leibniz", detail).count(r"\textbf") for detail in ("brief", "steps", "full")]

    assert sizes == sorted(set(sizes))


def test_a_batch_norm_derivation_prints_quickly() -> None:
    derivation = staged("batch_norm")
    with within(2):  # a hundred times what it takes
        latex_fragment(derivation, "leibniz", "full")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50% & #1_a", r"50\% \& \#1\_a"),
        ("\\begin{x}", r"\textbackslash{}begin\{x\}"),
        ("a < b | c", "a $<$ b $|$ c"),
        ("naïve Čech façade", r"na\"{\i}ve \v{C}ech fa\c{c}ade"),
        ("σ² ≤ ∞ — “x”", r"$\sigma$$^2$ $\le$ $\infty$ --- ``x''"),
        ("名", "[U+540D]"),
        ("tab\tbell\a", "tab bell "),
    ],
)
def test_escape(text: str, latex: str) -> None:
    assert latex == escape_latex(text)


def test_what_no_page_holds_may_go_on_on_the_next() -> None:
    powers = range(1, 61)
    given = "".join(f"a{power}: constant[N]\n" for power in powers)
    sums = " + ".join(f"a{power}[i]*x[i]**{power}" for power in powers)
    derivation = derive(parse_layer(f"x: [N]\n{given}y[i] = {sums}\n"))
    text = latex_document(derivation)
    assert r"\allowdisplaybreaks" in text
    whole = re.findall(r"\\begin\{aligned\}\n(.*?)\\end\{aligned\}", text, re.DOTALL)
    assert max(rows.count(r"\\[3pt]") for rows in whole) < 12
    over = re.findall(r"\\begin\{align\*\}\n(.*?)\\end\{align\*\}", text, re.DOTALL)
    assert over
    # The box of a result is around its left side then.
    assert text.count(r"\boxed") == len(derivation.backward.outputs)
    assert not any(r"\boxed{\begin" in rows for rows in over)


def test_a_result_of_many_rows_has_its_name_boxed() -> None:
    assert _over_pages(["y &= a", r"&\quad + b"], boxed=True) == (
        "{\\allowdisplaybreaks\n\\begin{align*}\n\\boxed{y} &= a \\\\[3pt]\n&\\quad + b\n\\end{align*}}"
    )
