"""What a slip of the pen could have been: the claims that differ from the author's in one place.

    Input    the author's expression, what the layer knows
    Output   Edits, each the whole expression with one place changed, and what was changed in words

Nothing here knows what is right: each edit is tried, and the one that makes the claim true says what was wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Sum, Symbol, nan, oo, zoo

from derive.claims.vocabulary import Vocabulary, elements
from derive.functions import delta
from derive.graph import Index, Quantity, extent_symbol, index_symbol, name_of, names_in, reference
from derive.indices import REDUCTIONS, canonical_bound, free_indices, is_indexed, rebuild, substitute
from derive.printing.grammar import expression_text

_EXPONENTS = tuple(Rational(n, 2) for n in (-3, -1, -2, 1, 2, 3, 4, -4, 6, -6))
_EVERYWHERE = 0.5  # what it costs more to be mistaken several times than once
_NAMES = ("input", "constant", "intermediate", "cotangent", "helper")

Proposal = tuple[Expr, str, float]  # what should stand there, what was wrong, and how unlikely that is
Rebuilt = Callable[[Expr], Expr]  # puts an expression in the place of a node of the whole


@dataclass(frozen=True)
class Edit:
    """The whole expression with one place changed; `cost` is less for a likelier slip.

    What `renames` puts another quantity in: with a factor beside it, it explains too much.
    """

    expression: Expr
    message: str
    cost: float
    renames: bool = False


@dataclass(frozen=True)
class Place:
    """A node of the author's expression: how to put another in its place, and the indices that are known there.

    The whole, `root`, is `linear` in it where there are only sums and products around it.
    """

    node: Expr
    put: Rebuilt
    indices: tuple[Index, ...]
    linear: bool
    root: Expr
    bound: tuple[Index, ...] = ()

    @property
    def bound_symbols(self) -> set[Symbol]:
        """The letters that sums around it bind."""
        return {index.symbol for index in self.bound}

    @property
    def whole(self) -> bool:
        """Whether it is the whole expression."""
        return self.node is self.root


@dataclass(frozen=True, eq=False)
class Editor:
    """Makes the edits of one expression. `sums` are those of elements in the layer, such as var[j] + eps."""

    vocabulary: Vocabulary
    known: Mapping[str, Quantity]
    sums: Sequence[Expr]
    target: str

    def edits(self, expression: Expr, indices: tuple[Index, ...]) -> list[Edit]:
        """Every edit, the likeliest first."""
        found: dict[Expr, Edit] = {}
        for place in places_in(expression, indices):
            for rule in _RULES:
                for node, message, cost in rule(self, place):
                    made = place.put(node)
                    if made.has(zoo, nan, oo):
                        continue
                    if made != expression and (made not in found or found[made].cost > cost):
                        renames = rule in (Editor.name, Editor.everywhere, Editor.lost_factor)
                        found[made] = Edit(made, message, cost, renames)
        return sorted(found.values(), key=lambda edit: edit.cost)

    def text(self, expression: Expr) -> str:
        """An expression in the layer grammar."""
        return expression_text(self.vocabulary.written(expression))

    # One slip each.

    def exponent(self, place: Place) -> Iterator[Proposal]:
        """-1/2 for -3/2."""
        node = place.node
        if isinstance(node, Pow) and isinstance(node.exp, Rational):
            for exponent in (*_EXPONENTS, -node.exp):
                yield Pow(node.base, exponent), self._exponent_text(node.base, node.exp, exponent), 2

    def factor(self, place: Place) -> Iterator[Proposal]:
        """A factor for a divisor, a factor without its power, a factor too many."""
        node = place.node
        for position, factor in enumerate(node.args if isinstance(node, Mul) else ()):
            if factor.is_number:
                continue
            others = Mul(*(a for k, a in enumerate(node.args) if k != position))
            base = self.text(factor)
            yield others, f"the factor {base} {self._too_many(place, factor)}", 3
            if isinstance(factor, Pow):
                continue
            yield others / factor, f"one divides by {base}, and does not multiply with it", 3
            for exponent in (2, 3) if not isinstance(factor, REDUCTIONS) else ():
                yield others * factor**exponent, f"the exponent of {base} should be {exponent}, not 1", 4
            if not isinstance(factor, REDUCTIONS):
                yield others * Pow(factor, Rational(1, 2)), f"the root of {base} belongs here", 4
                yield others * Pow(factor, Rational(-1, 2)), f"one divides by the root of {base}", 4

    def _too_many(self, place: Place, factor: Expr) -> str:
        """Of a factor: is one too many, or stands twice where its base is there once more."""
        base = factor.base if isinstance(factor, Pow) else factor
        again = len([other for other in places_in(place.root, ()) if other.node == base]) > 1
        return "stands twice, and belongs there once" if again and not base.is_number else "is one too many"

    def _exponent_text(self, base: Expr, old: Expr, new: Expr) -> str:
        name = self.text(base)
        if new == -old and abs(old) <= 1:
            what = name if abs(old) == 1 else f"the root of {name}"
            verb = "divides by" if new < 0 else "multiplies with"
            other = "does not multiply with" if new < 0 else "does not divide by"
            return f"one {verb} {what}, and {other} it: the exponent should be {new}, not {old}"
        return f"the exponent of {name} should be {new}, not {old}"

    def sign(self, place: Place) -> Iterator[Proposal]:
        """A term with the other sign, or one too many."""
        node = place.node
        if isinstance(node, Add):
            for position, term in enumerate(node.args):
                others = [a for k, a in enumerate(node.args) if k != position]
                shown = self.text(-term if term.could_extract_minus_sign() else term)
                sign = "+" if term.could_extract_minus_sign() else "-"
                yield Add(*others, -term), f"the sign of {shown} should be {sign}", 1
                yield Add(*others), f"the term {shown} is one too many", 3

    def dropped_term(self, place: Place) -> Iterator[Proposal]:
        """var[j] where the layer has var[j] + eps, x[i, j] for x[i, j] - mu[j]; and the other way round."""
        node = place.node
        if not isinstance(node, (Indexed, Add, Mul, Sum, Pow)):
            return
        plain = canonical_bound(node)
        for total in self._sums_at(place):
            for term in total.args:
                rest = Add(*(other for other in total.args if other != term))
                shown = self.text(-term if term.could_extract_minus_sign() else term)
                missing = "not subtracted" if term.could_extract_minus_sign() else "missing"
                if plain == canonical_bound(rest):
                    yield total, f"{shown} is {missing}: {self.text(total)}, not {self.text(rest)}", 1
                if plain == canonical_bound(total):
                    yield rest, f"{shown} is one too many: {self.text(rest)}, not {self.text(total)}", 3
                for product, others, exponent in _powers(node):
                    if canonical_bound(product) == canonical_bound(rest):
                        words = f"{shown} is {missing}: {self.text(total)}, not {self.text(rest)}"
                        yield Mul(*others, Pow(total, exponent)), words, 1

    def _sums_at(self, place: Place) -> list[Expr]:
        """The sums of the layer, such as var[j] + eps, in the indices of an element that the node has, too."""
        found: dict[Expr, None] = {}
        for element in sorted(place.node.atoms(Indexed), key=str):
            for total in self.sums:
                for own in sorted(total.atoms(Indexed), key=str):
                    if name_of(own) == name_of(element):
                        free = set(free_indices(total))
                        renaming = dict(zip(own.indices, element.indices, strict=True))
                        found.setdefault(substitute(total, {k: v for k, v in renaming.items() if k in free}))
        return list(found)

    def index(self, place: Place) -> Iterator[Proposal]:
        """Another index of the same extent, or two that are swapped."""
        node = place.node
        quantity = self.known.get(name_of(node) or "")
        if not isinstance(node, Indexed) or quantity is None:
            return
        runs_over = {index.symbol: index.extent for index in place.indices}
        pairs = zip(node.indices, quantity.extents, strict=True)
        misplaced = {own for own, extent in pairs if runs_over.get(own, extent) != extent}
        for position, (own, extent) in enumerate(zip(node.indices, quantity.extents, strict=True)):
            for index in place.indices:
                if index.extent == extent and index.symbol != own:
                    made = [*node.indices[:position], index.symbol, *node.indices[position + 1 :]]
                    # A free index in a sum over another one of its kind is likely to be forgotten.
                    yield self._instead(node, made, 1 if index in place.bound and own not in place.bound_symbols else 3)
            for other in range(position + 1, len(node.indices)):
                if quantity.extents[other] == extent or {own, node.indices[other]} & misplaced:
                    made = list(node.indices)
                    made[position], made[other] = made[other], made[position]
                    replaced, message, _ = self._instead(node, made, 1)
                    yield replaced, f"{message}: the indices are swapped", 1

    def _instead(self, node: Expr, indices: Sequence[Expr], cost: float) -> Proposal:
        made = reference(name_of(node) or "", indices)
        return made, f"{self.text(made)} belongs where {self.text(node)} stands", cost

    def name(self, place: Place) -> Iterator[Proposal]:
        """Another quantity of the same shape: x for xhat."""
        node = place.node
        quantity = self.known.get(name_of(node) or "")
        if quantity is None or quantity.role not in _NAMES:
            return
        yield from self._other_shape(place, quantity)
        for other in self.known.values():
            alike = other.extents == quantity.extents and other.name not in (quantity.name, self.target)
            if alike and other.role in _NAMES:
                made = reference(other.name, node.indices if isinstance(node, Indexed) else ())
                given = other.role == "cotangent" and quantity.role != "cotangent"
                yield made, f"{self.text(made)} belongs where {self.text(node)} stands", 5 if given else 3

    def _other_shape(self, place: Place, quantity: Quantity) -> Iterator[Proposal]:
        """A quantity of another shape, where there is just one way to write its indices: K[j, d] for Q[i, d]."""
        at: dict[str, list[Symbol]] = {}
        for index in place.indices:
            at.setdefault(index.extent, []).append(index.symbol)
        for other in self.known.values():
            if other.extents == quantity.extents or other.role not in _NAMES or other.name == self.target:
                continue
            if len(other.extents) == len(quantity.extents) and all(len(at.get(e, ())) == 1 for e in other.extents):
                made = reference(other.name, [at[e][0] for e in other.extents])
                yield made, f"{self.text(made)} belongs where {self.text(place.node)} stands", 3

    def lost_factor(self, place: Place) -> Iterator[Proposal]:
        """A factor that is missing inside a sum."""
        node = place.node
        if not isinstance(node, Sum) or not place.linear:
            return
        bound = [Index(symbol.name, str(high)) for symbol, _, high in node.limits]
        at = {index.extent: index.symbol for index in (*place.indices, *bound)}
        inner = {index.extent for index in bound}
        for quantity in self.known.values():
            indexed = inner & set(quantity.extents) and set(quantity.extents) <= at.keys()
            if indexed and quantity.role in _NAMES and len(set(quantity.extents)) == len(quantity.extents):
                factor = reference(quantity.name, [at[extent] for extent in quantity.extents])
                made = Sum(node.function * factor, *node.limits)
                yield made, f"the factor {self.text(factor)} is missing in {self.text(node)}", 4

    def product_of_sums(self, place: Place) -> Iterator[Proposal]:
        """sum(a)*sum(b) for sum(a*b)."""
        sums = [factor for factor in place.node.args if isinstance(factor, Sum)] if place.node.is_Mul else []
        for position, first in enumerate(sums):
            for second in sums[position + 1 :]:
                if len(first.limits) == len(second.limits) == 1 and first.limits[0][2] == second.limits[0][2]:
                    body = substitute(second.function, {second.limits[0][0]: first.limits[0][0]})
                    joined = Sum(first.function * body, *first.limits)
                    others = [factor for factor in place.node.args if factor not in (first, second)]
                    words = "the sum of the products belongs where the product of the sums stands"
                    yield Mul(*others, joined), words, 1

    def extent(self, place: Place) -> Iterator[Proposal]:
        """N for N - 1, one extent for another."""
        node = place.node
        extents = [extent_symbol(extent) for extent in self.vocabulary.graph.extents]
        if isinstance(node, Symbol) and node in extents:
            yield node - 1, f"{node} - 1 belongs where {node} stands", 3
            for other in extents:
                yield other, f"{other} belongs where {node} stands", 2
        if place.whole:
            for own in extents:
                for other in extents:
                    yield _with_sizes(node, {own: other}), f"{other} belongs where {own} stands", 2
        if isinstance(node, Add) and len(node.args) == 2 and Integer(-1) in node.args:
            whole = node + 1
            if whole in extents:
                yield whole, f"{whole} belongs where {self.text(node)} stands", 1

    def everywhere(self, place: Place) -> Iterator[Proposal]:
        """Another quantity of the same shape, wherever the one stands."""
        if not place.whole:
            return
        letters = {index.symbol for index in place.indices}
        for name in names_in(place.node):
            found = sorted((e for e in elements(place.node) if name_of(e) == name), key=str)
            found.sort(key=lambda e: not set(_letters(e)) <= letters)  # the general one first
            one = replace(place, node=found[0])
            for made, message, cost in self.name(one) if len(found) > 1 else ():
                other = name_of(made) or ""
                renaming = {e: reference(other, e.indices if isinstance(e, Indexed) else ()) for e in found}
                yield place.node.xreplace(renaming), message, cost + _EVERYWHERE

    def diagonal(self, place: Place) -> Iterator[Proposal]:
        """1 for a Kronecker delta."""
        node = place.node
        if isinstance(node, Add) and Integer(1) in node.args:
            for position, first in enumerate(place.indices):
                for second in place.indices[position + 1 :]:
                    if second.extent == first.extent:
                        made = delta(first.symbol, second.symbol)
                        yield node - 1 + made, f"{self.text(made)} belongs where 1 stands", 1

    def axis(self, place: Place) -> Iterator[Proposal]:
        """Sums over another index than they should: over the rows for over the columns."""
        node = place.node
        if not (place.whole or isinstance(node, Sum)):
            return
        extents = {str(high) for total in node.atoms(Sum) for _, _, high in total.limits}
        for own in [index for index in place.indices if index.extent in extents]:
            for other in [index for index in place.indices if index.extent != own.extent]:
                made = _along(node, own, other)
                message = f"the sum runs over {own.extent}, and should run over {other.extent}"
                yield made, message, 2
                sizes = {extent_symbol(own.extent): extent_symbol(other.extent)}
                yield _with_sizes(made, sizes), message, 2

    def into_sum(self, place: Place) -> Iterator[Proposal]:
        """A factor before a sum over its own index, which belongs inside."""
        node = place.node
        if not isinstance(node, Mul):
            return
        for position, factor in enumerate(node.args):
            others = Mul(*(a for k, a in enumerate(node.args) if k != position))
            for element in sorted(factor.atoms(Indexed), key=str) if isinstance(factor, (Indexed, Pow)) else ():
                quantity = self.known.get(name_of(element) or "")
                for index, extent in zip(element.indices, quantity.extents if quantity else (), strict=True):
                    moved = _pushed(others, factor, index, extent_symbol(extent)) if _is_letter(index) else None
                    if moved is not None:
                        text = self.text(factor)
                        yield moved, f"{text} is pulled out of a sum over its own index: it belongs inside", 2


_RULES = (
    Editor.sign,
    Editor.dropped_term,
    Editor.exponent,
    Editor.factor,
    Editor.index,
    Editor.name,
    Editor.extent,
    Editor.into_sum,
    Editor.diagonal,
    Editor.axis,
    Editor.everywhere,
    Editor.lost_factor,
    Editor.product_of_sums,
)


def places_in(expression: Expr, indices: tuple[Index, ...]) -> Iterator[Place]:
    """Every node of an expression, the whole first."""

    def visit(node: Expr, put: Rebuilt, inside: tuple[Index, ...], linear: bool) -> Iterator[Place]:
        yield Place(node, put, inside, linear, expression, inside[len(indices) :])
        linear = linear and isinstance(node, (Add, Mul, Sum))
        if isinstance(node, REDUCTIONS):
            bound = tuple(Index(symbol.name, str(high)) for symbol, _, high in node.limits)
            limits = node.limits
            yield from visit(node.function, lambda new: put(node.func(new, *limits)), (*inside, *bound), linear)
            return
        for position, argument in enumerate(() if isinstance(node, Indexed) else node.args):

            def replaced(new: Expr, position: int = position) -> Expr:
                return put(rebuild(node, [*node.args[:position], new, *node.args[position + 1 :]]))

            yield from visit(argument, replaced, inside, linear)

    yield from visit(expression, lambda new: new, indices, True)


def _powers(node: Expr) -> Iterator[tuple[Expr, list[Expr], Expr]]:
    """What is raised to one power in a product, the other factors, and the power.

    SymPy takes sqrt(sum(x)/D) apart, since D is positive.
    """
    factors = node.args if isinstance(node, Mul) else ()
    exponents = {factor.exp for factor in factors if isinstance(factor, Pow) and not factor.exp.is_integer}
    for exponent in sorted(exponents, key=str):
        raised = [factor for factor in factors if isinstance(factor, Pow) and abs(factor.exp) == abs(exponent)]
        bases = [factor.base ** (factor.exp / exponent) for factor in raised]
        if len(raised) > 1:
            yield Mul(*bases), [factor for factor in factors if factor not in raised], exponent


def _letters(element: Expr) -> list[Symbol]:
    return [index for index in getattr(element, "indices", ()) if isinstance(index, Symbol)]


def _is_letter(index: Expr) -> bool:
    return isinstance(index, Symbol)


def _along(node: Expr, own: Index, other: Index) -> Expr:
    """Every sum over the extent of `own` as one over that of `other`: what was summed stays, and what stayed is."""
    if isinstance(node, Sum):
        body = _along(node.function, own, other)
        limits = list(node.limits)
        for position, (symbol, low, high) in enumerate(limits):
            if str(high) == own.extent:
                fresh = index_symbol(f"{symbol.name}_")
                body = substitute(body, {symbol: own.symbol, other.symbol: fresh})
                limits[position] = (fresh, low, extent_symbol(other.extent))
        return Sum(body, *limits)
    if isinstance(node, Indexed) or not is_indexed(node):
        return node
    return rebuild(node, [_along(argument, own, other) for argument in node.args])


def _with_sizes(node: Expr, sizes: Mapping[Symbol, Symbol]) -> Expr:
    """Other extents where they are numbers; the ranges of sums stay."""
    if isinstance(node, Symbol):
        return sizes.get(node, node)
    if isinstance(node, REDUCTIONS):
        return node.func(_with_sizes(node.function, sizes), *node.limits)
    if isinstance(node, Indexed) or not node.args:
        return node
    return rebuild(node, [_with_sizes(argument, sizes) for argument in node.args])


def _pushed(rest: Expr, factor: Expr, index: Symbol, extent: Symbol) -> Expr | None:
    """factor*rest with the factor inside every sum of `rest` over its own extent; None where there is none."""
    if isinstance(rest, Sum):
        for symbol, _, high in rest.limits:
            if high == extent and symbol != index:
                return Sum(rest.function * substitute(factor, {index: symbol}), *rest.limits)
        inner = _pushed(rest.function, factor, index, extent)
        return None if inner is None else Sum(inner, *rest.limits)
    if isinstance(rest, Add):
        parts = [_pushed(term, factor, index, extent) for term in rest.args]
        if all(part is None for part in parts):
            return None
        return Add(*(t * factor if part is None else part for t, part in zip(rest.args, parts, strict=True)))
    if isinstance(rest, Mul):
        for position, argument in enumerate(rest.args):
            moved = _pushed(argument, factor, index, extent)
            if moved is not None:
                return Mul(moved, *(a for k, a in enumerate(rest.args) if k != position))
    return None


