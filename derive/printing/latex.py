r"""A derivation in LaTeX: a fragment to paste (amsmath is all it needs), or a complete article.

The article needs no more than the packages of texlive-latex-base, with a picture in it those of texlive-pictures, too.
Every formula is broken to fit its margins.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr

from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.latex_text import escape_latex
from derive.printing.lines import break_formula
from derive.printing.names import Names, Notation
from derive.printing.outline import (
    given_of,
    heading_of,
    line_of,
    paragraphs_of,
    remarks_on,
    rule_words,
    sections_of,
)
from derive.printing.width import width_of

# The text width of the article is 39 em; that of a plain `article` at 10pt, into which a fragment may go, 34.
FORMULA_WIDTH = 33.0
_INLINE_WIDTH = 22.0
_BETWEEN = 2.4  # the columns of a table
# What has more rows may go on on the next page.
_ROWS = 12
# Sizes for what cannot be broken, with their ratio to the normal size; small letters are wider than in proportion.
SMALLER = ((r"\small", 0.93), (r"\footnotesize", 0.86), (r"\scriptsize", 0.82), (r"\tiny", 0.69))

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=3cm]{geometry}
\usepackage{amsmath}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt plus 2pt}
\raggedright
"""
_TIKZ = "\\usepackage{tikz}\n"


def latex_document(
    derivation: Derivation, notation: Notation = "leibniz", detail: Detail = "steps", picture: str = ""
) -> str:
    """A complete article on a derivation, with its graph if `picture` is one in TikZ.

    Raises UsageError for an unknown notation.
    """
    heading = escape_latex(heading_of(derivation))
    backward = "; dashed: the gradients that flow back" if r"\draw[derive backward]" in picture else ""
    graph = [
        r"\subsection*{The graph}",
        "",
        rf"Solid arrows: what is computed from what{backward}.",
        "",
        rf"\begin{{center}}{chr(10)}{picture}\end{{center}}",
        "",
    ]
    return "\n".join(
        [
            f"{PREAMBLE}{_TIKZ if picture else ''}\\begin{{document}}",
            "",
            rf"\section*{{{heading}}}",
            "",
            *(f"{escape_latex(paragraph)}\n" for paragraph in paragraphs_of(derivation.forward)),
            *(graph if picture else []),
            latex_fragment(derivation, notation, detail).rstrip("\n"),
            "",
            r"\end{document}",
            "",
        ]
    )


def latex_fragment(derivation: Derivation, notation: Notation = "leibniz", detail: Detail = "steps") -> str:
    """The given quantities and the steps of a derivation, for a document that has amsmath."""
    writer = LatexWriter(LayerLatexPrinter(Names.of(derivation, notation)))
    blocks = [r"\subsection*{Given}", _given_table(derivation, writer)]
    if derivation.forward.facts:
        assumed = ", ".join(f"${writer.fact(fact)}$" for fact in derivation.forward.facts)
        blocks.append(f"Assumed: {assumed}.")
    remarks = [writer.prose(remark) for remark in remarks_on(derivation, detail)]
    if remarks:
        blocks.append(" ".join(remarks))
    for section in sections_of(derivation, detail):
        blocks.append(rf"\subsection*{{{writer.prose(section.heading)}}}")
        blocks += [writer.step(step) for step in section.steps]
    return "\n\n".join(blocks) + "\n"


def _given_table(derivation: Derivation, writer: LatexWriter) -> str:
    rows = []
    for given in given_of(derivation):
        quantity = given.quantity
        shape = r" \times ".join(writer.printer.index(extent) for extent in quantity.extents)
        symbol = writer.printer.inline(quantity.element)
        rows.append((f"${symbol}$", f"${shape}$" if shape else "scalar", writer.prose(given.note)))
    head = [r"symbol & shape & meaning \\", r"\hline", r"\rule{0pt}{16pt}%"]
    wide = [max((_cell_width(row[n]) for row in rows), default=0.0) for n in range(3)]
    left = FORMULA_WIDTH - wide[0] - wide[1] - _BETWEEN
    if wide[2] <= left:
        kind, lines = "l", [" & ".join(row) + r" \\[4pt]" for row in rows]
    else:  # the meaning in lines of its own width
        kind = f"p{{{left:.1f}em}}"
        lines = [rf"{symbol} & {shape} & \raggedright {note} \tabularnewline[4pt]" for symbol, shape, note in rows]
    return "\n".join([rf"\begin{{tabular}}{{@{{}}ll{kind}@{{}}}}", *head, *lines, r"\end{tabular}"])


def _cell_width(cell: str) -> float:
    """About how wide text with formulas in dollars is, in em."""
    return sum(width_of(part) if n % 2 else 0.5 * len(part) for n, part in enumerate(cell.split("$")))


class LatexWriter:
    """Writes steps, sentences and displayed formulas with one printer."""

    def __init__(self, printer: LayerLatexPrinter, width: float = FORMULA_WIDTH) -> None:
        self.printer = printer
        self._width = width

    def step(self, step: Step) -> str:
        """A numbered sentence and, where the step has one, the formula below it."""
        text = rf"\textbf{{{step.number}. {escape_latex(rule_words(step))}.}} {self.prose(step.reason)}".rstrip()
        line = line_of(step)
        if line is None:
            return text
        return f"{text}\n{self.display(line, boxed=step.boxed, label=step.label)}"

    def prose(self, prose: Prose) -> str:
        """A sentence; a formula too long for a line of text is displayed."""
        return "".join(escape_latex(part) if isinstance(part, str) else self._inline(part) for part in prose)

    def _inline(self, part: Expr) -> str:
        latex = self.printer.inline(part)
        if width_of(latex) <= _INLINE_WIDTH:
            return f"${latex}$"
        return self._displayed(break_formula("", "", latex, self._width))

    def fact(self, fact: Fact) -> str:
        """A fact as a formula on one line."""
        return " ".join(self.printer.fact(fact))

    def line(self, line: Equation | Fact) -> tuple[str, str, str]:
        """Left side, relation and right side of what a step shows."""
        if isinstance(line, Fact):
            return self.printer.fact(line)
        left, right = self.printer.equation(line)
        return left, "=", right

    def display(self, line: Equation | Fact, boxed: bool = False, label: str | None = None) -> str:
        """A displayed formula, smaller than the text only where it has a part that is too wide and cannot be broken."""
        rows = self.rows(line, label)
        text = self._displayed(rows, boxed) if len(rows) <= _ROWS else _over_pages(rows, boxed)
        widest = max(width_of(row.replace("&", "")) for row in rows)
        if widest <= self._width:
            return text
        size = next((name for name, ratio in SMALLER if widest * ratio <= self._width), SMALLER[-1][0])
        return f"{{{size}\n{text}\\par}}"

    def rows(self, line: Equation | Fact, label: str | None = None) -> list[str]:
        """The rows of a formula, for an `aligned` environment."""
        left, relation, right = self.line(line)
        if label is not None:
            right += rf" =: {self.printer.index(label)}"
        return break_formula(left, relation, right, self._width)

    def _displayed(self, rows: Sequence[str], boxed: bool = False) -> str:
        return "\\[\n" + formula(rows, boxed) + "\n\\]"


def _over_pages(rows: Sequence[str], boxed: bool) -> str:
    """A formula that a page may not hold, so that it can go on on the next; of a result only the left side is boxed."""
    left, between, first = rows[0].partition(" &")
    left = rf"\boxed{{{left}}}" if boxed else left
    body = " \\\\[3pt]\n".join([f"{left}{between}{first}", *rows[1:]])
    return f"{{\\allowdisplaybreaks\n\\begin{{align*}}\n{body}\n\\end{{align*}}}}"


def formula(rows: Sequence[str], boxed: bool = False) -> str:
    r"""The rows of a formula put together for a display: `aligned` if there are several, \boxed if asked for."""
    if len(rows) == 1:
        text = rows[0].replace(" &", " ", 1).replace("  ", " ").strip()
    else:
        text = "\\begin{aligned}\n" + " \\\\[3pt]\n".join(rows) + "\n\\end{aligned}"
    return rf"\boxed{{{text}}}" if boxed else text
