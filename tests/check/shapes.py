"""What a line in the layer grammar is worth, found from its text with Python's ast and NumPy alone.

Nothing of the engine is used for it but the names: which quantity a name stands for, and its indices. Derivatives are
taken by complex step on the equations as the layer's file has them.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.graph import Graph, Quantity

Values = NDArray[Any]
Scope = tuple[tuple[str, str], ...]  # each index with its extent, the innermost last
Stored = tuple[tuple[str, ...], Values]  # the extents of an array, and its values

STEP = 1e-40  # of the complex step: its square is nothing
SAME, APART = 1e-9, 1e-6  # between them nothing is decided


class IllFormedError(Exception):
    """A line that has no value: an index that is not there, or that runs over another extent."""


def _branch(a: Values, b: Values, first: Values, second: Values) -> Values:
    return np.asarray(np.where(np.real(a) >= np.real(b), first, second))


FUNCTIONS: dict[str, Callable[..., Values]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softplus": lambda a: np.log(1 + np.exp(a)),
    "abs": lambda a: _branch(a, np.zeros(()), a, -a),
    "sign": lambda a: np.sign(np.real(a)),
    "relu": lambda a: _branch(a, np.zeros(()), a, np.zeros(())),
    "maximum": lambda a, b: _branch(a, b, a, b),
    "minimum": lambda a, b: _branch(a, b, b, a),
    "where": lambda condition, a, b: np.asarray(np.where(condition, a, b)),
}
_OPERATIONS: dict[type[ast.operator], Callable[[Values, Values], Values]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: lambda a, b: np.power(a, b),
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Values, Values], Values]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def _largest(values: Values) -> Values:
    """The maximum over the last axis, by the real parts."""
    best = np.argmax(np.real(values), axis=-1)[..., None]
    return np.take_along_axis(values, best, axis=-1)[..., 0]


REDUCTIONS: dict[str, Callable[[Values], Values]] = {
    "sum": lambda a: a.sum(axis=-1),
    "mean": lambda a: a.mean(axis=-1),
    "prod": lambda a: a.prod(axis=-1),
    "max": _largest,
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Evaluates an expression to an array with one axis for each index in scope."""

    sizes: Mapping[str, int]
    array: Callable[[str], Stored]

    def of(self, node: ast.expr, scope: Scope = ()) -> Values:
        """The values over all indices of the scope. Raises IllFormedError."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._visit(node, scope), self._shape(scope))

    def _shape(self, scope: Scope) -> tuple[int, ...]:
        return tuple(self.sizes[extent] for _, extent in scope)

    def _visit(self, node: ast.expr, scope: Scope) -> Values:
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, (int, float))
            return np.asarray(float(node.value))
        if isinstance(node, ast.Name):
            if node.id in self.sizes:
                return np.asarray(float(self.sizes[node.id]))
            return np.asarray(np.pi) if node.id == "pi" else self._element(node.id, [], scope)
        if isinstance(node, ast.Subscript):
            return self._element(name_in(node), indices_of(node), scope)
        if isinstance(node, ast.UnaryOp):
            value = self._visit(node.operand, scope)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            left, right = self._visit(node.left, scope), self._visit(node.right, scope)
            return _OPERATIONS[type(node.op)](left, right)
        if isinstance(node, ast.Compare):
            left, right = self._visit(node.left, scope), self._visit(node.comparators[0], scope)
            return _COMPARISONS[type(node.ops[0])](np.real(left), np.real(right))
        assert isinstance(node, ast.Call)
        return self._call(node, scope)

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        name, body = name_in(node), node.args[0]
        if isinstance(body, ast.GeneratorExp):
            bound = bound_by(body)
            value = self.of(body.elt, (*scope, *bound))
            for _ in bound:
                value = REDUCTIONS[name](value)
            return value
        if name == "delta":
            places = [self._places(ast.unparse(index), scope)[0] for index in node.args]
            return np.where(places[0] == places[1], 1.0, 0.0)
        return FUNCTIONS[name](*(self._visit(argument, scope) for argument in node.args))

    def _element(self, name: str, written: list[str], scope: Scope) -> Values:
        extents, values = self.array(name)
        if len(extents) != len(written):
            raise IllFormedError(f"{name} has {len(extents)} indices")
        places = []
        for index, extent in zip(written, extents, strict=True):
            found, own = self._places(index, scope)
            if own not in ("", extent):
                raise IllFormedError(f"{index} of {name} runs over {own}")
            places.append(found)
        return values[tuple(places)] if places else values

    def _places(self, index: str, scope: Scope) -> tuple[Values, str]:
        """The positions that an index goes through, along its axis, and its extent."""
        if index.isdecimal():
            return np.asarray(int(index) - 1), ""
        for axis in reversed(range(len(scope))):
            letter, extent = scope[axis]
            if letter == index:
                shape = [1] * len(scope)
                shape[axis] = self.sizes[extent]
                return np.arange(self.sizes[extent]).reshape(shape), extent
        raise IllFormedError(f"{index} is not in scope")


def name_in(node: ast.expr) -> str:
    """The name of x, of x[i, j] or of f(x)."""
    while not isinstance(node, ast.Name):
        assert isinstance(node, (ast.Subscript, ast.Call))
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.id


def indices_of(node: ast.expr) -> list[str]:
    """The indices of x[i, j]; none for a scalar."""
    if not isinstance(node, ast.Subscript):
        return []
    written = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [ast.unparse(index) for index in written]


def bound_by(body: ast.GeneratorExp) -> Scope:
    """The indices that a reduction binds."""
    return tuple((ast.unparse(clause.target), ast.unparse(clause.iter)) for clause in body.generators)


@dataclass(eq=False)
class World:
    """One set of data for a layer, and the true value of every name that its derivation has on it.

    A local derivative is one with all else held fixed, or a `total` one.
    """

    graph: Graph
    known: Mapping[str, Quantity]
    sizes: Mapping[str, int]
    inputs: Mapping[str, Values]
    given: Mapping[str, Values]  # the cotangents of the outputs, by the outputs' names
    total: bool = False
    _found: dict[str, Stored] = field(default_factory=dict)
    _totals: dict[str, Values] = field(default_factory=dict)

    @cached_property
    def lines(self) -> dict[str, tuple[Scope, ast.expr]]:
        """The equations of the layer's file, in an order in which they can be computed."""
        written: dict[str, tuple[Scope, ast.expr]] = {}
        for statement in ast.parse(self.graph.source).body:
            if isinstance(statement, ast.Assign):
                name = name_in(statement.targets[0])
                extents = self.graph.by_name[name].extents
                written[name] = tuple(zip(indices_of(statement.targets[0]), extents, strict=True)), statement.value
        return {equation.name: written[equation.name] for equation in self.graph.equations}

    @cached_property
    def forward(self) -> dict[str, Values]:
        """The value of each quantity of the layer."""
        return self._run(dict(self.inputs))

    def evaluation(self) -> Evaluation:
        """Evaluates with the true value of every name."""
        return Evaluation(self.sizes, self.array)

    def array(self, name: str) -> Stored:
        """The true array of a quantity."""
        if name not in self._found:
            if name not in self.known:
                raise IllFormedError(f"nothing is called {name}")
            self._found[name] = self.known[name].extents, self._true(self.known[name])
        return self._found[name]

    def _true(self, quantity: Quantity) -> Values:
        if quantity.name in self.forward:
            return self.forward[quantity.name]
        of, via = quantity.of or "", quantity.via
        if quantity.role == "cotangent":
            return self._total(of)
        if quantity.role == "contribution" and via is None:
            return self.given[of]
        if quantity.role == "contribution":
            outer, inner = self._total(via or ""), self._local(via or "", of)
            return np.tensordot(outer, inner, axes=outer.ndim)
        assert quantity.role == "local_derivative", quantity
        above, below = (str(end).partition("[") for end in (quantity.numerator, quantity.denominator))
        of, by = above[0], below[0]
        extents = (*self.graph.by_name[of].extents, *self.graph.by_name[by].extents)
        table = self._local(of, by)
        indices = ", ".join(part[2].rstrip("]") for part in (above, below) if part[2])
        scope = tuple((index.name, index.extent) for index in quantity.indices)
        element = ast.parse(f"table[{indices}]" if indices else "table", mode="eval").body
        return Evaluation(self.sizes, lambda name: (extents, table)).of(element, scope)

    def _total(self, of: str) -> Values:
        """The derivative of the loss by each element of a quantity at its place in the graph."""
        if of not in self._totals:
            later = self._after(of)

            def loss(changed: dict[str, Values]) -> Any:
                values = self._run({**self.forward, **changed}, later)
                return sum((values[name] * weight).sum() for name, weight in self.given.items())

            self._totals[of] = np.array([np.imag(loss(changed)) / STEP for changed in self._changes(of)]).reshape(
                self.forward[of].shape
            )
        return self._totals[of]

    def _local(self, of: str, by: str) -> Values:
        """The derivative of one quantity by another, with the axes of `of` first."""
        through = self._after(by) if self.total else [of]
        columns = [np.imag(self._run({**self.forward, **c}, through)[of]) / STEP for c in self._changes(by)]
        return np.stack(columns, axis=-1).reshape((*self.forward[of].shape, *self.forward[by].shape))

    def _after(self, name: str) -> list[str]:
        """What may depend on a quantity."""
        names = list(self.lines)
        return names[names.index(name) + 1 :] if name in names else names

    def _changes(self, name: str) -> Iterator[dict[str, Values]]:
        """The array of a quantity with one element after the other changed a little."""
        for place in np.ndindex(self.forward[name].shape):
            array = self.forward[name].astype(complex)
            array[place] += STEP * 1j
            yield {name: array}

    def _run(self, values: dict[str, Values], names: list[str] | None = None) -> dict[str, Values]:
        evaluation = Evaluation(self.sizes, lambda name: (self.graph.by_name[name].extents, values[name]))
        for name in self.lines if names is None else names:
            scope, expression = self.lines[name]
            values[name] = evaluation.of(expression, scope)
        return values


def draw_worlds(graph: Graph, known: Mapping[str, Quantity], seed: int = 0) -> list[World]:
    """Several sets of data that satisfy the layer's facts, of different sizes."""
    rng = np.random.default_rng([seed, len(graph.extents)])
    return [_draw(graph, known, rng, sizes) for sizes in _sizes(graph, rng)]


def _facts(graph: Graph) -> list[ast.Compare]:
    tests = [statement.test for statement in ast.parse(graph.source).body if isinstance(statement, ast.Assert)]
    return [test for test in tests if isinstance(test, ast.Compare)]


def _sizes(graph: Graph, rng: np.random.Generator) -> Iterator[dict[str, int]]:
    """Sizes for the extents: several of each, and 1 for each where it may be."""
    names = graph.extents
    choice = np.arange(2, 6) if len(names) < 4 else np.array((2, 3, 4, 2, 3, 2))
    for _ in range(2 if len(names) < 4 else 3):
        yield dict(zip(names, rng.permutation(choice)[: len(names)].tolist(), strict=True))
    for single, size in itertools.product(names, (1, 2, 3) if len(names) < 3 else (1,)):
        sizes = dict(zip(names, rng.permutation(choice)[: len(names)].tolist(), strict=True)) | {single: size}
        facts = [test for test in _facts(graph) if isinstance(test.left, ast.Name) and test.left.id in sizes]
        if all(Evaluation(sizes, _nothing).of(test) for test in facts):
            yield sizes


def _nothing(name: str) -> Stored:
    raise IllFormedError(f"nothing is called {name}")


def _draw(graph: Graph, known: Mapping[str, Quantity], rng: np.random.Generator, sizes: dict[str, int]) -> World:
    comparisons = _facts(graph)
    positive = {test.left.id for test in comparisons if isinstance(test.left, ast.Name) and _is_bound(test)}

    def drawn(quantity: Quantity) -> Values:
        shape = tuple(sizes[extent] for extent in quantity.extents)
        values = rng.uniform(0.3, 1.7, shape)
        return values if quantity.name in positive else np.asarray(values * rng.choice((-1, 1), shape))

    inputs = {quantity.name: drawn(quantity) for quantity in graph.inputs}
    for test in comparisons:
        if isinstance(test.ops[0], ast.Eq):
            make_true(test, inputs)
    given = {name: drawn(graph.by_name[name]) for name in graph.outputs}
    return World(graph, known, sizes, inputs, given)


def _is_bound(test: ast.Compare) -> bool:
    return isinstance(test.ops[0], (ast.Gt, ast.GtE))


def make_true(test: ast.Compare, inputs: dict[str, Values]) -> None:
    """Change an input so that an equality holds: of its elements, or of their sums."""
    value = float(Evaluation({}, _nothing).of(test.comparators[0]))
    left = test.left
    if isinstance(left, (ast.Name, ast.Subscript)):
        inputs[name_in(left)] = np.full_like(inputs[name_in(left)], value)
        return
    assert isinstance(left, ast.Call)
    body = left.args[0]
    assert isinstance(body, ast.GeneratorExp)
    name, (bound,) = name_in(body.elt), bound_by(body)
    array = inputs[name]
    axis = indices_of(body.elt).index(bound[0])
    wanted = value if name_in(left) == "sum" else value * array.shape[axis]
    inputs[name] = array + (wanted - array.sum(axis=axis, keepdims=True)) / array.shape[axis]
