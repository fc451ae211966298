"""The verdicts: what holds however it is written, what holds under a condition, and where a mistake is reported."""


import pytest
from time_limits import within

from derive.audit import Audit
from derive.checker import check_claims
from derive.errors import LayerError, UsageError
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text


def kinds(audit: Audit) -> list[str]:
    return [verdict.kind for verdict in audit.verdicts]


RIGHT = """
inv[j] = 1/sqrt(var[j] + eps)
dxhat[i, j] = dy[i, j]*gamma[j] = gamma[j]*dy[i, j]
dvar[j] = -1/2*inv[j]**3*sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)
dmu[j] = -inv[j]*sum(dxhat[i, j] for i in N) - 2*dvar[j]*mean(x[i, j] - mu[j] for i in N)
dx[i, j] = inv[j]*dxhat[i, j] + dvar[j]*2*(x[i, j] - mu[j])/N + dmu[j]/N
dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - sum(dy[i, j] for i in N) - xhat[i, j]*sum(dy[i, j]*xhat[i, j] for i in N))
dx[i, j] = gamma[j]*(var[j] + eps)**(-1/2)*(dy[i, j] - dbeta[j]/N - xhat[i, j]*dgamma[j]/N)
dx[i, j] = inv[j]*(dxhat[i, j] - mean(dxhat[k, j] for k in N) - xhat[i, j]*mean(dxhat[k, j]*xhat[k, j] for k in N))
dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)
dbeta[j] = sum(dy[i, j] for i in N)
assert sum(dx[i, j] for i in N) == 0
sum(xhat[i, j]**2 for i in N) = N*var[j]/(var[j] + eps)
xhat_wrt_var[i, j] = -(x[i, j] - mu[j])/2*inv[j]**3
xhat_wrt_x[i, j, k, l] = delta(i, k)*delta(j, l)*inv[j]
"""


def test_whatever_is_right_holds() -> None:
    audit = check_claims("batch_norm", RIGHT)
    assert set(kinds(audit)) == {"holds", "definition"}
    assert audit.exit_code == 0
    assert audit.missing == ()


@pytest.mark.parametrize("name", layer_names())
def test_the_results_of_every_layer_hold(name: str) -> None:
    lines = [equation_text(line) for form in ("staged", "reuse") for line in derive(name, form).results]
    audit = check_claims(name, "\n".join(lines))
    assert set(kinds(audit)) <= {"holds", "definition"}
    assert audit.missing == ()


def test_one_mistake_is_reported_once_where_it_is_made() -> None:
    lines = RIGHT.strip().splitlines()
    lines[2] = lines[2].replace("-1/2", "1/2")
    audit = check_claims("batch_norm", "\n".join(lines))
    assert [(v.line, v.kind) for v in audit.verdicts if v.kind not in ("holds", "definition")] == [(3, "wrong")]
    assert audit.exit_code == 1


def test_in_a_chain_too() -> None:
    audit = check_claims("batch_norm", "dbeta[j] = mean(dy[i, j] for i in N) = sum(dy[i, j] for i in N)/N")
    assert kinds(audit) == ["wrong", "holds"]
    assert audit.verdicts[1].note == "it follows from what is before it"
    audit = check_claims("batch_norm", "dbeta[j] = mean(dy[i, j] for i in N) = sum(dy[i, j] for i in N)")
    assert kinds(audit) == ["wrong", "holds"]
    audit = check_claims("batch_norm", "dbeta[j] = sum(dy[i, j] for i in N) = 2*sum(dy[i, j] for i in N)")
    assert kinds(audit) == ["holds", "wrong"]
    assert "yours/true = 2" in (audit.verdicts[1].diagnosis or "")


@pytest.mark.parametrize(
    ("layer", "line", "condition"),
    [
        ("batch_norm", "dbeta[j] = sum(dy[i, j]*gamma[j] for i in N)", "gamma[j] == 1"),
        ("batch_norm", "var[j] = mean(x[i, j]**2 for i in N)", "mean(x[i, j] for i in N) == 0"),
        ("batch_norm", "y[i, j] = gamma[j]*xhat[i, j]", "beta[j] == 0"),
        ("softmax_cross_entropy_soft", "dx[n, c] = (p[n, c] - t[n, c])/N", "sum(t[n, c] for c in C) == 1"),
        ("batch_norm_masked", "dbeta[j] = sum(dy[i, j] for i in N)", None),
    ],
)
def test_conditions_that_people_have(layer: str, line: str, condition: str | None) -> None:
    (found,) = check_claims(layer, line).verdicts
    assert found.condition == condition
    assert found.kind == ("conditional" if condition else "holds")


def test_what_is_undefined_for_a_batch_of_one_holds_for_more() -> None:
    (found,) = check_claims("batch_norm", "dbeta[j] = sum(dy[i, j] for i in N)*(N - 1)/(N - 1 + 0*N)").verdicts
    assert found.kind == "holds"
    (found,) = check_claims("batch_norm", "var[j] = sum((x[i, j] - mu[j])**2 for i in N)*log(N)/(N*log(N))").verdicts
    assert found.kind in ("holds", "conditional")


def test_the_only_scalar_output_is_the_loss_unless_its_gradient_is_mentioned() -> None:
    audit = check_claims("softmax_cross_entropy", "dx[n, c] = (p[n, c] - t[n, c])/N")
    assert kinds(audit) == ["holds"]
    assert audit.notes == ("L is taken as the loss itself: dL = 1",)
    audit = check_claims("softmax_cross_entropy", "ds[n] = dL/(N*s[n])\ndx[n, c] = (p[n, c] - t[n, c])/N")
    assert kinds(audit) == ["holds", "wrong"]
    assert audit.notes == ()


def test_a_quantity_that_leads_to_no_output_is_the_authors_own() -> None:
    lines = "dp[n, c] = -t[n, c]/(N*p[n, c])\ndx[n, c] = sum(dp[n, k]*p[n, k]*(delta(c, k) - p[n, c]) for k in C)\n"
    assert kinds(check_claims("softmax_cross_entropy", lines)) == ["definition", "holds"]


def test_sums_that_would_not_end_are_refused() -> None:
    deep = "dy[a, j]"
    for letter in "abcdefghik":
        deep = f"sum({deep} for {letter} in N)"
    (found,) = check_claims("batch_norm", f"dbeta[j] = {deep}").verdicts
    assert found.kind == "unreadable"
    assert "terms for a small batch" in (found.diagnosis or "")


@pytest.mark.parametrize(
    "right",
    ["sqrt(exp(-1 - gamma[j]))", "gamma[j]*exp(-1 - gamma[j])", "tanh(-1 - gamma[j])*sqrt(exp(-2 - beta[j]))",
     "exp(-1 - gamma[j])**gamma[j]", "sqrt(exp(gamma[j] - 1)*abs(-1 - beta[j]))", "log(-gamma[j] - 1)", "0/gamma[j]"],
)  # fmt: skip
def test_functions_whose_sign_sympy_cannot_tell(right: str) -> None:
    (found,) = check_claims("batch_norm", f"dbeta[j] = {right}").verdicts
    assert found.kind == "wrong"
    assert found.correct == "dbeta[j] = sum(dy[i, j] for i in N)"


def test_a_name_that_is_nearly_a_gradient_is_asked_about() -> None:
    (found,) = check_claims("batch_norm", "dgama[j] = sum(dy[i, j]*xhat[i, j] for i in N)").verdicts
    assert (found.kind, found.note) == ("definition", "a name of your own; did you mean dgamma?")


def test_a_small_batch() -> None:
    lines = "dgamma[1] = dy[1, 1]*xhat[1, 1] + dy[2, 1]*xhat[2, 1]\nmu[1] = (x[1, 1] + x[2, 1])/2\n"
    audit = check_claims("batch_norm", lines)
    assert kinds(audit) == ["holds", "holds"]
    assert audit.verdicts[0].note == "for N = 2"
    assert kinds(check_claims("batch_norm", "N = 2\n" + lines)) == ["holds", "holds"]
    assert kinds(check_claims("batch_norm", "N = 3\n" + lines)) == ["wrong", "wrong"]
    (found,) = check_claims("batch_norm", lines.splitlines()[0].replace("+", "-")).verdicts
    assert found.correct == "dgamma[1] = dy[1, 1]*xhat[1, 1] + dy[2, 1]*xhat[2, 1]"
    assert found.counterexample is not None
    assert found.counterexample.index == {}
    (found,) = check_claims("batch_norm", "N = 2\ndbeta[1] = dy[3, 1]").verdicts
    assert found.kind == "unreadable"
    assert "outside" in (found.diagnosis or "")


def test_a_counterexample_is_small_and_can_be_computed_again() -> None:
    (found,) = check_claims("batch_norm", "dbeta[j] = mean(dy[i, j] for i in N)").verdicts
    example = found.counterexample
    assert example is not None
    assert (example.extents, example.index) == ({"N": 2, "D": 1}, {"j": 1})
    column = [row[0] for row in example.inputs["dy"]]
    assert example.true == pytest.approx(sum(column))
    assert example.yours == pytest.approx(sum(column) / 2)


def test_a_derivative_is_local_or_total() -> None:
    local = "xhat_wrt_x[i, j, k, l] = delta(i, k)*delta(j, l)/sqrt(var[j] + eps)"
    total = "xhat_wrt_x[i, j, k, j] = (delta(i, k) - 1/N - xhat[i, j]*xhat[k, j]/N)/sqrt(var[j] + eps)"
    audit = check_claims("batch_norm", f"{local}\n{total}\n")
    assert kinds(audit) == ["holds", "holds"]
    assert [verdict.note for verdict in audit.verdicts] == ["", "read as a total derivative"]


def test_lines_that_are_missing() -> None:
    assert check_claims("batch_norm", "dx[i, j] = dxhat[i, j]").missing == ("dxhat", "dvar", "dmu", "dgamma", "dbeta")


def test_an_unreadable_line_wins() -> None:
    audit = check_claims("batch_norm", "dbeta[j] = 2\ndgamma[j] = (")
    assert kinds(audit) == ["wrong", "unreadable"]
    assert audit.exit_code == 3


def test_bad_input() -> None:
    with pytest.raises(LayerError, match="no claim"):
        check_claims("batch_norm", "# nothing\n")
    with pytest.raises(UsageError, match="--symbols is for LaTeX"):
        check_claims("batch_norm", "dbeta[j] = 1", symbols="m=N")
    with pytest.raises(UsageError, match="input format"):
        check_claims("batch_norm", "dbeta[j] = 1", input_format="word")
    impossible = parse_layer("x: [N]\nassert x > 1\nassert x < 0\ny[i] = 2*x[i]\n")
    with pytest.raises(LayerError, match="cannot be drawn"):
        check_claims(impossible, "dx[i] = 2*dy[i]")


def test_ten_lines_take_little_time() -> None:
    with within(3):
        check_claims("batch_norm", "\n".join(RIGHT.strip().splitlines()[:10]).replace("-1/2*inv", "1/2*inv"))
