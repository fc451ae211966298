"""What a derivation knows of the orders below it."""

from __future__ import annotations

from derive.graph import names_in
from derive.pipeline import derive


def test_an_order_1_stands_alone() -> None:
    derivation = derive("batch_norm")
    assert derivation.order == 1
    assert derivation.orders == (derivation,)
    assert derivation.whole.quantities == derivation.forward.quantities
    assert derivation.whole.equations == derivation.forward.equations


def test_the_results_of_order_2_and_3() -> None:
    second, third = (derive("batch_norm", order=order) for order in (2, 3))
    assert second.backward.outputs == ("d2dy", "d2x", "d2gamma")
    assert third.backward.outputs == ("d3d2dx", "d3d2dgamma", "d3d2dbeta", "d3dy", "d3x", "d3gamma")
    given = {q.name for q in second.backward.inputs} - {q.name for q in second.forward.inputs}
    assert given == {"d2dx", "d2dgamma", "d2dbeta"}
    assert third.order == 3
    assert third.previous is not None
    assert third.previous.previous == second.previous


def test_the_whole_has_the_layer_in_it_and_can_be_computed() -> None:
    derivation = derive("batch_norm", order=2)
    whole = derivation.whole
    assert "beta" not in derivation.forward.by_name
    assert {"beta", "y", "dy", "x"} <= set(whole.by_name)
    assert whole.outputs == derivation.forward.outputs == ("dx", "dgamma", "dbeta")
    known = {quantity.name for quantity in whole.inputs}
    for equation in whole.equations:
        assert set(names_in(equation.expression)) <= known
        known.add(equation.name)
    assert known == set(whole.by_name)


def test_facts_about_what_order_2_does_not_use_still_hold_in_the_whole() -> None:
    derivation = derive("batch_norm", order=2)
    assert derivation.whole.facts == derivation.orders[0].forward.facts
