"""Calls the functions of a module for workers, as many workers as there are parts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from derive.derivation import Derivation

Combine = Callable[[Sequence[Any]], Any]


def parts_of(values: Mapping[str, Any], derivation: Derivation, lengths: Sequence[int]) -> list[dict[str, Any]]:
    """What each worker has of the values: its rows of what has the axis of the first array, and all of the rest."""
    inputs = derivation.backward.inputs
    rows = next(q for q in inputs if q.indices).extents[0]
    split = {q.name for q in inputs if rows in q.extents}
    places = np.cumsum(lengths)[:-1]
    cut = {name: np.split(values[name], places) if name in split else [values[name]] * len(lengths) for name in values}
    return [{name: pieces[number] for name, pieces in cut.items()} for number in range(len(lengths))]


def run(
    module: ModuleType, derivation: Derivation, parts: Sequence[Mapping[str, Any]], combine: Combine | None = None
) -> list[dict[str, Any]]:
    """The outputs and gradients of each worker, by name."""
    combine = combine or getattr(module, "combine", None)
    states: list[dict[str, Any]] = [dict(part) for part in parts]
    given = [f"d{name}" for name in derivation.forward.outputs]
    for state in states:
        cotangents = tuple(state[name] for name in given)
        state["cotangents"] = cotangents
    for direction, returned in (("forward", derivation.forward.outputs), ("backward", derivation.backward.outputs)):
        for name in [name for name in vars(module) if name.startswith(f"{direction}_partial")]:
            found = [_call(getattr(module, name), state) for state in states]
            assert combine is not None
            for state, own in zip(states, found, strict=True):
                state[type(own).__name__] = combine(found)
        for state in states:
            result = _call(getattr(module, f"{direction}_finish"), state)
            if direction == "forward":
                result, state["residuals"] = result
            several = result if isinstance(result, tuple) else (result,)
            state.update(zip(returned, several, strict=True))
    return states


def _call(function: Callable[..., Any], state: Mapping[str, Any]) -> Any:
    """What a function returns: sums are told by their type, all else by its name."""
    taken = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return function(**{p.name: state[p.annotation if p.annotation in state else p.name] for p in taken})


def together(states: Sequence[Mapping[str, Any]], derivation: Derivation) -> dict[str, Any]:
    """The outputs and gradients of the whole batch: parts one after the other; of the rest, what all workers have."""
    inputs = derivation.backward.inputs
    rows = next(q for q in inputs if q.indices).extents[0]
    found = {}
    for name in (*derivation.forward.outputs, *derivation.backward.outputs):
        if rows in derivation.backward.by_name[name].extents:
            found[name] = np.concatenate([state[name] for state in states])
        else:
            found[name] = states[0][name]
            for state in states[1:]:
                np.testing.assert_array_equal(state[name], found[name], strict=True)
    return found
