"""Every article is set by pdflatex without a warning: nothing in the margins, no sign that the fonts lack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tex import complaints, needs_tex

from derive.layers import layer_names
from derive.pictures import picture
from derive.pipeline import derive
from derive.printing.latex import latex_document

DOCS = Path(__file__).parent.parent / "output" / "docs"
WIDE = ["attention", "batch_norm", "gelu_tanh", "group_norm", "layer_norm_linear", "lstm_cell"]


@needs_tex
@pytest.mark.parametrize("name", layer_names())
def test_what_is_committed(name: str, tmp_path: Path) -> None:
    text = (DOCS / name / "derivation.tex").read_text(encoding="utf-8")
    assert r"\begin{tikzpicture}" in text
    assert complaints(text, tmp_path) == []


@needs_tex
@pytest.mark.parametrize("name", WIDE)
def test_order_2(name: str, tmp_path: Path) -> None:
    derivation = derive(name, order=2)
    text = latex_document(derivation, detail="full", picture=picture(derivation, "tikz"))
    assert complaints(text, tmp_path) == []
    for formula in re.findall(r"\\begin\{aligned\}\n(.*?)\n\\end\{aligned\}", text, re.DOTALL):
        # Without its sign the first row of several would push the others to its right.
        assert all("&" in row for row in formula.split(r"\\[3pt]")), formula
