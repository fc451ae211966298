"""The sentences about a sweep that depend on its direction: what is given, where a path leads, what a term is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sympy import Expr, Indexed, Sum, Symbol

from derive.derivation import Prose
from derive.differentiate import Cotangent, Path, Sweep
from derive.graph import Graph, Quantity, name_of, names_in, reference
from derive.indices import substitute


class Wording(Protocol):
    """What a narrator says differently in the two modes."""

    def graph(self, graph: Graph) -> Prose:
        """Which quantity goes into which: the arrows that the chain rule walks."""

    def given(self, sweep: Sweep) -> Prose:
        """What the sweep starts from."""

    def nothing(self, element: Expr) -> Prose:
        """What is said of a quantity without a path."""

    def paths(self, element: Expr, cotangent: Cotangent, total: Expr) -> Prose:
        """Along which paths a quantity reaches the loss, or is reached; `total` has a term for each of them."""

    def contribution(self, path: Path, graph: Graph) -> Prose:
        """What one term of the sum is."""


class ReverseWording:
    """The sentences of a reverse sweep: the arrows are walked back, from the loss, or the scalar of a higher order."""

    def __init__(self, scalar: Quantity | None = None) -> None:
        self._scalar = scalar

    def graph(self, graph: Graph) -> Prose:
        """Which quantity goes into which."""
        said: list[str | Expr] = ["The graph"]
        for quantity in graph.quantities:
            users = [graph.by_name[name].element for name in graph.uses[quantity.name]]
            if users:
                said += ["; " if said[1:] else ": ", quantity.element, " goes into ", *listed(users)]
        return (*said, ".")

    def given(self, sweep: Sweep) -> Prose:
        """What is differentiated, any loss or the weighted gradients of the order below, and the cotangents."""
        outputs = [sweep.graph.by_name[name].element for name in sweep.graph.outputs]
        said: list[str | Expr] = ["The loss is any scalar function of ", *listed(outputs)]
        if self._scalar is not None:
            said = [f"The gradients of order {self._scalar.order - 1} are what is differentiated, weighted"]
        said += ["; given ", "is " if len(outputs) == 1 else "are ", *listed([q.element for q in sweep.given])]
        if self._scalar is None and len(outputs) == 1 and not sweep.given[0].indices:
            said += [", which is 1 where ", outputs[0], " is the loss itself"]
        return (*said, ".")

    def nothing(self, element: Expr) -> Prose:
        """It reaches no output."""
        return (element, " does not reach any output: its gradient is 0.")

    def paths(self, element: Expr, cotangent: Cotangent, total: Expr) -> Prose:
        """The paths to the loss, by the equations that use the quantity."""
        end = "the loss" if self._scalar is None else self._scalar.element
        reason: list[str | Expr] = [element, " reaches ", end, f" along {_count(len(cotangent.paths))}: through "]
        reason += _steps_of(cotangent, total)
        if cotangent.given is not None:
            reason += [" It is an output, too, so that what is given for it comes first."]
        return tuple(reason)

    def contribution(self, path: Path, graph: Graph) -> Prose:
        """The contribution of one equation."""
        return ("The gradient with respect to ", graph.equation_of[path.user].left, ", times the local derivative.")


class ForwardWording:
    """The sentences of a forward sweep: the arrows are followed, from the inputs."""

    def graph(self, graph: Graph) -> Prose:
        """What each quantity is computed from."""
        said: list[str | Expr] = ["The graph"]
        position = {quantity.name: number for number, quantity in enumerate(graph.quantities)}
        for equation in graph.equations:
            names = sorted(names_in(equation.expression), key=position.__getitem__)
            used = [graph.by_name[name].element for name in names]
            if used:
                said += ["; " if said[1:] else ": ", equation.left, " depends on ", *listed(used)]
        return (*said, ".")

    def given(self, sweep: Sweep) -> Prose:
        """The inputs that move, and their tangents."""
        if not sweep.given:
            return ("No input moves.",)
        inputs = [sweep.graph.by_name[name].element for name in sweep.wrt]
        one = len(inputs) == 1
        said: list[str | Expr] = ["The input " if one else "The inputs ", *listed(inputs)]
        said += [" moves; given is its tangent " if one else " move; given are their tangents "]
        said += [*listed([q.element for q in sweep.given]), ", how fast ", "it moves" if one else "they move"]
        return (*said, ". All else follows, from the inputs to the outputs.")

    def nothing(self, element: Expr) -> Prose:
        """Nothing that it depends on moves."""
        return ("Nothing that ", element, " depends on moves: its tangent is 0.")

    def paths(self, element: Expr, cotangent: Cotangent, total: Expr) -> Prose:
        """The quantities that it changes with."""
        return (element, " changes with ", *_steps_of(cotangent, total))

    def contribution(self, path: Path, graph: Graph) -> Prose:
        """The contribution of one quantity's motion."""
        return ("The tangent of ", graph.by_name[path.quantity.via or ""].element, ", times the local derivative.")


def wording_of(sweep: Sweep, scalar: Quantity | None = None) -> Wording:
    """The sentences that fit the direction of a sweep; `scalar` is what a higher order differentiates."""
    return ForwardWording() if sweep.mode == "forward" else ReverseWording(scalar)


def found_before(quantity: Quantity) -> Prose:
    """Which lower order an equation comes from, and what it gives."""
    if quantity.of is None:
        return (f"Found at order {quantity.order}.",)
    of = reference(quantity.of, [index.symbol for index in quantity.indices])
    what = "tangent of " if quantity.role == "tangent" else "gradient with respect to "
    return (f"Found at order {quantity.order}: the {what}", of, ".")


def _steps_of(cotangent: Cotangent, total: Expr) -> list[str | Expr]:
    """What the paths of a term each go through, for which indices, and what that has to do with the sums."""
    said: list[str | Expr] = []
    summed: dict[Symbol, None] = {}
    for number, path in enumerate(cotangent.paths):
        within = [node for node in total.atoms(Sum) if path.local.name in names_in(node)]
        bound = [limits[0] for node in within for limits in node.limits]
        summed |= dict.fromkeys(bound)
        last = number == len(cotangent.paths) - 1
        said += [" and " if last else ", "] if number else []
        said += [_other_end(path, total), *([", for every ", *listed(bound)] if bound else [])]
        said += [","] if bound and not last and number == len(cotangent.paths) - 2 else []
    return [*said, ".", *([" Hence the sum over ", *listed(list(summed)), "."] if summed else [])]


def _other_end(path: Path, total: Expr) -> Expr:
    """The element that a path goes through, in the indices that it has in the term."""
    local = path.local
    if not local.indices:
        return local.numerator if path.quantity.mode == "reverse" else local.denominator
    (element,) = {node for node in total.atoms(Indexed) if name_of(node) == local.name}
    renaming = {own.symbol: index for own, index in zip(local.indices, element.indices, strict=True)}
    end = local.numerator if path.quantity.mode == "reverse" else local.denominator
    return substitute(end, renaming)


def listed(items: Sequence[Expr]) -> list[str | Expr]:
    """a, b and c."""
    listed: list[str | Expr] = []
    for position, item in enumerate(items):
        if position:
            listed.append(" and " if position == len(items) - 1 else ", ")
        listed.append(item)
    return listed


def _count(paths: int) -> str:
    words = ["one path", "two paths", "three paths", "four paths"]
    return words[paths - 1] if paths <= len(words) else f"{paths} paths"
