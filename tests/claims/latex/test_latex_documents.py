"""Where formulas are found in a document, and how they fall into claims."""

from __future__ import annotations

import pytest
from latex_samples import check, claims_of, read, vocabulary
from sympy import Rational

import derive
from derive.claims.claim import Claim, Unreadable
from derive.claims.latex.reader import looks_like_latex
from derive.layers import layer_names, read_layer
from derive.pictures import picture
from derive.printing.latex import latex_document
from derive.printing.names import Notation

MARKDOWN = r"""
# The gradient, 50% of the work

Prices are `$5` and code is `x = 1`:

```python
y = x * $3
```

Inline $d\beta_j = \sum_i dy_{ij}$, GitHub's $`d\gamma_j = \sum_i dy_{ij}\hat x_{ij}`$, and a block:

```math
y_{ij} = \gamma_j \hat{x}_{ij} + \beta_j
```

$$
\begin{aligned}
\mu_j &= \frac1N \sum_i x_{ij}, \\
\sigma_j^2 &= \frac1N \sum_i (x_{ij} - \mu_j)^2.
\end{aligned}
$$
"""
TEX = r"""\documentclass{article}
\usepackage{amsmath}
\begin{document}
\section{Backward} % $ a comment = with a dollar
We have ``quotes'' and \verb|$x = y$|.
\begin{equation}\label{eq:a = b}
  d\beta_j = \sum_i dy_{ij} \tag{1 = 2}
\end{equation}
\begin{verbatim}
$z = w$
\end{verbatim}
\begin{gather*}
  d\gamma_j = \sum_i dy_{ij}\hat x_{ij}, % = \foo
  \\[4pt] y_{ij} = \gamma_j \hat{x}_{ij} + \beta_j \nonumber
\end{gather*}
\begin{eqnarray} \mu_j &=& \frac1N \sum_i x_{ij} \end{eqnarray}
\begin{multline} \sigma_j^2 = \frac1N \sum_i \left( x_{ij} \right. \\ \left. - \mu_j \right)^2 \end{multline}
\(\epsilon > 0\) and $x \in \mathbb{R}^{N\times D}$ and $x_{ij}$ and \$5.
\end{document}
$dx = dy$
"""


@pytest.mark.parametrize(
    ("text", "file", "lines"),
    [(MARKDOWN, "notes.md", [10, 10, 13, 18, 19]), (MARKDOWN, "<stdin>", [10, 10, 13, 18, 19]),
     (TEX, "notes.tex", [7, 13, 14, 16, 17]), (TEX, "<stdin>", [7, 13, 14, 16, 17])],
)  # fmt: skip
def test_formulas_are_found(text: str, file: str, lines: list[int]) -> None:
    found = read("batch_norm", text, file=file).lines
    assert all(isinstance(line, Claim) for line in found), [str(getattr(line, "error", "")) for line in found]
    assert [line.line for line in found] == lines
    names = [str(line.left.base) for line in found if isinstance(line, Claim)]
    assert names == ["dbeta", "dgamma", "y", "mu", "var"]


def test_bare_formulas_line_by_line() -> None:
    text = "Here is the layer:\nmu_j is the mean\n\\mu_j = \\frac1N\n  \\cdot \\sum_i x_{ij}\n  = \\sum_i x_{ij} / N\n"
    text += "\ny = \\hat x\n"
    assert [(claim.line, claim.text) for claim in claims_of("batch_norm", text)] == [
        (3, r"\mu_j = \frac1N \cdot \sum_i x_{ij}"),
        (5, r"= \sum_i x_{ij} / N"),
        (7, r"y = \hat x"),
    ]


def test_a_bare_line_that_may_belong_to_the_one_before_is_no_prose() -> None:
    found = read("batch_norm", "dx_{ij} = \\frac{\\gamma_j}{N}\n(N dy_{ij} - \\mu_j)\n")
    assert not isinstance(found.lines[0], Claim)


def test_rows_go_on() -> None:
    text = r"""\begin{align}
    d\gamma_j &= \sum_i dy_{ij} \hat{x}_{ij} \label{a} \\
      &\quad + 0 \nonumber \\
      &= 0 + \sum_i dy_{ij}
         \hat{x}_{ij} \\
      &\overset{(a)}{=} \sum_i
         \hat{x}_{ij} dy_{ij}.
    \end{align}"""
    first, second, third = claims_of("batch_norm", text)
    assert (first.line, first.text) == (2, r"d\gamma_j = \sum_i dy_{ij} \hat{x}_{ij} \quad + 0")
    assert (second.line, second.text) == (4, r"= 0 + \sum_i dy_{ij} \hat{x}_{ij}")
    assert third.line == 6
    assert first.head is None
    assert second.head == third.head == first.left
    assert second.left == first.right
    assert third.left == second.right


SPLITS = [
    (r"$y = \hat x, \quad \mu = \beta$", ["y = \\hat x", "\\mu = \\beta"]),
    (r"$y = \hat x \qquad \mu = \beta$", ["y = \\hat x", "\\mu = \\beta"]),
    (r"$y = \hat x \text{ and } \mu = \beta$", ["y = \\hat x", "\\mu = \\beta"]),
    (r"$y = \hat x \text{, where } \mu = \beta.$", ["y = \\hat x", "\\mu = \\beta"]),
    (r"$y = \hat x \Rightarrow \mu = \beta$", ["y = \\hat x", "\\mu = \\beta"]),
    (r"$y_{ij} = \hat x_{ij}, \quad i = 1, \ldots, N$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij}, i=1..N, j = 1, 2, 3$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij} \quad (i = 1, \dots, N)$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij} \quad \forall i, j \in \{1, \dots, D\}$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij} \text{ for } i = 1, \dots, N$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij} \quad (3)$", [r"y_{ij} = \hat x_{ij}"]),
    (r"$y_{ij} = \hat x_{ij} + x_{kj} \text{ if } i = k$", None),
    (r"$y := \hat x \equiv \hat x$", [r"y := \hat x", r"\equiv \hat x"]),
    (r"$y \triangleq \hat x \stackrel{\text{def}}{=} \hat x$",
     [r"y \triangleq \hat x", r"\stackrel{\text{def}}{=} \hat x"]),
    (r"$\boxed{y = \hat x}$", [r"y = \hat x"]),
    (r"\begin{align} y &= \hat x & \mu &= \beta \end{align}", [r"y = \hat x", r"\mu = \beta"]),
    (r"\begin{align} y &= \hat x && \text{by definition} \end{align}", [r"y = \hat x"]),
    (r"\begin{align} y &= \hat x \\ - \mu &= \beta \end{align}", [r"y = \hat x", r"- \mu = \beta"]),
    (r"\begin{equation}\begin{split} y &= \hat x \\ &+ \beta \end{split}\end{equation}", [r"y = \hat x + \beta"]),
    (r"\begin{align} y &= \hat x \\ &\quad - \mu =: A \end{align}", [r"y = \hat x \quad - \mu", "=: A"]),
    (r"\begin{align} y &= \hat x \\ &\quad (x + 1) \end{align}", [r"y = \hat x \quad (x + 1)"]),
    (r"\begin{align} y &= (\hat x \\ &\quad - \mu) \\ &= x \end{align}", [r"y = (\hat x \quad - \mu)", "= x"]),
    (r"$y = \hat x \text{ (by definition)}$", [r"y = \hat x"]),
    (r"$$y = \hat x + \\ \beta$$", [r"y = \hat x + \beta"]),
    (r"$$y = \bigl(\hat x \\ + \beta\bigr)$$", [r"y = \bigl(\hat x + \beta\bigr)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), SPLITS, ids=[row[0] for row in SPLITS])
def test_formulas_fall_into_claims(text: str, shown: list[str] | None) -> None:
    if shown is None:
        assert not all(isinstance(line, Claim) for line in read("batch_norm", text).lines)
    else:
        assert [claim.text for claim in claims_of("batch_norm", text)] == shown


UNCLEAR = [
    r"$y = \hat x \text{ 10 times } \gamma$", r"$y = \hat x . \gamma$", r"$y = \hat x, \gamma \beta$",
    r"$$y = \hat x \\ \gamma$$", r"$y = \hat x \quad \gamma$", r"\begin{align} y &= \hat x \\ \gamma \end{align}",
    r"$y = \hat x \hspace{1em} \gamma$",
]  # fmt: skip


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_may_belong_to_an_equation_is_not_dropped(text: str) -> None:
    (line,) = read("batch_norm", text).lines
    assert isinstance(line, Unreadable)
    assert "it is not clear whether this belongs" in line.error.message


@pytest.mark.parametrize("notation", ["leibniz", "d"])
@pytest.mark.parametrize("layer", ["batch_norm", "layer_norm", "rms_norm", "cosine_similarity"])
def test_the_own_latex_of_a_derivation_is_read(layer: str, notation: Notation) -> None:
    derivation = derive.derive(derive.load(layer))
    found = read(layer, latex_document(derivation, notation))
    drawn = latex_document(derivation, notation, picture=picture(derivation, "tikz", notation=notation))
    assert r"\node" in drawn
    assert len(read(layer, drawn).lines) == len(found.lines) > 20
    assert [str(line.error) for line in found.lines if isinstance(line, Unreadable)] == []


def test_a_layer_with_a_loss_of_its_own_and_one_beyond_it() -> None:
    text = (
        r"$\frac{\partial \mathcal{L}}{\partial x_{nc}} "
        r"= \frac{\partial \mathcal{L}}{\partial L} \frac{\partial L}{\partial x_{nc}}$"
    )
    check("softmax_cross_entropy", text, "dx[n, c] = dL*L_wrt_x_each[n, c]")
    check("softmax_cross_entropy", r"$\frac{\partial L}{\partial x_{nc}} = p_{nc}$", "dx[n, c] = p[n, c]")


VECTORS = [
    (r"p_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}}",
     "p[n, i] = exp(x[n, i] - m[n])/sum(exp(x[n, j] - m[n]) for j in C)"),
    (r"\frac{\partial p_i}{\partial x_j} = p_i(\delta_{ij} - p_j)",
     "assert p_wrt_x_each[n, i, n, j] == p[n, i]*(delta(i, j) - p[n, j])"),
    (r"dx_i = p_i \Big(dp_i - \sum_{1 \le j \le C} dp_j p_j\Big)",
     "dx[n, i] = p[n, i]*(dp[n, i] - sum(dp[n, j]*p[n, j] for j in C))"),
]


@pytest.mark.parametrize(("latex", "grammar"), VECTORS)
def test_one_row_of_a_layer_that_does_the_same_for_each(latex: str, grammar: str) -> None:
    check("softmax", f"${latex}$", grammar)


def test_a_part_of_a_gradient() -> None:
    latex = r"\frac{\partial L}{\partial \mu_j}\Big|_{\text{via }\hat{x}}"
    latex += r" = -\sum_i \mathrm{d}\mu_j|_{\text{via } \sigma^2} x_{ij}"
    check("batch_norm", f"${latex}$", "dmu_via_xhat[j] = -sum(dmu_via_var[j]*x[i, j] for i in N)")


def test_sizes_and_numbers() -> None:
    text = r"$m = 4$, $D = 3$, $\epsilon = 10^{-5}$, $\mu_2 = \frac1m\sum_{i=1}^m x_{i2} + x_{32}$"
    found = read("batch_norm", text)
    assert dict(found.sizes) == {"N": 4, "D": 3}
    assert dict(found.largest) == {"N": 3, "D": 2}
    assert len(found.lines) == 1


def test_digits_are_indices_where_their_number_fits() -> None:
    check("batch_norm", r"$x_{12} = x_{1,2} + \mu_{2} + x_{8,2}$", "assert x[1, 2] == x[1, 2] + mu[2] + x[8, 2]")


def test_a_constant_is_what_it_is_said_to_be_only_where_that_is_all() -> None:
    (claim,) = claims_of("batch_norm", r"$\epsilon = \frac{1}{2} \mu_1$")
    assert claim.right.as_coeff_Mul()[0] == Rational(1, 2)


TABLES = [
    ("batch_norm", "z=y, a=gamma, h=xhat", r"z_{ij} = a_j h_{ij} + \beta_j", "y[i, j] = gamma[j]*xhat[i, j] + beta[j]"),
    ("batch_norm", r"\delta=dy, g=dxhat", r"\delta_{ij} = g_{ij}", "dy[i, j] = dxhat[i, j]"),
    ("batch_norm", "v=var, B=N", r"v_j = \frac{1}{B}\sum_{b=1}^B x_{bj}^2", "var[j] = mean(x[i, j]**2 for i in N)"),
    ("batch_norm", "s^2=var", r"s_j^2 = \frac{1}{s_j}", "var[j] = var[j]**(-1/2)"),
    ("batch_norm", r"C=L, \bar{x}=dx", r"\frac{\partial C}{\partial y_{ij}} = \bar x_{ij}", "dy[i, j] = dx[i, j]"),
    ("batch_norm", r"\mathrm{batch}=", r"\mu_{\mathrm{batch}} = \beta", "mu[j] = beta[j]"),
    ("batch_norm", r"e=eps", r"\mu_j = e^2", "mu[j] = eps**2"),
    ("batch_norm", r"d=beta", r"\mu_j = d_j x_{1j}", "mu[j] = beta[j]*x[1, j]"),
    ("attention", "d_k=D", r"S_{ij} = \frac{1}{\sqrt{d_k}}\sum_{d=1}^{d_k} Q_{id}K_{jd}",
     "S[i, j] = sum(Q[i, d]*K[j, d] for d in D)/sqrt(D)"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "table", "latex", "grammar"), TABLES, ids=[row[1] for row in TABLES])
def test_tables_map_symbols(layer: str, table: str, latex: str, grammar: str) -> None:
    check(layer, f"${latex}$", grammar, table)


def test_sigma_is_the_sigmoid_where_the_layer_has_no_sigma() -> None:
    check("silu", r"$s_{ij} = \sigma(x_{ij})$", "s[i, j] = sigmoid(x[i, j])")
    check("silu", r"$s_{ij} = \operatorname{sigmoid}(x_{ij})$", "s[i, j] = sigmoid(x[i, j])")


def test_names_with_their_own_subscripts() -> None:
    check("lstm_cell", r"$i_{nj} = \sigma(a_{i,nj})$", "i[n, j] = sigmoid(a_i[n, j])")
    check("lstm_cell", r"$dW_{f,kj} = \sum_n x_{nk} da_{f,nj}$", "dW_f[k, j] = sum(x[n, k]*da_f[n, j] for n in N)")


def test_a_name_is_defined_once_and_then_claimed() -> None:
    first, second = claims_of("batch_norm", r"$s_j = \sigma_j^2$ then $s_j = \mu_j$")
    assert first.defines is not None
    assert (first.defines.name, first.defines.role) == ("s", "helper")
    assert [(index.name, index.extent) for index in first.defines.indices] == [("j", "D")]
    assert second.defines is None
    assert second.left == first.left


@pytest.mark.parametrize("name", sorted(layer_names()))
def test_no_layer_looks_like_latex(name: str) -> None:
    assert not looks_like_latex(read_layer(name).text)


def test_what_looks_like_latex() -> None:
    assert looks_like_latex(MARKDOWN)
    assert looks_like_latex(TEX)
    assert looks_like_latex("x_{ij} = 1")
    assert looks_like_latex("$a = b$")
    assert not looks_like_latex('"""Costs $5, \\frac."""\ndx[i, j] = dy[i, j]  # \\sum $\n')
    assert not looks_like_latex("dvar[j] = sum(dxhat[i, j] for i in N)\ny: r\"\\hat y\"\n")


def test_the_vocabulary_is_not_changed() -> None:
    before = dict(vocabulary("batch_norm").known)
    claims_of("batch_norm", r"$s_j = \mu_j$")
    assert dict(vocabulary("batch_norm").known) == before
