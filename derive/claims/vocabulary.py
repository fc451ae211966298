"""The names that a derivation of a layer can mention, and what each of them truly is.

    Input    a Graph
    Output   a Vocabulary: the layer's quantities, every cotangent, contribution and local derivative, by name

A local derivative is written as the derivation writes it, `xhat_wrt_var[i, j]`, where an index that both quantities
share stands once, or with the indices of both, `xhat_wrt_var[i, j, k]`. Where nothing else is said the other
quantities are held fixed; a quantity that an equation does not use itself it depends on through others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr, Indexed, IndexedBase, Symbol

from derive.derivation import Derivation
from derive.differentiate import Sweep, depending_on, joint_graph, sweep
from derive.graph import Graph, Index, Quantity, fresh_name, name_of, names_in, reference

# Behind the name of a local derivative: in the indices of both quantities, and nothing held fixed.
_EACH, _TOTAL = "_each", "_total"


@dataclass(frozen=True)
class Vocabulary:
    """The names of one layer's derivation. `found` is the sweep back to everything that has a gradient."""

    graph: Graph
    found: Sweep

    @cached_property
    def derivation(self) -> Derivation:
        """The chain rule with nothing collapsed, and every derivative of one quantity by another."""
        described = [q for c in self.found.cotangents for path in c.paths for q in (path.local, path.quantity)]
        both = [q for of, by in self.dependent for q in self._derivatives(of, by)]
        return Derivation(self.graph, joint_graph(self.found), "staged", (), (*described, *both))

    @cached_property
    def known(self) -> Mapping[str, Quantity]:
        """Every name that a claim can use."""
        return self.derivation.by_name

    @cached_property
    def dependent(self) -> tuple[tuple[str, str], ...]:
        """Each quantity that is computed, with each that it depends on, whether directly or not."""
        pairs = []
        for by in [q.name for q in self.graph.quantities if q.role != "constant"]:
            later = depending_on(self.graph, [by])
            pairs += [(e.name, by) for e in self.graph.equations if e.name in later and e.name != by]
        return tuple(pairs)

    @cached_property
    def cotangents(self) -> Mapping[str, str]:
        """The name of the cotangent of each quantity that has one: dx of x, and what is given."""
        given = {str(q.of): q.name for q in self.found.given}
        return given | {c.of: c.quantity.name for c in self.found.cotangents}

    @cached_property
    def compact(self) -> Mapping[tuple[str, str], Quantity]:
        """The local derivatives in the indices that the derivation writes them with, by what they are of and by."""
        paths = [path for c in self.found.cotangents for path in c.paths]
        return {(str(path.local.of), str(path.local.via)): path.local for path in paths}

    def derivative(self, of: str, by: str) -> Quantity:
        """∂of/∂by in the indices of both, first those of `of`. Raises KeyError where `of` does not depend on `by`."""
        name = f"{of}_wrt_{by}{_EACH}"
        return self.known[name]

    def written(self, expression: Expr) -> Expr:
        """An expression as the layer grammar writes it: derivatives in the indices of both under their plain name."""

        def plain(element: Expr) -> Expr:
            quantity = self.known.get(name_of(element) or "")
            if quantity is None or not quantity.name.endswith((_EACH, _TOTAL)):
                return element
            return self._compacted(quantity, element)

        return expression.xreplace({e: plain(e) for e in elements(expression)})

    def totals(self, expression: Expr) -> Expr:
        """An expression with each local derivative read as a total one: nothing held fixed."""

        def total(element: Expr) -> Expr:
            name = name_of(element) or ""
            if not name.endswith(_EACH) or name not in self.known:
                return element
            return reference(name.removesuffix(_EACH) + _TOTAL, _indices(element))

        return expression.xreplace({e: total(e) for e in elements(expression)})

    def expanded(self, expression: Expr) -> Expr:
        """An expression in which every local derivative stands with the indices of both quantities."""

        def both(element: Expr) -> Expr:
            quantity = self.known.get(name_of(element) or "")
            if quantity is None or quantity.role != "local_derivative" or quantity.name.endswith(_EACH):
                return element
            at = dict(zip([index.symbol for index in quantity.indices], _indices(element), strict=True))
            ends = [*_indices(quantity.numerator), *_indices(quantity.denominator)]
            return reference(quantity.name + _EACH, [at.get(index, index) for index in ends])

        return expression.xreplace({e: both(e) for e in elements(expression)})

    def _derivatives(self, of: str, by: str) -> tuple[Quantity, Quantity]:
        """The derivative of one quantity by another in the indices of both: local where it is direct, and total."""
        above, below = self.graph.by_name[of], self.graph.by_name[by]
        taken = {index.name for index in above.indices}
        other: list[Index] = []
        for index in below.indices:
            name = fresh_name([index.name, *"klmnpqrst"], taken)
            taken.add(name)
            other.append(Index(name, index.extent))
        direct = by in names_in(self.graph.equation_of[of].expression)
        local = Quantity(
            f"{of}_wrt_{by}{_EACH}",
            (*above.indices, *other),
            "local_derivative" if direct else "total_derivative",
            of=of,
            via=by,
            numerator=above.element,
            denominator=reference(by, [index.symbol for index in other]),
        )
        return local, replace(local, name=f"{of}_wrt_{by}{_TOTAL}", role="total_derivative")

    def _compacted(self, quantity: Quantity, element: Expr) -> Expr:
        """As the derivation writes it where the indices are so; else under the plain name with the indices of both."""
        indices = _indices(element)
        plain = quantity.name.removesuffix(_EACH).removesuffix(_TOTAL)
        compact = self.compact.get((str(quantity.of), str(quantity.via)))
        if compact is not None:
            ends = [*_indices(compact.numerator), *_indices(compact.denominator)]
            at: dict[Expr, Expr] = {}
            if all(at.setdefault(own, index) == index for own, index in zip(ends, indices, strict=True)):
                return reference(plain, [at[index.symbol] for index in compact.indices])
        return reference(plain, indices)


def vocabulary_of(graph: Graph) -> Vocabulary:
    """The vocabulary of a layer. Raises LayerError for a layer whose own names are those of its gradients."""
    # An intermediate that leads to no output has no gradient to speak of, and what an end of the layer has is given.
    used = [q.name for q in graph.quantities if q.name not in graph.equation_of or graph.uses[q.name]]
    wrt = [name for name in used if graph.by_name[name].role != "constant"]
    return Vocabulary(graph, sweep(graph, wrt))


def _indices(element: Expr) -> tuple[Expr, ...]:
    return tuple(element.indices) if isinstance(element, Indexed) else ()


def elements(expression: Expr) -> set[Expr]:
    """Every element of a quantity in an expression; an index, an extent and the name before brackets are none."""
    found = expression.atoms(Indexed, Symbol)
    labels = {base.label for base in expression.atoms(IndexedBase)}
    return {element for element in found if name_of(element) is not None and element not in labels}
