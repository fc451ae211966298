"""Parts of a web page about a derivation: sentences, displayed formulas, steps, tables, code.

Formulas are native MathML, cut where a browser may begin a new line. Whatever stands for a quantity has its name in
`data-q`, in formulas and in code alike.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Container, Iterable, Sequence
from html import escape
from importlib.resources import files

from derive.derivation import Prose, Step
from derive.graph import Equation, Fact
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_lines import inline, pieces
from derive.printing.outline import Given, Section, line_of, rule_words, split_addresses
from derive.report import Report


class HtmlWriter:
    """Writes steps, sentences and formulas; without `anchors`, for several texts in one page, no step is linked to."""

    def __init__(self, printer: LayerMathmlPrinter, anchors: bool = True) -> None:
        self.printer = printer
        self._anchors = anchors

    def prose(self, prose: Prose) -> str:
        """A sentence with inline formulas."""
        return "".join(escape(p) if isinstance(p, str) else inline(self.printer.inline(p)) for p in prose)

    def markup(self, line: Equation | Fact, label: str | None = None) -> str:
        """The MathML of what a step shows, with the name that it is given."""
        text = self.printer.fact(line) if isinstance(line, Fact) else self.printer.equation(line)
        return text if label is None else self.printer.called(text, self.printer.index(label))

    def display(self, line: Equation | Fact, boxed: bool = False, label: str | None = None) -> str:
        """A formula of its own, in pieces that a line may end between; its name, if it defines one, in `data-line`."""
        parts = " ".join(pieces(self.markup(line, label)))
        of = f' data-line="{escape(line.name)}"' if isinstance(line, Equation) else ""
        return f'<div class="formula{" boxed" if boxed else ""}"{of}>{parts}</div>'

    def step(self, step: Step) -> str:
        """A step that can be opened: the rule and the formula, and behind them the reason."""
        line = line_of(step)
        head = f'<span class="number">{step.number}</span> <span class="rule">{escape(rule_words(step))}</span>'
        reason = f'<p class="reason">{self.prose(step.reason)}</p>'
        anchor = f' id="step-{step.number}"' if self._anchors else ""
        if line is None:  # the sentence is all there is
            return f'<div class="step"{anchor}>{head}{reason}</div>'
        shown = self.display(line, step.boxed, step.label)
        return f'<details class="step"{anchor}><summary>{head}{shown}</summary>{reason}</details>'

    def section(self, section: Section) -> str:
        """Steps under a heading that says what they work on."""
        return "\n".join([f"<h3>{self.prose(section.heading)}</h3>", *map(self.step, section.steps)])

    def given(self, what: Sequence[Given]) -> str:
        """The table of what a derivation, or a layer, starts from."""
        rows = []
        for given in what:
            quantity = given.quantity
            shape = "<mo>×</mo>".join(self.printer.index(extent) for extent in quantity.extents)
            symbol = inline(self.printer.inline(quantity.element))
            rows.append((symbol, inline(shape) if shape else "scalar", self.prose(given.note)))
        return table(("symbol", "shape", "meaning"), rows, "given")


def document(title: str, header: str, main: str, styles: Sequence[str], scripts: Sequence[str]) -> str:
    """A web page that needs no other file; `styles` and `scripts` name files of the folder `web`."""
    css = "\n".join(map(style, styles))
    script = "\n".join(f"<script>\n{_web(name)}</script>" for name in scripts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="derive">\n{css}\n</head>\n<body>\n'
        f"<header>\n<h1>{escape(title)}</h1>\n{header}</header>\n"
        f"<main>\n{main}</main>\n{script}\n</body>\n</html>\n"
    )


def style(name: str) -> str:
    """A file of the folder `web` as a style."""
    return f"<style>\n{_web(name)}</style>"


def _web(name: str) -> str:
    return (files("derive.printing") / "web" / name).read_text(encoding="utf-8")


def linked(text: str) -> str:
    """Text of an author, with the addresses in it as links."""
    parts = (escape(part) for part in split_addresses(text))
    return "".join(f'<a href="{part}">{part}</a>' if number % 2 else part for number, part in enumerate(parts))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], kind: str, label: str = "") -> str:
    """A table of cells that are markup already, which scrolls by itself where it is wider than the page."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells in rows)
    caption = f'<div class="scrolls" tabindex="0" role="region" aria-label="{label or kind}">'
    return f'{caption}<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def evidence_table(report: Report, shown: Container[int] = ()) -> str:
    """The table of checks, and on what they were made; a step that is shown can be gone to."""
    rows = []
    for row in report.rows:
        step = "" if row.step is None else str(row.step)
        step = f'<a href="#step-{step}">{step}</a>' if row.step in shown else step
        verdict = f'<span class="{"passed" if row.passed else "failed"}">{"ok" if row.passed else "FAILED"}</span>'
        line = f"<code>{escape(row.line)}</code>" + (f'<p class="failed">{escape(row.fault)}</p>' if row.fault else "")
        rows.append((step, line, escape(row.oracle), escape(row.bound_text), verdict))
    failed = len(report.failures)
    total = len(report.rows)
    verdict = f"{failed} of {total} checks failed" if failed else f"All {total} checks passed"
    checks = table(("step", "line", "oracle", "bound", "verdict"), rows, "evidence", "every check")
    return (
        f"<p>{verdict}, on {len(report.data)} sets of data.</p>"
        f"<details{' open' if failed else ''}><summary>Every check</summary>{checks}</details>"
        f'<p class="quiet">Data: {escape("; ".join(report.data))}</p>'
    )


def code(text: str, names: Container[str], label: str) -> str:
    """Python, or the layer grammar, which has the same words: comments, strings and keywords told apart.

    A name that is one of a quantity is marked as that. A line that assigns one has it in `data-line`.
    """
    lines = text.split("\n")  # as the tokenizer counts them
    marked: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    for token in _tokens(text):
        for number in range(token.start[0], token.end[0] + 1):
            start = token.start[1] if number == token.start[0] else 0
            end = token.end[1] if number == token.end[0] else len(lines[number - 1])
            opening = _opening(token, names)
            if opening and start < end:
                marked[number - 1].append((start, end, opening))
    rows = [_line(line, spans, names) for line, spans in zip(lines, marked, strict=True)]
    opening = f'<pre class="code" tabindex="0" role="region" aria-label="{escape(label)}">'
    return f"{opening}<code>{''.join(rows)}</code></pre>"


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    """The words of a text; of one that is not Python, as many as there are before that shows."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            found.append(token)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return found


def _opening(token: tokenize.TokenInfo, names: Container[str]) -> str:
    """The tag that a word stands in; empty for one that stands in none."""
    if token.type == tokenize.COMMENT:
        return '<span class="comment">'
    if token.type == tokenize.STRING:
        return '<span class="string">'
    if token.type == tokenize.NAME and token.string in names:
        return f'<span data-q="{escape(token.string)}">'
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return '<span class="keyword">'
    return ""


def _line(line: str, spans: Sequence[tuple[int, int, str]], names: Container[str]) -> str:
    text, done = "", 0
    for start, end, opening in spans:
        text += escape(line[done:start]) + opening + escape(line[start:end]) + "</span>"
        done = end
    text += escape(line[done:])
    target = line.strip().partition(" ")[0].rstrip(",:").partition("[")[0]
    of = f' data-line="{escape(target)}"' if target in names and "=" in line else ""
    return f'<span class="line"{of}>{text}</span>\n'
