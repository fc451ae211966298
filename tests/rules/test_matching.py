"""Matching up to the names of indices."""

import pytest
from algebra import expr, normal
from sympy import Expr

from derive.graph import index_symbol
from derive.indices import substitute
from derive.rules.matching import match, match_factors, whole_matches
from derive.rules.polynomial import monomial_indices

i, j, k = (index_symbol(name) for name in "ijk")


def bindings(pattern: Expr, target: Expr) -> list[dict[str, str]]:
    return [{a.name: b.name for a, b in found.items()} for found in whole_matches(pattern, target)]


@pytest.mark.parametrize(
    ("pattern", "target", "expected"),
    [
        ("exp(x[i, j] - mu[j])", "exp(x[k, j] - mu[j])", {"i": "k", "j": "j"}),
        ("mu[j] + x[i, j]", "x[k, j] + mu[j]", {"i": "k", "j": "j"}),
        ("s[i, i] + 1", "s[k, k] + 1", {"i": "k"}),
        ("s[i, k] + 1", "s[k, k] + 1", {"i": "k", "k": "k"}),
        ("s[i, k]*w[i]", "s[k, i]*w[k]", {"i": "k", "k": "i"}),
        ("sum(s[i, l]*w[l] for l in N)", "sum(s[k, i]*w[i] for i in N)", {"i": "k"}),
        ("max(x[l, j] for l in N)", "max(x[i, j] for i in N)", {"j": "j"}),
        ("t + eps", "eps + t", {}),
    ],
)
def test_a_match(pattern: str, target: str, expected: dict[str, str]) -> None:
    own = expr(pattern, ", ".join(expected) or "i")
    there = expr(target, ", ".join(dict.fromkeys(expected.values())) or "i")
    found = bindings(own, there)
    assert found == [expected]
    if "for" not in pattern:
        renaming = {index_symbol(a): index_symbol(b) for a, b in expected.items()}
        assert substitute(own, renaming) == there


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("s[i, i] + 1", "s[i, k] + 1"),
        ("s[i, k]*w[i]", "s[i, k]*w[k]*1"),
        ("x[i, j] + 1", "x[i, j] + 2"),
        ("x[i, j] + 1", "y[i, j] + 1"),
        ("x[i, j] + mu[j]", "x[i, j] + mu[j] + 1"),
        ("exp(x[i, j])", "log(x[i, j])"),
        ("x[i, j]**2", "x[i, j]**3"),
        ("sum(w[l]*s[i, l] for l in N)", "sum(w[l]*s[l, i] for l in N)"),
        ("sum(x[l, j] for l in N)", "sum(x[i, l] for l in D)"),
        ("sum(w[l] for l in N)", "max(w[l] for l in N)"),
        ("sum(1/N for l in N)", "sum(1/N for l in D)"),
    ],
)
def test_no_match(pattern: str, target: str) -> None:
    left = "i, k" if "k" in pattern + target else "i, j"
    found = bindings(expr(pattern, left), expr(target, left))
    # A transposed element alone is a renaming; w tells its indices apart.
    if pattern == "s[i, k]*w[i]":
        assert found == [] or all(b != {"i": "i", "k": "k"} for b in found)
    else:
        assert found == []


def test_a_pattern_does_not_reach_what_the_target_binds() -> None:
    """The free i of the pattern cannot be the bound l of the target."""
    assert bindings(expr("s[i, i]"), expr("s[k, k]", "k")) == [{"i": "k"}]
    own = expr("sum(s[i, l] for l in N)", "i")
    there = expr("sum(s[l, l] for l in N)", "")
    assert bindings(own, there) == []


def test_match_keeps_what_is_bound_already() -> None:
    unknown = frozenset({i})
    assert list(match(expr("w[i]"), expr("w[k]", "k"), unknown, {i: k})) == [{i: k}]
    assert list(match(expr("w[i]"), expr("w[k]", "k"), unknown, {i: j})) == []


class TestFactors:
    @staticmethod
    def found(pattern: str, target: str) -> list[tuple[dict[str, str], str]]:
        [own], [there] = (list(normal(text, left="i, j, k").terms) for text in (pattern, target))
        unknown = frozenset(monomial_indices(own))
        return [
            ({a.name: b.name for a, b in binding.items()}, "*".join(str(base) for base, _ in rest))
            for binding, rest in match_factors(own, there, unknown, {})
        ]

    def test_all_factors_are_found_and_the_others_left(self) -> None:
        assert self.found("w[i]*x[i, j]", "w[k]*mu[j]*x[k, j]") == [({"i": "k", "j": "j"}, "mu[j]")]

    def test_every_way_is_offered(self) -> None:
        assert len(self.found("w[i]", "w[i]*w[k]")) == 2

    @pytest.mark.parametrize("target", ["w[k]*x[i, j]", "w[i]*x[i, j]**2", "w[i]*y[i, j]", "w[i]"])
    def test_other_indices_powers_or_factors_are_no_match(self, target: str) -> None:
        assert self.found("w[i]*x[i, j]", target) == []
