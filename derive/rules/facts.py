"""Facts about totals: every reduction of the forward pass read backwards, and every equality that the layer asserts.

mu = mean(x) says that the x_ij of a column add up to N*mu_j; written in the basis, that their xhat add up to 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Integer

from derive.graph import Fact, name_of
from derive.rules.basis import PlainEquation
from derive.rules.normal_form import TotalFact, Vocabulary
from derive.rules.polynomial import Polynomial, Total, base_indices, make_monomial


def reduction_facts(
    asserted: Sequence[Fact], plain: Sequence[PlainEquation], vocabulary: Vocabulary, nonzero: frozenset[str]
) -> None:
    """Add to the vocabulary, in its own terms, the value of each total that the forward equations determine."""
    for equation in plain:
        _read_backwards(vocabulary, equation.element, equation.expression, equation.name, nonzero)
    for fact in asserted:
        if fact.relation == "==":
            _read_backwards(vocabulary, fact.left, fact.right, "", nonzero)


def _read_backwards(vocabulary: Vocabulary, left: Expr, right: Expr, source: str, nonzero: frozenset[str]) -> None:
    difference = vocabulary.normalize(left) + vocabulary.normalize(right).scaled(Integer(-1))
    solved = solve_for_total(difference, nonzero)
    if solved is not None:
        vocabulary.learn(TotalFact(*solved, source=source))


def solve_for_total(difference: Polynomial, nonzero: frozenset[str]) -> tuple[Total, Polynomial] | None:
    """From difference = 0 the value of its only total, if there is just one and its factor cannot vanish."""
    holders = [m for m in difference.terms if any(isinstance(base, Total) for base, _ in m)]
    if len(holders) != 1:
        return None
    [monomial] = holders
    totals = [(base, exponent) for base, exponent in monomial if isinstance(base, Total)]
    if len(totals) != 1 or totals[0][1] != 1:
        return None
    [(total, _)] = totals
    factor = [(base, exponent) for base, exponent in monomial if base is not total]
    for base, exponent in factor:
        assert not isinstance(base, Total)
        if exponent > 0 and not (base.is_nonzero or name_of(base) in nonzero):
            return None
    number, inverse = make_monomial((base, -exponent) for base, exponent in factor)
    rest = Polynomial({m: -c for m, c in difference.terms.items() if m != monomial})
    value = rest * Polynomial({inverse: number / difference.terms[monomial]})
    # A value with indices that the total does not have would be no value: i[sum_k x_k] = ... for each i alike.
    if set(value.indices) - set(base_indices(total)):
        return None
    return total, value


