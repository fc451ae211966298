"""How values look in a notebook: a layer, a derivation, one of its steps, the evidence, verdicts.

    Input    a value
    Output   HTML with native MathML, for the screen; LaTeX, for what is printed

A value asks for it by way of `shown`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape

from derive.audit import Audit, Verdict
from derive.derivation import Derivation, Step
from derive.graph import Equation, Fact, Graph
from derive.printing.audit import WORDS, remarks_on
from derive.printing.html import HtmlWriter, evidence_table, style, table
from derive.printing.latex import LatexWriter, formula
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.latex_text import escape_latex
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_lines import inline
from derive.printing.names import Names
from derive.printing.outline import (
    given_of,
    heading_of,
    inputs_of,
    line_of,
    name_words,
    paragraphs_of,
    sections_of,
)
from derive.report import Report


def html_of(value: object) -> str:
    """A value as HTML. Raises TypeError for one that has no such form."""
    return f'<div class="derive">{style("notebook.css")}\n{_html(value)}\n</div>'


def latex_of(value: object) -> str:
    """A value as LaTeX, in dollars as a notebook wants it. Raises TypeError for one that has no such form."""
    return _latex(value)


# HTML


@singledispatch
def _html(value: object) -> str:
    raise TypeError(f"a {type(value).__name__} has no form for a notebook")


@_html.register
def _(value: Graph) -> str:
    writer = HtmlWriter(LayerMathmlPrinter(Names(value.by_name), marks=False))
    facts = ", ".join(inline(writer.printer.fact(fact)) for fact in value.facts)
    return "\n".join(
        [
            f"<h4>{escape(name_words(value))}</h4>",
            *(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs_of(value)),
            writer.given(inputs_of(value)),
            f"<p>Assumed: {facts}.</p>" if facts else "",
            *map(writer.display, value.equations),
        ]
    )


@_html.register
def _(value: Derivation) -> str:
    writer = _html_writer(value)
    steps = value.shown("steps")
    sections = "\n".join(
        f"<h5>{writer.prose(section.heading)}</h5>\n{_steps(writer, section.steps)}"
        for section in sections_of(value, "steps")
    )
    return "\n".join(
        [
            f"<h4>{escape(heading_of(value))}</h4>",
            *(writer.display(equation, boxed=True) for equation in value.results),
            f"<details><summary>{len(steps)} steps</summary>",
            writer.given(given_of(value)),
            sections,
            "</details>",
        ]
    )


def _steps(writer: HtmlWriter, steps: Iterable[Step]) -> str:
    return "\n".join(map(writer.step, steps))


@_html.register
def _(value: Step) -> str:
    return HtmlWriter(LayerMathmlPrinter(Names(value.known), marks=False), anchors=False).step(value)


@_html.register
def _(value: Report) -> str:
    return f"<h4>{escape(value.headline)}</h4>\n{evidence_table(value)}" + "".join(
        f"<p>Warning: {escape(warning)}</p>" for warning in value.warnings
    )


@_html.register
def _(value: Audit) -> str:
    rows = [
        (
            str(verdict.line),
            f"<code>{escape(verdict.claim)}</code>",
            _judged(verdict),
            "".join(f"<p>{escape(remark)}</p>" for remark in remarks_on(verdict)),
        )
        for verdict in value.verdicts
    ]
    missing = f"not stated: {', '.join(value.missing)}"
    notes = [*([missing] if value.missing else []), *value.notes]
    return "\n".join(
        [
            f"<h4>{escape(value.headline)}</h4>",
            table(("line", "claim", "verdict", "remarks"), rows, "verdicts"),
            *(f"<p>{escape(note)}</p>" for note in notes),
        ]
    )


def _judged(verdict: Verdict) -> str:
    kind = "failed" if verdict.kind in ("wrong", "conditional", "unreadable") else "passed"
    return f'<span class="{kind}">{WORDS[verdict.kind]}</span>'


def _html_writer(derivation: Derivation) -> HtmlWriter:
    return HtmlWriter(LayerMathmlPrinter(Names.of(derivation), marks=False), anchors=False)


# LaTeX


@singledispatch
def _latex(value: object) -> str:
    raise TypeError(f"a {type(value).__name__} has no form for a notebook")


@_latex.register
def _(value: Graph) -> str:
    return _displayed(LatexWriter(LayerLatexPrinter(Names(value.by_name))), value.equations)


@_latex.register
def _(value: Derivation) -> str:
    return _displayed(LatexWriter(LayerLatexPrinter(Names.of(value))), value.results)


@_latex.register
def _(value: Step) -> str:
    writer = LatexWriter(LayerLatexPrinter(Names(value.known)))
    line = line_of(value)
    if line is None:
        return writer.prose(value.reason)
    return _in_dollars(writer.rows(line, value.label), value.boxed)


@_latex.register
def _(value: Report) -> str:
    """How many lines each oracle has looked at, and how many of them failed."""
    checks = Counter(row.oracle for row in value.rows)
    failed = Counter(row.oracle for row in value.failures)
    return _array(("oracle", "checks", "failed"), [(name, count, failed[name]) for name, count in checks.items()])


@_latex.register
def _(value: Audit) -> str:
    """The verdicts by line; the claims themselves are in the file."""
    return _array(("line", "verdict"), [(verdict.line, WORDS[verdict.kind]) for verdict in value.verdicts])


def _array(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head, *lines = [" & ".join(rf"\text{{{escape_latex(str(cell))}}}" for cell in row) for row in (titles, *rows)]
    body = " \\\\\n".join([rf"{head} \\ \hline" + ("\n" + lines[0] if lines else ""), *lines[1:]])
    return f"$$\n\\begin{{array}}{{{'l' * len(titles)}}}\n{body}\n\\end{{array}}\n$$"


def _displayed(writer: LatexWriter, lines: Iterable[Equation | Fact]) -> str:
    return _in_dollars([row for line in lines for row in writer.rows(line)])


def _in_dollars(rows: Sequence[str], boxed: bool = False) -> str:
    return f"$$\n{formula(rows, boxed)}\n$$"

