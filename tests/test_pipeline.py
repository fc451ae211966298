"""From text to a derivation: what can be loaded, the forms, and the errors of a request."""

from pathlib import Path

import pytest

from derive.cli import main
from derive.errors import LayerError, UsageError
from derive.graph import names_in
from derive.options import FORMS
from derive.parser import parse_layer
from derive.pipeline import derive, load
from derive.printing.grammar import equation_text
from derive.workshop import verify_layer

LAYER = "x: [N]\nm = mean(x[i] for i in N)\ny[i] = x[i] - m\n"


def test_a_builtin_layer_and_a_file_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "center.layer"
    path.write_text(LAYER, encoding="utf-8")
    assert load(str(path)) == parse_layer(LAYER, "center")
    assert load("batch_norm").outputs == ("y",)


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch_nrm"):
        load("batch_nrm")
    with pytest.raises(UsageError, match="none"):
        load(str(tmp_path / "none.layer"))


def test_a_file_that_cannot_be_read_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.layer"
    path.write_text("x: [N]\ny[i] = x[i] +\n", encoding="utf-8")
    with pytest.raises(LayerError, match=r"broken\.layer:2:"):
        load(str(path))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_name_and_of_a_graph_is_the_same(form: str) -> None:
    found = derive("batch_norm", form)
    assert found.form == form
    assert found == derive(load("batch_norm"), form)


def test_an_unknown_form() -> None:
    with pytest.raises(UsageError, match="no form 'short'; choose from staged, sum, mean, reuse"):
        derive("batch_norm", "short")


def test_an_unknown_name_in_wrt() -> None:
    with pytest.raises(UsageError, match="'z'"):
        derive(parse_layer(LAYER), wrt=["z"])


def test_the_forms_differ_where_they_should() -> None:
    graph = parse_layer(LAYER)
    texts = {form: [equation_text(line) for line in derive(graph, form).results] for form in FORMS}
    assert texts["mean"] == ["dx[i] = dy[i] - mean(dy[k] for k in N)"]
    assert texts["sum"] == ["dx[i] = (N*dy[i] - sum(dy[k] for k in N))/N"]
    assert texts["staged"] == ["dm = -sum(dy[i] for i in N)", "dx[i] = dy[i] + dm/N"]


def test_what_costs_more_than_the_chain_rule_is_left_staged() -> None:
    found = derive(parse_layer("x: [N]\nu[i] = tanh(x[i])\ny[i] = u[i]**2\n"))
    assert found.form in ("mean", "staged")
    assert found.steps[-1].boxed


def test_order_2_is_order_1_of_the_gradients() -> None:
    found = derive(parse_layer("x: [N]\ny[i] = x[i]**3\n"), order=2)
    results = [equation_text(line) for line in found.results]
    assert results == ["d2dy[i] = 3*d2dx[i]*x[i]**2", "d2x[i] = 6*d2dx[i]*dy[i]*x[i]"]


@pytest.mark.parametrize("order", [0, -1, 1.5, True, "2"])
def test_an_order_that_does_not_exist(order: object) -> None:
    with pytest.raises(UsageError, match="the order must be a whole number of at least 1, not "):
        derive("batch_norm", order=order)


def test_wrt_is_about_the_last_order() -> None:
    found = derive("batch_norm", wrt=["dy"], order=2)
    assert found.backward.outputs == ("d2dy",)
    assert found.forward.outputs == ("dx", "dgamma", "dbeta")


def test_what_the_order_below_does_not_use_has_no_gradient() -> None:
    with pytest.raises(UsageError, match="'beta': it is nothing that the gradients of the order below depend on"):
        derive("batch_norm", wrt=["beta"], order=2)
    with pytest.raises(UsageError, match="'dx': it is an output, and d2dx is given"):
        derive("batch_norm", wrt=["dx"], order=2)


@pytest.mark.parametrize(
    ("line", "name", "place"),
    [
        ("d2x = sum(x[i] for i in N)", "d2x", "4:1"),  # nothing that order 1 uses
        ("d2x[i] = x[i]**2", "d2x", "4:1"),
        ("d2dx = sum(x[i]**3 for i in N)", "d2dx", "4:1"),
        ("d2dy: []\nz = d2dy**2", "d2dy", "4:1"),
    ],
)
def test_a_layer_whose_own_names_are_those_of_order_2(line: str, name: str, place: str) -> None:
    graph = parse_layer(f"g: [N]\nx: [N]\ny[i] = g[i]*x[i]**2\n{line}\n")
    assert derive(graph).order == 1
    with pytest.raises(LayerError) as caught:
        derive(graph, order=2)
    of = name.removeprefix("d2")
    assert f":{place}: the gradient with respect to {of!r} would be called {name!r}" in str(caught.value)
    assert f"help: rename {name} in the layer" in str(caught.value)


class TestInTermsOf:
    """The quantities that a result is written in."""

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (
                ["xhat", "var"],
                ("gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[k, j] for k in N)"
                " - xhat[i, j]*mean(dy[k, j]*xhat[k, j] for k in N))"),
            ),
            (
                ["x", "mu", "var"],
                ("gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[k, j] for k in N)"
                " - (x[i, j] - mu[j])*mean(dy[k, j]*(x[k, j] - mu[j]) for k in N)/(var[j] + eps))"),
            ),
        ],
    )
    def test_batch_norm(self, names: list[str], expected: str) -> None:
        found = {e.name: equation_text(e).partition(" = ")[2] for e in derive("batch_norm", in_terms_of=names).results}
        assert found["dx"] == expected
        assert ("xhat" in found["dgamma"]) == ("xhat" in names)

    def test_softmax(self) -> None:
        [line] = derive("softmax", in_terms_of=["e", "s"]).results
        assert set(names_in(line.expression)) == {"e", "s", "dp"}

    def test_what_is_written_otherwise_has_the_same_values(self) -> None:
        for layer, names in (("batch_norm", ["x", "mu"]), ("l2_normalize", ["x"]), ("layer_norm", ["x", "mu", "var"])):
            assert verify_layer(layer, in_terms_of=names).passed

    def test_a_name_that_is_none(self) -> None:
        with pytest.raises(UsageError, match=r"no form in terms of 'z'.* choose from x, gamma"):
            derive("batch_norm", in_terms_of=["z"])


class TestTimeout:
    def test_when_the_time_is_over_the_chain_rule_stands_and_it_is_said(self) -> None:
        late = derive("batch_norm", timeout=0)
        assert late.form == "staged"
        assert late.results == derive("batch_norm", "staged").results
        (said,) = [step.reason for step in late.steps if step.rule == "no-collapse"]
        why = "as it would take more work or time than is allowed"
        assert said == (f"The search for a closed form was given up, {why}: nothing is collapsed.",)

    def test_it_holds_for_each_order(self) -> None:
        assert {lower.form for lower in derive("layer_norm", order=2, timeout=0).orders} == {"staged"}

    def test_time_enough_changes_nothing(self) -> None:
        assert derive("layer_norm", timeout=1000) == derive("layer_norm")

    def test_what_does_not_pay_is_another_matter(self) -> None:
        (said,) = [step.reason for step in derive("linear").steps if step.rule == "no-collapse"] or [("none",)]
        assert "given up" not in str(said)

    def test_the_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", "batch_norm", "--timeout", "1e-9", "--flat"]) == 0
        assert "The search for a closed form was given up" in " ".join(capsys.readouterr().out.split())
        assert main(["show", "batch_norm", "--timeout", "soon"]) == 2
