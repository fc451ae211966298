"""Functions with their arguments in hand: ready to be timed, or called once for what they return.

    Input    Functions, arrays
    Output   a contender; or the values of outputs and gradients, by name
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derive.bench.data import Values, draw_cotangents, draw_values
from derive.bench.functions import Functions, argument_order, parameters
from derive.bench.libraries import library
from derive.bench.shapes import Extents, shape_of
from derive.bench.timing import Local, first_line
from derive.errors import UsageError
from derive.graph import Graph

# Of an agreement in float64, relative to the largest value.
_TOLERANCE = 1e-6


def contender(functions: Functions, graph: Graph, extents: Extents, values: Values, cotangents: Values) -> Local:
    """The functions with their arguments in hand, ready to be timed. The arrays have the dtype to be measured."""
    held = library(functions.library)
    if held is None:
        raise ImportError(f"{functions.library} is not installed")
    arguments = [held.given(values[name]) for name in argument_order(graph)]
    arrays = [array for array in values.values() if isinstance(array, np.ndarray)]
    dtype = arrays[0].dtype if arrays else np.dtype(np.float64)
    given = [_cotangent(held.given, functions.library, cotangents[name], dtype) for name in graph.outputs]
    cotangent = given[0] if len(given) == 1 else tuple(given)
    outputs = [shape_of(graph.by_name[name], extents) for name in graph.outputs]
    gradients = [shape_of(graph.by_name[name], extents) for name in graph.differentiable]
    forward_options = _options(functions, functions.forward, outputs, dtype)
    backward_options = _options(functions, functions.backward, gradients, dtype)
    wait = held.wait or (lambda result: result)
    return Local(
        functions.name,
        functions.way,
        lambda: wait(functions.forward(*arguments, **forward_options)),
        lambda residuals: wait(functions.backward(cotangent, residuals, **backward_options)),
        functions.ready,
    )


def _cotangent(given: Callable[[Any], Any], name: str, value: Any, dtype: np.dtype) -> Any:
    """A cotangent as a library takes it; that of a number is one of the dtype."""
    if isinstance(value, np.ndarray):
        return given(value)
    return dtype.type(value) if name == "numpy" else given(np.asarray(value, dtype))


def _options(
    functions: Functions, function: Callable[..., Any], shapes: Sequence[tuple[int, ...]], dtype: np.dtype
) -> dict[str, Any]:
    known = parameters(function)
    options = {name: value for name, value in (functions.options or {}).items() if name in known}
    if functions.fills and "out" in known:
        arrays = [np.zeros(shape, dtype) if shape else None for shape in shapes]
        options["out"] = arrays[0] if len(arrays) == 1 else tuple(arrays)
    return options


def returned(functions: Functions, graph: Graph, extents: Extents, values: Values, cotangents: Values) -> Values:
    """What one call of forward and one of backward give, by the names of the outputs and of the inputs' gradients.

    Raises what the functions raise.
    """
    held = library(functions.library)
    if held is None:
        raise ImportError(f"{functions.library} is not installed")
    ready = contender(functions, graph, extents, values, cotangents)
    with np.errstate(all="ignore"):  # what overflows is seen in the values
        functions.ready()
        outputs, residuals = ready.forward()
        gradients = ready.backward(residuals)
    found = dict(zip(graph.outputs, as_tuple(outputs, len(graph.outputs)), strict=True))
    found |= dict(zip(graph.differentiable, as_tuple(gradients, len(graph.differentiable)), strict=True))
    return {name: held.to_numpy(value) for name, value in found.items()}


def as_tuple(values: Any, number: int) -> tuple[Any, ...]:
    """Several results as a tuple; of one result that one."""
    return (values,) if number == 1 else tuple(values)


def agreeing(
    graph: Graph, extents: Extents, truth: Functions, others: Sequence[Functions]
) -> tuple[list[Functions], list[str]]:
    """The functions that return what `truth` does, in float64; and in a line each what another one does.

    Raises UsageError where `truth` refuses the data: the facts of the layer are more than can be drawn at any size.
    """
    values, cotangents = draw_values(graph, extents), draw_cotangents(graph, extents)
    try:
        expected = returned(truth, graph, extents, values, cotangents)
    except ValueError as refusal:
        advice = "large arrays are drawn with bounds on single inputs, and with given sums of them"
        raise UsageError(f"no data to measure {graph.name} with: {refusal}\n  help: {advice}") from None
    found, notes = [], []
    for functions in others:
        try:
            difference = _largest_difference(returned(functions, graph, extents, values, cotangents), expected)
        except Exception as error:  # whatever a library raises: the others are measured all the same
            notes.append(f"{functions.name}: {first_line(error)}")
            continue
        if difference <= _TOLERANCE:
            found.append(functions)
        else:
            notes.append(f"{functions.name}: left out, it computes something else (off by {difference:.1g})")
    return found, notes


def _largest_difference(values: Values, expected: Values) -> float:
    """Relative to the largest value of each result; infinite where a shape is another one, or a NaN comes.

    A result that is zero whatever the data are is rounded like the others.
    """
    overall = max(float(np.max(np.abs(wanted), initial=0)) for wanted in expected.values())
    worst = 0.0
    for name, wanted in expected.items():
        if np.shape(values[name]) != np.shape(wanted):
            return np.inf
        size = max(float(np.max(np.abs(wanted), initial=0)), _TOLERANCE * overall, 1e-300)
        difference = float(np.max(np.abs(values[name] - wanted), initial=0)) / size
        worst = max(worst, difference if difference == difference else np.inf)
    return worst
