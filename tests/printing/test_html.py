"""Parts of pages: what stands in them is text, formulas hold together, and code is told apart from what is in it."""

from __future__ import annotations

import html
import re

import pytest
from sample_derivations import ATTENTION, GELU

from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.expanded_html import expanded_html
from derive.printing.html import HtmlWriter, code, table
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.names import Names
from derive.write_out import write_out


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def writer_for(text: str) -> tuple[HtmlWriter, object]:
    derivation = derive(parse_layer(text, "sample", "sample"))
    return HtmlWriter(LayerMathmlPrinter(Names.of(derivation))), derivation


class TestCode:
    def test_all_of_the_text_is_there(self) -> None:
        for text in (ATTENTION, GELU, "x = 1  # <b>&amp;</b>\n\ty = 'ä\"'\n", "not python ( at all\n  'x", "\n\n", ""):
            assert text_of(code(text, {"x"}, "label")).rstrip("\n") == text.rstrip("\n")

    def test_names_are_marked_but_not_in_comments_and_strings(self) -> None:
        markup = code('mu = f(mu, other)  # mu\nname = "mu"\n', {"mu"}, "label")
        assert markup.count('<span data-q="mu">mu</span>') == 2
        assert '<span class="comment"># mu</span>' in markup
        assert '<span class="string">&quot;mu&quot;</span>' in markup

    def test_lines_that_assign(self) -> None:
        markup = code("mu = x\nmu[j] = 2*x\nmu: T = x\nf(mu)\nif mu == x:\n    pass\n", {"mu"}, "label")
        assert markup.count('<span class="line" data-line="mu">') == 3

    def test_strings_over_several_lines(self) -> None:
        markup = code('"""one\ntwo"""\nx = 1\n', {"x"}, "label")
        assert '<span class="string">&quot;&quot;&quot;one</span></span>\n' in markup
        assert '<span class="string">two&quot;&quot;&quot;</span>' in markup

    def test_a_label_cannot_leave_its_attribute(self) -> None:
        assert 'aria-label="a&quot; b"' in code("x", set(), 'a" b')


def test_tables_have_heads() -> None:
    markup = table(("a <b>", "c"), [("1", "<i>2</i>")], "kind")
    assert '<th scope="col">a &lt;b&gt;</th><th scope="col">c</th>' in markup
    assert "<td>1</td><td><i>2</i></td>" in markup


def test_steps_show_rule_formula_and_reason() -> None:
    writer, derivation = writer_for(ATTENTION)
    for step in derivation.steps:  # type: ignore[attr-defined]
        markup = writer.step(step)
        assert f'id="step-{step.number}"' in markup
        assert ("<details" in markup) == ("<math displaystyle" in markup)
        assert markup.count('<p class="reason">') == 1
        assert ('class="formula boxed"' in markup) == step.boxed


@pytest.mark.parametrize("notation", ["leibniz", "d", "bar"])
def test_a_small_batch_has_all_its_lines(notation: str) -> None:
    graph = parse_layer("x: [N, D]\ng: [D]\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = g[j]*(x[i, j] - m[j])", "a", "a")
    written = write_out(graph, {"N": 2, "D": 3})
    markup = expanded_html(written, notation)  # type: ignore[arg-type]
    lines = list(written.lines())
    assert markup.count('<mo class="r">=</mo>') >= len(lines) / 3
    assert markup.count("<h3>") == len(written.sections)
    for name, count in (("x", 6), ("m", 3), ("g", 3), ("y", 6)):
        places = set(re.findall(rf'data-q="{name}" data-at="([^"]*)"', markup))
        assert len(places) == count, name
    assert 'data-q="x" data-at="i=2 j=3"' in markup
    assert 'data-q="m" data-at="j=3"' in markup
    # In formulas, too, and not on the cells of matrices alone.
    assert '<msub data-q="m" data-at="j=3">' in markup
    assert '<msub data-q="x" data-at="i=2 j=3">' in markup
