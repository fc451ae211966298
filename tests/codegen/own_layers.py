"""Layers for the tests of generated code, data for them, and their values by the interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from lines import parse_equations

from derive.arithmetic import FLOAT
from derive.codegen.numpy import compile_derivation, derivations_for_code
from derive.derivation import Derivation, Form
from derive.differentiate import vjp
from derive.graph import Equation, Graph
from derive.interpret import from_nested, run, to_nested
from derive.parser import parse_layer
from derive.pipeline import derive

LAYERS: dict[str, str] = {
    "batch_norm": """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
""",
    "transposed": """
x: [D, N]
gamma: [D]
mu[j]   = mean(x[j, i] for i in N)
y[i, j] = gamma[j]*(x[j, i] - mu[j])**3
""",
    "layer_norm": """
x: [B, F]
g: [F]
b: [F]
eps: constant = 1e-5
assert eps > 0
m[n]    = mean(x[n, f] for f in F)
v[n]    = mean((x[n, f] - m[n])**2 for f in F)
z[n, f] = (x[n, f] - m[n])/sqrt(v[n] + eps)
y[n, f] = g[f]*z[n, f] + b[f]
""",
    "image_norm": """
x: [B, C, H, W]
g: [C]
eps: constant = 1e-3
m[c] = mean(x[b, c, h, w] for b in B for h in H for w in W)
v[c] = mean((x[b, c, h, w] - m[c])**2 for b in B for h in H for w in W)
y[b, c, h, w] = g[c]*(x[b, c, h, w] - m[c])/sqrt(v[c] + eps)
""",
    "softmax": """
x: [N, D]
m[i]    = max(x[i, j] for j in D)
e[i, j] = exp(x[i, j] - m[i])
p[i, j] = e[i, j]/sum(e[i, k] for k in D)
""",
    "softmax_in_one_line": """
x: [N, D]
p[i, j] = exp(x[i, j] - max(x[i, l] for l in D))/sum(exp(x[i, k] - max(x[i, l] for l in D)) for k in D)
""",
    "linear": """
x: [N, D]
W: [O, D]
b: [O]
y[i, o] = sum(x[i, d]*W[o, d] for d in D) + b[o]
""",
    "attention": """
q: [B, H, Q, E]
k: [B, H, K, E]
v: [B, H, K, E]
s[b, h, i, j] = sum(q[b, h, i, e]*k[b, h, j, e] for e in E)/sqrt(E)
z[b, h, i]    = sum(exp(s[b, h, i, n]) for n in K)
a[b, h, i, j] = exp(s[b, h, i, j])/z[b, h, i]
o[b, h, i, e] = sum(a[b, h, i, j]*v[b, h, j, e] for j in K)
""",
    "heads_last": """
q: [B, Q, H, E]
k: [B, K, H, E]
s[b, h, i, j] = sum(q[b, i, h, e]*k[b, j, h, e] for e in E)
""",
    "regression": """
x: [N, D]
w: [D]
t: constant[N]
lam: constant = 0.1
r[i] = sum(x[i, j]*w[j] for j in D) - t[i]
L    = mean(r[i]**2 for i in N)/2 + lam*sum(w[j]**2 for j in D)
""",
    "contrastive": """
a: [N, D]
b: [N, D]
s[i, j] = sum(a[i, d]*b[j, d] for d in D)
L = mean(log(sum(exp(s[i, k]) for k in N)) - s[i, i] for i in N)
""",
    "max_pool": """
x: [N, C, T]
y[n, c] = max(x[n, c, t] for t in T)
""",
    "masked": """
x: [N, D]
mask: constant[N, D]
a: []
y[i, j] = where(mask[i, j] > 0, a*x[i, j], x[i, j]**2) + relu(x[i, j])*where(mask[i, j] > 0, 1, 0)
""",
    "gates": """
f: [N, D]
u: [N, D]
o: [N, D]
c0: [N, D]
c: output
c[n, d] = sigmoid(f[n, d])*c0[n, d] + tanh(u[n, d])
h[n, d] = sigmoid(o[n, d])*tanh(c[n, d])
""",
    "functions": """
x: [N]
y[i] = softplus(x[i]) + sin(x[i])*cos(x[i]) + abs(x[i]) + log1p(x[i]**2) + sign(x[i])*pi
""",
    "kinks": """
x: [N]
z[i] = minimum(x[i], 2)*maximum(x[i], -1/3) + exp(1)*x[i] + sqrt(N)*log(x[i]**2 + 1/3)
""",
    "gelu": """
x: [N]
y[i] = x[i]*(1 + erf(x[i]/sqrt(2)))/2
""",
    "product": """
x: [N, D]
c: [N, D, K]
y[i] = prod(x[i, j] for j in D)*prod(1 + c[i, j, k]/3 for j in D for k in K)
""",
    "outer": """
u: [N]
v: [M]
M_: [M, N]
y[i, j] = u[i]*v[j] + M_[j, i] + 1
z = sum(y[i, j]**2 for i in N for j in M)
""",
    "diagonal": """
x: [N, N]
y[i, j] = x[i, j]*(1 - delta(i, j)) + 2*delta(i, j)*x[j, i]
w[i]    = x[i, i]
""",
    "transposition": """
x: [N, D]
y[j, i] = x[i, j]
""",
    "all_but_one": """
x: [N]
b: [D, K]
p = prod(sin(x[j]) for j in N)
y[i, k] = tanh(b[i, k]*p)
""",
    "shifted": """
x: [N, D]
b: [D]
y[i, j] = x[i, j] + b[j]
""",
    "three_factors": """
x: [N, D]
a: [N, D]
c: [N, D]
s[j] = sum(x[i, j]*a[i, j]*c[i, j] for i in N)
y[i, j] = x[i, j]*s[j]
""",
    "identity": """
x: [N]
y[i] = x[i]
""",
    "bilinear": """
x: [N, D]
M: [D, D]
y[i] = sum(x[i, k]*M[k, l]*x[i, l] for k in D for l in D)
""",
    "distances": """
x: [N, D]
c: [K, D]
y[i, k] = sum((x[i, d] - c[k, d])**2 for d in D)
""",
    "numbers": """
a: []
b: []
c: constant = -2
y = a**3/3 + exp(a*b) + c*b
""",
    "broadcast": """
x: [N, D]
s = mean(x[i, j] for i in N for j in D)
c[j] = mean(x[i, j] for i in N)
""",
    "independent": """
x: [N]
w: [N]
y[i] = 3*x[i] + sign(w[i])
""",
    "sample_variance": """
x: [N, D]
assert N > 1
m[j] = mean(x[i, j] for i in N)
v[j] = sum((x[i, j] - m[j])**2 for i in N)/(N - 1)
""",
    "unicode": """
x: [N]
γ: []
l[i] = γ*x[i]**(3/2) + x[i]**(-3/2)/γ
""",
}
# With facts of every kind.
WEIGHTED = """
x: [N, C]
t: constant[N, C]
w: constant[N]
low: constant = 0
high: constant = 1
assert t[n, c] >= 0
assert sum(t[n, c] for c in C) == 1
assert w[n] != 0
assert low < high
assert low != 0.5
assert N > 1
assert C <= 4
L = sum(w[n]*t[n, c]*x[n, c]**2 for n in N for c in C)*(high - low)
"""

# As worked out by hand; what the simplifier finds is tested elsewhere.
CLOSED_BATCH_NORM = """
dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)
dbeta[j] = sum(dy[i, j] for i in N)
dx[i, j] = gamma[j]/(N*sqrt(var[j] + eps))*(N*dy[i, j] - dbeta[j] - xhat[i, j]*dgamma[j])
"""
EXTENTS = {"N": 3, "D": 4, "B": 2, "F": 5, "C": 3, "H": 2, "W": 3, "O": 2, "Q": 3, "E": 2, "K": 4, "T": 3, "M": 2}
POSITIVE = ("unicode",)


def graph_of(name: str) -> Graph:
    """The graph of one of the layers."""
    return parse_layer(LAYERS[name], name)


@cache
def derivation_of(name: str, form: Form = "staged") -> Derivation:
    """A derivation of one of the layers; `staged` is the plain reverse sweep."""
    graph = graph_of(name)
    return Derivation(graph, vjp(graph), "staged", (), ()) if form == "staged" else derive(graph, form)


@cache
def closed_batch_norm() -> Derivation:
    """The closed form of batch normalization in terms of dgamma and dbeta."""
    joint = vjp(graph := graph_of("batch_norm"))
    results = [line for line in parse_equations(CLOSED_BATCH_NORM, joint.by_name) if isinstance(line, Equation)]
    quantities = (*joint.inputs, *(joint.by_name[e.name] for e in (*graph.equations, *results)))
    backward = replace(joint, quantities=quantities, equations=(*graph.equations, *results))
    return Derivation(graph, backward, "reuse", (), ())


@cache
def module_of(name: str, form: Form = "staged") -> ModuleType:
    """The generated functions of one of the layers."""
    return compile_derivation(derivation_of(name, form))


@cache
def orders_of(name: str, form: Form = "reuse") -> tuple[Derivation, ...]:
    """The derivation of one of the layers, and that of its gradients."""
    return derivations_for_code(graph_of(name), form, order=2)


@cache
def double_module_of(name: str) -> ModuleType:
    """The generated functions of one of the layers, double_backward included."""
    return compile_derivation(*orders_of(name))


def draw(derivation: Derivation, extents: Mapping[str, int], seed: int = 0, dtype: Any = np.float64) -> dict[str, Any]:
    """Random values for the inputs of a derivation, cotangents included; constants keep their defaults."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, Any] = {}
    for quantity in derivation.backward.inputs:
        shape = tuple(extents[extent] for extent in quantity.extents)
        values = rng.normal(size=shape)
        if derivation.forward.name in POSITIVE:
            values = np.abs(values) + 0.5
        drawn[quantity.name] = np.asarray(values, dtype) if shape else dtype(values)
        if quantity.default is not None:
            drawn[quantity.name] = float(quantity.default)
    return drawn


def call(module: ModuleType, derivation: Derivation, values: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs and gradients of the generated functions, by name."""
    outputs, residuals = module.forward(*(values[q.name] for q in derivation.forward.inputs))
    given = tuple(values[f"d{name}"] for name in derivation.forward.outputs)
    gradients = module.backward(given if len(given) > 1 else given[0], residuals)
    names = derivation.backward.outputs
    results = dict(zip(names, gradients if len(names) > 1 else (gradients,), strict=True))
    several = outputs if len(given) > 1 else (outputs,)
    return results | dict(zip(derivation.forward.outputs, several, strict=True))


def truth(derivation: Derivation, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every quantity, by the interpreter's loops in float64."""
    extents: dict[str, int] = {}
    for quantity in derivation.backward.inputs:
        extents |= dict(zip(quantity.extents, np.shape(values[quantity.name]), strict=True))
    nested = {name: from_nested(np.asarray(value, np.float64).tolist()) for name, value in values.items()}
    computed = run(derivation.backward.equations, nested, extents, FLOAT)
    return {name: np.array(to_nested(array), np.float64) for name, array in computed.items()}
