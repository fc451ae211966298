"""TikZ: pictures that pdflatex sets, on a page of 15 cm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pictured import SHIPPED, odd_names, picture_of_layer
from tex import log_of, needs_tex

from derive.pictures.nodes import Picture, picture_of
from derive.pictures.tikz import tikz_picture

POINT = re.compile(r"\((-?[\d.]+),(-?[\d.]+)\)")
PAGE = 427.0  # 15 cm in TeX points


def test_batch_norm() -> None:
    text = tikz_picture(picture_of_layer("batch_norm"))

    assert r"$\hat{x}_{ij} = \frac{x_{ij} - \mu_{j}}{\sqrt{\sigma_{j}^{2} + \varepsilon}}$\\" in text
    assert r"\scriptsize$\partial L/\partial \gamma$" in text
    assert text.count(r"\draw[derive forward]") == 10
    assert text.count(r"\draw[derive backward]") == 9
    assert text.count(r"\node[derive input,") == 3
    assert text.count(r"\node[derive output,") == 1


def test_without_cotangents() -> None:
    text = tikz_picture(picture_of_layer("batch_norm"), cotangents=False)
    assert r"\draw[derive backward]" not in text
    assert r"\node[derive label]" not in text


@pytest.mark.parametrize(("layer", "order"), SHIPPED)
def test_it_fits_the_page_and_is_ascii(layer: str, order: int) -> None:
    text = tikz_picture(picture_of_layer(layer, order))
    scale = float(re.search(r"scale=([\d.]+)", text)[1])  # type: ignore[index]
    across = [
        float(x) + side * float(width) / 2
        for width, x in re.findall(r"minimum width=([\d.]+)pt.*? at \((-?[\d.]+),", text)
        for side in (-1, 1)
    ]
    across += [float(x) for x, _ in POINT.findall(text)]

    assert (max(across) - min(across)) * scale <= PAGE
    assert 0 < scale <= 1
    assert text.isascii()


@needs_tex
def test_pdflatex_sets_them_all(tmp_path: Path) -> None:
    pictures: list[Picture] = [picture_of_layer(layer, order) for layer, order in SHIPPED]
    bodies = [f"\\noindent\n{tikz_picture(picture)}\\clearpage\n" for picture in [*pictures, picture_of(odd_names())]]
    head = "\\documentclass[a4paper]{article}\n\\usepackage{amsmath,tikz}\n\\textwidth=15cm \\hbadness=10000\n"
    log = log_of(f"{head}\\begin{{document}}\n{''.join(bodies)}\\end{{document}}\n", tmp_path)
    assert "Overfull \\hbox" not in log
