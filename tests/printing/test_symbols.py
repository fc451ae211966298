from __future__ import annotations

import pytest

from derive.errors import LayerError
from derive.printing.symbols import Glyph, latex_glyph, parse_glyph, read_name, subscript_text, unicode_symbol

# name, LaTeX with the indices ij, Unicode
NAMES = [
    ("x", "x_{ij}", "x"),
    ("mu", r"\mu_{ij}", "μ"),
    ("μ", r"\mu_{ij}", "μ"),
    ("eps", r"\varepsilon_{ij}", "ε"),
    ("ε", r"\varepsilon_{ij}", "ε"),
    ("lam", r"\lambda_{ij}", "λ"),
    ("Gamma", r"\Gamma_{ij}", "Γ"),
    ("Alpha", r"\mathrm{A}_{ij}", "Α"),
    ("var", r"\sigma_{ij}^{2}", "σ²"),
    ("var2", r"\sigma_{2,ij}^{2}", "σ₂²"),
    ("varhat", r"\hat{\sigma}_{ij}^{2}", "σ̂²"),
    ("xhat", r"\hat{x}_{ij}", "x̂"),
    ("x̂", r"\hat{x}_{ij}", "x̂"),
    ("ŷ", r"\hat{y}_{ij}", "ŷ"),
    ("phat", r"\hat{p}_{ij}", "p̂"),
    ("x_bar", r"\bar{x}_{ij}", "x̄"),
    ("gammatilde", r"\tilde{\gamma}_{ij}", "γ̃"),
    ("sigmadot", r"\dot{\sigma}_{ij}", "σ̇"),
    ("x1", "x_{1,ij}", "x₁"),
    ("xhat1", r"\hat{x}_{1,ij}", "x̂₁"),
    ("W_q", "W_{q,ij}", "W_q"),
    ("w_out", r"w_{\mathrm{out},ij}", "w_out"),
    ("attn_scores", r"\mathrm{attn}_{\mathrm{scores},ij}", "attn_scores"),
    ("conv2", r"\mathrm{conv}_{2,ij}", "conv₂"),
    ("dot", r"\mathrm{dot}_{ij}", "dot"),
    ("_x", r"\mathrm{\_x}_{ij}", "_x"),
    ("a__b", r"\mathrm{a\_\_b}_{ij}", "a__b"),
    ("café", r"\mathrm{caf\acute{e}}_{ij}", "café"),
    ("ж", r"\mathrm{U0436}_{ij}", "ж"),
    ("名", r"\mathrm{U540D}_{ij}", "名"),
]


@pytest.mark.parametrize(("name", "latex", "unicode"), NAMES, ids=[row[0] for row in NAMES])
def test_a_name_is_read_as_a_symbol(name: str, latex: str, unicode: str) -> None:
    reading = read_name(name)

    assert latex == latex_glyph(reading).at("ij")
    assert unicode == "".join(unicode_symbol(reading))


@pytest.mark.parametrize("name", [row[0] for row in NAMES])
def test_latex_of_a_name_is_ascii(name: str) -> None:
    assert latex_glyph(read_name(name)).at("").isascii()


AUTHORS = [
    (r"\sigma^2", r"\sigma_{ij}^{2}"),
    (r"\hat{x}", r"\hat{x}_{ij}"),
    ("W^{(1)}_q", "W_{q,ij}^{(1)}"),
    (r"\mathcal{A}_{\text{in}}^{-1}", r"\mathcal{A}_{\text{in},ij}^{-1}"),
    ("x'", "x'_{ij}"),
    ("a+b", r"\left(a+b\right)_{ij}"),
    (r"\bar\mu", r"\bar\mu_{ij}"),
    (r"\operatorname{f\}g}_a", r"\operatorname{f\}g}_{a,ij}"),
    (r"x\%", r"x\%_{ij}"),
]


@pytest.mark.parametrize(("own", "latex"), AUTHORS)
def test_indices_join_the_author_s_own_latex(own: str, latex: str) -> None:
    assert latex == parse_glyph("v", own).at("ij")


@pytest.mark.parametrize("own", [r"a \\ b", "a`b"])
def test_an_own_name_that_breaks_lines_is_an_error(own: str) -> None:
    with pytest.raises(LayerError, match="'v' cannot stand inside a line"):
        parse_glyph("v", own)


def test_a_glyph_without_parts_is_its_base() -> None:
    assert Glyph("x").at("") == "x"


def test_a_letter_without_subscript_form_has_none() -> None:
    assert subscript_text("ij12") == "ᵢⱼ₁₂"
    assert subscript_text("id") is None
