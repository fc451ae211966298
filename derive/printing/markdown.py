"""A derivation in Markdown as GitHub renders it: formulas in ```math fences and $`...`$, which Markdown leaves alone.

GitHub refuses some macros, among them operatorname, and an inline formula that a letter precedes.
"""

from __future__ import annotations

import re

from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact
from derive.pictures.mermaid import mermaid_picture
from derive.pictures.nodes import picture_of
from derive.printing.latex import LatexWriter, formula
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.names import Names, Notation
from derive.printing.outline import (
    given_of,
    heading_of,
    line_of,
    paragraphs_of,
    remarks_on,
    rule_words,
    sections_of,
    split_addresses,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>$|~#])")
_LIST_START = re.compile(r"^(\s*)(\d+(?=[.)])|[-+])")


def markdown_text(derivation: Derivation, notation: Notation = "leibniz", detail: Detail = "steps") -> str:
    """A page on a derivation: what is given, the results, and the steps. Raises UsageError for an unknown notation."""
    writer = MarkdownWriter(LayerLatexPrinter(Names.of(derivation, notation)))
    blocks = [f"# {escape_markdown(heading_of(derivation))}"]
    blocks += [escape_markdown(paragraph) for paragraph in paragraphs_of(derivation.forward)]
    blocks += ["## Given", _given_table(derivation, writer)]
    if derivation.forward.facts:
        assumed = ", ".join(writer.inline(writer.fact(fact)) for fact in derivation.forward.facts)
        blocks.append(f"Assumed: {assumed}.")
    remarks = [writer.prose(remark) for remark in remarks_on(derivation, detail)]
    if remarks:
        blocks.append(" ".join(remarks))
    blocks += ["## Graph", f"```mermaid\n{mermaid_picture(picture_of(derivation, notation), False)}```"]
    blocks += ["## Results", *(writer.display(equation) for equation in derivation.results), "## Derivation"]
    for section in sections_of(derivation, detail):
        blocks.append(f"### {writer.prose(section.heading)}")
        blocks += [writer.step(step) for step in section.steps]
    return "\n\n".join(blocks) + "\n"


def _given_table(derivation: Derivation, writer: MarkdownWriter) -> str:
    rows = ["| symbol | shape | meaning |", "| --- | --- | --- |"]
    for given in given_of(derivation):
        shape = r" \times ".join(writer.latex.printer.index(extent) for extent in given.quantity.extents)
        symbol = writer.inline(writer.latex.printer.inline(given.quantity.element))
        cells = (symbol, writer.inline(shape) if shape else "scalar", writer.prose(given.note))
        rows.append("| " + " | ".join(cell.replace("\\|", "\\Vert ").replace("|", r"\vert ") for cell in cells) + " |")
    return "\n".join(rows)


class MarkdownWriter:
    """Writes steps, sentences and formulas."""

    def __init__(self, printer: LayerLatexPrinter) -> None:
        self.latex = LatexWriter(printer)

    def step(self, step: Step) -> str:
        """A numbered sentence and, where the step has one, the formula below it."""
        text = f"**{step.number}. {escape_markdown(rule_words(step))}.** {self.prose(step.reason)}".rstrip()
        line = line_of(step)
        return text if line is None else f"{text}\n\n{self.display(line, step.boxed, step.label)}"

    def prose(self, prose: Prose) -> str:
        """A sentence with inline formulas."""
        text = ""
        for part in prose:
            if isinstance(part, str):
                # A formula must not touch a word.
                text += (" " if text.endswith("`$") and part[:1].isalnum() else "") + escape_markdown(part)
            else:
                text += (" " if text[-1:].isalnum() else "") + self.inline(self.latex.printer.inline(part))
        return text

    def inline(self, latex: str) -> str:
        """A formula within a sentence."""
        return f"$`{accepted(latex)}`$"

    def fact(self, fact: Fact) -> str:
        """The LaTeX of a fact."""
        return self.latex.fact(fact)

    def display(self, line: Equation | Fact, boxed: bool = False, label: str | None = None) -> str:
        """A formula of its own."""
        return f"```math\n{accepted(formula(self.latex.rows(line, label), boxed))}\n```"


def accepted(latex: str) -> str:
    """The formula in macros that GitHub accepts."""
    return latex.replace(r"\operatorname{", r"\mathrm{")


def escape_markdown(text: str) -> str:
    """The text with every character that Markdown would take for markup escaped; an address is one, as it is."""
    parts = split_addresses(text)
    return "".join(f"<{part}>" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", text).replace("&", "&amp;")
    return _LIST_START.sub(lambda m: f"{m[1]}{m[2]}\\" if m[2].isdigit() else f"{m[1]}\\{m[2]}", escaped)
