"""Formulas as people write them, each beside what it says in the layer grammar."""

from __future__ import annotations

import pytest
from latex_samples import check, claims_of, expected, same

BATCH_NORM = [
    (r"\mu_j = \frac{1}{N}\sum_{i=1}^{N} x_{ij}", "mu[j] = mean(x[i, j] for i in N)"),
    (r"\mu_j = \frac1N \sum_i x_{i,j}", "mu[j] = mean(x[i, j] for i in N)"),
    (r"\mu_j = \dfrac{\sum\limits_{k=1}^{m} x_{kj}}{m}", "mu[j] = sum(x[k, j] for k in N)/N"),
    (r"\boldsymbol{\mu}_j = N^{-1} \sum_{i \in N} \mathbf{x}_{i j}", "mu[j] = mean(x[i, j] for i in N)"),
    (r"\sigma_j^2 = \frac{1}{N}\sum_{i=1}^N (x_{ij}-\mu_j)^2", "var[j] = mean((x[i, j] - mu[j])**2 for i in N)"),
    (r"\sigma^2_j = \frac{1}{N}\sum_{i=1}^N (x_{ij}-\mu_j)^{2}", "var[j] = mean((x[i, j] - mu[j])**2 for i in N)"),
    (r"{\sigma_j}^2 = \sum_i (x_{ij} - \mu_j)^2 / N", "var[j] = mean((x[i, j] - mu[j])**2 for i in N)"),
    (r"\mathrm{var}_j = \frac{1}{N}\sum_{i} x_{ij}^2 - \mu_j^2", "var[j] = mean(x[i, j]**2 for i in N) - mu[j]**2"),
    (r"\hat{x}_{ij} = \frac{x_{ij} - \mu_j}{\sqrt{\sigma_j^2 + \epsilon}}",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"\widehat{x}_{ij} = (x_{ij}-\mu_j)(\sigma_j^2+\varepsilon)^{-1/2}",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"\hat x_{ij} = (x_{ij}-\mu_j) \cdot (\sigma_j^2+\varepsilon)^{-\frac12}",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"\hat{x_{ij}} = \left(x_{ij}-\mu_j\right) \big/ \sqrt{\sigma_j^2+\varepsilon}",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"\hat{x}^{(i)}_j = x^{(i)}_j", "xhat[i, j] = x[i, j]"),
    (r"y_{ij} = \gamma_j \hat{x}_{ij} + \beta_j", "y[i, j] = gamma[j]*xhat[i, j] + beta[j]"),
    (r"y = \gamma \odot \hat{x} + \beta", "y[i, j] = gamma[j]*xhat[i, j] + beta[j]"),
    (r"y_i = \gamma \hat{x}_i + \beta", "y[i, j] = gamma[j]*xhat[i, j] + beta[j]"),
    (r"\sigma_j^4 = \sigma_j^{-1}", "assert var[j]**2 == var[j]**(-1/2)"),
    (r"1 / \sigma_j = \sigma_j^3", "assert 1/sqrt(var[j]) == var[j]**(3/2)"),
    (r"\frac{\partial L}{\partial \hat{x}_{ij}} = \frac{\partial L}{\partial y_{ij}} \gamma_j",
     "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"\frac{d\mathcal{L}}{d\hat{x}_{ij}} = \frac{\mathrm{d}\ell}{\mathrm{d}y_{ij}} \times \gamma_j",
     "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"\partial J/\partial \hat{x}_{ij} = \gamma_j \, dE/dy_{ij}", "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"d\hat{x}_{ij} = \gamma_j\,\mathrm{d}y_{ij}", "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"\frac{\partial \text{loss}}{\partial \hat{x}_{ij}} = \frac{\partial}{\partial y_{ij}} L \cdot \gamma_j",
     "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"\left(\frac{\partial L}{\partial \hat x_{ij}}\right) = dy_{ij}\gamma_j", "dxhat[i, j] = dy[i, j]*gamma[j]"),
    (r"d\gamma_j = \sum_{i=1}^N dy_{ij}\hat{x}_{ij}", "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)"),
    (r"d\gamma = \sum_{i=1}^N dy_i \hat{x}_i", "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)"),
    (r"\mathrm{dgamma}_j = \sum_{n} \mathrm{dy}_{nj} \hat x_{nj}", "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)"),
    (r"d\sigma_j^2 = -\frac12 \sum_i d\hat x_{ij}(x_{ij}-\mu_j)(\sigma_j^2+\epsilon)^{-3/2}",
     "dvar[j] = -1/2*sum(dxhat[i, j]*(x[i, j] - mu[j])*(var[j] + eps)**(-3/2) for i in N)"),
    (r"d\sigma_j^2 = \sum_i d\hat x_{ij}(x_{ij}-\mu_j) \cdot -\frac12 (\sigma_j^2+\epsilon)^{-1.5}",
     "dvar[j] = -1/2*sum(dxhat[i, j]*(x[i, j] - mu[j])*(var[j] + eps)**(-3/2) for i in N)"),
    ((r"dx_{ij} = \frac{\gamma_j}{N\sqrt{\sigma_j^2+\epsilon}} \Big[ N dy_{ij} - \sum_{i=1}^N dy_{ij} - \hat x_{ij} "
     r"\sum_{i=1}^N dy_{ij} \hat x_{ij} \Big]"),
     ("dx[i, j] = gamma[j]/(N*sqrt(var[j] + eps))*(N*dy[i, j] - sum(dy[k, j] for k in N) - xhat[i, j]*sum(dy[k, "
     "j]*xhat[k, j] for k in N))")),
    (r"dx_{ij} = \sum_{i} \sum_{k} dy_{ij}\hat x_{kj}",
     "dx[i, j] = sum(sum(dy[k, j]*xhat[l, j] for l in N) for k in N)"),
    (r"dx_{ij} = \sum_{k,l} dy_{kj}\hat x_{il}", "dx[i, j] = sum(dy[k, j]*xhat[i, l] for k in N for l in D)"),
    (r"dx_{ij} = \sum_{k=1}^N\sum_{l=1}^D dy_{kj}\hat x_{il}",
     "dx[i, j] = sum(dy[k, j]*xhat[i, l] for k in N for l in D)"),
    (r"dx_{ij} = \prod_{k} x_{kj} + \max_{k} x_{kj}", "dx[i, j] = prod(x[k, j] for k in N) + max(x[k, j] for k in N)"),
    (r"dx_{ij} = \exp(-x_{ij}) + e^{-x_{ij}} + \ln x_{ij} + \tanh^2(x_{ij})",
     "dx[i, j] = exp(-x[i, j]) + exp(-x[i, j]) + log(x[i, j]) + tanh(x[i, j])**2"),
    (r"dx_{ij} = |x_{ij}| + \left|\mu_j\right| + \lvert \beta_j \rvert",
     "dx[i, j] = abs(x[i, j]) + abs(mu[j]) + abs(beta[j])"),
    (r"dx_{ij} = \left|x_{ij} |\mu_j| \right|", "dx[i, j] = abs(x[i, j]*abs(mu[j]))"),
    ((r"dx_{ij} = \operatorname{ReLU}(x_{ij}) + \max(0, x_{ij}) + \min\{x_{ij}, 1\} + \mathrm{erf}(x_{ij}) + "
     r"\operatorname{sign}(x_{ij})"),
     "dx[i, j] = relu(x[i, j]) + maximum(0, x[i, j]) + minimum(x[i, j], 1) + erf(x[i, j]) + sign(x[i, j])"),
    (r"dx_{ij} = \sqrt[3]{2} + \sqrt{\pi} x_{ij}", "dx[i, j] = 2**(1/3) + sqrt(pi)*x[i, j]"),
    (r"dx_{ij} = .5 x_{ij} + 10^{-5} - 1e-3", "dx[i, j] = 1/2*x[i, j] + 1/100000 - 1/1000"),
    (r"x_{ij} x_{kj} = \delta_{ik} \mu_j \mathbb{1}_{i=k}", "assert x[i, j]*x[k, j] == delta(i, k)**2*mu[j]"),
    (r"x_{ij}x_{kj} = \mathbf{1}[i=k] + \mathbb{1}\{i=k\} + \mathbb 1(i = k)",
     "assert x[i, j]*x[k, j] == 3*delta(i, k)"),
    (r"\frac{\partial \hat{x}_{ij}}{\partial \sigma_j^2} = -\frac{1}{2}(x_{ij}-\mu_j)(\sigma_j^2+\epsilon)^{-3/2}",
     "assert xhat_wrt_var_each[i, j, j] == -1/2*(x[i, j] - mu[j])*(var[j] + eps)**(-3/2)"),
    (r"\frac{\partial \hat{x}_i}{\partial \mu} = -\frac{1}{\sqrt{\sigma^2+\epsilon}}",
     "assert xhat_wrt_mu_each[i, j, j] == -1/sqrt(var[j] + eps)"),
    (r"x_{ij} = \frac{\partial \hat{x}_{ij}}{\partial \gamma_j}", "assert x[i, j] == 0"),
    (r"x_{ij}x_{kl} = \frac{\partial x_{ij}}{\partial x_{kl}}", "assert x[i, j]*x[k, l] == delta(i, k)*delta(j, l)"),
    (r"x_{ij} = \frac{\partial x_{ij}}{\partial x_{ij}}", "assert x[i, j] == 1"),
    (r"x_{11} = \frac{\partial x_{11}}{\partial x_{21}}", "assert x[1, 1] == 0"),
    (r"x_{ij} = \frac{\partial}{\partial \mu_j} \left( x_{ij} - \mu_j^2 \right)", "assert x[i, j] == -2*mu[j]"),
    (r"x_{kj} = \frac{d}{dx_{kj}} \sum_i x_{ij}^3", "assert x[k, j] == 3*x[k, j]**2"),
    (r"x_{kj} = \frac{d}{dx_{kj}} \sum_k x_{kj} \mu_j", "assert x[k, j] == mu[j]"),
    (r"x_{ij}x_{kj} = \frac{\partial (x_{ij} - \mu_j)}{\partial x_{kj}}", "assert x[i, j]*x[k, j] == delta(i, k)"),
    (r"s_j = \frac{1}{\sqrt{\sigma_j^2+\epsilon}}, \frac{\partial s_j}{\partial\sigma_j^2} = -\frac12 s_j^3",
     "assert -1/2*(var[j] + eps)**(-3/2) == -1/2*s[j]**3"),
    (r"\tilde{x}_{ij} = x_{ij} - \mu_j, \quad \sigma_j^2 = \frac1N\sum_i \tilde{x}_{ij}^2",
     "var[j] = mean(xtilde[i, j]**2 for i in N)"),
    (r"A_j = \mu_j \\ dx_{11} = A_1", "assert dx[1, 1] == A[1]"),
    (r"s = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \\ \hat x = (x - \mu) s", "xhat[i, j] = (x[i, j] - mu[j])*s[j]"),
    (r"\text{istd}_j = (\sigma_j^2 + \epsilon)^{-1/2} \\ \hat x_{ij} = (x_{ij} - \mu_j)\text{istd}_j",
     "xhat[i, j] = (x[i, j] - mu[j])*istd[j]"),
]  # fmt: skip


@pytest.mark.parametrize(("latex", "grammar"), BATCH_NORM, ids=[latex for latex, _ in BATCH_NORM])
def test_batch_norm(latex: str, grammar: str) -> None:
    check("batch_norm", f"${latex}$", grammar)


OTHERS = [
    ("layer_norm", r"\mu_i = \frac{1}{D}\sum_{j=1}^D x_{ij}", "mu[i] = mean(x[i, j] for j in D)"),
    ("layer_norm", r"\hat{x}_j = \frac{x_j - \mu}{\sqrt{\sigma^2+\epsilon}}",
     "xhat[i, j] = (x[i, j] - mu[i])/sqrt(var[i] + eps)"),
    ("layer_norm", r"y_j = \gamma_j \hat{x}_j + \beta_j", "y[i, j] = gamma[j]*xhat[i, j] + beta[j]"),
    ("layer_norm",
     (r"dx_{ij} = \frac{1}{\sqrt{\sigma_i^2+\epsilon}}\left(d\hat x_{ij} - \frac1D\sum_{k} d\hat x_{ik} - \hat "
     r"x_{ij}\frac1D\sum_k d\hat x_{ik}\hat x_{ik}\right)"),
     ("dx[i, j] = (dxhat[i, j] - mean(dxhat[i, k] for k in D) - xhat[i, j]*mean(dxhat[i, k]*xhat[i, k] for k in "
     "D))/sqrt(var[i] + eps)")),
    ("rms_norm", r"\mathrm{rms}_i = \sqrt{\frac{1}{D}\sum_j x_{ij}^2 + \epsilon}",
     "rms[i] = sqrt(mean(x[i, j]**2 for j in D) + eps)"),
    ("rms_norm", r"\hat{x}_{ij} = x_{ij} / \text{rms}_i", "xhat[i, j] = x[i, j]/rms[i]"),
    ("rms_norm",
     r"\frac{\partial L}{\partial \operatorname{rms}_i} = -\sum_j d\hat x_{ij} x_{ij}/\operatorname{rms}_i^2",
     "drms[i] = -sum(dxhat[i, j]*x[i, j]/rms[i]**2 for j in D)"),
    ("softmax", r"p_{nc} = \frac{e^{x_{nc}-m_n}}{\sum_{k=1}^C e^{x_{nk}-m_n}}",
     "p[n, c] = exp(x[n, c] - m[n])/sum(exp(x[n, k] - m[n]) for k in C)"),
    ("softmax", r"e_{nc} = \exp(x_{nc} - \max_k x_{nk})", "e[n, c] = exp(x[n, c] - max(x[n, k] for k in C))"),
    ("softmax", r"p_{ij} = e_{ij}/s_i", "p[i, j] = e[i, j]/s[i]"),
    ("softmax", r"dx_{ij} = p_{ij}\left(dp_{ij} - \sum_k dp_{ik}p_{ik}\right)",
     "dx[i, j] = p[i, j]*(dp[i, j] - sum(dp[i, k]*p[i, k] for k in C))"),
    ("softmax", r"\frac{\partial p_{ni}}{\partial x_{nj}} = p_{ni}(\delta_{ij}-p_{nj})",
     "assert p_wrt_x_each[n, i, n, j] == p[n, i]*(delta(i, j) - p[n, j])"),
    ("softmax_cross_entropy", r"L = -\frac{1}{N}\sum_n\sum_c t_{nc}\log p_{nc}",
     "L = -mean(sum(t[n, c]*log(p[n, c]) for c in C) for n in N)"),
    ("softmax_cross_entropy", r"\frac{\partial L}{\partial x_{ij}} = \frac{1}{N}(p_{ij} - t_{ij})",
     "dx[i, j] = (p[i, j] - t[i, j])/N"),
    ("attention", r"S_{ij} = \frac{1}{\sqrt{D}}\sum_d Q_{id}K_{jd}",
     "S[i, j] = sum(Q[i, d]*K[j, d] for d in D)/sqrt(D)"),
    ("attention", r"P_{ij} = \frac{\exp(S_{ij} - m_i)}{\sum_{j} \exp(S_{ij} - m_i)}",
     "P[i, j] = exp(S[i, j] - m[i])/sum(exp(S[i, k] - m[i]) for k in M)"),
    ("attention", r"dV_{jv} = \sum_i P_{ij}\,dO_{iv}", "dV[j, v] = sum(P[i, j]*dO[i, v] for i in N)"),
    ("attention", r"\frac{\partial L}{\partial S_{ij}} = P_{ij}\Big(dP_{ij} - \sum_{k} P_{ik} dP_{ik}\Big)",
     "dS[i, j] = P[i, j]*(dP[i, j] - sum(P[i, k]*dP[i, k] for k in M))"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "latex", "grammar"), OTHERS, ids=[row[1] for row in OTHERS])
def test_other_layers(layer: str, latex: str, grammar: str) -> None:
    check(layer, f"\\[ {latex} \\]", grammar)


PAPER = r"""
The gradients are computed with the chain rule, as follows (before simplification):
\begin{align*}
\frac{\partial\ell}{\partial\hat{x}_i} &= \frac{\partial\ell}{\partial y_i}\cdot\gamma \\
\frac{\partial\ell}{\partial\sigma_{\mathcal{B}}^2} &= \sum_{i=1}^{m}\frac{\partial\ell}{\partial\hat{x}_i}
  \cdot(x_i-\mu_{\mathcal{B}})\cdot\frac{-1}{2}(\sigma_{\mathcal{B}}^2+\epsilon)^{-3/2} \\
\frac{\partial\ell}{\partial\mu_{\mathcal{B}}} &= \left(\sum_{i=1}^{m}\frac{\partial\ell}{\partial\hat{x}_i}
  \cdot\frac{-1}{\sqrt{\sigma_{\mathcal{B}}^2+\epsilon}}\right) + \frac{\partial\ell}{\partial\sigma_{\mathcal{B}}^2}
  \cdot\frac{\sum_{i=1}^{m}-2(x_i-\mu_{\mathcal{B}})}{m} \\
\frac{\partial\ell}{\partial x_i} &= \frac{\partial\ell}{\partial\hat{x}_i}\cdot
  \frac{1}{\sqrt{\sigma_{\mathcal{B}}^2+\epsilon}} + \frac{\partial\ell}{\partial\sigma_{\mathcal{B}}^2}\cdot
  \frac{2(x_i-\mu_{\mathcal{B}})}{m} + \frac{\partial\ell}{\partial\mu_{\mathcal{B}}}\cdot\frac{1}{m} \\
\frac{\partial\ell}{\partial\gamma} &= \sum_{i=1}^{m}\frac{\partial\ell}{\partial y_i}\cdot\hat{x}_i \\
\frac{\partial\ell}{\partial\beta} &= \sum_{i=1}^{m}\frac{\partial\ell}{\partial y_i}
\end{align*}
"""
PAPER_SAYS = """
dxhat[i, j] = dy[i, j]*gamma[j]
dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j])*(-1/2)*(var[j] + eps)**(-3/2) for i in N)
dmu[j] = sum(-dxhat[i, j]/sqrt(var[j] + eps) for i in N) + dvar[j]*sum(-2*(x[i, j] - mu[j]) for i in N)/N
dx[i, j] = dxhat[i, j]/sqrt(var[j] + eps) + dvar[j]*2*(x[i, j] - mu[j])/N + dmu[j]/N
dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)
dbeta[j] = sum(dy[i, j] for i in N)
""".strip().splitlines()


@pytest.mark.parametrize("symbols", ["", r"m=N, \ell=L, \mathcal{B}="])
def test_the_paper_as_printed(symbols: str) -> None:
    claims = claims_of("batch_norm", PAPER, symbols)
    assert [claim.line for claim in claims] == [4, 5, 7, 10, 13, 14]
    for claim, grammar in zip(claims, PAPER_SAYS, strict=True):
        left, right, indices = expected("batch_norm", grammar)
        assert (claim.left, claim.indices) == (left, indices)
        assert same("batch_norm", claim.right, right, indices)


NOTES = r"""
Take $N = 2$ and $D = 3$.
\[ \mu_1 = \frac{x_{11}+x_{21}}{2}, \qquad \mu_2 = \frac{x_{12}+x_{22}}{2} \]
\[ \sigma_1^2 = \frac12\left((x_{11}-\mu_1)^2 + (x_{21}-\mu_1)^2\right) \]
\[ \hat x_{11} = \frac{x_{11}-\mu_1}{\sqrt{\sigma_1^2+\epsilon}} \quad\text{and}\quad
   y_{11} = \gamma_1\hat x_{11} + \beta_1 \]
\[ \frac{dL}{d\sigma_1^2} = \frac{dL}{d\hat x_{11}}\cdot\frac{d\hat x_{11}}{d\sigma_1^2}
   + \frac{dL}{d\hat x_{21}}\cdot\frac{d\hat x_{21}}{d\sigma_1^2} \]
\begin{align}
\frac{d\hat x_{11}}{d\sigma_1^2}
 &= \frac{d}{d\sigma_1^2}\left[\frac{x_{11}-\mu_1}{(\sigma_1^2+\epsilon)^{1/2}}\right] \\
 &= -\frac12(\sigma_1^2+\epsilon)^{-3/2}(x_{11}-\mu_1)
\end{align}
\[ \frac{dL}{d\sigma_1^2} = -\frac12(\sigma_1^2+\epsilon)^{-\frac32}
   \left[\frac{dL}{d\hat x_{11}}(x_{11}-\mu_1) + \frac{dL}{d\hat x_{21}}(x_{21}-\mu_1)\right] =: A_1 \]
"""
NOTES_SAY = """
assert mu[1] == (x[1, 1] + x[2, 1])/2
assert mu[2] == (x[1, 2] + x[2, 2])/2
assert var[1] == 1/2*((x[1, 1] - mu[1])**2 + (x[2, 1] - mu[1])**2)
assert xhat[1, 1] == (x[1, 1] - mu[1])/sqrt(var[1] + eps)
assert y[1, 1] == gamma[1]*xhat[1, 1] + beta[1]
assert dvar[1] == dxhat[1, 1]*xhat_wrt_var_each[1, 1, 1] + dxhat[2, 1]*xhat_wrt_var_each[2, 1, 1]
assert xhat_wrt_var_each[1, 1, 1] == -1/2*(x[1, 1] - mu[1])*(var[1] + eps)**(-3/2)
assert -1/2*(x[1, 1] - mu[1])*(var[1] + eps)**(-3/2) == -1/2*(var[1] + eps)**(-3/2)*(x[1, 1] - mu[1])
assert dvar[1] == -1/2*(var[1] + eps)**(-3/2)*(dxhat[1, 1]*(x[1, 1] - mu[1]) + dxhat[2, 1]*(x[2, 1] - mu[1]))
""".strip().splitlines()


def test_the_notes_written_out() -> None:
    claims = claims_of("batch_norm", NOTES)
    for claim, grammar in zip(claims[:-1], NOTES_SAY, strict=True):
        left, right, _ = expected("batch_norm", grammar)
        assert claim.indices == ()
        assert same("batch_norm", claim.left, left, ())
        assert same("batch_norm", claim.right, right, ())
    named = claims[-1]
    assert named.defines is not None
    assert (named.defines.name, named.text) == ("A_1", "=: A_1")
    assert (named.left, named.right) == (named.defines.element, claims[-2].left)
    assert claims[7].head == claims[6].left


PLANTED = [
    (r"\hat{x}_{ij} = \frac{x_{ij} + \mu_j}{\sqrt{\sigma_j^2 + \epsilon}}",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"\hat{x}_{ij} = \frac{x_{ij} - \mu_j}{\sqrt{\sigma_j^2}} + \epsilon",
     "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)"),
    (r"d\beta_j = \frac1N \sum_i dy_{ij}", "dbeta[j] = sum(dy[i, j] for i in N)"),
    (r"dx_{ij} = \sum_{k} dy_{kj} x_{ij}", "dx[i, j] = sum(dy[k, j]*x[k, j] for k in N)"),
    (r"dx_{11} = x_{12}", "assert dx[1, 1] == x[2, 1]"),
]


@pytest.mark.parametrize(("latex", "grammar"), PLANTED)
def test_another_formula_is_seen_to_be_another(latex: str, grammar: str) -> None:
    with pytest.raises(AssertionError):
        check("batch_norm", f"${latex}$", grammar)
