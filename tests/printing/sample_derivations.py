"""Derivations of a few layers, put together from the reverse sweep, for the tests of the printers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sympy import Integer, Sum

from derive.derivation import Derivation, Step
from derive.differentiate import Path, joint_graph, sweep
from derive.graph import Equation, Fact, Graph, Quantity
from derive.parser import parse_layer

BATCH_NORM = '''"""Batch normalization, training mode.

Ioffe & Szegedy (2015), 100% of the_paper: {arXiv} #1 ~ x^2 \\\\ <b>.
"""
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0

mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
'''

ATTENTION = '''"""Attention with a weighted loss, names of several letters and an L of its own."""
query: [Rows, K]
key: [Cols, K]
W_v: [Cols, V]
x1: [Rows, V]
τ: constant = 0.5
assert τ > 0

s[row, col] = sum(query[row, k]*key[col, k] for k in K)/(τ*sqrt(K))
m[row] = max(s[row, col] for col in Cols)
p[row, col] = exp(s[row, col] - m[row])/sum(exp(s[row, c] - m[row]) for c in Cols)
L[row, v] = sum(p[row, col]*W_v[col, v] for col in Cols) + x1[row, v]
'''

GELU = '''"""The tanh approximation of GELU, and a hinge — naïve é ü σ 名."""
x: [N]
t: constant[N]
жar: []
w: r"\\omega^{(1)}"

u[i] = 0.5*x[i]*(1 + tanh(sqrt(2/pi)*(x[i] + 0.044715*x[i]**3)))*жar
w[i] = where(t[i] > 0, u[i] - t[i], 0) + abs(u[i])**3 + log1p(exp(-u[i])) + relu(sigmoid(x[i]) - delta(i, i))
'''

LONG = '''"""A sum of many terms, which no line can hold."""
alpha_one: [N, D]
alpha_two: [N, D]
alpha_three: [D]
eps: constant = 1e-3
first[j] = mean((alpha_one[i, j] - alpha_two[i, j])**2 for i in N)
second[i, j] = (alpha_one[i, j]*alpha_two[i, j] + alpha_three[j]*first[j] - alpha_two[i, j]**2*(alpha_one[i, j] + alpha_three[j] - 3*alpha_two[i, j] + 2*first[j]*alpha_three[j] + alpha_one[i, j]**3 + 5) + alpha_three[j]**3*alpha_one[i, j])/sqrt(first[j] + eps)
third[i, j] = alpha_one[i, j] + alpha_two[i, j]*second[i, j] + alpha_three[j]*sum(second[k, j]*(alpha_one[k, j] + alpha_two[k, j] + alpha_three[j] + first[j] + alpha_one[i, j] - alpha_two[i, j] - second[i, j]) for k in N) - exp(alpha_two[i, j])*second[i, j] - tanh(alpha_one[i, j])*alpha_three[j]
'''  # noqa: E501

LAYERS = {"batch_norm": BATCH_NORM, "attention": ATTENTION, "gelu": GELU, "long": LONG}


@cache
def staged(name: str) -> Derivation:
    """The chain rule of a layer with steps of every kind."""
    graph = parse_layer(LAYERS[name], name)
    found = sweep(graph)
    backward = joint_graph(found)
    extra = [q for c in found.cotangents for path in c.paths for q in (path.quantity, path.local)]
    steps = [
        Step(number, rule, reason, equation, display, detail, boxed, label)
        for number, (rule, reason, equation, display, detail, boxed, label) in enumerate(_lines(graph, found), 1)
    ]
    return Derivation(graph, backward, "staged", tuple(steps), tuple(extra))


def _lines(graph: Graph, found) -> Iterator[tuple]:
    for equation in graph.equations:
        yield "forward", ("The layer computes ", equation.left, "."), equation, None, "brief", False, None
    for number, cotangent in enumerate(found.cotangents):
        element = graph.by_name[cotangent.of].element
        reason = ("From ", element, f" there are {len(cotangent.paths)} paths to L.")
        yield "paths", reason, None, None, "full", False, None
        total = cotangent.equation
        parts = [path.quantity.element for path in cotangent.paths]
        given = [cotangent.given.element] if cotangent.given else []
        abstract = Equation(total.name, total.indices, sum([*given, *parts], Integer(0)))
        yield "chain-rule", ("The chain rule adds them up.",), total, abstract, "steps", False, None
        for path in cotangent.paths:
            reason = ("Differentiate ", path.local.numerator, ".")
            yield "local-derivative", reason, path.local_equation, None, "steps", False, None
            yield from _contribution(path)
        label = f"A_{number}"
        yield "collect", ("Collect 100% of it & more.",), total, None, "brief", cotangent.of in found.wrt, label
    if "mu" in graph.by_name:
        x, mu = (graph.by_name[n] for n in ("x", "mu"))
        i = x.indices[0]
        fact = Fact(Sum(x.element - mu.element, i.limits), "==", Integer(0), mu.indices)
        yield "centered", ("The mean makes ", fact.left, " zero."), fact, None, "steps", False, None


def _contribution(path: Path) -> Iterator[tuple]:
    reason = ("Through ", path.quantity.element, ".")
    yield "contribution", reason, path.contribution, path.abstract, "steps", False, None
    yield "substitute", ("Put the local derivative in.",), path.contribution, None, "full", False, None


def quantities(name: str) -> dict[str, Quantity]:
    """What the printers know about the names of a sample."""
    return staged(name).by_name
