"""Array text that knows its axes: which index each axis runs over. How axes are brought in line is the dialect's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from string import ascii_letters

from sympy import Basic, Indexed, Symbol

from derive.functions import delta, limits_of
from derive.indices import REDUCTIONS

# How strongly the outermost operator of a text binds. A sign counts as a sum, and a matrix product as less than a
# product, so that they get their brackets: a * (b @ c).
COMPARISON, SUM, MATRIX_PRODUCT, PRODUCT, POWER, ATOM = range(6)

Axes = tuple[Symbol, ...]


class Code(str):
    """The array text of an expression.

    `axes` are the indices that its axes run over, `precedence` says what its outermost operator is, and `weak` marks
    a plain Python number, which takes the dtype of whatever array it meets.
    """

    axes: Axes
    precedence: int
    weak: bool

    def __new__(cls, text: str, axes: Axes = (), precedence: int = ATOM, weak: bool = False) -> Code:
        made = super().__new__(cls, text)
        made.axes, made.precedence, made.weak = axes, precedence, weak
        return made

    def within(self, precedence: int) -> str:
        """The text as an operand of an operator of that precedence: in brackets where it binds less."""
        return str(self) if self.precedence >= precedence else f"({self})"


def common_axes(codes: Sequence[Code], rank: Callable[[Symbol], int]) -> Axes:
    """The axes of an elementwise combination, in an order that transposes as little as possible.

    The order is that of an operand that has all the axes, if one has, preferably one that obeys `rank`.
    """
    everything = {axis for code in codes for axis in code.axes}
    ranked = tuple(sorted(everything, key=rank))
    full = [code.axes for code in codes if len(code.axes) == len(everything)]
    return ranked if not full or ranked in full else full[0]


def letters(axes: Iterable[Symbol]) -> dict[Symbol, str]:
    """A letter for each index, as einsum wants them: its own name where that is one letter, else a free one."""
    wanted = list(dict.fromkeys(axes))
    found = {axis: axis.name for axis in wanted if len(axis.name) == 1 and axis.name.isascii()}
    spare = (letter for letter in ascii_letters if letter not in found.values())
    return {axis: found[axis] if axis in found else next(spare) for axis in wanted}


def extents_in(expression: Basic) -> list[str]:
    """The extents in an expression, of its reductions and as numbers, in order of appearance; some more than once."""
    if isinstance(expression, Symbol):
        return [expression.name] if expression.is_integer else []
    if isinstance(expression, (Indexed, delta)):
        return []
    if isinstance(expression, REDUCTIONS):
        return [*(extent.name for _, extent in limits_of(expression)), *extents_in(expression.function)]
    return [extent for argument in expression.args for extent in extents_in(argument)]
