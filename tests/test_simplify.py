"""The strategy: which cotangents go, which stay, and what happens when the work allowed is done."""

import pytest
from samples import text_of
from sympy.core.parameters import distribute

from derive import eliminate, simplify
from derive.derivation import Form
from derive.differentiate import sweep
from derive.graph import names_in
from derive.parser import parse_layer
from derive.pipeline import derive, load
from derive.rules.cost import cost
from derive.rules.sums import pull_out
from derive.simplify import Closing, close
from derive.workshop import verify_layer


def closing_of(name: str) -> Closing:
    graph = parse_layer(text_of(name))
    with distribute(False):
        found = close(sweep(graph))
    assert found is not None
    return found


def test_batch_normalization_needs_no_cotangent_between() -> None:
    found = closing_of("batch_norm")
    assert found.eliminated == {"dxhat", "dvar", "dmu"}
    assert set(found.closed) == {"dx", "dgamma", "dbeta", "dxhat", "dvar", "dmu"}
    assert {relation.older for relation in found.bases["dx"].chosen} >= {"x"}


def test_the_output_of_a_matrix_product_keeps_its_cotangent() -> None:
    found = closing_of("linear_batch_norm")
    assert {"dmu", "dvar", "dzhat"} <= found.eliminated
    assert "dz" not in found.eliminated


def test_a_kept_cotangent_that_adds_up_to_zero_says_so() -> None:
    found = closing_of("linear_batch_norm")
    assert [fact.source for fact in found.bases["dz"].vocabulary.facts if fact.source == "dz"] == ["dz"]
    assert not found.closed["db"]


def test_the_price_is_below_that_of_the_chain_rule() -> None:
    graph = load("batch_norm")
    with distribute(False):
        swept = sweep(graph)
        found = close(swept)
        assert found is not None
        staged = cost([(len(c.quantity.indices), pull_out(c.equation.expression)) for c in swept.cotangents])
    assert found.price < staged


DETOUR = """
x: [N, D]
g: [D]
v: output
v = mean(g[a]**2*prod(x[i, a] for i in N)**2 for a in D)
w = sum(g[a] - v for a in D)/(v**2 + 1)
"""


def test_what_is_taken_off_is_not_added_again() -> None:
    """In g - v, g**2 would be (g - v)*(g - v + 2*v) + v**2: without a digit where v is large."""
    found = derive(parse_layer(DETOUR), "mean")
    (dx,) = (e.expression for e in found.backward.equations if e.name == "dx")
    assert not {"v", "w"} & set(names_in(dx))
    (dv,) = (e.expression for e in found.backward.equations if e.name == "dv_total")
    assert "w" in names_in(dv)  # in whose terms sum(g - v) is known
    assert "g" not in names_in(dv)


class TestBudget:
    def test_none_at_all_leaves_the_chain_rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(simplify, "_TERMS_FOR_ALL", 0)
        monkeypatch.setattr(simplify, "_TERMS_FOR_EACH", 0)
        with distribute(False):
            assert close(sweep(load("batch_norm"))) is None
        assert derive("batch_norm").form == "staged"
        assert verify_layer("batch_norm").passed

    def test_too_little_for_the_best_basis_is_right_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        full = derive("batch_norm").results
        monkeypatch.setattr(simplify, "_TERMS_FOR_EACH", 0)
        shorter = set()
        for terms in (60, 150, 400):
            monkeypatch.setattr(simplify, "_TERMS_FOR_ALL", terms)
            found = derive("batch_norm")
            shorter.add(found.results != full)
            assert [line.name for line in found.results][-2:] == ["dgamma", "dbeta"]
            if found.results != full and terms == 150:
                assert verify_layer("batch_norm").passed
        assert any(shorter)  # a small budget does tell

    def test_a_parameter_of_many_stages_does_not_use_it_up(self) -> None:
        """Each stage adds a term to dg; what is put into one of them is no work for the others."""
        stages = [
            f"m{k}[j] = mean(a{k}[i, j] for i in N)\na{k + 1}[i, j] = tanh(g[j]*(a{k}[i, j] - m{k}[j]))"
            for k in range(24)
        ]
        graph = parse_layer("\n".join(["a0: [N, D]", "g: [D]", *stages]), "stages")
        with distribute(False):
            found = close(sweep(graph))
        assert found is not None
        assert {f"dm{k}" for k in range(24)} <= found.eliminated

    @pytest.mark.parametrize("form", ["mean", "reuse"])
    def test_a_gradient_of_very_many_terms_is_left_as_it_is(self, form: Form) -> None:
        """One for each output, and more than the normal form may work on."""
        outputs = [f"a{k}: [N]\ny{k}[i] = x[i]*a{k}[i]" for k in range(205)]
        found = derive(parse_layer("\n".join(["x: [N]", *outputs]), "outputs"), form)
        (dx,) = [line for line in found.results if line.name == "dx"]
        assert len(dx.expression.args) == 205

    def test_a_formula_that_outgrows_the_page_is_not_put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(eliminate, "_MOST_TERMS_SHOWN", 0)
        assert closing_of("batch_norm").eliminated == frozenset()
