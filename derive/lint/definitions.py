"""A layer seen through its names: a product or a sum as if its author had written it in one line.

`factors` and `terms` open names where that is what one wants to see, and keep the others for the message. `stages`
opens every name, the latest first: what is only recognized by its definition is recognized at one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Sum, Symbol

from derive.functions import maximum
from derive.graph import Graph, name_of, names_in
from derive.indices import REDUCTIONS, is_indexed, rebuild, separate_bound, substitute
from derive.rules.normal_form import Budget, TooLargeError, Vocabulary
from derive.rules.polynomial import Polynomial

_ONE = Integer(1)
# Names are opened inside one another, parts listed, and definitions put in, no further than this.
_MOST_OPENED, _MOST_PARTS, _MOST_STAGES = 12, 24, 8
_LARGEST, _DEEPEST = 250, 80
_BUDGET = 3_000


@dataclass(frozen=True)
class Factor:
    """A power in a product, and the elements whose definitions were opened on the way to it, the outermost first."""

    base: Expr
    exponent: Rational
    opened: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Term:
    """A term of a sum, and the elements whose definitions were opened on the way to it."""

    expression: Expr
    opened: tuple[Expr, ...] = ()


class Definitions:
    """The equations of a layer, to look names up in."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._place = {equation.name: place for place, equation in enumerate(graph.equations)}
        self._normal: dict[Expr, Polynomial | None] = {}
        self._sources: dict[str, frozenset[str]] = {}
        self._summing: set[str] = set()
        for equation in graph.equations:
            if self.has_sum(equation.expression):
                self._summing.add(equation.name)

    def definition(self, element: Expr) -> Expr | None:
        """What an element is by its equation; None for an input, and for what is no element."""
        equation = self.graph.equation_of.get(name_of(element) or "")
        if equation is None:
            return None
        at = element.indices if isinstance(element, Indexed) else ()
        renaming = {own.symbol: new for own, new in zip(equation.indices, at, strict=True)}
        return substitute(equation.expression, renaming)

    def resolved(self, expression: Expr) -> Expr:
        """The expression behind a name, or behind a name for a name."""
        for _ in range(_MOST_OPENED):
            found = self.definition(expression)
            if found is None:
                break
            expression = found
        return expression

    def factors(self, expression: Expr) -> list[Factor]:
        """The powers of a product; a name for a product is opened."""
        found: list[Factor] = []
        pending = [Factor(expression, _ONE)]
        while pending:
            part = pending.pop()
            inside = self._opened(part, (Mul, Pow))
            node = inside.base
            if isinstance(node, Mul):
                pending += [Factor(argument, inside.exponent, inside.opened) for argument in reversed(node.args)]
            elif isinstance(node, Pow) and isinstance(node.exp, Rational):
                pending.append(Factor(node.base, inside.exponent * node.exp, inside.opened))
            else:
                found.append(part)
            if len(found) + len(pending) > _MOST_PARTS:
                return [Factor(expression, _ONE)]
        return found

    def terms(self, expression: Expr) -> list[Term]:
        """The terms of a sum; a name for a sum is opened."""
        found: list[Term] = []
        pending = [Factor(expression, _ONE)]
        while pending:
            part = pending.pop()
            inside = self._opened(part, (Add,))
            if isinstance(inside.base, Add):
                pending += [Factor(argument, _ONE, inside.opened) for argument in reversed(inside.base.args)]
            else:
                found.append(Term(part.base, part.opened))
            if len(found) + len(pending) > _MOST_PARTS:
                return [Term(argument) for argument in Add.make_args(expression)]
        return found

    def _opened(self, part: Factor, kinds: tuple[type[Expr], ...]) -> Factor:
        """The part with its base by definition, where that leads to one of the kinds; else the part itself."""
        inside = part
        while len(inside.opened) < _MOST_OPENED:
            value = self.definition(inside.base)
            if value is None:
                break
            inside = Factor(value, part.exponent, (*inside.opened, inside.base))
            if isinstance(value, kinds):
                return inside
        return inside if isinstance(inside.base, kinds) else part

    def stages(self, *expressions: Expr) -> Iterator[tuple[Expr, ...]]:
        """Some expressions as they are, then with one more name put in at a time, while they are small."""
        current = expressions
        for _ in range(_MOST_STAGES):
            yield current
            places = [self._place.get(name, -1) for e in current for name in names_in(e)]
            latest = max(places, default=-1)
            if latest < 0:
                return
            name = self.graph.equations[latest].name
            current = tuple(self._put_in(e, name) for e in current)
            if any(size > _LARGEST or depth > _DEEPEST for size, depth in map(_extent_of, current)):
                return

    def _put_in(self, expression: Expr, name: str) -> Expr:
        if name_of(expression) == name:
            equation = self.graph.equation_of[name]
            # Bound indices of its own for each name: it stands in no sum of itself, so that nothing is captured.
            value = separate_bound(equation.expression, f"{name} ")
            at = expression.indices if isinstance(expression, Indexed) else ()
            return substitute(value, {own.symbol: new for own, new in zip(equation.indices, at, strict=True)})
        if name not in names_in(expression):
            return expression
        if isinstance(expression, REDUCTIONS):
            return expression.func(self._put_in(expression.function, name), *expression.limits)
        return rebuild(expression, [self._put_in(argument, name) for argument in expression.args])

    def normal(self, expression: Expr) -> Polynomial | None:
        """The normal form, without what only guards a divisor; None where it is too large."""
        if expression not in self._normal:
            try:
                if _extent_of(expression)[0] > _LARGEST:
                    raise TooLargeError
                vocabulary = Vocabulary(budget=Budget(_BUDGET))
                self._normal[expression] = vocabulary.normalize(self.without_guards(expression))
            except TooLargeError:
                self._normal[expression] = None
        return self._normal[expression]

    def without_guards(self, expression: Expr) -> Expr:
        """The expression with n for maximum(n, 1), and with 1/n for 1/(n + eps)."""
        if not expression.args or isinstance(expression, Indexed):
            return expression
        if isinstance(expression, REDUCTIONS):
            return expression.func(self.without_guards(expression.function), *expression.limits)
        if isinstance(expression, maximum):
            kept = [argument for argument in expression.args if not self.is_constant(argument)]
            if len(kept) == 1:
                return self.without_guards(kept[0])
        if isinstance(expression, Pow) and isinstance(expression.base, Add) and expression.exp.is_negative:
            base = self.without_constants(expression.base)
            return Pow(self.without_guards(base), expression.exp)
        return rebuild(expression, [self.without_guards(argument) for argument in expression.args])

    def without_constants(self, expression: Expr) -> Expr:
        """A sum without the positive constants in it, if there is something else that depends on data."""
        kept = [term for term in Add.make_args(expression) if not self.is_constant(term)]
        return Add(*kept) if any(map(is_indexed, kept)) else expression

    def is_constant(self, expression: Expr) -> bool:
        """Whether an expression is a positive number, or made of scalar constants: an eps."""
        if isinstance(expression, Rational):
            return bool(expression.is_positive)
        if is_indexed(expression) or expression.as_coeff_Mul()[0].is_negative:
            return False
        symbols = expression.atoms(Symbol)
        return bool(symbols) and all(
            name_of(s) is not None and self._sources_of(str(s.name)) <= self._scalar_constants for s in symbols
        )

    @property
    def _scalar_constants(self) -> frozenset[str]:
        return frozenset(q.name for q in self.graph.inputs if q.role == "constant" and not q.indices)

    def sources(self, expression: Expr) -> frozenset[str]:
        """The inputs that an expression depends on, through all definitions."""
        return frozenset(source for name in names_in(expression) for source in self._sources_of(name))

    def has_sum(self, expression: Expr) -> bool:
        """Whether there is a sum over an index in an expression, or in the definitions of what is in it."""
        return bool(expression.has(Sum)) or not self._summing.isdisjoint(names_in(expression))

    def _sources_of(self, name: str) -> frozenset[str]:
        if not self._sources:
            for quantity in self.graph.inputs:
                self._sources[quantity.name] = frozenset({quantity.name})
            for equation in self.graph.equations:
                used = (self._sources[other] for other in names_in(equation.expression))
                self._sources[equation.name] = frozenset().union(*used)
        return self._sources.get(name, frozenset())


@lru_cache(maxsize=100_000)
def _extent_of(expression: Expr) -> tuple[int, int]:
    """How many parts an expression has, and how deep they stand in one another."""
    inside = [_extent_of(argument) for argument in expression.args]
    return 1 + sum(size for size, _ in inside), 1 + max((depth for _, depth in inside), default=0)
