from __future__ import annotations

import pytest
from sample_derivations import quantities
from sympy import (
    Abs,
    Add,
    Expr,
    Float,
    Ge,
    Integer,
    Integral,
    Mul,
    Ne,
    Pow,
    Rational,
    Sum,
    Symbol,
    cos,
    erf,
    exp,
    log,
    nan,
    oo,
    pi,
    sign,
    sin,
    sinh,
    sqrt,
    tanh,
)

from derive.errors import UsageError
from derive.functions import (
    MaxOver,
    ProductOver,
    delta,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    where,
)
from derive.graph import Index, Quantity, extent_symbol, index_symbol, reference
from derive.printing.latex_math import LayerLatexPrinter, latex_expression
from derive.printing.names import Names, Notation

i, j, k = (index_symbol(name) for name in "ijk")
row, col = index_symbol("row"), index_symbol("col")
N, D = extent_symbol("N"), extent_symbol("D")
eps, L = reference("eps"), reference("L")


def element(name: str):
    return lambda *indices: reference(name, [Integer(n) if isinstance(n, int) else n for n in indices])


x, y, xhat, dy, dxhat, dx = (element(name) for name in ("x", "y", "xhat", "dy", "dxhat", "dx"))
mu, var, gamma, beta, dvar, dmu = (element(name) for name in ("mu", "var", "gamma", "beta", "dvar", "dmu"))
deviation = x(i, j) - mu(j)
root = sqrt(var(j) + eps)


def total(body: Expr, *pairs: tuple[Symbol, Symbol]) -> Expr:
    return Sum(body, *((index, 1, extent) for index, extent in pairs))


sum_dy, sum_dy_xhat = total(dy(k, j), (k, N)), total(dy(k, j) * xhat(k, j), (k, N))
minus_sum = Mul(-1, mu(j) + eps, evaluate=False)
SIGMOID = r"\operatorname{sigmoid}\left(\varepsilon\right)"
COTANGENT_X = r"\frac{\partial L}{\partial x_{ij}}"
DY_IJ, DY_KJ = r"\frac{\partial L}{\partial y_{ij}}", r"\frac{\partial L}{\partial y_{kj}}"
SIGMA = r"\sigma_{j}^{2} + \varepsilon"

ROWS = [
    # names, indices, numbers
    (x(i, j), "x_{ij}"),
    (x(1, 1), "x_{11}"),
    (x(12, 1), "x_{12,1}"),
    (x(row, j), r"x_{\mathrm{row},j}"),
    (eps, r"\varepsilon"),
    (N / (N - 1), r"\frac{N}{N - 1}"),
    (Rational(1, 100000), "10^{-5}"),
    (Rational(-44715, 1000000), "-0.044715"),
    (Rational(3, 8), r"\frac{3}{8}"),
    (Integer(-7), "-7"),
    # layers
    (total(x(i, j), (i, N)) / N, r"\frac{1}{N} \sum_{i=1}^{N} x_{ij}"),
    (total(deviation**2, (i, N)) / N, r"\frac{1}{N} \sum_{i=1}^{N} \left(x_{ij} - \mu_{j}\right)^{2}"),
    (deviation / root, rf"\frac{{x_{{ij}} - \mu_{{j}}}}{{\sqrt{{{SIGMA}}}}}"),
    (gamma(j) * xhat(i, j) + beta(j), r"\gamma_{j}\,\hat{x}_{ij} + \beta_{j}"),
    (exp(x(i, j)) / total(exp(x(i, k)), (k, D)), r"\frac{\mathrm{e}^{x_{ij}}}{\sum_{k=1}^{D} \mathrm{e}^{x_{ik}}}"),
    # gradients
    (
        gamma(j) / root * (dy(i, j) - sum_dy / N - xhat(i, j) * sum_dy_xhat / N),
        (
            rf"\frac{{\gamma_{{j}}}}{{\sqrt{{{SIGMA}}}}} \left({DY_IJ} - \frac{{1}}{{N}} \sum_{{k=1}}^{{N}} {DY_KJ}"
            rf" - \frac{{\hat{{x}}_{{ij}}}}{{N}} \sum_{{k=1}}^{{N}} {DY_KJ}\,\hat{{x}}_{{kj}}\right)"
        ),
    ),
    (
        gamma(j) / (N * root) * (N * dy(i, j) - element("dbeta")(j) - xhat(i, j) * element("dgamma")(j)),
        (
            rf"\frac{{\gamma_{{j}}}}{{N\,\sqrt{{{SIGMA}}}}} \left(N\,{DY_IJ}"
            r" - \frac{\partial L}{\partial \beta_{j}} - \hat{x}_{ij}\,\frac{\partial L}{\partial \gamma_{j}}\right)"
        ),
    ),
    (
        total(dxhat(i, j) * deviation, (i, N)) * Rational(-1, 2) * (var(j) + eps) ** Rational(-3, 2),
        (
            rf"-\frac{{1}}{{2}} \left({SIGMA}\right)^{{-3/2}} \sum_{{i=1}}^{{N}}"
            r" \frac{\partial L}{\partial \hat{x}_{ij}} \left(x_{ij} - \mu_{j}\right)"
        ),
    ),
    (
        total(dxhat(i, j) * element("xhat_wrt_var")(i, j), (i, N)),
        (
            r"\sum_{i=1}^{N} \frac{\partial L}{\partial \hat{x}_{ij}}"
            r"\,\frac{\partial \hat{x}_{ij}}{\partial \sigma_{j}^{2}}"
        ),
    ),
    (element("xhat_wrt_var")(k, j), r"\frac{\partial \hat{x}_{kj}}{\partial \sigma_{j}^{2}}"),
    (
        element("dmu_via_xhat")(j) + element("dmu_via_var")(j),
        (
            r"\frac{\partial L}{\partial \mu_{j}}\Big|_{\text{via }\hat{x}} + "
            r"\frac{\partial L}{\partial \mu_{j}}\Big|_{\text{via }\sigma^{2}}"
        ),
    ),
    # no lost parentheses
    (total(deviation, (i, N)), r"\sum_{i=1}^{N} \left(x_{ij} - \mu_{j}\right)"),
    (total(-x(i, j), (i, N)), r"\sum_{i=1}^{N} \left(-x_{ij}\right)"),
    (total(x(i, j), (i, N), (j, D)), r"\sum_{i=1}^{N}\sum_{j=1}^{D} x_{ij}"),
    (
        total(total(x(i, j), (i, N)) + 1, (j, D)),
        r"\sum_{j=1}^{D} \left(1 + \sum_{i=1}^{N} x_{ij}\right)",
    ),
    (
        total(x(i, j), (i, N)) * total(y(i, j), (i, N)),
        r"\left(\sum_{i=1}^{N} x_{ij}\right) \sum_{i=1}^{N} y_{ij}",
    ),
    (total(x(i, j), (i, N)) ** 2, r"\left(\sum_{i=1}^{N} x_{ij}\right)^{2}"),
    (total(x(i, j), (i, N)) * deviation, r"\left(x_{ij} - \mu_{j}\right) \sum_{i=1}^{N} x_{ij}"),
    (1 / (total(x(i, j), (i, N)) * var(j)), r"\frac{1}{\sigma_{j}^{2} \sum_{i=1}^{N} x_{ij}}"),
    (var(j) ** 2, r"\left(\sigma_{j}^{2}\right)^{2}"),
    (mu(j) ** 2, r"\mu_{j}^{2}"),
    (dx(i, j) ** 2, rf"\left({COTANGENT_X}\right)^{{2}}"),
    (Mul(-1, deviation, evaluate=False), r"-\left(x_{ij} - \mu_{j}\right)"),
    (Mul(2, deviation, evaluate=False), r"2 \left(x_{ij} - \mu_{j}\right)"),
    (Add(x(i, j), minus_sum, evaluate=False), r"x_{ij} - \left(\mu_{j} + \varepsilon\right)"),
    (-x(i, j) - mu(j), r"-x_{ij} - \mu_{j}"),
    (Pow(Rational(1, 2), x(i, j)), r"\left(\frac{1}{2}\right)^{x_{ij}}"),
    (Pow(Pow(x(i, j), 2, evaluate=False), mu(j), evaluate=False), r"\left(x_{ij}^{2}\right)^{\mu_{j}}"),
    (x(i, j) ** Rational(3, 2) / var(j), r"\frac{x_{ij}^{3/2}}{\sigma_{j}^{2}}"),
    (1 / x(i, j) ** 2, r"\frac{1}{x_{ij}^{2}}"),
    (2 * Pow(3, Rational(1, 3)), r"2 \cdot 3^{1/3}"),
    (MaxOver(x(i, j), (i, 1, N)), r"\max_{1\le i\le N} x_{ij}"),
    (x(i, j) - MaxOver(x(i, k), (k, 1, D)), r"x_{ij} - \max_{1\le k\le D} x_{ik}"),
    (MaxOver(x(i, j), (i, 1, N)) - mu(j), r"\left(\max_{1\le i\le N} x_{ij}\right) - \mu_{j}"),
    (ProductOver(deviation, (i, 1, N)), r"\prod_{i=1}^{N} \left(x_{ij} - \mu_{j}\right)"),
    (Abs(x(i, j)), r"\left|x_{ij}\right|"),
    (maximum(x(i, j), 0) ** 3, r"\left(\max\left(x_{ij}, 0\right)\right)^{3}"),
    # functions
    (tanh(x(i, j)) ** 2, r"\tanh^{2}\left(x_{ij}\right)"),
    (sin(eps) * cos(eps), r"\cos\left(\varepsilon\right) \sin\left(\varepsilon\right)"),
    (
        sigmoid(eps) * (1 - sigmoid(eps)),
        rf"{SIGMOID} \left(1 - {SIGMOID}\right)",
    ),
    (log(eps), r"\log\left(\varepsilon\right)"),
    (log1p(-exp(eps)), r"\log\left(1 - \mathrm{e}^{\varepsilon}\right)"),
    (softplus(eps), r"\operatorname{softplus}\left(\varepsilon\right)"),
    (erf(eps), r"\operatorname{erf}\left(\varepsilon\right)"),
    (minimum(eps, relu(eps)), r"\min\left(\varepsilon, \operatorname{relu}\left(\varepsilon\right)\right)"),
    (sign(eps), r"\operatorname{sign}\left(\varepsilon\right)"),
    (exp(eps / 2), r"\exp\left(\frac{1}{2}\,\varepsilon\right)"),
    (sqrt(2 / pi), r"\frac{\sqrt{2}}{\sqrt{\pi}}"),
    (1 + exp(-eps), r"1 + \mathrm{e}^{-\varepsilon}"),
    (1 + eps, r"\varepsilon + 1"),
    (delta(i, k), r"\delta_{ik}"),
    (delta(row, col), r"\delta_{\mathrm{row},\mathrm{col}}"),
    (
        where(Ge(x(i, j), 0), x(i, j), eps),
        r"\begin{cases} x_{ij} & \text{if } x_{ij} \ge 0 \\ \varepsilon & \text{otherwise} \end{cases}",
    ),
    (
        where(Ne(eps, 0), 1, 2) * total(x(i, j), (i, N)),
        (
            r"\left(\begin{cases} 1 & \text{if } \varepsilon \ne 0 \\ 2 & \text{otherwise} \end{cases}\right)"
            r" \sum_{i=1}^{N} x_{ij}"
        ),
    ),
]


@pytest.fixture(scope="module")
def printer() -> LayerLatexPrinter:
    return LayerLatexPrinter(Names(quantities("batch_norm")))


@pytest.mark.parametrize(("expression", "latex"), ROWS, ids=[str(n) for n in range(len(ROWS))])
def test_expression(expression: Expr, latex: str, printer: LayerLatexPrinter) -> None:
    assert latex == printer.doprint(expression)


NOTATIONS = [
    ("leibniz", dxhat(i, j), r"\frac{\partial L}{\partial \hat{x}_{ij}}"),
    ("d", dxhat(i, j), r"\mathrm{d}\hat{x}_{ij}"),
    ("bar", dxhat(i, j), r"\overline{\hat{x}_{ij}}"),
    ("leibniz", dvar(j), r"\frac{\partial L}{\partial \sigma_{j}^{2}}"),
    ("d", dvar(j) ** 2, r"\left(\mathrm{d}\sigma_{j}^{2}\right)^{2}"),
    ("bar", element("dmu_via_xhat")(j), r"\overline{\mu_{j}}\Big|_{\text{via }\hat{x}}"),
    ("d", element("xhat_wrt_var")(i, j), r"\frac{\partial \hat{x}_{ij}}{\partial \sigma_{j}^{2}}"),
    ("d", dy(i, j) * xhat(i, j) / N, r"\frac{\hat{x}_{ij}}{N}\,\mathrm{d}y_{ij}"),
]


@pytest.mark.parametrize(("notation", "expression", "latex"), NOTATIONS)
def test_notation(notation, expression: Expr, latex: str) -> None:
    assert latex == latex_expression(expression, quantities("batch_norm"), notation)


def test_unknown_notation_is_an_error() -> None:
    with pytest.raises(UsageError, match="unknown notation 'newton'; choose from leibniz, d, bar"):
        latex_expression(eps, {}, "newton")  # type: ignore[arg-type]


@pytest.mark.parametrize("expression", [Integral(eps, eps), sinh(eps), oo, nan, Float(0.5), eps + sinh(eps)])
def test_unknown_node_is_an_error_that_names_it(expression: Expr) -> None:
    kind = type(sinh(eps)).__name__ if expression.has(sinh) else type(expression).__name__
    with pytest.raises(TypeError, match=f"cannot print a {kind}"):
        latex_expression(expression)


def test_a_bare_expression_needs_no_quantities() -> None:
    assert latex_expression(dx(i, j) + reference("unknown")) == r"\mathrm{dx}_{ij} + \mathrm{unknown}"


def test_a_derivative_in_a_sentence_is_slanted(printer: LayerLatexPrinter) -> None:
    assert printer.inline(dy(i, j)) == r"\partial L/\partial y_{ij}"
    assert rf"{DY_IJ}\,\hat{{x}}_{{ij}}" == printer.inline(dy(i, j) * xhat(i, j))
    assert printer.doprint(dy(i, j)) == DY_IJ


def describe(*names: str, role: str = "input", **fields: str) -> dict[str, Quantity]:
    return {name: Quantity(name, (Index("j", "D"),), role, **fields) for name in names}  # type: ignore[arg-type]


def test_names_that_would_look_alike_are_told_apart() -> None:
    known = describe("eps", "epsilon", "var", "sigma", "x1", "x_1")

    printed = [latex_expression(reference(name, [j]), known) for name in known]

    assert len(set(printed)) == len(printed)
    # The variance of a layer that has a sigma, too, would be read as its square.
    assert printed[2:4] == [r"\mathrm{var}_{j}", r"\sigma_{j}"]


def test_the_loss_gives_way_to_a_quantity_named_l() -> None:
    known = describe("L") | {"dL": Quantity("dL", (Index("j", "D"),), "cotangent", of="L")}

    assert latex_expression(reference("dL", [j]), known) == r"\frac{\partial \mathcal{L}}{\partial L_{j}}"


def test_the_author_s_symbol_wins() -> None:
    known = describe("v", latex=r"\tau^2") | {"dv": Quantity("dv", (Index("j", "D"),), "cotangent", of="v")}

    assert latex_expression(reference("v", [j]), known) == r"\tau_{j}^{2}"
    assert latex_expression(reference("v", [j]) ** 2, known) == r"\left(\tau_{j}^{2}\right)^{2}"
    assert latex_expression(reference("dv", [j]), known) == r"\frac{\partial L}{\partial \tau_{j}^{2}}"


def test_a_contribution_that_is_given_says_so() -> None:
    known = describe("c") | {"dc": Quantity("dc", (Index("j", "D"),), "contribution", of="c")}

    assert latex_expression(reference("dc", [j]), known) == r"\frac{\partial L}{\partial c_{j}}\Big|_{\text{direct}}"


def test_the_derivative_of_a_derivative_keeps_its_brackets() -> None:
    twice = Quantity("ddx", (Index("i", "N"), Index("j", "D")), "cotangent", of="dx")
    known = quantities("batch_norm") | {"ddx": twice}
    second = reference("ddx", [i, j])

    assert rf"\frac{{\partial L}}{{\partial \left({COTANGENT_X}\right)}}" == latex_expression(second, known)


def test_a_tangent_has_a_dot() -> None:
    known = describe("x", "var") | {
        "tx": Quantity("tx", (Index("j", "D"),), "tangent", of="x"),
        "tvar": Quantity("tvar", (Index("j", "D"),), "tangent", of="var"),
    }

    assert latex_expression(reference("tx", [j]), known) == r"\dot{x}_{j}"
    assert latex_expression(reference("tvar", [j]), known) == r"\left(\sigma_{j}^{2}\right)^{\scriptscriptstyle\bullet}"


def test_tangents_of_accents_words_and_derivatives() -> None:
    known = quantities("batch_norm") | describe("scores") | {
        name: Quantity(name, (Index("i", "N"), Index("j", "D")), "tangent", of=of, order=order)
        for name, of, order in [
            ("xhat_dot", "xhat", 1),
            ("scores_dot", "scores", 1),
            ("dx_dot", "dx", 1),
            ("x_dot2", "x", 2),
            ("xhat_dot_dot2", "xhat_dot", 2),
            ("dx_dot2", "dx", 2),
        ]
    }

    def latex(expression: Expr, notation: Notation = "leibniz") -> str:
        return latex_expression(expression, known, notation)

    assert latex(reference("xhat_dot", [i, j])) == r"\dot{\hat{x}}_{ij}"
    assert latex(reference("scores_dot", [i, j])) == r"\dot{\mathrm{scores}}_{ij}"
    assert latex(reference("xhat_dot", [i, j]) ** 2) == r"\dot{\hat{x}}_{ij}^{2}"
    assert latex(reference("x_dot2", [i, j])) == r"\mathrm{D}_{2}x_{ij}"
    assert latex(reference("x_dot2", [i, j]) ** 2) == r"\left(\mathrm{D}_{2}x_{ij}\right)^{2}"
    assert latex(reference("xhat_dot_dot2", [i, j])) == r"\mathrm{D}_{2}\dot{\hat{x}}_{ij}"
    dotted = reference("dx_dot", [i, j])
    assert latex(dotted) == rf"\left({COTANGENT_X}\right)^{{\scriptscriptstyle\bullet}}"
    assert latex(dotted, "d") == r"\left(\mathrm{d}x_{ij}\right)^{\scriptscriptstyle\bullet}"
    assert latex(dotted, "bar") == r"\left(\overline{x_{ij}}\right)^{\scriptscriptstyle\bullet}"
    assert latex(dotted**2).endswith(r"\right)^{\scriptscriptstyle\bullet}\right)^{2}")
    assert latex(reference("dx_dot2", [i, j])) == rf"\mathrm{{D}}_{{2}}\left({COTANGENT_X}\right)"
