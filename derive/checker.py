"""Someone else's derivation, line by line, against the truth.

    Input    a Vocabulary, Claims
    Output   an Audit: a verdict for each claim

Each claim is judged alone, with the true value of every name in it, so that one mistake is reported once, where it is
made. It holds when both sides are equal on random data for several extents, whatever it looks like. What does not hold
is tried under the conditions that some people have (gamma is one), and then explained.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Expr, Rational

from derive.arithmetic import Number
from derive.audit import Audit, Counterexample, Verdict
from derive.claims.claim import Claim, Claims, Unreadable
from derive.claims.functions import load_function
from derive.claims.reader import read_claims
from derive.claims.vocabulary import Vocabulary, vocabulary_of
from derive.differentiate import depending_on
from derive.errors import DeriveError, LayerError
from derive.functions import limits_of
from derive.graph import Graph, Index, name_of, names_in
from derive.indices import REDUCTIONS
from derive.interpret import to_nested
from derive.judging.conditions import condition_text, conditions_of
from derive.judging.corrections import Corrections
from derive.judging.diagnose import Diagnosis
from derive.judging.function import FunctionValues
from derive.judging.inline import helpers_behind
from derive.judging.subject import Subject
from derive.judging.trials import Trial, Trials
from derive.pipeline import load
from derive.syntax.names import did_you_mean

_HUGE = 1e100
_MOST_TERMS = 20_000
_SHORT = 3  # letters of a name that is near to many others
_MOST_SMALL = 16  # sets of small data to look for a counterexample in


def check_claims(
    layer: Graph | str,
    text: str,
    file: str = "<string>",
    input_format: str | None = None,
    symbols: str = "",
    progress: Callable[[str], None] = lambda text: None,
) -> Audit:
    """The verdict on each line of a derivation of a layer.

    `layer` is a graph, or whatever `load` takes; `progress` is told which line is being judged; the rest is as for
    `read_claims`. Raises what these raise, and LayerError when no data satisfy the layer's facts.
    """
    vocabulary = vocabulary_of(load(layer) if isinstance(layer, str) else layer)
    return judge(vocabulary, read_claims(text, file, vocabulary, input_format, symbols), progress)


def check_function(
    layer: Graph | str,
    function: str,
    forward: str | None = None,
    timeout: float = 10.0,
    progress: Callable[[str], None] = lambda text: None,
) -> Audit:
    """The verdict on each gradient that a NumPy function returns, and on each output of its forward function.

    Both are given as path.py:name and run in a process of their own, each call for at most `timeout` seconds;
    `progress` is told which array is being judged. Raises LayerError where they cannot be called, or do not return what
    can be understood.
    """
    graph = load(layer) if isinstance(layer, str) else layer
    vocabulary = vocabulary_of(graph)
    with load_function(graph, function, forward, timeout) as loaded:
        constants = {name: graph.by_name[name].default for name in loaded.untaken}
        fixed = {name: value for name, value in constants.items() if value is not None}
        found = Judge(vocabulary, Claims(loaded.file, ()), fixed)
        trials = found.trials.general
        claims = FunctionValues(loaded, vocabulary).claims(trials[0])
        verdicts = []
        for claim, subject in claims:
            progress(claim.text)
            verdicts.append(found.as_held(claim, [(subject, "")], trials) or found.refused(claim, subject))
        wrote = [f"it writes to its argument {name}" for name in loaded.wrote_to]
        missing = [f"d{name}" for name in graph.differentiable if f"d{name}" not in loaded.names]
    return Audit(graph.name, loaded.file, tuple(verdicts), tuple(missing), tuple(wrote))


def judge(vocabulary: Vocabulary, claims: Claims, progress: Callable[[str], None] = lambda text: None) -> Audit:
    """The verdicts on claims. Raises LayerError when no data satisfy the layer's facts."""
    found = Judge(vocabulary, claims)
    verdicts = found.verdicts(progress)
    return Audit(vocabulary.graph.name, claims.file, verdicts, tuple(found.missing()), tuple(found.notes()))


@dataclass(eq=False)
class Judge:
    """Judges the claims of one derivation."""

    vocabulary: Vocabulary
    claims: Claims
    fixed: Mapping[str, Rational] = field(default_factory=dict)

    @cached_property
    def trials(self) -> Trials:
        """The data."""
        return Trials(self.vocabulary, self.claims, self.fixed)

    @cached_property
    def corrections(self) -> Corrections:
        """The true lines."""
        return Corrections(self.vocabulary, self.trials.loss)

    def verdicts(self, progress: Callable[[str], None]) -> tuple[Verdict, ...]:
        """The verdict on each line: first what holds, then what is the matter with the others."""
        general = self.trials.general  # that no data satisfy the facts is nothing that one line could be blamed for
        found = []
        for line in self.claims.lines:
            progress(f"line {line.line}: {line.text}")
            found.append(self._without_explanation(line, general))
        held = [c for c, verdict in zip(self.claims.lines, found, strict=True) if verdict is not None]
        sides = [c.right for c in held if isinstance(c, Claim) and c.defines is None]
        # What a line that holds rests on is right.
        trusted = frozenset(name for side in sides for name in helpers_behind(side, self.trials.definitions))
        verdicts = []
        for line, verdict in zip(self.claims.lines, found, strict=True):
            if verdict is None:
                assert isinstance(line, Claim)
                progress(f"line {line.line}, what is the matter with it: {line.text}")
                verdict = self._explained(line, trusted)
            verdicts.append(verdict)
        return tuple(verdicts)

    def _explained(self, line: Claim, trusted: frozenset[str]) -> Verdict:
        """The verdict on a claim that does not hold, in that of its readings in which something explains it."""
        head = line.head or line.left
        subjects = [self._subject(line, head, line.right)]
        total = self.vocabulary.totals(head), self.vocabulary.totals(line.right)
        if total != (head, line.right):
            subjects.append(self._subject(line, *total))
        found = [self._refusal(line, subject, trusted) for subject in subjects]
        return next((verdict for verdict, is_simple in found if is_simple), found[0][0])

    def _without_explanation(self, line: Claim | Unreadable, trials: Sequence[Trial]) -> Verdict | None:
        """The verdict on a line that needs no explanation; None for the others."""
        if isinstance(line, Unreadable):
            return Verdict(line.line, line.text, "unreadable", diagnosis=str(line.error))
        if line.defines is not None:
            return Verdict(line.line, line.text, "definition", note=self._meant(line.defines.name))
        try:
            for side in (line.left, line.right):
                reject_too_many(side, line.indices, trials)
            return self.as_held(line, self._readings(line), trials)
        except LayerError as error:
            return Verdict(line.line, line.text, "unreadable", diagnosis=str(error))

    def _meant(self, name: str) -> str:
        """A question, where a name that no line uses is nearly that of a gradient that no line states."""
        rights = [line.right for line in self.claims.lines if isinstance(line, Claim)]
        unused = len(name) > _SHORT and not any(name in names_in(right) for right in rights)
        near = did_you_mean(name, self.missing()) if unused else ""
        return f"a name of your own; {near}" if near else ""

    def missing(self) -> Iterator[str]:
        """The gradients that no line states."""
        stated = set()
        for line in self.claims.lines:
            if isinstance(line, Claim):
                stated |= {name_of(line.head or line.left), *self._subject_names(line)}
        graph = self.vocabulary.graph
        needed = depending_on(graph, graph.differentiable)
        for cotangent in self.vocabulary.found.cotangents:
            if cotangent.of in needed and cotangent.paths and cotangent.quantity.name not in stated:
                yield cotangent.quantity.name

    def _subject_names(self, line: Claim) -> list[str]:
        """The quantity that a line is about, where that stands on its right."""
        known = self.vocabulary.known
        return [name_of(line.right) or ""] if name_of(line.left) not in known and line.head is None else []

    def notes(self) -> Iterator[str]:
        """How the derivation as a whole was read."""
        if self.trials.loss is not None:
            given = self.vocabulary.cotangents[self.trials.loss]
            yield f"{self.trials.loss} is taken as the loss itself: {given} = 1"
        if self.claims.sizes:
            sizes = ", ".join(f"{extent} = {size}" for extent, size in self.claims.sizes.items())
            yield f"judged for {sizes}, as the text says"
        yield from self.claims.notes

    def as_held(
        self, claim: Claim, readings: Sequence[tuple[Subject, str]], trials: Sequence[Trial]
    ) -> Verdict | None:
        """The verdict on a claim that holds in one of its readings, each with a note on it; None for another."""
        if claim.mismatch is not None:
            return None
        for subject, note in readings:
            if self._holds(subject, trials):
                return Verdict(claim.line, claim.text, "holds", note=note)
        if self.trials.pinned != dict(self.claims.sizes):
            sizes = ", ".join(f"{extent} = {size}" for extent, size in self.trials.pinned.items())
            for subject, note in readings:
                if self._holds(subject, self.trials.pinned_trials):
                    return Verdict(claim.line, claim.text, "holds", note=note or f"for {sizes}")
        return None

    def _readings(self, claim: Claim) -> list[tuple[Subject, str]]:
        """What a claim can mean: of the quantity that the chain is about first, then of the side before.

        A derivative is a local one, with all else held fixed, or else a total one.
        """
        pairs = [(claim.head or claim.left, claim.right, "")]
        if claim.head is not None:
            pairs.append((claim.left, claim.right, "it follows from what is before it"))
        found = [(self._subject(claim, left, right), note) for left, right, note in pairs]
        for left, right, note in pairs:
            total = self.vocabulary.totals(left), self.vocabulary.totals(right)
            if total != (left, right):
                found.append((self._subject(claim, *total), note or "read as a total derivative"))
        return found

    def _subject(self, claim: Claim, left: Expr, right: Expr) -> Subject:
        known = self.vocabulary.known
        if name_of(left) not in known and name_of(right) in known and claim.relation == "==":
            left, right = right, left
        return Subject(left, claim.indices, known.get(name_of(left) or ""), right, claim.relation)

    def _holds(self, subject: Subject, trials: Sequence[Trial]) -> bool:
        return bool(trials) and all(subject.holds(trial) for trial in trials)

    def refused(self, claim: Claim, subject: Subject) -> Verdict:
        """The verdict on a claim that does not hold."""
        return self._refusal(claim, subject, frozenset())[0]

    def _refusal(self, claim: Claim, subject: Subject, trusted: frozenset[str]) -> tuple[Verdict, bool]:
        """The same, and whether it is explained by one slip; `trusted` are the helpers that are right."""
        pinned = bool(self.trials.pinned)
        found = Verdict(claim.line, claim.text, "wrong")
        condition = self._condition(subject, pinned) if claim.mismatch is None and claim.relation == "==" else None
        if condition is not None:
            found = replace(found, kind="conditional", condition=condition)
        trials = self.trials.unchanged(pinned)
        said = claim.mismatch.message if claim.mismatch is not None else ""
        example = self._counterexample(subject, pinned, trials)
        sizes = example.extents if example is not None else {}
        refuted = frozenset(extent for extent, size in sizes.items() if size == 1)
        diagnosis = Diagnosis(subject, self.trials, self.corrections, pinned, said, trusted, refuted)
        sentence = diagnosis.sentence()
        correct = self._correct(subject, diagnosis.mended, trials)
        return replace(found, diagnosis=sentence, correct=correct, counterexample=example), diagnosis.is_simple

    def _condition(self, subject: Subject, pinned: bool) -> str | None:
        """A condition on the layer under which the claim holds, and does not just vanish."""
        for condition in conditions_of(self.vocabulary.graph):
            if not self._holds(subject, self.trials.under(condition, pinned, first=True)):
                continue
            trials = self.trials.under(condition, pinned)
            if self._holds(subject, trials) and any(map(subject.says_something, trials)):
                return condition_text(condition)
        # Divided by N - 1, say: right wherever it has a value.
        trials = self.trials.unchanged(pinned)
        failing = (trial for trial in trials if not subject.holds(trial))
        first = next(failing, None)
        if first is None or not subject.is_void(first):
            return None
        others = [first, *failing]
        for extent in self.vocabulary.graph.extents:
            if len(others) < len(trials) and all(t.extents[extent] == 1 and subject.is_void(t) for t in others):
                return f"{extent} > 1"
        return None

    def _correct(self, subject: Subject, mended: Expr | None, trials: Sequence[Trial]) -> str | None:
        """The author's line without its slip where that is known, else the true line that is most like it."""
        for side in (mended, subject.yours):  # what is read as a sum that was forgotten may be right as it is read
            if side is not None and self._is_true(replace(subject, yours=side), trials):
                return self.corrections.written(subject.true, side)
        if subject.target is None:
            return None
        return self.corrections.best(subject.true, subject.yours, trials[0].extents)

    def _is_true(self, subject: Subject, trials: Sequence[Trial]) -> bool:
        try:
            return self._holds(subject, trials)
        except LayerError:  # an element that is not there: a column for a row
            return False

    def _counterexample(self, subject: Subject, pinned: bool, trials: Sequence[Trial]) -> Counterexample | None:
        """Where the two sides differ on the smallest data; where one of them has no value only if nowhere else."""
        undefined: Counterexample | None = None
        for trial in (*itertools.islice(self.trials.small(pinned), _MOST_SMALL), *trials):
            try:
                found = None if subject.holds(trial) else _differing(subject, trial, self.vocabulary)
            except DeriveError:  # what the claim writes out is not there
                continue
            if found is not None and math.isfinite(found.yours):
                return found
            undefined = undefined or found
        return undefined


def reject_too_many(side: Expr, indices: Sequence[Index], trials: Sequence[Trial]) -> None:
    """Raise LayerError for nested sums that nobody means, and that would never end."""
    for trial in trials:
        terms = math.prod(trial.extents[index.extent] for index in indices) * _terms(side, trial.extents)
        if terms > _MOST_TERMS:
            message = f"it adds up {terms} terms for a small batch, more than {_MOST_TERMS}"
            raise LayerError(message, "give an inner sum a name and a line of its own")


def _terms(node: Expr, extents: Mapping[str, int]) -> int:
    """How many terms an expression adds up."""
    if isinstance(node, REDUCTIONS):
        return math.prod(extents[str(high)] for _, high in limits_of(node)) * _terms(node.function, extents)
    return max(1, sum(_terms(argument, extents) for argument in node.args if argument.has(*REDUCTIONS)))


def _differing(subject: Subject, trial: Trial, vocabulary: Vocabulary) -> Counterexample:
    """The first place at which the two sides differ, or differ most where that is not told."""
    true, yours = subject.sides(trial)
    gaps = {place: abs(true[place] - yours[place]) for place in true}
    largest = max((gap for gap in gaps.values() if math.isfinite(gap)), default=0)
    place = next(p for p, gap in gaps.items() if not math.isfinite(gap) or gap >= largest * 1e-6)
    data = {**trial.sample.inputs, **{vocabulary.cotangents[n]: a for n, a in trial.sample.cotangents.items()}}
    return Counterexample(
        dict(trial.extents),
        dict(zip([index.name for index in subject.indices], place, strict=True)),
        _shown(yours[place]),
        _shown(true[place]),
        {name: to_nested({p: float(v) for p, v in array.items()}) for name, array in data.items()},
    )



def _shown(value: Number) -> float:
    """A value as a float; what was divided by a derivative that is zero is infinite, not the noise of a difference."""
    found = float(value)
    return math.copysign(math.inf, found) if abs(found) > _HUGE else found
