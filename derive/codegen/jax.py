"""Derivations as a module for JAX: a function whose gradients are the derived ones, under any transformation.

    Input    a Derivation
    Output   the text of a module that imports JAX alone

Beside `forward` and `backward`, plain functions, the module has the layer itself, a jax.custom_vjp. Gradients of
gradients are JAX's own, of `backward`, which is as plain as what it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from sympy import Abs, Expr, erf, sign

from derive.codegen.arrays_alone import ArraysAlone
from derive.codegen.axes import Code
from derive.codegen.dialects import Like
from derive.codegen.layer_functions import argument_lines, arrays_and_numbers, checks_of, parameters
from derive.codegen.module import Parts, write_module
from derive.codegen.residuals import Residuals, cotangents_of
from derive.codegen.runtime_jax import RUNTIME
from derive.codegen.signatures import (
    bundle,
    bundle_type,
    described,
    docstring,
    function_name,
    signature,
    tuple_return_lines,
)
from derive.codegen.wrapping import call
from derive.derivation import Derivation
from derive.functions import log1p, maximum, minimum, relu, sigmoid, softplus
from derive.graph import fresh_name


class Jax(ArraysAlone):
    """How JAX has it: as NumPy, but that nothing is written to, so that nothing is copied."""

    module = "jnp"
    functions: Mapping[type[Expr], str] = {
        sympy.exp: "jnp.exp({})",
        sympy.log: "jnp.log({})",
        log1p: "jnp.log1p({})",
        sympy.tanh: "jnp.tanh({})",
        sympy.sin: "jnp.sin({})",
        sympy.cos: "jnp.cos({})",
        Abs: "jnp.abs({})",
        sign: "jnp.sign({})",
        sigmoid: "jax.nn.sigmoid({})",
        softplus: "jnp.logaddexp({}, 0)",
        erf: "jax.lax.erf({})",
        relu: "jnp.maximum({}, 0)",
        maximum: "jnp.maximum({}, {})",
        minimum: "jnp.minimum({}, {})",
    }
    array_type = number_type = "jax.Array"

    def of_arrays(self, kind: type[Expr], arguments: Sequence[Code], like: Like) -> str:
        return self.functions[kind].format(*arguments)

    def einsum(self, subscripts: str, operands: Sequence[str]) -> str:
        return f'jnp.einsum("{subscripts}", {", ".join(operands)})'

    def copy(self, text: str) -> str:
        return text


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module, as `write_module` says, with the layer as a function that JAX differentiates."""
    return write_module(derivation, second, Jax(), _PARTS)


def _imports(text: str) -> list[str]:
    return [
        *(["import math"] if "math." in text else []),
        "from typing import Any, NamedTuple",
        "",
        "import jax",
        "import jax.numpy as jnp",
    ]


def _layer_lines(derivation: Derivation, second: Derivation | None, residuals: Residuals) -> list[str]:
    """The function that is called as the layer, and what JAX makes of it."""
    graph, dialect = derivation.forward, residuals.dialect
    outputs = [graph.by_name[name] for name in graph.outputs]
    names = [q.name for q in graph.inputs]
    first = arrays_and_numbers(graph, dialect)[0][0].name
    rows = [(q.name, described(q)) for q in (*graph.inputs, *outputs)]
    contract = (
        "The arguments are those of `forward`. float16 and bfloat16 are computed with in float32, and what is saved for"
        f" the gradients is; the result has the dtype of {first}."
    )
    # As a function that JAX traces sees no Python number, they are checked before.
    checks = checks_of(derivation, dialect)
    returned = ", ".join(f"_rounded({q.name}, dtype)" for q in outputs)
    return [
        "",
        "",
        *signature(function_name(graph), parameters(graph, "", dialect), bundle_type(outputs, dialect)),
        *docstring(f"Return {bundle(outputs)}; the gradients are those of `backward`.", rows, [contract]),
        f"    dtype = _sixteen_bits({first})",
        *call(f"{', '.join(names)}{',' * (len(names) == 1)} = _widened", names, ""),
        *argument_lines(graph, checks.static_lines, checks.static_extents, [], dialect),
        *call(f"{', '.join(q.name for q in outputs)} = _layer", names, ""),
        f"    return {returned}",
        "",
        "",
        *_rule_lines(derivation, names),
    ]


def _rule_lines(derivation: Derivation, names: Sequence[str]) -> list[str]:
    """The function of arrays alone, with its rule."""
    graph = derivation.forward
    outputs = [graph.by_name[name] for name in graph.outputs]
    cotangents = cotangents_of(derivation)
    gradients = {str(derivation.backward.by_name[name].of): name for name in derivation.backward.outputs}
    several = fresh_name(["cotangents", "all_cotangents"], derivation.backward.names)
    given = cotangents[0].name if len(cotangents) == 1 else several
    return [
        *signature("_value", [f"{name}: Any" for name in names], "Any"),
        '    """Return what the layer returns, of arrays that have been checked."""',
        *call(f"{bundle(outputs)}, _ = forward", names, ""),
        f"    return {', '.join(q.name for q in outputs)}",
        "",
        "",
        f"def _gradients(residuals: Residuals, {given}: Any) -> tuple[Any, ...]:",
        '    """Return the gradients with respect to each argument; None, which is zero, for constants."""',
        f"    {', '.join(derivation.backward.outputs)} = backward({given}, residuals)",
        *tuple_return_lines([gradients.get(name, "None") for name in names]),
        "",
        "",
        "_layer = jax.custom_vjp(_value)",
        "_layer.defvjp(forward, _gradients)",
    ]


_PARTS = Parts(_imports, RUNTIME, _layer_lines)
