"""Which sentence a vanishing gradient gets: that nothing depends on the quantity must be true."""

from derive.derivation import Derivation
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.data import prose_text


def said_of(derivation: Derivation, name: str) -> list[str]:
    return [
        prose_text(step.reason)
        for step in derivation.steps
        if step.rule == "drops-out" and step.equation is not None and step.equation.name == name
    ]


def test_a_shift_that_the_next_equation_takes_away_drops_out() -> None:
    graph = parse_layer("x: [N]\nb: []\nz[i] = x[i] + b\nm = mean(z[i] for i in N)\ny[i] = (z[i] - m)**2 + x[i]")
    assert said_of(derive(graph), "db") == ["b drops out: whatever it is, y[i] would be the same."]


def test_at_an_extremum_the_loss_does_depend_on_the_quantity() -> None:
    """The mean is where the sum of squares is least: its gradient is zero there, and there alone."""
    graph = parse_layer("x: [N]\nmu = mean(x[i] for i in N)\ny = sum((x[i] - mu)**2 for i in N)")
    found = derive(graph, wrt=["mu", "x"])
    assert said_of(found, "dmu") == ["To first order a change of mu changes nothing."]
