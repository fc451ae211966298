"""The text of expressions as array code, row by row, and what has no array code."""

from __future__ import annotations

import pytest
from sympy import Derivative, Float, I, Integer, Symbol, besselj, exp, gamma
from sympy.core.relational import Unequality

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.dialects import like
from derive.functions import where
from derive.graph import index_symbol, reference
from derive.parser import parse_layer

INPUTS = """
x: [N, D]
y: [N, D]
v: [D]
u: [N]
W: [D, O]
V: [O, D]
T: [B, N, D]
S: [B, D, N]
P: [B, N, O]
s: [N, N]
Z: [B, N, D, O]
c: []
"""

ROWS = [
    # elementwise, and how axes are brought in line
    ("[i, j] = v[j]*x[i, j] + u[i]", "v * x + u[:, None]"),
    ("[i, j] = x[i, j] - y[i, j]", "x - y"),
    ("[j, i] = 2*x[i, j] - 1", "(2 * x - 1).T"),
    ("[j, i] = x[i, j] - v[j]*u[i]", "x.T - v[:, None] * u"),
    ("[i, j] = s[i, j] - s[j, i]", "s - s.T"),
    ("[i] = u[i]*s[i, i]", 'u * np.einsum("ii->i", s)'),
    ("[b, i, j] = T[b, i, j] + S[b, j, i]", "T + S.swapaxes(-1, -2)"),
    ("[j, b, i] = 2*T[b, i, j]", "(2 * T).transpose(2, 0, 1)"),
    ("[b, i, j, o] = Z[b, i, j, o] + T[b, i, j]", "Z + T[..., None]"),
    ("[b, i, j, o] = Z[b, i, j, o] + P[b, i, o]", "Z + P[:, :, None]"),
    ("[b, i, j, o] = Z[b, i, j, o] + u[i]", "Z + u[:, None, None]"),
    ("[b, i, j, o] = Z[b, i, j, o] + W[j, o]", "Z + W"),
    ("[b, i, j] = T[b, i, j]*x[i, j]", "x * T"),
    ("[i, j] = u[i]*v[j]", "v * u[:, None]"),
    ("[i, j] = exp(u[i] + v[j])", "np.exp(v + u[:, None])"),
    # numbers
    ("[i] = u[i]/3", "u / 3"),
    ("[i] = 2*u[i]/3", "2 / 3 * u"),
    ("[i, j] = 2*v[j]*x[i, j]/N", "2 * v / N * x"),
    ("[i, j] = 2*u[i]*x[i, j]/N", "(2 * u / N)[:, None] * x"),
    ("[i] = -u[i]/2", "-0.5 * u"),
    ("[i] = u[i]*1e-5", "1e-5 * u"),
    ("[i] = u[i]*pi + exp(1)", "np.pi * u + np.e"),
    ("[i] = u[i]*exp(2)*sqrt(N)", "N**0.5 * float(np.exp(2)) * u"),
    # powers
    ("[i] = u[i]**2 + u[i]**(-2)", "1 / u**2 + u**2"),
    ("[i] = 1/sqrt(u[i] + c)", "1 / np.sqrt(u + c)"),
    ("[i] = (u[i] + c)**(-3/2)", "1 / (u + c)**1.5"),
    ("[i] = (u[i]*c)**(1/3)*2**u[i]", "2**u * (c * u)**(1 / 3)"),
    ("[i] = -(-u[i])**c", "-(-u)**c"),
    ("[i, j] = x[i, j]/(N*sqrt(v[j] + c))", "x / (N * np.sqrt(v + c))"),
    # reductions
    ("[j] = mean(x[i, j] for i in N)", "x.mean(axis=0)"),
    ("[j] = sum(x[i, j] for i in N)/N**2", "x.sum(axis=0) / N**2"),
    ("[b] = mean(T[b, i, j] for i in N for j in D)", "T.mean(axis=(1, 2))"),
    ("[b] = sum(T[b, i, j] for i in N for j in D)/N", "T.sum(axis=(1, 2)) / N"),
    (" = sum(x[i, j]*y[i, j] for i in N for j in D)", "np.sum(x * y)"),
    ("[j] = sum(c*x[i, j]*v[j] for i in N)", "c * v * x.sum(axis=0)"),
    ("[j] = mean(v[j] for i in N)", "v"),
    ("[j] = sum(v[j] for i in N)", "N * v"),
    ("[j] = prod(v[j] for i in N)", "v**N"),
    ("[i] = max(x[i, j] - v[j] for j in D)", "np.max(x - v, axis=1)"),
    ("[i] = prod(x[i, j] for j in D)", "x.prod(axis=1)"),
    ("[i] = -sum(-x[i, j] for j in D) - sum(-2*x[i, k] for k in D)", "x.sum(axis=1) + 2 * x.sum(axis=1)"),
    (" = sum(u[i]*v[j] for i in N for j in D)", "v.sum() * u.sum()"),
    # contractions
    ("[i, o] = sum(x[i, k]*W[k, o] for k in D)", "x @ W"),
    ("[o, i] = sum(x[i, k]*W[k, o] for k in D)", "W.T @ x.T"),
    ("[i, o] = sum(x[i, k]*V[o, k] for k in D)", "x @ V.T"),
    ("[k, l] = sum(x[i, k]*y[i, l] for i in N)", "x.T @ y"),
    ("[i] = sum(x[i, k]*v[k] for k in D)", "x @ v"),
    ("[j] = sum(x[i, j]*u[i] for i in N)", "u @ x"),
    (" = sum(u[i]**2*u[i] for i in N)", "np.sum(u**3)"),
    (" = sum(u[i]*s[i, i] for i in N)", 'u @ np.einsum("ii->i", s)'),
    ("[i, o] = c*sum((x[i, k] - v[k])*W[k, o] for k in D)", "c * ((x - v) @ W)"),
    ("[i, o] = sum(x[i, k]*y[i, k]*W[k, o] for k in D)", "(x * y) @ W"),
    ("[i, o] = sum(x[i, k]*W[k, o]/u[i] for k in D)", "(x @ W) / u[:, None]"),
    ("[b, i, l] = sum(T[b, i, j]*T[b, l, j] for j in D)", "T @ T.swapaxes(-1, -2)"),
    ("[i, l] = sum(T[b, i, j]*T[b, l, j] for b in B for j in D)", 'np.einsum("bij,blj->il", T, T, optimize=True)'),
    ("[i, b, o] = sum(T[b, i, j]*W[j, o] for j in D)", 'np.einsum("jo,bij->ibo", W, T, optimize=True)'),
    ("[row, a, o] = sum(T[a, row, j]*W[j, o] for j in D)", 'np.einsum("jo,abj->bao", W, T, optimize=True)'),
    # conditions
    ("[i, j] = where(x[i, j] > v[j], 1, 0)", "(x > v).astype(x.dtype)"),
    ("[i, j] = where(x[i, j] > v[j], 1, 0)*y[i, j]", "np.where(x > v, y, 0)"),
    ("[i, j] = where(x[i, j] > v[j], 0, 1)*y[i, j]", "np.where(x > v, 0, y)"),
    ("[i, j] = where(u[i] <= c, y[i, j], v[j])", "np.where((u <= c)[:, None], y, v)"),
    ("[i, j] = where(x[i, j] == 0, 2, N)", "np.where(x == 0, 2, N).astype(x.dtype)"),
    ("[i, k] = delta(i, k)*u[i]", "np.where(np.eye(N, dtype=bool), u[:, None], 0)"),
    ("[i, k] = delta(i, k) + s[i, k]", "s + np.eye(N, dtype=x.dtype)"),
    # new arrays
    ("[i, j] = 0*x[i, j] + delta(i, i)*v[j]", "v * np.ones(N, dtype=x.dtype)[:, None]"),
    # functions
    ("[i] = relu(u[i]) + abs(u[i])*sign(u[i])", "np.maximum(u, 0) + np.abs(u) * np.sign(u)"),
    ("[i, j] = maximum(u[i], v[j])", "np.maximum(u[:, None], v)"),
    ("[i] = softplus(u[i]) + sigmoid(u[i])*erf(u[i])", "np.logaddexp(0, u) + _erf(u) * _sigmoid(u)"),
]


def printed(equation: str) -> str:
    graph = parse_layer(f"{INPUTS}result{equation}")
    line = graph.equations[0]
    return ArrayPrinter(graph.by_name, line.indices, like("x")).doprint(line.expression)


@pytest.mark.parametrize(("equation", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_text(equation: str, text: str) -> None:
    assert text == printed(equation)


X = reference("x", [index_symbol("i")])


@pytest.mark.parametrize(
    "expression",
    [
        besselj(1, X),
        gamma(X),
        Float(0.5) * X,
        I * X,
        Derivative(exp(Symbol("t", real=True)), Symbol("t", real=True)),
        X + index_symbol("i"),
        reference("x", [Integer(1)]),
        where(Unequality(X, 0) & (X < 1), Integer(1), X),
    ],
    ids=lambda expression: type(expression).__name__,
)
def test_what_has_no_array_code_is_an_error_that_names_it(expression: object) -> None:
    graph = parse_layer("x: [N]\ny[i] = x[i]")
    with pytest.raises(TypeError, match="no array code for"):
        ArrayPrinter(graph.by_name, graph.equations[0].indices).doprint(expression)


def test_an_index_that_is_not_on_the_left_is_an_error() -> None:
    graph = parse_layer("x: [N]\ny[i] = x[i]\nz = sum(x[i] for i in N)")
    with pytest.raises(KeyError):
        ArrayPrinter(graph.by_name).doprint(X + 1)


def test_extents_are_those_that_the_text_uses() -> None:
    graph = parse_layer("x: [N, D]\ny[j] = mean(x[i, j] for i in N)\nz[j] = sum(x[i, j] for i in N)/(N - 1)")
    used = []
    for equation in graph.equations:
        printer = ArrayPrinter(graph.by_name, equation.indices)
        printer.doprint(equation.expression)
        used.append(list(printer.extents))
    assert used == [[], ["N"]]
