"""What people leave out or mix up, and what they write beside their claims."""

from __future__ import annotations

import pytest
from latex_samples import check, claims_of, error_of, expected, read, same

from derive.audit import Audit
from derive.checker import check_claims
from derive.claims.claim import Claim, Unreadable

EXTENT = r"D_i = \sum_v dO_{iv}O_{iv}"


def audit(layer: str, *formulas: str, symbols: str = "") -> Audit:
    return check_claims(layer, "\n".join(f"\\[{formula}\\]" for formula in formulas), "mine.tex", None, symbols)


def kinds(layer: str, *formulas: str, symbols: str = "") -> list[str]:
    return [verdict.kind for verdict in audit(layer, *formulas, symbols=symbols).verdicts]


def test_a_letter_alone_is_the_extent_beside_an_array_of_that_name() -> None:
    scores = r"S_{ij} = \frac{1}{\sqrt{D}}\sum_d Q_{id}K_{jd}"
    check("attention", f"${EXTENT}$, ${scores}$", "S[i, j] = sum(Q[i, d]*K[j, d] for d in D)/sqrt(D)")
    used = r"dS_{ij} = P_{ij}(dP_{ij} - D_i)"
    assert kinds("attention", EXTENT, scores, used) == ["definition", "holds", "holds"]
    wrong = r"dS_{ij} = P_{ij}(dP_{ij} - D)"
    assert kinds("attention", EXTENT, wrong) == ["definition", "wrong"]


def test_d_for_an_extent_leaves_the_differential() -> None:
    latex = r"$dS_{ij} = \frac{1}{\sqrt{d}} P_{ij} dP_{ij}$"
    check("attention", latex, "dS[i, j] = P[i, j]*dP[i, j]/sqrt(D)", "d=D")


MISMATCHES = [
    ("linear", r"\frac{\partial L}{\partial x_{ik}} = \sum_{j} \frac{\partial L}{\partial y_{ij}} W_{jk}",
     "index j runs over two extents, D and K"),
    ("linear", r"db_j = \sum_{i=1}^{D} dy_{ij}", "index i runs over two extents, D and N"),
    ("batch_norm", r"dx_{ij} = \mu_i", "index i runs over two extents, N and D"),
    ("batch_norm", r"dx_{ij} = \sum_{k} \mu_k x_{kj}", "index k runs over two extents, D and N"),
    ("batch_norm", r"d\beta_j = dy_{ij}",
     "the sum over i is missing: index i is neither on the left nor bound by a sum"),
    ("batch_norm", r"d\gamma = dy_{ij} \hat x_{ij}", "the sum over i is missing: index i is neither"),
    ("batch_norm", r"dx_{ij} = dy_{ik}", "the sum over k is missing: index k is neither"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "latex", "said"), MISMATCHES, ids=[row[1] for row in MISMATCHES])
def test_a_slip_in_the_indices_is_a_claim_that_is_wrong(layer: str, latex: str, said: str) -> None:
    (claim,) = claims_of(layer, f"${latex}$")
    assert claim.mismatch is not None
    assert claim.mismatch.message.startswith(said)
    assert claim.mismatch.location is not None
    (verdict,) = audit(layer, latex).verdicts
    assert verdict.kind == "wrong"
    assert (verdict.diagnosis or "").startswith(said)
    assert verdict.correct is not None


def test_a_forgotten_sum_is_read_as_a_sum() -> None:
    (claim,) = claims_of("batch_norm", r"$d\beta_j = dy_{ij} \hat x_{kj}$")
    left, right, indices = expected("batch_norm", "dbeta[j] = sum(dy[i, j]*xhat[k, j] for i in N for k in N)")
    assert (claim.left, claim.indices) == (left, indices)
    assert same("batch_norm", claim.right, right, indices)


def test_only_the_side_with_the_slip_is_wrong() -> None:
    chain = r"d\beta_j = dy_{ij} = \sum_i dy_{ij} = \sum_{i=1}^{D} dy_{ij} = \sum_i dy_{ij}"
    assert kinds("batch_norm", chain) == ["wrong", "holds", "wrong", "holds"]
    transposed = r"dx_{ik} = \sum_{j} dy_{ij} W_{jk} = \sum_{j} dy_{ij} W_{kj}"
    assert kinds("linear", transposed) == ["wrong", "holds"]


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        (r"s_i = \mu_i x_{ij}", "two extents"),
        (r"s_j = dy_{ij}", "index i is neither on the left nor bound by a sum"),
        (r"\mu_i x_{ij} = dx_{ij}", "two extents"),
        (r"\mu_j = q_{ij}", "unknown symbol"),
    ],
)
def test_a_slip_in_a_definition_or_on_the_left_is_an_error(latex: str, said: str) -> None:
    assert said in str(error_of("batch_norm", f"${latex}$"))


def test_an_assumption_is_no_claim() -> None:
    found = read("batch_norm", r"Let $\gamma = 1$, $\beta_j = 0$ and $\beta_j = 0$. Then $y_{ij} = \hat x_{ij}$.")
    assert [line.text for line in found.lines] == [r"y_{ij} = \hat x_{ij}"]
    note = "not judged, since it is assumed: "
    assert found.notes == (note + r"\gamma = 1", note + r"\beta_j = 0")
    assert read("batch_norm", r"$\gamma = 1$").notes == (note + r"\gamma = 1",)
    (claim,) = read("batch_norm", r"$\mu_j = 0$").lines
    assert isinstance(claim, Claim)
    (line,) = read("batch_norm", r"$x_{ijk} = 0$").lines
    assert isinstance(line, Unreadable)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        (r"$N = 2$, $\mu_j = \frac12 (x_{1j} + x_{2j})$", {"N": 2}),
        (r"$m = 2$, $\mu_j = \frac12 (x_{1j} + x_{2j}) = \frac1m\sum_{i=1}^m x_{ij}$", {"N": 2}),
        (r"$N = 2$ and $D = 3$, $d\beta_j = \sum_i dy_{ij}$", {}),
        (r"$N = 32$, $x_{1j} = \mu_j$", {}),
        (r"$N = 2$, later $N = 3$, $x_{1j} = \mu_j$", {}),
        (r"$D = 3$, $x_{1j} = \mu_j$", {}),
    ],
)
def test_a_size_counts_where_elements_are_written_out(text: str, sizes: dict[str, int]) -> None:
    found = read("batch_norm", text)
    assert all(isinstance(line, Claim) for line in found.lines)
    assert len(found.lines) in (1, 2)
    assert dict(found.sizes) == sizes


@pytest.mark.parametrize("sign", [r"\gets", r"\leftarrow", "←"])
def test_an_assignment_is_an_equality(sign: str) -> None:
    check("batch_norm", rf"$d\beta_j {sign} \sum_i dy_{{ij}}$", "dbeta[j] = sum(dy[i, j] for i in N)")
    assert kinds("batch_norm", rf"d\beta_j {sign} \frac1N \sum_i dy_{{ij}}") == ["wrong"]


LOGARITHM = [
    (r"\frac{\partial}{\partial x_i}\left(\log p_i\right) = 1 - p_i", "holds"),
    (r"\frac{\partial \log p_i}{\partial x_j} = \delta_{ij} - p_j", "holds"),
    (r"\partial \log p_i / \partial x_j = \delta_{ij} - p_j", "holds"),
    (r"\frac{\partial \log p_i}{\partial x_j} = \delta_{ij} - p_i", "wrong"),
    (r"\frac{\partial}{\partial x_j}\left(\sum_i p_i\right) = 0", "holds"),
    (r"\frac{\partial}{\partial x_j}\left(p_i s\right) = p_i (\delta_{ij} - p_j) s", "wrong"),
    (r"\frac{\partial}{\partial x_j}\left(x_j \log p_i\right) = \log p_i", "holds"),
]  # fmt: skip


@pytest.mark.parametrize(("latex", "kind"), LOGARITHM, ids=[row[0] for row in LOGARITHM])
def test_the_derivative_of_what_depends_through_others_is_total(latex: str, kind: str) -> None:
    assert kinds("softmax", latex) == [kind]


GRADIENT = r"\frac{\partial L}{\partial p_{nc}} = -\frac{t_{nc}}{N p_{nc}}"
RULE = r"dx_{nc} = \sum_k \frac{\partial L}{\partial p_{nk}}\frac{\partial p_{nk}}{\partial x_{nc}}"
CLOSED = r"dx_{nc} = p_{nc}(dp_{nc} - \sum_k dp_{nk}p_{nk})"


def test_a_gradient_that_the_layer_does_not_compute_is_the_authors_own() -> None:
    assert kinds("softmax_cross_entropy", GRADIENT, RULE, CLOSED) == ["definition", "holds", "holds"]
    assert kinds("softmax_cross_entropy", RULE, GRADIENT) == ["holds", "definition"]
    assert kinds("softmax_cross_entropy", GRADIENT.replace("-", ""), RULE) == ["definition", "wrong"]
    (claim,) = claims_of("softmax_cross_entropy", f"${GRADIENT}$".replace("nc", "ij"))
    assert claim.defines is not None
    assert (claim.defines.name, claim.defines.role) == ("dp", "helper")
    assert [(index.name, index.extent) for index in claim.defines.indices] == [("i", "N"), ("j", "C")]


def test_its_indices_may_be_left_out_and_it_may_be_a_number() -> None:
    left_out = r"dx_i = \sum_k \frac{\partial L}{\partial p_k}\frac{\partial p_k}{\partial x_i}"
    own = r"\frac{\partial L}{\partial p_i} = -\frac{t_i}{N p_i}"
    assert kinds("softmax_cross_entropy", own, left_out) == ["definition", "holds"]
    assert kinds("softmax_cross_entropy", r"dp_{nc} = 1", r"0 = \sum_k dp_{nk} - C") == ["definition", "holds"]


@pytest.mark.parametrize("line", [RULE, CLOSED, r"\frac{\partial L}{\partial p_{11}} = 1"])
def test_it_is_an_error_where_nothing_says_what_it_is(line: str) -> None:
    assert "does not compute L from p; say first what this is" in str(error_of("softmax_cross_entropy", f"${line}$"))


MASKS = [
    r"\mathbb{1}[x_{ij} > 0]", r"\mathbb{1}\{x_{ij} > 0\}", r"\mathbf{1}_{x_{ij}>0}", r"1\{x_{ij}>0\}",
    r"\mathbb{1}_{\{x_{ij} > 0\}}", r"\mathbb 1(x_{ij} > 0)", r"1[0 < x_{ij}]", r"\mathbbm{1}_{[x_{ij}>0]}",
]  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: str) -> None:
    assert kinds("relu", f"dx_{{ij}} = dy_{{ij}} {mask}", f"dx_{{ij}} = {mask} dy_{{ij}} + x_{{ij}} {mask}") == [
        "holds", "wrong",
    ]  # fmt: skip
    check("relu", f"$dx_{{ij}} = dy_{{ij}} {mask}$", "dx[i, j] = dy[i, j]*where(x[i, j] > 0, 1, 0)")


def test_other_masks_are_others() -> None:
    assert kinds("relu", r"dx = dy \odot 1\{x > 0\}", r"dx = dy \odot 1\{x < 0\}") == ["holds", "wrong"]
    assert kinds("relu", r"dx_{ij} = dy_{ij} 1[1 > 0] + 1[1 < 0]") == ["wrong"]
