"""A derivation as one web page that needs nothing else: no network, no library, native MathML, inline pictures.

    Input    a derivation, the text of its layer, its functions, and the evidence for it
    Output   the page: the layer, forward pass, chain rule step by step, closed forms, code, evidence, sources to copy

It can be read without JavaScript; with it, what one points at lights up wherever it stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from derive.codegen.numpy import module_text
from derive.derivation import Derivation, Detail, Form
from derive.errors import UsageError
from derive.expand import WrittenOut
from derive.graph import Equation, Graph, Mode
from derive.layers import LayerText
from derive.parser import parse_layer
from derive.pictures.nodes import picture_of
from derive.pictures.svg import svg_picture
from derive.pipeline import derive
from derive.printing.expanded_html import expanded_html
from derive.printing.grammar import equation_text
from derive.printing.html import HtmlWriter, code, document, evidence_table, linked
from derive.printing.latex import latex_fragment
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_lines import inline
from derive.printing.names import Names, Notation
from derive.printing.outline import FORWARD_HEADING, given_of, heading_of, paragraphs_of, remarks_on, sections_of
from derive.report import Report
from derive.workshop import derivations_behind, evidence
from derive.write_out import write_out

# Of the small batch that is written out: as in the notes, two of the first extent and three of the second.
_SIZES = (2, 3)
# Functions of a generated module that a page shows; the rest checks arguments.
_SHOWN = ("forward", "backward", "double_backward")


def layer_page(
    source: LayerText,
    notation: Notation = "leibniz",
    detail: Detail = "steps",
    form: Form = "mean",
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
    timeout: float | None = None,
    extents: Mapping[str, int] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> str:
    """The page of a layer, with its functions, where there are any of that order, and the evidence.

    The options are those of `derive`; the functions have the form that costs least, whatever `form` is. `extents` are
    those of a small batch that is written out; without them it is the `small_batch` of the layer. `progress` is told
    what is being done. Raises what `derive`, `html_page` and `write_out` do.
    """
    progress("the derivation")
    graph = parse_layer(source.text, source.name, source.file)
    derivation = derive(graph, form, wrt, order, mode, in_terms_of, timeout)
    progress("the functions and the data")
    coded = derivations_behind(derivation, timeout)
    functions = module_text(*coded) if coded else ""
    report = evidence(derivation, coded, progress)
    written = None
    if extents is not None:
        written = write_out(graph, extents, wrt, form)
    elif mode == "reverse" and order == 1 and not in_terms_of:
        written = small_batch(graph, wrt, form)
    return html_page(Story(derivation, source.text, functions, report, written, notation, detail))


def small_batch(graph: Graph, wrt: Sequence[str] | None = None, form: Form = "mean") -> WrittenOut | None:
    """The example that nobody asked for: 2 and 3 as in the notes, of a layer with two extents that allows for them."""
    if len(graph.extents) != len(_SIZES):
        return None
    try:
        return write_out(graph, dict(zip(graph.extents, _SIZES, strict=True)), wrt, form)
    except UsageError:  # these extents contradict a fact, or are too many elements
        return None


@dataclass(frozen=True)
class Story:
    """What a page tells.

    `source` is the layer as its author wrote it, `functions` the text of a generated module, `report` the evidence,
    `written` the same for a small batch; without one of these the page has no such part. `index` is the address of the
    page of all layers, if there is one.
    """

    derivation: Derivation
    source: str
    functions: str = ""
    report: Report | None = None
    written: WrittenOut | None = None
    notation: Notation = "leibniz"
    detail: Detail = "steps"
    index: str = ""


def html_page(story: Story) -> str:
    """The page of a derivation. Raises UsageError for an unknown notation."""
    title = heading_of(story.derivation)
    parts = list(_parts(story))
    up = f'<li><a href="{escape(story.index)}">All layers</a></li>' if story.index else ""
    links = up + "".join(f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, heading, _ in parts)
    sections = "".join(
        f'<section id="{name}" aria-labelledby="{name}-heading"><h2 id="{name}-heading">{escape(heading)}</h2>\n'
        f"{body}\n</section>\n"
        for name, heading, body in parts
    )
    described = "".join(f"<p>{linked(paragraph)}</p>\n" for paragraph in paragraphs_of(story.derivation.forward))
    header = f'{described}<nav aria-label="On this page"><ul>{links}</ul></nav>\n'
    return document(title, header, sections, ("page.css",), ("page.js",))


def _parts(story: Story) -> Iterator[tuple[str, str, str]]:
    """The parts of the story, in order: a name for links, the heading, and what stands below it."""
    derivation, notation, detail = story.derivation, story.notation, story.detail
    graph, names = derivation.forward, derivation.by_name
    writer = HtmlWriter(LayerMathmlPrinter(Names.of(derivation, notation)))
    facts = ", ".join(inline(writer.printer.fact(fact)) for fact in graph.facts)
    assumed = f"<p>Assumed: {facts}.</p>" if facts else ""
    remarks = " ".join(writer.prose(remark) for remark in remarks_on(derivation, detail))
    given = writer.given(given_of(derivation)) + assumed + (f"<p>{remarks}</p>" if remarks else "")
    yield "layer", "The layer", code(story.source.strip(), names, "The layer as its author wrote it") + given
    yield "graph", "The graph", _picture(derivation, notation, detail)
    sections = sections_of(derivation, detail)
    forward = [section for section in sections if section.heading == FORWARD_HEADING]
    yield "forward", "Forward pass", "\n".join(writer.step(step) for section in forward for step in section.steps)
    steps = "\n".join(writer.section(section) for section in sections if section not in forward)
    opener = '<p><button type="button" data-steps hidden>open all reasons</button></p>'
    if len(derivation.shown(detail)) < len(derivation.steps):
        opener += '\n<p class="quiet">Numbers that are left out are steps of routine; in full detail they are here.</p>'
    yield "derivation", "The chain rule, step by step", f"{opener}\n{steps}"
    yield "results", "Closed forms", "\n".join(writer.display(equation, boxed=True) for equation in derivation.results)
    if story.written is not None:
        sizes = ", ".join(f"{name} = {value}" for name, value in story.written.extents.items())
        yield "small-batch", f"Written out for {sizes}", expanded_html(story.written, notation)
    if story.functions:
        yield "code", "The code", _functions(story.functions, _SHOWN[: derivation.order + 1], names)
    if story.report is not None:
        yield "evidence", "Evidence", evidence_table(story.report, {step.number for step in derivation.shown(detail)})
    grammar = "\n".join(map(equation_text, derivation.results))
    latex = latex_fragment(derivation, notation, detail)
    yield "sources", "To copy", "\n".join(
        [_copied("latex", "The derivation in LaTeX", latex), _copied("grammar", "The results in the grammar", grammar)]
    )


def _picture(derivation: Derivation, notation: Notation, detail: Detail) -> str:
    """The graph, with a switch for what flows back, where anything does; a node leads to where it is defined."""
    drawn = picture_of(derivation, notation)
    links = dict.fromkeys((node.name for node in drawn.nodes), "#layer")
    for step in reversed(derivation.shown(detail)):  # the first step about a name is its equation
        if isinstance(step.equation, Equation) and step.equation.name in derivation.forward.equation_of:
            links[step.equation.name] = f"#step-{step.number}"
    shown = svg_picture(drawn, cotangents=False, links=links)
    # On a telephone it is made smaller, but not so small that nobody can read it.
    width = float(re.search(r' width="([0-9.]+)"', shown)[1])  # type: ignore[index]
    shown = shown.replace("<svg ", f'<svg style="min-width: {0.7 * width:.0f}px" ', 1)
    switch = ""
    if drawn.cotangents:
        box = '<input type="checkbox" id="flow">'
        switch = f'<p class="switch"><label>{box} Show the gradients that flow back</label></p>'
    return f'{switch}<div class="scrolls picture" tabindex="0" role="group" aria-label="the graph">{shown}</div>'


def _functions(text: str, wanted: Container[str], names: Container[str]) -> str:
    """Some functions of a module, and the whole of it to copy."""
    tree = ast.parse(text)
    shown = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    parts = [code(ast.get_source_segment(text, node) or "", names, node.name) for node in shown]
    return "\n".join([*parts, _copied("module", "The whole module", text)])


def _copied(name: str, label: str, text: str) -> str:
    """A text that can be opened, with a button that copies it."""
    shown = f'<code id="{name}-text">{escape(text)}</code>'
    return (
        f'<details class="source"><summary>{escape(label)}</summary><div class="copied">'
        f'<button type="button" data-copy="{name}-text" hidden>copy</button>'
        f'<pre tabindex="0" role="region" aria-label="{escape(label)}">{shown}</pre></div></details>'
    )
