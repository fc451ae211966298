"""The generated functions as oracles: what they return, held against the truth.

    Input    a Derivation
    Output   Checks for the verifier: the NumPy module's forward and backward, and each of their lines by lambdify
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from derive.codegen.lambdas import equation_arguments, lambdify_equation
from derive.codegen.numpy import compile_derivation
from derive.derivation import Derivation
from derive.discrepancy import worst_error
from derive.graph import Equation, Quantity
from derive.interpret import Array
from derive.oracles import Truth
from derive.verifier import Check, added_up_from

# 64-bit rounding is 1e-16; the data with a large offset cost up to six digits, as they must.
_BOUND = 1e-9


def generated_checks(derivation: Derivation, coded: Derivation | None) -> list[Check]:
    """Checks of the NumPy functions made of `coded`, a derivation of the same layer in the form that code comes from.

    Without it no functions are checked. The lines of `derivation` are checked one by one, through SymPy's lambdify, as
    well.
    """
    lines = (*derivation.forward.equations, *derivation.results)
    return [
        *(_module_checks(coded) if coded else ()),
        *(_check(f"{e.name}, by its line alone", "lambdified NumPy", _line_error(derivation, e)) for e in lines),
    ]


def _module_checks(coded: Derivation) -> Iterator[Check]:
    module = compile_derivation(coded)
    for name in (*coded.forward.outputs, *coded.backward.outputs):
        yield _check(f"{name}, as the module returns it", "generated NumPy", _module_error(module, coded, name))


def _check(line: str, oracle: str, worst: Callable[[Truth], float]) -> Check:
    return Check(line, oracle, _BOUND, worst)


def _module_error(module: ModuleType, derivation: Derivation, name: str) -> Callable[[Truth], float]:
    def error(truth: Truth) -> float:
        return _compare(truth, derivation, name, returned(module, derivation, truth)[name])

    return error


def returned(module: ModuleType, derivation: Derivation, truth: Truth) -> Mapping[str, Any]:
    """What `forward` and `backward` of a generated module return on one sample, by name."""
    graph = derivation.forward
    arguments = {q.name: to_numpy(truth.value(q.name), q, truth.sample.extents) for q in graph.inputs}
    given = [to_numpy(truth.given(o), graph.by_name[o], truth.sample.extents) for o in graph.outputs]
    with np.errstate(all="ignore"):  # whatever it is, the comparison says it
        values, residuals = module.forward(**arguments)
        gradients = module.backward(given[0] if len(given) == 1 else tuple(given), residuals)
    names = derivation.backward.outputs
    found = dict(zip(graph.outputs, _as_tuple(values, graph.outputs), strict=True))
    return found | dict(zip(names, _as_tuple(gradients, names), strict=True))


def _as_tuple(values: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    return (values,) if len(names) == 1 else tuple(values)


def _line_error(derivation: Derivation, equation: Equation) -> Callable[[Truth], float]:
    known = derivation.by_name
    function = lambdify_equation(equation, known)
    names, extents = equation_arguments(equation, known)

    def error(truth: Truth) -> float:
        arrays = [to_numpy(truth.value(name), known[name], truth.sample.extents) for name in names]
        with np.errstate(all="ignore"):  # whatever it is, the comparison says it
            value = function(*arrays, *(truth.sample.extents[extent] for extent in extents))
        return _compare(truth, derivation, equation.name, value)

    return error


def _compare(truth: Truth, derivation: Derivation, name: str, value: Any) -> float:
    quantity = derivation.by_name[name]
    shape = tuple(truth.sample.extents[extent] for extent in quantity.extents)
    # A line such as y[i, j] = b[j] is an array that broadcasts to its left side.
    claimed = dict(_elements(np.broadcast_to(np.asarray(value), shape)))
    equation = derivation.backward.equation_of[name]
    return worst_error(truth.value(name), claimed, _BOUND, partial(added_up_from, equation, truth))


def _elements(array: np.ndarray) -> Iterator[tuple[tuple[int, ...], float]]:
    for place in np.ndindex(*array.shape):
        yield tuple(position + 1 for position in place), float(array[place])


def to_numpy(array: Array, quantity: Quantity, extents: Mapping[str, int]) -> Any:
    """An interpreter's array as a float64 array; a scalar as a Python float."""
    if not quantity.indices:
        return float(array[()])
    result = np.empty([extents[extent] for extent in quantity.extents])
    for place in np.ndindex(*result.shape):
        result[place] = float(array[tuple(position + 1 for position in place)])
    return result
