"""Random graphs of 3 to 12 equations, 500 of them: what is derived and generated, against two truths, at two orders."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed, so nothing random is held against it: pip install -e '.[jax]'")

import jax
import jax.numpy as jnp
from array_values import values_of
from jax.scipy.special import erf
from jax_derivatives import both_orders
from lines import parse_equations
from random_graphs import Case, Values
from random_layers import random_graph
from rewriting import rewritten, with_other_indices, with_terms_in_another_order
from sympy import Expr

from derive.derivation import Form
from derive.draw import draw_sample
from derive.errors import LayerError
from derive.graph import index_symbol
from derive.indices import canonical_bound, substitute
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text

SEEDS = range(500)
FORMS: tuple[Form, ...] = ("staged", "mean", "sum", "reuse")
_BOUND = 1e-8


def case_of(seed: int) -> Case:
    """The first graph of a seed that has a derivative on some data: a maximum of what is always equal has none."""
    for attempt in count():
        graph = parse_layer(random_graph(seed, attempt), f"random {seed}.{attempt}")
        with suppress(LayerError):
            return Case(graph, draw_sample(graph, dict(zip(graph.extents, (2, 3, 1, 4), strict=False)), "ordinary"))
    raise AssertionError("unreachable: the attempts do not end")


def by_jax(case: Case) -> tuple[Values, Values, Values]:
    """The outputs, the gradients and the gradients of the gradients, by the names that the case has for them."""
    graph, first = case.graph, case.first

    def reference(**given: Any) -> Values:
        arrays = {name: jnp.asarray(value)[jnp.newaxis] for name, value in given.items()}
        values = values_of(graph.equations, arrays, case.sample.extents, jnp, erf)
        return {name: values[name][0] for name in graph.outputs}

    inputs = {name: value for name, value in case.inputs.items() if case.is_moving(name)}
    constants = {name: value for name, value in case.inputs.items() if name not in inputs}
    output_of = {name: str(first.by_name[name].of) for name in case.given}
    cotangents = {output_of[name]: value for name, value in case.given.items()}
    given = {str(first.by_name[name].of): value for name, value in case.given_again.items()}
    assert set(given) == set(inputs)
    outputs, gradients, of_cotangents, of_inputs = both_orders(reference, inputs, constants, cotangents, given)
    jax.clear_caches()  # what is compiled is of no use to another graph, and 500 of them are gigabytes
    again = {name: of_cotangents[output] for name, output in output_of.items()} | of_inputs
    return outputs, {f"d{name}": value for name, value in gradients.items()}, again


def assert_equal(found: Values, true: Values, what: str) -> None:
    assert set(found) <= set(true), what
    for name, value in found.items():
        error = np.max(np.abs(value - true[name]), initial=0) / (1 + np.max(np.abs(true[name]), initial=0))
        assert error <= _BOUND, f"{name} {what}: off by {error}"


@pytest.mark.parametrize("seed", SEEDS)
def test_all_that_is_derived_from_a_random_graph_is_true(seed: int) -> None:
    case = case_of(seed)
    outputs, gradients, again = by_jax(case)
    assert_equal(case.true_gradients(), gradients, "by the complex step, beside JAX")
    for form in FORMS:
        assert_equal(case.by_formulas(derive(case.graph, form)), gradients, f"in the form {form}")
    assert_equal(case.true_second_gradients(), again, "by the complex step, beside JAX, once more")
    second = derive(case.graph, FORMS[seed % 4], order=2)
    found = {case.result_of(second, name): value for name, value in case.by_formulas(second).items()}
    assert_equal(found, again, f"of order 2, in the form {second.form}")
    for values, true, what in zip(case.by_code(), (outputs, gradients, again), ("y", "dx", "d2x"), strict=True):
        assert_equal(values, true, f"by the function for {what}")


def forms_of(text: str) -> dict[str, Expr]:
    """The results of a layer, whatever their indices are called."""
    found = {}
    for line in derive(parse_layer(text, "random")).results:
        own = {index.symbol: index_symbol(f"free {place}") for place, index in enumerate(line.indices)}
        found[line.name] = canonical_bound(substitute(line.expression, own))
    return found


@pytest.mark.parametrize("seed", range(500, 540))
def test_the_order_of_terms_and_factors_does_not_matter(seed: int) -> None:
    text = random_graph(seed)
    changed = with_terms_in_another_order(text, seed)
    assert forms_of(changed) == forms_of(text), changed


@pytest.mark.parametrize("seed", range(540, 580))
def test_names_indices_and_the_order_of_equations_do_not_matter_to_the_gradients(seed: int) -> None:
    case = case_of(seed)
    changed, new = rewritten(with_other_indices(case.graph.source, seed), seed)
    form = FORMS[1 + seed % 3]
    expected = case.by_formulas(derive(case.graph, form))
    graph, sample = parse_layer(changed, "random"), case.sample
    again = replace(
        sample,
        graph=graph,
        extents={new[name]: size for name, size in sample.extents.items()},
        inputs={new[name]: array for name, array in sample.inputs.items()},
        cotangents={new[name]: array for name, array in sample.cotangents.items()},
    )
    other = Case(graph, again)
    found = other.by_formulas(derive(graph, form))
    assert_equal({name: found[f"d{new[name[1:]]}"] for name in expected}, expected, f"of\n{changed}")


@pytest.mark.parametrize("planted", ["-({})", "({}) + 1/1000", "({})*1001/1000"])
def test_a_planted_error_is_seen(planted: str) -> None:
    """In each of the results of a graph."""
    case = case_of(1)
    true = case.true_gradients()
    derivation = derive(case.graph)
    assert_equal(case.by_formulas(derivation), true, "as derived")
    for name in derivation.backward.outputs:
        right = equation_text(derivation.backward.equation_of[name]).partition(" = ")
        (line,) = parse_equations(f"{right[0]} = {planted.format(right[2])}", derivation.by_name)
        equations = tuple(line if e.name == name else e for e in derivation.backward.equations)
        wrong = replace(derivation, backward=replace(derivation.backward, equations=equations))
        with pytest.raises(AssertionError, match=f"^{name} "):
            assert_equal(case.by_formulas(wrong), true, "with an error")
