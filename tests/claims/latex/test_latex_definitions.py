"""Names of the author's own: defined below what uses them, sigma for the root, delta for an error."""


import pytest
from latex_samples import read
from time_limits import within

from derive.audit import Audit
from derive.checker import check_claims
from derive.claims.claim import Claim, Unreadable

ROOT = r"\sigma_j = \sqrt{\sigma_j^2 + \epsilon}"


def kinds(audit: Audit) -> list[str]:
    return [verdict.kind for verdict in audit.verdicts]


def check(layer: str, *formulas: str) -> Audit:
    return check_claims(layer, "\n".join(f"${formula}$" for formula in formulas), "mine.tex")


def test_a_name_may_be_defined_below_what_uses_it() -> None:
    use = r"\frac{dL}{d\beta_j} = q_j"
    assert kinds(check("batch_norm", use, r"q_j = \sum_i \frac{dL}{dy_{ij}}")) == ["holds", "definition"]
    assert kinds(check("batch_norm", use, r"q_j = \frac1N \sum_i \frac{dL}{dy_{ij}}")) == ["wrong", "definition"]
    assert kinds(check("batch_norm", use)) == ["unreadable"]
    assert kinds(check("batch_norm", "u = v", "v = u")) == ["unreadable", "unreadable"]


@pytest.mark.parametrize(
    ("definition", "claim"),
    [
        (ROOT, r"\hat x_{ij} = \frac{x_{ij} - \mu_j}{\sigma_j}"),
        (ROOT, r"\frac{dL}{d\mu_j} = -\frac{1}{\sigma_j}\sum_i \frac{dL}{d\hat x_{ij}}"),
        (ROOT, r"\sigma_j^2 = \frac1N \sum_i (x_{ij} - \mu_j)^2"),
        (r"\delta_{ij} := \gamma_j \frac{dL}{dy_{ij}}", r"\frac{dL}{d\hat x_{ij}} = \delta_{ij}"),
        (r"\delta_j = \sum_i \frac{dL}{dy_{ij}}", r"\frac{dL}{d\beta_j} = \delta_j"),
    ],
)
def test_symbols_that_people_use_in_their_own_way(definition: str, claim: str) -> None:
    assert kinds(check("batch_norm", definition, claim)) == ["definition", "holds"]


def test_without_a_definition_they_mean_what_they_usually_do() -> None:
    root = r"\hat x_{ij} = \frac{x_{ij} - \mu_j}{\sigma_j}"
    (found,) = check("batch_norm", root).verdicts
    assert found.kind == "wrong"
    assert "eps is missing" in (found.diagnosis or "")
    kronecker = r"\frac{\partial x_{ij}}{\partial x_{kj}} = \delta_{ik}"
    assert kinds(check("batch_norm", kronecker)) == ["holds"]


def test_the_index_of_which_there_are_fewest_sums_is_left_out() -> None:
    softmax = r"p_i = \frac{e^{x_i}}{\sum_k e^{x_k}}"
    jacobian = r"\frac{\partial p_i}{\partial x_j} = p_i (\delta_{ij} - p_j)"
    assert kinds(check("softmax_cross_entropy", softmax, jacobian)) == ["holds", "holds"]


def test_an_old_fraction_is_one() -> None:
    gradient = r"{\partial L \over \partial \beta_j} = \sum_i {\partial L \over \partial y_{ij}}"
    mean = r"\mu_j = {1 \over N} \sum_i x_{ij} = {\sum_i x_{ij} \over N}"
    assert kinds(check("batch_norm", gradient, mean)) == ["holds", "holds", "holds"]
    for unclear in (r"\mu_j = {1 \over} 2", r"\mu_j = {\over 3}", r"\mu_j = {1 \over 2 \over 3}"):
        assert kinds(check("batch_norm", unclear)) == ["unreadable"]


@pytest.mark.parametrize("name", ["a", r"\zeta", r"\hat{c}"])
def test_names_may_stand_in_any_order_and_are_found_soon(name: str) -> None:
    chains = [
        [rf"${name}_{{{c}, {n + 1}, j}} = {name}_{{{c}, {n}, j}} \gamma_j$" for n in range(60)] for c in range(4)
    ]
    lines = [line for c, chain in enumerate(chains) for line in [rf"${name}_{{{c}, 0, j}} = \gamma_j$", *chain]]
    for ordered in (lines, lines[::-1]):
        with within(5):
            assert {type(line) for line in read("batch_norm", "\n".join(ordered)).lines} == {Claim}


def test_names_that_double_each_other_are_not_differentiated() -> None:
    names = [rf"a_{{{n + 1}j}} = a_{{{n}j}} + \sin(a_{{{n}j}})" for n in range(30)]
    derivative = r"\frac{\partial a_{30j}}{\partial x_{1j}} = 1"
    text = "\n".join(f"${formula}$" for formula in [r"a_{0j} = x_{1j}", *names, derivative])
    with within(4):
        *defined, last = read("batch_norm", text).lines
    assert {type(line) for line in defined} == {Claim}
    assert isinstance(last, Unreadable)
    assert "too long to be differentiated" in last.error.message


def test_names_that_stand_on_one_another_without_end_are_refused() -> None:
    names = [rf"$a_{{{n + 1}j}} = a_{{{n}j}}$" for n in range(200)]
    found = read("batch_norm", "\n".join([r"$a_{0j} = \gamma_j$", *names])).lines
    assert [type(line) for line in found[:90]] == [Claim] * 90
    (first, *_) = [line for line in found if isinstance(line, Unreadable)]
    assert "more than 100 of them" in first.error.message


@pytest.mark.parametrize("first", [r"c = m", r"c = \sum_{k=1}^m 1"])
def test_what_a_letter_runs_over_may_become_clear_below(first: str) -> None:
    below = r"\mu_j = \frac1m \sum_{k=1}^m x_{kj}"
    assert {type(line) for line in read("batch_norm", f"${first}$\n${below}$").lines} == {Claim}
    assert type(read("batch_norm", f"${first}$").lines[0]) is Unreadable


def test_what_a_letter_runs_over_may_become_clear_in_a_line_that_is_wrong() -> None:
    # The indices of x are the wrong way round: no letter is taken from there, but m can be nothing else than D.
    found = read("batch_norm", r"$c = m$, $\mu_j = \frac1m \sum_{k=1}^m x_{jk}$")
    assert {type(line) for line in found.lines} == {Claim}


@pytest.mark.parametrize("extent", ["N", "D"])
def test_which_index_is_left_out_may_become_clear_below(extent: str) -> None:
    found = read("batch_norm", rf"$dx_a = d\hat{{x}}_a$, $\sum_{{a=1}}^{extent} \hat x_a = 0$").lines[0]
    assert isinstance(found, Claim)
    assert {index.name: index.extent for index in found.indices}["a"] == extent


def test_what_is_said_of_a_text_is_said_once_though_it_is_read_twice() -> None:
    text = r"$N = 3$, $\gamma_j = 1$, $\mu_j = \frac13 (x_{1j} + x_{2j} + x_{3j})$"
    found = read("batch_norm", text)
    assert found.sizes == {"N": 3}
    assert found.largest == {"N": 3}
    assert len(found.notes) == 1
