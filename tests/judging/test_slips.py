"""Each slip proposes what was meant: rows of (what the author wrote, what is proposed for it, the words)."""

import pytest
from lines import parse_equations
from sympy import Add

from derive.claims.vocabulary import vocabulary_of
from derive.graph import Equation
from derive.indices import canonical_bound
from derive.judging.edits import edits_of
from derive.judging.places import Ground, places_in
from derive.pipeline import load

VOCABULARY = vocabulary_of(load("layer_norm"))
GROUND = Ground(
    VOCABULARY,
    VOCABULARY.known,
    [node for e in VOCABULARY.graph.equations for node in sorted(e.expression.atoms(Add), key=str)],
    "dx",
)


def read(text: str) -> Equation:
    (line,) = parse_equations(f"dx[i, j] = {text}", VOCABULARY.known)
    assert isinstance(line, Equation)
    return line


ROWS = [
    ("x[i, j] + mu[i]", "x[i, j] - mu[i]", "the sign of mu[i] should be -"),
    ("x[i, j] - mu[i] - var[i]", "x[i, j] - mu[i]", "the term var[i] is one too many"),
    ("sqrt(var[i])", "sqrt(var[i] + eps)", "eps is missing: var[i] + eps, not var[i]"),
    ("dy[i, j]*x[i, j]", "dy[i, j]*(x[i, j] - mu[i])", "mu[i] is not subtracted: x[i, j] - mu[i], not x[i, j]"),
    ("dy[i, j]/sqrt(var[i] + eps)", "dy[i, j]*(var[i] + eps)**(-3/2)", "should be -3/2, not -1/2"),
    ("dy[i, j]*sqrt(var[i] + eps)", "dy[i, j]/sqrt(var[i] + eps)", "one divides by the root of var[i] + eps"),
    ("gamma[j]**2*dy[i, j]", "gamma[j]*dy[i, j]", "the exponent of gamma[j] should be 1, not 2"),
    ("gamma[j]*dy[i, j]", "dy[i, j]/gamma[j]", "one divides by gamma[j], and does not multiply with it"),
    ("gamma[j]*dy[i, j]", "dy[i, j]", "the factor gamma[j] is one too many"),
    ("gamma[j]*sum(dy[i, k] for k in D)", "sum(gamma[k]*dy[i, k] for k in D)", "gamma[j] is pulled out of a sum"),
    ("sum(dy[i, k] for k in D)", "sum(dy[i, k]*xhat[i, k] for k in D)", "the factor xhat[i, k] is missing in"),
    ("sum(dy[i, k] for k in D)*sum(xhat[i, k] for k in D)", "sum(dy[i, k]*xhat[i, k] for k in D)", "the product of"),
    ("sum(dy[i, j] for k in D)", "sum(dy[i, k] for k in D)", "dy[i, k] belongs where dy[i, j] stands"),
    ("x[i, j]*dy[i, j]", "xhat[i, j]*dy[i, j]", "xhat[i, j] belongs where x[i, j] stands"),
    ("x[i, j]*sum(x[i, k] for k in D)", "xhat[i, j]*sum(xhat[i, k] for k in D)", "xhat[i, j] belongs where x[i, j]"),
    ("dy[i, j]/N", "dy[i, j]/D", "D belongs where N stands"),
    ("dy[i, j]/(D - 1)", "dy[i, j]/D", "D belongs where D - 1 stands"),
    ("mean(dy[k, j] for k in N)", "mean(dy[i, k] for k in D)", "the sum runs over N, and should run over D"),
    ("exp(x[i, j])", "log(x[i, j])", "log(x[i, j]) belongs where exp(x[i, j]) stands"),
    ("max(dy[i, k] for k in D)", "sum(dy[i, k] for k in D)", "a sum belongs where a max stands"),
    ("dy[i, j]*gamma[j]", "dy[i, j] + gamma[j]", "a + belongs where a * stands"),
]


@pytest.mark.parametrize(("written", "meant", "words"), ROWS, ids=[row[0] for row in ROWS])
def test_what_was_meant_is_among_the_edits(written: str, meant: str, words: str) -> None:
    line, wanted = read(written), read(meant)
    found = [e for e in edits_of(line.expression, line.indices, GROUND)
             if canonical_bound(e.expression) == canonical_bound(wanted.expression)]  # fmt: skip
    assert any(words in edit.message for edit in found), [edit.message for edit in found]


def test_no_edit_is_the_expression_itself_or_has_no_value() -> None:
    for written, _, _ in ROWS:
        line = read(written)
        for edit in edits_of(line.expression, line.indices, GROUND):
            assert edit.expression != line.expression
            assert "zoo" not in str(edit.expression)


def test_the_likeliest_comes_first() -> None:
    line = read("x[i, j] + mu[i]")
    costs = [edit.cost for edit in edits_of(line.expression, line.indices, GROUND)]
    assert costs == sorted(costs)


def test_places_know_what_is_around_them() -> None:
    line = read("sqrt(sum(dy[i, k]*gamma[k] for k in D)) + dy[i, j]")
    for place in places_in(line.expression, line.indices):
        assert place.put(place.node) == line.expression
    inner = [place for place in places_in(line.expression, line.indices) if str(place.node) == "gamma[k]"]
    assert [index.name for index in inner[0].bound] == ["k"]
    assert not inner[0].linear
    assert [place.whole for place in places_in(line.expression, line.indices)][:2] == [True, False]
