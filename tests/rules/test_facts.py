"""Facts about totals: what the forward pass says of sums, read backwards."""

import pytest
from algebra import normal
from sympy import Expr

from derive.graph import Graph
from derive.indices import canonical_bound
from derive.parser import parse_layer
from derive.pipeline import load
from derive.printing.grammar import expression_text
from derive.rules.basis import known_signs, plain_equations, relations, unfold
from derive.rules.facts import reduction_facts, solve_for_total
from derive.rules.normal_form import Vocabulary, base_expression, expression_of, replacement

SOFTMAX = "x: [N, C]\ne[n, c] = exp(x[n, c])\ns[n] = sum(e[n, k] for k in C)\np[n, c] = e[n, c]/s[n]"


def facts_of(graph: Graph, *solved: tuple[str, str]) -> dict[str, str]:
    """Source: the fact, in a vocabulary in which the given relations (older, newer) are used, newest last."""
    plain = plain_equations(graph)
    signs = known_signs(graph, plain)
    vocabulary = Vocabulary(nonnegative=signs.nonnegative)
    offered = {(r.older, r.newer): r for r in relations(plain, signs, frozenset())}
    for pair in reversed(solved):
        value = vocabulary.normalize(expression_of(offered[pair].value))
        vocabulary.replacements[pair[0]] = replacement(offered[pair].element, value, optional=True)
    reduction_facts(graph.facts, plain, vocabulary, signs.nonzero)
    def text(expression: Expr) -> str:
        return expression_text(canonical_bound(unfold(expression, plain)))

    facts = vocabulary.facts
    return {f.source: f"{text(base_expression(f.total))} = {text(expression_of(f.value))}" for f in facts}


def test_a_mean() -> None:
    assert facts_of(load("batch_norm"))["mu"] == "sum(x[N 1.0, j] for N 1.0 in N) = N*mu[j]"


def test_a_variance() -> None:
    found = facts_of(load("batch_norm"))["var"]
    assert found == "sum((x[N 1.0, j] - mu[j])**2 for N 1.0 in N) = N*var[j]"


def test_a_variance_and_a_mean_in_terms_of_what_is_normalized() -> None:
    graph = load("batch_norm")
    [hidden] = [p.name for p in plain_equations(graph) if p.hidden and "mu" in str(p.expression)]
    found = facts_of(graph, ("x", hidden), (hidden, "xhat"))
    assert found["mu"] == "sum(xhat[N 1.0, j] for N 1.0 in N) = 0"
    assert found["var"].startswith("sum(xhat[N 1.0, j]**2 for N 1.0 in N) = N*var[j]/(var[j] + eps)")


def test_a_softmax_adds_up_to_one() -> None:
    assert facts_of(parse_layer(SOFTMAX))["s"] == "sum(e[n, C 1.0] for C 1.0 in C) = s[n]"
    assert facts_of(parse_layer(SOFTMAX), ("e", "p"))["s"] == "sum(p[n, C 1.0] for C 1.0 in C) = 1"


def test_a_weighted_mean() -> None:
    graph = parse_layer("x: [N]\nw: constant[N]\nm = sum(w[i]*x[i] for i in N)/sum(w[i] for i in N)")
    [hidden] = [p.name for p in plain_equations(graph) if p.hidden and "x" in str(p.expression)]
    expected = "sum(w[N 1.0]*x[N 1.0] for N 1.0 in N) = m*sum(w[N 1.0] for N 1.0 in N)"
    assert facts_of(graph, (hidden, "m"))[hidden] == expected


def test_what_is_asserted_has_no_source() -> None:
    text = "x: []\nt: constant[N, C]\nassert sum(t[n, c] for c in C) == 1\ny[n, c] = t[n, c]*x"
    assert facts_of(parse_layer(text)) == {"": "sum(t[n, C 1.0] for C 1.0 in C) = 1"}


def test_an_inequality_is_no_fact_about_a_total() -> None:
    text = "x: []\nt: constant[N]\nassert sum(t[n] for n in N) > 0\ny[n] = t[n]*x"
    assert facts_of(parse_layer(text)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "sum(w[k] for k in N) - sum(v[k] for k in N)",  # two totals
        "t*sum(w[k] for k in N) - eps",  # t may be zero
        "sum(w[k] for k in N)**2 - t",  # a square has two roots
        "sum(w[k] for k in N)*sum(v[k] for k in N) - t",
        "w[i] - v[i]",  # none
        "sum(w[k] for k in N) - v[i]",  # a value with an index that the total does not have
    ],
)
def test_what_cannot_be_solved(text: str) -> None:
    assert solve_for_total(normal(text), frozenset()) is None


def test_a_factor_that_is_known_not_to_be_zero_is_divided_by() -> None:
    solved = solve_for_total(normal("2*t*sum(w[k] for k in N) - eps"), frozenset({"t"}))
    assert solved is not None
    assert expression_text(expression_of(solved[1])) == "1/2*eps/t"
