"""Every layer that ships, whichever they are: each form is derived, printed in each medium, and computed."""

import json
from functools import cache

import numpy as np
import pytest

from derive.arithmetic import FLOAT
from derive.codegen.numpy import compile_derivation
from derive.derivation import Derivation, Form
from derive.draw import Sample, choose_extents, draw_sample
from derive.generated import to_numpy
from derive.interpret import convert, run
from derive.layers import layer_names, read_layer
from derive.options import FORMS, NOTATIONS
from derive.pipeline import derive
from derive.printing.data import derivation_data
from derive.printing.grammar import equation_text
from derive.printing.latex import latex_document, latex_fragment
from derive.printing.markdown import markdown_text
from derive.printing.text import columns, show_text

every_layer = pytest.mark.parametrize("name", layer_names())
every_form = pytest.mark.parametrize("form", FORMS)

# Rounding in 64 bits is 1e-16; the sums have a few dozen terms.
_BOUND = 1e-12


@cache
def derived(name: str, form: Form) -> Derivation:
    return derive(name, form)


def interpreted(derivation: Derivation, sample: Sample) -> dict[str, np.ndarray | float]:
    """The outputs and gradients by explicit loops over the chain rule, in which nothing is collapsed."""
    graph, extents = derivation.forward, sample.extents
    values = run(graph.equations, convert(sample.inputs, FLOAT), extents, FLOAT)
    values |= convert({f"d{name}": sample.cotangents[name] for name in graph.outputs}, FLOAT)
    values |= run(derivation.backward.equations, values, extents, FLOAT)
    names = [*graph.outputs, *derivation.backward.outputs]
    return {name: to_numpy(values[name], derivation.by_name[name], extents) for name in names}


def computed(derivation: Derivation, sample: Sample) -> dict[str, np.ndarray | float]:
    """The same by the generated functions."""
    graph, module = derivation.forward, compile_derivation(derivation)
    inputs = {q.name: to_numpy(sample.inputs[q.name], q, sample.extents) for q in graph.inputs}
    given = [to_numpy(sample.cotangents[name], graph.by_name[name], sample.extents) for name in graph.outputs]
    values, residuals = module.forward(**inputs)
    gradients = module.backward(given[0] if len(given) == 1 else tuple(given), residuals)
    names = [f"d{name}" for name in graph.differentiable]
    return {
        **dict(zip(graph.outputs, (values,) if len(graph.outputs) == 1 else values, strict=True)),
        **dict(zip(names, (gradients,) if len(names) == 1 else gradients, strict=True)),
    }


@every_layer
def test_it_says_where_it_is_from(name: str) -> None:
    """A summary of one line for `derive list`, then the source: a year, or that there is no single one."""
    summary, _, source = derived(name, "mean").forward.description.partition("\n")
    assert summary.endswith(".")
    assert len(summary) <= 90
    assert "No single source" in source or any(f"({year})" in source for year in range(1950, 2027))
    assert max(map(len, read_layer(name).text.splitlines())) <= 120


@every_layer
@every_form
def test_it_is_derived_and_each_gradient_is_a_result(name: str, form: Form) -> None:
    derivation = derived(name, form)
    graph = derivation.forward
    assert set(derivation.backward.outputs) == {f"d{name}" for name in graph.differentiable}
    assert {line.name for line in derivation.results} >= set(derivation.backward.outputs)
    assert [step.number for step in derivation.steps] == list(range(1, len(derivation.steps) + 1))


@every_layer
@every_form
def test_it_prints_in_every_medium(name: str, form: Form) -> None:
    derivation = derived(name, form)
    boxes = len(derivation.backward.outputs)
    for notation in NOTATIONS:
        assert latex_fragment(derivation, notation).count(r"\boxed") == boxes
        assert markdown_text(derivation, notation).count(r"\boxed") == boxes
        for unicode in (True, False):
            text = show_text(derivation, notation, width=80, unicode=unicode)
            assert max(map(columns, text.splitlines())) <= 80
    assert latex_document(derivation, detail="full").startswith(r"\documentclass")
    data = json.loads(json.dumps(derivation_data(derivation)))
    assert set(data["results"].values()) == {equation_text(line) for line in derivation.results}


@every_layer
@pytest.mark.parametrize("order", [1, 2])
def test_in_two_dimensions_it_keeps_to_the_width(name: str, order: int) -> None:
    derivation = derive(name, order=order)
    for notation in NOTATIONS:
        for width in (40, 80, 120):
            text = show_text(derivation, notation, "full", width, flat=False)
            assert max(map(columns, text.splitlines())) <= width


@every_layer
@every_form
def test_its_functions_compute_what_the_chain_rule_says(name: str, form: Form) -> None:
    derivation, staged = derived(name, form), derived(name, "staged")
    for extents in choose_extents(derivation.forward)[:2]:
        sample = draw_sample(derivation.forward, extents, "ordinary", "shipped")
        found, truth = computed(derivation, sample), interpreted(staged, sample)
        for key, value in truth.items():
            if key in found:
                assert np.shape(found[key]) == np.shape(value)
                error = np.max(np.abs(found[key] - value)) / max(1.0, np.max(np.abs(value)))
                assert error < _BOUND, f"{key}: {error}"
        assert found.keys() <= truth.keys()


@every_layer
def test_its_functions_keep_the_precision_that_comes(name: str) -> None:
    derivation = derived(name, "reuse")
    graph, module = derivation.forward, compile_derivation(derivation)
    extents = choose_extents(graph)[0]
    sample = draw_sample(graph, extents, "ordinary", "shipped")
    inputs = {q.name: np.asarray(to_numpy(sample.inputs[q.name], q, extents), np.float32) for q in graph.inputs}
    values, residuals = module.forward(**inputs)
    gradients = module.backward(values, residuals)
    for value in (values, gradients):
        assert {np.asarray(v).dtype for v in (value if isinstance(value, tuple) else (value,))} == {np.dtype("float32")}
