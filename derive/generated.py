"""The generated functions as oracles: what they return, held against the truth.

    Input    a Derivation
    Output   Checks for the verifier: what the NumPy module's functions return, and each of their lines by lambdify
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from derive.codegen.lambdas import equation_arguments, lambdify_equation
from derive.codegen.numpy import compile_derivation
from derive.codegen.residuals import cotangents_of
from derive.derivation import Derivation
from derive.discrepancy import worst_error
from derive.graph import Equation, Quantity
from derive.interpret import Array
from derive.oracles import Truth
from derive.verifier import Check, added_up_from

# 64-bit rounding is 1e-16; the data with a large offset cost up to six digits, as they must.
_BOUND = 1e-9


def generated_checks(derivation: Derivation, *coded: Derivation) -> list[Check]:
    """Checks of the NumPy functions made of `coded`: derivations in the form that code comes from.

    For a derivation of order 1 that is one of the same layer, for one of order 2 that of order 1 and that of its
    gradients; without any, no functions are checked. The lines of `derivation` are checked one by one, through SymPy's
    lambdify, as well.
    """
    lines = (*derivation.forward.equations, *derivation.results)
    return [
        *(_module_checks(derivation, coded) if coded else ()),
        *(_check(f"{e.name}, by its line alone", "lambdified NumPy", _line_error(derivation, e)) for e in lines),
    ]


def _module_checks(derivation: Derivation, coded: Sequence[Derivation]) -> Iterator[Check]:
    """Each value that the functions of the highest order return, and the derivation knows."""
    module, last = compile_derivation(*coded), coded[-1]
    names = [*last.forward.outputs, *last.backward.outputs] if len(coded) == 1 else last.backward.outputs
    for name in names:
        if name in derivation.by_name:
            yield _check(f"{name}, as the module returns it", "generated NumPy", _module_error(module, coded, name))


def _check(line: str, oracle: str, worst: Callable[[Truth], float]) -> Check:
    return Check(line, oracle, _BOUND, worst)


def _module_error(module: ModuleType, coded: Sequence[Derivation], name: str) -> Callable[[Truth], float]:
    first, last = coded[0], coded[-1]

    def error(truth: Truth) -> float:
        again = len(coded) > 1
        found = returned_again(module, first, last, truth) if again else returned(module, first, truth)
        return _compare(truth, last, name, found[name])

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


def returned_again(module: ModuleType, first: Derivation, second: Derivation, truth: Truth) -> Mapping[str, Any]:
    """What `double_backward` of a generated module returns on one sample of the `whole` of both orders, by name."""
    graph, sample = first.forward, truth.sample
    cotangents = cotangents_of(first)
    arguments = {q.name: to_numpy(sample.inputs[q.name], q, sample.extents) for q in (*graph.inputs, *cotangents)}
    given = [arguments[q.name] for q in cotangents]
    again = [to_numpy(truth.given(o), second.forward.by_name[o], sample.extents) for o in second.forward.outputs]
    with np.errstate(all="ignore"):  # whatever it is, the comparison says it
        _, residuals = module.forward(**{q.name: arguments[q.name] for q in graph.inputs})
        found = module.double_backward(*again, given[0] if len(given) == 1 else tuple(given), residuals)
    names = second.backward.outputs
    return dict(zip(names, _as_tuple(found, names), strict=True))


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
