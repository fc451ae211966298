"""Is every line of a derivation true? The evidence, row by row.

    Input    a Derivation; further checks, such as those of generated functions
    Output   a Report

Each displayed line is evaluated on random data, in 50 digits: the left side by what its name stands for (a forward
value, the total derivative of the loss, the contribution of one equation, one local derivative), the right side with
the true value of every name in it, so that one wrong line is blamed alone. Each cotangent is then held against three
independent oracles, of which the exact one takes only data on which no element is too long, written out in the inputs;
and the whole backward graph is run from the inputs. At order 2 and above what is differentiated is itself a result, so
the last two orders are held against the equations of the layer alone, too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from derive.arithmetic import SIZE
from derive.derivation import Derivation
from derive.discrepancy import Term, worst_error
from derive.draw import Sample, draw_samples, fact_holds
from derive.errors import DeriveError, LayerError
from derive.graph import Equation, Fact, Quantity, names_in
from derive.interpret import Values, convert, run
from derive.layer_alone import LayerAlone
from derive.oracles import CENTRAL_DIFFERENCES, COMPLEX_STEP, SCALAR_DIFF, Truth
from derive.report import Report, Row
from derive.structure import check_paths

Line = Equation | Fact

_LINE_ORACLE = "50 digits"
_NOTHING = 1e-50
# Exact values that are longer take more time than anybody has: the length can be exponential in that of the layer.
_MOST_WRITTEN_OUT = 3_000
_NOT_EXACTLY = (
    "the exact oracle was left out, as on all the data there is an element that, written out in the inputs, has more"
    f" than {_MOST_WRITTEN_OUT} parts; the others remain"
)


@dataclass(frozen=True)
class Check:
    """A further check, of generated functions for example: `worst` gives the largest relative error on one sample."""

    line: str
    oracle: str
    bound: float
    worst: Callable[[Truth], float]


def write_plainly(line: Line) -> str:
    """A line as SymPy writes it."""
    if isinstance(line, Fact):
        return f"assert {line.left} {line.relation} {line.right}"
    return f"{line.left} = {line.expression}"


def verify(
    derivation: Derivation,
    checks: Sequence[Check] = (),
    write: Callable[[Line], str] = write_plainly,
    samples: Sequence[Sample] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Check every line and every result of a derivation; `write` turns a line into the text of its row.

    `samples` are the data, by default those that `draw_samples` has for `derivation.whole`. `progress` is told of each
    check that is done.

    Raises LayerError when no data satisfy the layer's facts. What is false, or cannot be evaluated, is a row that did
    not pass.
    """
    samples = draw_samples(derivation.whole) if samples is None else samples
    ordinary = [sample for sample in samples if sample.regime == "ordinary"]
    precise = [Truth(derivation, sample, CENTRAL_DIFFERENCES) for sample in samples]
    floating = [Truth(derivation, sample, COMPLEX_STEP) for sample in samples]
    if derivation.order > 1 and ordinary:
        ordinary = [_smallest(derivation, precise)]
    short = [sample for sample in ordinary if _written_out(derivation, sample) <= _MOST_WRITTEN_OUT]
    exact = [Truth(derivation, sample, SCALAR_DIFF) for sample in short]
    rows = []
    for row in itertools.chain(
        _line_rows(derivation, precise, write),
        _path_rows(derivation),
        _cotangent_rows(derivation, [floating, precise, exact]),
        _gradient_rows(derivation, precise),
        _layer_rows(derivation, precise),
        (_row(c.line, c.oracle, c.bound, c.worst, precise) for c in checks),
    ):
        rows.append(row)
        progress(f"check {len(rows)}, {row.oracle}: {row.line}")
    return Report(
        derivation.forward.name,
        derivation.form,
        derivation.order,
        tuple(sample.description for sample in samples),
        tuple(rows),
        derivation.mode,
        () if exact or not ordinary else (_NOT_EXACTLY,),
    )


def _written_out(derivation: Derivation, sample: Sample) -> int:
    """How long the longest element of the layer is, written out in the inputs, which is what is exact."""
    values = run(derivation.forward.equations, convert(sample.inputs, SIZE), sample.extents, SIZE)
    return max((size for array in values.values() for size in array.values()), default=0)


def _smallest(derivation: Derivation, truths: Sequence[Truth]) -> Sample:
    """The smallest data on which as few gradients as possible vanish: exact derivatives of derivatives take long."""

    def size(truth: Truth) -> tuple[int, int]:
        values = run_backward(truth)
        vanishing = [n for n in derivation.backward.outputs if all(abs(v) < _NOTHING for v in values[n].values())]
        return len(vanishing), sum(len(array) for array in values.values())

    return min((truth for truth in truths if truth.sample.regime == "ordinary"), key=size).sample


def _row(
    line: str,
    oracle: str,
    bound: float,
    measure: Callable[[Truth], float],
    truths: Sequence[Truth],
    step: int | None = None,
) -> Row:
    """The row of one line: the worst error on all data, and where it was."""
    worst, where = 0.0, f"{len(truths)} sets of data"
    for truth in truths:
        data = truth.sample.description
        try:
            error = measure(truth)
        except (DeriveError, TypeError) as problem:
            return Row(line, oracle, math.inf, bound, data, step, f"it cannot be evaluated: {problem}")
        if not error <= worst:
            worst, where = error, data
    return Row(line, oracle, worst, bound, where, step)


def _line_rows(derivation: Derivation, truths: Sequence[Truth], write: Callable[[Line], str]) -> Iterator[Row]:
    """A row for every line of a step, and for every result that is not such a line."""
    numbered: list[tuple[int | None, Line]] = []
    for step in derivation.steps:
        lines = [line for line in (step.equation, step.display) if line is not None]
        numbered += [(step.number, line) for line in dict.fromkeys(lines)]
    shown = {line for _, line in numbered}
    numbered += [(None, result) for result in derivation.results if result not in shown]
    for number, line in numbered:
        yield _row(write(line), _LINE_ORACLE, CENTRAL_DIFFERENCES.bound, partial(line_error, line), truths, number)


def line_error(line: Line, truth: Truth) -> float:
    """How far a line is from the truth on one sample."""
    return fact_error(line, truth) if isinstance(line, Fact) else equation_error(line, truth)


def equation_error(equation: Equation, truth: Truth) -> float:
    """How far an equation is from the truth: its left side by its meaning, its right side with true values in it."""
    true = truth.value(equation.name)
    claimed = truth.right_side(equation.expression, equation.indices)
    if set(claimed) != set(true):
        raise LayerError(f"the left side has other indices than {equation.name!r}")
    return worst_error(true, claimed, truth.oracle.bound, partial(added_up_from, equation, truth))


def added_up_from(equation: Equation, truth: Truth) -> Iterator[Term]:
    """What both sides were added up from."""
    yield from truth.sized(equation.name).values()
    yield from truth.terms(equation.expression, equation.indices).values()


def fact_error(fact: Fact, truth: Truth) -> float:
    """How far the two sides of an equality are apart; of another relation, 0 if it holds and infinity if not."""
    if fact.relation != "==":
        names = [*names_in(fact.left), *names_in(fact.right)]
        return 0.0 if fact_holds(fact, truth.values(names), truth.sample.extents) else math.inf
    left, right = (truth.right_side(side, fact.indices) for side in (fact.left, fact.right))

    terms = (term for side in (fact.left, fact.right) for term in truth.terms(side, fact.indices).values())
    return worst_error(left, right, truth.oracle.bound, lambda: terms)


def _path_rows(derivation: Derivation) -> Iterator[Row]:
    for found in check_paths(derivation):
        line = f"{found.cotangent} takes every path: {', '.join(found.paths) or 'none'}"
        yield Row(line, "uses in the graph", math.inf if found.fault else 0.0, 0.0, "", None, found.fault)


def _cotangent_rows(derivation: Derivation, by_oracle: Sequence[Sequence[Truth]]) -> Iterator[Row]:
    """Each cotangent or tangent, intermediates too, by its last line, against each oracle in its own arithmetic.

    Exactly only those that are wanted where the layer is itself made of derivatives: that takes long.
    """
    for equation in cotangent_equations(derivation):
        wanted = derivation.order == 1 or equation.name in derivation.backward.outputs
        for truths in filter(None, by_oracle):
            oracle = truths[0].oracle
            if oracle is SCALAR_DIFF and not wanted:
                continue
            yield _row(equation.name, oracle.name, oracle.bound, partial(equation_error, equation), truths)


def cotangent_equations(derivation: Derivation) -> list[Equation]:
    """What gives each cotangent, or tangent: its result, or else the last step about it."""
    last: dict[str, Equation] = {}
    known = derivation.forward.by_name
    lines = [step.equation for step in derivation.steps if isinstance(step.equation, Equation)]
    for equation in [*lines, *derivation.results]:
        quantity = derivation.by_name.get(equation.name)
        if quantity is not None and quantity.role in ("cotangent", "tangent") and equation.name not in known:
            last[equation.name] = equation
    return list(last.values())


def _gradient_rows(derivation: Derivation, truths: Sequence[Truth]) -> Iterator[Row]:
    """The backward graph run from the inputs and what is given alone, each value from those before it."""

    def error(name: str, truth: Truth) -> float:
        equation = derivation.backward.equation_of[name]
        return worst_error(
            truth.value(name),
            run_backward(truth)[name],
            truth.oracle.bound,
            partial(added_up_from, equation, truth),
        )

    for name in derivation.backward.outputs:
        line = f"{name}, computed from the inputs"
        yield _row(line, "central differences", CENTRAL_DIFFERENCES.bound, partial(error, name), truths)


def _layer_rows(derivation: Derivation, truths: Sequence[Truth]) -> Iterator[Row]:
    """The last two orders, run from the inputs, against nested differences of the layer's own equations."""
    if derivation.previous is None or derivation.mode == "forward":
        return

    def error(quantity: Quantity, truth: Truth) -> float:
        alone = layer_alone(derivation, truth.sample)
        equation = derivation.backward.equation_of[quantity.name]
        true = alone.gradient(str(quantity.of), quantity.order)
        claimed = run_backward(truth)[quantity.name]
        # A gradient that is zero is known only to the precision of what is differentiated.
        return worst_error(
            true, claimed, truth.oracle.bound, lambda: [*added_up_from(equation, truth), *alone.weighted_outputs()]
        )

    inputs = {quantity.name for quantity in derivation.whole.inputs}
    for name in [*derivation.forward.outputs, *derivation.backward.outputs]:
        quantity = derivation.by_name[name]
        if quantity.of in inputs:
            line = f"{name}, by the equations of {derivation.forward.name} alone"
            yield _row(line, "nested differences", CENTRAL_DIFFERENCES.bound, partial(error, quantity), truths)


@lru_cache(maxsize=64)
def layer_alone(derivation: Derivation, sample: Sample) -> LayerAlone:
    """The layer's own derivatives on a sample, the same object each time."""
    return LayerAlone(derivation, sample)


@lru_cache(maxsize=64)
def run_backward(truth: Truth) -> Values:
    """Every value of the backward graph, computed from the inputs and what is given beside them."""
    backward, arithmetic = truth.derivation.backward, truth.oracle.arithmetic
    given = {
        q.name: truth.given(q.of) for q in backward.inputs if q.of is not None and q.name not in truth.sample.inputs
    }
    inputs = {**convert(truth.sample.inputs, arithmetic), **given}
    return run(backward.equations, inputs, truth.sample.extents, arithmetic)
