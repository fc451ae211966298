"""Derivations as a module of functions on the array API standard: for NumPy, JAX, torch, CuPy, Dask and others.

    Input    a Derivation, and if wanted that of its gradients' own gradients
    Output   the text of a module that imports no array library: the functions are those of the arrays that it is given

What the standard lacks (einsum, erf), or does only for arrays and not for numbers, the module brings along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from sympy import Abs, Expr, erf, sign

from derive.codegen.arrays_alone import ArraysAlone
from derive.codegen.axes import Code
from derive.codegen.dialects import Like, axis_text
from derive.codegen.module import Parts, write_module
from derive.codegen.runtime_array_api import RUNTIME
from derive.derivation import Derivation
from derive.functions import log1p, maximum, minimum, relu, sigmoid, softplus

_REMARK = (
    "The arrays are of any library that follows the array API standard: NumPy 2 and JAX by themselves, torch, CuPy and"
    " Dask where array-api-compat is installed. Nothing reads a value of an array, so that JAX can compile the"
    " functions and Dask can put them off."
)


class ArrayApi(ArraysAlone):
    """How the array API standard has it, of 2023.12: no methods but operators, no partial indexing, no einsum."""

    module = "xp"
    functions: Mapping[type[Expr], str] = {
        sympy.exp: "xp.exp({})",
        sympy.log: "xp.log({})",
        log1p: "xp.log1p({})",
        sympy.tanh: "xp.tanh({})",
        sympy.sin: "xp.sin({})",
        sympy.cos: "xp.cos({})",
        Abs: "xp.abs({})",
        sign: "xp.sign({})",
        sigmoid: "_sigmoid({})",
        softplus: "_softplus({})",
        erf: "_erf({})",
        relu: "_relu({})",
        maximum: "xp.maximum({}, {})",
        minimum: "xp.minimum({}, {})",
    }
    array_type = number_type = "Array"

    def subscript(self, slices: list[str]) -> list[str]:
        return slices

    def swap_last(self, code: Code) -> str:
        return f"xp.matrix_transpose({code})"

    def permute(self, code: Code, places: str) -> str:
        return f"xp.permute_dims({code}, ({places}))"

    def reduce(self, method: str, body: Code, places: Sequence[int] | None) -> str:
        axis = "" if places is None else f", axis={axis_text(places)}"
        return f"xp.{method}({body}{axis})"

    def einsum(self, subscripts: str, operands: Sequence[str]) -> str:
        return f'_einsum("{subscripts}", {", ".join(operands)})'

    def diagonal(self, subscripts: str, name: str) -> str:
        return self.einsum(subscripts, [name])

    def cast(self, condition: Code, like: Like) -> str:
        return f"xp.astype({condition}, {like.dtype})"

    def choose(self, condition: Code, one: Code, other: Code, like: Like) -> str:
        test = f"xp.asarray({condition}, device=_device({like.array}))" if condition.weak else condition
        return f"xp.where({test}, {self.as_array(one, like)}, {self.as_array(other, like)})"

    def new(self, like: Like) -> str:
        return f"dtype={like.dtype}, device=_device({like.array})"

    def eye(self, extents: Sequence[str], like: Like, boolean: bool) -> str:
        return super().eye(extents, Like("xp.bool", like.array) if boolean else like, boolean=False)

    def copy(self, text: str) -> str:
        return f"xp.asarray({text}, copy=True)"

    def namespace_lines(self, body: Sequence[str], like: Like) -> list[str]:
        return [f"    xp = _namespace({like.array})"] if any("xp." in line for line in body) else []


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module, as `write_module` says."""
    return write_module(derivation, second, ArrayApi(), _PARTS)


def _imports(text: str) -> list[str]:
    return [
        "import importlib",
        *(["import math"] if "math." in text else []),
        *(["from numbers import Real"] if " Real)" in text else []),
        "from typing import Any, NamedTuple",
        "",
        "Array = Any",
    ]


_PARTS = Parts(_imports, RUNTIME, remark=_REMARK)
