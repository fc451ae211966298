"""How a target writes what the targets write differently: namespaces, axes, reductions, new arrays, argument checks.

The printers and the functions around them know none of it; each target's module has its dialect. The class itself is
that of NumPy, of which the others are variations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Abs, Expr, NumberSymbol, erf, sign

from derive.codegen.axes import ATOM, Axes, Code
from derive.codegen.runtime import ARE_CLOSE
from derive.functions import log1p, maximum, minimum, relu, sigmoid, softplus


@dataclass(frozen=True)
class Like:
    """What new arrays are like: the text of their dtype, and the name of an array that has it, where there is one."""

    dtype: str
    array: str = ""


def like(array: str) -> Like:
    """Like an array of that name."""
    return Like(f"{array}.dtype", array)


class Dialect:
    """How NumPy writes it; a target that writes something else overrides that."""

    module = "np"
    # Each with the arguments it takes; `_sigmoid` and `_erf` are functions of the generated module.
    functions: Mapping[type[Expr], str] = {
        sympy.exp: "np.exp({})",
        sympy.log: "np.log({})",
        log1p: "np.log1p({})",
        sympy.tanh: "np.tanh({})",
        sympy.sin: "np.sin({})",
        sympy.cos: "np.cos({})",
        Abs: "np.abs({})",
        sign: "np.sign({})",
        sigmoid: "_sigmoid({})",
        softplus: "np.logaddexp(0, {})",
        erf: "_erf({})",
        relu: "np.maximum({}, 0)",
        maximum: "np.maximum({}, {})",
        minimum: "np.minimum({}, {})",
    }
    constants: Mapping[type[NumberSymbol], str] = {type(sympy.pi): "np.pi", type(sympy.E): "np.e"}

    # Types, and what the docstrings say of them.
    array_type = "np.ndarray"
    number_type = "np.floating"
    dtypes = "float32, float64 or longdouble"
    # Whether a number is a scalar type's instance, which knows no array; else it is a 0-d array.
    has_scalars = True
    # On a field of Residuals that is called like a method of tuples.
    ignores = "  # type: ignore[assignment]"
    # What NumPy would warn of, in branches that are not taken.
    quiet = 'with np.errstate(divide="ignore", invalid="ignore", over="ignore"):'

    # Parameters.

    # Whether functions take `out`, `threads` and `precise`, and keep the dtype of the results beside that of the work.
    has_options = False

    def working_lines(self, array: str) -> list[str]:
        """The lines that make a checked array, the first one, what is worked with."""
        return []

    def given_to_arrays(self, like: Like) -> str:
        """What the checks of an array are told about the arrays before it."""
        return self.given(like)

    # Functions.

    def of_arrays(self, kind: type[Expr], arguments: Sequence[Code], like: Like) -> str:
        """A function of arguments of which one at least is an array."""
        return self.functions[kind].format(*arguments)

    def of_numbers(self, kind: type[Expr], arguments: Sequence[Code]) -> str:
        """A function of Python numbers, as a Python number: a NumPy scalar would turn a float32 array into float64."""
        return f"float({self.functions[kind].format(*arguments)})"

    # Axes.

    def align(self, code: Code, axes: Axes) -> Code:
        """The text with its axes where they stand in `axes`; leading ones that it lacks are left to broadcasting.

        `[:, None]` or `.T` stand only where they must.
        """
        own = self.transpose(code, tuple(axis for axis in axes if axis in code.axes))
        if not own.axes:
            return own
        wanted = axes[axes.index(own.axes[0]) :]
        if wanted == own.axes:
            return own
        slices = [":" if axis in own.axes else "None" for axis in wanted]
        first = slices.index("None")
        if first > 1 and ":" not in slices[first:]:
            slices[:first] = ["..."]
        return Code(f"{own.within(ATOM)}[{', '.join(self.subscript(slices))}]", axes)

    def subscript(self, slices: list[str]) -> list[str]:
        """The slices that must be written: NumPy adds trailing ones by itself."""
        while slices[-1] == ":":
            slices.pop()
        return slices

    def transpose(self, code: Code, axes: Axes) -> Code:
        """The text with the same axes in another order."""
        if code.axes == axes:
            return code
        if len(axes) == 2:
            return Code(f"{code.within(ATOM)}.T", axes)
        if code.axes[:-2] == axes[:-2]:
            return Code(self.swap_last(code), axes)
        return Code(self.permute(code, ", ".join(str(code.axes.index(axis)) for axis in axes)), axes)

    def swap_last(self, code: Code) -> str:
        """The last two axes exchanged."""
        return f"{code.within(ATOM)}.swapaxes(-1, -2)"

    def permute(self, code: Code, places: str) -> str:
        """The axes in the order of `places`."""
        return f"{code.within(ATOM)}.transpose({places})"

    # Reductions and products.

    def reduce(self, method: str, body: Code, places: Sequence[int] | None) -> str:
        """The sum, mean, max or prod over the axes at `places`; over all where that is None."""
        axis = "" if places is None else f"axis={axis_text(places)}"
        if body.isidentifier():
            return f"{body}.{method}({axis})"
        return f"{self.module}.{method}({body}{', ' if axis else ''}{axis})"

    def einsum(self, subscripts: str, operands: Sequence[str]) -> str:
        """A sum of products; optimize=True hands what it can to matrix multiplication."""
        return f'np.einsum("{subscripts}", {", ".join(operands)}, optimize=True)'

    def diagonal(self, subscripts: str, name: str) -> str:
        """A diagonal."""
        return f'{self.module}.einsum("{subscripts}", {name})'

    # Conditions.

    def cast(self, condition: Code, like: Like) -> str:
        """A condition as ones and zeros."""
        return f"{condition.within(ATOM)}.astype({like.dtype})"

    def choose(self, condition: Code, one: Code, other: Code, like: Like) -> str:
        """One value or another."""
        text = f"{self.module}.where({condition}, {one}, {other})"
        if any(code.axes and not code.weak for code in (one, other)):
            return text
        return f"{text}.astype({like.dtype})"

    # New arrays.

    def new(self, like: Like) -> str:
        """The arguments that make a new array like another."""
        return f"dtype={like.dtype}"

    def ones(self, extent: str, like: Like) -> str:
        """A vector of ones."""
        return f"{self.module}.ones({extent}, {self.new(like)})"

    def zeros(self, shape: str, like: Like) -> str:
        """Zeros."""
        return f"{self.module}.zeros({shape}, {self.new(like)})"

    def eye(self, extents: Sequence[str], like: Like, boolean: bool) -> str:
        """Kronecker's delta, as numbers or as a condition."""
        dtype = Like("bool", like.array) if boolean else like
        return f"{self.module}.eye({', '.join(extents)}, {self.new(dtype)})"

    def full(self, shape: str, code: Code, like: Like) -> str:
        """What has no more axes than `code`, on an array that has."""
        return f"{self.module}.full({shape}, {code}, {self.new(like)})"

    def copy(self, text: str) -> str:
        """An array of its own."""
        return f"{text}.copy()"

    def number(self, code: Code, like: Like) -> str:
        """What stands on the right of an equation without indices."""
        return str(code)

    def result(self, text: str, like: Like) -> str:
        """A result without indices: numbers alone may have become float64 on the way."""
        return f"{like.dtype}.type({text})"

    # Functions of the layer.

    def namespace_lines(self, body: Sequence[str], like: Like) -> list[str]:
        """The lines that a body needs before it to find its functions."""
        return []

    def remarks(self, switch: str, numbers: bool) -> list[str]:
        """What else the docstring of `forward` says of conditions: `switch` turns some on, others are on `numbers`."""
        return []

    # Argument checks.

    def given(self, like: Like) -> str:
        """What the checks of an argument are told about the arrays before it."""
        return like.dtype

    def known(self, condition: str, names: Sequence[str]) -> str:
        """When to raise for a condition on numbers, of which `names` are arguments: `condition` says that it fails."""
        return condition

    def close(self, left: Code, right: Code, like: Like) -> str:
        """Equality everywhere, up to rounding: that may take half of the digits."""
        return f"{ARE_CLOSE.__name__}({left}, {right}, {like.dtype})"


def axis_text(places: Sequence[int]) -> str:
    """One axis, or a tuple of several."""
    return str(places[0] if len(places) == 1 else tuple(places))


NUMPY = Dialect()
FLOATS = Like("float")
