"""Write a derivation out for a small batch, as one does by hand: N = 2 samples of D = 3 features, every element.

    Input    a Graph, a number for each of its extents
    Output   a WrittenOut: the arrays as matrices; for each gradient, element by element, the chain rule, the local
             derivatives and the total; the elements of the closed form

A cotangent that is a sum, and that later lines use, gets a letter: A_1 for its first element.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from string import ascii_uppercase

from sympy import Expr, Indexed, Integer
from sympy.core.parameters import distribute

from derive.derivation import Derivation, Form, Prose
from derive.differentiate import Cotangent, Path, Sweep, sweep
from derive.draw import fact_holds, fact_text
from derive.errors import UsageError
from derive.expand import Group, Line, Place, Section, Whole, WrittenOut
from derive.functions import maximum
from derive.graph import Equation, Fact, Graph, Index, Quantity, fresh_name, name_of, names_in, reference
from derive.indices import REDUCTIONS
from derive.interpret import places
from derive.pipeline import derive
from derive.printing.symbols import latex_glyph, read_name
from derive.rules.sums import pull_out, put_in
from derive.unroll import unroll

# An index stays one digit, so that x_{11} is no riddle, and an array fits a page.
MOST_PER_SIDE = 8
MOST_ELEMENTS = 64
MOST_LOCAL_DERIVATIVES = MOST_PER_SIDE**3  # of the elements of one quantity by those of another


def write_out(
    graph: Graph, extents: Mapping[str, int], wrt: Sequence[str] | None = None, form: Form = "mean"
) -> WrittenOut:
    """The derivation of a layer, element by element, for the given extents.

    `wrt` and `form` are those of `derive`. Raises UsageError for an extent that the layer does not have, that is
    missing, or that is no whole number from 1 to `MOST_PER_SIDE`; for extents that contradict a fact of the layer; and
    for a quantity of more than `MOST_ELEMENTS` elements.
    """
    sizes = _checked(graph, extents)
    found = sweep(graph, wrt)
    derivation = derive(graph, form, wrt)
    for quantity in _shown(found):
        _check_size(quantity, sizes)
    with distribute(False):
        return _Writer(found, derivation, sizes).written()


# What is asked for


def _checked(graph: Graph, extents: Mapping[str, int]) -> dict[str, int]:
    """The extents in the layer's order."""
    given = {unicodedata.normalize("NFKC", name): value for name, value in extents.items()}
    listed = ", ".join(graph.extents) or "none"
    for name, value in given.items():
        if name not in graph.extents:
            raise UsageError(f"the layer {graph.name!r} has no extent {name!r}; its extents: {listed}")
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_PER_SIDE:
            raise UsageError(f"the extent {name} must be a whole number from 1 to {MOST_PER_SIDE}, not {value!r}")
    missing = [name for name in graph.extents if name not in given]
    if missing:
        raise UsageError(
            f"no number for the extent{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"to write {graph.name!r} out, each of these needs one: {listed}"
        )
    sizes = {name: given[name] for name in graph.extents}
    for fact in graph.facts:
        if not names_in(fact.left) and not names_in(fact.right) and not fact_holds(fact, {}, sizes):
            raise UsageError(f"{_listed(sizes)} contradicts what the layer says: {fact_text(graph, fact)}")
    return sizes


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


def _shown(found: Sweep) -> Iterator[Quantity]:
    yield from found.graph.quantities
    yield from (path.local for cotangent in found.cotangents for path in cotangent.paths)


def _check_size(quantity: Quantity, sizes: Mapping[str, int]) -> None:
    elements = prod(sizes[extent] for extent in quantity.extents)
    what, most = quantity.name, MOST_ELEMENTS
    if quantity.role == "local_derivative":
        what, most = f"the derivative of {quantity.of} with respect to {quantity.via}", MOST_LOCAL_DERIVATIVES
    if elements > most:
        raise UsageError(f"with {_listed(sizes)}, {what} has {elements} elements; at most {most} are written out")


# Labels


def choose_labels(found: Sweep) -> tuple[Quantity, ...]:
    """A letter for each cotangent that is a sum and that a later one uses, in the order of the sweep."""
    used = {name for c in found.cotangents for name in names_in(c.equation.expression)}
    taken = _letters_of(found.graph)
    labels = []
    for cotangent in found.cotangents:
        quantity = cotangent.quantity
        if quantity.name in used and cotangent.equation.expression.has(*REDUCTIONS):
            letter = fresh_name(ascii_uppercase, taken)
            taken.add(letter)
            labels.append(Quantity(letter, quantity.indices, "helper", of=quantity.name))
    return tuple(labels)


def _letters_of(graph: Graph) -> set[str]:
    """The names of the layer, and every letter that looks like one: X is the matrix of x, L the loss."""
    taken = set(graph.names) | {"L"}
    symbols = [latex_glyph(read_name(name)).base for name in sorted(graph.names)]
    symbols += [quantity.latex for quantity in graph.quantities if quantity.latex]
    for symbol in symbols:
        letters = re.sub(r"\\[A-Za-z]+", " ", symbol)
        taken |= {letter.upper() for letter in re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", letters)}
    return taken


# Lines


@dataclass
class _Writer:
    """Writes the sections of one derivation; call it with SymPy's `distribute` off."""

    found: Sweep
    derivation: Derivation
    sizes: dict[str, int]
    defined: list[tuple[Cotangent, Quantity]] = field(default_factory=list)  # the labels that lines may use by now

    def __post_init__(self) -> None:
        self.graph = self.found.graph
        self.labels = {label.of: label for label in choose_labels(self.found)}
        self.maxima: dict[Expr, Expr] = {}  # elements that are the maximum of others, by what they are

    def written(self) -> WrittenOut:
        forward = tuple(self.forward())
        gradients = (self.gradient(cotangent, reason) for cotangent, reason in self.with_reasons())
        sections = (*forward, *gradients, *self.closed())
        return WrittenOut(self.derivation, self.sizes, sections, tuple(self.labels.values()))

    def forward(self) -> Iterator[Section]:
        given = [q for q in self.graph.inputs if q.indices]
        if given:
            yield Section(("Given",), tuple(self.whole(q) for q in given))
        wholes = [self.whole(self.graph.by_name[e.name], e, "forward") for e in self.graph.equations]
        yield Section(("Forward pass",), tuple(wholes))
        for whole in wholes:
            self.maxima.update({line.right: line.left for line in whole.lines if isinstance(line.right, maximum)})
        yield Section(("Given from above",), tuple(self.whole(q) for q in self.found.given))

    def whole(self, quantity: Quantity, equation: Equation | None = None, rule: str = "") -> Whole:
        at = self.places(quantity.indices)
        lines = tuple(self.line(equation, place, rule) for place in at) if equation else ()
        shape = tuple(self.sizes[extent] for extent in quantity.extents)
        return Whole(quantity, shape, at, lines)

    def places(self, indices: Sequence[Index]) -> tuple[Place, ...]:
        return tuple(places([index.extent for index in indices], self.sizes))

    def line(self, equation: Equation, place: Place, rule: str, label: Expr | None = None) -> Line:
        left = reference(equation.name, [Integer(k) for k in place])
        right = self.unrolled(equation.expression, equation.indices, place, equation.name)
        return Line(left, right, rule, label)

    def unrolled(self, expression: Expr, indices: Sequence[Index], place: Place, name: str) -> Expr:
        try:
            at = {index.name: position for index, position in zip(indices, place, strict=True)}
            return unroll(expression, self.sizes, at, self.maxima)
        except UsageError as error:
            raise UsageError(f"with {_listed(self.sizes)}, {name} cannot be written out: {error}") from error

    # Gradients

    def with_reasons(self) -> Iterable[tuple[Cotangent, Prose]]:
        """Each cotangent with the sentence that the derivation has on its paths."""
        reasons = [step.reason for step in self.derivation.steps if step.rule == "chain-rule"]
        return zip(self.found.cotangents, reasons, strict=True)

    def gradient(self, cotangent: Cotangent, reason: Prose) -> Section:
        primal = self.graph.by_name[cotangent.of]
        label = self.labels.get(cotangent.quantity.name)
        total = self.labeled(cotangent)
        groups: dict[object, list[tuple[Place, tuple[Line, ...]]]] = {}
        for place in self.places(primal.indices):
            lines = tuple(self.element(cotangent, total, place, label))
            key = place if len(place) < 2 else _smaller_quantities(lines, len(place))
            groups.setdefault(key, []).append((place, lines))
        if label is not None:
            self.defined.append((cotangent, label))
            reason = (*reason, " From here on ", cotangent.quantity.element, " is called ", label.element, ".")
        parts = [
            Group(
                tuple(lines for _, lines in group),
                self.common(primal, [place for place, _ in group]) if len(groups) > 1 else (),
                () if number else reason,
            )
            for number, group in enumerate(groups.values())
        ]
        return Section(("Gradient with respect to ", primal.element), tuple(parts))

    def labeled(self, cotangent: Cotangent) -> Equation:
        """The equation of a cotangent, with the letters for what has one already."""
        equation = cotangent.equation
        expression = pull_out(equation.expression)
        for earlier, label in self.defined:
            indices = tuple(index.symbol for index in label.indices)
            expression = put_in(expression, earlier.quantity.name, indices, label.element)
        return Equation(equation.name, equation.indices, expression)

    def element(self, cotangent: Cotangent, total: Equation, place: Place, label: Quantity | None) -> Iterator[Line]:
        """The lines about one element: the chain rule, each local derivative in it, the total."""
        terms = [path.abstract.expression for path in cotangent.paths]
        if cotangent.given is not None:
            terms.insert(0, cotangent.given.element)
        if cotangent.paths:
            chain = Equation(total.name, total.indices, sum(terms[1:], terms[0]))
            yield self.line(chain, place, "chain-rule")
        for path in cotangent.paths:
            yield from self.local_derivatives(path, place)
        name = None if label is None else reference(label.name, [Integer(k) for k in place])
        yield self.line(total, place, "total", name)

    def local_derivatives(self, path: Path, place: Place) -> Iterator[Line]:
        abstract = self.unrolled(path.abstract.expression, path.abstract.indices, place, path.abstract.name)
        local = Equation(path.local.name, path.local.indices, pull_out(path.local_equation.expression))
        for used in self.places(local.indices):
            if abstract.has(reference(local.name, [Integer(k) for k in used])):
                yield self.line(local, used, "local-derivative")

    def common(self, primal: Quantity, at: Sequence[Place]) -> tuple[tuple[Expr, int], ...]:
        """The indices that are the same in all of the places."""
        columns = zip(primal.indices, zip(*at, strict=True), strict=True)
        return tuple((index.symbol, column[0]) for index, column in columns if len(set(column)) == 1)

    # The closed form

    def closed(self) -> Iterator[Section]:
        if self.derivation.form == "staged":
            return
        facts = [(step.equation, step.reason) for step in self.derivation.steps if isinstance(step.equation, Fact)]
        if facts:
            groups = [Group((tuple(self.fact_lines(fact)),), reason=reason) for fact, reason in facts]
            yield Section(("What the closed form rests on",), tuple(groups))
        wholes = []
        for equation in self.derivation.results:
            quantity = self.derivation.by_name[equation.name]
            whole = self.whole(quantity, equation, "closed-form")
            is_new = whole.shape or whole.lines[0].right != equation.expression
            wholes.append(replace(whole, general=equation if is_new else None))
        yield Section(("Closed form",), tuple(wholes))

    def fact_lines(self, fact: Fact) -> Iterator[Line]:
        for place in self.places(fact.indices):
            left, right = (self.unrolled(side, fact.indices, place, "a sum") for side in (fact.left, fact.right))
            yield Line(left, right, "fact")


def _smaller_quantities(lines: Sequence[Line], rank: int) -> frozenset[Expr]:
    """What the lines about an element share with other elements: mu[1], var[1] for those of the first column."""
    found = (e for line in lines for e in line.right.atoms(Indexed) if len(e.indices) < rank and name_of(e))
    return frozenset(found)
