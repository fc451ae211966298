"""Two names never look alike, in no notation and at no order."""

from __future__ import annotations

from collections import defaultdict

import pytest
from samples import text_of

from derive.derivation import Derivation
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import expression_text
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.names import NOTATIONS, Names, Notation
from derive.printing.text import all_subscripts
from derive.printing.text_math import LayerTextPrinter

ALIKE = """
x: [N]
xbar: [N]
x_2: [N]
x2: [N]
d: []
d2: []
L2: []
c_1[i] = x[i]*xbar[i] + d*x_2[i]**2
c1[i] = tanh(c_1[i])*x2[i]**2 + d2*x[i]**2
L = sum(c1[i]*c_1[i]*L2 for i in N)
c1: output
"""
TEXTS = {name: text_of(name) for name in ("layer_norm", "rms_norm", "softmax", "log_of_p", "unicode", "lstm")}
TEXTS["alike"] = ALIKE


def alike(derivation: Derivation, notation: Notation) -> list[list[str]]:
    """The names that some printer writes in the same way."""
    names = Names.of(derivation, notation)
    latex, plain = LayerLatexPrinter(names), LayerTextPrinter(names, subscripts=False)
    text = LayerTextPrinter(names, all_subscripts(derivation))
    looks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, quantity in names.known.items():
        element = quantity.element
        looks["latex", latex.doprint(element)].append(name)
        looks["inline", latex.inline(element)].append(name)
        looks["text", text.doprint(element)].append(name)
        looks["brackets", plain.doprint(element)].append(name)
        looks["grammar", expression_text(element)].append(name)
    return [found for found in looks.values() if len(found) > 1]


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", TEXTS)
def test_no_two_names_look_alike(name: str, order: int, notation: Notation) -> None:
    assert alike(derive(parse_layer(TEXTS[name], name), order=order), notation) == []


@pytest.mark.parametrize("notation", NOTATIONS)
def test_no_two_names_look_alike_at_order_3(notation: Notation) -> None:
    assert alike(derive("batch_norm", order=3), notation) == []


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\sigma^2", "σⱼ²"), (r"\bar{x}", "x̄ⱼ"), (r"\hat{\mathbf{x}}", "x̂ⱼ"), (r"\lambda_{\max}", "λ_maxⱼ"),
        (r"\mathrm{gate}", "gateⱼ"), (r"w_1", "w₁ⱼ"), (r"\dot y", "ẏⱼ"),
        # What plain letters cannot say, or what another quantity is called, has its own name.
        (r"A^\top", "spreadⱼ"), (r"\hat{ab}", "spreadⱼ"), (r"x", "spreadⱼ"),
    ],
)  # fmt: skip
def test_an_author_s_latex_is_read_in_media_without_latex(latex: str, text: str) -> None:
    graph = parse_layer(f'x: [D]\nspread: r"{latex}"\nspread[j] = x[j]**2\ny[j] = spread[j]')
    printer = LayerTextPrinter(Names(graph.by_name))
    assert printer.doprint(graph.by_name["spread"].element) == text


def test_a_planted_likeness_is_seen() -> None:
    derivation = derive("batch_norm", order=2)
    double = derivation.by_name["d2x"]
    derivation.known["other"] = double
    assert ["d2x", "other"] in alike(derivation, "leibniz")
