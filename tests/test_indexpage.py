"""The page of all layers: whole, self-contained, with a search that works and related layers side by side."""

from __future__ import annotations

import re
from functools import cache

import pytest
from browser import assert_it_fits, axe_violations, needs_axe, needs_chromium, run_in_page
from pages_read import read

from derive.errors import UsageError
from derive.indexpage import Entry, index_page
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pipeline import derive

HOSTILE = '"""<script>alert(1)</script> & co."""\nx: [N]\ny[i] = x[i]**2'


@cache
def page() -> str:
    entries = [Entry(derive(name), {"page": f"{name}/derivation.html"}) for name in layer_names()]
    return index_page(entries, {"Costs & more": "costs.md"})


def test_it_has_every_layer_with_its_closed_forms() -> None:
    reader = read(page())
    assert not reader.loaded
    assert len(set(reader.ids)) == len(reader.ids)
    for name in layer_names():
        assert name in reader.ids
        assert f"{name}/derivation.html" in reader.links
        card = page().partition(f'<article class="card" id="{name}" ')[2].partition("</article>")[0]
        shown = re.findall(r'<div class="formula" data-line="(\w+)">', card)
        assert shown == [equation.name for equation in derive(name).results]
    assert "Costs & more" in reader.text
    assert 'data-words="batch_norm Batch normalization, training mode. Ioffe &amp; Szegedy' in page()


def test_no_symbol_says_whose_it_is() -> None:
    assert "data-q" not in page()


def test_related_layers_have_their_terms_below_each_other() -> None:
    tables = page().partition('id="related"')[2].split("<table")[1:]
    assert len(tables) == 2
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in tables[0].split("<tr>")[2:]]
    assert {len(row) for row in rows} == {7}
    by_name = {re.sub("<[^>]*>", "", row[0]): row for row in rows}
    for name, summed in {"Batch norm": "N", "Layer norm": "D", "Instance norm": "HW", "Group norm": "KHW"}.items():
        axes = re.findall(r'<span class="axis summed"><math>(?:<mrow>)?<mi>(\w)</mi>', by_name[name][2])
        assert "".join(axes) == summed, name
    assert "none" in by_name["Rms norm"][5]
    assert "none" not in by_name["Batch norm"][5]
    minus = '<math displaystyle="true"><mo form="prefix">−</mo>'
    assert [cell.startswith(minus) for cell in by_name["Batch norm"][4:]] == [False, True, True]


def test_without_related_layers_it_says_so() -> None:
    text = index_page([Entry(derive("relu"), {})], {})
    assert "No two of these layers" in text
    assert "<table" not in text


def test_what_an_author_writes_is_text() -> None:
    text = index_page([Entry(derive(parse_layer(HOSTILE, "own")), {"a<b": "c&d"})], {})
    assert "<script>alert" not in text
    assert "a&lt;b" in text
    read(text)


def test_an_unknown_notation_is_an_error() -> None:
    with pytest.raises(UsageError):
        index_page([Entry(derive("relu"), {})], {}, "newton")  # type: ignore[arg-type]


@needs_chromium
@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_in_a_browser(width: int) -> None:
    assert_it_fits(page(), width)


@needs_chromium
def test_the_search() -> None:
    script = """
      const field = document.getElementById("search");
      const left = () => [...document.querySelectorAll(".card:not([hidden])")].map((card) => card.id);
      const type = (text) => { field.value = text; field.dispatchEvent(new Event("input")); return left(); };
      const found = {all: left().length, name: type("batch_n 2D"), none: type("relu zzz"), joined: type("layernorm"),
                     author: type("Ioffe"), about: type("gaussian")};
      found.said = document.querySelector("output").textContent;
      document.dispatchEvent(new KeyboardEvent("keydown", {key: "/"}));
      found.focused = document.activeElement === field;
      field.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
      found.again = left().length;
      found.hidden = field.closest("p").hidden;
      return found;
    """
    found, said = run_in_page(page(), script)
    assert not said
    assert found["name"] == ["batch_norm_2d"]
    assert found["none"] == []
    assert "gelu" in found["about"]
    assert "layer_norm" in found["joined"]
    assert "batch_norm" in found["author"]
    assert found["focused"]
    assert not found["hidden"]
    assert found["all"] == found["again"] == len(layer_names())
    assert found["said"] == f"{len(found['about'])} of {len(layer_names())}"


@needs_chromium
@needs_axe
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(dark: bool) -> None:
    assert axe_violations(page(), dark=dark) == []
