"""A picture in sentences."""

from __future__ import annotations

from pictured import picture_of_layer

from derive.pictures.nodes import picture_of
from derive.pictures.words import describe, joined
from derive.pipeline import derive


def test_a_sentence_for_each_equation_in_reading_order() -> None:
    assert describe(picture_of_layer("batch_norm")) == (
        "Given: xᵢⱼ (N × D), γⱼ (D), βⱼ (D). Constant: ε (a scalar). "
        "μⱼ = 1/N · Σᵢ xᵢⱼ, of shape D. σⱼ² = 1/N · Σᵢ (xᵢⱼ - μⱼ)², of shape D. "
        "x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε), of shape N × D. Output: yᵢⱼ = γⱼ · x̂ᵢⱼ + βⱼ, of shape N × D. "
        "Gradients flow back from yᵢⱼ to γⱼ, βⱼ and x̂ᵢⱼ; from x̂ᵢⱼ to xᵢⱼ, μⱼ and σⱼ²; from σⱼ² to xᵢⱼ and μⱼ; "
        "from μⱼ to xᵢⱼ."
    )


def test_without_gradients_none_is_mentioned() -> None:
    assert "radient" not in describe(picture_of(derive("batch_norm", mode="forward")))


def test_lists() -> None:
    assert [joined(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
