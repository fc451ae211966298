"""Derivations as a module for torch: a function that autograd differentiates twice by the derived equations.

    Input    a Derivation, and if wanted that of its gradients' own gradients
    Output   the text of a module that imports torch alone

Beside `forward`, `backward` and `double_backward`, plain functions of tensors, the module has the layer itself. It is a
torch.autograd.Function whose gradients are another one, so that theirs are `double_backward`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from sympy import Abs, Expr, erf, sign

from derive.codegen.arrays_alone import ArraysAlone
from derive.codegen.autograd import autograd_lines
from derive.codegen.axes import ATOM, Code
from derive.codegen.dialects import Like, axis_text
from derive.codegen.module import Parts, write_module
from derive.codegen.runtime_torch import RUNTIME
from derive.derivation import Derivation
from derive.functions import log1p, maximum, minimum, relu, sigmoid, softplus


class Torch(ArraysAlone):
    """How torch has it: `dim` for an axis, `amax` for a maximum, functions that refuse Python numbers."""

    module = "torch"
    functions: Mapping[type[Expr], str] = {
        sympy.exp: "torch.exp({})",
        sympy.log: "torch.log({})",
        log1p: "torch.log1p({})",
        sympy.tanh: "torch.tanh({})",
        sympy.sin: "torch.sin({})",
        sympy.cos: "torch.cos({})",
        Abs: "torch.abs({})",
        sign: "torch.sign({})",
        sigmoid: "torch.sigmoid({})",
        softplus: "_softplus({})",
        erf: "torch.erf({})",
        relu: "torch.relu({})",
        maximum: "torch.maximum({}, {})",
        minimum: "torch.minimum({}, {})",
    }
    array_type = number_type = "torch.Tensor"

    def swap_last(self, code: Code) -> str:
        return f"{code.within(ATOM)}.mT"

    def permute(self, code: Code, places: str) -> str:
        return f"{code.within(ATOM)}.permute({places})"

    def reduce(self, method: str, body: Code, places: Sequence[int] | None) -> str:
        if method == "prod" and places is not None and len(places) > 1:  # torch takes one axis at a time
            inner = Code(self.reduce(method, body, places[-1:]))
            return self.reduce(method, inner, places[:-1])
        method = "amax" if method == "max" else method
        dim = "" if places is None else f"dim={axis_text(places)}"
        if body.isidentifier():
            return f"{body}.{method}({dim})"
        return f"torch.{method}({body}{', ' if dim else ''}{dim})"

    def einsum(self, subscripts: str, operands: Sequence[str]) -> str:
        return f'torch.einsum("{subscripts}", {", ".join(operands)})'

    def cast(self, condition: Code, like: Like) -> str:
        return f"{condition.within(ATOM)}.to({like.dtype})"

    def choose(self, condition: Code, one: Code, other: Code, like: Like) -> str:
        test = f"torch.asarray({condition}, device={like.array}.device)" if condition.weak else condition
        first = self.as_array(one, like) if other.weak else one
        return f"torch.where({test}, {first}, {other})"

    def new(self, like: Like) -> str:
        return f"dtype={like.dtype}, device={like.array}.device"

    def eye(self, extents: Sequence[str], like: Like, boolean: bool) -> str:
        return super().eye(extents, Like("torch.bool", like.array) if boolean else like, boolean=False)

    def copy(self, text: str) -> str:
        return f"{text}.clone()"


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module, as `write_module` says, with the layer as a function that autograd differentiates."""
    return write_module(derivation, second, Torch(), _PARTS)


def _imports(text: str) -> list[str]:
    return [
        *(["import math"] if "math." in text else []),
        "from collections.abc import Callable",
        *(["from numbers import Real"] if " Real)" in text else []),
        "from typing import Any, NamedTuple",
        "",
        "import torch",
    ]


_PARTS = Parts(_imports, RUNTIME, autograd_lines)
