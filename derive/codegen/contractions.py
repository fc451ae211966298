"""Sums of products of arrays whose indices differ: a matrix product where it is one, else einsum."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sympy import Symbol

from derive.codegen.axes import MATRIX_PRODUCT, POWER, Axes, Code, letters
from derive.codegen.dialects import Dialect


def contract(
    operands: Sequence[Code], bound: frozenset[Symbol], rank: Callable[[Symbol], int], dialect: Dialect
) -> Code:
    """The sum over the `bound` indices of the product of two or more operands; free axes in the order of `rank`."""
    if len(operands) == 2 and len(bound) == 1:
        (index,) = bound
        product = matrix_product(operands[0], operands[1], index, rank, dialect)
        if product is not None:
            return product
    return einsum(operands, bound, rank, dialect)


def matrix_product(
    one: Code, other: Code, index: Symbol, rank: Callable[[Symbol], int], dialect: Dialect
) -> Code | None:
    """The sum over `index` as `one @ other`, batches included; None where it is not a matrix product."""
    batch = tuple(axis for axis in one.axes if axis in other.axes and axis != index)
    free_one, free_other = _free(one, batch, index), _free(other, batch, index)
    if len(free_one) > 1 or len(free_other) > 1 or not (index in one.axes and index in other.axes):
        return None
    if batch and not (len(free_one) == len(free_other) == 1 and one.axes[:-2] == other.axes[:-2] == batch):
        return None
    if _belongs_right(one, other, free_one, free_other, rank):
        one, other, free_one, free_other = other, one, free_other, free_one
    left = dialect.transpose(one, (*batch, *free_one, index))
    right = dialect.transpose(other, (*batch, index, *free_other))
    text = f"{left.within(POWER)} @ {right.within(POWER)}"
    return Code(text, (*batch, *free_one, *free_other), MATRIX_PRODUCT)


def einsum(
    operands: Sequence[Code], bound: frozenset[Symbol], rank: Callable[[Symbol], int], dialect: Dialect
) -> Code:
    """The sum over the `bound` indices of the product of the operands, by einsum."""
    every = dict.fromkeys(axis for code in operands for axis in code.axes)
    free = tuple(sorted((axis for axis in every if axis not in bound), key=rank))
    letter = letters(every)
    subscripts = ",".join("".join(letter[axis] for axis in code.axes) for code in operands)
    result = "".join(letter[axis] for axis in free)
    return Code(dialect.einsum(f"{subscripts}->{result}", operands), free)


def _free(code: Code, batch: Axes, index: Symbol) -> Axes:
    return tuple(axis for axis in code.axes if axis not in batch and axis != index)


def _belongs_right(
    one: Code, other: Code, free_one: Axes, free_other: Axes, rank: Callable[[Symbol], int]
) -> bool:
    """Whether `one` should be the right factor: so that the result's axes are in order, or no matrix is transposed."""
    if free_one and free_other:
        return rank(free_other[0]) < rank(free_one[0])
    if free_one:
        return one.axes[1:] == free_one  # a matrix whose rows the vector runs over: v @ A
    return bool(free_other) and other.axes[:1] == free_other
