"""Sums in one another over the same extents: no rule lets one bind an index of another."""

import random
from collections.abc import Iterator

import pytest
from algebra import expr, normal, same_values
from sympy import Expr
from sympy.core.parameters import distribute

from derive.graph import index_symbol
from derive.indices import canonical_bound, separate_bound, substitute
from derive.rules.collect import collect, nest
from derive.rules.normal_form import TotalFact, Vocabulary
from derive.rules.polynomial import Total, make_total

i, k = index_symbol("i"), index_symbol("k")


@pytest.fixture(autouse=True)
def _as_the_pipeline_does() -> Iterator[None]:
    with distribute(False):
        yield


def random_sums(rng: random.Random, around: tuple[str, ...] = ("i", "k"), depth: int = 2) -> str:
    """A few products of elements and of powers of sums, over more and more indices of the same extent."""
    return " + ".join(random_product(rng, around, depth) for _ in range(rng.choice([1, 2, 2])))


def random_product(rng: random.Random, around: tuple[str, ...], depth: int) -> str:
    def at() -> str:
        return rng.choice(around)

    factors = [rng.choice([f"s[{at()}, {at()}]", f"s[{at()}, {at()}]", f"w[{at()}]", f"v[{at()}]", "t"])]
    if depth:
        new = tuple(f"k{len(around) + n}" for n in range(rng.choice([1, 1, 2])))
        body = random_sums(rng, (*around, *new), depth - 1)
        ranges = " ".join(f"for {name} in N" for name in new)
        factors.append(f"sum({body} {ranges}){rng.choice(['', '', '', '**2', '**(-1)', '**5'])}")
    return "*".join(factors)


@pytest.mark.parametrize("seed", range(60))
def test_sums_keep_their_values(seed: int) -> None:
    text = random_sums(random.Random(seed))
    written = expr(text, "i, k")
    found = normal(text, left="i, k")
    assert same_values(found, written, left="ik"), text
    for means in (True, False):
        factored = collect(found, means)
        assert same_values(factored, written, left="ik"), text
        named = canonical_bound(factored)
        assert same_values(named, written, left="ik"), text
        assert named == canonical_bound(separate_bound(factored, "other ")), text
    assert same_values(found.renamed({i: k, k: i}), substitute(written, {i: k, k: i}), left="ik"), text


def test_a_sum_that_is_taken_into_another_binds_an_index_of_its_own() -> None:
    """The sums over k and l of the second share with the first what stands outside, and come under one name."""
    for text in (
        "sum(s[k, i]*w[k] for k in N) + sum(s[l, k]*s[k, i] for k in N for l in N)",
        "sum(w[k]*v[k] for k in N) + sum(s[k, l]*w[l] for k in N for l in N)",
    ):
        for means in (True, False):
            assert same_values(collect(normal(text, left="i"), means), expr(text, "i"), left="i")


def test_a_nested_sum_is_higher_than_what_stands_in_it() -> None:
    [(monomial, _)] = normal("sum(s[k, l]*s[i, k] for k in N for l in N)", left="i").terms.items()
    [(total, _)] = monomial
    assert isinstance(total, Total)
    nested = nest(total)
    [inner] = [base for base, _ in nested.monomial if isinstance(base, Total)]
    assert [symbol.name for symbol, _ in (*nested.limits, *inner.limits)] == ["N 2.0", "N 1.0"]


def test_the_names_of_a_sum_avoid_the_free_indices() -> None:
    [(monomial, _)] = normal("s[i, k]*w[k]", left="i, k").renamed({i: index_symbol("N 1.0")}).terms.items()
    total = make_total(monomial, [(k, expr("N").free_symbols.pop())])
    assert [symbol.name for symbol, _ in total.limits] == ["N 2.0"]
    assert canonical_bound(substitute(expr("sum(s[i, k] for k in N)", "i"), {i: index_symbol("N 1.0")})) == substitute(
        canonical_of("N 2.0"), {i: index_symbol("N 1.0")}
    )


def canonical_of(name: str) -> Expr:
    found = expr("sum(s[i, k] for k in N)", "i")
    [limit] = found.limits
    return found.func(substitute(found.function, {limit[0]: index_symbol(name)}), (index_symbol(name), *limit[1:]))


def test_the_value_of_a_fact_has_a_sum_that_the_sum_around_it_does_not_bind() -> None:
    """sum_l s[k, l] = sum_l s[l, k] for every k, inside a sum over k."""
    rows, columns = (normal(f"sum({element} for l in N)", left="k") for element in ("s[k, l]", "s[l, k]"))
    [(((total, _),), _)] = rows.terms.items()
    vocabulary = Vocabulary(facts=[TotalFact(total, columns)])
    found = vocabulary.normalize(expr("sum(w[k]*s[k, l] for k in N for l in N)", ""))
    assert found == normal("sum(w[k]*s[l, k] for k in N for l in N)", left="")
