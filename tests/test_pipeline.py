"""From text to a derivation: what can be loaded, the forms, and the errors of a request."""

from pathlib import Path

import pytest

from derive.errors import LayerError, UsageError
from derive.options import FORMS
from derive.parser import parse_layer
from derive.pipeline import derive, load
from derive.printing.grammar import equation_text

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
