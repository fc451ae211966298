"""Distances from a mean with all their digits: what rounding took from the mean is found, and subtracted too.

    mu[j] = mean(x[i, j] for i in N),  xhat[i, j] = (x[i, j] - mu[j])/...
    ──▶  mu_rest[j] = mean(x[i, j] - mu[j] for i in N),  xhat[i, j] = distance(x[i, j], mu[j], mu_rest[j])/...

In exact arithmetic the rest is zero. In float32, data with a mean of 1e6 and a deviation of 1 have a mean that is off
by up to 0.03; the distances from that rounded mean are exact, though, and so is their mean nearly. Nor may a small
rest be left out: the same for all rows, it is multiplied by their number wherever the distances are summed up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Pow, Sum, preorder_traversal

from derive.derivation import Derivation
from derive.graph import Equation, Graph, Index, Quantity, fresh_name, name_of, reference


class distance(Function):  # noqa: N801 - a function of expressions
    """distance(x, m, rest): x - (m + rest), rounded once where that is possible."""


def as_said(equation: Equation) -> Equation:
    """The equation without rests, as the layer has it."""
    found = {node: node.args[0] - node.args[1] for node in equation.expression.atoms(distance)}
    return replace(equation, expression=equation.expression.xreplace(found)) if found else equation


def with_distances(
    equations: Sequence[Equation], known: Mapping[str, Quantity]
) -> tuple[list[Equation], dict[str, Quantity]]:
    """The equations with a name for each distance that they have more than once, and `known` with these names."""
    nodes = [node for e in equations for node in preorder_traversal(e.expression) if isinstance(node, distance)]
    uses = Counter(filter(None, map(_key, nodes)))
    quantities = dict(known)
    found: dict[object, str] = {}
    done: list[Equation] = []
    for equation in equations:
        replaced = {}
        for node in sorted(equation.expression.atoms(distance), key=str):
            key, (element, _, _) = _key(node), node.args
            if key is None or uses[key] < 2:
                continue
            if key not in found:
                given = known[key[0]]
                names = [f"{given.name}_centered", f"{given.name}_centered2"]
                found[key] = fresh_name(names, {*quantities, *(e.name for e in equations)})
                indices = tuple(Index(s.name, i.extent) for s, i in zip(element.indices, given.indices, strict=True))
                quantities[found[key]] = Quantity(found[key], indices, "helper")
                done.append(replace(equation, name=found[key], indices=indices, expression=node))
            replaced[node] = reference(found[key], element.indices)
        done.append(replace(equation, expression=equation.expression.xreplace(replaced)) if replaced else equation)
    return done, quantities


def _key(node: distance) -> tuple[str, str, tuple[int, ...]] | None:
    """What a distance is, whatever its indices are called; None where they are not those of a whole array."""
    element, mean, _ = node.args
    indices = element.indices
    if len(set(indices)) < len(indices) or not set(mean.indices) <= set(indices):
        return None
    return str(name_of(element)), str(name_of(mean)), tuple(indices.index(index) for index in mean.indices)


@dataclass(frozen=True)
class Rest:
    """What rounding took from a mean: the names of what it is the mean of, of the mean, and of the rest."""

    summand: str
    mean: str
    equation: Equation

    @property
    def name(self) -> str:
        return self.equation.name


def with_rests(derivations: Sequence[Derivation]) -> list[Derivation]:
    """The derivations of a layer, order by order, with rests wherever something is subtracted from its mean."""
    graph = derivations[0].forward
    used = {name for derivation in derivations for name in derivation.backward.names}
    rests = []
    for equation in graph.equations:
        rest = _rest_of(equation, graph, used)
        if rest is not None:
            used.add(rest.name)
            rests.append(rest)
    return [
        replace(d, forward=_with(d.forward, rests), backward=_with(d.backward, rests)) for d in derivations
    ]


def _with(graph: Graph, rests: Sequence[Rest]) -> Graph:
    """A graph with the rests after their means, where it has those."""
    by_mean = {rest.mean: rest for rest in rests}
    equations: list[Equation] = []
    quantities: list[Quantity] = []
    for equation in graph.equations:
        equations.append(replace(equation, expression=_centered(equation.expression, rests)))
        if equation.name in by_mean:
            equations.append(by_mean[equation.name].equation)
    for quantity in graph.quantities:
        quantities.append(quantity)
        if quantity.name in by_mean:
            # Where the means are given, so are their rests.
            quantities.append(replace(quantity, name=by_mean[quantity.name].name, latex=None))
    return replace(graph, equations=tuple(equations), quantities=tuple(quantities))


def _rest_of(equation: Equation, graph: Graph, used: set[str]) -> Rest | None:
    """The rest of a mean over arrays from which it is subtracted somewhere; None for anything else."""
    sums = list(equation.expression.atoms(Sum))
    elements = {e for sum_ in sums for e in sum_.function.atoms(Indexed)}
    for element in sorted(elements, key=str):
        summand = name_of(element)
        of_ones = _at(_spelled_out(equation.expression, graph), element, Integer(1))
        is_mean = of_ones == 1 and _is_linear(equation.expression, element)
        if is_mean and any(_subtracted(e.expression, str(summand), equation.name) for e in graph.equations):
            name = fresh_name([f"{equation.name}_rest"], used)
            expression = _at(equation.expression, element, element - equation.left)
            return Rest(str(summand), equation.name, replace(equation, name=name, expression=expression))
    return None


def _is_linear(expression: Expr, element: Indexed) -> bool:
    """Whether an expression is one sum of an element times weights, times something: no mean of squares."""
    found = [factor for factor in Mul.make_args(expression) if factor.has(element)]
    if len(found) != 1 or not isinstance(found[0], Sum):
        return False
    return [factor for factor in Mul.make_args(found[0].function) if factor.has(element)] == [element]


def _spelled_out(expression: Expr, graph: Graph) -> Expr:
    """The expression with what its divisors stand for in their place, such as the sum of the weights."""
    meant = {
        equation.left: equation.expression
        for equation in graph.equations
        if equation.left in {power.base for power in expression.atoms(Pow)}
    }
    replaced: Expr = expression.xreplace(meant)
    return replaced


def _at(expression: Expr, element: Indexed, value: Expr) -> Expr:
    """The expression with another value for an element; what is summed is pulled out where that is constant."""
    replaced = expression.xreplace({element: value})
    if value != 1:
        return replaced
    known = {sum_: sum_.doit() for sum_ in replaced.atoms(Sum) if not sum_.function.atoms(Indexed)}
    result: Expr = replaced.xreplace(known)
    return result


def _pair(expression: Add, summand: str, mean: str) -> tuple[Expr, Expr] | None:
    """The two terms, in a sum of terms, of which one is a mean, and the other what it is the mean of, less it."""
    terms = {name_of(sign * term): (sign, term) for term in expression.args for sign in (1, -1)}
    if summand not in terms or mean not in terms or terms[summand][0] * terms[mean][0] != -1:
        return None
    pair = terms[summand][1], terms[mean][1]
    return pair if all(len(term.atoms(Indexed)) == 1 for term in pair) else None


def _subtracted(expression: Expr, summand: str, mean: str) -> bool:
    return any(_pair(node, summand, mean) is not None for node in expression.atoms(Add))


def _centered(expression: Expr, rests: Sequence[Rest]) -> Expr:
    """The expression with the rest beside each mean that something is subtracted from."""
    if not expression.args or isinstance(expression, Indexed):
        return expression
    arguments = [_centered(argument, rests) for argument in expression.args]
    if isinstance(expression, Add):
        for rest in rests:
            pair = _pair(expression, rest.summand, rest.mean)
            if pair is not None and all(term in arguments for term in pair):
                element, mean = (node for term in pair for node in term.atoms(Indexed))
                kept = [argument for argument in arguments if argument not in pair]
                missing = distance(element, mean, reference(rest.name, mean.indices))
                arguments = [*kept, missing if element in pair else -missing]
    if tuple(arguments) == expression.args:
        return expression
    made: Expr = expression.func(*arguments)
    return made
