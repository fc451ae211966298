"""The numbers of the page on higher orders: one function, differentiated in every way there is.

    Input    higher_orders.json: a small batch of exact numbers, and what torch returned for it, recorded
    Output   derivatives of f(s, t) = <y(x + s*u + t*v), w> in 240 digits

y is batch norm in training mode. A way to a derivative of f is a row of sweeps, "reverse" or "forward", the first one
first. All numbers but torch's are computed here; torch's come from tests/torch_higher_orders.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from sympy import Rational

from derive.arithmetic import PRECISE, Number
from derive.differentiate import vjp
from derive.graph import Graph, Mode
from derive.interpret import Array, convert, from_nested, places, run
from derive.pipeline import derive, load
from derive.tangents import jvp, tangent_suffix

Way = tuple[Mode, ...]

DATA = Path(__file__).parent / "higher_orders.json"
ORDERS = (1, 2, 3)
STEP = Rational(1, 10**20)  # squared, it is the error of a central difference; what rounding adds is far below

_MODES: tuple[Mode, ...] = ("reverse", "forward")
WAYS: tuple[Way, ...] = tuple(way for order in ORDERS for way in product(_MODES, repeat=order))


@cache
def recorded() -> dict[str, Any]:
    """The file: the `layer`, its `saved` statistics, the `inputs` by name, and `torch`, a list of measurements.

    Of a measurement's rows the `columns` are shown; what has the same numbers as the one that is `fused` is not.
    """
    found: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return found


@cache
def inputs() -> Mapping[str, Array]:
    """x, gamma, beta, the directions u and v, and the weights w, in 240 digits; eps is the layer's default."""
    given = {name: from_nested(nested) for name, nested in recorded()["inputs"].items()}
    exact = {name: {place: Rational(value) for place, value in array.items()} for name, array in given.items()}
    exact |= {q.name: {(): q.default} for q in layer().inputs if q.default is not None}
    return convert(exact, PRECISE)


def layer() -> Graph:
    """The layer that y is computed by."""
    return load(recorded()["layer"])


@cache
def extents() -> Mapping[str, int]:
    """N and D of the batch."""
    return dict(zip(("N", "D"), max(inputs()["x"]), strict=True))


# The true function, and its central differences.


def function(s: Number, t: Number) -> Number:
    """f(s, t), from the equations of the layer alone."""
    given = dict(inputs())
    given["x"] = {place: x + s * given["u"][place] + t * given["v"][place] for place, x in given["x"].items()}
    return _inner(run(layer().equations, given, extents(), PRECISE)["y"], given["w"])


@cache
def differences(step: Rational = STEP) -> Mapping[int | str, Number]:
    """The derivatives of f by t at 0, by their order, and the mixed one by s and t under "mixed"."""
    h = PRECISE.number(step)
    f = {k: function(0 * h, k * h) for k in (-2, -1, 0, 1, 2)}
    corners = [a * b * function(a * h, b * h) for a in (1, -1) for b in (1, -1)]
    return {
        1: (f[1] - f[-1]) / (2 * h),
        2: (f[1] - 2 * f[0] + f[-1]) / h**2,
        3: (f[2] - 2 * f[1] + 2 * f[-1] - f[-2]) / (2 * h**3),
        "mixed": sum(corners) / (4 * h**2),
    }


# The derivatives that `derive` makes, evaluated.


@cache
def by_sweeps(way: Way, directions: str) -> Number:
    """A derivative of f by sweeps over the graph, staged; `directions` has u or v for each of them.

    <output, weight> is the number that is differentiated. Forward, the output becomes its tangent in the direction.
    Reverse, the weight is the cotangent that is given, the gradient the new output, the direction the new weight.
    """
    graph, given = layer(), dict(inputs())
    weight = given["w"]
    for mode, direction in zip(way, directions, strict=True):
        before = graph.names
        graph = (vjp if mode == "reverse" else jvp)(graph, ["x"])
        for quantity in graph.inputs:
            if quantity.name not in before:
                given[quantity.name] = weight if mode == "reverse" else given[direction]
        weight = given[direction] if mode == "reverse" else weight
    return _inner(run(graph.equations, given, extents(), PRECISE)[graph.outputs[0]], weight)


@cache
def closed(order: int) -> Number:
    """A derivative of f from the derivation of that order: its gradient with respect to x, along v.

    The gradients with respect to x of the lower orders get v for a cotangent, all others 0.
    """
    return _inner(_evaluated(derive(layer(), wrt=["x"], order=order).backward, _cotangents(order)), inputs()["v"])


# The same with the statistics of the batch saved: numbers that no later sweep sees through. This is a mistake, and one
# by which the numbers of a fused norm can be told.


@cache
def saved_gradient() -> Number:
    """The tangent of the closed gradient of the second order, mu and var held: a wrong f‴."""
    graph = jvp(_with_saved(derive(layer(), wrt=["x"], order=2).backward), ["x"])
    return _inner(_evaluated(graph, {**_cotangents(2), "x_dot": "v"}), inputs()["v"])


@cache
def saved_tangent(directions: str) -> Number:
    """The first tangent of y as the chain rule has it, differentiated on with mu and var held: a wrong f″, f‴."""
    graph = _with_saved(jvp(layer(), ["x"]))
    for _ in directions[1:]:
        graph = jvp(graph, ["x"])
    names = (f"x{tangent_suffix(number)}" for number in range(1, len(directions) + 1))
    return _inner(_evaluated(graph, dict(zip(names, directions, strict=True))), inputs()["w"])


def _with_saved(graph: Graph) -> Graph:
    """The graph with the statistics for constants that are given."""
    saved = recorded()["saved"]
    saved = recorded()["saved"]
    quantities = [replace(q, role="constant") if q.name in saved else q for q in graph.quantities]
    ordered = sorted(quantities, key=lambda q: q.name in graph.equation_of and q.name not in saved)
    equations = tuple(equation for equation in graph.equations if equation.name not in saved)
    return replace(graph, quantities=tuple(ordered), equations=equations)


def _cotangents(order: int) -> dict[str, str]:
    """What the gradients of the orders up to this one are given: w for y, then v for each gradient by x."""
    return {"dy": "w"} | {f"d{n + 1}d{n if n > 1 else ''}x": "v" for n in range(1, order)}


def _evaluated(graph: Graph, names: Mapping[str, str]) -> Array:
    """The one output of a graph. `names` says which of the inputs goes by another name; what is not given is 0."""
    forward = run(layer().equations, inputs(), extents(), PRECISE)
    given = {}
    for quantity in graph.inputs:
        zeros = dict.fromkeys(places(quantity.extents, extents()), PRECISE.number(Rational(0)))
        given[quantity.name] = forward.get(names.get(quantity.name, quantity.name), zeros)
    (output,) = graph.outputs
    return run(graph.equations, given, extents(), PRECISE)[output]


def _inner(a: Array, b: Array) -> Number:
    return PRECISE.add([value * b[place] for place, value in a.items()])
