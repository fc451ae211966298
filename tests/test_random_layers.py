"""Layers that nobody chose: every form has the true gradients, however they are spelled, zeros in the data or not."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest
from lines import parse_equations
from random_layers import random_layer
from rewriting import rewritten
from samples import text_of
from sympy import Expr, Integer

from derive.arithmetic import FLOAT
from derive.derivation import Derivation, Form
from derive.discrepancy import worst_error
from derive.draw import Sample, draw_sample
from derive.errors import LayerError
from derive.graph import Equation, Graph
from derive.indices import REDUCTIONS
from derive.interpret import convert, run
from derive.oracles import CENTRAL_DIFFERENCES, COMPLEX_STEP, Truth
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text
from derive.verifier import added_up_from, line_error, run_backward

FORMS: tuple[Form, ...] = ("staged", "mean", "sum", "reuse")

# What once came out wrong, or not at all, or would if a rule asked for one thing less; as small as could be.
CORNERS = {
    "a mean of joined sums": """
x: [N]
t: []
a[i] = exp(t*x[i])
L = t**2*(mean(a[i]*x[i] for i in N) + mean(a[i]/(1 + a[i]) for i in N))
""",
    "a fact about an index that only the author's sum has": """
x: [N, K]
L = sum(sum(x[i, k]*x[j, k] for k in K)**2 for i in N for j in N)
""",
    "a quantity in a condition": """
x: [N]
y[i] = where(x[i] > 0, x[i]**2, 0) + where(x[i] < 1/2, x[i], 3*x[i])
""",
    "a root of a diagonal says nothing of the rest": """
x: [N, N]
assert x < 0
a[i] = sqrt(-x[i, i])
y[i, j] = sqrt(x[i, j]*x[j, i]) + a[j]
""",
    "a bound on a diagonal, too": """
x: [N, N]
u: [N]
s[i, j] = x[i, j]*(1 - delta(i, j)) + exp(u[i])*delta(i, j)
r[i] = sqrt(s[i, i])
v[i, j] = s[i, j]**2
y[i, j] = v[i, j]*sqrt(v[i, j]) + r[i]
""",
    "a name that looks like a total": """
x: [N]
c_total: [N]
c: output
c[i] = x[i]*c_total[i]
h[i] = tanh(c[i])
""",
    "a tie is one of the same numbers": """
x: [N]
b: []
y = 3*max(x[i]*(x[i] - 1/2) for i in N)/(b**2 + 1)
""",
    "a maximum of maxima": """
a: [D, N]
eps: constant = 1e-3
v[n] = max(a[b, n] for b in D)
w = max(v[b] for b in N)/(3 + eps)
""",
    "powers of a quotient that is squared": """
h: [K]
a: []
v = sum(h[l] for l in K)
w = (a - v/(v**2 + 1))**2
z = v**2*sum(h[b] for b in K)
""",
    "solving in a circle": """
x: [N, N, N]
v[m, k] = 1
w = sum(sin(x[a, b, c]*v[c, a]) for a in N for b in N for c in N)
y[p, i] = w + tanh(w) + v[p, i]
""",
    "a sum of a sum that took its index": """
h: [N]
g: [D]
b: []
p = sum(h[a]**2 for a in N) + sum(g[a] for a in D)
v[m] = g[m] - b**2
w[q] = h[q]*sum(v[a] for a in D)
""",
    "two sums inside one": """
x: [N, N]
w: [N, N]
a[i] = sum(x[i, j] for j in N)
b[i] = sum(w[i, k] for k in N)
t: []
L = t*sum(a[i]*b[i] for i in N)*sum(x[i, j]*w[j, i] for i in N for j in N)
""",
    "two gradients that are the same sum, each by the name of its index": """
x: [N, K]
a: [N]
b: [N]
u[p] = b[p]
y[i, k] = x[i, k] + a[i] + u[i]
""",
    "a sum that is known only up to an index of its value": """
x: [N]
w: [D]
u: [K]
assert w > 0
v[i] = w[i]*sum(x[k] for k in N)
y[j] = u[j]*sum(x[k] for k in N)**2
""",
    "a root in a branch says nothing of the other": """
x: [N]
c: constant[N]
assert x < 0
v[i] = x[i]**2
r[i] = where(c[i] > 7, sqrt(x[i]), x[i])
y[i] = v[i]*sqrt(v[i]) + r[i]
""",
    "a condition that is always true": """
h: [N]
y[j] = maximum(h[j] + 2, h[j]) - minimum(h[j] - 1, h[j])
""",
}


@cache
def derived(text: str, form: Form) -> Derivation:
    return derive(parse_layer(text, "random"), form)


def sample_of(graph: Graph) -> Sample | None:
    """Data of unlike extents; None for a layer that has no value on data drawn at random."""
    try:
        return draw_sample(graph, dict(zip(graph.extents, (2, 3, 1, 4), strict=False)), "ordinary")
    except LayerError:
        return None


def gradient_errors(derivation: Derivation, sample: Sample) -> dict[str, float]:
    """How far each result is from the truth, all of them computed from the inputs alone."""
    truth = Truth(derivation, sample, COMPLEX_STEP)
    computed = run_backward(truth)
    return {
        line.name: worst_error(
            truth.value(line.name),
            computed[line.name],
            COMPLEX_STEP.bound,
            partial(added_up_from, line, truth),
        )
        for line in derivation.results
    }


def assert_gradients_are_true(text: str, *forms: Form) -> None:
    sample = sample_of(parse_layer(text))
    if sample is None:
        pytest.skip("the layer has no value on these data")
    for form in forms:
        derivation = derived(text, form)
        wrong = {name: e for name, e in gradient_errors(derivation, sample).items() if not e <= COMPLEX_STEP.bound}
        shown = "\n".join(equation_text(line) for line in derivation.results)
        assert wrong == {}, f"form {form} of\n{text}\n{shown}"


def sums_in(derivation: Derivation) -> int:
    def count(node: Expr) -> int:
        return isinstance(node, REDUCTIONS) + sum(map(count, node.args))

    return sum(count(line.expression) for line in derivation.results)


@pytest.mark.parametrize("seed", range(36))
def test_every_form_has_the_true_gradients(seed: int) -> None:
    assert_gradients_are_true(random_layer(seed), "staged", "mean", ("sum", "reuse")[seed % 2])


@pytest.mark.parametrize("text", CORNERS.values(), ids=CORNERS)
def test_a_corner(text: str) -> None:
    assert sample_of(parse_layer(text)) is not None
    assert_gradients_are_true(text, *FORMS)


def test_a_planted_error_is_seen() -> None:
    """These tests can fail: a sign, a lost sum, a factor in one result of a random layer."""
    text = text_of("layer_norm")
    derivation = derived(text, "mean")
    sample = sample_of(derivation.forward)
    assert sample is not None
    for wrong in ("dx[i, j] = -({})", "dx[i, j] = ({})/D", "dx[i, j] = ({}) + mean(dy[i, k]*gamma[k] for k in D)"):
        right = equation_text(derivation.backward.equation_of["dx"]).partition(" = ")[2]
        (line,) = parse_equations(wrong.format(right), derivation.by_name)
        assert isinstance(line, Equation)
        equations = tuple(line if e.name == "dx" else e for e in derivation.backward.equations)
        planted = replace(derivation, backward=replace(derivation.backward, equations=equations))
        assert gradient_errors(planted, sample)["dx"] > 1e4 * COMPLEX_STEP.bound


@pytest.mark.parametrize("seed", range(100, 106))
def test_every_line_of_a_random_derivation_is_true(seed: int) -> None:
    derivation = derived(random_layer(seed), "reuse")
    sample = sample_of(derivation.forward)
    if sample is None:
        pytest.skip("the layer has no value on these data")
    truth = Truth(derivation, sample, CENTRAL_DIFFERENCES)
    for step in derivation.steps:
        for line in {step.equation, step.display} - {None}:
            assert line_error(line, truth) <= CENTRAL_DIFFERENCES.bound, (step.number, equation_text(line))


@pytest.mark.parametrize("seed", range(100, 106))
def test_the_steps_lead_to_the_results(seed: int) -> None:
    for form in ("mean", "reuse"):
        derivation = derived(random_layer(seed), form)
        steps = derivation.steps
        assert [step.number for step in steps] == list(range(1, len(steps) + 1))
        lines = [step.equation for step in steps if isinstance(step.equation, Equation)]
        last = {line.name: line for line in lines}
        assert [last[line.name] for line in derivation.results] == list(derivation.results)
        boxed = [step.equation.name for step in steps if step.boxed and isinstance(step.equation, Equation)]
        assert sorted(boxed) == sorted(derivation.backward.outputs)
        for line in lines:
            assert parse_equations(equation_text(line), derivation.by_name)[0].left == line.left


@pytest.mark.parametrize("seed", range(200, 206))
def test_other_names_and_another_order_give_the_same_gradients(seed: int) -> None:
    text = random_layer(seed)
    assert_gradients_are_true(rewritten(text, seed)[0], "mean")


@pytest.mark.parametrize(
    "name",
    [
        *("split", "one_line", "weights_inline", "layer_norm", "softmax"),
        *("log_of_p", "perceptron", "contrastive", "distances"),
    ],
)
def test_other_names_and_another_order_give_the_same_closed_form(name: str) -> None:
    """The same gradients, with as many sums; a layer's own names and lines decide nothing but how it reads."""
    changed, new = rewritten(text_of(name), 7)
    for form in ("mean", "reuse"):
        plain, other = derived(text_of(name), form), derived(changed, form)
        assert sums_in(plain) == sums_in(other), f"{changed}\n" + "\n".join(map(equation_text, other.results))
        assert sorted(f"d{new[name[1:]]}" for name in plain.backward.outputs) == sorted(other.backward.outputs)
    assert_gradients_are_true(changed, "mean")


def with_zeros(sample: Sample) -> Iterator[Sample]:
    """The sample with every third element set to zero where no fact forbids it, from each of the first three on."""
    bounded = {str(fact.left.atoms()) for fact in sample.graph.facts if fact.relation != ">="}
    for start in range(3):
        inputs = {
            name: {p: Integer(0) if array and k % 3 == start else v for k, (p, v) in enumerate(array.items())}
            if sample.graph.by_name[name].indices and not any(name in text for text in bounded)
            else array
            for name, array in sample.inputs.items()
        }
        yield replace(sample, inputs=inputs)


def float_gradients(derivation: Derivation, sample: Sample) -> Mapping[str, Mapping[tuple[int, ...], float]]:
    given = {q.name: sample.cotangents[q.of or ""] for q in derivation.backward.inputs if q.name not in sample.inputs}
    values = run(derivation.backward.equations, convert({**sample.inputs, **given}, FLOAT), sample.extents, FLOAT)
    return {name: values[name] for name in derivation.backward.outputs}


@pytest.mark.parametrize("seed", range(300, 315))
def test_where_the_chain_rule_has_a_value_the_closed_form_has_the_same(seed: int) -> None:
    """With zeros in the data: nothing was divided by what may vanish, and no root taken of what may be negative."""
    text = random_layer(seed)
    sample = sample_of(parse_layer(text))
    if sample is None:
        pytest.skip("the layer has no value on these data")
    for data in with_zeros(sample):
        expected, found = (float_gradients(derived(text, form), data) for form in ("staged", "mean"))
        for name, array in expected.items():
            if not all(map(math.isfinite, array.values())):
                continue
            scale = max(1.0, *map(abs, array.values()))
            wrong = {p: (v, found[name][p]) for p, v in array.items() if not abs(found[name][p] - v) <= 1e-7 * scale}
            assert wrong == {}, f"{name} of\n{text}"


ALL_LINES = """
from random_layers import random_layer
from samples import text_of
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text, expression_text
for text in [*map(random_layer, (1, 2, 3)), *map(text_of, ("one_line", "attention"))]:
    for step in derive(parse_layer(text), "reuse").steps:
        said = "".join(part if isinstance(part, str) else expression_text(part) for part in step.reason)
        print(step.rule, said, *(equation_text(line) for line in (step.equation, step.display) if line is not None))
"""


def test_the_derivation_does_not_depend_on_the_hash_seed() -> None:
    here = Path(__file__).parent
    printed = set()
    for seed in ("0", "1", "2"):
        paths = os.pathsep.join([str(here), str(here.parent)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        done = subprocess.run(
            [sys.executable, "-c", ALL_LINES], env=environment, capture_output=True, text=True, check=True, cwd=here
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) > 100
