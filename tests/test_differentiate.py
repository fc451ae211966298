"""The reverse sweep: every place where a quantity stands, every path, and the errors of what cannot be asked."""

import pytest
from sympy import Integer, Rational

from derive.arithmetic import EXACT
from derive.differentiate import Cotangent, joint_graph, sweep
from derive.errors import LayerError, UsageError
from derive.interpret import from_nested, run, to_nested
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text, expression_text
from derive.workshop import verify_layer


def cotangents(text: str, wrt: list[str] | None = None) -> dict[str, str]:
    """Each cotangent's staged equation, as text."""
    return {c.quantity.name: equation_text(c.equation) for c in sweep(parse_layer(text), wrt).cotangents}


def cotangent_of(text: str, name: str) -> Cotangent:
    return next(c for c in sweep(parse_layer(text)).cotangents if c.of == name)


# Layer, then its cotangents as the chain rule says them.
ROWS = {
    "diagonal": ("s: [N, N]\ny[i] = s[i, i]**2", {"ds": "ds[i, j] = 2*dy[i]*s[i, i]*delta(i, j)"}),
    "transpose": ("x: [N, D]\ny[j, i] = x[i, j]", {"dx": "dx[i, j] = dy[j, i]"}),
    "transpose of a square": (
        "x: [N, N]\ny[i, j] = x[i, j]*x[j, i]",
        {"dx": "dx[i, j] = dy[i, j]*x[j, i] + dy[j, i]*x[j, i]"},
    ),
    "pairwise differences": (
        "x: [N, K]\nL = sum((x[i, k] - x[j, k])**2 for i in N for j in N for k in K)",
        {"dx": "dx[i, k] = sum(2*dL*(x[i, k] - x[j, k]) for j in N) + sum(-2*dL*(x[j, k] - x[i, k]) for j in N)"},
    ),
    "broadcast": ("b: [D]\nx: [N, D]\ny[i, j] = x[i, j] + b[j]", {"db": "db[j] = sum(dy[i, j] for i in N)"}),
    "used twice in one equation": ("x: [N]\ny[i] = x[i]*x[i]**2 + x[i]", {"dx": "dx[i] = dy[i]*(3*x[i]**2 + 1)"}),
    "branches": (
        "x: [N]\nc: constant[N]\ny[i] = where(c[i] > 0, sqrt(x[i]), x[i]**3)",
        {"dx": "dx[i] = dy[i]*where(c[i] > 0, 1/(2*sqrt(x[i])), 3*x[i]**2)"},
    ),
    "one branch only": (
        "x: [N]\nc: constant[N]\ny[i] = where(c[i] > 0, log(c[i])*x[i], c[i])",
        {"dx": "dx[i] = dy[i]*where(c[i] > 0, log(c[i]), 0)"},
    ),
    "a condition is a step": (
        "x: [N]\nc: constant[N]\ny[i] = where(x[i] > 0, c[i], 0) + x[i]",
        {"dx": "dx[i] = dy[i]"},
    ),
    "first of maximum": (
        "x: [N]\ny[i] = maximum(x[i], 0)",
        {"dx": "dx[i] = dy[i]*where(x[i] >= 0, 1, 0)"},
    ),
    "second of maximum": (
        "x: [N]\ny[i] = maximum(0, x[i])",
        {"dx": "dx[i] = dy[i]*where(0 >= x[i], 0, 1)"},
    ),
    "relu": ("x: [N]\ny[i] = relu(x[i])", {"dx": "dx[i] = dy[i]*where(x[i] > 0, 1, 0)"}),
    "max": (
        "x: [N]\nm = max(x[k] for k in N)",
        {
            "dx": "dx[k] = dm*where(x[k] == max(x[l] for l in N), 1, 0)"
            "/sum(where(x[l] == max(x[n] for n in N), 1, 0) for l in N)"
        },
    ),
    "product": (
        "x: [N]\np = prod(x[k] for k in N)",
        {"dx": "dx[k] = dp*prod(x[l]*(1 - delta(l, k)) + delta(l, k) for l in N)"},
    ),
    "nothing reached": ("x: [N]\nu: [N, D]\ny[i] = x[i]", {"du": "du[i, j] = 0"}),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_cotangent(case: str) -> None:
    text, expected = ROWS[case]
    found = cotangents(text)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("case", [c for c in ROWS if c not in ("branches", "one branch only")])
def test_its_value(case: str) -> None:
    report = verify_layer(parse_layer(ROWS[case][0]), "staged")
    assert report.failures == ()


def gradient(text: str, wrt: str, extents: dict[str, int], **inputs: object) -> object:
    """The nested exact values of one gradient, by the staged equations, with every given cotangent and input given."""
    graph = joint_graph(sweep(parse_layer(text)))
    values = {name: from_nested(nested) for name, nested in inputs.items()}
    return to_nested(run(graph.equations, values, extents, EXACT)[f"d{wrt}"])


class TestConventions:
    def test_ties_share_the_gradient_of_a_maximum(self) -> None:
        text, x = "x: [N]\nm = max(x[k] for k in N)", [Integer(2), Integer(5), Integer(5)]
        assert gradient(text, "x", {"N": 3}, x=x, dm=Integer(6)) == [0, 3, 3]
        assert gradient(text, "x", {"N": 3}, x=[*x[:2], Integer(4)], dm=Integer(6)) == [0, 6, 0]

    @pytest.mark.parametrize(
        ("x", "expected"),
        [([0, 3, 4], [12, 0, 0]), ([0, 0, 4], [0, 0, 0]), ([2, 3, 4], [12, 8, 6])],
    )
    def test_a_product_with_zeros_divides_by_none_of_them(self, x: list[int], expected: list[int]) -> None:
        text = "x: [N]\np = prod(x[k] for k in N)"
        assert gradient(text, "x", {"N": 3}, x=[Integer(v) for v in x], dp=Integer(1)) == expected

    def test_a_branch_that_is_not_taken_may_be_undefined(self) -> None:
        text = "x: [N]\nc: constant[N]\ny[i] = where(c[i] > 0, x[i]/c[i], x[i]**2)"
        x, c, dy = [Integer(3)] * 2, [Integer(2), Integer(0)], [Integer(1)] * 2
        found = gradient(text, "x", {"N": 2}, x=x, c=c, dy=dy)
        assert found == [Rational(1, 2), 6]

    def test_maximum_and_minimum_give_a_tie_to_the_first(self) -> None:
        text = "x: [N]\nu: [N]\ny[i] = maximum(x[i], u[i]) + 10*minimum(x[i], u[i])"
        tied = {"x": [Integer(4)], "u": [Integer(4)], "dy": [Integer(1)]}
        assert gradient(text, "x", {"N": 1}, **tied) == [11]
        assert gradient(text, "u", {"N": 1}, **tied) == [0]


class TestPaths:
    LAYER = "x: [N, D]\nmu[j] = mean(x[i, j] for i in N)\ny[i, j] = (x[i, j] - mu[j])**2"

    def test_one_for_each_equation_that_uses_it(self) -> None:
        found = cotangent_of(self.LAYER, "x")
        assert [path.user for path in found.paths] == ["y", "mu"]
        assert [path.quantity.name for path in found.paths] == ["dx_via_y", "dx_via_mu"]
        assert [equation_text(path.contribution) for path in found.paths] == [
            "dx_via_y[i, j] = 2*dy[i, j]*(x[i, j] - mu[j])",
            "dx_via_mu[i, j] = dmu[j]/N",
        ]

    def test_the_local_derivative_stands_in_the_indices_of_both(self) -> None:
        through_y, through_mu = cotangent_of(self.LAYER, "x").paths
        assert equation_text(through_mu.local_equation) == "mu_wrt_x[i, j] = 1/N"
        assert expression_text(through_mu.abstract.expression) == "dmu[j]*mu_wrt_x[i, j]"
        assert equation_text(through_y.local_equation) == "y_wrt_x[i, j] = 2*(x[i, j] - mu[j])"

    def test_a_matrix_product_needs_an_index_of_its_own(self) -> None:
        [path] = cotangent_of("x: [N, K]\nW: [K, D]\nz[i, j] = sum(x[i, k]*W[k, j] for k in K)", "W").paths
        assert equation_text(path.contribution) == "dW_via_z[k, j] = sum(dz[i, j]*x[i, k] for i in N)"
        assert expression_text(path.abstract.expression) == "sum(dz[i, j]*z_wrt_W[i, j, k] for i in N)"


class TestUsedOutputs:
    LAYER = "x: [N]\nc: output\nc[i] = x[i]**2\nh[i] = c[i]*x[i]"

    def test_what_is_given_comes_on_top(self) -> None:
        assert cotangents(self.LAYER) == {
            "dc_total": "dc_total[i] = dh[i]*x[i] + dc[i]",
            "dx": "dx[i] = 2*dc_total[i]*x[i] + c[i]*dh[i]",
        }
        report = verify_layer(parse_layer(self.LAYER), "staged")
        assert report.failures == ()

    def test_the_total_is_the_gradient_when_it_is_asked_for(self) -> None:
        assert joint_graph(sweep(parse_layer(self.LAYER), ["c"])).outputs == ("dc_total",)

    def test_a_name_that_is_taken_is_avoided(self) -> None:
        assert list(cotangents(self.LAYER.replace("x", "dc_total"))) == ["dc_total1", "ddc_total"]


class TestRequests:
    LAYER = "x: [N]\nb: []\ne: constant\nu[i] = x[i] + b\ny[i] = u[i]**2*e"

    def test_by_default_every_input_that_is_no_constant(self) -> None:
        assert sweep(parse_layer(self.LAYER)).wrt == ("x", "b")

    def test_only_what_is_asked_for_is_swept_in_the_order_asked(self) -> None:
        assert sweep(parse_layer(self.LAYER), ["b", "u", "b"]).wrt == ("b", "u")
        assert list(cotangents(self.LAYER, ["u"])) == ["du"]

    @pytest.mark.parametrize(
        ("wrt", "message"),
        [
            ("e", "'e': it is a constant; choose from x, b, u"),
            ("q", "'q': it is not a quantity of the layer; choose from x, b, u"),
            ("y", "'y': it is an output, and dy is given"),
        ],
    )
    def test_what_has_no_gradient(self, wrt: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            sweep(parse_layer(self.LAYER), [wrt])

    def test_a_name_that_a_gradient_would_have(self) -> None:
        text = "x: [N]\ndx: constant[N]\ny[i] = x[i]*dx[i]"
        with pytest.raises((LayerError, UsageError), match="dx"):
            derive(parse_layer(text))

    def test_an_input_that_reaches_nothing_gets_zero_and_no_paths(self) -> None:
        found = cotangent_of(ROWS["nothing reached"][0], "u")
        assert found.equation.expression == 0
        assert found.paths == ()


class TestDeclaredIntermediates:
    """An equation that leads to no output has no cotangent, unless it is asked for."""

    TEXT = """
x: [N, C]
p: intermediate
q: intermediate
m[n]    = max(x[n, c] for c in C)
e[n, c] = exp(x[n, c] - m[n])
s[n]    = sum(e[n, c] for c in C)
p[n, c] = e[n, c]/s[n]
q[n]    = sum(p[n, c]**2 for c in C)
y[n]    = log(s[n]) + m[n]
"""

    def test_none_for_what_leads_nowhere_and_no_path_through_it(self) -> None:
        found = sweep(parse_layer(self.TEXT)).cotangents
        assert {c.of: [path.user for path in c.paths] for c in found} == {
            "s": ["y"], "e": ["s"], "m": ["y", "e"], "x": ["e", "m"],
        }  # fmt: skip

    def test_zero_where_it_is_asked_for(self) -> None:
        assert cotangents(self.TEXT, ["p", "q"]) == {"dq": "dq[n] = 0", "dp": "dp[n, c] = 0"}

    def test_the_closed_form_is_written_with_it(self) -> None:
        (result,) = derive(parse_layer(self.TEXT)).results
        assert equation_text(result) == "dx[n, c] = dy[n]*p[n, c]"

    def test_an_output_that_only_an_intermediate_uses_is_an_end(self) -> None:
        text = "x: [N]\np: intermediate\ny: output\ny[i] = 2*x[i]\np[i] = exp(y[i])\n"
        assert cotangents(text) == {"dx": "dx[i] = 2*dy[i]"}

    def test_every_line_is_true(self) -> None:
        assert verify_layer(parse_layer(self.TEXT)).passed
        assert verify_layer(parse_layer(self.TEXT), wrt=["p", "x"]).passed
