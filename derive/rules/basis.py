"""The basis: the small set of forward quantities in which cotangents are written.

The forward equations are first made *plain*: a subexpression that stands inside another (a centered difference under
a square, a radicand, an exponential in a quotient) becomes a hidden quantity of its own, the same one wherever it
recurs. So it makes no difference how an author cut a layer into equations. Then each plain equation that can be solved
for an older quantity of the same indices offers a relation (x = mu + xhat*sqrt(var + eps)) that does away with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Number, NumberSymbol, Pow, Rational, Symbol, exp

from derive.functions import delta
from derive.graph import Fact, Graph, name_of, reference
from derive.indices import REDUCTIONS, free_indices, is_indexed, rebuild, substitute
from derive.rules.matching import whole_matches
from derive.rules.normal_form import Vocabulary, polynomial_names
from derive.rules.polynomial import Monomial, Polynomial, Total, make_monomial
from derive.rules.sums import put_in

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
        expression = builder.whole(equation.expression)
        builder.found.append(PlainEquation(equation.left, expression, hidden=False))
    return builder.found


class _Plain:
    def __init__(self) -> None:
        self.found: list[PlainEquation] = []

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
        for plain in self.found:
            if plain.hidden:
                for binding in whole_matches(plain.expression, node):
                    return substitute(plain.element, binding)
        element = reference(f"{HIDDEN}{len(self.found)}", free_indices(node))
        self.found.append(PlainEquation(element, node, hidden=True))
        return element


def _is_extent_power(node: Expr) -> bool:
    return not is_indexed(node) and not any(name_of(atom) for atom in node.atoms(Symbol))


def unfold(expression: Expr, plain: list[PlainEquation]) -> Expr:
    """The expression with every hidden quantity written out again."""
    for equation in reversed(plain):
        if equation.hidden:
            indices = equation.element.indices if isinstance(equation.element, Indexed) else ()
            expression = put_in(expression, equation.name, indices, equation.expression)
    return expression


def positive_names(graph: Graph, plain: list[PlainEquation]) -> frozenset[str]:
    """The quantities that are positive wherever the layer is differentiable: by a fact, or by their equation."""
    found = {name for fact in graph.facts if (name := _positive_by(fact))}
    for equation in plain:
        for power in equation.expression.atoms(Pow):
            name = name_of(power.base)
            # A root, of what must then be positive: at zero it has no derivative.
            if name is not None and power.exp.is_Rational and not power.exp.is_Integer:
                found.add(name)
    for equation in plain:
        if _is_positive(equation.expression, found):
            found.add(equation.name)
    return frozenset(found)


def _is_positive(expression: Expr, positive: set[str]) -> bool:
    if isinstance(expression, (Symbol, Indexed, Number, NumberSymbol)):
        return bool(expression.is_positive) or name_of(expression) in positive
    if isinstance(expression, Pow):
        root = expression.exp.is_Rational and not expression.exp.is_Integer
        return root or _is_positive(expression.base, positive)
    if isinstance(expression, (Add, Mul)):
        return all(_is_positive(argument, positive) for argument in expression.args)
    if isinstance(expression, REDUCTIONS):
        return _is_positive(expression.function, positive)
    return isinstance(expression, exp)


def _positive_by(fact: Fact) -> str | None:
    left, relation, right = fact.left, fact.relation, fact.right
    if relation in ("<", "<="):
        left, right, relation = right, left, {"<": ">", "<=": ">="}[relation]  # type: ignore[assignment]
    if isinstance(right, Rational) and ((relation == ">" and right >= 0) or (relation == ">=" and right > 0)):
        return name_of(left)
    return None


def relations(plain: list[PlainEquation], positive: frozenset[str], fixed: frozenset[str]) -> Iterator[Relation]:
    """Every way to solve a plain equation for one of the quantities in it that has the same indices.

    `fixed` names what may not be replaced. The quantity must stand once, to the first power, with a factor that is
    known not to be zero; or alone, and positive, to any power. One of the two quantities is the author's own.
    """
    vocabulary = Vocabulary(positive=positive)
    hidden = {equation.name for equation in plain if equation.hidden}
    nonzero = nonzero_names(plain, positive)
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
                    solved = _solve(right, monomial, base, equation.element, nonzero)
                else:
                    solved = _root(right, monomial, base, equation.element, positive)
                if solved is not None:
                    yield Relation(name_of(base) or "", equation.name, base, solved)


def nonzero_names(plain: list[PlainEquation], positive: frozenset[str]) -> frozenset[str]:
    """The quantities that cannot vanish where the layer is defined."""
    return positive | {equation.name for equation in plain if _never_zero(equation.expression, positive)}


def centered_names(plain: list[PlainEquation]) -> frozenset[str]:
    """The hidden sums that stand as factors, like x - mu; not those that stand only under roots, like var + eps.

    To take them apart would undo the author's centering, and with it the accuracy of what is computed.
    """
    sums = {equation.name for equation in plain if equation.hidden and isinstance(equation.expression, Add)}
    found = set()
    for equation in plain:
        for monomial in Vocabulary().normalize(equation.expression).terms:
            found |= {name for base, power in _all_factors(monomial) if (name := name_of(base)) in sums and power > 0}
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
    right: Polynomial, term: Monomial, base: Expr, element: Expr, positive: frozenset[str]
) -> Polynomial | None:
    """Solve element = base**power for a positive `base`: std = sqrt(r) says r = std**2."""
    [(_, power)] = term if len(term) == 1 else [(None, Integer(0))]
    if power == 0 or right != Polynomial.of(base, power) or name_of(base) not in positive:
        return None
    return Polynomial.of(element, 1 / power)


def _is_nonzero(base: Expr, nonzero: frozenset[str]) -> bool:
    return bool(base.is_nonzero) or name_of(base) in nonzero


def _never_zero(expression: Expr, positive: frozenset[str]) -> bool:
    """Whether a plain right side is a product of negative powers and of positive quantities."""
    if not isinstance(expression, (Pow, Mul)):
        return isinstance(expression, exp)
    for factor in Mul.make_args(expression):
        base, power = factor.as_base_exp()
        if not (power.is_negative or name_of(base) in positive or base.is_nonzero):
            return False
    return True

