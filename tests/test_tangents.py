"""Forward mode: tangents path by path, in every order with the reverse sweep, and dual to it."""

from dataclasses import replace

import pytest
from plain_derivations import BATCH_NORM, SCORES
from random_layers import random_layer
from samples import LAYERS, text_of
from sympy import Integer, gamma

from derive.arithmetic import EXACT, PRECISE, Number
from derive.differentiate import vjp
from derive.draw import draw_sample
from derive.errors import LayerError, UsageError
from derive.graph import Graph, reaching_outputs
from derive.interpret import Array, Values, convert, from_nested, run, to_nested
from derive.parser import parse_layer
from derive.printing.grammar import equation_text, expression_text
from derive.tangents import forward_sweep, jvp


def tangents(text: str, wrt: list[str] | None = None) -> dict[str, str]:
    """Each tangent's staged equation, as text."""
    return {c.quantity.name: equation_text(c.equation) for c in forward_sweep(parse_layer(text), wrt).cotangents}


# Layer, then its tangents as the chain rule says them.
ROWS = {
    "diagonal": ("s: [N, N]\ny[i] = s[i, i]**2", ["y_dot[i] = 2*s[i, i]*s_dot[i, i]"]),
    "transpose": ("x: [N, D]\ny[j, i] = x[i, j]", ["y_dot[j, i] = x_dot[i, j]"]),
    "transpose of a square": (
        "x: [N, N]\ny[i, j] = x[i, j]*x[j, i]",
        ["y_dot[i, j] = x[i, j]*x_dot[j, i] + x[j, i]*x_dot[i, j]"],
    ),
    "matrix product": (
        "x: [N, K]\nW: [K, D]\nz[i, j] = sum(x[i, k]*W[k, j] for k in K)",
        ["z_dot[i, j] = sum(W[k, j]*x_dot[i, k] for k in K) + sum(W_dot[k, j]*x[i, k] for k in K)"],
    ),
    "a chain": (
        "x: [N]\nm = mean(x[i] for i in N)\nc[i] = x[i] - m",
        ["m_dot = sum(x_dot[i]/N for i in N)", "c_dot[i] = x_dot[i] - m_dot"],
    ),
    "branches": (
        "x: [N]\nc: constant[N]\ny[i] = where(c[i] > 0, sqrt(x[i]), x[i]**3)",
        ["y_dot[i] = x_dot[i]*where(c[i] > 0, 1/(2*sqrt(x[i])), 3*x[i]**2)"],
    ),
    "a condition is a step": (
        "x: [N]\nc: constant[N]\ny[i] = where(x[i] > 0, c[i], 0) + x[i]",
        ["y_dot[i] = x_dot[i]"],
    ),
    "relu": ("x: [N]\ny[i] = relu(x[i])", ["y_dot[i] = x_dot[i]*where(x[i] > 0, 1, 0)"]),
    "product": (
        "x: [N]\np = prod(x[k] for k in N)",
        ["p_dot = sum(x_dot[k]*prod(x[l]*(1 - delta(l, k)) + delta(l, k) for l in N) for k in N)"],
    ),
    "an output that is used": (
        "x: [N]\nc: output\nc[i] = x[i]**2\nh[i] = c[i]*x[i]",
        ["c_dot[i] = 2*x[i]*x_dot[i]", "h_dot[i] = c[i]*x_dot[i] + c_dot[i]*x[i]"],
    ),
    "an output that nothing moves": (
        "x: [N]\nc: constant[N]\ny[i] = x[i]\nu[i] = c[i]**2",
        ["y_dot[i] = x_dot[i]", "u_dot[i] = 0"],
    ),
    "what does not move has no tangent": (
        "x: [N]\nc: constant[N]\na[i] = c[i]**2\ny[i] = a[i]*x[i]",
        ["y_dot[i] = a[i]*x_dot[i]"],
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_tangent(case: str) -> None:
    text, expected = ROWS[case]
    assert list(tangents(text).values()) == expected


class TestPaths:
    def test_one_for_each_quantity_in_the_equation(self) -> None:
        found = {c.of: c for c in forward_sweep(parse_layer(BATCH_NORM)).cotangents}
        assert {of: [path.quantity.via for path in c.paths] for of, c in found.items()} == {
            "mu": ["x"],
            "var": ["x", "mu"],
            "xhat": ["x", "mu", "var"],
            "y": ["gamma", "beta", "xhat"],
        }
        path = found["var"].paths[1]
        assert path.quantity.name == "var_dot_via_mu"
        assert equation_text(path.local_equation) == "var_wrt_mu[j] = sum(-2*(x[i, j] - mu[j])/N for i in N)"
        assert expression_text(path.abstract.expression) == "mu_dot[j]*var_wrt_mu[j]"

    def test_the_chain_rule_sums_over_what_only_the_quantity_has(self) -> None:
        [tangent] = forward_sweep(parse_layer(ROWS["matrix product"][0])).cotangents
        _, through_w = tangent.paths
        assert expression_text(through_w.abstract.expression) == "sum(W_dot[k, j]*z_wrt_W[i, j, k] for k in K)"

    def test_a_construct_without_a_rule_is_an_error_that_names_the_equation(self) -> None:
        graph = parse_layer("x: [N]\ny[i] = x[i]")
        unknown = replace(graph.equation_of["y"], expression=gamma(graph.by_name["x"].element))
        with pytest.raises(LayerError, match=r"gamma has no rule for its derivative \(in the equation of 'y'\)"):
            forward_sweep(replace(graph, equations=(unknown,)))


class TestRequests:
    LAYER = "x: [N]\nb: []\ne: constant\nu[i] = x[i] + b\ny[i] = u[i]**2*e"

    def test_by_default_every_input_moves_that_is_no_constant(self) -> None:
        found = forward_sweep(parse_layer(self.LAYER))
        assert [q.name for q in found.given] == ["x_dot", "b_dot"]
        assert found.results == ("y",)

    def test_only_what_is_asked_for_moves(self) -> None:
        assert tangents(self.LAYER, ["b"]) == {"u_dot": "u_dot[i] = b_dot", "y_dot": "y_dot[i] = 2*e*u[i]*u_dot[i]"}
        assert [q.name for q in jvp(parse_layer(self.LAYER), ["b"]).inputs] == ["x", "b", "e", "b_dot"]

    @pytest.mark.parametrize(
        ("wrt", "message"),
        [
            ("e", "'e': it is a constant; choose from x, b"),
            ("q", "'q': it is not a quantity of the layer; choose from x, b"),
            ("u", "'u': it moves with the inputs; choose from x, b"),
        ],
    )
    def test_what_cannot_be_given_a_tangent(self, wrt: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            forward_sweep(parse_layer(self.LAYER), [wrt])

    @pytest.mark.parametrize("name", ["x_dot", "u_dot", "y_dot"])
    def test_a_name_that_the_sweep_would_use(self, name: str) -> None:
        text = f"x: [N]\n{name}: constant[N]\nu[i] = x[i] + 1\ny[i] = u[i]**2*{name}[i]"
        with pytest.raises(UsageError, match=f"would be called '{name}', and that is in use: rename"):
            forward_sweep(parse_layer(text))


class TestCompositions:
    GRAPH = parse_layer("x: [N]\nw: [N]\ny = sum(w[i]*x[i]**2 for i in N)")

    @staticmethod
    def names(graph: Graph) -> tuple[list[str], tuple[str, ...]]:
        return [q.name for q in graph.inputs], graph.outputs

    def test_names_count_the_sweeps_of_their_kind(self) -> None:
        once = jvp(self.GRAPH)
        assert self.names(once) == (["x", "w", "x_dot", "w_dot"], ("y_dot",))
        assert self.names(jvp(once)) == (
            ["x_dot", "w_dot", "x", "w", "x_dot_dot2", "w_dot_dot2", "x_dot2", "w_dot2"],
            ("y_dot_dot2",),
        )
        assert self.names(vjp(once)) == (
            ["x_dot", "w_dot", "x", "w", "dy_dot"],
            ("dx_dot", "dw_dot", "dx", "dw"),
        )
        assert self.names(jvp(vjp(self.GRAPH))) == (
            ["dy", "x", "w", "dy_dot", "x_dot", "w_dot"],
            ("dx_dot", "dw_dot"),
        )
        assert jvp(vjp(jvp(self.GRAPH))).sweeps == ("forward", "reverse", "forward")
        assert jvp(vjp(jvp(self.GRAPH))).outputs == ("dx_dot_dot2", "dw_dot_dot2", "dx_dot2", "dw_dot2")

    def test_values_by_hand(self) -> None:
        """y = w x^2 with N = 1 at w = 5, x = 3."""
        given = {"x": 3, "w": 5, "x_dot": 7, "w_dot": 11, "dy": 2, "dy_dot": 13}
        given |= {"x_dot2": 17, "w_dot2": 19, "x_dot_dot2": 23, "w_dot_dot2": 29}

        def found(graph: Graph) -> list[object]:
            numbers = {q: Integer(given[q.name]) for q in graph.inputs}
            values = {q.name: from_nested([number] if q.indices else number) for q, number in numbers.items()}
            computed = run(graph.equations, values, {"N": 1}, EXACT)
            return [to_nested(computed[name]) for name in graph.outputs]

        first = 11 * 9 + 5 * 6 * 7
        # d/ds of w' x^2 + 2 w x x' along the second direction.
        second = 29 * 9 + 11 * 6 * 17 + 2 * (19 * 3 * 7 + 5 * 17 * 7 + 5 * 3 * 23)
        assert found(jvp(self.GRAPH)) == [first]
        assert found(jvp(jvp(self.GRAPH))) == [second]
        # Of the loss dy_dot*y_dot: by x_dot, w_dot, x, w.
        assert found(vjp(jvp(self.GRAPH))) == [[13 * 30], [13 * 9], [13 * (11 * 6 + 10 * 7)], [13 * 6 * 7]]
        # dx = 2 dy w x and dw = dy x^2 along (dy_dot, x_dot, w_dot).
        assert found(jvp(vjp(self.GRAPH))) == [[2 * (13 * 15 + 2 * 11 * 3 + 2 * 5 * 7)], [13 * 9 + 2 * 6 * 7]]

    def test_mixed_derivatives_commute(self) -> None:
        """The tangents of the gradients are the gradients of <dy, y_dot>, when dy itself does not move."""
        graph = parse_layer(BATCH_NORM)
        forward_over_reverse = jvp(vjp(graph), ["x", "gamma"])
        reverse_over_forward = vjp(jvp(graph), ["x", "gamma"])
        sample = draw_sample(reverse_over_forward, {"N": 3, "D": 2}, "ordinary")
        values = convert(sample.inputs, PRECISE)
        values["dy"] = values["dy_dot"]
        one = run(forward_over_reverse.equations, values, sample.extents, PRECISE)
        values["beta_dot"] = values.get("beta_dot", {(j,): PRECISE.number(Integer(0)) for j in (1, 2)})
        other = run(reverse_over_forward.equations, values, sample.extents, PRECISE)
        for name in ("x", "gamma"):
            assert near(one[f"d{name}_dot"], other[f"d{name}"])
            assert not near(one[f"d{name}_dot"], one[f"d{name}"])


def near(first: Array, second: Array) -> bool:
    size = max(abs(value) for value in first.values())
    return all(abs(value - second[place]) <= 1e-60 * size for place, value in first.items())


def paired(a: Array, b: Array) -> Number:
    return PRECISE.add([PRECISE.multiply([value, b[place]]) for place, value in a.items()])


def duality(graph: Graph) -> tuple[Number, Number, Number]:
    """<dy, jvp(x_dot)>, <vjp(dy), x_dot>, and the size of the terms in them, on random data."""
    graph = reaching_outputs(graph) if graph.sweeps else graph
    sample = draw_sample(graph, dict(zip(graph.extents, (2, 3, 1, 4), strict=False)), "ordinary")
    inputs, along, weights = (convert(v, PRECISE) for v in (sample.inputs, sample.tangents, sample.cotangents))
    swept, back = forward_sweep(graph), vjp(graph)
    given = {q.name: along[str(q.of)] for q in swept.given}
    moved: Values = run(jvp(graph).equations, {**inputs, **given}, sample.extents, PRECISE)
    by_output = {c.of: moved[c.quantity.name] for c in swept.cotangents}
    back_given = {q.name: weights[str(q.of)] for q in back.inputs if q.name not in inputs}
    found: Values = run(back.equations, {**inputs, **back_given}, sample.extents, PRECISE)
    gradients = dict(zip(graph.differentiable, (found[name] for name in back.outputs), strict=True))
    left = [paired(weights[name], by_output[name]) for name in graph.outputs]
    right = [paired(gradients[name], along[name]) for name in gradients]
    return PRECISE.add(left), PRECISE.add(right), max(abs(term) for term in [*left, *right])


class TestDuality:
    @pytest.mark.parametrize("name", LAYERS)
    def test_of_a_layer(self, name: str) -> None:
        forward, backward, size = duality(parse_layer(text_of(name), name))
        assert abs(forward - backward) <= 1e-60 * size
        assert size > 1e-6

    @pytest.mark.parametrize("seed", range(300, 312))
    def test_of_a_random_layer(self, seed: int) -> None:
        try:
            forward, backward, size = duality(parse_layer(random_layer(seed)))
        except LayerError:
            pytest.skip("the layer has no value on these data")
        assert abs(forward - backward) <= 1e-60 * size

    @pytest.mark.parametrize(
        "sweeps", [(jvp,), (vjp,), (vjp, jvp), (jvp, vjp)], ids=["jvp", "vjp", "jvp of vjp", "vjp of jvp"]
    )
    def test_of_a_layer_of_derivatives(self, sweeps: tuple[object, ...]) -> None:
        for text in (BATCH_NORM, SCORES):
            graph = parse_layer(text)
            for each in sweeps:
                graph = each(graph)  # type: ignore[operator]
            forward, backward, size = duality(graph)
            assert abs(forward - backward) <= 1e-60 * size

    def test_it_does_not_hold_for_another_function(self) -> None:
        """The check can fail: with one sign of the layer turned in between, the two sides differ."""
        graph = parse_layer(BATCH_NORM)
        forward, _, _ = duality(graph)
        _, backward, size = duality(parse_layer(BATCH_NORM.replace("+ beta", "- beta")))
        assert abs(forward - backward) > 1e-3 * size
