"""The basis: the small set of forward quantities in which cotangents are written.

The forward equations are first made *plain*: a subexpression that stands inside another (a centered difference under
a square, a radicand, an exponential in a quotient) becomes a hidden quantity of its own, the same one wherever it
recurs. So it makes no difference how an author cut a layer into equations. Then each plain equation that can be solved
for an older quantity of the same indices offers a relation (x = mu + xhat*sqrt(var + eps)) that does away with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Number, NumberSymbol, Pow, Rational, Symbol, exp

from derive.functions import delta, where
from derive.graph import Equation, Fact, Graph, name_of, names_in, reference
from derive.indices import REDUCTIONS, free_indices, is_indexed, rebuild, separate_bound, substitute
from derive.rules.matching import whole_matches
from derive.rules.normal_form import Vocabulary, polynomial_names
from derive.rules.polynomial import Monomial, Polynomial, Total, make_monomial

_ONE = Integer(1)
HIDDEN = "hidden "  # a space keeps these names away from every identifier


@dataclass(frozen=True)
class PlainEquation:
    """One plain equation: `element` = `expression`. A hidden one exists only inside the simplifier."""

    element: Expr
    expression: Expr
    hidden: bool

    @property
    def name(self) -> str:
        return name_of(self.element) or ""


@dataclass(frozen=True)
class Relation:
    """`older` = `value` wherever `older` stands, from solving the plain equation of `newer`."""

    older: str
    newer: str
    element: Expr
    value: Polynomial


def plain_equations(graph: Graph) -> list[PlainEquation]:
    """The forward equations with every inner subexpression given a hidden name, in an order to compute them in."""
    builder = _Plain()
    for equation in graph.equations:
        builder.equation(equation)
    return builder.found


class _Plain:
    def __init__(self) -> None:
        self.found: list[PlainEquation] = []
        self._by_names: dict[frozenset[str], list[PlainEquation]] = {}

    def _add(self, equation: PlainEquation) -> None:
        self.found.append(equation)
        self._by_names.setdefault(frozenset(names_in(equation.expression)), []).append(equation)

    def equation(self, equation: Equation) -> None:
        """Add one of the author's equations; one that only names what is hidden already says just that."""
        expression = self.whole(equation.expression)
        known = self._known(expression) if isinstance(expression, (Add, Function, *REDUCTIONS)) else None
        self._add(PlainEquation(equation.left, expression if known is None else known, hidden=False))

    def _known(self, node: Expr) -> Expr | None:
        """The element that an expression is the right side of, if there is one."""
        for plain in self._by_names.get(frozenset(names_in(node)), ()):
            for binding in whole_matches(plain.expression, node):
                return substitute(plain.element, binding)
        return None

    def whole(self, node: Expr) -> Expr:
        """An equation's right side: its outermost function, reduction and sum stand; what is inside gets a name."""
        if isinstance(node, Add):
            return rebuild(node, [self.whole_term(argument) for argument in node.args])
        return self.whole_term(node)

    def whole_term(self, node: Expr) -> Expr:
        if isinstance(node, REDUCTIONS):
            return self._inside_reduction(node)
        if isinstance(node, Mul):
            scaled = [a for a in node.args if not (isinstance(a, Rational) or a.is_integer or _is_extent_power(a))]
            if len(scaled) == 1 and isinstance(scaled[0], REDUCTIONS):
                return rebuild(node, [self._inside_reduction(a) if a is scaled[0] else a for a in node.args])
        if isinstance(node, Function):
            return node
        return self.factor(node)

    def _inside_reduction(self, node: Expr) -> Expr:
        return node.func(self.factor(node.function), *node.limits)

    def factor(self, node: Expr) -> Expr:
        """A part of a product: powers of elements stay, anything compound is named."""
        if isinstance(node, (Symbol, Indexed, Number, NumberSymbol, delta)):
            return node
        if isinstance(node, Mul):
            return rebuild(node, [self.factor(argument) for argument in node.args])
        if isinstance(node, Pow) and isinstance(node.exp, Rational):
            return rebuild(node, [self.factor(node.base), node.exp])
        if not is_indexed(node) and not any(name_of(atom) for atom in node.atoms(Symbol)):
            return node  # a number such as N - 1
        return self._name(node)

    def _name(self, node: Expr) -> Expr:
        if isinstance(node, Add):
            node = rebuild(node, [self.factor(argument) for argument in node.args])
        elif isinstance(node, REDUCTIONS):
            node = self._inside_reduction(node)
        known = self._known(node)
        if known is not None:
            return known
        element = reference(f"{HIDDEN}{len(self.found)}", free_indices(node))
        self._add(PlainEquation(element, node, hidden=True))
        return element


def _is_extent_power(node: Expr) -> bool:
    return not is_indexed(node) and not any(name_of(atom) for atom in node.atoms(Symbol))


def unfold(expression: Expr, plain: Sequence[PlainEquation]) -> Expr:
    """The expression with every hidden quantity written out again."""
    return _unfold(expression, _unfolded(tuple(plain))) if _has_hidden(expression) else expression


@lru_cache(maxsize=1000)
def _unfolded(plain: tuple[PlainEquation, ...]) -> dict[str, PlainEquation]:
    """The hidden equations with no hidden quantity on their right sides."""
    result: dict[str, PlainEquation] = {}
    for equation in plain:
        if equation.hidden:
            whole = _unfold(equation.expression, result)
            # Bound indices of its own: SymPy makes one sum of a sum of a sum, and loses one of two of the same name.
            result[equation.name] = replace(equation, expression=separate_bound(whole, f"{equation.name} "))
    return result


def _unfold(node: Expr, hidden: dict[str, PlainEquation]) -> Expr:
    if not _has_hidden(node):
        return node
    if isinstance(node, (Indexed, Symbol)):
        equation = hidden[name_of(node) or ""]
        if not isinstance(node, Indexed):
            return equation.expression
        return substitute(equation.expression, dict(zip(equation.element.indices, node.indices, strict=True)))
    if isinstance(node, REDUCTIONS):
        return node.func(_unfold(node.function, hidden), *node.limits)
    return rebuild(node, [_unfold(argument, hidden) for argument in node.args])


@lru_cache(maxsize=200_000)
def _has_hidden(node: Expr) -> bool:
    if isinstance(node, (Indexed, Symbol)):
        return (name_of(node) or "").startswith(HIDDEN)
    return any(_has_hidden(argument) for argument in node.args)


@dataclass(frozen=True)
class Signs:
    """What is known of the signs of quantities, wherever the layer is defined: as arrays, every element of them."""

    nonnegative: frozenset[str]
    nonzero: frozenset[str]


def known_signs(graph: Graph, plain: list[PlainEquation]) -> Signs:
    """The signs that follow from the facts and the equations.

    What stands under a root is not negative, what stands in a denominator is not zero: elsewhere the layer itself has
    no value. That says nothing of a branch of a `where`, and nothing of a whole array where only its diagonal is used.
    """
    nonnegative: set[str] = set()
    nonzero: set[str] = set()
    for fact in graph.facts:
        name, strict = _bounded_below(fact)
        if name is not None:
            nonnegative.add(name)
            nonzero |= {name} if strict else set()
    for equation in plain:
        for base, exponent in _powers(equation.expression):
            if not exponent.is_Integer:
                nonnegative.add(base)
            if exponent < 0:
                nonzero.add(base)
    for equation in plain:
        if _holds(equation.expression, nonnegative, roots=True):
            nonnegative.add(equation.name)
        if _holds(equation.expression, nonzero & nonnegative, roots=False):
            nonzero.add(equation.name)
            nonnegative.add(equation.name)
        elif _is_product_of(equation.expression, nonzero):
            nonzero.add(equation.name)
    return Signs(frozenset(nonnegative), frozenset(nonzero))


def _powers(node: Expr) -> Iterator[tuple[str, Rational]]:
    """The names of which every element is raised to a power that is negative or a root, with the power."""
    if isinstance(node, where):
        return
    if isinstance(node, Pow) and isinstance(node.exp, Rational) and _is_whole(node.base):
        yield name_of(node.base) or "", node.exp
    for argument in node.args:
        yield from _powers(argument)


def _is_whole(element: Expr) -> bool:
    """Whether an element with free indices stands for its whole array: no index twice, none a number."""
    if not isinstance(element, Indexed):
        return name_of(element) is not None
    return all(isinstance(i, Symbol) for i in element.indices) and len(set(element.indices)) == len(element.indices)


def _holds(node: Expr, names: set[str], roots: bool) -> bool:
    """Whether a right side is positive (not negative, with `roots`), the quantities `names` being so."""
    if isinstance(node, (Symbol, Indexed, Number, NumberSymbol)):
        return bool(node.is_positive) or name_of(node) in names
    if isinstance(node, Pow):
        even = node.exp.is_Integer and node.exp % 2 == 0
        root = node.exp.is_Rational and not node.exp.is_Integer
        return (roots and bool(even or root)) or _holds(node.base, names, roots)
    if isinstance(node, (Add, Mul)):
        return all(_holds(argument, names, roots) for argument in node.args)
    if isinstance(node, REDUCTIONS):
        return _holds(node.function, names, roots)
    return roots and isinstance(node, exp)  # it is positive, and in floating point it can still come out as zero


def _is_product_of(node: Expr, nonzero: set[str]) -> bool:
    """Whether a right side is a product of negative powers and of quantities that are not zero."""
    if not isinstance(node, (Pow, Mul)):
        return False
    for factor in Mul.make_args(node):
        base, power = factor.as_base_exp()
        if not (power.is_negative or base.is_nonzero or (name_of(base) in nonzero and _is_whole(base))):
            return False
    return True


def _bounded_below(fact: Fact) -> tuple[str | None, bool]:
    """The quantity that a fact bounds from below by zero, and whether strictly."""
    left, relation, right = fact.left, fact.relation, fact.right
    if relation in ("<", "<="):
        left, right = right, left
    elif relation not in (">", ">="):
        return None, False
    if not (isinstance(right, Rational) and right >= 0 and _is_whole(left)):
        return None, False
    return name_of(left), "=" not in relation or right > 0


def relations(plain: list[PlainEquation], signs: Signs, fixed: frozenset[str]) -> Iterator[Relation]:
    """Every way to solve a plain equation for one of the quantities in it that has the same indices.

    `fixed` names what may not be replaced. The quantity must stand once, to the first power, with a factor that is
    known not to be zero; or alone, and not negative, to any power. One of the two quantities is the author's own.
    """
    vocabulary = Vocabulary(nonnegative=signs.nonnegative)
    hidden = {equation.name for equation in plain if equation.hidden}
    for equation in plain:
        if isinstance(equation.expression, (Function, *REDUCTIONS)):
            continue
        right = vocabulary.normalize(equation.expression)
        own = set(free_indices(equation.element))
        for monomial in right.terms:
            for base, power in monomial:
                if isinstance(base, Total) or name_of(base) is None or name_of(base) in fixed:
                    continue
                if equation.hidden and name_of(base) in hidden:
                    continue
                indices = base.indices if isinstance(base, Indexed) else ()
                if set(indices) != own or len(set(indices)) < len(indices):
                    continue
                if power == 1:
                    solved = _solve(right, monomial, base, equation.element, signs.nonzero)
                else:
                    solved = _root(right, monomial, base, equation.element, signs.nonnegative)
                if solved is not None:
                    yield Relation(name_of(base) or "", equation.name, base, solved)


def centered_names(plain: list[PlainEquation]) -> frozenset[str]:
    """The hidden sums that stand as factors, like x - mu; not those that stand only under roots, like var + eps.

    To take them apart would undo the author's centering, and with it the accuracy of what is computed.
    """
    sums = {equation.name for equation in plain if equation.hidden and isinstance(equation.expression, Add)}
    found = set()
    for equation in plain:
        for monomial in Vocabulary().normalize(equation.expression).terms:
            factors = [(name_of(base), power) for base, power in _all_factors(monomial)]
            found |= {name for name, power in factors if name in sums and power > 0 and power.is_Integer}
    return frozenset(found)


def _all_factors(monomial: Monomial) -> Iterator[tuple[Expr, Rational]]:
    for base, power in monomial:
        if isinstance(base, Total):
            yield from _all_factors(base.monomial)
        else:
            yield base, power


def _solve(
    right: Polynomial, term: Monomial, base: Expr, element: Expr, nonzero: frozenset[str]
) -> Polynomial | None:
    """Solve element = right for `base`, which stands in `term`."""
    rest = Polynomial({m: c for m, c in right.terms.items() if m != term})
    factor = tuple((b, e) for b, e in term if b != base)
    name = name_of(base)
    if name in polynomial_names(rest) or name in polynomial_names(Polynomial({factor: _ONE})):
        return None
    for other, exponent in factor:
        if isinstance(other, Total) or (exponent > 0 and not _is_nonzero(other, nonzero)):
            return None
    number, inverse = make_monomial((b, -e) for b, e in factor)
    scale = Polynomial({inverse: number / right.terms[term]})
    return (Polynomial.of(element) + rest.scaled(Integer(-1))) * scale


def _root(
    right: Polynomial, term: Monomial, base: Expr, element: Expr, nonnegative: frozenset[str]
) -> Polynomial | None:
    """Solve element = base**power for a base that is not negative: std = sqrt(r) says r = std**2."""
    [(_, power)] = term if len(term) == 1 else [(None, Integer(0))]
    if power == 0 or right != Polynomial.of(base, power) or name_of(base) not in nonnegative:
        return None
    return Polynomial.of(element, 1 / power)


def _is_nonzero(base: Expr, nonzero: frozenset[str]) -> bool:
    return bool(base.is_nonzero) or name_of(base) in nonzero
