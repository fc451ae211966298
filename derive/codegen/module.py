"""The text of a module of functions: forward, backward, double_backward, and the residuals between them.

    Input    a Derivation, if wanted that of its gradients' own gradients, and the target
    Output   the text of a module

Each line of the generated functions is one equation of a derivation, under the paper's name for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sympy import sign

from derive.codegen.dialects import Dialect
from derive.codegen.layer_functions import (
    backward_lines,
    computed_forward,
    double_backward_lines,
    forward_lines,
    paired,
)
from derive.codegen.residuals import (
    Residuals,
    cotangents_of,
    first_order_equations,
    residuals_of,
    second_order_equations,
)
from derive.codegen.runtime import sources_for
from derive.codegen.wrapping import WIDTH, formula, prose
from derive.derivation import Derivation
from derive.errors import UsageError
from derive.functions import MaxOver, where
from derive.graph import Equation, fresh_name
from derive.narrate import KINKS
from derive.printing.grammar import equation_text


@dataclass(frozen=True)
class Parts:
    """What a target adds to the functions that all have, and takes for it.

    `imports` are the lines that the text of the functions needs, `runtime` the functions that it may bring along,
    `extra` the lines of what comes after `double_backward`. `rewrite` makes of the derivations what is computed, where
    that is something else than what the docstring says.
    """

    imports: Callable[[str], list[str]]
    runtime: Sequence[Callable[..., object]]
    extra: Callable[[Derivation, Derivation | None, Residuals], list[str]] = lambda *_: []
    remark: str = ""
    rewrite: Callable[[Sequence[Derivation]], Sequence[Derivation]] = lambda orders: orders


def write_module(derivation: Derivation, second: Derivation | None, dialect: Dialect, parts: Parts) -> str:
    """The source of the module.

    It has `forward`, which takes the inputs in file order (constants with a default last) and returns the output, or
    a tuple of outputs, and the residuals; `Residuals`; and `backward`, which takes the cotangents in the same form
    and the residuals, and returns the gradients in input order. With `second`, the derivation of order 2 that
    differentiates these gradients, it has `double_backward`, too, which takes the cotangents of the gradients one by
    one, then what `backward` takes, and returns the gradients with respect to the cotangents and the inputs. Raises
    TypeError for an expression without array code, and UsageError for a derivation in forward mode.
    """
    if derivation.mode == "forward":
        raise UsageError("functions are generated for gradients, not for tangents: leave out the mode forward")
    said = derivation, second
    derivation, *others = parts.rewrite([derivation, *([second] if second else [])])
    second = others[0] if others else None
    residuals = residuals_of(derivation, second, dialect)
    used = derivation.backward.names | (second.backward.names if second else set())
    together = fresh_name(["cotangents", "all_cotangents"], used)
    functions = [*forward_lines(derivation, residuals), "", "", *backward_lines(derivation, residuals, together)]
    if second is not None:
        functions += ["", "", *double_backward_lines(derivation, second, residuals, together)]
    functions += parts.extra(derivation, second, residuals)
    body = "\n".join(functions)
    sources = sources_for(body, parts.runtime)
    lines = [
        *suppressions(derivation, second, residuals),
        module_docstring(*said, residuals, parts.remark),
        "",
        "from __future__ import annotations",
        "",
        *parts.imports("\n".join([*residuals.class_lines(), body, *sources])),
        "",
        "",
        *residuals.class_lines(),
        "",
        "",
        body,
        *(f"\n\n{source}" for source in sources),
    ]
    return "\n".join(lines) + "\n"


def module_docstring(
    derivation: Derivation, second: Derivation | None, residuals: Residuals, remark: str = ""
) -> str:
    """The docstring of a generated module."""
    # What the author of the layer wrote must not end the docstring.
    text = module_description(derivation, second, residuals, remark).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return f'"""{text}\n"""'


def module_description(
    derivation: Derivation, second: Derivation | None, residuals: Residuals, remark: str = ""
) -> str:
    """What stands at the head of generated code: what the layer is, and every equation that the functions compute."""
    graph = derivation.forward
    description = graph.description.strip().splitlines() or [graph.name]
    lines = [part.rstrip() for line in description for part in _wrapped(line)]
    lines += ["", "Forward", ""]
    lines += _formulas(computed_forward(derivation, residuals))
    lines += ["", "Backward: dv stands for the gradient of the loss with respect to v.", ""]
    lines += _formulas(first_order_equations(derivation))
    if conventions := _conventions(derivation):
        lines += ["", *prose(" ".join(conventions))]
    if second is not None:
        lines += _second_order(derivation, second)
    lines += ["", *prose(remark)] if remark else []
    return "\n".join([*lines, "", "Generated by `derive`; do not edit."])


def _conventions(derivation: Derivation) -> list[str]:
    """What the gradients are at kinks, where a kink of the layer has left a condition or a sign in them."""
    if not any(e.expression.atoms(where, sign, MaxOver) for e in first_order_equations(derivation)):
        return []
    met = {type(node) for e in derivation.forward.equations for node in e.expression.atoms(*KINKS)}
    return [convention for kind, convention in KINKS.items() if kind in met]


def _second_order(derivation: Derivation, second: Derivation) -> list[str]:
    """The part about `double_backward`, without the lines that are in the part about `backward`."""
    known = {equation_text(equation) for equation in first_order_equations(derivation)}
    equations = [e for e in second_order_equations(derivation, second) if equation_text(e) not in known]
    text = f"Double backward: d2v stands for the gradient of {paired(second)} with respect to v."
    if any(quantity.role == "contribution" for quantity in cotangents_of(second)):
        text += " d2v_total is a given d2v with what reaches v through other gradients added."
    return ["", *prose(text), "", *_formulas(equations)] if equations else []


def _formulas(equations: Sequence[Equation]) -> list[str]:
    pad = " " * 4
    return [line for equation in equations for line in formula(equation_text(equation), pad, pad + pad)]


def _wrapped(line: str) -> list[str]:
    return [line] if len(line) <= WIDTH else prose(line)


def suppressions(
    derivation: Derivation, second: Derivation | None, residuals: Residuals, indices: Iterable[str] = ()
) -> list[str]:
    """A comment for the linter: names that the linter dislikes, but that the author of the layer chose."""
    graphs = [derivation.backward, *([second.backward] if second else [])]
    names = [name for graph in graphs for name in (*graph.by_name, *graph.extents)] + list(indices)
    codes = ["E741"] if any(name in ("l", "O", "I") for name in names) else []
    if not all(name.isascii() for name in names):
        codes.append("PLC2401")
    if any(name.lstrip("_")[:1].islower() and name != name.lower() for name in residuals.names):
        codes.append("N815")
    return [f"# ruff: noqa: {', '.join(codes)}"] if codes else []
