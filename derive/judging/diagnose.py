"""What is the matter with a wrong claim, in words.

    Input    a Subject that does not hold, the Trials
    Output   a sentence or two, or None where nothing simple explains it

Each diagnosis is a function that knows no layer: it says something only where what it says makes the claim true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod

from sympy import Add, Expr, Mul, Rational, Sum
from sympy.core.parameters import distribute

from derive.draw import Sample
from derive.errors import LayerError
from derive.graph import Quantity, extent_symbol, names_in, reference
from derive.judging.corrections import Corrections, terms_of
from derive.judging.edits import Edit, edits_of
from derive.judging.implementations import computed_layer, computed_line
from derive.judging.inline import helpers_behind, inlined, inlined_size
from derive.judging.paths import missing_paths
from derive.judging.places import Ground, places_in
from derive.judging.points import Points, alike, alike_arrays
from derive.judging.ratio import Ratios, index_of_extents, is_number
from derive.judging.subject import Subject
from derive.judging.trials import Trial, Trials, with_cotangents, with_input
from derive.judging.wording import base_and_exponent, words_for

_MOST_EDITS = 400  # that are tried together with a factor
_LONGEST_INLINED, _DEEPEST_INLINED = 2_000, 120  # nodes of a line with its helpers put in, to look for a slip of theirs
_VALUES = ("input", "intermediate", "cotangent", "contribution")
_MOST_ELEMENTS = 20  # of a quantity whose whole Jacobian is looked at
_LIKELY = 3.5  # the cost of an edit up to which nothing else is looked for
_NEGLIGIBLE = Rational(1, 100)  # a constant of this size is one that only keeps a divisor from zero


@dataclass(eq=False)
class Diagnosis:
    """Looks for what is the matter with one claim.

    What is `said` of it already: an index runs over two extents. The helpers that are `trusted` have no mistake; it is
    false for extents of 1 that are `refuted`.
    """

    subject: Subject
    trials: Trials
    corrections: Corrections
    pinned: bool

    said: str = ""
    trusted: frozenset[str] = frozenset()
    refuted: frozenset[str] = frozenset()
    mended: Expr | None = None
    is_simple: bool = False

    def sentence(self) -> str | None:
        """What explains the claim; None where nothing does.

        The author's side without the slip is `mended` then, and the explanation `is_simple` where it is one slip.
        """
        with distribute(False):
            found = [self.said, *self.slip()] if self.said else [*self._main(), *self._limits()]
        return "; ".join(dict.fromkeys(found)) or None

    # What is wrong

    def _main(self) -> list[str]:
        if not self.points.places or self.subject.relation != "==":
            return []
        for explain in (
            self.no_path, self.ones, self.left_out, self.lost_factor, self.other_quantity, self.slip, self.missing_term,
        ):  # fmt: skip
            found = explain()
            if found:
                self.is_simple = True
                return self._with_helper(found)
        return [words for _, words in self.slip_in_helper()] or self.two_slips() or self.implementation()

    def _with_helper(self, found: list[str]) -> list[str]:
        """What was found in this line, and where else the mistake can be.

        It is likelier to be in the gradient of a name of the author's own, dinv beside inv, than in what uses it.
        """
        for name, words in self.slip_in_helper(backward=self.mended is not None):
            if name.removeprefix("d") in self.trials.definitions and name.startswith("d"):
                self.mended = None  # this line is right then
                return [words, f"or else in this line: {'; '.join(found)}"]
            return [*found, f"or else {words}"]
        return found

    def no_path(self) -> list[str]:
        """A gradient of what the loss does not depend on."""
        target = self.subject.target
        if target is not None and target.role == "cotangent" and not any(self.points.true):
            graph = self.trials.vocabulary.graph
            if not graph.uses.get(str(target.of), ()) and target.of not in graph.outputs:
                return [f"no equation leads from {target.of} to an output of this layer: its gradient is 0"]
        return []

    def ones(self) -> list[str]:
        """The sum of the Jacobian in place of its product with what is given."""
        given = ", ".join(sorted(q.name for q in self.trials.vocabulary.found.given))
        target = self.subject.target
        if target is None or target.role != "cotangent" or not given or self.trials.loss is not None:
            return []
        yours = self.subject.yours
        if yours is not None and yours != 0 and not any(self.points.yours):
            return ["this is 0, whatever the data are"]
        if yours is not None and self._uses_given(yours):
            return []
        ones = self.trials.changed("ones", lambda s: with_cotangents(s, lambda name, place: Rational(1)), self.pinned)
        plain = self.trials.unchanged(self.pinned)
        pairs = zip(plain, ones, strict=True)
        if all(alike_arrays(self.subject.sides(own)[1], self.subject.sides(one)[0]) for own, one in pairs):
            sentence = f"{given} is taken as ones: this is the sum of the Jacobian, not its product with {given}"
            return [f"{sentence} (the triangle of gradient death)"]
        return []

    def left_out(self) -> list[str]:
        """Paths of the chain rule that are not there."""
        paths = missing_paths(self.trials.vocabulary.found, self.points)
        if len(paths) == 1:
            return [f"the path {paths[0]} is not there"]
        return [f"the paths {' and '.join(paths)} are not there"] if paths else []

    def lost_factor(self) -> list[str]:
        """One factor of the whole, and no more than that."""
        formula = self.ratios.formula(self._ratio(self.points.yours))
        base = None if formula is None or is_number(formula) else base_and_exponent(formula)[0]
        return self.slip() if base is not None and not isinstance(base, Mul) else []

    def other_quantity(self) -> list[str]:
        """The value of another quantity: a derivative of, or with respect to, the wrong one."""
        target = self.subject.target
        if target is None:
            return []
        indices = getattr(self.subject.true, "indices", ())
        for words, value in self._diagonals(target, indices):
            if self.points.are_yours(self.points.values(value)):
                return [words]
        for quantity in self.trials.vocabulary.known.values():
            if quantity.name == target.name or quantity.extents != target.extents or quantity.role not in _VALUES:
                continue
            element = reference(quantity.name, indices)
            if self.points.are_yours(self.points.values(element)):
                return [f"this is {self._text(element)}, not {self._text(self.subject.true)}"]
        return []

    def _diagonals(self, target: Quantity, indices: Sequence[Expr]) -> Iterator[tuple[str, Expr]]:
        """What a gradient would be if every element of a quantity depended on its own element alone."""
        vocabulary = self.trials.vocabulary
        of = str(target.of) if target.role == "cotangent" else ""
        for name, by in vocabulary.dependent:
            user = vocabulary.graph.by_name[name]
            elements = max(prod(trial.extents[e] for e in target.extents) for trial in self.points.trials)
            if by == of and user.extents == target.extents and indices and elements <= _MOST_ELEMENTS:
                own = reference(f"{name}_wrt_{by}_total", (*indices, *indices))
                words = f"the diagonal of the Jacobian of {name} with respect to {by}"
                cotangent = vocabulary.cotangents.get(name)
                if cotangent is not None:
                    yield f"this is only {words}", reference(cotangent, indices) * own
                yield f"this is {words}", own

    def slip(self) -> list[str]:
        """A factor of the whole, and the one place that accounts for it; or one place alone."""
        formula = self.ratios.formula(self._ratio(self.points.yours))
        edit = self._mending_edit()
        term = self._scaled_term() if edit is None or edit.cost > _LIKELY else None
        found = []
        if formula is not None and formula not in (0, 1):
            found.append(f"yours/true = {self._text(formula)}")
            found += self._words(formula, self.subject.yours) if edit is None else []
        if edit is not None and (term is None or formula is not None):
            found.append(edit.message)
            self.mended = edit.expression
        elif term is not None and formula is None:
            found.append(term)
        return found

    def missing_term(self) -> list[str]:
        """Terms of the true line that are not there."""
        lacking = [true - yours for true, yours in zip(self.points.true, self.points.yours, strict=True)]
        sizes = self.trials.unchanged(True)[0].extents if self.pinned else {}
        for side in self.corrections.right_sides(self.subject.true, sizes):
            terms = terms_of(side)
            values = [self.points.values(term) for term in terms]
            for term, own in zip(terms, values, strict=True):
                if len(terms) > 1 and alike(own, lacking):
                    return [f"the term {self._text(term)} is missing"]
            for first in range(len(terms)):
                for second in range(first):
                    both = [a + b for a, b in zip(values[first], values[second], strict=True)]
                    if len(terms) > 2 and alike(both, lacking):
                        shown = " and ".join(self._text(terms[k]) for k in (second, first))
                        return [f"the terms {shown} are missing"]
        return []

    def slip_in_helper(self, backward: bool = False) -> list[tuple[str, str]]:
        """A mistake that is not in this line but in one that defines what it uses: the name there, and the words.

        With `backward` only the names of the backward pass are looked at.
        """
        definitions = self.trials.definitions
        yours = self.subject.yours
        length, depth = (0, 0) if yours is None else inlined_size(yours, definitions)
        if yours is None or length > _LONGEST_INLINED or depth > _DEEPEST_INLINED:
            return []
        names = helpers_behind(yours, definitions)
        for name in [name for name in names if name not in self.trusted]:
            line, equation = definitions[name]
            if backward and not self._uses_given(equation.expression):
                continue
            for edit in edits_of(equation.expression, equation.indices, self._ground):
                if not set(names_in(edit.expression)) & definitions.keys() <= set(names_in(equation.expression)):
                    continue  # it would be defined by itself
                others = {**definitions, name: (line, replace(equation, expression=edit.expression))}
                try:
                    put_in = inlined(yours, others)
                except LayerError:  # no number that somebody means
                    continue
                if self.points.mended_by(put_in):
                    return [(name, f"the mistake is in line {line}, where {name} is defined: {edit.message}")]
        return []

    def implementation(self) -> list[str]:
        """What a function computes instead."""
        if self.subject.yours is not None or self.subject.target is None:
            return []
        graph = self.trials.vocabulary.graph
        found = computed_line(self.corrections, self._ground, self.points)
        found = found or computed_layer(graph, self._ground, self.points)
        return [found] if found is not None else []

    def two_slips(self) -> list[str]:
        """One place, and a factor of what is left."""
        if self.subject.yours is None:
            return []
        for edit in [edit for edit in self._edits if not edit.renames][:_MOST_EDITS]:
            values = self.points.values(edit.expression)
            formula = self.ratios.formula(self._ratio(values))
            base = None if formula is None else base_and_exponent(formula.as_coeff_Mul()[1])[0]
            if formula is not None and formula not in (0, 1) and not isinstance(base, Mul):
                rest = [f"after that, yours/true = {self._text(formula)}"]
                mended = self._mending_edit(edit.expression)
                words = self._words(formula, edit.expression)
                return [edit.message, *rest, *([mended.message] if mended is not None and not words else words)]
        return []

    # Where it is true all the same

    def _limits(self) -> list[str]:
        """Where the claim is true although it is wrong: where both sides vanish, and where they do not."""
        vanishing: list[str] = []
        other: list[str] = []
        for words, trials in self._special_cases():
            # At eps = 0 a batch of one has no xhat.
            trials = [trial for trial in trials if self.subject.is_defined(trial)]
            if trials and all(self.subject.holds(trial) for trial in trials):
                zero = not any(self.subject.says_something(trial) for trial in trials)
                (vanishing if zero else other).append(words)
        where = [" or ".join(other)] if other else []
        where += [f"where both sides vanish: {' or '.join(vanishing)}"] if vanishing else []
        return [f"it is true only {', and '.join(where)}"] if where else []

    def _special_cases(self) -> Iterator[tuple[str, list[Trial]]]:
        graph = self.trials.vocabulary.graph
        for extent in graph.extents:
            trials = self.trials.unchanged(False)
            at_one = [trial for trial in trials if trial.extents[extent] == 1]
            if len(at_one) < len(trials) and extent not in self.refuted:
                yield f"for {extent} = 1", at_one
        if any(q.indices for q in self.trials.vocabulary.found.given):
            given = " and ".join(q.name for q in self.trials.vocabulary.found.given if q.indices)
            constant = Rational(3, 7)
            yield f"for constant {given}", self._with(given, lambda s: with_cotangents(s, lambda name, at: constant))
        for quantity in graph.inputs:
            default = quantity.default
            if default is not None and abs(default) < _NEGLIGIBLE and not quantity.indices:
                yield f"for {quantity.name} = 0", self._with(quantity.name, partial(with_input, name=quantity.name))

    def _with(self, name: str, change: Callable[[Sample], Sample]) -> list[Trial]:
        return self.trials.changed(name, change, self.pinned)

    # Common to them

    @cached_property
    def points(self) -> Points:
        """Where the two sides are compared."""
        return Points(self.subject, self.trials.plain(self.pinned))

    @cached_property
    def ratios(self) -> Ratios:
        """Formulas in the indices of the claim."""
        target = self.subject.target
        element = self.subject.true if target is not None else None
        at = index_of_extents(element, target.extents if target else (), self.subject.indices)
        return Ratios(self.trials.vocabulary.graph, self.points, at)

    @cached_property
    def _ground(self) -> Ground:
        known = self.trials.derivation.by_name
        equations = self.trials.vocabulary.graph.equations
        sums = [node for e in equations for node in sorted(e.expression.atoms(Add), key=str)]
        target = self.subject.target.name if self.subject.target else ""
        return Ground(self.trials.vocabulary, known, list(dict.fromkeys(sums)), target)

    @cached_property
    def _edits(self) -> list[Edit]:
        return [] if self.subject.yours is None else edits_of(self.subject.yours, self.subject.indices, self._ground)

    def _mending_edit(self, expression: Expr | None = None) -> Edit | None:
        """The likeliest single change that makes the claim true."""
        edits = self._edits if expression is None else edits_of(expression, self.subject.indices, self._ground)
        return next((edit for edit in edits if self.points.mended_by(edit.expression)), None)

    def _scaled_term(self) -> str | None:
        """A term of a sum that needs a factor, in words."""
        if self.subject.yours is None:
            return None
        for place in places_in(self.subject.yours, self.subject.indices):
            if not place.linear or not isinstance(place.node, Add):
                continue
            for position, term in enumerate(place.node.args):
                without = place.put(Add(*(a for k, a in enumerate(place.node.args) if k != position)))
                rest = self.points.values(without)
                own = [a - b for a, b in zip(self.points.yours, rest, strict=True)]
                wanted = [a - b for a, b in zip(self.points.true, rest, strict=True)]
                formula = self.ratios.formula([_quotient(a, b) for a, b in zip(wanted, own, strict=True)])
                if formula is not None and formula != 0:
                    words = [f"the term {self._text(term)} should be {self._text(formula)} times that"]
                    return ": ".join([*words, *self._scale_words(term, formula)])
        return None

    def _scale_words(self, term: Expr, formula: Expr) -> list[str]:
        """What it means that a term needs a factor."""
        if 1 / formula in self._sizes:
            return self._words(1 / formula, None) if term.has(Sum) else []
        base, exponent = base_and_exponent(formula)
        if is_number(formula) or isinstance(base, Mul) or abs(exponent) != 1:
            return []
        products = self.subject.yours.atoms(Mul) if self.subject.yours is not None else ()
        if exponent == -1 and any(base in Mul.make_args(product) for product in products):
            return [f"there the factor {self._text(base)} is one too many"]
        return [f"there the factor {self._text(formula)} is missing"]

    def _ratio(self, values: Sequence[float]) -> list[float]:
        return [_quotient(yours, true) for yours, true in zip(values, self.points.true, strict=True)]

    def _words(self, formula: Expr, expression: Expr | None) -> list[str]:
        return words_for(formula, expression, self.trials.vocabulary.graph.extents, self._text)

    @property
    def _sizes(self) -> set[Expr]:
        return {extent_symbol(extent) for extent in self.trials.vocabulary.graph.extents}

    def _uses_given(self, expression: Expr) -> bool:
        """Whether an expression mentions what is given from above, or a gradient, itself or in a helper."""
        known, definitions = self.trials.vocabulary.known, self.trials.definitions
        behind = [definitions[name][1].expression for name in helpers_behind(expression, definitions)]
        names = {name for part in (expression, *behind) for name in names_in(part)}
        return any(name in known and known[name].role in ("cotangent", "contribution") for name in names)

    def _text(self, expression: Expr) -> str:
        return self._ground.text(expression)


def _quotient(a: float, b: float) -> float:
    """a/b; NaN, which says nothing, for 0/0."""
    if abs(b) < 1e-12:
        return math.nan if abs(a) < 1e-9 else math.inf
    return a / b
