"""Input that is meant to hurt: a clear error, soon, and nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latex_samples import read, vocabulary
from time_limits import within

from derive.claims.claim import Claim
from derive.claims.latex.reader import looks_like_latex, read_latex
from derive.errors import LayerError, UsageError

SECONDS = 1.5  # of the processor: one, and some for a slow one

HOSTILE = {
    "braces, 1 MB": "{" * 1_000_000,
    "braces": "$dx = " + "{" * 140_000 + "$",
    "closed braces": "$dx = " + "{" * 70_000 + "}" * 70_000 + "$",
    "bare braces": "dx = " + "{" * 140_000,
    "brackets": "$dx = " + "(" * 140_000 + "$",
    "bars": "$dx = " + "|" * 140_000 + "$",
    "left": "$dx = " + "\\left(" * 20_000 + "$",
    "fractions": "$dx = " + "\\frac" * 25_000 + "$",
    "fractions in braces": "$dx = " + "\\frac{" * 20_000 + "$",
    "roots": "$dx = " + "\\sqrt{" * 100 + "2" + "}" * 100 + "$",
    "roots without braces": "$dx = " + "\\sqrt" * 20_000 + "$",
    "hats": "$dx = " + "\\hat" * 30_000 + "$",
    "fonts": "$dx = " + "\\mathbf" * 20_000 + "$",
    "fonts in braces": "$dx = " + "\\mathbf{" * 18_000 + "$",
    "texts": "$dx = " + "\\text{" * 20_000 + "$",
    "carets": "$dx = x^^^^0041$",
    "powers": "$dx = 9" + "^{9" * 50 + "}" * 50 + "$",
    "tower": "$dx_{ij} = " + "x_{ij}^{1+" * 50 + "2" + "}" * 50 + "$",
    "nested functions": "$dx_{ij} = " + "\\exp(" * 55 + "x_{ij}" + ")" * 55 + "$",
    "nested fractions": "$dx_{ij} = " + "\\frac{1}{1+" * 55 + "x_{ij}" + "}" * 55 + "$",
    "masks": "$dx_{ij} = " + "1[" * 1_500 + "x_{ij}" + " > 0]" * 1_500 + "$",
    "masks in brackets": "$dx_{ij} = " + "\\mathbb{1}[((" * 1_000 + "x > 0" + "))]" * 1_000 + "$",
    "masks and brackets": "$dx_{ij} = " + "1[(" * 2_000 + "x > 0$",
    "conditions": "$dx_{ij} = x_{ij}" + " \\quad (i \\neq j)" * 5_000 + "$",
    "lost indices": "$" + " ".join(f"dx_{{ij}} = x_{{k{chr(97 + n)}}}" for n in range(26)) + "$",
    "nine": "$dx = 9^{9^{9}}$",
    "large number": "$dx = " + "9" * 140_000 + "$",
    "large exponent": "$dx = 1e999999999$",
    "factors": "$dx = " + " \\cdot ".join(["10^{100}"] * 5_000) + "$",
    "minus": "$dx = " + "-" * 100_000 + "1$",
    "long sum": "$dx_{ij} = " + " + ".join(["x_{ij}"] * 5_000) + "$",
    "sums": "$dx_{ij} = " + "\\sum_{k=1}^{100}" * 40 + "x_{kj}$",
    "sums over letters": "$dx_{ij} = " + "\\sum_k" * 20_000 + "$",
    "derivatives": "$dx_{ij} = " + "\\partial" * 15_000 + "$",
    "operators": "$dx_{ij} = " + "\\frac{d}{dx_{ij}}" * 5_000 + "$",
    "functions": "$dx = " + "\\exp" * 25_000 + "$",
    "exponentials": "$dx = " + "\\exp(" * 30 + "100" + ")" * 30 + "$",
    "rows": "$$" + "dx = (\\\\" * 15_000 + "$$",
    "columns": "\\begin{align}" + "&" * 100_000 + "\\end{align}",
    "equalities": "$" + "dx_{ij} = " * 1_000 + "1$",
    "dollars": "$" * 100_001,
    "dollars and letters": "$a" * 70_001,
    "formulas": "$a$ " * 35_000,
    "begin": "\\begin{align}" * 10_000,
    "begin and end": "\\begin{align}" * 5_000 + "\\end{align}" * 5_000,
    "backticks": "".join("`" * n + " " for n in range(500)) + "$dx = dy$",
    "backslash": "$dx = \\$",
    "backslashes": "\\" * 140_000,
    "backslash at the end": "dx = \\",
    "subscripts": "$dx = x" + "_{x" * 40_000 + "$",
    "left out": "$dx_i = " + " + ".join(f"x_{chr(97 + n)}" for n in range(26)) + "$",
    "input": "\\input{/etc/passwd}",
    "inputs": "\\input{x}" * 10_000,
    "write": "$\\immediate\\write18{touch /tmp/x} = 1$",
    "binary": "".join(chr(n % 256) for n in range(100_000)),
    "NUL": "$dx = \x00$",
    "surrogate": "$dx = \udcff$",
    "spaces": " " * 140_000 + "$",
    "newlines": "\n" * 140_000,
    "bare lines": "a = b\n" * 2_000,
    "overset": "$dx " + "\\overset{" * 14_000 + "$",
    "environments": "$" + "\\begin{cases}" * 10_000 + "$",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_ends_soon(name: str) -> None:
    vocabulary("batch_norm").known  # noqa: B018 - not to be timed
    with within(SECONDS), contextlib.suppress(LayerError):
        read("batch_norm", HOSTILE[name])
    with within(SECONDS):
        looks_like_latex(HOSTILE[name])


WORDS = r"""
    \frac \sum \sum_{i=1}^{N} \sum_k \prod \max \hat \hat{x} \partial \partial{} \sigma_j^2 \sigma \gamma_j \mu x_{ij}
    x_i dy_{ij} d dx_{ij} = = = := =: A_1 s_j s ( ) [ ] \{ \} { } { } | \left( \right) \left. \right| \big( \Big) ^ _ ^2
    _{ij} _{11} ^{-1} ^{(i)} ' ! , . ; & \\ \quad \qquad \text{and} \text{rms} \mathrm{x} \mathcal{B} \mathbb{1}_{i=j}
    \delta_{ij} \exp \log \tanh( \sqrt \sqrt[3]{x} \cdot \times / + - * 0 1 2 12 0.5 1e5 N D m \ldots ... i=1,\ldots,N
    \forall \in \approx \neq \Rightarrow \foo \begin{aligned} \end{aligned} % $ $$ \begin{align} \end{align} \[ \]
    \mathbb{1}[ 1\{ > < \gets \quad(i\neq{}j) \text{if $i=j$} x_{kl} \mu_i \sum_{i=1}^{D} \gamma=1 {}\partial\log
    \overset{a}{=} \boxed{ \frac{\partial\ell}{\partial x_i} \frac{dL}{dx_{ij}} \frac{d}{dx_{ij}} e^{x} \pi \epsilon
"""
PIECES = st.sampled_from(WORDS.split())


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(PIECES, max_size=25), st.sampled_from(["$", "$$", "", "\\begin{align}"]))
def test_token_soup_raises_layer_errors_only(pieces: list[str], around: str) -> None:
    end = around.replace("begin", "end")
    text = f"{around}dx_{{ij}} = {' '.join(pieces)}{end}"
    with contextlib.suppress(LayerError):
        for line in read("batch_norm", text).lines:
            assert isinstance(line, Claim) or str(line.error)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_raises_errors_of_ours_only(text: str, table: str) -> None:
    with contextlib.suppress(LayerError, UsageError):
        read_latex(f"$dx_{{ij}} = {text}$", "notes.md", vocabulary("batch_norm"), table)
