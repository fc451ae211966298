"""How exact the functions of a layer are: their errors against a reference in more digits, on easy and on hard data.

    Input    a Graph, targets, dtypes
    Output   an Accuracy: for each dtype and case the errors of each candidate, in units of u

u is the error of rounding a number near 1 at most: 2⁻²⁴ for float32, 2⁻⁵³ for float64, 2⁻¹¹ for float16, 2⁻⁸ for
bfloat16. An error is divided by u and by the largest reference value of its column: of what shares one mean and one
variance. The worst counts. The reference has its own error, which is measured likewise and is in the table.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from derive.bench.calls import agreeing, returned
from derive.bench.cases import SETTINGS, Case, Setting, draw_cases, extents_for
from derive.bench.data import Values
from derive.bench.functions import Functions, baselines, chain_rule, generated, variants
from derive.bench.libraries import dtype_named
from derive.bench.reference import can_be_precise, reference_values
from derive.codegen.numpy import derivations_for_code
from derive.codegen.targets import is_bound_by_memory
from derive.derivation import Derivation
from derive.errors import UsageError
from derive.graph import Graph, Quantity
from derive.indices import REDUCTIONS
from derive.workshop import CODE_FORM

U = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
REFERENCE = "reference"
# Where the reference itself is off by more, there is no measurement: it says nothing of the others. So it is with a
# gradient that is zero whatever the data are, such as that of a bias before a normalization.
_TRUSTED = 0.1
_LARGEST = {"float16": 65504.0, "bfloat16": 3.3e38, "float32": 3.4e38, "float64": 1.7e308}


class Errors(TypedDict):
    """One case. `errors` has, for each candidate, the error of each result in u; None where it cannot compute it.

    None stands also for a result that there is no reference for.
    """

    dtype: str
    case: str
    shape: dict[str, int]
    errors: dict[str, list[float | None] | None]


class Accuracy(TypedDict):
    """The errors of a layer: `results` names them in order, `candidates` who is in the table."""

    results: list[str]
    candidates: list[str]
    cases: list[Errors]
    notes: list[str]


def measure_accuracy(
    graph: Graph,
    targets: Sequence[str],
    dtypes: Sequence[str],
    progress: Callable[[str], None] = lambda text: None,
    settings: Sequence[Setting] | None = None,
) -> Accuracy:
    """Measure a layer; on all `SETTINGS`, if not on others."""
    coded, staged = (derivations_for_code(graph, form)[0] for form in (CODE_FORM, "staged"))
    results = [*graph.outputs, *(f"d{name}" for name in graph.differentiable)]
    with tempfile.TemporaryDirectory() as folder:
        candidates, notes = _candidates(graph, coded, staged, targets, Path(folder))
        cases: list[Errors] = []
        for name in dtypes:
            try:
                dtype = dtype_named(name)
            except UsageError as missing:
                notes.append(str(missing))
                continue
            for case in draw_cases(graph, dtype, is_bound_by_memory(coded), settings or SETTINGS):
                progress(f"{name} {case.setting.title}")
                cases += _measured(graph, (coded, staged), candidates, case, dtype)
    names = [REFERENCE, *dict.fromkeys(candidate.name for candidate in candidates)]
    return {"results": results, "candidates": names, "cases": cases, "notes": list(dict.fromkeys(notes))}


def _candidates(
    graph: Graph, coded: Derivation, staged: Derivation, targets: Sequence[str], folder: Path
) -> tuple[list[Functions], list[str]]:
    made, notes = generated(coded, targets, folder)
    there, missing = baselines(graph)
    once = {functions.name: functions for functions in reversed(there)}  # of several ways the first
    chain = chain_rule(staged)
    found, dropped = agreeing(graph, extents_for(graph, 16), chain, [*made, *reversed(once.values())])
    variants_ = [v for functions in found for v in variants(functions) if not v.fills]  # where it writes is no matter
    return [*variants_, chain], [*notes, *missing, *dropped]


def _measured(
    graph: Graph, forms: Sequence[Derivation], candidates: Sequence[Functions], case: Case, dtype: np.dtype
) -> list[Errors]:
    """The errors on one case; nothing where the dtype cannot hold the truth, or the reference cannot be trusted."""
    precise = dtype.name == "float64" and can_be_precise(forms[0], case.extents)
    given = case.values | cotangents_by_name(forms[0], case.cotangents)
    coded, staged = forms
    truth = results_of(staged, reference_values(staged, given, case.extents, precise))
    # Where a fact fixes a sum, the closed form takes it as exact; rounded data break it a little.
    second = staged if any(fact.relation == "==" for fact in graph.facts) else coded
    other = results_of(second, reference_values(second, given, case.extents, precise, backwards=True))
    largest = _LARGEST[dtype.name]
    if not all(np.all(np.abs(np.asarray(value, np.float64)) <= largest) for value in truth.values()):
        return []
    names = [*graph.outputs, *graph.differentiable]
    axes = {name: column_axes(graph, graph.by_name[name]) for name in names}
    u = U[dtype.name]

    def error(values: Values, name: str) -> float:
        return error_in_u(values[name], truth[name], axes[name], u)

    trusted = [name for name in names if error(other, name) <= _TRUSTED]
    if not trusted:
        return []

    def errors(values: Values) -> list[float | None]:
        return [error(values, name) if name in trusted else None for name in names]

    found: dict[str, list[float | None] | None] = {REFERENCE: errors(other)}
    for candidate in candidates:
        try:
            found[candidate.name] = errors(returned(candidate, graph, case.extents, case.values, case.cotangents))
        except Exception:  # it cannot: a dtype that it does not take, data that it refuses
            found[candidate.name] = None
    return [{"dtype": dtype.name, "case": case.setting.title, "shape": dict(case.extents), "errors": found}]


def cotangents_by_name(derivation: Derivation, cotangents: Values) -> Values:
    """The given cotangents by their own names: dy, not y."""
    given = {q.name: q.of for q in derivation.backward.inputs if q.name not in derivation.forward.by_name}
    return {name: cotangents[of or ""] for name, of in given.items()}


def results_of(derivation: Derivation, values: Values) -> Values:
    """Outputs and gradients, by the names of outputs and inputs."""
    gradients = {derivation.by_name[name].of or "": values[name] for name in derivation.backward.outputs}
    return {name: values[name] for name in derivation.forward.outputs} | gradients


def column_axes(graph: Graph, quantity: Quantity) -> tuple[int, ...]:
    """The axes of a result along which one column lies: those that no statistic of the layer has.

    A statistic is what an equation with a reduction defines. Where statistics have an axis, each place along it stands
    for itself; along the others the largest value is what an error is compared with.
    """
    statistics = {
        index.extent for e in graph.equations if e.expression.atoms(*REDUCTIONS) for index in e.indices
    }
    return tuple(axis for axis, extent in enumerate(quantity.extents) if extent not in statistics)


def error_in_u(values: np.ndarray, truth: np.ndarray, axes: tuple[int, ...], u: float) -> float:
    """The worst error, in u times the largest true value of its column; NaN where a value is one.

    An error where the truth is zero all along the column is infinite.
    """
    if truth.dtype == object and values.dtype != object:
        values = np.asarray(values, np.float64).astype(object)  # exact, and what mpmath's numbers take
    difference = np.asarray(np.abs(values - truth), np.float64)
    scale = np.max(np.asarray(np.abs(truth), np.float64), axis=axes, keepdims=True, initial=0.0)
    with np.errstate(all="ignore"):
        found = np.where(difference == 0, 0.0, difference / (u * scale))
    worst = float(np.max(found, initial=0.0))
    return worst if not math.isnan(worst) else math.nan

