"""Every shipped layer at order 2 and in forward mode: the evidence, on some of the data that `derive verify` draws."""

import pytest

from derive.derivation import Derivation
from derive.draw import Sample, draw_samples
from derive.generated import generated_checks
from derive.layers import layer_names
from derive.options import DETAILS
from derive.pipeline import derive
from derive.printing.grammar import equation_text
from derive.printing.latex import latex_fragment
from derive.printing.markdown import markdown_text
from derive.printing.text import show_text
from derive.verifier import verify
from derive.workshop import derivations_behind


def some(derivation: Derivation) -> list[Sample]:
    """One of ordinary size, and one of the size of the constants in which an extent is 1."""
    drawn = draw_samples(derivation.whole)
    ordinary = next(sample for sample in drawn if sample.regime == "ordinary")
    flat = [sample for sample in drawn if sample.regime != "large offset" and 1 in sample.extents.values()]
    return [ordinary, flat[-1]]


@pytest.mark.parametrize("name", layer_names())
def test_order_2(name: str) -> None:
    derivation = derive(name, order=2)
    checks = generated_checks(derivation, *derivations_behind(derivation))
    report = verify(derivation, checks, equation_text, some(derivation))
    assert report.failures == ()
    alone = [row for row in report.rows if row.line.endswith(f"by the equations of {name} alone")]
    assert len(alone) >= len(derivation.backward.outputs)
    for print_it in (latex_fragment, markdown_text, show_text):
        assert print_it(derivation)
    assert derivation.shown(DETAILS[0])


@pytest.mark.parametrize("name", layer_names())
def test_forward_mode(name: str) -> None:
    derivation = derive(name, mode="forward")
    assert verify(derivation, samples=some(derivation)).failures == ()
    for print_it in (latex_fragment, markdown_text, show_text):
        assert print_it(derivation)
