"""MathML: read back as LaTeX it is what the LaTeX printer writes, for all layers; it is well formed and complete."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from xml.etree.ElementTree import Element

import pytest
from sympy import Integer, Integral, Symbol, exp, log, sqrt, tanh

from derive.derivation import Derivation
from derive.errors import DeriveError
from derive.functions import delta, log1p, maximum, where
from derive.graph import Equation, Fact, Index, Quantity, index_symbol, reference
from derive.layers import layer_names
from derive.pipeline import derive
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.mathml_names import glyph_of
from derive.printing.names import NOTATIONS, Names, Notation
from derive.printing.symbols import ACCENT_LATEX, GREEK_LATEX

i, j = index_symbol("i"), index_symbol("j")
CORE = {
    "math", "mi", "mn", "mo", "mtext", "mrow", "mfrac", "msqrt", "msub", "msup", "msubsup", "munder", "munderover",
    "mover", "mtable", "mtr", "mtd",
}  # fmt: skip
ACCENTS = {"^": "\\hat", "~": "\\tilde", "¯": "\\bar", "˙": "\\dot", "¨": "\\ddot", "´": "\\acute", "`": "\\grave"}
ACCENTS |= {"ˇ": "\\check", "˘": "\\breve"}
SIGNS = {
    "−": "-", "≤": "\\le", "≥": "\\ge", "≠": "\\ne", "∂": "\\partial", "\u2062": "", "\u2061": "", "{": "",
    "⋅": "\\cdot", "∑": "\\sum", "∏": "\\prod", "∙": "\\scriptscriptstyle\\bullet", "ℒ": "\\mathcal{L}",
}  # fmt: skip
WORDS = {"log", "tanh", "sin", "cos", "max", "exp"}


def latex_of(element: Element) -> str:
    """An element as LaTeX without spaces and braces, as far as the printers use both."""
    inside = [latex_of(child) for child in element]
    text = (element.text or "").replace("\u00a0", "")
    if element.tag in ("mi", "mn", "mo", "mtext"):
        assert text
        assert not inside
        if text in SIGNS:
            return SIGNS[text]
        if text in WORDS:
            return f"\\{text}"
        return f"\\text{text}" if element.tag == "mtext" else "".join(GREEK_LATEX.get(c, c) for c in text)
    assert not text.strip()
    assert inside, f"an empty {element.tag}"
    pattern = {
        "mfrac": "\\frac%s%s", "msub": "%s_%s", "msup": "%s^%s", "msubsup": "%s_%s^%s", "munder": "%s_%s",
        "munderover": "%s_%s^%s", "mover": "%s%s",
    }.get(element.tag)  # fmt: skip
    if element.tag == "mover":
        accent = element[1].text or ""
        return (ACCENTS[accent] if element[1].get("stretchy") == "false" else "\\overline") + inside[0]
    if pattern:
        return pattern % tuple(inside)
    if element.tag == "mtable":
        return "\\begincases" + "\\\\".join(inside) + "\\endcases"
    joined = ("&" if element.tag == "mtr" else "").join(inside)
    return f"\\sqrt{joined}" if element.tag == "msqrt" else joined


def plain(latex: str) -> str:
    """LaTeX without what only moves things about."""
    latex = re.sub(r"\\(operatorname|mathrm|Big|left|right)(?![A-Za-z])", "", latex)
    return re.sub(r"\\,|[\s{}]", "", latex)


def tree(markup: str) -> Element:
    return ElementTree.fromstring(f"<math>{markup}</math>")


@cache
def derivation(name: str, order: int = 1) -> Derivation:
    return derive(name, order=order)


def lines(found: Derivation) -> Iterator[Equation | Fact]:
    for step in found.steps:
        yield from (line for line in (step.equation, step.display) if line is not None)
    yield from found.results


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", layer_names())
def test_it_says_what_the_latex_says(name: str, order: int) -> None:
    try:
        found = derivation(name, order)
    except DeriveError:
        pytest.skip("a layer without gradients of this order")
    for notation in NOTATIONS:
        names = Names.of(found, notation)
        latex, mathml = LayerLatexPrinter(names), LayerMathmlPrinter(names)
        for line in lines(found):
            whole = tree(mathml.fact(line) if isinstance(line, Fact) else mathml.equation(line))
            assert {element.tag for element in whole.iter()} <= CORE
            expected = latex.fact(line) if isinstance(line, Fact) else (" = ".join(latex.equation(line)),)
            assert plain(latex_of(whole)) == plain("".join(expected))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_forward_mode(notation: Notation) -> None:
    found = derive("batch_norm", mode="forward")
    names = Names.of(found, notation)
    latex, mathml = LayerLatexPrinter(names), LayerMathmlPrinter(names)
    for line in lines(found):
        if isinstance(line, Equation):
            assert plain(latex_of(tree(mathml.equation(line)))) == plain(" = ".join(latex.equation(line)))


def printed(expression: object) -> str:
    return LayerMathmlPrinter().doprint(expression)


x = reference("x", [i, j])


@pytest.mark.parametrize(
    ("expression", "markup"),
    [
        (-x / 2, '<mo form="prefix">−</mo><mfrac><mn>1</mn><mn>2</mn></mfrac>'),
        (sqrt(x), "<msqrt><msub"),
        (exp(-reference("t")), '<msup><mi mathvariant="normal">e</mi><mrow><mo form="prefix">−</mo>'),
        (exp(x / reference("t")), "<mi>exp</mi><mo>\u2061</mo><mrow class=\"b\">"),
        (log(x), "<mi>log</mi><mo>\u2061</mo>"),
        (log1p(-reference("t")), '<mn>1</mn><mo class="t" form="infix">−</mo><mrow data-q="t"><mi>t</mi></mrow>'),
        (tanh(x) ** 2, "<msup><mi>tanh</mi><mn>2</mn></msup><mo>\u2061</mo>"),
        (maximum(x, 0), "<mi>max</mi>"),
        (where(x > 0, 1, 0), '<mtable class="cases"><mtr><mtd><mn>1</mn></mtd><mtd><mtext>if\u00a0</mtext>'),
        (delta(i, j), "<msub><mi>δ</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>"),
        (reference("x", [i, Integer(12)]), "<mrow><mi>i</mi><mo>,</mo><mn>12</mn></mrow>"),
    ],
)
def test_nodes(expression: object, markup: str) -> None:
    assert markup in printed(expression)
    tree(printed(expression))


def test_what_is_not_known_is_an_error() -> None:
    with pytest.raises(TypeError, match="cannot print a Integral"):
        printed(Integral(Symbol("z"), Symbol("z")))


def test_every_quantity_is_marked_and_what_is_inside_it_is_not() -> None:
    found = derivation("batch_norm")
    whole = tree(LayerMathmlPrinter(Names.of(found)).equation(found.results[0]))
    marked = [element.get("data-q") for element in whole.iter() if element.get("data-q")]
    assert set(marked) == {"dx", "gamma", "var", "eps", "dy", "xhat"}
    for element in whole.iter():
        assert not element.get("data-q") or not any(e.get("data-q") for e in element.iter() if e is not element)


def test_a_name_that_looks_like_markup_stays_text() -> None:
    quantity = Quantity("a", (), "input", latex=r"\mathrm{x<y}")
    text = LayerMathmlPrinter(Names({"a": quantity})).doprint(reference("a"))
    assert "<y" not in text
    tree(text)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\sigma^2", "<msup><mi>σ</mi><mrow><mn>2</mn></mrow></msup>"),
        (r"\hat{x}", '<mover accent="true"><mi>x</mi><mo stretchy="false">^</mo></mover>'),
        (r"w_1", "<msub><mi>w</mi><mrow><mn>1</mn></mrow></msub>"),
        (r"\mathbf{W}", "<mi>𝐖</mi>"),
        (r"\mathbf{w}", "<mi>𝐰</mi>"),
        (r"\mathcal{L}", "<mi>ℒ</mi>"),
        (r"\mathcal{A}", "<mi>𝒜</mi>"),
        (r"\mathrm{loss}", '<mi mathvariant="normal">loss</mi>'),
        (r"\ell", "<mi>ℓ</mi>"),
        (r"\omega^{(1)}", "<msup><mi>ω</mi><mrow><mrow><mo>(</mo><mn>1</mn><mo>)</mo></mrow></mrow></msup>"),
        (r"x_{t-1}", "<msub><mi>x</mi><mrow><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></mrow></msub>"),
        (r"w_{\mathrm{out}}", '<msub><mi>w</mi><mrow><mi mathvariant="normal">out</mi></mrow></msub>'),
        (r"\theta'", "<mrow><mi>θ</mi><mo>′</mo></mrow>"),
        (r"\dot x", '<mover accent="true"><mi>x</mi><mo stretchy="false">˙</mo></mover>'),
        (r"\hat{\mathbf{x}}", '<mover accent="true"><mi>𝐱</mi><mo stretchy="false">^</mo></mover>'),
        (r"\vec{v}", '<mover accent="true"><mi>v</mi><mo stretchy="false">→</mo></mover>'),
        (r"\boldsymbol{x}", "<mi>𝐱</mi>"),
        (r"\mathbb{E}", "<mi>𝔼</mi>"),
        (r"\mathbb{R}", "<mi>ℝ</mi>"),
        (r"\mathfrak{g}", "<mi>𝔤</mi>"),
        (r"\mathcal{g}", "<mi>ℊ</mi>"),
        (r"\lambda_{\max}", '<msub><mi>λ</mi><mrow><mi mathvariant="normal">max</mi></mrow></msub>'),
        (r"A^\top", "<msup><mi>A</mi><mrow><mo>⊤</mo></mrow></msup>"),
        (r"x^\star", "<msup><mi>x</mi><mrow><mo>⋆</mo></mrow></msup>"),
        (r"\nabla", "<mi>∇</mi>"),
        (r"{\bf x}", "<mi>name</mi>"),
        (r"\unknown{x}", "<mi>name</mi>"),
        (r"\frac{a}{b}", "<mi>name</mi>"),
    ],
)
def test_names_that_authors_give(latex: str, expected: str) -> None:
    assert glyph_of("name", latex).at("", "") == expected


def test_the_base_of_an_index_is_one_element() -> None:
    quantity = Quantity("a", (Index("i", "N"),), "input", latex=r"\theta'")
    (found,) = tree(LayerMathmlPrinter(Names({"a": quantity})).doprint(reference("a", [i])))
    assert (found.tag, len(found)) == ("msub", 2)


def test_all_accents_have_a_sign() -> None:
    for combining in ACCENT_LATEX:
        assert "<mover" in glyph_of(f"x{combining}").at("", "")
