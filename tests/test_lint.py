"""The forward lint: each rule in many writings, what must not be warned of, and mutants of good layers."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from codegen import own_layers
from random_layers import random_layer
from rewriting import rewritten
from samples import LAYERS
from time_limits import within

from derive.derivation import Derivation
from derive.differentiate import vjp
from derive.layers import layer_names, read_layer
from derive.lint import LintWarning, lint, lint_lines, lint_text
from derive.parser import parse_layer
from derive.pipeline import load
from derive.workshop import verify_layer

STATISTICS = """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j] = mean(x[i, j] for i in N)
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
"""
ROWS = """
x: [N, D]
W: [D, K]
g: [D]
eps: constant = 1e-5
m[i] = mean(x[i, j] for j in D)
v[i] = mean((x[i, j] - m[i])**2 for j in D)
"""
ONE = """
x: [N]
y: [N]
mx = mean(x[i] for i in N)
my = mean(y[i] for i in N)
v = mean((x[i] - mx)**2 for i in N) + 1e-5
"""


def found(text: str) -> list[tuple[str, str]]:
    """The rules that warn, each with the line that it warns of."""
    return [(warning.rule, warning.text) for warning in lint(parse_layer(text))]


# The last line is the one that is wrong, unless another one ends in "#!".
OVER_VARIANCE = {
    "plainly": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(var[j] + eps)",
    "without a constant, with gamma and beta": STATISTICS + "y[i, j] = gamma[j]*(x[i, j] - mu[j])/var[j] + beta[j]",
    "to the power -1": STATISTICS + "y[i, j] = (x[i, j] - mu[j])*(var[j] + eps)**-1",
    "the other way round": STATISTICS + "y[i, j] = (mu[j] - x[i, j])/(var[j] + eps)",
    "inside a function": STATISTICS + "y[i, j] = tanh(2*(x[i, j] - mu[j])/(var[j] + eps))",
    "distributed": STATISTICS + "y[i, j] = x[i, j]/(var[j] + eps) - mu[j]/(var[j] + eps)",
    "as scale and shift": STATISTICS
    + """
s[j] = gamma[j]/(var[j] + eps)
b[j] = beta[j] - mu[j]*s[j]
y[i, j] = x[i, j]*s[j] + b[j]""",
    "squared": STATISTICS + "y[i, j] = ((x[i, j] - mu[j])/(var[j] + eps))**2",
    "the root with a constant, squared": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(sqrt(var[j] + eps) + eps)**2",
    "a deviation that is a variance": STATISTICS
    + """
std[j] = var[j] + eps
y[i, j] = (x[i, j] - mu[j])/std[j]""",
    "the deviation twice": STATISTICS
    + """
xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)
y[i, j] = gamma[j]*xhat[i, j]/sqrt(var[j] + eps)""",
    "clamped": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/maximum(var[j], eps)",
    "odd names, all by name": """
a: [F, B]
var: [F]
e: constant = 1e-5
q7[f] = sum(a[f, b] for b in B)/B
c[f, b] = a[f, b] - q7[f]
sq[f, b] = c[f, b]*c[f, b]
r[f] = sum(sq[f, b] for b in B)/(B - 1)
inv[f] = 1/sqrt(r[f] + e)
k[f] = inv[f]**2
z[f, b] = var[f]*c[f, b]*k[f] #!
out1[f, b] = z[f, b] + 1""",
    "masked": """
x: [N, D]
w: constant[N]
n = sum(w[i] for i in N)
m[j] = sum(w[i]*x[i, j] for i in N)/n
v[j] = sum(w[i]*(x[i, j] - m[j])**2 for i in N)/n
y[i, j] = w[i]*(x[i, j] - m[j])/(v[j] + 1e-5)""",
    "masked, with guards": """
x: [N, D]
w: constant[N, D]
m[j] = sum(w[i, j]*x[i, j] for i in N)/(sum(w[i, j] for i in N) + 1e-8)
v[j] = sum(w[i, j]*(x[i, j] - m[j])**2 for i in N)/maximum(sum(w[i, j] for i in N), 1)
y[i, j] = (x[i, j] - m[j])/(v[j] + 1e-5)""",
    "masked before it is squared": """
x: [N, D]
w: constant[N]
n = sum(w[i] for i in N)
m[j] = sum(w[i]*x[i, j] for i in N)/n
c[i, j] = w[i]*(x[i, j] - m[j])
v[j] = sum(c[i, j]**2 for i in N)/n
y[i, j] = c[i, j]/(v[j] + 1e-5)""",
    "in one line": """
x: [N, D]
y[i, j] = (x[i, j] - mean(x[k, j] for k in N))/mean((x[k, j] - mean(x[l, j] for l in N))**2 for k in N)""",
    "a mean of means": """
x: [N, C, H, W]
mu[c] = mean(mean(x[n, c, h, w] for h in H for w in W) for n in N)
q[n, c] = mean((x[n, c, h, w] - mu[c])**2 for h in H for w in W)
v[c] = mean(q[n, c] for n in N)
y[n, c, h, w] = (x[n, c, h, w] - mu[c])/(v[c] + 1e-5)""",
    "of something with terms": """
a: [N, D]
b: [N, D]
u[i, j] = a[i, j] + tanh(b[i, j])
m[j] = mean(u[i, j] for i in N)
v[j] = mean((a[i, j] + tanh(b[i, j]) - m[j])**2 for i in N)
y[i, j] = (u[i, j] - m[j])/v[j]""",
    "before a linear layer": ROWS + "y[i, k] = sum(W[j, k]*(x[i, j] - m[i])/(v[i] + eps) for j in D)",
    "used by a linear layer": ROWS
    + """
h[i, j] = (x[i, j] - m[i])/(v[i] + eps) #!
y[i, k] = sum(W[j, k]*h[i, j] for j in D)""",
}
MULTIPLIED = {
    "plainly": STATISTICS + "y[i, j] = (x[i, j] - mu[j])*sqrt(var[j] + eps)",
    "to the power 1/2": STATISTICS + "y[i, j] = gamma[j]*(x[i, j] - mu[j])*(var[j] + eps)**(1/2) + beta[j]",
    "by the variance": STATISTICS + "y[i, j] = (x[i, j] - mu[j])*(var[j] + eps)",
    "divided by the inverse": STATISTICS
    + """
inv[j] = (var[j] + eps)**(-1/2)
y[i, j] = (x[i, j] - mu[j])/inv[j]""",
    "by what is called an inverse": STATISTICS
    + """
inv[j] = sqrt(var[j] + eps)
xc[i, j] = x[i, j] - mu[j]
y[i, j] = gamma[j]*xc[i, j]*inv[j]""",
    "distributed": STATISTICS
    + """
std[j] = sqrt(var[j] + eps)
y[i, j] = x[i, j]*std[j] - mu[j]*std[j]""",
    "squared": STATISTICS + "y[i, j] = ((x[i, j] - mu[j])*sqrt(var[j] + eps))**2",
    "rows": ROWS
    + """
s[i] = sqrt(v[i]) + eps
z[i, j] = g[j]*(x[i, j] - m[i])*s[i]""",
    "masked": """
q: [D, N]
w: constant[N]
t = sum(w[i] for i in N)
r[j] = sum(w[i]*q[j, i]/t for i in N)
u[j] = sum(w[i]*(q[j, i] - r[j])**2 for i in N)/t
y[i, j] = (q[j, i] - r[j])*sqrt(u[j] + 1e-5)""",
}
CANCELLATION = {
    "plainly": "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\nv[j] = mean(x[i, j]**2 for i in N) - m[j]**2",
    "swapped, negative": "x: [D, N]\nm[j] = mean(x[j, i] for i in N)\nv[j] = m[j]*m[j] - mean(x[j, i]**2 for i in N)",
    "all by name": """
x: [N, D]
s1[j] = sum(x[i, j] for i in N)
s2[j] = sum(x[i, j]*x[i, j] for i in N)
e2[j] = s2[j]/N
m[j] = s1[j]/N
mm[j] = m[j]*m[j]
v[j] = e2[j] - mm[j]""",
    "sums": """
x: [N, D]
s[j] = sum(x[i, j] for i in N)
v[j] = (sum(x[i, j]**2 for i in N) - s[j]**2/N)/(N - 1)""",
    "with N for the mean": """
x: [N, D]
m[j] = mean(x[i, j] for i in N)
v[j] = (sum(x[i, j]**2 for i in N) - N*m[j]**2)/(N - 1)""",
    "corrected": """
x: [N, D]
m[j] = mean(x[i, j] for i in N)
v[j] = N/(N - 1)*(mean(x[i, j]**2 for i in N) - m[j]**2)""",
    "corrected, distributed": """
x: [N, D]
m[j] = mean(x[i, j] for i in N)
v[j] = sum(x[i, j]**2 for i in N)/(N - 1) - N/(N - 1)*m[j]**2""",
    "weighted, with a constant": """
x: [N, D]
w: constant[N]
n = sum(w[i] for i in N)
m[j] = sum(w[i]*x[i, j] for i in N)/n
v[j] = sum(w[i]*x[i, j]**2 for i in N)/n - m[j]**2 + 1e-5""",
    "under a root, in one line": """
x: [N, D]
y[i, j] = x[i, j]/sqrt(mean(x[k, j]**2 for k in N) - mean(x[k, j] for k in N)**2 + 1e-5)""",
    "three terms": """
x: [N, D]
m[j] = mean(x[i, j] for i in N)
v[j] = mean(x[i, j]**2 for i in N) - 2*m[j]*mean(x[i, j] for i in N) + m[j]**2""",
    "means of means": """
x: [N, H, W]
r[n] = mean(x[n, h, w] for h in H for w in W)
m = mean(r[n] for n in N)
q = mean(mean(x[n, h, w]**2 for h in H for w in W) for n in N)
v = q - m**2""",
    "of a function": """
x: [N, D]
v[i] = mean(relu(x[i, j])**2 for j in D) - mean(relu(x[i, k]) for k in D)**2""",
    "spread over equations": """
x: [N, D]
a[j] = mean(x[i, j]**2 for i in N) + 1e-5
m[j] = mean(x[i, j] for i in N)
v[j] = a[j] - m[j]**2""",
}
EPS_OUTSIDE = {
    "plainly": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(sqrt(var[j]) + eps)",
    "a number, in front": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(1e-5 + var[j]**(1/2))",
    "a length": "x: [N, D]\ny[i, j] = x[i, j]/(sqrt(sum(x[i, k]**2 for k in D)) + 1e-8)",
    "all by name": """
x: [N, D]
e: constant = 1e-5
t[i] = sum(x[i, j]*x[i, j] for j in D)
n[i] = sqrt(t[i])
d[i] = n[i] + e #!
y[i, j] = x[i, j]/d[i]""",
    "an inverse": """
x: [N, D]
inv[i] = 1/(1e-8 + mean(x[i, k]**2 for k in D)**(1/2)) #!
y[i, j] = x[i, j]*inv[i]""",
    "unbiased, by a power": """
x: [N, D]
m[j] = mean(x[i, j] for i in N)
std[j] = sqrt(sum((x[i, j] - m[j])**2 for i in N)/(N - 1))
y[i, j] = (x[i, j] - m[j])*(std[j] + 1e-5)**(-1)""",
    "weighted": """
x: [D, N]
w: constant[N]
r[j] = sqrt(sum(w[i]*x[j, i]**2 for i in N)/sum(w[i] for i in N))
y[j, i] = x[j, i]/(r[j] + 1/1000)""",
    "two lengths": """
u: [N]
v: [N]
c = sum(u[i]*v[i] for i in N)/((sqrt(sum(u[i]**2 for i in N)) + 1e-8)*sqrt(sum(v[i]**2 for i in N) + 1e-8))""",
}
EXP_OVERFLOW = {
    "in one line": "x: [N, C]\np[n, c] = exp(x[n, c])/sum(exp(x[n, k]) for k in C)",
    "by name": "x: [C, N]\ne[c, n] = exp(x[c, n])\ns[n] = sum(e[c, n] for c in C)\np[n, c] = e[c, n]/s[n]",
    "scores": """
q: [N, D]
k: [M, D]
t: []
s[i, j] = sum(q[i, d]*k[j, d] for d in D)/sqrt(D)/t
z[i] = 1/sum(exp(s[i, j]) for j in M)
a[i, j] = exp(s[i, j])*z[i]""",
    "masked": """
x: [N, C]
w: constant[N, C]
p[n, c] = w[n, c]*exp(x[n, c])/sum(w[n, k]*exp(x[n, k]) for k in C)""",
    "over two indices": "x: [N, M]\np[n, m] = exp(2*x[n, m])/sum(exp(2*x[a, b]) for a in N for b in M)",
    "a product": """
x: [N, C]
w: [C]
u[n, c] = x[n, c]*w[c] + x[n, c]**3
p[n, c] = exp(u[n, c])/sum(exp(u[n, l]) for l in C)""",
}
LOG_OVERFLOW = {
    "in one line": "x: [N, C]\ny[n] = log(sum(exp(x[n, c]) for c in C))",
    "by name": "x: [N, C]\ns[n] = sum(exp(x[n, c]) for c in C)\ny[n, c] = x[n, c] - log(s[n])",
    "each by name": """
x: [N, C]
e[n, c] = exp(x[n, c])
s[n] = sum(e[n, c] for c in C)
y = -sum(log(s[n]) for n in N)""",
    "of the opposite": "x: [C, N]\ny[n] = -log(sum(exp(-x[c, n]) for c in C))",
    "a temperature": "x: [N, C]\nt: []\ny[n] = t*log(sum(exp(x[n, c]/t) for c in C))",
    "scores": "a: [N, D]\nb: [N, D]\nL = sum(log(sum(exp(sum(a[i, d]*b[k, d] for d in D)) for k in N)) for i in N)",
}
LOG_OF_QUOTIENT = {
    "by name": LAYERS["log_of_p"],
    "in one line": """
x: [N, C]
m[n] = max(x[n, c] for c in C)
y[n, c] = log(exp(x[n, c] - m[n])/sum(exp(x[n, k] - m[n]) for k in C))""",
    "by an inverse": """
x: [N, C]
m[n] = max(x[n, c] for c in C)
z[n] = 1/sum(exp(x[n, k] - m[n]) for k in C)
p[n, c] = exp(x[n, c] - m[n])*z[n]
L = -sum(log(p[n, c]) for n in N for c in C)""",
    "the diagonal": """
s: [N, N]
m[i] = max(s[i, j] for j in N)
e[i, j] = exp(s[i, j] - m[i])
p[i, j] = e[i, j]/sum(e[i, k] for k in N)
L = -mean(log(p[i, i]) for i in N)""",
    "half of it": """
x: [N, C]
m[n] = max(x[n, c] for c in C)
a[n, c] = exp(x[n, c] - m[n])
b[n] = sum(a[n, c] for c in C)
y[n, c] = tanh(log(a[n, c]/b[n])/2)""",
    "a first index": """
x: [C, N]
m[n] = max(x[c, n] for c in C)
a[c, n] = exp(x[c, n] - m[n])
b[n] = sum(a[c, n] for c in C)
y[n, c] = log(a[c, n]/b[n])""",
}
BAD = {
    "centered-over-variance": OVER_VARIANCE,
    "multiplied-by-root": MULTIPLIED,
    "cancellation": CANCELLATION,
    "eps-outside-root": EPS_OUTSIDE,
    "exp-overflow": EXP_OVERFLOW,
    "log-overflow": LOG_OVERFLOW,
    "log-of-quotient": LOG_OF_QUOTIENT,
}
CASES = [(rule, name) for rule, layers in BAD.items() for name in layers]

GOOD = {
    "a quotient with the root": STATISTICS + "y[i, j] = gamma[j]*(x[i, j] - mu[j])/sqrt(var[j] + eps) + beta[j]",
    "a power": STATISTICS + "y[i, j] = (x[i, j] - mu[j])*(var[j] + eps)**(-1/2)",
    "two roots": STATISTICS + "y[i, j] = (x[i, j] - mu[j])**2/(sqrt(var[j] + eps)*sqrt(var[j] + 2*eps))",
    "scale and shift": STATISTICS
    + """
s[j] = gamma[j]/sqrt(var[j] + eps)
y[i, j] = x[i, j]*s[j] + (beta[j] - mu[j]*s[j])""",
    "back to the old scale": STATISTICS
    + """
xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)
y[i, j] = tanh(xhat[i, j]*sqrt(var[j]) + mu[j]) + xhat[i, j]*var[j]""",
    "a bare difference": STATISTICS + "y[i, j] = gamma[j]*(x[i, j] - mu[j])/2\nz[j] = 1/(var[j] + eps)",
    "two constants": STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(sqrt(var[j] + eps) + 1e-3)",
    "a quantity called var": """
x: [N, D]
var: [D]
mu[j] = mean(x[i, j] for i in N)
y[i, j] = (x[i, j] - mu[j])/(var[j] + 1)
z[i, j] = (x[i, j] - mu[j])*sqrt(var[j])/(sqrt(var[j]) + 1e-5)""",
    "a quantity called mu": """
x: [N, D]
mu: [D]
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
y[i, j] = (x[i, j] - mu[j])/(var[j] + 1)""",
    "the mean of other columns": """
x: [N, N]
mu[j] = mean(x[i, j] for i in N)
var[i] = mean((x[i, j] - mu[j])**2 for j in N)
y[i, j] = (x[i, j] - mu[j])/(var[i] + 1)""",
    "a variance of something else": """
x: [N, D]
u: [N, D]
mu[j] = mean(x[i, j] for i in N)
nu[j] = mean(u[i, j] for i in N)
var[j] = mean((u[i, j] - nu[j])**2 for i in N)
y[i, j] = (x[i, j] - mu[j])/(var[j] + 1) + (x[i, j] - mu[j])*sqrt(var[j] + 1)""",
    "a likelihood": ONE + "L = sum((x[i] - mx)**2/(2*v) + log(v)/2 for i in N)",
    "skewness and kurtosis": ONE + "a[i] = (x[i] - mx)**4/v**2\nb[i] = (x[i] - mx)**3/v**(3/2)",
    "made up for": ONE + "t[i] = (x[i] - mx)/v\nz[i] = t[i]*sqrt(v) + y[i]",
    "a regression": ONE
    + """
sxy = sum((x[i] - mx)*(y[i] - my) for i in N)
sxx = sum((x[i] - mx)**2 for i in N)
b = sxy/sxx
z[i] = my + b*(x[i] - mx)
r[i] = y[i] - my - sxy*(x[i] - mx)/sxx""",
    "the weights of a slope": ONE
    + """
sxx = sum((x[i] - mx)**2 for i in N)
k[i] = (x[i] - mx)/sxx
b = sum(k[i]*y[i] for i in N)
c = mean((x[i] - mx)*y[i]/v for i in N)""",
    "an attention to deviations": """
x: [N]
mx = mean(x[i] for i in N)
v = sum((x[i] - mx)**2 for i in N)/(N - 1)
y[i] = x[i]*sigmoid((x[i] - mx)**2/(4*(v + 1e-4)) + 1/2)""",
    "a second moment": "x: [N, D]\nq[j] = mean(x[i, j]**2 for i in N)\ny[i, j] = x[i, j]/(q[j] + 1e-5)",
    "a factorization machine": """
x: [N]
v: [N]
y = (sum(v[i]*x[i] for i in N)**2 - sum((v[i]*x[i])**2 for i in N))/2""",
    "squares of different things": """
x: [N, D]
u: [N, D]
m[j] = mean(u[i, j] for i in N)
n[j] = mean(x[i, j] for i in N)
a[j] = mean(x[i, j]**2 for i in N) - m[j]**2
b[j] = mean(x[i, j]**2 for i in N) - n[j]
c[j] = mean(x[i, j]**2 for i in N) + n[j]**2
d[j] = mean(x[i, j]**2 for i in N) - 2*n[j]**2
e[i] = mean(x[i, j]**2 for j in D) - mean(x[i, j] for j in D)
f[j] = sum(x[i, j]**2 for i in N) - n[j]**2""",
    "a variance beside a second moment": STATISTICS + "y[j] = mean(x[i, j]**2 for i in N) + var[j]",
    "a covariance of the centered": STATISTICS
    + "y[j, k] = mean((x[i, j] - mu[j])*(x[i, k] - mu[k]) for i in N) - mu[j]*mu[k]",
    "a root that is never 0": """
v: [D, K]
assert sum(v[j, k]**2 for k in K) > 0
n[j] = sqrt(mean(v[j, k]**2 for k in K))
w[j, k] = v[j, k]/(n[j] + 1e-8)""",
    "no divisor": "x: [N, D]\nn[i] = sqrt(sum(x[i, j]**2 for j in D)) + 1e-8\ny[i] = log(n[i])",
    "a root of an input": "g: [N]\nv: [N]\nassert v > 0\ny[i] = g[i]/(sqrt(v[i]) + 1e-8)",
    "a root beside data": "x: [N, D]\na: [N]\ny[i] = 1/(sqrt(sum(x[i, j]**2 for j in D)) + a[i])",
    "a sum without squares": "x: [N, D]\nassert x > 0\ny[i] = 1/(sqrt(sum(x[i, j] for j in D)) + 1e-8)",
    "a softmax": """
x: [N, C]
m[n] = max(x[n, c] for c in C)
e[n, c] = exp(x[n, c] - m[n])
s[n] = sum(e[n, c] for c in C)
p[n, c] = e[n, c]/s[n]
y[n, c] = x[n, c] - m[n] - log(s[n])""",
    "a maximum that is given": """
x: [N, C]
m: constant[N]
p[n, c] = exp(x[n, c] - m[n])/sum(exp(x[n, k] - m[n]) for k in C)""",
    "a bounded exponent": "x: [N, C]\np[n, c] = exp(9*tanh(x[n, c]))/sum(exp(9*tanh(x[n, k])) for k in C)",
    "a bounded input": "x: [N, C]\nassert x <= 1\np[n, c] = exp(x[n, c])/sum(exp(x[n, k]) for k in C)",
    "cosines": """
u: [N, D]
l[i] = sqrt(sum(u[i, d]**2 for d in D) + 1e-8)
s[i, k] = sum(u[i, d]*u[k, d] for d in D)/(l[i]*l[k])
L = sum(log(sum(exp(s[i, k]/0.07) for k in N)) for i in N)""",
    "another sum": "x: [N, C]\nu: [N, C]\np[n, c] = exp(x[n, c])/sum(exp(u[n, k]) for k in C)",
    "a log of another quotient": "x: [N, C]\ns[n] = sum(x[n, k]**2 for k in C)\ny[n, c] = log(x[n, c]**2/s[n])",
    "one exponential": "x: [N]\ny[i] = exp(x[i])/(1 + exp(x[i])) + log(1 + exp(x[i]))",
}


def marked_line(text: str) -> str:
    """The line that a case is about: the one with the mark, or the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if line.endswith("#!")), lines[-1])


@pytest.mark.parametrize(("rule", "name"), CASES)
def test_what_is_wrong_is_found_in_its_line(rule: str, name: str) -> None:
    text = BAD[rule][name]
    warnings = found(text)
    assert (rule, marked_line(text)) in warnings
    assert [line for r, line in warnings if r == rule] == [marked_line(text)]


@pytest.mark.parametrize(("rule", "name"), CASES)
def test_no_name_matters(rule: str, name: str) -> None:
    """The same layer with other names, indices and extents, its equations in another order: the same warnings."""
    text = "\n".join(line.removesuffix(" #!") for line in BAD[rule][name].splitlines() if line)
    rules = Counter(r for r, _ in found(text))
    for seed in range(3):
        assert Counter(r for r, _ in found(rewritten(text, seed)[0])) == rules


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_left_alone(name: str) -> None:
    assert found(GOOD[name]) == []


def test_every_rule_has_enough_of_both() -> None:
    assert all(len(layers) >= 6 for layers in BAD.values())
    assert len(GOOD) >= 6 * 4


def test_built_in_layers_have_no_warning() -> None:
    assert {name: lint(load(name)) for name in layer_names()} == dict.fromkeys(layer_names(), ())


def test_the_layers_of_the_pages_have_no_warning() -> None:
    pages = sorted((Path(__file__).parent.parent / "derive" / "pages").glob("*.layer"))
    assert pages
    assert [found(page.read_text()) for page in pages] == [[] for _ in pages]


def test_layers_of_the_tests_have_only_true_warnings() -> None:
    layers = {**{f"own {name}": text for name, text in own_layers.LAYERS.items()}, **LAYERS}
    assert {name: [rule for rule, _ in rules] for name, text in layers.items() if (rules := found(text))} == {
        "softmax_inline": ["exp-overflow"],
        "log_of_p": ["log-of-quotient"],
        "own attention": ["exp-overflow"],
        "own contrastive": ["log-overflow"],
    }


def test_random_layers_have_no_warning_but_of_exponentials() -> None:
    for seed in range(60):
        rules = {rule for rule, _ in found(random_layer(seed))}
        assert rules <= {"exp-overflow", "log-overflow"}, random_layer(seed)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "softmax_cross_entropy", "attention"])
def test_gradients_have_no_warning(name: str) -> None:
    assert lint(vjp(load(name))) == ()


# Mutants

# Each turns the good line of a layer that ships into a bad one.
NORMALIZATIONS = (
    "batch_norm", "batch_norm_2d", "batch_norm_masked", "batch_norm_unbiased", "group_norm", "instance_norm",
    "layer_norm", "layer_norm_linear", "linear_batch_norm", "sync_batch_norm",
)  # fmt: skip
MUTATIONS = {
    "centered-over-variance": (") / sqrt(var", ") / (var"),
    "multiplied-by-root": (") / sqrt(var", ") * sqrt(var"),
    "eps-outside-root": (" + eps)", ") + eps"),
}


@pytest.mark.parametrize("rule", MUTATIONS)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_mutant_is_caught(name: str, rule: str) -> None:
    good = read_layer(name).text
    old, new = MUTATIONS[rule]
    bad = good.replace(old, new)
    if rule == "eps-outside-root":
        bad = bad.replace(") / sqrt(var", ") / (sqrt(var").replace(") + eps", ") + eps)")
    assert bad != good
    [warning] = lint(parse_layer(bad))
    assert warning.rule == rule
    assert warning.line is not None
    assert warning.text == bad.splitlines()[warning.line - 1] != good.splitlines()[warning.line - 1]


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm_2d", "group_norm", "layer_norm", "linear_batch_norm"])
def test_a_variance_as_a_difference_is_caught(name: str) -> None:
    lines = read_layer(name).text.splitlines()
    [place] = [k for k, line in enumerate(lines) if line.startswith("var")]
    left, _, right = lines[place].partition("=")
    difference, _, rest = right.partition(")**2")
    element, _, mean = difference.partition("(")[2].partition("(")[2].partition(" - ")
    lines[place] = f"{left}= mean({element}**2{rest} - {mean}**2"
    [warning] = lint(parse_layer("\n".join(lines)))
    assert (warning.rule, warning.line, warning.text) == ("cancellation", place + 1, lines[place].strip())
    assert right.strip() in warning.message  # what to write instead is what it was


# What is said

SAID = {
    "centered-over-variance": (
        STATISTICS + "y[i, j] = (x[i, j] - mu[j])/(var[j] + eps)",
        """
x[i, j] - mu[j] is divided by var[j] + eps, which is its variance, so that the quotient depends on the scale of
x[i, j] - mu[j]: divide by the standard deviation, sqrt(var[j] + eps)""",
    ),
    "multiplied-by-root": (
        MULTIPLIED["by what is called an inverse"],
        """
xc[i, j] is multiplied by sqrt(var[j] + eps), the root of the variance of xc[i, j], so that the scale of xc[i, j] is
raised and not taken out: divide by sqrt(var[j] + eps)""",
    ),
    "cancellation": (
        CANCELLATION["corrected, distributed"],
        """
sum(x[i, j]**2 for i in N)/(N - 1) - N*m[j]**2/(N - 1) is a variance as a difference of two squares: where x[i, j] is
far from 0 they are nearly equal, and no digit of the difference is right; write
sum((x[i, j] - m[j])**2 for i in N)/(N - 1)""",
    ),
    "eps-outside-root": (
        EPS_OUTSIDE["all by name"],
        """
e stands beside n[i] and not under the root: where t[i] is 0 the quotient is finite, but the derivative of the root is
infinite, and the backward pass gives NaN; write sqrt(t[i] + e)""",
    ),
    "exp-overflow": (
        EXP_OVERFLOW["in one line"],
        """
exp(x[n, c]) is infinite where x[n, c] is large (above 709 in double precision), and the quotient is then no number:
take max(x[n, c] for c in C) off before exp""",
    ),
    "log-overflow": (
        LOG_OVERFLOW["by name"],
        """
exp(x[n, c]) is infinite where x[n, c] is large (above 709 in double precision), and the logarithm is then no number:
take max(x[n, c] for c in C) off before exp""",
    ),
    "log-of-quotient": (
        LOG_OF_QUOTIENT["by name"],
        """
p[n, c] is an exponential divided by the sum of all, and becomes 0 where its exponent is far below the largest: the
logarithm is then infinite, and its derivative NaN; write x[n, c] - log(s[n]) - m[n] for the logarithm""",
    ),
}


@pytest.mark.parametrize("rule", BAD)
def test_the_message_is_in_the_names_of_the_author(rule: str) -> None:
    text, message = SAID[rule]
    assert " ".join(message.split()) in [warning.message for warning in lint(parse_layer(text)) if warning.rule == rule]


def test_the_mean_that_makes_the_sum_a_variance_is_part_of_the_message() -> None:
    [warning] = lint(parse_layer(OVER_VARIANCE["in one line"]))
    variance = "mean((x[k, j] - mean(x[l, j] for l in N))**2 for k in N)"
    assert f"is divided by {variance}, which is its variance" in warning.message
    assert warning.message.endswith(f"sqrt({variance})")


def test_a_mean_without_a_name_is_described() -> None:
    [warning] = lint(parse_layer(CANCELLATION["of a function"]))
    assert warning.message.endswith("take the mean of relu(x[i, j]) off first, and square what is left")


def test_the_terminal_shows_the_line_below_its_warning() -> None:
    graph = parse_layer("x: [N, D]\n\n  # a remark\ny[i, j] = x[i, j]/(sqrt(sum(x[i, k]**2 for k in D)) + 1e-8)  # a\n")
    first, second, rest = lint_text(graph, lint(graph), "a.layer").split("\n")
    assert first.startswith("a.layer:4: warning: 1e-8 stands beside sqrt(sum(x[i, k]**2 for k in D)) and not under")
    assert second == "    y[i, j] = x[i, j]/(sqrt(sum(x[i, k]**2 for k in D)) + 1e-8)  # a"
    assert rest == ""
    assert lint_text(graph, (), "a.layer") == ""


def test_control_characters_of_the_text_do_not_reach_the_terminal() -> None:
    warning = LintWarning(1, "cancellation", "no digit is right", "y = x  # \x1b[2J\x07")
    assert lint_text(load("relu"), (warning,), "a\x1b.layer") == (
        "a\ufffd.layer:1: warning: no digit is right\n    y = x  # \ufffd[2J\ufffd\n"
    )


def test_a_graph_without_a_text_has_warnings_too() -> None:
    graph = parse_layer(STATISTICS + "y[i, j] = (x[i, j] - mu[j])/var[j]")
    without = replace(graph, source="", equations=tuple(replace(e, line=None) for e in graph.equations))
    [warning] = lint(without)
    assert (warning.line, warning.text) == (None, "y[i, j] = (x[i, j] - mu[j])/var[j]")
    assert lint_text(without, (warning,), "a").startswith("a: warning: x[i, j] - mu[j] is divided")
    assert lint_lines(without) == (warning.message,)


def test_warnings_come_in_the_order_of_the_lines() -> None:
    text = """
y[i, j] = (x[i, j] - m[j])/v[j]
x: [N, D]
m[j] = mean(x[i, j] for i in N)
v[j] = mean(x[i, j]**2 for i in N) - m[j]**2
"""
    warnings = lint(parse_layer(text))
    assert [(w.line, w.rule) for w in warnings] == [(2, "centered-over-variance"), (5, "cancellation")]
    assert lint_lines(parse_layer(text)) == tuple(f"line {w.line}: {w.message}" for w in warnings)


# Size


def deep(end: str) -> str:
    lines = ["x0: [N, D]"]
    for k in range(30):
        lines += [
            f"W{k}: [D, D]",
            f"z{k}[i, j] = sum(x{k}[i, d]*W{k}[d, j] for d in D)",
            f"mu{k}[j] = mean(z{k}[i, j] for i in N)",
            f"v{k}[j] = mean((z{k}[i, j] - mu{k}[j])**2 for i in N)",
            f"h{k}[i, j] = (z{k}[i, j] - mu{k}[j])/{'(' if k == 29 and end else 'sqrt('}v{k}[j] + 1e-5)",
            f"x{k + 1}[i, j] = x{k}[i, j] + relu(h{k}[i, j])",
        ]
    return "\n".join(lines)


def test_a_deep_layer_takes_no_time_and_hides_nothing() -> None:
    with within(10, time.perf_counter):
        assert found(deep("")) == []
        assert [rule for rule, _ in found(deep("bad"))] == ["centered-over-variance"]


LARGE = {
    "products": "y0: [N]\n" + "\n".join(f"y{k + 1}[i] = y{k}[i]*y{max(k - 1, 0)}[i]" for k in range(150)),
    "sums": "y0: [N]\n" + "\n".join(f"y{k + 1}[i] = y{k}[i] + y{max(k - 1, 0)}[i]" for k in range(150)),
    "names": "y0: [N]\n" + "\n".join(f"y{k + 1}[i] = y{k}[i]" for k in range(1500)),
    "functions": "y0: [N]\n" + "\n".join(f"y{k + 1}[i] = tanh(1 + 2*y{k}[i])" for k in range(500)),
    "terms": "x: [N]\ny[i] = " + " + ".join(f"sin(x[i]*{k + 1})" for k in range(400)),
    "factors": "x: [N]\ny[i] = " + "*".join(f"sin(x[i]*{k + 1})" for k in range(400)),
    "brackets": "x: [N]\ny[i] = " + "tanh(1 + 2*" * 18 + "x[i]" + ")" * 18,
    "powers": "x: [N]\ny[i] = (x[i] - mean(x[k]**99 for k in N))**100/(sum(x[k]**100 for k in N) + 1)**100",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_is_left_alone(name: str) -> None:
    with within(10, time.perf_counter):
        assert found(LARGE[name]) == []


# In the evidence


def test_verify_carries_the_warnings() -> None:
    text = "x: [N]\nm = mean(x[i] for i in N)\nv = mean(x[i]**2 for i in N) - m**2 + 1\n"
    for order in (1, 2):
        report = verify_layer(parse_layer(text, "spread"), order=order)
        assert report.passed
        [warning] = report.warnings
        assert warning.startswith("line 3: mean(x[i]**2 for i in N) - m**2 is a variance as a difference")
        assert json.loads(json.dumps(report.to_json()))["warnings"] == [warning]


def test_verify_says_nothing_of_a_layer_without_warnings() -> None:
    report = verify_layer("relu")
    assert report.warnings == ()
    assert "warning" not in report.text()
    assert "warnings" not in report.to_json()


def test_a_derivation_still_has_the_lines_of_its_layer() -> None:
    graph = parse_layer(OVER_VARIANCE["plainly"])
    derivation = Derivation(graph, vjp(graph), "staged", (), ())
    assert [warning.line for warning in lint(derivation.forward)] == [9]
