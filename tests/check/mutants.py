"""Lines with a slip in them: every change of one place that a person, or an accident, could make.

A line is changed as text, by means of Python's ast. Whether it is still true is not known here.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shapes import Scope, bound_by, indices_of, name_in

from derive.derivation import Derivation, Form
from derive.graph import Graph
from derive.pipeline import derive
from derive.printing.grammar import equation_text

Node = ast.expr
Change = tuple[Node, str]  # what stands there instead, and what was changed
EXPONENTS = ("-2", "-3/2", "-1", "-1/2", "1/2", "1", "3/2", "2", "3")
FORMS: tuple[Form, ...] = ("staged", "sum", "mean", "reuse")
SWAPPED = {  # a function, and what is written for it
    "exp": ("log", "tanh"),
    "log": ("exp", "log1p"),
    "log1p": ("log",),
    "tanh": ("sigmoid", "exp"),
    "sigmoid": ("tanh", "softplus"),
    "softplus": ("sigmoid",),
    "relu": ("abs",),
    "abs": ("relu", "sign"),
    "sign": ("abs",),
    "sqrt": ("exp", "abs"),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "sum": ("max", "prod"),
    "mean": ("max",),
    "max": ("sum", "mean"),
    "prod": ("sum",),
}


@dataclass(frozen=True)
class Mutant:
    """A line with one place changed: the `kind` of the change, and the text of what was changed, the `thing`."""

    kind: str
    text: str
    thing: str
    original: str


@dataclass(frozen=True)
class Words:
    """What a line can be written with: the extents of each name, and the names that may stand for one another."""

    extents: Mapping[str, tuple[str, ...]]
    replaceable: frozenset[str]

    @property
    def sizes(self) -> list[str]:
        """Every extent, sorted."""
        return sorted({extent for own in self.extents.values() for extent in own})


@dataclass(frozen=True)
class Line:
    """A line as a tree: `left = right`, or the fact left == right; and its free indices."""

    text: str
    left: Node
    right: Node
    scope: Scope
    is_fact: bool = False

    def put(self, right: Node) -> str:
        """The line with another right side."""
        sides = ast.unparse(self.left), ast.unparse(right)
        return f"assert {sides[0]} == {sides[1]}" if self.is_fact else f"{sides[0]} = {sides[1]}"


@dataclass(frozen=True)
class Site:
    """A place in a line: its node, the indices known there, and what it is to the node around it."""

    node: Node
    scope: Scope
    put: Callable[[Node], Node]
    role: str = "whole"


def words_of(derivation: Derivation) -> Words:
    """The names of a derivation."""
    known = derivation.by_name
    plain = frozenset(n for n, q in known.items() if q.role in ("input", "constant", "intermediate", "cotangent"))
    return Words({name: quantity.extents for name, quantity in known.items()}, plain)


def read_line(text: str, words: Words) -> Line:
    """The tree of a line. The free indices of a fact are those that stand somewhere and are not bound there."""
    (statement,) = ast.parse(text).body
    if isinstance(statement, ast.Assign):
        left = statement.targets[0]
        scope = tuple(zip(indices_of(left), words.extents[name_in(left)], strict=True))
        return Line(text, left, statement.value, scope)
    assert isinstance(statement, ast.Assert)
    assert isinstance(statement.test, ast.Compare)
    left, right = statement.test.left, statement.test.comparators[0]
    free: dict[str, str] = {}
    for side in (left, right):
        for site in sites(side, ()):
            if isinstance(site.node, ast.Subscript):
                bound = {letter for letter, _ in site.scope}
                pairs = zip(indices_of(site.node), words.extents[name_in(site.node)], strict=True)
                free |= {letter: extent for letter, extent in pairs if letter not in bound}
    return Line(text, left, right, tuple(free.items()), is_fact=True)


def true_lines(layer: Graph) -> tuple[list[str], Derivation]:
    """The text of every line that the derivations of a layer have in all forms, and one derivation."""
    found: dict[str, None] = {}
    for form in FORMS:
        made = derive(layer, form)
        for step in made.steps:
            found |= {equation_text(line): None for line in (step.equation, step.display) if line is not None}
        found |= {equation_text(line): None for line in made.results}
    return list(found), made


def mutants_of(line: Line, words: Words) -> dict[str, list[Mutant]]:
    """Every mutant of a line, by the kind of the change."""
    found: dict[str, dict[str, Mutant]] = {}
    for site in sites(line.right, line.scope):
        for kind, change in CHANGES.items():
            for node, thing in change(site, words):
                text = line.put(site.put(node))
                if text != line.put(line.right):
                    found.setdefault(kind, {}).setdefault(text, Mutant(kind, text, thing, line.text))
    return {kind: list(made.values()) for kind, made in found.items()}


def draw_mutants(texts: Sequence[str], words: Words, source: random.Random, count: int) -> list[Mutant]:
    """Mutants of random lines, the rare kinds as often as the frequent ones."""
    by_line = [mutants_of(read_line(text, words), words) for text in texts]
    kinds = sorted({kind for made in by_line for kind in made})
    found: dict[str, Mutant] = {}
    for _ in range(count * 3):
        kind = source.choice(kinds)
        made = source.choice([made[kind] for made in by_line if kind in made])
        mutant = source.choice(made)
        found.setdefault(mutant.text, mutant)
        if len(found) == count:
            break
    return list(found.values())


def sites(node: Node, scope: Scope) -> Iterator[Site]:
    """Every place in an expression, the whole first."""
    yield Site(node, scope, lambda new: new)
    for child, inner, put, role in _children(node, scope):
        for site in sites(child, inner):
            around = site.put

            def outer(new: Node, put: Callable[[Node], Node] = put, around: Callable[[Node], Node] = around) -> Node:
                return put(around(new))

            yield replace(site, put=outer, role=role if site.role == "whole" else site.role)


def _children(node: Node, scope: Scope) -> Iterator[tuple[Node, Scope, Callable[[Node], Node], str]]:
    if isinstance(node, ast.BinOp):
        roles = {ast.Add: ("term", "term"), ast.Sub: ("term", "term"), ast.Mult: ("factor", "factor")}
        left, right = roles.get(type(node.op), ("factor", "divisor" if isinstance(node.op, ast.Div) else "exponent"))
        if right == "exponent":
            left = "base"
        yield node.left, scope, lambda new: ast.BinOp(new, node.op, node.right), left
        if right != "exponent":  # it is changed as a whole
            yield node.right, scope, lambda new: ast.BinOp(node.left, node.op, new), right
    elif isinstance(node, ast.UnaryOp):
        yield node.operand, scope, lambda new: ast.UnaryOp(node.op, new), "negated"
    elif isinstance(node, ast.Call) and isinstance(node.args[0], ast.GeneratorExp):
        body = node.args[0]
        yield body.elt, (*scope, *bound_by(body)), lambda new: reduction(node.func, new, body), "body"
    elif isinstance(node, ast.Call) and name_in(node) != "delta":
        for position, argument in enumerate(node.args):
            if not isinstance(argument, ast.Compare):

                def put(new: Node, position: int = position) -> Node:
                    return ast.Call(node.func, [*node.args[:position], new, *node.args[position + 1 :]], [])

                yield argument, scope, put, "argument"


def reduction(func: Node, elt: Node, body: ast.GeneratorExp) -> ast.Call:
    """A reduction of another expression over the same indices."""
    return ast.Call(func, [ast.GeneratorExp(elt, body.generators)], [])


def expression(text: str) -> Node:
    """The tree of an expression."""
    return ast.parse(text, mode="eval").body


def binary(left: Node, op: type[ast.operator], right: Node) -> ast.BinOp:
    """An operation on two expressions."""
    return ast.BinOp(left, op(), right)


def negative(node: Node) -> ast.UnaryOp:
    """-x."""
    return ast.UnaryOp(ast.USub(), node)


def element(name: str, indices: Sequence[str]) -> Node:
    """x[i, j]."""
    return expression(f"{name}[{', '.join(indices)}]" if indices else name)


def operands(node: Node, *ops: type[ast.operator]) -> tuple[Node, Node] | None:
    """The two sides of an operation that is one of some."""
    return (node.left, node.right) if isinstance(node, ast.BinOp) and isinstance(node.op, ops) else None


def total_of(node: Node) -> tuple[ast.Call, ast.GeneratorExp] | None:
    """A sum or a mean, and its body."""
    if isinstance(node, ast.Call) and name_in(node) in ("sum", "mean") and isinstance(node.args[0], ast.GeneratorExp):
        return node, node.args[0]
    return None


# Each kind of change: what could stand at a place instead, and the text of what is changed.


def change_sign(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    pair = operands(node, ast.Add, ast.Sub)
    if pair is not None:
        other = ast.Sub if isinstance(node.op, ast.Add) else ast.Add  # type: ignore[attr-defined]
        yield binary(pair[0], other, pair[1]), ast.unparse(pair[1])
    if isinstance(node, ast.UnaryOp):
        yield node.operand, ast.unparse(node.operand)
    elif site.role in ("whole", "body", "factor"):
        yield negative(node), ast.unparse(node)


def change_exponent(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    power = operands(node, ast.Pow)
    if power is not None:
        for exponent in EXPONENTS:
            yield binary(power[0], ast.Pow, expression(exponent)), ast.unparse(power[0])
    if isinstance(node, ast.Call) and name_in(node) == "sqrt":
        for exponent in ("1", "-1/2", "3/2"):
            yield binary(node.args[0], ast.Pow, expression(exponent)), ast.unparse(node.args[0])
    if site.role == "divisor" and not isinstance(node, ast.Constant):
        yield binary(node, ast.Pow, expression("2")), ast.unparse(node)
        yield ast.Call(expression("sqrt"), [node], []), ast.unparse(node)


def change_coefficient(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        for number in (node.value + 1, 2 * node.value, 3 * node.value):
            yield expression(repr(number)), ast.unparse(node)
    elif site.role in ("whole", "term"):
        yield binary(expression("2"), ast.Mult, node), ast.unparse(node)
        yield binary(node, ast.Div, expression("2")), ast.unparse(node)


def change_extent(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    if isinstance(node, ast.Name) and node.id in words.sizes:
        yield binary(node, ast.Sub, expression("1")), node.id
        yield from ((expression(other), node.id) for other in words.sizes if other != node.id)
    if isinstance(node, ast.Call) and name_in(node) in ("sum", "mean"):
        other = "mean" if name_in(node) == "sum" else "sum"
        yield ast.Call(expression(other), node.args, []), ast.unparse(node.args[0])
    if site.role in ("whole", "term"):
        for extent in words.sizes:
            yield binary(expression(extent), ast.Mult, node), extent
            yield binary(node, ast.Div, expression(extent)), extent


def drop_factor(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    product, quotient = operands(node, ast.Mult), operands(node, ast.Div)
    if product is not None:
        yield product[0], ast.unparse(product[1])
        yield product[1], ast.unparse(product[0])
    if quotient is not None:
        yield quotient[0], ast.unparse(quotient[1])


def double_factor(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    for side in operands(node, ast.Mult) or ():
        yield binary(node, ast.Mult, side), ast.unparse(side)
    quotient = operands(node, ast.Div)
    if quotient is not None:
        yield binary(node, ast.Div, quotient[1]), ast.unparse(quotient[1])


def drop_term(site: Site, words: Words) -> Iterator[Change]:
    """Also a constant such as eps."""
    pair = operands(site.node, ast.Add, ast.Sub)
    if pair is not None:
        taken = isinstance(site.node.op, ast.Sub)  # type: ignore[attr-defined]
        yield pair[0], ast.unparse(pair[1])
        yield negative(pair[1]) if taken else pair[1], ast.unparse(pair[0])


def double_term(site: Site, words: Words) -> Iterator[Change]:
    pair = operands(site.node, ast.Add, ast.Sub)
    if pair is not None:
        yield binary(site.node, type(site.node.op), pair[1]), ast.unparse(pair[1])  # type: ignore[attr-defined]
        yield binary(pair[0], ast.Add, site.node), ast.unparse(pair[0])


def change_quantity(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    own = name_in(node) if isinstance(node, (ast.Name, ast.Subscript)) else ""
    if own in words.replaceable:
        for other in sorted(words.replaceable):
            if other != own and words.extents[other] == words.extents[own]:
                yield element(other, indices_of(node)), ast.unparse(node)


def change_operation(site: Site, words: Words) -> Iterator[Change]:
    """+ for *, and * for /."""
    node = site.node
    others = {ast.Mult: (ast.Add, ast.Div), ast.Div: (ast.Mult,), ast.Add: (ast.Mult,), ast.Sub: (ast.Mult,)}
    if isinstance(node, ast.BinOp):
        for op in others.get(type(node.op), ()):
            yield binary(node.left, op, node.right), ast.unparse(node.right)


def change_function(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    if isinstance(node, ast.Call):
        for other in SWAPPED.get(name_in(node), ()):
            yield ast.Call(expression(other), node.args, []), name_in(node)


def change_index(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    written = indices_of(node)
    for position, own in enumerate(written):
        for letter in dict.fromkeys(letter for letter, _ in site.scope):
            if letter != own:
                made = [*written[:position], letter, *written[position + 1 :]]
                yield element(name_in(node), made), ast.unparse(node)


def swap_indices(site: Site, words: Words) -> Iterator[Change]:
    node = site.node
    written = indices_of(node)
    for first in range(len(written)):
        for second in range(first):
            made = list(written)
            made[first], made[second] = made[second], made[first]
            yield element(name_in(node), made), ast.unparse(node)


def pull_from_sum(site: Site, words: Words) -> Iterator[Change]:
    """A factor before a sum that stands in it: also over its own index, when another index has that letter outside."""
    found = total_of(site.node)
    if found is not None:
        node, body = found
        pair = operands(body.elt, ast.Mult)
        for kept, moved in (pair, pair[::-1]) if pair else ():
            for renamed in _outside(moved, bound_by(body), site.scope):
                yield binary(renamed, ast.Mult, reduction(node.func, kept, body)), ast.unparse(moved)


def _outside(moved: Node, bound: Scope, scope: Scope) -> Iterator[Node]:
    """A factor with the indices of a sum replaced by such as there are outside of it."""
    if len(bound) > 1:
        return
    ((own, extent),) = bound
    letters = [letter for letter, runs in scope if runs == extent] or [own]
    for letter in dict.fromkeys(letters):
        renamed: Node = _Renaming(own, letter).visit(expression(ast.unparse(moved)))
        yield renamed


class _Renaming(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Subscript(self, node: ast.Subscript) -> Node:
        return element(name_in(node), [self.new if index == self.old else index for index in indices_of(node)])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return node if self.old in dict(bound_by(node)) else self.generic_visit(node)


def push_into_sum(site: Site, words: Words) -> Iterator[Change]:
    """A factor into a sum that stands beside it, where an index of it may be caught."""
    pair = operands(site.node, ast.Mult)
    for total, moved in (pair, pair[::-1]) if pair else ():
        found = total_of(total)
        if found is not None:
            call, body = found
            yield reduction(call.func, binary(body.elt, ast.Mult, moved), body), ast.unparse(moved)


CHANGES: dict[str, Callable[[Site, Words], Iterator[Change]]] = {
    "sign": change_sign,
    "exponent": change_exponent,
    "coefficient": change_coefficient,
    "extent": change_extent,
    "dropped factor": drop_factor,
    "doubled factor": double_factor,
    "dropped term": drop_term,
    "doubled term": double_term,
    "quantity": change_quantity,
    "operation": change_operation,
    "function": change_function,
    "index": change_index,
    "swapped indices": swap_indices,
    "pulled out": pull_from_sum,
    "pushed in": push_into_sum,
}
