"""A derivation as plain data, for JSON: equations as text in the layer grammar, and their LaTeX."""

from __future__ import annotations

from typing import Any

from derive.derivation import Derivation, Detail, Prose, Step
from derive.printing.grammar import equation_text, expression_text
from derive.printing.latex import LatexWriter, formula
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.names import Names, Notation
from derive.printing.outline import line_of


def derivation_data(derivation: Derivation, detail: Detail = "full", notation: Notation = "leibniz") -> dict[str, Any]:
    """The derivation in dicts, lists, strings and numbers.

    `inputs` maps each input to its extents; a step's `equation` is null where it has none, and so is its `latex` where
    it shows no formula; `results` are the gradients (in the mode `forward`, the tangents) with what they use before
    them. Raises UsageError for an unknown notation.
    """
    writer = LatexWriter(LayerLatexPrinter(Names.of(derivation, notation)))
    return {
        "layer": derivation.forward.name,
        "form": derivation.form,
        "mode": derivation.mode,
        "order": derivation.order,
        "inputs": {quantity.name: list(quantity.extents) for quantity in derivation.forward.inputs},
        "steps": [_step_data(step, writer) for step in derivation.shown(detail)],
        "results": {equation.name: equation_text(equation) for equation in derivation.results},
    }


def _step_data(step: Step, writer: LatexWriter) -> dict[str, Any]:
    line = line_of(step)
    return {
        "number": step.number,
        "rule": step.rule,
        "reason": prose_text(step.reason),
        "equation": None if step.equation is None else equation_text(step.equation),
        "latex": None if line is None else formula(writer.rows(line, step.label), step.boxed),
    }


def prose_text(prose: Prose) -> str:
    """A sentence with its expressions in the layer grammar."""
    return "".join(part if isinstance(part, str) else expression_text(part) for part in prose)
