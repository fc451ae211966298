"""Graphs of derivatives as layers: what is kept of them, and which sums get a name."""

from samples import text_of

from derive.arithmetic import EXACT
from derive.compose import as_layer
from derive.draw import draw_samples
from derive.graph import Graph
from derive.interpret import convert, run
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text


def second(name: str) -> tuple[Graph, Graph]:
    """A layer, and the graph of its gradients as a layer."""
    graph = parse_layer(text_of(name), name, f"{name}.layer")
    return graph, as_layer(derive(graph, "reuse").backward, graph.by_name)


def test_repeated_sums_get_names() -> None:
    _, graph = second("layer_norm")
    own = [equation_text(e) for e in graph.equations if graph.by_name[e.name].role == "helper"]
    assert own == [
        "c1[i] = sum(gamma[j]*dy[i, j] for j in D)",
        "c2[i] = sum(gamma[j]*dy[i, j]*xhat[i, j] for j in D)",
    ]
    assert "c2[i]*xhat[i, j]" in equation_text(graph.equation_of["dx"])


def test_a_sum_as_large_as_what_it_stands_in_keeps_its_place() -> None:
    _, graph = second("attention")
    assert "sum(V[j, v]*dO[i, v] for v in E) - c1[i]" in equation_text(graph.equation_of["dS"])


def test_only_what_the_gradients_depend_on_is_left() -> None:
    _, graph = second("layer_norm")
    assert [q.name for q in graph.inputs] == ["dy", "x", "gamma", "eps"]
    assert "y" not in graph.by_name
    assert graph.differentiable == ("dy", "x", "gamma")
    assert graph.outputs == ("dx", "dgamma", "dbeta")


def test_no_value_changes() -> None:
    layer, graph = second("layer_norm")
    backward = derive(layer, "reuse").backward
    sample = draw_samples(graph)[0]
    inputs = convert(sample.inputs, EXACT)
    whole = run([e for e in backward.equations if e.name in graph.by_name], inputs, sample.extents, EXACT)
    short = run(graph.equations, inputs, sample.extents, EXACT)
    assert {name: whole[name] for name in graph.outputs} == {name: short[name] for name in graph.outputs}


def test_the_gradients_of_a_graph_of_gradients_are_named_by_order() -> None:
    layer, _ = second("layer_norm")
    derivation = derive(layer, order=2)
    assert derivation.backward.outputs == ("d2dy", "d2x", "d2gamma")
    assert derivation.backward.sweeps == ("reverse", "reverse")
