"""What inputs are made of: right ones to begin with, and pieces that somebody might put in them."""

from __future__ import annotations

import re
from pathlib import Path

from random_layers import random_layer
from samples import LAYERS

from derive.layers import layer_names, read_layer

_TESTS = Path(__file__).parent.parent
_PAGES = _TESTS.parent / "output" / "docs"

# Words, numbers, spaces, and every other character on its own; commands of LaTeX whole.
TOKEN = re.compile(r"\\[a-zA-Z]+|\d+|[^\W\d]\w*|\s+|.", re.DOTALL)

_SMALL = (
    "x: []\ny = x**2\n",
    "x: [N]\nw: constant[N]\nassert sum(w[i] for i in N) == 1\ny = sum(w[i]*x[i] for i in N)\n",
    "s: [N, M]\nl = -mean(log(exp(s[i, i])/sum(exp(s[i, k]) for k in M)) for i in N)\n",
    "x: [N, D]\nc: constant = 1/3\nassert 0 < c\nassert c <= 1\nassert N > 1\nx: r\"\\xi\"\n"  # noqa: ISC004
    "m[j] = max(x[i, j] for i in N)\np = prod(x[i, j] for i in N for j in D)\nm: output\n"
    "y[i, j] = where(x[i, j] > m[j], c, 0)*delta(i, i) + p/(N*D)\n",
)
LAYER_TEXTS = (
    *_SMALL,
    *(text.lstrip("\n") for text in LAYERS.values()),
    *(read_layer(name).text for name in layer_names()),
    *(random_layer(seed) for seed in range(40)),
)


def _corpus(*suffixes: str) -> list[str]:
    paths = sorted(path for path in (_TESTS / "check" / "corpus").iterdir() if path.suffix in suffixes)
    return [path.read_text(encoding="utf-8") for path in paths]


def _printed() -> list[str]:
    """Formulas and whole documents as `derive latex` prints them."""
    found = []
    for path in sorted(_PAGES.glob("*/derivation.tex")):
        text, layer = path.read_text(encoding="utf-8"), path.parent.name
        formulas = re.findall(r"\\begin\{(?:align|equation|gather)\*?\}.*?\\end\{\w+\*?\}|\\\[.*?\\\]", text, re.DOTALL)
        found += [f"% layer: {layer}\n{formula}\n" for formula in formulas[:: max(1, len(formulas) // 6)]]
        found += [f"% layer: {layer}\n{text}"] if len(text) < 8_000 else []
    return found


GRAMMAR_TEXTS = tuple(_corpus(".txt"))
LATEX_TEXTS = (*_corpus(".tex", ".md"), *_printed())

NUMBERS = (
    "0", "1", "-1", "2", "3", "100", "101", "-100", "1/2", "1/3", "1e-5", "1e300", "1e-300", "1e301", "1e400",
    "1e-400", "0.1", ".5", "5.", "0x10", "1_000", "007", "1j", "1e", "9" * 40, "9" * 310, "9" * 4400,
    "1e99999999999", "0b1", "1.0000000000000000000001", "0.30000000000000004", "2**0.5", "(-8)**(1/3)", "0**0",
    "0.0", "-0.0", "٣", "１", "²", "True", "None", "...", "inf", "nan", "1e-16", "123456789012345678901234567890",
    "10**100", "(1e300)**(1/2)",
)  # fmt: skip
NAMES = (
    "x", "y", "N", "D", "i", "j", "k", "mu", "var", "xhat", "gamma", "eps", "pi", "dx", "dy", "d", "L", "I", "E",
    "S", "O", "Q", "lambda", "for", "in", "if", "else", "class", "assert", "is", "not", "and", "or", "del", "import",
    "async", "await", "print", "open", "exec", "eval", "__import__", "__class__", "_", "__", "_x", "self", "np",
    "out", "constant", "output", "intermediate", "x_wrt_y", "x_via_y", "xhat_wrt_var", "dx_via_xhat", "ſ", "ﬁ", "µ",
    "μ", "х", "ο", "ℯ", "K", "ª", "x̂", "é", "e\u0301", "𝒙", "名", "ı", "İ", "ᵢ", "x1", "x" * 300, "y" * 5000, "zoo",
    "oo", "nan", "sympify", "Sum", "dgamma", "dbeta", "dmu", "dvar", "dxhat", "beta", "epsilon", "sigma", "match",
    "type", "case", "None",
)  # fmt: skip
SIGNS = (
    "+", "-", "*", "/", "**", "//", "%", "@", "^", "|", "&", "~", "<<", ">>", "=", "==", "!=", "<", "<=", ">", ">=",
    "<>", ":=", "->", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "...", "#", "\\", "'", '"', "'''", '"""',
    "`", "!", "?", "$", "\n", "\t", " ", "\r", "\r\n", "\\\n", "\f", "\v", "\x00", "\x1b[31m", "\u200b", "\u202e",
    "\ufeff", "\u2028", "\x85", "\xa0", "−", "·", "×", "√", "≤", "≠", "∑", "∂", "\ud800", "\U0010ffff", "\u0300" * 3,
    "é", "🙂", "\u2066",
)  # fmt: skip
PHRASES = (
    "sum(x[i, j] for i in N)", "mean(x[i] for i in N if x[i])", "max(x[i, j] for i, j in N)",
    "prod(x[i] for x[i] in N)", "sum(x[i] async for i in N)", "sum(x[i] for i in range(N))",
    "sum((x[i] for i in N), 1)", "sum([x[i] for i in N])", "sum({x[i] for i in N})", "sum({i: x[i] for i in N})",
    "sum(*x)", "sum(**x)", "sum(x[i] for i in N for i in N)", "sum(sum(x[i] for i in N) for i in N)",
    "sum(1 for i in N)", "sum(x[i] for (i) in (N))", "sum(x[i] for [i] in N)",
    "sum(x[i] for i in N for j in D for k in N)", "where(x > 0, x, 0)", "where(1 > 2, 3, 4)", "where(x, 1, 2)",
    "where(0 < x < 1, 1, 2)", "where(x is 1, 1, 2)", "where(x in N, 1, 2)", "delta(i, j)", "delta(i, 1)",
    "delta(1, 1)", "delta(i, N)", "x[i, i]", "x[::]", "x[...]", "x[i][j]", "x[(i, j)]", "x[*i]", "x[-1]", "x[True]",
    "x[1.5]", "x[()]", "x.T", "x.__class__", "x if y else z", "(yield x)", "lambda: x", "await x", "f'{x}'", "b'x'",
    "'x'", "f'{x!r:>{y}}'", "x := 1", "*x, y", "not x", "x and y", "log(0)", "log(-1)", "sqrt(-1)",
    "exp(exp(exp(9)))", "exp(1000)", "sin(10**300)", "exp(-10**9)", "tanh(10**50)", "erf(10**9)", "abs(-1)",
    "sign(0)", "sign(pi - 3)", "log(2) - log(2)", "sigmoid(0)", "1/(pi - pi)", "0*x", "x/x", "x**0", "0**x", "1**x",
    "x**N", "N**N", "2**N", "(-1)**N", "x**x**x", "N - N", "i", "N", "maximum(1, 2)", "maximum(x)", "relu(-1)",
    "softplus(10**9)", "log1p(-1)", "log1p(-2)", "cos(10**100)", "exp", "sum", "for i in N", "in N", "x: [N]",
    "x: []", "t: constant[N]", "e: constant = 1e-5", "e: constant = 1/0", "y: output", "y: intermediate",
    'y: r"\\hat y"', 'y: "\\u0041"', 'y: "$"', 'y: ""', "assert x > 0", "assert N > 1", "assert 1 < 2",
    "assert x == 1, 'y'", "assert x", "assert sum(x[i] for i in N) == 1", "assert N == 2", "assert x > y > 0",
    "x += 1", "assert x != x", "assert x > log(2)", "assert x > exp(100)", "assert x < 1e-300", "y = x", "x = y = 1",
    "x, y = 1, 2", "y[i] = 1", "y[i, i] = 1", "y[1] = 2", "y[i:j] = 1", "x.y = 1", "(x) = 1", "[x] = 1", "N = 2",
    "D = 0", "N = 999", "pass", "return", "import os", "from x import *", "def f(): pass", "class A: pass",
    "if x: pass", "while 1: pass", "for i in N: pass", "try: pass\nexcept: pass", "with x: pass", "global x",
    "raise x", "@x\ndef f(): pass", "del x", "__import__('os').system('touch canary')",
    "exec('open(\"canary\", \"w\")')", "open('canary', 'w').write('1')", "(lambda: open('canary', 'w'))()",
    "type X = int", "match x:\n case 1: pass", "x: int", "x: list[N]", "x: [N][D]",
)  # fmt: skip
_LATEX = r"""
    \frac \frac{ \frac{a}{b} \dfrac12 \sum \sum_{i=1}^{N} \sum_k \sum_{k\neq{}i} \prod \max_k \max(0,x) \hat
    \hat{x}_{ij} \bar{x} \partial \frac{\partial\ell}{\partial{}x_{ij}} \frac{\partial^2L}{\partial{}x^2} \sigma_j^2
    \sigma \gamma_j \mu_j x_{ij} x_i x_{11} x_{1,1} x_{i,j} x^{(i)} x^{(i)}_j dx_{ij} dy_{ij} d\beta_j = == := =:
    \equiv A_1 s_j ( ) [ ] \{ \} { } | \| \left( \right) \left. \right| \big( \Big) ^ _ ^2 ^{-1} ^{-\frac12} ^{1/2} '
    '' ! , . ; & \\ \\[2pt] \quad \text{and} \mathrm{x} \mathcal{B} \mathbb{1}_{i=j} \mathbb{1}[x>0] \delta_{ij} \exp
    \exp( \log \ln \tanh \sqrt \sqrt[3]{x} \sqrt{ \cdot \times \odot / + - * \pm 0 1 12 0.5 1e5 10^{300} 9^{99} N D m
    \ldots \cdots \dots \vdots i=1,\ldots,N \forall \in \leq > \neq \approx \Rightarrow \implies \foo \begin{aligned}
    \end{aligned} \begin{cases} \end{cases} \begin{pmatrix} \end{pmatrix} % $ $$ \begin{align} \end{align}
    \begin{align*} \end{align*} \begin{equation} \end{equation} \[ \] \( \) \label{x} \tag{1} \boxed{ \overset{a}{=}
    \underbrace{x}_{y} \color{red} \textcolor{red}{x} \input{/etc/passwd} \write18{touch} \newcommand \def\x{\x\x}
    \csname \expandafter \verb|x| \left\{ \right\} \operatorname{sign} \mathrm{sign} \sgn e^{x} \pi \epsilon
    \varepsilon \lVert x \rVert \lfloor \rfloor \binom{n}{k} \int_0^1 \lim_{x\to0} \nabla \nabla_x \top ^\top ^T \odot
    \infty x_{x_{x}} x^{x^{x}} {}^2 _2 _{} ^{} \frac{}{} \sqrt{} {{{ }}} \left\left \right\right \\\\ &&
    \substack{i\\j} \limits \sum\limits_i \sum_{i}\sum_{j} \sum_{i,j} \sum_{i=1}^{N-1} \sum_{i=0}^{N} \sum_{i\in{}B}
    \mu_{\mathcal{B}} \hat\mu \dot{x} ^^41 ~ \, \; \! \ \- \/ \@ \{ \} \$ \& \# \_ \% ```math ``` ` ``
    \begin{document} \end{document} \documentclass
"""
LATEX_PHRASES = tuple(_LATEX.split())
