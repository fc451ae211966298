"""The dialect of libraries whose numbers are 0-d arrays, on a device, and perhaps not known yet while code is traced.

What is a Python number stays one, and is computed by `math`; it is made an array only where it has to be. Values of
arrays are read only when that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from sympy import Abs, Expr, NumberSymbol, erf, sign

from derive.codegen.axes import PRODUCT, Code
from derive.codegen.dialects import Dialect, Like
from derive.functions import log1p, maximum, minimum, relu, sigmoid, softplus

_OF_NUMBERS: Mapping[type[Expr], str] = {
    sympy.exp: "math.exp({})",
    sympy.log: "math.log({})",
    log1p: "math.log1p({})",
    sympy.tanh: "math.tanh({})",
    sympy.sin: "math.sin({})",
    sympy.cos: "math.cos({})",
    Abs: "abs({})",
    sign: "float(({0} > 0) - ({0} < 0))",
    sigmoid: "(0.5 + 0.5 * math.tanh(0.5 * ({})))",
    softplus: "(max({0}, 0) + math.log1p(math.exp(-abs({0}))))",
    erf: "math.erf({})",
    relu: "max({}, 0)",
    maximum: "max({}, {})",
    minimum: "min({}, {})",
}
_ARRAYS_READ = "A condition on an array is checked with {}=True alone, as that reads values."
_NUMBERS_READ = "A condition on a number is checked where it is a Python number."


class ArraysAlone(Dialect):
    """How a library writes it that has arrays alone."""

    constants: Mapping[type[NumberSymbol], str] = {type(sympy.pi): "math.pi", type(sympy.E): "math.e"}
    dtypes = "float32 or float64"
    has_scalars = False
    quiet = ""
    ignores = ""  # the types are Any to a type checker

    def of_arrays(self, kind: type[Expr], arguments: Sequence[Code], like: Like) -> str:
        return self.functions[kind].format(*(self.as_array(argument, like) for argument in arguments))

    def of_numbers(self, kind: type[Expr], arguments: Sequence[Code]) -> str:
        return _OF_NUMBERS[kind].format(*arguments)

    def as_array(self, code: Code, like: Like) -> str:
        """What has to be an array."""
        return f"_constant({code}, {like.array})" if code.weak else str(code)

    def full(self, shape: str, code: Code, like: Like) -> str:
        if code.weak:
            return super().full(shape, code, like)
        return f"{code.within(PRODUCT)} * {self.module}.ones({shape}, {self.new(like)})"

    def number(self, code: Code, like: Like) -> str:
        return self.as_array(code, like)

    def result(self, text: str, like: Like) -> str:
        return text

    def given(self, like: Like) -> str:
        return like.array

    def known(self, condition: str, names: Sequence[str]) -> str:
        tests = [f"isinstance({name}, (int, float))" for name in names]
        return " and ".join([*tests, f"({condition})" if names and " or " in condition else condition])

    def close(self, left: Code, right: Code, like: Like) -> str:
        return f"_close({left}, {right}, {like.array})"

    def remarks(self, switch: str, numbers: bool) -> list[str]:
        said = [_ARRAYS_READ.format(switch)] if switch else []
        said += [_NUMBERS_READ] if numbers else []
        return [" ".join(said)] if said else []
