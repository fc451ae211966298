"""Derivatives of a reference in JAX: reverse, forward, and reverse over reverse, all arrays by name.

Each is compiled as a whole: operation by operation, JAX compiles many times as long.
"""

from collections.abc import Mapping
from functools import partial

import jax
import numpy as np
from jax_layers import Reference

Arrays = Mapping[str, np.ndarray | float]
Traced = dict[str, jax.Array]


def outputs(reference: Reference, inputs: Arrays, constants: Arrays) -> dict[str, np.ndarray]:
    """The outputs, by name."""
    found = jax.jit(lambda inputs, constants: reference(**inputs, **constants))(_arrays(inputs), _arrays(constants))
    return _numbers(found)


def gradients(reference: Reference, inputs: Arrays, constants: Arrays, cotangents: Arrays) -> dict[str, np.ndarray]:
    """The gradients with respect to the inputs, by the input's name; `cotangents` go by the output's name."""
    backward = jax.jit(partial(_backward, reference))
    return _numbers(backward(_arrays(inputs), _arrays(constants), _arrays(cotangents)))


def tangents(reference: Reference, inputs: Arrays, constants: Arrays, given: Arrays) -> dict[str, np.ndarray]:
    """The tangents of the outputs, by the output's name; `given` are those of the inputs, by the input's name."""

    @jax.jit
    def forward(inputs: Traced, constants: Traced, given: Traced) -> Traced:
        _, found = jax.jvp(lambda values: reference(**values, **constants), (inputs,), (given,))
        return found

    return _numbers(forward(_arrays(inputs), _arrays(constants), _arrays(given)))


def double_backward(
    reference: Reference, inputs: Arrays, constants: Arrays, cotangents: Arrays, given: Arrays
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The gradients of <dx, given x> + <dgamma, given gamma> + ... with respect to the cotangents and to the inputs.

    `given` has the cotangents of the gradients, by the input's name. The first result goes by the output's name (d2dy),
    the second by the input's (d2x, d2gamma, ...).
    """

    @jax.jit
    def backward_of_backward(
        inputs: Traced, constants: Traced, cotangents: Traced, given: Traced
    ) -> tuple[Traced, Traced]:
        _, pull = jax.vjp(lambda dy, values: _backward(reference, values, constants, dy), cotangents, inputs)
        return pull(given)

    of_cotangents, of_inputs = backward_of_backward(*map(_arrays, (inputs, constants, cotangents, given)))
    return _numbers(of_cotangents), _numbers(of_inputs)


def both_orders(
    reference: Reference, inputs: Arrays, constants: Arrays, cotangents: Arrays, given: Arrays
) -> tuple[dict[str, np.ndarray], ...]:
    """What `outputs`, `gradients` and `double_backward` return, compiled together: four dictionaries."""

    @jax.jit
    def everything(inputs: Traced, constants: Traced, cotangents: Traced, given: Traced) -> tuple[Traced, ...]:
        found, pull = jax.vjp(lambda dy, values: _backward(reference, values, constants, dy), cotangents, inputs)
        return reference(**inputs, **constants), found, *pull(given)

    return tuple(map(_numbers, everything(*map(_arrays, (inputs, constants, cotangents, given)))))


def _backward(reference: Reference, inputs: Traced, constants: Traced, cotangents: Traced) -> Traced:
    _, pull = jax.vjp(lambda values: reference(**values, **constants), inputs)
    (found,) = pull(cotangents)
    return found


def _arrays(values: Arrays) -> Traced:
    return {name: jax.numpy.asarray(value, dtype=np.float64) for name, value in values.items()}


def _numbers(values: Traced) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in values.items()}
