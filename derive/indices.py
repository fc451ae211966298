"""Free and bound indices: substitution that cannot capture, and readable names for what is bound.

SymPy's `xreplace` renames bound indices along with free ones, and substitutes under a Sum without looking; these
functions do neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count

from sympy import Basic, Expr, Function, Indexed, Sum, Symbol
from sympy.core.relational import Relational

from derive.functions import MaxOver, ProductOver, delta
from derive.graph import Graph, Index, Quantity, index_symbol, indexed_element, name_of

REDUCTIONS = (Sum, MaxOver, ProductOver)

# Letters for an index whose extent has run out of the names that the layer itself uses.
_LETTERS = "klmnpqrstuvwabcdefghoxyzij"


@lru_cache(maxsize=100_000)
def free_indices(expression: Basic) -> tuple[Symbol, ...]:
    """The index symbols that are free in an expression, each once, in order of appearance."""
    found: dict[Symbol, None] = {}
    if isinstance(expression, Indexed):
        found = {index: None for index in expression.indices if isinstance(index, Symbol)}
    elif isinstance(expression, delta):
        found = {index: None for index in expression.args if isinstance(index, Symbol)}
    elif isinstance(expression, REDUCTIONS):
        bound = {limit[0] for limit in expression.limits}
        found = {index: None for index in free_indices(expression.function) if index not in bound}
    else:
        for argument in expression.args:
            found.update(dict.fromkeys(free_indices(argument)))
    return tuple(found)


def index_extents(expression: Basic, known: Mapping[str, Quantity]) -> dict[Symbol, str]:
    """The extent of each free index of an expression, by the quantities that it stands on, in order of appearance."""
    found: dict[Symbol, str] = {}
    free = free_indices(expression)
    for element in _elements(expression):
        for symbol, index in zip(element.indices, known[name_of(element) or ""].indices, strict=True):
            if symbol in free:
                found.setdefault(symbol, index.extent)
    return found


def _elements(expression: Basic) -> list[Indexed]:
    if isinstance(expression, Indexed):
        return [expression]
    return [element for argument in expression.args for element in _elements(argument)]


@lru_cache(maxsize=100_000)
def is_indexed(expression: Basic) -> bool:
    """Whether an expression mentions an index at all, free or bound."""
    return isinstance(expression, (Indexed, delta, *REDUCTIONS)) or any(map(is_indexed, expression.args))


def remake(expression: Basic, arguments: Sequence[Basic]) -> Expr:
    """A node of the same kind with other arguments.

    Functions are not evaluated: with SymPy's `distribute` off, tanh(-1 - c) would look for its sign without end. Nor
    are conditions: h + 2 >= h stays a condition.
    """
    if isinstance(expression, Indexed):
        return indexed_element(*arguments)
    if isinstance(expression, (Function, Relational)):
        return expression.func(*arguments, evaluate=False)
    return expression.func(*arguments)


def rebuild(expression: Basic, arguments: Sequence[Basic]) -> Expr:
    """The same node with other arguments, or the node itself when they are the same objects."""
    if all(new is old for new, old in zip(arguments, expression.args, strict=True)):
        return expression
    return remake(expression, arguments)


def substitute(expression: Expr, renaming: Mapping[Symbol, Expr]) -> Expr:
    """Replace free indices. A bound index that would capture a replacement is renamed first."""
    wanted = {old: new for old, new in renaming.items() if old != new}
    return _substitute(expression, wanted) if wanted else expression


def _substitute(expression: Expr, renaming: Mapping[Symbol, Expr]) -> Expr:
    if isinstance(expression, Symbol):
        # An index stands only inside Indexed, delta and limits; an extent never has an index's name.
        return renaming.get(expression, expression)
    if not any(index in renaming for index in free_indices(expression)):
        return expression
    if isinstance(expression, REDUCTIONS):
        bound = [limit[0] for limit in expression.limits]
        inner = {old: new for old, new in renaming.items() if old not in bound}
        live = {s for old, new in inner.items() if old in free_indices(expression) for s in new.atoms(Symbol)}
        clashing = [symbol for symbol in bound if symbol in live]
        if clashing:
            avoid = live | set(bound) | expression.function.atoms(Symbol)
            for symbol, fresh in zip(clashing, unused_symbols(avoid), strict=False):
                inner[symbol] = fresh
        limits = [(inner.get(s, s) if s in clashing else s, low, high) for s, low, high in expression.limits]
        return expression.func(_substitute(expression.function, inner), *limits)
    return rebuild(expression, [_substitute(argument, renaming) for argument in expression.args])


def unused_symbols(avoid: Iterable[Symbol]) -> Iterable[Symbol]:
    """Index symbols that are in nobody's way: k_1, k_2, ... away from `avoid`."""
    taken = {symbol.name for symbol in avoid}
    return (index_symbol(f"k_{n}") for n in count(1) if f"k_{n}" not in taken)


@lru_cache(maxsize=1_000)
def separate_bound(expression: Expr, prefix: str) -> Expr:
    """Give each reduction in an expression bound indices of its own, named `prefix` + a number.

    A prefix that no identifier has (it contains a space) keeps them away from every name.
    """
    numbers = count(1)

    def visit(node: Expr) -> Expr:
        if not node.args or not is_indexed(node):
            return node
        if isinstance(node, REDUCTIONS):
            fresh = {limit[0]: index_symbol(f"{prefix}{next(numbers)}") for limit in node.limits}
            limits = [(fresh[symbol], low, high) for symbol, low, high in node.limits]
            return node.func(visit(substitute(node.function, fresh)), *limits)
        return rebuild(node, [visit(argument) for argument in node.args])

    return visit(expression)


@lru_cache(maxsize=100_000)
def canonical_bound(expression: Expr) -> Expr:
    """The expression with bound indices named by extent and height, so that equal sums are equal objects.

    The outer sum takes its names first, and the higher ones: no sum inside it has them, and what is inside moves out
    of their way. A name that a free index has is passed over.
    """
    if not expression.args or not is_indexed(expression) or isinstance(expression, Indexed):
        return expression
    if not isinstance(expression, REDUCTIONS):
        return rebuild(expression, [canonical_bound(argument) for argument in expression.args])
    free = free_indices(expression)
    for height in count(_height(expression)):
        fresh = {s: index_symbol(f"{high} {height}.{n}") for n, (s, _, high) in enumerate(expression.limits)}
        if not any(name in free for name in fresh.values()):
            break
    limits = [(fresh[symbol], low, high) for symbol, low, high in expression.limits]
    return expression.func(canonical_bound(substitute(expression.function, fresh)), *limits)


@lru_cache(maxsize=100_000)
def _height(expression: Basic) -> int:
    """How many sums stand inside one another."""
    return isinstance(expression, REDUCTIONS) + max(map(_height, expression.args), default=0)


class IndexNames:
    """Readable names for bound indices, the layer's own first, never one that is in use around them."""

    def __init__(self, graph: Graph) -> None:
        self._names: dict[str, list[str]] = {extent: [] for extent in graph.extents}
        self._order = {extent: place for place, extent in enumerate(graph.extents)}
        for equation in graph.equations:
            self._note(equation.indices)
            for node in _reductions(equation.expression):
                self._note([Index(s.name, str(high)) for s, _, high in node.limits])
        for quantity in graph.quantities:
            self._note(quantity.indices)
        self._letters = [letter for letter in _LETTERS if letter not in graph.names]

    def _note(self, indices: Iterable[Index]) -> None:
        for index in indices:
            known = self._names.setdefault(index.extent, [])
            if index.name not in known:
                known.append(index.name)

    def choose(self, extent: str, taken: set[str]) -> str:
        """A name for an index over `extent` that is not `taken`."""
        numbered = (f"{letter}{n}" for n in count(1) for letter in ("k", "l", "m"))
        for source in (self._names.get(extent, ()), self._letters, numbered):
            for name in source:
                if name not in taken:
                    return name
        raise AssertionError("unreachable: the numbered names do not end")

    def apply(self, expression: Expr, free: Iterable[Symbol]) -> Expr:
        """Rename the bound indices of an expression whose equation has the `free` indices on its left."""
        return self._visit(expression, {symbol.name for symbol in free})

    def _visit(self, node: Expr, around: set[str]) -> Expr:
        if not node.args or not is_indexed(node):
            return node
        if not isinstance(node, REDUCTIONS):
            return rebuild(node, [self._visit(argument, around) for argument in node.args])
        assert len({symbol for symbol, _, _ in node.limits}) == len(node.limits), f"an index bound twice: {node}"
        inside = set(around) | {symbol.name for symbol in free_indices(node)}
        renaming: dict[Symbol, Symbol] = {}
        # In the order in which the layer has the extents.
        limits = sorted(node.limits, key=lambda limit: self._order.get(str(limit[2]), len(self._order)))
        for symbol, _, high in limits:
            name = self.choose(str(high), inside)
            inside.add(name)
            renaming[symbol] = index_symbol(name)
        limits = [(renaming[symbol], low, high) for symbol, low, high in limits]
        return node.func(self._visit(substitute(node.function, renaming), inside), *limits)


def _reductions(expression: Expr) -> list[Expr]:
    found = [expression] if isinstance(expression, REDUCTIONS) else []
    for argument in expression.args:
        found += _reductions(argument)
    return found
