"""Written-out pages in the terminal: brackets around matrices, lists for vectors, within the width."""

from __future__ import annotations

from functools import cache

import pytest

from derive.errors import UsageError
from derive.expand import WrittenOut
from derive.parser import parse_layer
from derive.printing.expanded_text import expanded_text
from derive.printing.text import columns
from derive.write_out import write_out

BATCH_NORM = """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
"""
CUBE = """
x: [B, N, D]
h[b, n, d] = 2*x[b, n, d]
loss = sum(h[b, n, d]**2 for b in B for n in N for d in D)
"""


@cache
def page() -> WrittenOut:
    return write_out(parse_layer(BATCH_NORM, "batch norm"), {"N": 2, "D": 3})


@pytest.mark.parametrize(
    "block",
    [
        """\
    X = ⎡ x₁₁   x₁₂   x₁₃ ⎤
        ⎣ x₂₁   x₂₂   x₂₃ ⎦""",
        "    μ = [(x₁₁ + x₂₁)/2,  (x₁₂ + x₂₂)/2,  (x₁₃ + x₂₃)/2]",
        """\
    σ² = [1/2 · ((x₁₁ - μ₁)² + (x₂₁ - μ₁)²),  1/2 · ((x₁₂ - μ₂)² + (x₂₂ - μ₂)²),
          1/2 · ((x₁₃ - μ₃)² + (x₂₃ - μ₃)²)]""",
        """\
    X̂ = ⎡ (x₁₁ - μ₁)/√(σ₁² + ε)   (x₁₂ - μ₂)/√(σ₂² + ε)   (x₁₃ - μ₃)/√(σ₃² + ε) ⎤
        ⎣ (x₂₁ - μ₁)/√(σ₁² + ε)   (x₂₂ - μ₂)/√(σ₂² + ε)   (x₂₃ - μ₃)/√(σ₃² + ε) ⎦""",
        """\
    ∂L/∂σ₁² = ∂L/∂x̂₁₁ · ∂x̂₁₁/∂σ₁² + ∂L/∂x̂₂₁ · ∂x̂₂₁/∂σ₁²
    ∂x̂₁₁/∂σ₁² = -1/2 · (σ₁² + ε)^(-3/2) · (x₁₁ - μ₁)
    ∂x̂₂₁/∂σ₁² = -1/2 · (σ₁² + ε)^(-3/2) · (x₂₁ - μ₁)
    ∂L/∂σ₁² = -1/2 · (σ₁² + ε)^(-3/2) · (∂L/∂x̂₁₁ · (x₁₁ - μ₁) + ∂L/∂x̂₂₁ · (x₂₁ - μ₁)) =: A₁""",
        " =: B₃\n",
    ],
)
def test_the_notes_stand_on_the_page(block):
    assert block in expanded_text(page())


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("unicode", [True, False])
def test_nothing_is_wider_than_asked(width, unicode):
    text = expanded_text(page(), width=width, unicode=unicode)
    assert max(columns(line) for line in text.splitlines()) <= width
    assert unicode or text.isascii()


def test_what_does_not_fit_is_given_element_by_element():
    assert "    x̂₁₁ = (x₁₁ - μ₁)/√(σ₁² + ε)\n    x̂₂₁ = " in expanded_text(page(), width=60)
    assert "x̂₁₁ = " not in expanded_text(page(), width=100).split("Gradient")[0]


def test_without_unicode_it_is_the_layer_grammar():
    text = expanded_text(page(), unicode=False)
    assert "    x = [ x[1, 1]   x[1, 2]   x[1, 3] ]\n        [ x[2, 1]" in text
    assert "    dvar[1] = dxhat[1, 1]*xhat_wrt_var[1, 1] + dxhat[2, 1]*xhat_wrt_var[2, 1]\n" in text


def test_an_array_of_three_indices_is_shown_in_slices():
    cube = write_out(parse_layer(CUBE, "cube"), {"B": 1, "N": 2, "D": 2})
    assert "    x··₁ = [ x₁₁₁   x₁₂₁ ]\n\n    x··₂ = [ x₁₁₂   x₁₂₂ ]\n" in expanded_text(cube)
    assert "    x[:, :, 2] = [ x[1, 1, 2]   x[1, 2, 2] ]\n" in expanded_text(cube, unicode=False)


def test_scalars_are_lines():
    scalars = write_out(parse_layer("a: []\nb = a**2\nc = b*a\n", "scalars"), {})
    text = expanded_text(scalars)
    assert text.startswith("Scalars, element by element\n")
    assert "    b = a²\n\n    c = a · b\n" in text
    assert "    ∂L/∂c\n" in text


def test_an_unknown_notation_is_an_error():
    with pytest.raises(UsageError, match="unknown notation"):
        expanded_text(page(), "dots")  # type: ignore[arg-type]
