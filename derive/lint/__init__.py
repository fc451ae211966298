"""The forward lint: lines of a layer that are probably not meant as they stand.

Nothing here goes by a name. What is a mean, a centered quantity, a variance or a softmax is found out from the
equations, through any number of intermediate ones and however it is written. In doubt nothing is said.
"""

from __future__ import annotations

from derive.graph import Equation, Graph
from derive.lint.accuracy import Accuracy
from derive.lint.definitions import Definitions
from derive.lint.exponentials import Exponentials
from derive.lint.moments import Moments
from derive.lint.places import Warned, places
from derive.lint.scaling import Scaling
from derive.lint.warning import LintWarning as LintWarning
from derive.printing.grammar import equation_text


def lint(graph: Graph) -> tuple[LintWarning, ...]:
    """The warnings about a layer, in the order of its lines."""
    definitions = Definitions(graph)
    moments = Moments(definitions)
    scaling, accuracy = Scaling(definitions, moments), Accuracy(definitions, moments)
    exponentials = Exponentials(definitions)
    found: list[Warned] = []
    for place in places(graph):
        scaling.look_at(place)
        found += accuracy.look_at(place)
        found += exponentials.look_at(place)
    found += scaling.warnings()
    lines = graph.source.split("\n")
    warnings = [LintWarning(w.equation.line, w.rule, w.message, _text(w.equation, lines)) for w in found]
    return tuple(sorted(dict.fromkeys(warnings), key=lambda warning: warning.line or 0))


def lint_lines(graph: Graph) -> tuple[str, ...]:
    """The warnings about a layer, each as one line of text, for a report that names the layer itself."""
    return tuple(w.message if w.line is None else f"line {w.line}: {w.message}" for w in lint(graph))


def lint_text(graph: Graph, warnings: tuple[LintWarning, ...], file: str) -> str:
    """The warnings for the terminal: `file:line: warning: message`, and below each the line that it is about."""
    shown = []
    for warning in warnings:
        place = file if warning.line is None else f"{file}:{warning.line}"
        shown.append(f"{place}: warning: {warning.message}\n    {warning.text}\n")
    # What is of the author's making may not steer the terminal.
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in "".join(shown))


def _text(equation: Equation, lines: list[str]) -> str:
    """The line of an equation as its author wrote it; as we would write it, for a graph without a text."""
    if equation.line is not None and equation.line <= len(lines):
        written = lines[equation.line - 1].strip()
        if written:
            return written
    return equation_text(equation)
