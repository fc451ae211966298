"""How many bytes have to move between memory and the processor, whoever computes a layer: the limit on its speed.

    Input    a Derivation in closed form, extents, the size of a number
    Output   bytes for the forward and for the backward pass

The count. What is given (the inputs, what `forward` keeps, the cotangents) is read, what is returned is written, and
what is elementwise is computed again rather than kept. A sum must be complete before it is used, so that what it is
used with is read again: the data are gone over once for the sums, and once for what they are needed for. Two things
save a reading:

- A factor that does not depend on what is summed over is taken out, and waits. So Σ(x - mu)² does not wait for mu,
  being Σx² - 2 mu Σx + N mu², nor Σexp(x - m) for m: both take one reading, together with mu and m.
- A sum over the last axes of an array is complete while the row is in the cache. Its row is read once, if it fits.

Each reading counts each array once. What `forward` writes for `backward` to use does not count: it can be the inputs
themselves. Batch normalization of [N, D]: forward reads x twice and writes y, 3 arrays; backward reads dy and xhat
twice and writes dx, 5. Over rows, as in layer normalization, it is 2 and 3.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sympy import Expr, Indexed, Mul, Sum, expand
from sympy.core.parameters import distribute

from derive.bench.shapes import Extents, largest_size, shape_of
from derive.codegen.residuals import first_order_equations
from derive.derivation import Derivation
from derive.graph import Equation, Quantity, name_of, names_in
from derive.indices import REDUCTIONS, free_indices

# What a core keeps at hand of a row while it goes over it again.
_CACHED_BYTES = 2**20
# A summand of more terms than that is not multiplied out.
_MOST_OPERATIONS = 60


@dataclass(frozen=True)
class Traffic:
    """Bytes that move, and how many of the largest array that is."""

    bytes: int
    moves: float


def traffic_of(derivation: Derivation, extents: Extents, itemsize: int) -> dict[str, Traffic]:
    """The traffic of `forward` and `backward`."""
    forward = derivation.forward
    used = {name for equation in first_order_equations(derivation) for name in names_in(equation.expression)}
    saved = [name for name in forward.by_name if name in used]
    given = [q.name for q in derivation.backward.inputs if q.name not in forward.by_name]
    largest = largest_size(forward, extents)
    found = {}
    for phase, equations, stored, returned in (
        ("forward", forward.equations, [q.name for q in forward.inputs], forward.outputs),
        ("backward", first_order_equations(derivation), [*saved, *given], derivation.backward.outputs),
    ):
        count = _Readings(derivation.by_name, equations, frozenset(stored), extents, itemsize)
        elements = count.elements(returned)
        found[phase] = Traffic(elements * itemsize, elements / largest)
    return found


@dataclass
class _Readings:
    """The readings of the data that some equations take. `levels` counts, for what is computed, those before it."""

    known: dict[str, Quantity]
    equations: Sequence[Equation]
    stored: frozenset[str]
    extents: Extents
    itemsize: int
    levels: dict[str, int] = field(default_factory=dict)
    read: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    @cached_property
    def by_name(self) -> dict[str, Equation]:
        return {equation.name: equation for equation in self.equations if equation.name not in self.stored}

    def elements(self, returned: Iterable[str]) -> int:
        """The elements that are read, each array once a reading, and written."""
        names = list(returned)
        for name in names:
            if name in self.by_name:
                self.read[self.level_of(name)] |= self.sources(self.by_name[name].expression)
        read = sum(self.size(name) for reading in self.read.values() for name in reading)
        return read + sum(self.size(name) for name in names)

    def size(self, name: str) -> int:
        return math.prod(shape_of(self.known[name], self.extents))

    def level_of(self, name: str) -> int:
        if name not in self.by_name:
            return 0
        if name not in self.levels:
            self.levels[name] = self.level(self.by_name[name].expression)
        return self.levels[name]

    def level(self, expression: Expr) -> int:
        """How many readings are over before an expression can be computed."""
        if isinstance(expression, REDUCTIONS):
            return self.level_of_reduction(expression)
        if (name := name_of(expression)) is not None:
            return self.level_of(name)
        return max(map(self.level, expression.args), default=0)

    def level_of_reduction(self, reduction: Expr) -> int:
        bound = {limit[0] for limit in reduction.limits}
        terms = _terms(self.inlined(reduction.function)) if isinstance(reduction, Sum) else [reduction.function]
        waiting = [f for term in terms for f in Mul.make_args(term) if bound & set(free_indices(f))]
        level = max(map(self.level, waiting), default=0)
        self.read[level] |= set().union(*map(self.sources, waiting))
        return level if self.is_along_rows(waiting, bound) else level + 1

    def inlined(self, expression: Expr) -> Expr:
        """An expression with what is elementwise put in for its name."""
        if isinstance(expression, REDUCTIONS) or expression.is_Atom:
            return expression
        if (name := name_of(expression)) is None:
            return expression.func(*map(self.inlined, expression.args))
        equation = self.by_name.get(name)
        if equation is None or equation.expression.atoms(*REDUCTIONS):
            return expression
        return self.inlined(equation.at(expression.indices))

    def sources(self, expression: Expr) -> set[str]:
        """What is stored and read to compute an expression, whose sums are there."""
        if isinstance(expression, REDUCTIONS):
            return set()
        name = name_of(expression)
        if name is None:
            return set().union(*map(self.sources, expression.args))
        if name in self.by_name:
            return self.sources(self.by_name[name].expression)
        return {name} & self.stored

    def is_along_rows(self, factors: Sequence[Expr], bound: set[object]) -> bool:
        """Whether a sum is over the last axes of the widest arrays in it, and what it goes over fits the cache."""
        elements = set().union(*(factor.atoms(Indexed) for factor in factors))
        widest = max((len(element.indices) for element in elements), default=0)
        rows = [element for element in elements if len(element.indices) == widest]
        return all(set(r.indices[widest - len(bound) :]) == bound and self.row_fits(r, len(bound)) for r in rows)

    def row_fits(self, element: Indexed, axes: int) -> bool:
        shape = shape_of(self.known[name_of(element) or ""], self.extents)
        return math.prod(shape[len(shape) - axes :]) * self.itemsize <= _CACHED_BYTES


def _terms(summand: Expr) -> list[Expr]:
    """The terms of a summand that is multiplied out, exponentials of sums, too."""
    if summand.count_ops() > _MOST_OPERATIONS:
        return [summand]
    with distribute(True):
        return list(expand(summand, deep=True).as_ordered_terms())

