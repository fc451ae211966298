"""The judge against random slips: what is no longer true is caught at its line, and nothing else is.

Whether a mutant is still true is found by `shapes`, from its text alone. What the judge says of a wrong one is held
against the same values: its counterexample, the formula for yours/true, the condition under which it is true.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import pytest
from mutants import Line, Mutant, Words, draw_mutants, read_line, true_lines, words_of
from samples import LAYERS
from shapes import APART, SAME, IllFormedError, Values, World, draw_worlds, make_true, name_in

from derive.audit import Audit, Counterexample, Verdict
from derive.checker import check_claims
from derive.derivation import Derivation
from derive.graph import Graph
from derive.parser import parse_layer
from derive.pipeline import load

HUGE = 1e100


@dataclass(eq=False)
class Bench:
    """A layer, its true lines, and data to tell by what else is true."""

    layer: str

    @cached_property
    def graph(self) -> Graph:
        return parse_layer(LAYERS[self.layer], self.layer) if self.layer in LAYERS else load(self.layer)

    @cached_property
    def texts(self) -> list[str]:
        """The text of every line of its derivation, in any form."""
        return self._found[0]

    @cached_property
    def words(self) -> Words:
        return words_of(self._found[1])

    @cached_property
    def _found(self) -> tuple[list[str], Derivation]:
        return true_lines(self.graph)

    @cached_property
    def worlds(self) -> list[World]:
        return draw_worlds(self.graph, self._found[1].by_name)

    def line(self, text: str) -> Line:
        return read_line(text, self.words)

    def audit(self, texts: Sequence[str]) -> Audit:
        return check_claims(self.graph, "\n".join(texts), "x.txt")

    def worth(self, text: str, worlds: Sequence[World] | None = None) -> str:
        """What a line is: same, where its sides are equal; apart; ill-formed; or else undecided."""
        line = self.line(text)
        gaps = []
        for world in self.worlds if worlds is None else worlds:
            try:
                yours, true = self.sides(line, world)
            except IllFormedError:
                return "ill-formed"
            if np.isfinite(true).all():
                gaps.append(gap_between(yours, true) if np.isfinite(yours).all() else np.inf)
        worst = max(gaps, default=np.nan)
        return "same" if worst < SAME else "apart" if worst > APART else "undecided"

    def sides(self, line: Line, world: World) -> tuple[Values, Values]:
        """The author's side and the true one."""
        evaluation = world.evaluation()
        return evaluation.of(line.right, line.scope), evaluation.of(line.left, line.scope)


def gap_between(yours: Values, true: Values) -> float:
    """The largest difference, relative to the largest value."""
    size = max(np.abs(true).max(), np.abs(yours).max(), 1e-3)
    return float(np.abs(yours / size - true / size).max())


@cache
def bench(layer: str) -> Bench:
    return Bench(layer)


# What a wrong line comes with


def world_of(found: Bench, counterexample: Counterexample) -> World:
    """The data of a counterexample."""
    base = found.worlds[0]
    given = {str(q.of): name for name, q in base.known.items() if q.role == "cotangent" and q.of in base.given}
    arrays = {name: np.array(values, dtype=float) for name, values in counterexample.inputs.items()}
    inputs = {name: arrays[name] for name in base.inputs}
    cotangents = {of: arrays[given.get(of, f"d{of}")] for of in base.given}
    return World(base.graph, base.known, dict(counterexample.extents), inputs, cotangents)


def counterexample_fault(found: Bench, mutant: Mutant, verdict: Verdict) -> str:
    """What is wrong with the counterexample of a mutant; nothing where it is as it says."""
    shown = verdict.counterexample
    if shown is None:
        return "no counterexample"
    line = found.line(mutant.text)
    yours, true = found.sides(line, world_of(found, shown))
    place = tuple(shown.index[letter] - 1 for letter, _ in line.scope)
    size = max(float(np.abs(true).max()), 1e-3)
    for mine, said in ((yours[place], shown.yours), (true[place], shown.true)):
        known = math.isfinite(mine)
        if not known and abs(said) > HUGE:
            continue  # divided by what is zero but for rounding
        if known != math.isfinite(said) or (known and abs(mine - said) > 1e-7 * max(size, abs(mine))):
            mine_both = f"{yours[place]} and {true[place]}"
            return f"the values at {dict(shown.index)} are {mine_both}, not {shown.yours} and {shown.true}"
    if math.isfinite(shown.yours) and abs(shown.yours - shown.true) <= 1e-12 * size:
        return "yours is true there"
    return ""


def formula_fault(found: Bench, mutant: Mutant, verdict: Verdict) -> str:
    """What is wrong with the formula for yours/true, where one is given."""
    said = re.match(r"yours/true = ([^;]+)", verdict.diagnosis or "")
    if said is None:
        return ""
    line = found.line(mutant.text)
    for world in found.worlds:
        yours, true = found.sides(line, world)
        formula = world.evaluation().of(ast.parse(said[1].strip(), mode="eval").body, line.scope)
        known = (np.abs(true) > 1e-9) & np.isfinite(true) & np.isfinite(yours)
        if not np.allclose(formula[known] * true[known], yours[known], rtol=1e-7, atol=1e-9):
            return f"yours/true is not {said[1]}"
    return ""


def condition_fault(found: Bench, mutant: Mutant, verdict: Verdict) -> str:
    """What is wrong with the condition of a conditional verdict."""
    if verdict.kind != "conditional":
        return "" if verdict.condition is None else "a condition on a line that is wrong"
    (statement,) = ast.parse(verdict.condition or "").body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Compare)
    worlds = [made for world in found.worlds if (made := under(world, statement.value)) is not None]
    worth = found.worth(mutant.text, worlds)
    return "" if worth == "same" else f"under {verdict.condition} it is {worth}"


def under(world: World, condition: ast.Compare) -> World | None:
    """The same data, changed so that a condition holds; None where the sizes are such that it does not."""
    if isinstance(condition.left, ast.Name) and condition.left.id in world.sizes:
        return world if world.evaluation().of(condition) else None
    inputs = dict(world.inputs)
    make_true(condition, inputs)
    return replace(world, inputs=inputs, _found={}, _totals={})


FAULTS = (counterexample_fault, formula_fault, condition_fault)


def faults_of(found: Bench, mutant: Mutant, verdict: Verdict) -> Iterator[str]:
    """What is wrong with a verdict, except for its correct line."""
    worth = found.worth(mutant.text)
    if worth == "same" and verdict.kind != "holds":
        yield f"false alarm: {verdict.kind}"
    if worth == "apart" and verdict.kind == "holds" and "total" in verdict.note:
        total = found.worth(mutant.text, [replace(w, total=True, _found={}, _totals={}) for w in found.worlds])
        if total != "same":
            yield f"missed: {verdict.note}"
    elif worth == "apart" and verdict.kind not in ("wrong", "conditional"):
        yield f"missed: {verdict.kind}"
    if worth == "ill-formed" and verdict.kind not in ("wrong", "conditional", "unreadable"):
        yield f"missed: {verdict.kind}, and it is not well-formed"
    if worth == "apart" and verdict.kind in ("wrong", "conditional"):
        line = found.line(mutant.text)
        if verdict.correct is None and not line.is_fact and name_in(line.left) not in found.worlds[0].inputs:
            yield "no correct line"
        yield from (fault for find in FAULTS if (fault := find(found, mutant, verdict)))


def complaints(found: Bench, mutants: Sequence[Mutant], source: random.Random) -> list[str]:
    """Everything that is wrong with the verdicts on mutants in between the true lines."""
    rows: list[tuple[str, Mutant | None]] = [(text, None) for text in found.texts]
    rows += [(mutant.text, mutant) for mutant in mutants]
    source.shuffle(rows)
    audit = found.audit([text for text, _ in rows])
    assert [verdict.line for verdict in audit.verdicts] == list(range(1, len(rows) + 1))
    said = []
    for (text, mutant), verdict in zip(rows, audit.verdicts, strict=True):
        if mutant is None:
            said += [] if verdict.kind == "holds" else [f"a true line is {verdict.kind}: {text}"]
        else:
            said += [f"{fault} ({mutant.kind}): {text}" for fault in faults_of(found, mutant, verdict)]
    correct = [verdict.correct for verdict in audit.verdicts if verdict.correct]
    again = found.audit([*found.texts, *dict.fromkeys(correct)])
    said += [f"a correct line is {v.kind}: {v.claim}" for v in again.verdicts if v.kind != "holds"]
    return said


# The layers, and how many mutants of each: those of a small layer are soon the same ones.
MUTANTS = {
    "batch_norm": 40,
    "layer_norm": 25,
    "rms_norm": 30,
    "softmax": 40,
    "softmax_cross_entropy": 15,
    "batch_norm_unbiased": 10,
    "l2_normalize": 40,
    "linear": 35,
    "weight_norm": 45,
    "attention": 10,
    "distances": 20,
}
OTHERS = ["group_norm", "without_xhat", "weights_inline", "log_of_p", "contrastive", "cosine", "unicode", "ties"]


def test_there_are_enough_mutants() -> None:
    assert sum(MUTANTS.values()) >= 300


@pytest.mark.parametrize("layer", MUTANTS)
def test_a_mutant_is_caught_at_its_line_and_what_is_said_of_it_is_so(layer: str) -> None:
    found, source = bench(layer), random.Random(f"{layer}/4")
    mutants = draw_mutants(found.texts, found.words, source, MUTANTS[layer])
    assert len(mutants) == MUTANTS[layer]
    worths = [found.worth(mutant.text) for mutant in mutants]
    assert worths.count("apart") > len(mutants) / 3
    assert worths.count("undecided") <= 1
    assert complaints(found, mutants, source) == []


@pytest.mark.parametrize("layer", OTHERS)
def test_every_line_of_a_derivation_holds(layer: str) -> None:
    found = bench(layer)
    assert [text for text in found.texts if found.worth(text) != "same"] == []
    assert [(v.claim, v.kind) for v in found.audit(found.texts).verdicts if v.kind != "holds"] == []


@pytest.mark.parametrize(
    ("layer", "text", "kind"),
    [
        # Indices that are bound once more inside, directly.
        ("batch_norm", "dbeta[j] = mean(sum(dy[i, j] for i in N) for i in N)", "holds"),
        ("batch_norm", "dbeta[j] = sum(sum(dy[i, j] for i in N) for i in N)", "wrong"),
        ("batch_norm", "y[i, j] = max(max(y[i, j] for k in N) for k in N)", "holds"),
        # All of a line left out.
        ("batch_norm", "dbeta[j] = 0", "wrong"),
        ("batch_norm", "var[j] = mean((x[i, j] - x[i, j])**2 for i in N)", "wrong"),
        # Sides that are zero, each in its own way.
        ("batch_norm", "dmu_via_var[j] = dvar[j]*sum(x[i, j] - mu[j] for i in N)", "holds"),
        ("layer_norm", "dmu_via_var[i] = -2*dvar[i]*mean(x[i, k] - mu[i] for k in D)", "holds"),
        ("softmax", "dm[n] = -sum(de[n, c]*exp(x[n, c] - m[n]) for c in C)", "holds"),
        ("softmax", "dm[n] = -sum(de[n, c]*exp(x[n, c]) for c in C)", "holds"),
        ("layer_norm", "dmu_via_var[i] = dvar[i]*mean(x[i, j] - mu[i] for j in D)**2", "holds"),
        ("softmax_cross_entropy", "dx_via_m[n, c] = dm[n]*dm[n]", "holds"),
        # Under a condition that the layer's facts leave only for one class, where it is true anyway.
        ("softmax_cross_entropy", "p[n, c] = e[n, c]", "wrong"),
    ],
)
def test_what_is_easily_misjudged(layer: str, text: str, kind: str) -> None:
    found = bench(layer)
    assert found.worth(text) == ("same" if kind == "holds" else "apart")
    assert [verdict.kind for verdict in found.audit([text]).verdicts] == [kind]


# That the tests themselves can fail


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("dbeta[j] = sum(dy[i, j] for i in N)", "same"),
        ("dbeta[j] = N*mean(dy[k, j] for k in N)", "same"),
        ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + dmu[j]/N + dvar[j]*2*(x[i, j] - mu[j])/N", "same"),
        ("dbeta[j] = mean(dy[i, j] for i in N)", "apart"),
        ("xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j])", "apart"),
        ("dgamma[j] = sum(dy[i, j]*x[i, j] for i in N)", "apart"),
        ("dbeta[j] = sum(dy[j, i] for i in N)", "ill-formed"),
        ("dbeta[j] = sum(dy[i, k] for i in N)", "ill-formed"),
        ("assert sum(x[i, j] - mu[j] for i in N) == 0", "same"),
        ("assert sum(x[i, j] - beta[j] for i in N) == 0", "apart"),
    ],
)
def test_what_a_line_is_worth(text: str, worth: str) -> None:
    assert bench("batch_norm").worth(text) == worth


WRONG = Mutant("extent", "dbeta[j] = mean(dy[i, j] for i in N)", "", "dbeta[j] = sum(dy[i, j] for i in N)")


def test_a_verdict_that_is_off_is_a_fault() -> None:
    found = bench("batch_norm")
    (verdict,) = found.audit([WRONG.text]).verdicts
    shown = verdict.counterexample
    assert shown is not None
    planted = [
        replace(verdict, kind="holds"),
        replace(verdict, kind="unreadable"),
        replace(verdict, correct=None),
        replace(verdict, counterexample=None),
        replace(verdict, counterexample=replace(shown, yours=shown.yours * 2)),
        replace(verdict, counterexample=replace(shown, true=-shown.true)),
        replace(verdict, diagnosis="yours/true = N"),
        replace(verdict, kind="conditional", condition="gamma[j] == 1"),
        replace(verdict, kind="conditional", condition="N > 1"),
    ]
    assert list(faults_of(found, WRONG, verdict)) == []
    assert [len(list(faults_of(found, WRONG, off))) for off in planted] == [1] * len(planted)


def test_a_false_alarm_is_a_fault() -> None:
    found = bench("batch_norm")
    mutant = replace(WRONG, text="dbeta[j] = sum(dy[k, j] for k in N)")
    (verdict,) = found.audit([mutant.text]).verdicts
    assert list(faults_of(found, mutant, verdict)) == []
    assert list(faults_of(found, mutant, replace(verdict, kind="wrong"))) == ["false alarm: wrong"]
