"""Pages: complete, self-contained, the same bytes each time; in a browser nothing is cut off, and the lights work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

import pytest
from browser import assert_it_fits, axe_violations, needs_axe, needs_chromium, run_in_page
from pages_read import read

from derive.cli import main
from derive.errors import UsageError
from derive.layers import LayerText, read_layer
from derive.pipeline import derive
from derive.printing.outline import line_of
from derive.webpage import layer_page

HOSTILE = '''"""Layer <script>alert(1)</script> & "quotes" ]]> -->."""
x: [N]
w: r"\\mathrm{a<b}"
w[i] = x[i]**2
y[i] = where(w[i] < 1, w[i], 0)
'''


@cache
def page(name: str, order: int = 1) -> str:
    return layer_page(read_layer(name), order=order)


@pytest.mark.parametrize(("name", "order"), [("batch_norm", 1), ("attention", 1), ("batch_norm", 2), ("lstm_cell", 1)])
def test_a_page_is_whole_and_needs_nothing_else(name: str, order: int) -> None:
    text = page(name, order)
    reader = read(text)
    assert len(set(reader.ids)) == len(reader.ids)
    assert reader.links
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert not reader.loaded
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    derivation = derive(name, order=order)
    assert read_layer(name).text.strip().replace(" ", "") in reader.text.replace(" ", "")
    for step in derivation.shown("steps"):
        assert f"step-{step.number}" in reader.ids
    for equation in derivation.results:
        assert f'<div class="formula boxed" data-line="{equation.name}">' in text
    assert {q.name for q in derivation.forward.quantities} <= reader.marked


def test_each_line_of_code_is_tied_to_its_quantity() -> None:
    text = page("batch_norm")
    for name in ("mu", "var", "xhat", "y", "dgamma", "dbeta", "dx"):
        assert re.search(rf'<span class="line" data-line="{name}"> +<span data-q="{name}">{name}</span> = ', text), name


def test_every_reason_is_there() -> None:
    reader = read(page("softmax"))
    for step in derive("softmax").shown("steps"):
        words = [part for part in step.reason if isinstance(part, str)]
        assert all(word in reader.text for word in words)
        assert line_of(step) is not None or step.reason


def test_what_an_author_writes_is_text() -> None:
    text = layer_page(LayerText("hostile", "hostile.layer", HOSTILE))
    assert "<script>alert" not in text
    assert text.count("<script>") == 1
    assert 'Layer <script>alert(1)</script> & "quotes" ]]> -->.' in read(text).text


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["html", "silu"]) == 0
    assert capsys.readouterr().out == page("silu")
    assert main(["html", "no_such_layer"]) == 2


def test_it_says_what_it_does() -> None:
    told: list[str] = []
    assert layer_page(read_layer("silu"), progress=told.append) == page("silu")
    assert told[0] == "the derivation"
    assert len(told) > 20
    assert all("\n" not in sentence for sentence in told)


@pytest.mark.parametrize(
    "text",
    [
        "x: [N, D]\nassert N > 4\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = x[i, j] - m[j]",
        "x: [N, D, D, D, D]\ny[i] = sum(x[i, a, b, c, d]**2 for a in D for b in D for c in D for d in D)",
    ],
)
def test_an_example_that_cannot_be_written_out_is_left_out(text: str) -> None:
    source = LayerText("own", "own.layer", text)
    assert 'id="small-batch"' not in layer_page(source)
    with pytest.raises(UsageError):
        layer_page(source, extents={"N": 2, "D": 3})


def test_names_of_any_length_can_be_written_out() -> None:
    """A matrix too wide for a page shows its symbols, and what is given has no more to it than these."""
    text = "input_activation_of_the_layer: [N, D]\nrescaled_activation[i, j] = input_activation_of_the_layer[i, j]**2"
    page_text = layer_page(LayerText("own", "own.layer", text))
    assert page_text.count('aria-label="a matrix"') >= 2


def test_addresses_are_links() -> None:
    text = '"""A layer of https://example.org/a_b?c=<1>&d."""\nx: [N]\ny[i] = x[i]**2'
    found = read(layer_page(LayerText("own", "own.layer", text))).links
    assert [link for link in found if not link.startswith("#")] == ["https://example.org/a_b?c="]


def test_lines_of_windows_and_an_odd_description() -> None:
    text = layer_page(LayerText("own", "own.layer", '"""A layer."""\r\nx: [N]\r\ny[i] = x[i]**2  # y\r\n'))
    assert '<span class="comment"># y</span>' in text
    assert 'data-line="y"' in text


def test_gradients_of_the_gradients_that_are_wanted() -> None:
    """At order 2 `wrt` is about what the gradients depend on, dy among it; the functions have all of them."""
    text = layer_page(read_layer("silu"), order=2, wrt=["dy"])
    assert re.findall(r'<div class="formula boxed" data-line="(d2\w+)">', text) == ["d2dy", "d2dy"]
    assert 'id="code"' in text


def test_tangents_and_high_orders_have_no_functions_but_a_page() -> None:
    source = read_layer("silu")
    assert 'id="code"' not in layer_page(source, mode="forward")
    assert 'id="code"' not in layer_page(source, order=3)
    assert 'id="code"' in layer_page(source)


def test_the_same_bytes_under_any_hash_seed() -> None:
    script = (
        "from derive.layers import read_layer; from derive.webpage import layer_page; "
        "import hashlib; print(hashlib.sha256(layer_page(read_layer('softmax')).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }  # fmt: skip
    assert len(found) == 1


@needs_chromium
@pytest.mark.parametrize("width", [400, 1000, 1600])
@pytest.mark.parametrize(("name", "order"), [("batch_norm", 1), ("attention", 1), ("batch_norm", 2)])
def test_in_a_browser(name: str, order: int, width: int) -> None:
    assert_it_fits(page(name, order), width)


# A character that no font has is drawn as a box; so is what is none.
DRAWN = """
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 40;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const draw = (text, font) => {
    context.clearRect(0, 0, 40, 40);
    context.font = `20px ${font}`;
    context.fillText(text, 10, 28);
    return context.getImageData(0, 0, 40, 40).data.join();
  };
  const lacking = new Set();
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const font = getComputedStyle(walker.currentNode.parentElement).fontFamily;
    for (const character of new Set(walker.currentNode.textContent)) {
      if (/[^\\s\u2061\u2062]/.test(character) && draw(character, font) === draw("\\u{10FFFF}", font)) {
        lacking.add(character);
      }
    }
  }
  return [...lacking];
"""


@needs_chromium
@pytest.mark.parametrize(("name", "order"), [("batch_norm", 1), ("attention", 1), ("batch_norm", 2)])
def test_no_glyph_is_missing(name: str, order: int) -> None:
    assert run_in_page(page(name, order), DRAWN) == ([], [])


@needs_chromium
def test_a_missing_glyph_would_be_seen() -> None:
    planted = page("silu").replace("</main>", "<p>\u2fe0</p></main>")
    assert run_in_page(planted, DRAWN)[0] == ["\u2fe0"]


@needs_chromium
@needs_axe
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("name", "order"), [("batch_norm", 1), ("attention", 1), ("batch_norm", 2)])
def test_axe_finds_nothing(name: str, order: int, dark: bool) -> None:
    for width in (1000, 400):
        assert axe_violations(page(name, order), width, dark) == []


@needs_chromium
@needs_axe
def test_axe_would_find_something() -> None:
    found = axe_violations(page("silu").replace("</body>", '<img src="data:,"></body>'))
    assert "image-alt" in [rule for rule, _ in found]


@needs_chromium
def test_the_lines_of_fractions_are_level() -> None:
    """Terms stand in pieces of their own, and are one formula all the same."""
    script = """
      const worst = [...document.querySelectorAll(".formula")].map((formula) => {
        const fractions = [...formula.querySelectorAll(":scope > math > mfrac")];
        const at = fractions.map((each) => [each.children[0].getBoundingClientRect().bottom,
                                            each.children[1].getBoundingClientRect().top]);
        const lines = at.map(([above, below]) => (above + below) / 2);
        return Math.max(...lines) - Math.min(...lines);
      });
      return Math.max(...worst.filter(Number.isFinite));
    """
    found, said = run_in_page(page("batch_norm"), script, 1600)
    assert not said
    assert found < 4


@needs_chromium
def test_pointing_lights_up_a_quantity_everywhere() -> None:
    script = """
      const at = document.querySelector('#forward [data-q="xhat"]');
      at.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
      const lit = [...document.querySelectorAll(".lit")];
      const parts = [...new Set(lit.map((e) => e.closest("section").id))];
      const other = document.querySelectorAll('.lit[data-q]:not([data-q="xhat"])').length;
      document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
      return {parts, other, left: document.querySelectorAll(".lit").length};
    """
    found, said = run_in_page(page("batch_norm"), script)
    assert not said
    assert {"layer", "graph", "forward", "derivation", "results", "code"} <= set(found["parts"])
    assert found["other"] == 0
    assert found["left"] == 0


@needs_chromium
def test_pointing_at_an_element_lights_up_its_column() -> None:
    script = """
      const at = document.querySelector('#small-batch [data-q="mu"][data-at="j=2"]');
      at.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
      const places = (element) => [...new Set([...document.querySelectorAll(".lit")].map((e) => e.dataset.at))].sort();
      const column = places();
      document.querySelector('[data-q="x"][data-at="i=1 j=3"]').dispatchEvent(
        new PointerEvent("pointerover", {bubbles: true}));
      return {column, element: places()};
    """
    found, said = run_in_page(page("batch_norm"), script)
    assert not said
    assert found == {"column": ["i=1 j=2", "i=2 j=2", "j=2"], "element": ["i=1 j=3", "j=3"]}


@needs_chromium
def test_the_switch_shows_what_flows_back() -> None:
    script = """
      const shown = () => getComputedStyle(document.querySelector("#graph .backward")).display !== "none";
      const before = shown(); document.getElementById("flow").click(); const after = shown();
      const edge = document.querySelector('#graph [data-target="dxhat"]');
      edge.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
      const names = (e) => e.dataset.q ?? e.dataset.line ?? e.dataset.target ?? e.dataset.cotangent;
      const lit = [...document.querySelectorAll(".lit")].map(names);
      return {before, after, lit: [...new Set(lit)], many: lit.length};
    """
    found, said = run_in_page(page("batch_norm"), script)
    assert not said
    assert (found["before"], found["after"], found["lit"]) == (False, True, ["dxhat"])
    assert found["many"] > 5


@needs_chromium
def test_nodes_are_links_that_light_up() -> None:
    script = """
      const link = document.querySelector('#graph .node[data-name="xhat"] a');
      const target = document.querySelector(link.getAttribute("href")).querySelector(".formula").dataset.line;
      link.focus();
      const lit = document.querySelectorAll('[data-q="xhat"].lit').length;
      document.querySelector('#derivation [data-q="dxhat"]').dispatchEvent(
        new PointerEvent("pointerover", {bubbles: true}));
      const nodes = [...document.querySelectorAll(".node.lit")].map((node) => node.dataset.name);
      const inputs = [...document.querySelectorAll(".node.input a")].map((each) => each.getAttribute("href"));
      return {target, lit, nodes, inputs: [...new Set(inputs)], role: document.querySelector("#graph svg").role};
    """
    found, said = run_in_page(page("batch_norm"), script)
    assert not said
    assert found.pop("lit") > 10
    assert found == {"target": "xhat", "nodes": ["xhat"], "inputs": ["#layer"], "role": "group"}


@needs_chromium
def test_reasons_open_and_texts_can_be_copied() -> None:
    script = """
      const button = document.querySelector("button[data-steps]");
      const count = () => document.querySelectorAll("details.step[open]").length;
      const before = count(); button.click(); const after = count(); button.click();
      const copy = document.querySelector('button[data-copy="latex-text"]');
      return {before, after, again: count(), all: document.querySelectorAll("details.step").length,
              hidden: button.hidden || copy.hidden, text: document.getElementById(copy.dataset.copy).textContent};
    """
    found, said = run_in_page(page("batch_norm"), script)
    assert not said
    assert (found["before"], found["after"], found["again"]) == (0, found["all"], 0)
    assert found["all"] > 20
    assert not found["hidden"]
    assert "\\frac{\\partial L}{\\partial x_{ij}}" in found["text"]
