"""The judge against the many shapes of a true line: none of them is anything but true.

A line is written in another way by some random steps, each of which keeps its value: reordered, multiplied out,
with other letters, through a helper, with what is zero added, with a gradient in place of its name or the other way.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pytest
from mutants import Line, Node, Site, binary, element, expression, negative, operands, reduction, sites, total_of
from shapes import Scope, bound_by, indices_of, name_in
from test_mutants import Bench, bench

LONGEST = 1200  # a line that has grown beyond is let be
STEPS = 6


@dataclass(frozen=True)
class Around:
    """What else a rewriting may use: the true lines, and letters that stand for nothing yet."""

    found: Bench
    source: random.Random
    lines: Sequence[Line]

    def fresh(self, *nodes: Node) -> str:
        """A letter for an index that is nowhere in some expressions."""
        used = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)} | set(self.found.words.sizes)
        letters = [a for a in "abcdfghklnpqrsuvwz" if a not in used and a not in self.found.words.extents]
        return self.source.choice(letters)


def renamed(node: Node, letters: dict[str, str], around: Around) -> Node:
    """An expression with other free indices; what a reduction binds keeps out of their way."""
    if isinstance(node, ast.Subscript):
        return element(name_in(node), [letters.get(index, index) for index in indices_of(node)])
    if isinstance(node, ast.Call) and isinstance(node.args[0], ast.GeneratorExp):
        body = node.args[0]
        inner = {old: new for old, new in letters.items() if old not in dict(bound_by(body))}
        elt, bound = body.elt, list(bound_by(body))
        for position, (letter, extent) in enumerate(bound):
            if letter in inner.values():
                other = around.fresh(elt, *(expression(new) for new in inner.values()))
                elt, bound[position] = renamed(elt, {letter: other}, around), (other, extent)
        return over(node.func, renamed(elt, inner, around), tuple(bound))
    if isinstance(node, ast.Call) and name_in(node) == "delta":
        return expression(f"delta({', '.join(letters.get(ast.unparse(a), ast.unparse(a)) for a in node.args)})")
    if isinstance(node, ast.Call):
        return ast.Call(node.func, [renamed(argument, letters, around) for argument in node.args], [])
    if isinstance(node, ast.Compare):
        return ast.Compare(
            renamed(node.left, letters, around), node.ops, [renamed(c, letters, around) for c in node.comparators]
        )
    if isinstance(node, ast.BinOp):
        return ast.BinOp(renamed(node.left, letters, around), node.op, renamed(node.right, letters, around))
    if isinstance(node, ast.UnaryOp):
        return ast.UnaryOp(node.op, renamed(node.operand, letters, around))
    return node


def over(func: Node, elt: Node, bound: Scope) -> Node:
    """A reduction of an expression over some indices."""
    clauses = " ".join(f"for {letter} in {extent}" for letter, extent in bound)
    return expression(f"{ast.unparse(func)}({ast.unparse(elt)} {clauses})")


def free_in(node: Node) -> set[str]:
    """The letters of the free indices of an expression."""
    found = set()
    for site in sites(node, ()):
        bound = {letter for letter, _ in site.scope}
        if isinstance(site.node, ast.Subscript):
            found |= set(indices_of(site.node)) - bound
        if isinstance(site.node, ast.Call) and name_in(site.node) in ("where", "delta"):
            letters = {n for part in ast.walk(site.node) for n in _letters_on(part)}
            found |= letters - bound - {own for part in ast.walk(site.node) for own in _bound_on(part)}
    return found


def _letters_on(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and name_in(node) == "delta":
        return [ast.unparse(argument) for argument in node.args]
    return indices_of(node) if isinstance(node, ast.Subscript) else []


def _bound_on(node: ast.AST) -> list[str]:
    return [letter for letter, _ in bound_by(node)] if isinstance(node, ast.GeneratorExp) else []


# Each way to write a place otherwise.


def reorder(site: Site, around: Around) -> Iterator[Node]:
    """a + b as b + a, a - b as -b + a."""
    for op in (ast.Add, ast.Mult):
        pair = operands(site.node, op)
        if pair is not None:
            yield binary(pair[1], op, pair[0])
    pair = operands(site.node, ast.Sub)
    if pair is not None:
        yield binary(negative(pair[1]), ast.Add, pair[0])
        yield negative(binary(pair[1], ast.Sub, pair[0]))


def divide_otherwise(site: Site, around: Around) -> Iterator[Node]:
    """a/b as a*b**(-1), as 1/b*a; a*b/c as a/c*b."""
    pair = operands(site.node, ast.Div)
    if pair is not None:
        above, below = pair
        yield binary(above, ast.Mult, binary(below, ast.Pow, expression("-1")))
        yield binary(binary(expression("1"), ast.Div, below), ast.Mult, above)
        product = operands(above, ast.Mult)
        if product is not None:
            yield binary(binary(product[0], ast.Div, below), ast.Mult, product[1])
            yield binary(product[0], ast.Mult, binary(product[1], ast.Div, below))
        product = operands(below, ast.Mult)
        if product is not None:
            yield binary(binary(above, ast.Div, product[0]), ast.Div, product[1])


def root_otherwise(site: Site, around: Around) -> Iterator[Node]:
    """sqrt(x) as x**(1/2), a/sqrt(x) as a*x**(-1/2), x**(3/2) as x*sqrt(x)."""
    node, half = site.node, expression("1/2")
    if isinstance(node, ast.Call) and name_in(node) == "sqrt":
        yield binary(node.args[0], ast.Pow, half)
        yield binary(node.args[0], ast.Div, node)
        yield binary(expression("1"), ast.Div, binary(node.args[0], ast.Pow, expression("-1/2")))
    power, quotient = operands(node, ast.Pow), operands(node, ast.Div)
    if power is not None and ast.unparse(power[1]).replace(" ", "") == "3/2":
        root = ast.Call(expression("sqrt"), [power[0]], [])
        yield binary(power[0], ast.Mult, root)
        yield binary(root, ast.Pow, expression("3"))
    if power is not None and ast.unparse(power[1]) == "2":
        yield binary(power[0], ast.Mult, power[0])
    if quotient is not None and isinstance(quotient[1], ast.Call) and name_in(quotient[1]) == "sqrt":
        yield binary(quotient[0], ast.Mult, binary(quotient[1].args[0], ast.Pow, expression("-1/2")))


def average_otherwise(site: Site, around: Around) -> Iterator[Node]:
    """A mean as a sum over N, a sum as N times a mean."""
    found = total_of(site.node)
    if found is not None:
        node, body = found
        size = expression("*".join(extent for _, extent in bound_by(body)))
        total, mean = (reduction(expression(name), body.elt, body) for name in ("sum", "mean"))
        if name_in(node) == "mean":
            yield binary(total, ast.Div, size)
            yield binary(binary(expression("1"), ast.Div, size), ast.Mult, total)
            yield reduction(expression("sum"), binary(body.elt, ast.Div, size), body)
        else:
            yield binary(size, ast.Mult, mean)


def multiply_out(site: Site, around: Around) -> Iterator[Node]:
    """a*(b + c) as a*b + a*c, (b - c)/a as b/a - c/a, -(a + b) as -a - b; and back."""
    node = site.node
    product, quotient = operands(node, ast.Mult), operands(node, ast.Div)
    for factor, bracket in (product, product[::-1]) if product else ():
        pair = operands(bracket, ast.Add, ast.Sub)
        if pair is not None:
            op = type(bracket.op)  # type: ignore[attr-defined]
            yield binary(binary(factor, ast.Mult, pair[0]), op, binary(factor, ast.Mult, pair[1]))
    pair = operands(quotient[0], ast.Add, ast.Sub) if quotient else None
    if quotient and pair:
        op = type(quotient[0].op)  # type: ignore[attr-defined]
        yield binary(binary(pair[0], ast.Div, quotient[1]), op, binary(pair[1], ast.Div, quotient[1]))
    if isinstance(node, ast.UnaryOp):
        pair = operands(node.operand, ast.Add)
        if pair is not None:
            yield binary(negative(pair[0]), ast.Sub, pair[1])
    pair = operands(node, ast.Add, ast.Sub)
    first, second = (operands(side, ast.Mult) for side in pair) if pair else (None, None)
    if first and second and ast.unparse(first[0]) == ast.unparse(second[0]):
        op = type(node.op)  # type: ignore[attr-defined]
        yield binary(first[0], ast.Mult, binary(first[1], op, second[1]))


def split_sum(site: Site, around: Around) -> Iterator[Node]:
    """sum(a - b) as sum(a) - sum(b), sum(a*b) as a*sum(b) where a does not vary."""
    found = total_of(site.node)
    if found is None:
        return
    node, body = found
    pair, product = operands(body.elt, ast.Add, ast.Sub), operands(body.elt, ast.Mult)
    if pair is not None:
        op = type(body.elt.op)  # type: ignore[attr-defined]
        yield binary(reduction(node.func, pair[0], body), op, reduction(node.func, pair[1], body))
    for moved, kept in (product, product[::-1]) if product else ():
        if not free_in(moved) & set(dict(bound_by(body))):
            yield binary(moved, ast.Mult, reduction(node.func, kept, body))


def merge_into_sum(site: Site, around: Around) -> Iterator[Node]:
    """a*sum(b) as sum(a*b)."""
    product = operands(site.node, ast.Mult)
    for moved, total in (product, product[::-1]) if product else ():
        found = total_of(total)
        if found is not None and not free_in(moved) & set(dict(bound_by(found[1]))):
            yield reduction(found[0].func, binary(moved, ast.Mult, found[1].elt), found[1])


def rename_bound(site: Site, around: Around) -> Iterator[Node]:
    """Another letter for a bound index: a new one, or one that means something else outside, which it hides."""
    node = site.node
    if isinstance(node, ast.Call) and isinstance(node.args[0], ast.GeneratorExp):
        body = node.args[0]
        bound = bound_by(body)
        free = free_in(body.elt)
        outside = [letter for letter, _ in site.scope if letter not in free and letter not in dict(bound)]
        for position, (old, extent) in enumerate(bound):
            for new in (around.fresh(node), *outside):
                changed = (*bound[:position], (new, extent), *bound[position + 1 :])
                yield over(node.func, renamed(body.elt, {old: new}, around), changed)


def add_nothing(site: Site, around: Around) -> Iterator[Node]:
    """What is zero by a fact, such as sum(x - mu), beside a term."""
    if site.role in ("whole", "term", "body"):
        for fact in (line for line in around.lines if line.is_fact):
            zero = binary(fact.left, ast.Sub, fact.right)
            letters = _assigned(fact.scope, site.scope)
            if letters is not None:
                yield binary(site.node, ast.Add, renamed(zero, letters, around))


def _assigned(wanted: Scope, scope: Scope) -> dict[str, str] | None:
    """For each index one in scope that runs over the same extent."""
    inner = dict(scope)
    found = {}
    for letter, extent in wanted:
        fitting = [own for own, runs in inner.items() if runs == extent]
        if not fitting:
            return None
        found[letter] = letter if letter in fitting else fitting[0]
    return found


def put_definition(site: Site, around: Around) -> Iterator[Node]:
    """What a name stands for, in its place: dvar, xhat."""
    node = site.node
    if isinstance(node, (ast.Name, ast.Subscript)) and name_in(node) in around.found.words.extents:
        for line in around.lines:
            if not line.is_fact and name_in(line.left) == name_in(node):
                letters = dict(zip(indices_of(line.left), indices_of(node), strict=True))
                yield renamed(line.right, letters, around)


def fold_name(site: Site, around: Around) -> Iterator[Node]:
    """A name for what it stands for: dgamma, dbeta."""
    text = ast.unparse(site.node)
    for line in around.lines:
        letters = [letter for letter, _ in site.scope]
        hidden = len(set(letters)) < len(letters)
        known = set(line.scope) <= set(site.scope) and not hidden
        if known and not line.is_fact and ast.unparse(line.right) == text:
            yield line.left


REWRITINGS: dict[str, Callable[[Site, Around], Iterator[Node]]] = {
    "reorder": reorder,
    "divide": divide_otherwise,
    "root": root_otherwise,
    "average": average_otherwise,
    "multiply out": multiply_out,
    "split": split_sum,
    "merge": merge_into_sum,
    "rename": rename_bound,
    "zero": add_nothing,
    "definition": put_definition,
    "fold": fold_name,
}


def rewritten(line: Line, around: Around) -> Line:
    """The line in another shape, after some random steps."""
    right = line.right
    for _ in range(around.source.randint(1, STEPS)):
        rewrite = REWRITINGS[around.source.choice(sorted(REWRITINGS))]
        made = [site.put(new) for site in sites(right, line.scope) for new in rewrite(site, around)]
        chosen = around.source.choice(made) if made else right
        if len(ast.unparse(chosen)) <= LONGEST:
            right = expression(ast.unparse(chosen))
    return Line(line.put(right), line.left, right, line.scope, line.is_fact)


def with_helper(line: Line, around: Around, name: str) -> list[str]:
    """The line, a place of it moved into a helper of its own."""
    chosen = around.source.choice([site for site in sites(line.right, line.scope) if site.role != "exponent"])
    inner = dict(chosen.scope)
    letters = sorted(free_in(chosen.node) & set(inner))
    helper = element(name, letters)
    return [f"{ast.unparse(helper)} = {ast.unparse(chosen.node)}", line.put(chosen.put(helper))]


def with_letters(line: Line, around: Around) -> str:
    """The line with other letters for its free indices."""
    letters: dict[str, str] = {}
    for own, _ in line.scope:
        taken = [expression(letter) for letter in letters.values()]
        letters[own] = around.fresh(line.left, line.right, *taken)
    left, right = (renamed(side, letters, around) for side in (line.left, line.right))
    return Line("", left, right, (), line.is_fact).put(right)


def chain(lines: Sequence[Line], around: Around) -> list[str]:
    """Lines about the same thing, as A = B = C."""
    sides: dict[str, list[str]] = {}
    for line in lines:
        if not line.is_fact:
            sides.setdefault(ast.unparse(line.left), []).append(ast.unparse(line.right))
    return [" = ".join([left, *around.source.sample(found, 3)]) for left, found in sides.items() if len(found) > 2]


@cache
def shapes_of(layer: str, seed: int, count: int) -> tuple[Bench, list[str], list[str], list[str]]:
    """A layer, lines of it in other shapes, the same before some of them got helpers or letters, and chains of them."""
    found = bench(layer)
    lines = [found.line(text) for text in found.texts]
    around = Around(found, random.Random(f"{seed}/{layer}"), lines)
    texts: list[str] = []
    made: list[Line] = []
    while len(made) < count:
        line = rewritten(around.source.choice(lines), around)
        made.append(line)
        if not line.is_fact and around.source.random() < 0.2:
            texts += with_helper(line, around, f"own{len(made)}")
        elif around.source.random() < 0.2:
            texts.append(with_letters(line, around))
        else:
            texts.append(line.text)
    return found, texts, [line.text for line in made], chain(made, around)


SHAPED = ["batch_norm", "layer_norm", "rms_norm", "softmax", "softmax_cross_entropy", "l2_normalize", "weight_norm"]


@pytest.mark.parametrize("layer", SHAPED)
def test_a_true_line_in_another_shape_holds(layer: str) -> None:
    found, texts, made, chains = shapes_of(layer, 0, 40)
    assert [text for text in made if found.worth(text) != "same"] == []
    audit = found.audit([*found.texts, *texts, *chains])
    assert [(v.claim, v.kind, v.diagnosis) for v in audit.verdicts if v.kind not in ("holds", "definition")] == []
    assert sum(v.kind == "definition" for v in audit.verdicts) == sum(text.startswith("own") for text in texts)
