"""A derivation written out: every line holds, planted errors are caught, and the lines of the notes are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from sympy import Add, Indexed, Integer, Mul, Rational, Symbol

from derive.draw import draw_sample
from derive.errors import UsageError
from derive.expand import Group, Line, Whole, WrittenOut
from derive.functions import MaxOver
from derive.graph import name_of, names_in
from derive.indices import REDUCTIONS
from derive.interpret import Array, evaluate
from derive.options import FORMS
from derive.oracles import CENTRAL_DIFFERENCES, Truth
from derive.parser import parse_layer
from derive.printing.grammar import expression_text
from derive.write_out import MOST_ELEMENTS, MOST_PER_SIDE, write_out

BATCH_NORM = """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
"""
LAYER_NORM = """
a: [R, F]
b: [F]
mü: r"\\mathbf{m}"
eps: constant = 1e-5
assert eps > 0
assert F > 1
mü[r]   = mean(a[r, f] for f in F)
var[r]  = sum((a[r, f] - mü[r])**2 for f in F)/(F - 1)
z[r, f] = (a[r, f] - mü[r])/sqrt(var[r] + eps)
y[r, f] = b[f]*z[r, f]
"""
ATTENTION = """
q: [R, K]
k: [C, K]
v: [C, V]
s[r, c] = sum(q[r, h]*k[c, h] for h in K)/sqrt(K)
m[r] = max(s[r, c] for c in C)
p[r, c] = exp(s[r, c] - m[r])/sum(exp(s[r, e] - m[r]) for e in C)
o[r, e] = sum(p[r, c]*v[c, e] for c in C)
"""
CUBE = """
x: [B, N, D]
a: [D, E]
t: constant[B]
unused: [E]
w[b] = mean(x[b, n, d] for n in N for d in D)
h[b, n, e] = sum((x[b, n, d] - w[b])*a[d, e] for d in D)
h: output
loss = sum(t[b]*prod(h[b, n, e] for e in E) for n in N for b in B)
"""
SCALARS = """
α: []
b: []
assert α > 0
c = α*b + exp(b)
d = tanh(c)*log(α) + relu(c)/3
"""
PAIRS = """
z: [N, D]
u: [N, D]
s[i, k] = sum(z[i, d]*u[k, d] for d in D)
l = mean(log(sum(exp(s[i, k]) for k in N)) - s[i, i] for i in N)
c[i] = sum(delta(i, k)*s[i, k] for k in N)
"""
LAYERS = {
    "batch_norm": BATCH_NORM, "layer_norm": LAYER_NORM, "attention": ATTENTION, "cube": CUBE, "scalars": SCALARS,
    "pairs": PAIRS,
}  # fmt: skip
NOTES = {"N": 2, "D": 3}
CASES = [
    ("batch_norm", {"N": 2, "D": 3}, "mean"),
    ("batch_norm", {"N": 3, "D": 2}, "reuse"),
    ("batch_norm", {"N": 1, "D": 1}, "sum"),
    ("layer_norm", {"R": 2, "F": 3}, "mean"),
    ("attention", {"R": 1, "C": 2, "K": 2, "V": 2}, "mean"),
    ("cube", {"B": 2, "N": 1, "D": 2, "E": 2}, "mean"),
    ("scalars", {}, "mean"),
    ("pairs", {"N": 2, "D": 2}, "reuse"),
]


@cache
def _written(name: str, extents: tuple[tuple[str, int], ...], form: str) -> WrittenOut:
    return write_out(parse_layer(LAYERS[name], name), dict(extents), form=form)  # type: ignore[arg-type]


def written(name: str, extents: dict[str, int] = NOTES, form: str = "mean") -> WrittenOut:
    return _written(name, tuple(extents.items()), form)


def texts(page: WrittenOut) -> list[str]:
    return [text_of(line) for line in page.lines()]


def text_of(line: Line) -> str:
    label = "" if line.label is None else f" =: {expression_text(line.label)}"
    return f"{expression_text(line.left)} = {expression_text(line.right)}{label}"


class Judge:
    """Evaluates lines with true values, which an oracle finds without any of our rules."""

    def __init__(self, page: WrittenOut) -> None:
        sample = draw_sample(page.derivation.forward, page.extents, "ordinary")
        self._truth = Truth(page.derivation, sample, CENTRAL_DIFFERENCES)
        self._labels = {label.name: label.of for label in page.labels}

    def value(self, name: str) -> Array:
        return self._truth.value(self._labels.get(name) or name)

    def is_true(self, line: Line) -> bool:
        sides = [line.left, line.right, *([line.label] if line.label is not None else [])]
        values = {name: self.value(name) for side in sides for name in names_in(side)}
        arithmetic = CENTRAL_DIFFERENCES.arithmetic
        first, *others = [evaluate(side, values, {}, {}, arithmetic) for side in sides]
        return all(abs(first - other) <= 1e-30 * (1 + abs(first)) for other in others)


@pytest.mark.parametrize(("name", "extents", "form"), CASES)
def test_every_line_holds_and_has_no_index_left(name, extents, form):
    page = written(name, extents, form)
    judge = Judge(page)
    lines = list(page.lines())
    assert [text_of(line) for line in lines if not judge.is_true(line)] == []
    for line in lines:
        for side in (line.left, line.right):
            assert not side.has(*REDUCTIONS)
            assert all(isinstance(index, Integer) for e in side.atoms(Indexed) for index in e.indices)
            assert not any(symbol.is_integer for symbol in side.atoms(Symbol))


def broken(line: Line) -> Iterator[Line]:
    """The line with an error: each term lost, each factor lost, the sign turned, a factor 2, an index changed."""
    right = line.right
    yield replace(line, right=-right)
    yield replace(line, right=Rational(1, 2) * right)
    for kind in (Add, Mul):
        if isinstance(right, kind):
            for k in range(len(right.args)):
                yield replace(line, right=kind(*right.args[:k], *right.args[k + 1 :]))
    for element in sorted(right.atoms(Indexed), key=str)[:2]:
        moved = element.func(element.base, *(3 - index if index < 3 else index for index in element.indices))
        yield replace(line, right=right.xreplace({element: moved}))


# True although something is lost: the sum over the deviations from their mean is zero, and so is what it stands in.
HARMLESS = ("(x[1, 1] - mu[1]) + (x[2, 1] - mu[1])", "var_wrt_mu[1]")


def test_planted_errors_are_caught():
    page = written("batch_norm")
    judge = Judge(page)
    first_column = [line for line in page.lines() if not line.left.atoms(Indexed) or is_first_column(line)]
    caught = 0
    for line in first_column:
        if any(harmless in text_of(line) for harmless in HARMLESS):
            continue
        for wrong in broken(line):
            assert not judge.is_true(wrong), text_of(wrong)
            caught += 1
    assert caught > 150


def is_first_column(line: Line) -> bool:
    return all(element.indices[-1] == 1 for element in line.left.atoms(Indexed))


# The notes, for N = 2 and D = 3


@pytest.mark.parametrize(
    "line",
    [
        "mu[1] = 1/2*(x[1, 1] + x[2, 1])",
        "var[2] = 1/2*((x[1, 2] - mu[2])**2 + (x[2, 2] - mu[2])**2)",
        "xhat[2, 3] = (x[2, 3] - mu[3])/sqrt(var[3] + eps)",
        "y[2, 1] = gamma[1]*xhat[2, 1] + beta[1]",
        "dvar[1] = dxhat[1, 1]*xhat_wrt_var[1, 1] + dxhat[2, 1]*xhat_wrt_var[2, 1]",
        "xhat_wrt_var[1, 1] = -1/2*(x[1, 1] - mu[1])/(var[1] + eps)**(3/2)",
        "dvar[1] = -1/2*(dxhat[1, 1]*(x[1, 1] - mu[1]) + dxhat[2, 1]*(x[2, 1] - mu[1]))/(var[1] + eps)**(3/2) =: A[1]",
        "dvar[3] = -1/2*(dxhat[1, 3]*(x[1, 3] - mu[3]) + dxhat[2, 3]*(x[2, 3] - mu[3]))/(var[3] + eps)**(3/2) =: A[3]",
        "dmu[1] = dxhat[1, 1]*xhat_wrt_mu[1, 1] + dxhat[2, 1]*xhat_wrt_mu[2, 1] + dvar[1]*var_wrt_mu[1]",
        "var_wrt_mu[1] = -((x[1, 1] - mu[1]) + (x[2, 1] - mu[1]))",
        "dmu[1] = -A[1]*((x[1, 1] - mu[1]) + (x[2, 1] - mu[1])) - (dxhat[1, 1] + dxhat[2, 1])/sqrt(var[1] + eps)",
        "dx[2, 1] = A[1]*(x[2, 1] - mu[1]) + dxhat[2, 1]/sqrt(var[1] + eps) + 1/2*B[1]",
        "dgamma[1] = dy[1, 1]*y_wrt_gamma[1, 1] + dy[2, 1]*y_wrt_gamma[2, 1]",
        "dgamma[2] = dy[1, 2]*xhat[1, 2] + dy[2, 2]*xhat[2, 2]",
        "dbeta[3] = dy[1, 3] + dy[2, 3]",
        "(x[1, 1] - mu[1]) + (x[2, 1] - mu[1]) = 0",
    ],
)
def test_the_notes(line):
    shown = texts(written("batch_norm"))
    assert line in [text.split(" =: ")[0] if " =: " not in line else text for text in shown]


def test_the_order_is_that_of_the_notes():
    page = written("batch_norm")
    wholes = [part.quantity.name for s in page.sections for part in s.parts if isinstance(part, Whole)]
    assert wholes == ["x", "gamma", "beta", "mu", "var", "xhat", "y", "dy", "dx", "dgamma", "dbeta"]
    gradients = [name_of(s.heading[1]) for s in page.sections if s.heading[0] == "Gradient with respect to "]
    assert gradients == ["xhat", "var", "mu", "x", "gamma", "beta"]


def test_each_element_has_chain_rule_local_derivatives_and_total_in_this_order():
    (variances,) = [s for s in written("batch_norm").sections if len(s.heading) > 1 and name_of(s.heading[1]) == "var"]
    for group in variances.parts:
        assert isinstance(group, Group)
        (lines,) = group.elements
        assert [line.rule for line in lines] == ["chain-rule", "local-derivative", "local-derivative", "total"]


def test_elements_that_share_smaller_quantities_stand_together():
    def places(name: str, extents: dict[str, int], of: str) -> list[tuple[list[str], list[str]]]:
        sections = [s for s in written(name, extents).sections if len(s.heading) > 1]
        (section,) = [s for s in sections if name_of(s.heading[1]) == of]
        return [
            ([f"{i}={k}" for i, k in g.at], [expression_text(lines[0].left) for lines in g.elements])
            for g in section.parts
            if isinstance(g, Group)
        ]

    columns = places("batch_norm", {"N": 2, "D": 3}, "x")
    assert columns[0] == (["j=1"], ["dx[1, 1]", "dx[2, 1]"])
    assert len(columns) == 3
    rows = places("layer_norm", {"R": 2, "F": 3}, "a")
    assert rows == [(["r=1"], ["da[1, 1]", "da[1, 2]", "da[1, 3]"]), (["r=2"], ["da[2, 1]", "da[2, 2]", "da[2, 3]"])]


# Labels


def test_labels_are_letters_that_the_layer_does_not_use():
    assert {q.name: q.of for q in written("batch_norm").labels} == {"A": "dvar", "B": "dmu"}
    # a, b and the extents F and R are taken.
    page = written("layer_norm", {"R": 2, "F": 3})
    assert {q.name: q.of for q in page.labels} == {"C": "dvar", "D": "dmü"}
    # dp is a sum and is used; the extents C, K, R, V are taken, and what q, k, v, s, m, p, o are the matrices of.
    page = written("attention", {"R": 1, "C": 2, "K": 2, "V": 2})
    assert {q.name: q.of for q in page.labels} == {"A": "dp", "B": "dm", "D": "ds"}


def test_a_symbol_of_the_author_is_taken_too():
    graph = parse_layer(BATCH_NORM + 'beta: r"\\mathbf{A}_0"\nmu: r"B"\n', "sample")
    assert [label.name for label in write_out(graph, NOTES).labels] == ["C", "E"]


def test_what_nobody_uses_and_what_is_no_sum_has_no_label():
    page = written("batch_norm")
    labeled = {name_of(line.left) for line in page.lines() if line.label is not None}
    assert {"dvar", "dmu"} == labeled


def test_a_label_is_used_after_it_is_defined_only():
    known: set[str] = set()
    for line in written("attention", {"R": 1, "C": 2, "K": 2, "V": 2}).lines():
        assert {name for name in names_in(line.right) if name in "ABD"} <= known
        if line.label is not None:
            known.add(str(name_of(line.label)))
    assert {"A", "B", "D"} == known


# Forms


@pytest.mark.parametrize("form", FORMS)
def test_the_closed_form_is_the_one_that_was_asked_for(form):
    page = written("batch_norm", NOTES, form)
    closed = [line for line in page.lines() if line.rule == "closed-form"]
    assert (form == "staged") == (not closed)
    if form == "reuse":
        assert {"dx", "dgamma", "dbeta"} == {name_of(line.left) for line in closed}
        assert "dgamma[1]" in text_of(next(line for line in closed if name_of(line.left) == "dx"))


def test_only_what_is_wanted():
    page = write_out(parse_layer(BATCH_NORM, "sample"), NOTES, wrt=["gamma"])
    assert {"dgamma", "y_wrt_gamma"} <= {name_of(line.left) for line in page.lines()}
    assert not any(name_of(line.left) == "dx" for line in page.lines())


def test_an_input_that_nothing_uses_has_gradient_zero():
    lines = [line for line in written("cube", CASES[5][1]).lines() if name_of(line.left) == "dunused"]
    assert lines
    assert {Integer(0)} == {line.right for line in lines}


def test_a_maximum_that_has_a_name_is_called_by_it():
    page = written("attention", {"R": 1, "C": 2, "K": 2, "V": 2})
    assert "m[1] = maximum(s[1, 1], s[1, 2])" in texts(page)
    derivatives = [line for line in page.lines() if name_of(line.left) == "m_wrt_s"]
    assert derivatives
    assert all("s[1, 1] == m[1]" in text_of(line) or "m[1] == s[1, 1]" in text_of(line) for line in derivatives)
    assert not any(line.right.has(MaxOver) for line in page.lines())


# What cannot be written out


@pytest.mark.parametrize(
    ("extents", "message"),
    [
        ({"N": 2}, "no number for the extent D; to write 'sample' out, each of these needs one: N, D"),
        ({}, "no number for the extents N, D; to write"),
        ({"N": 2, "D": 3, "M": 4}, "the layer 'sample' has no extent 'M'; its extents: N, D"),
        ({"N": 0, "D": 3}, "the extent N must be a whole number from 1 to 8, not 0"),
        ({"N": -2, "D": 3}, "the extent N must be a whole number from 1 to 8, not -2"),
        ({"N": 9, "D": 3}, "the extent N must be a whole number from 1 to 8, not 9"),
        ({"N": "2", "D": 3}, "the extent N must be a whole number from 1 to 8, not '2'"),
        ({"N": 2.0, "D": 3}, "the extent N must be a whole number from 1 to 8, not 2.0"),
        ({"N": True, "D": 3}, "the extent N must be a whole number from 1 to 8, not True"),
    ],
)
def test_extents_that_make_no_sense_are_errors(extents, message):
    with pytest.raises(UsageError) as raised:
        write_out(parse_layer(BATCH_NORM, "sample"), extents)
    assert message in str(raised.value)
    assert "whole number" not in message or str(MOST_PER_SIDE) in message


def test_facts_about_extents_are_respected():
    graph = parse_layer(LAYER_NORM, "sample")
    with pytest.raises(UsageError, match=r"R=2, F=1 contradicts what the layer says: assert F > 1"):
        write_out(graph, {"R": 2, "F": 1})
    assert write_out(graph, {"R": 1, "F": 2}).labels


def test_a_value_that_does_not_exist_names_its_quantity():
    graph = parse_layer("x: [N]\nv = sum(x[i]**2 for i in N)/(N - 1)\n", "sample")
    with pytest.raises(UsageError, match=r"with N=1, v cannot be written out: it divides by zero"):
        write_out(graph, {"N": 1})


def test_quantities_of_too_many_elements_are_errors():
    graph = parse_layer(CUBE, "sample")
    with pytest.raises(UsageError, match=f"x has 96 elements; at most {MOST_ELEMENTS} are written out"):
        write_out(graph, {"B": 4, "N": 6, "D": 4, "E": 1})


def test_an_extent_is_recognized_as_its_author_may_write_it():
    graph = parse_layer("x: [ℕ]\ny[i] = 2*x[i]\n", "sample")
    assert graph.extents == ("N",)
    assert dict(write_out(graph, {"ℕ": 2}).extents) == {"N": 2}
