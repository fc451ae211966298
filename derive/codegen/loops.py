"""Derivations as a module of compiled loops, for Numba: `forward` and `backward` around the stages of a schedule.

    Input    a Derivation
    Output   the text of a module that imports NumPy and Numba

schedule/ finds the loops, loops_printer.py prints them, runtime_loops.py is what every module brings along.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from derive.codegen.centering import with_rests
from derive.codegen.contract import Checks, cotangent_lines, tuple_text, unpacking_lines
from derive.codegen.dialects import NUMPY, Like
from derive.codegen.functions_of_loops import LoopFunction, backward_function, forward_function
from derive.codegen.layer_functions import parameters
from derive.codegen.module import module_docstring, suppressions
from derive.codegen.residuals import Residuals, cotangents_of
from derive.codegen.runtime import ARE_APART, ARE_CLOSE, CHECK_SHAPE, FITS, OUTPUTS, sources_for
from derive.codegen.schedule.recompute import Saved, what_to_save
from derive.codegen.signatures import argument_type, bundle, bundle_type, described, docstring, return_line, signature
from derive.codegen.wrapping import call, unpacked
from derive.derivation import Derivation
from derive.graph import Quantity, fresh_name

_CONTRACT = (
    "The arrays have one dtype, float32, float64, float16 or bfloat16, and so have the results; all arithmetic is in"
    " float64. What has another type or dtype is a TypeError, what has another shape or breaks a condition a"
    " ValueError. Arguments are never written to, but for `out`: results are put there, into arrays of their shape and"
    " dtype. The residuals may hold the arguments and the results themselves, but no `out`. `threads` is how many to"
    " use, None for as many as pay off; the results do not depend on it."
)
_GRADIENT_CONTRACT = (
    "The dtype and the shapes are those of the call of `forward` that the residuals are from; what has another dtype is"
    " a TypeError, what has another shape a ValueError. `out` and `threads` are those of `forward`."
)
_RUNTIME = Path(__file__).with_name("runtime_loops.py")
_STANDARD = sys.stdlib_module_names - {"__future__"}


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module: `forward`, `backward` and `Residuals`, as for NumPy, with `out` and `threads`.

    Raises TypeError for an expression without loops. There is nothing of order 2: `second` must be None.
    """
    assert second is None
    saved, forward, backward = functions_of(derivation)
    kernels = "\n".join(line for function in (forward, backward) for line in (*function.kernel_lines(), "", ""))
    return text_around(kernels, derivation, saved, forward, backward)


def functions_of(derivation: Derivation) -> tuple[Saved, LoopFunction, LoopFunction]:
    """What forward saves, and the two functions. Their means are in two parts, of which docstrings do not speak."""
    (computed,) = with_rests([derivation])
    saved = what_to_save(computed)
    return saved, forward_function(computed, saved), backward_function(computed, saved)


def text_around(
    kernels: str, derivation: Derivation, saved: Saved, forward: LoopFunction, backward: LoopFunction
) -> str:
    """The module with these kernels: `forward` and `backward` check arguments, make arrays, and call a kernel."""
    fields = _fields(forward, backward)
    around = "\n".join([
        *_forward_lines(derivation, forward, fields), "", "", *_backward_lines(derivation, backward, fields)
    ])  # fmt: skip
    residuals = Residuals(saved.quantities, (), True, "`backward` needs", NUMPY)
    imports, sources = _runtime_for(f"{around}\n{kernels}")
    return "\n".join([
        *suppressions(derivation, None, residuals, [axis.name for f in (forward, backward) for axis in f.plan.order]),
        module_docstring(derivation, None, residuals),
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
        "",
        *_class_lines(fields),
        "",
        "",
        around,
        *(f"\n\n{source}" for source in sources),
        "",
        "",
        kernels.rstrip(),
    ]) + "\n"  # fmt: skip


# The residuals: what forward saves, by name and type; arrays know their extents.


def _fields(forward: LoopFunction, backward: LoopFunction) -> dict[str, str]:
    """The fields of Residuals and their types."""
    used = {*backward.plan.inputs, *backward.plan.numbers}
    names = [name for name in forward.known if name in used]
    fields = {}
    for name in names:
        quantity = backward.known[name]
        fields[name] = f"np.ndarray  # [{', '.join(quantity.extents)}]" if quantity.indices else "float"
    known = {extent for name in names for extent in backward.known[name].extents}
    missing = [extent for extent in backward.extents() if extent not in known]
    return fields | dict.fromkeys(missing, "int") | {"dtype": "np.dtype"}


def _class_lines(fields: dict[str, str]) -> list[str]:
    ignored = {"count": "  # type: ignore[assignment]", "index": "  # type: ignore[assignment]"}
    text = "What `backward` needs of a call of `forward`: statistics in float64, and the dtype of the results."
    return [
        "class Residuals(NamedTuple):",
        f'    """{text}"""',
        "",
        *(f"    {name}: {kind}{ignored.get(name, '')}" for name, kind in fields.items()),
    ]


# The functions around the loops.


def _forward_lines(derivation: Derivation, function: LoopFunction, fields: dict[str, str]) -> list[str]:
    graph = derivation.forward
    arrays = [q for q in graph.inputs if q.indices]
    checks = Checks(graph, Like("dtype"), NUMPY, function.names["check"])
    outputs = [graph.by_name[name] for name in graph.outputs]
    rows = [(q.name, described(q)) for q in graph.inputs]
    if checks.switch:
        rows.append((checks.switch, "whether to check the conditions on arrays"))
    rows += [(q.name, described(q)) for q in outputs]
    conditions = [f"Conditions: {', '.join(checks.conditions)}."] if checks.conditions else []
    saved = [function.kept(name) for name in fields]
    heads = [f'    dtype = _dtype("{arrays[0].name}", {arrays[0].name})'] if arrays else [
        f"    dtype = _dtype_of({graph.inputs[0].name})"
    ]
    known: dict[str, None] = {}
    for q in arrays:
        heads += _array_line(q, known)
        heads += unpacking_lines(q, q.extents, known)
        known |= dict.fromkeys(q.extents)
    heads += [f'    {q.name} = _scalar("{q.name}", {q.name})' for q in graph.inputs if not q.indices]
    given = parameters(graph, checks.switch, NUMPY)
    given = given + ([] if "*" in given else ["*"]) + function.options()
    return [
        *signature("forward", given, f"tuple[{bundle_type(outputs, NUMPY)}, Residuals]"),
        *docstring(f"Return {bundle(outputs)} and what `backward` needs.", rows, [_CONTRACT, *conditions]),
        *heads,
        *checks.lines,
        *function.body_lines(),
        *_returned_with(saved, [function.finished(quantity) for quantity in outputs]),
    ]


def _backward_lines(derivation: Derivation, function: LoopFunction, fields: dict[str, str]) -> list[str]:
    graph = derivation.backward
    cotangents = cotangents_of(derivation)
    gradients = [graph.by_name[name] for name in graph.outputs]
    outputs = bundle([derivation.forward.by_name[name] for name in derivation.forward.outputs])
    noun = "gradient" if len(gradients) == 1 else "gradients"
    together = fresh_name(["cotangents", "all_cotangents"], graph.names) if len(cotangents) > 1 else ""
    rows = [(together, f"the tuple {bundle(cotangents)}")] if together else []
    rows += [(q.name, described(q)) for q in (*cotangents, *gradients)]
    first = f"Return {bundle(gradients)}, the {noun} of a loss whose gradient with respect to {outputs} is given."
    names = list(fields)
    heads = unpacked(names, "residuals") if len(names) > 1 else [f"    {names[0]} = residuals.{names[0]}"]
    known = dict.fromkeys(name for name, kind in fields.items() if kind == "int")
    for name in sorted((n for n in names if n in function.known), key=lambda n: -len(function.known[n].indices)):
        heads += unpacking_lines(function.known[name], function.known[name].extents, known)
        known |= dict.fromkeys(function.known[name].extents)
    heads += cotangent_lines(together, [q.name for q in cotangents]) if together else []
    for q in cotangents:
        heads += _array_line(q, known) if q.indices else [f'    {q.name} = _scalar("{q.name}", {q.name})']
    parameter = f"{together or cotangents[0].name}: {bundle_type(cotangents, NUMPY, argument_type)}"
    given = [parameter, "residuals: Residuals", "*", *function.options()]
    return [
        *signature("backward", given, bundle_type(gradients, NUMPY)),
        *docstring(first, rows, [_GRADIENT_CONTRACT]),
        *heads,
        *function.body_lines(),
        *return_line([function.finished(quantity) for quantity in gradients]),
    ]


def _array_line(quantity: Quantity, known: dict[str, None]) -> list[str]:
    lengths = [extent if extent in known else f'"{extent}"' for extent in quantity.extents]
    arguments = [f'"{quantity.name}"', quantity.name, f'"{tuple_text(quantity.extents)}"', tuple_text(lengths), "dtype"]
    return call(f"{quantity.name} = _array", arguments, "")


def _returned_with(saved: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """The lines that return the outputs and the residuals."""
    if len(outputs) == 1:
        return call(f"return {outputs[0]}, Residuals", saved, "")
    return [*call("residuals = Residuals", saved, ""), *call("return ", outputs, ", residuals")]


# What a module brings along.


@cache
def _runtime() -> tuple[str, ast.Module]:
    text = _RUNTIME.read_text(encoding="utf-8")
    return text, ast.parse(text)


def _runtime_for(body: str) -> tuple[list[str], list[str]]:
    """The imports, and the sources of the definitions that a text needs, with what these need in turn."""
    text, tree = _runtime()
    lines = text.splitlines()
    definitions: dict[str, str] = {}
    for node in tree.body:
        names = [node.name] if isinstance(node, ast.FunctionDef) else []
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names += [n.id for target in targets if target for n in ast.walk(target) if isinstance(n, ast.Name)]
        start = _first_line(node, lines)
        for name in names:
            definitions[name] = "\n".join(lines[start - 1 : node.end_lineno])
    for node in tree.body:  # what has no name goes with what it is about
        if isinstance(node, ast.If):
            definitions["_pool"] += "\n\n\n" + "\n".join(lines[_first_line(node, lines) - 1 : node.end_lineno])
    wanted: dict[str, None] = {}
    todo = [body]
    while todo:
        used = {n.id for n in ast.walk(ast.parse(todo.pop())) if isinstance(n, ast.Name)}
        new = {name: text for name, text in definitions.items() if name in used and name not in wanted}
        wanted |= dict.fromkeys(new)
        todo += new.values()
    chosen = dict.fromkeys(text for name, text in definitions.items() if name in wanted)
    others = sources_for("\n".join([body, *chosen]), (ARE_APART, ARE_CLOSE, OUTPUTS, CHECK_SHAPE, FITS))
    return _imports(tree, "\n".join([body, *chosen, *others])), [*chosen, *others]


def _first_line(node: ast.stmt, lines: Sequence[str]) -> int:
    """Where a definition begins, with its decorators and the comment above it."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    line = decorators[0].lineno if decorators else node.lineno
    while lines[line - 2].startswith("# "):
        line -= 1
    return line


def _imports(tree: ast.Module, text: str) -> list[str]:
    """The imports of the runtime that a text uses, and that of NamedTuple, as the linter sorts them."""
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    plain: list[str] = []
    others: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            (alias,) = node.names
            if (alias.asname or alias.name) in used:
                line = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                (plain if alias.name in _STANDARD else others).append(line)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _STANDARD:
            names = {alias.name for alias in node.names if alias.name in used}
            names |= {"NamedTuple"} if node.module == "typing" else set()
            if names:
                plain.append(f"from {node.module} import {', '.join(sorted(names))}")
    return [*plain, "", *others]
