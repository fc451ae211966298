"""The cost of a set of equations, by which bases and forms are chosen.

First the passes over arrays count (one for each equation, one for each sum, the same sum once), those over the largest
arrays before those over smaller ones; then the operations, in the same order. The size of an array is its number of
indices; extents are letters, so more cannot be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from functools import lru_cache

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Number, NumberSymbol, Pow, Sum, Symbol

from derive.functions import delta
from derive.indices import REDUCTIONS, canonical_bound, free_indices

# Passes by size and operations by size, the largest first: 12 indices, 11 indices, ..., none.
Cost = tuple[tuple[int, ...], tuple[int, ...]]
# No array has more indices than this.
MOST_INDICES = 12


@lru_cache(maxsize=100_000)
def sums_in(expression: Expr) -> frozenset[Expr]:
    """The reductions of an expression, with canonical bound indices, so that equal ones are equal objects."""
    return frozenset(canonical_bound(expression).atoms(*REDUCTIONS))


def cost(equations: Iterable[tuple[int, Expr]], known: Container[Expr] = ()) -> Cost:
    """The cost of equations given as (number of indices on the left, right side).

    Reductions that are `known`, as `sums_in` has them, are there already and cost nothing.
    """
    numbers: Counter[int] = Counter()
    operations: Counter[int] = Counter()
    seen: set[Expr] = set()
    here: set[Expr] = set()

    def is_new(total: Expr) -> bool:
        # A matrix product is as large as what it is used for: nobody keeps it but under a name of its own.
        product = isinstance(total, Sum) and len(_operands(total.function)) > 1 and len(free_indices(total)) > 1
        there = here if product else seen
        if total in there or (total in known and not product):
            return False
        there.add(total)
        return True

    for rank, expression in equations:
        here.clear()
        numbers[rank] += 1
        _count(canonical_bound(expression), numbers, operations, is_new)
    # To name a number is no pass over anything.
    operations[0] += numbers.pop(0, 0)
    ranks = range(MOST_INDICES, -1, -1)
    return tuple(numbers[rank] for rank in ranks), tuple(operations[rank] for rank in ranks)


def at_least(price: Cost, rank: int) -> Cost:
    """The cost at arrays of so many indices and above."""
    numbers, operations = price
    return numbers[: len(numbers) - rank], operations[: len(operations) - rank]


def _count(node: Expr, passes: Counter[int], operations: Counter[int], is_new: Callable[[Expr], bool]) -> None:
    if isinstance(node, (Symbol, Indexed, Number, NumberSymbol)):
        return
    if isinstance(node, REDUCTIONS):
        if not is_new(node):
            return
        _count_reduction(node, passes, operations, is_new)
        return
    for argument in node.args:
        if not argument.is_Boolean:
            _count(argument, passes, operations, is_new)
    if isinstance(node, (Add, Mul)):
        for rank in _combinations(node.args):
            operations[rank] += 1
    elif isinstance(node, Pow):
        if node.exp != Integer(-1):  # a division costs what a product does
            operations[len(free_indices(node))] += 1
    elif isinstance(node, Function):
        operations[len(free_indices(node))] += 1


def _count_reduction(
    node: Expr, passes: Counter[int], operations: Counter[int], is_new: Callable[[Expr], bool]
) -> None:
    rank = len(free_indices(node.function))
    passes[rank] += 1
    # Most terms of a sum with a delta in it are zero: what is done for them is work for nothing.
    operations[rank] += 1 + len(node.function.atoms(delta))
    operands = _operands(node.function) if isinstance(node, Sum) else []
    if len(operands) < 2:
        _count(node.function, passes, operations, is_new)
        return
    # A product of arrays none of which has all the indices, such as a matrix product: it takes arrays as they are.
    operations[rank] += len(operands) - 1
    for operand in operands:
        if not isinstance(operand, (Symbol, Indexed)):
            passes[len(free_indices(operand))] += 1
            _count(operand, passes, operations, is_new)


def _operands(summand: Expr) -> list[Expr]:
    """The arrays that a summand is a product of, where no factor has all of its indices; what fits together as one."""
    sets = [frozenset(free_indices(factor)) for factor in Mul.make_args(summand)]
    largest = [s for place, s in enumerate(sets) if not any(s < t or (s == t and sets.index(t) < place) for t in sets)]
    groups: dict[frozenset[Symbol], list[Expr]] = {indices: [] for indices in largest}
    for factor, indices in zip(Mul.make_args(summand), sets, strict=True):
        groups[next(group for group in groups if indices <= group)].append(factor)
    return [Mul(*factors) for factors in groups.values()]


def _combinations(arguments: Iterable[Expr]) -> list[int]:
    """The sizes at which n arguments are combined by n - 1 operations, small arrays first."""
    # A sign is free: it makes a difference of a sum.
    groups: Counter[frozenset[Symbol]] = Counter(frozenset(free_indices(a)) for a in arguments if a != -1)
    sizes = [len(indices) for indices, number in groups.items() for _ in range(number - 1)]
    together: frozenset[Symbol] = frozenset()
    for position, indices in enumerate(sorted(groups, key=lambda g: (len(g), sorted(s.name for s in g)))):
        together |= indices
        if position:
            sizes.append(len(together))
    return sizes
