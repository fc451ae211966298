"""Equations whose sums over one axis are taken in parts, by workers that hold some of its rows each.

    mu[j] = mean(x[i, j] for i in N)
    ──▶  mu_sum[j] = sum(x[i, j] for i in N_local), which every worker has a part of;   mu[j] = mu_sum[j]/N

The axis is the first one of the first array of a layer, and of every array that has it. An index over it runs over the
rows of one worker, N_local of them; as a number, N is how many all workers have. A sum waits for the sums that it is
computed from: those that wait for none are of round 1, those that wait for them of round 2, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sympy import Expr, Mul, Pow, Sum, Symbol

from derive.codegen.axes import extents_in
from derive.codegen.products import Summation, take_apart
from derive.codegen.residuals import used_in
from derive.codegen.schedule.statements import rebuilt
from derive.errors import UsageError
from derive.functions import MaxOver, ProductOver, delta, limits_of
from derive.graph import Equation, Fact, Graph, Index, Quantity, extent_symbol, fresh_name, names_in
from derive.indices import REDUCTIONS, canonical_bound, free_indices
from derive.printing.grammar import equation_text
from derive.printing.layout import Layout
from derive.printing.names import Names

_WORDS: dict[type[Expr], str] = {Sum: "sum", MaxOver: "max", ProductOver: "prod"}


@dataclass(frozen=True)
class Rows:
    """The axis whose rows are spread over workers: its extent, and the name of the number of rows of one worker."""

    extent: str
    local: str

    def of(self, quantity: Quantity) -> Quantity:
        """A quantity as one worker has it."""
        indices = tuple(replace(i, extent=self.local) if i.extent == self.extent else i for i in quantity.indices)
        return replace(quantity, indices=indices)


def rows_of(graph: Graph) -> Rows:
    """The axis of a layer whose rows can be spread over workers. Raises UsageError for a layer without arrays."""
    array = next((q for q in graph.inputs if q.indices), None)
    if array is None:
        raise UsageError(f"{graph.name}: there is no code for workers: no input is an array, so there are no rows")
    extent = array.extents[0]
    return Rows(extent, fresh_name([f"{extent}_local"], {*graph.names, *graph.extents}))


@dataclass(frozen=True)
class Split:
    """Equations with their sums over the rows apart from them, each before the equation that needs it.

    `round_of` has the round of each sum, `facts` are those that were given, with the results of sums in them.
    """

    rows: Rows
    equations: tuple[Equation, ...]
    facts: tuple[Fact, ...]
    round_of: Mapping[str, int]

    @property
    def rounds(self) -> int:
        return max(self.round_of.values(), default=0)

    def sums(self, number: int) -> list[Equation]:
        """The sums of a round."""
        return [e for e in self.equations if self.round_of.get(e.name) == number]

    def needed(self, names: Sequence[str]) -> list[Equation]:
        """The equations that lead to `names` from what is given and from sums, in order."""
        wanted, found = set(names), []
        for equation in reversed(self.equations):
            if equation.name in wanted and (equation.name in names or equation.name not in self.round_of):
                found.append(equation)
                wanted |= used_in([equation])
        return found[::-1]


def split(
    equations: Sequence[Equation],
    quantities: Mapping[str, Quantity],
    rows: Rows,
    facts: Sequence[Fact] = (),
    counted: bool = False,
) -> Split:
    """Equations with their sums over the rows taken apart; `quantities` are all that there are.

    With `counted`, the number of all rows is a sum, too, of round 1. Raises UsageError for what no worker can compute
    from its own rows and from sums.
    """
    refuse_other_axes(quantities.values(), rows)
    taker = _Taker(quantities, rows)
    new_facts = [taker.fact(fact) for fact in facts]
    for equation in equations:
        taker.add(equation)
    first = 1 if counted else 0
    return Split(rows, tuple(taker.found), tuple(new_facts), _rounds(taker.found, taker.sums, rows, first))


def refuse_other_axes(quantities: Iterable[Quantity], rows: Rows) -> None:
    """Raise UsageError for an array that has the rows as another axis than its first."""
    for quantity in quantities:
        if rows.extent in quantity.extents[1:]:
            how = "twice" if quantity.extents.count(rows.extent) > 1 else "not as its first axis"
            shape = f"{quantity.name}[{', '.join(quantity.extents)}]"
            raise _refusal(rows, f"{shape} has that axis {how}")


def _refusal(rows: Rows, reason: str) -> UsageError:
    return UsageError(f"there is no code for workers that have some rows of {rows.extent} each: {reason}")


def _rounds(equations: Sequence[Equation], sums: set[str], rows: Rows, counted: int) -> dict[str, int]:
    """The round of each sum; the number of all rows is known after the round `counted`."""
    after: dict[str, int] = {}
    for equation in equations:
        latest = max((after.get(name, 0) for name in used_in([equation])), default=0)
        if rows.extent in extents_in(equation.expression):
            latest = max(latest, counted)
        after[equation.name] = latest + (equation.name in sums)
    return {name: after[name] for name in after if name in sums}


class _Taker:
    """Takes the sums over the rows out of equations: `found` are the equations then, `sums` the names of sums."""

    def __init__(self, quantities: Mapping[str, Quantity], rows: Rows) -> None:
        self.found: list[Equation] = []
        self.sums: set[str] = set()
        self._rows, self._layout = rows, Layout(Names(quantities))
        self._taken = {*quantities, *(extent for q in quantities.values() for extent in q.extents), rows.local}
        self._known: dict[tuple[Expr, tuple[Index, ...]], Expr] = {}
        self._extents: dict[Symbol, str] = {}  # of the indices in scope
        self._text = ""

    def add(self, equation: Equation) -> None:
        """An equation."""
        self._enter(equation, equation.indices)
        expression = self._without_sums(equation.expression, equation.name)
        self.found.append(replace(equation, indices=self._local(equation.indices), expression=expression))

    def fact(self, fact: Fact) -> Fact:
        """A fact."""
        self._enter(fact, fact.indices)
        names = [*names_in(fact.left), *names_in(fact.right)]
        left, right = (self._without_sums(side, names[0] if names else "") for side in (fact.left, fact.right))
        return replace(fact, left=left, right=right)

    def _enter(self, line: Equation | Fact, indices: Sequence[Index]) -> None:
        self._text = equation_text(line)
        self._extents = {index.symbol: index.extent for index in indices}

    def _refusal(self, reason: str) -> UsageError:
        return _refusal(self._rows, f"{reason} in {self._text}")

    def _local(self, indices: Sequence[Index]) -> tuple[Index, ...]:
        return tuple(replace(i, extent=self._rows.local) if i.extent == self._rows.extent else i for i in indices)

    def _without_sums(self, expression: Expr, name: str) -> Expr:
        """The expression with the result of an equation of its own in the place of each of its sums over the rows."""
        if isinstance(expression, delta):
            if self._rows.extent in [self._extents.get(index) for index in expression.args]:
                raise self._refusal("a row is told from the others")
            return expression
        if not expression.has(delta, *REDUCTIONS):
            return expression
        if isinstance(expression, (Sum, Mul)):
            product = take_apart(expression, self._layout)
            above = [self._factor(factor, name) for factor in product.above]
            below = [self._factor(factor, name) for factor in product.below]
            return Mul(product.coefficient, *above, *(Pow(factor, -1) for factor in below))
        if isinstance(expression, (MaxOver, ProductOver)):
            limits = tuple(limits_of(expression))
            with self._inside(limits):
                body = self._without_sums(expression.function, name)
                return self._reduced(type(expression), body, limits, name)
        return rebuilt(expression, [self._without_sums(argument, name) for argument in expression.args])

    def _factor(self, factor: Expr | Summation, name: str) -> Expr:
        if not isinstance(factor, Summation):
            return self._without_sums(factor, name)
        with self._inside(factor.limits):
            above = [self._factor(part, name) for part in factor.above]
            below = [self._factor(part, name) for part in factor.below]
            return self._reduced(Sum, Mul(*above, *(Pow(part, -1) for part in below)), factor.limits, name)

    @contextmanager
    def _inside(self, limits: Sequence[tuple[Symbol, Symbol]]) -> Iterator[None]:
        """In the scope of a reduction: one index may stand for two extents in two sums of an equation."""
        around = self._extents
        self._extents = {**around, **{symbol: extent.name for symbol, extent in limits}}
        yield
        self._extents = around

    def _reduced(self, kind: type[Expr], body: Expr, limits: Sequence[tuple[Symbol, Symbol]], name: str) -> Expr:
        """A reduction: as it is, or where it is over the rows, the result of an equation of its own."""
        extents = [extent.name for _, extent in limits]
        if self._rows.extent not in extents:
            return kind(body, *((symbol, 1, extent) for symbol, extent in limits))
        bound = [symbol for symbol, _ in limits]
        free = [symbol for symbol in free_indices(body) if symbol not in bound]
        if extents.count(self._rows.extent) > 1 or self._rows.extent in [self._extents[symbol] for symbol in free]:
            raise self._refusal("rows are compared with each other")
        place = {symbol: number for number, symbol in enumerate(self._extents)}
        indices = tuple(Index(s.name, self._extents[s]) for s in sorted(free, key=place.__getitem__))
        local = self._rows.local
        whole = kind(body, *(
            (symbol, 1, extent_symbol(local) if extent.name == self._rows.extent else extent)
            for symbol, extent in limits
        ))  # fmt: skip
        key = canonical_bound(whole), indices
        known = self._known.get(key)
        if known is None:
            wanted = f"{name.lstrip('_')}_{_WORDS[kind]}"
            made = fresh_name([wanted, *(f"{wanted}{number}" for number in range(2, 100))], self._taken)
            self._taken.add(made)
            self.sums.add(made)
            equation = Equation(made, indices, whole)
            self.found.append(equation)
            known = self._known[key] = equation.left
        return known
