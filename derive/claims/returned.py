"""What someone's function returned, as gradients and arrays by name.

    Input    a Graph, and what a function returned, packed as it comes from the process
    Output   the gradients by the inputs that they are of; arrays in their shapes; what something is, in words
"""

from __future__ import annotations

import numpy as np

from derive.claims.parameters import Loaded
from derive.claims.usual_names import inputs_alike, inputs_spelled
from derive.claims.worker import Packed, unpack_array
from derive.errors import LayerError
from derive.graph import Graph

_UNDERSTOOD = "a tuple of arrays, a dict of them by name, or one array"


def gradients_in(graph: Graph, function: Loaded, result: Packed) -> dict[str, Packed]:
    """The gradients in what a backward function returned, by the input that each is of. None of them is None."""
    wanted = graph.differentiable
    if "dict" in result:
        found = {_input_meant(graph, key): value for key, value in result["dict"].items()}
        found = found if len(found) == len(result["dict"]) else {}  # dx and x as well
    else:
        values = result.get("tuple", [result])
        found = dict(zip(wanted, values, strict=False))
        if len(values) > len(wanted):
            # As autograd has it: a value for each argument, None for those without a gradient.
            each = dict(zip([q.name for q in graph.inputs], values, strict=False))
            others = [value for name, value in each.items() if name not in wanted]
            if len(values) == len(graph.inputs) and all("none" in value for value in others):
                found = each
            elif result["count"] != len(values) or not all("none" in v for v in values[len(wanted) :]):
                found = {}
    found = {name: value for name, value in found.items() if "none" not in value}
    if not found or not set(found) <= set(wanted):
        expected = f"the gradients {', '.join(f'd{name}' for name in wanted)}"
        raise unexpected_return(function, describe_value(result), expected)
    return {name: found[name] for name in wanted if name in found}


def _input_meant(graph: Graph, key: str) -> str:
    """The input that a name in a returned dict belongs to: of dx, x, grad_x or dX; empty for none."""
    names = [q.name for q in graph.inputs]
    for name in (key, key.removeprefix("d_"), key.removeprefix("d"), key.removeprefix("grad_")):
        if name in names:
            return name
    for name in (key.removeprefix("d_"), key.removeprefix("d"), key.removeprefix("grad_"), key):
        meant = inputs_alike(name, graph.inputs) or inputs_spelled(name, graph.inputs)
        if len(meant) == 1:
            return meant[0]
    return ""


def fit_array(function: Loaded, name: str, packed: Packed, shape: tuple[int, ...]) -> np.ndarray:
    """The array in its shape; one that differs by axes of size 1 only is the same."""
    if "shape" not in packed:
        raise unexpected_return(function, f"{describe_value(packed)} for {name}", "an array of numbers")
    came = tuple(packed["shape"])
    if [n for n in came if n != 1] != [n for n in shape if n != 1] or packed["array"] is None:
        raise unexpected_return(function, f"{name} of shape {came}", f"shape {shape}")
    return unpack_array(packed).reshape(shape)


def describe_value(packed: Packed) -> str:
    """What something is, in words."""
    if "dict" in packed:
        return f"a dict of {', '.join(packed['dict']) or 'nothing'}"
    if "tuple" in packed:
        return f"{packed['count']} values ({', '.join(describe_value(value) for value in packed['tuple'][:8])})"
    if "none" in packed:
        return "None"
    if "shape" in packed:
        return f"an array of shape {tuple(packed['shape'])}" if packed["shape"] else "a number"
    return f"something of type {packed['other']}"


def unexpected_return(function: Loaded, came: str, expected: str) -> LayerError:
    """The error that says what came, and what was expected."""
    message = f"{function.name} returned {came}; expected: {expected}"
    return LayerError(message, f"it may return {_UNDERSTOOD}", function.location)
