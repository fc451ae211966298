"""What is said of a wrong line: each row is one slip, and the words that name it."""


import pytest
from time_limits import within

from derive.audit import Verdict
from derive.checker import check_claims


def verdict(layer: str, *lines: str) -> Verdict:
    """The verdict on the last of some lines."""
    return check_claims(layer, "\n".join(lines)).verdicts[-1]


BATCH_NORM = [
    ("dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)*(-1/2)*(var[j] + eps)**(-1/2)",
     "yours/true = var[j] + eps; the exponent of var[j] + eps should be -3/2, not -1/2"),
    ("dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)/2*(var[j] + eps)**(-3/2)",
     "yours/true = -1; the sign is wrong"),
    ("dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)*(-1/3)*(var[j] + eps)**(-3/2)",
     "yours/true = 2/3; the coefficient should be -1/2, not -1/3"),
    ("dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)*(-1/2)*(var[j] - eps)**(-3/2)",
     "the sign of eps should be +"),
    ("dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)*(-1/2)*var[j]**(-3/2)",
     "eps is missing: var[j] + eps, not var[j]"),
    ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + dmu[j]/N", "the path x → var → xhat is not there"),
    ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + 2*dvar[j]*(x[i, j] - mu[j])/N", "the path x → mu is not there"),
    ("dx[i, j] = gamma[j]*dy[i, j]/sqrt(var[j] + eps)", "the paths x → var → xhat and x → mu are not there"),
    ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + 2*dvar[j]*(x[i, j] - mu[j])/(N - 1) + dmu[j]/N",
     "N belongs where N - 1 stands"),
    ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) - 2*dvar[j]*(x[i, j] - mu[j])/N + dmu[j]/N",
     "the sign of 2*dvar[j]*(x[i, j] - mu[j])/N should be +"),
    ("dx[i, j] = dxhat[i, j]*sqrt(var[j] + eps) + 2*dvar[j]*(x[i, j] - mu[j])/N + dmu[j]/N",
     "one divides by the root of var[j] + eps"),
    ("dx[i, j] = 0", "dy is taken as ones: this is the sum of the Jacobian"),
    ("dbeta[j] = N", "dy is taken as ones"),
    ("dgamma[j] = sum(dy[i, j]*x[i, j] for i in N)", "xhat[i, j] belongs where x[i, j] stands"),
    ("dgamma[j] = mean(dy[i, j]*xhat[i, j] for i in N)", "yours/true = 1/N; the factor 1/N is one too many"),
    ("dgamma[j] = sum(dy[j, i]*xhat[i, j] for i in N)", "index j runs over two extents, D and N; dy[i, j] belongs"),
    ("dmu[j] = dbeta[j]", "this is dbeta[j], not dmu[j]"),
    ("var[j] = sum((x[i, j] - mu[j])**2 for i in N)/(N - 1)", "yours/true = N/(N - 1); N belongs where N - 1 stands"),
    ("xhat[i, j] = (x[i, j] - mu[j])/(var[j] + eps)", "the exponent of var[j] + eps should be -1/2, not -1"),
    ("xhat[i, j] = (x[i, j] - mu[j])/(sqrt(var[j]) + eps)", "eps stands outside of the root"),
    ("dvar[j] = dxhat[i, j]*xhat_wrt_var[i, j]", "the sum over i is missing"),
    ("dgamma[j] = sum(dy[i, j] for i in N)*sum(xhat[i, j] for i in N)", "the sum of the products belongs"),

]  # fmt: skip
GAMMA_OUTSIDE = (
    "dx[i, j] = gamma[j]/sqrt(var[i] + eps)*(dy[i, j] - mean(dy[i, k] for k in D)"
    " - xhat[i, j]*mean(dy[i, k]*xhat[i, k] for k in D))"
)
WRONG_AXIS = (
    "dx[i, j] = (dxhat[i, j] - mean(dxhat[k, j] for k in N)"
    " - xhat[i, j]*mean(dxhat[k, j]*xhat[k, j] for k in N))/sqrt(var[i] + eps)"
)
SUM_FOR_MEAN = (
    "dx[i, j] = (dxhat[i, j] - mean(dxhat[i, k] for k in D)"
    " - xhat[i, j]*sum(dxhat[i, k]*xhat[i, k] for k in D))/sqrt(var[i] + eps)"
)
GAMMA_TWICE = (
    "dx[i, j] = gamma[j]*(gamma[j]*dy[i, j] - xhat[i, j]*mean(gamma[k]*dy[i, k]*xhat[i, k] for k in D))/rms[i]"
)
OTHERS = [
    ("layer_norm", GAMMA_OUTSIDE, "gamma[j] is pulled out of a sum over its own index"),
    ("layer_norm", WRONG_AXIS, "the sum runs over N, and should run over D"),
    ("layer_norm", SUM_FOR_MEAN, "should be 1/D times that: the factor 1/D is missing: a sum where a mean belongs"),
    ("rms_norm", GAMMA_TWICE, "yours/true = gamma[j]; the factor gamma[j] stands twice"),
    ("rms_norm", "dx[i, j] = (gamma[j]*dy[i, j] - x[i, j]*mean(gamma[k]*dy[i, k]*x[i, k] for k in D))/rms[i]",
     "xhat[i, j] belongs where x[i, j] stands"),
    ("softmax_cross_entropy", "dx[n, c] = p[n, c] - t[n, c]", "yours/true = N; the factor 1/N is missing"),
    ("softmax_cross_entropy", "dx[n, c] = p[n, c]*(1 - p[n, c])", "this is the diagonal of the Jacobian of p"),
    ("softmax_cross_entropy", "p_wrt_x[n, c, n, k] = p[n, c]*(1 - p[n, k])", "delta(c, k) belongs where 1 stands"),
    ("attention", "dS[i, j] = P[i, j]*(1 - P[i, j])*dP[i, j]", "this is only the diagonal of the Jacobian of P"),
    ("attention", "dQ[i, d] = sum(dS[i, j]*K[j, d] for j in M)", "yours/true = sqrt(D)"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), BATCH_NORM, ids=[row[0] for row in BATCH_NORM])
def test_batch_norm(line: str, words: str) -> None:
    found = verdict("batch_norm", line)
    assert found.kind == "wrong"
    assert words in (found.diagnosis or "")
    # The correct line is true.
    assert verdict("batch_norm", found.correct or "").kind == "holds"


@pytest.mark.parametrize(("layer", "line", "words"), OTHERS, ids=[row[1] for row in OTHERS])
def test_other_layers(layer: str, line: str, words: str) -> None:
    found = verdict(layer, line)
    assert found.kind in ("wrong", "conditional")
    assert words in (found.diagnosis or "")
    assert verdict(layer, found.correct or "").kind == "holds"


def test_two_slips_and_a_factor_that_stands_twice() -> None:
    found = verdict(
        "batch_norm",
        "dvar[j] = -1/3*(var[j] + eps)**(3/2)*(sum((x[i, j] - mu[j])/(var[j] + eps)**(3/2)*dxhat[i, j] for i in N))",
    )
    assert "the coefficient should be -1/2, not -1/3" in (found.diagnosis or "")


def test_a_mistake_in_a_helper_is_told_where_it_is() -> None:
    lines = [
        "root[j] = sqrt(var[j] + eps)",
        "dinv[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)",
        "droot[j] = -dinv[j]/root[j]",
        "dvar[j] = droot[j]/(2*root[j])",
    ]
    found = verdict("batch_norm", *lines)
    assert found.kind == "wrong"
    assert "in line 3, where droot is defined: the exponent of root[j] should be -2, not -1" in (found.diagnosis or "")
    # The root is right where another line rests on it.
    assert "where root is defined" not in (verdict("batch_norm", *lines[:1], "dmu[j] = -root[j]").diagnosis or "")
    inv = ["inv[j] = 1/root[j]"]
    said = verdict("batch_norm", lines[0], *inv, *lines[1:]).diagnosis or ""
    assert said.startswith("the mistake is in line 4, where droot is defined")  # the gradient of a helper comes first
    assert "or else in this line: " in said
    lines[2] = "droot[j] = -dinv[j]/root[j]**2"
    assert verdict("batch_norm", *lines).kind == "holds"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + dmu[j]/N",
         "it is true only where both sides vanish: for N = 1 or for constant dy"),
        ("dbeta[j] = mean(dy[i, j] for i in N)", "it is true only for N = 1"),
        ("sum(xhat[i, j]**2 for i in N) = N", "it is true only for eps = 0"),
    ],
)  # fmt: skip
def test_it_is_said_where_a_wrong_line_is_true(line: str, words: str) -> None:
    assert words in (verdict("batch_norm", line).diagnosis or "")


def test_what_nothing_explains_has_a_counterexample_all_the_same() -> None:
    found = verdict("batch_norm", "dx[i, j] = tanh(dy[i, j]) + cos(xhat[i, j])")
    assert found.kind == "wrong"
    assert found.counterexample is not None
    assert found.correct is not None


def test_a_derivative_is_explained_as_what_it_was_meant_as() -> None:
    total = "xhat_wrt_x[i, j, k, j] = (delta(i, k) + 1/N - xhat[i, j]*xhat[k, j]/N)/sqrt(var[j] + eps)"
    assert "the sign of 1/N should be -" in (verdict("batch_norm", total).diagnosis or "")
    local = "xhat_wrt_var[i, j] = (x[i, j] - mu[j])/2*(var[j] + eps)**(-3/2)"
    assert "the sign is wrong" in (verdict("batch_norm", local).diagnosis or "")


def test_no_slip_is_looked_for_in_helpers_that_double_each_other() -> None:
    names = [f"a{n + 1}[j] = a{n}[j] + sin(a{n}[j])" for n in range(40)]
    with within(20):
        found = verdict("batch_norm", "a0[j] = gamma[j]", *names, "dgamma[j] = a40[j]")
    assert found.kind == "wrong"


def test_a_long_chain_of_helpers_is_judged() -> None:
    names = [f"a{n + 1}[j] = a{n}[j]" for n in range(95)]
    assert verdict("batch_norm", "a0[j] = sum(dy[i, j] for i in N)", *names, "dbeta[j] = a95[j]").kind == "holds"
    assert verdict("batch_norm", "a0[j] = sum(dy[i, j] for i in N)", *names, "dgamma[j] = a95[j]").kind == "wrong"
