"""The facade: one function, four formats."""

from __future__ import annotations

import pytest
from pictured import derivation_of

from derive.errors import UsageError
from derive.pictures import PICTURE_FORMATS, PictureFormat, picture

BEGINNINGS = {"svg": "<svg ", "dot": "digraph ", "mermaid": "flowchart TD\n", "tikz": "% Batch norm"}


@pytest.mark.parametrize("format", PICTURE_FORMATS)
def test_each_format(format: PictureFormat) -> None:
    text = picture(derivation_of("batch_norm"), format)

    assert text.startswith(BEGINNINGS[format])
    assert text.endswith("\n")
    assert "\n\n" not in text
    assert text == picture(derivation_of("batch_norm"), format)
    assert text != picture(derivation_of("batch_norm"), format, cotangents=False)
    assert text != picture(derivation_of("batch_norm"), format, notation="d")


def test_an_unknown_format_is_named_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="unknown format 'png' of a picture; choose from svg, dot, mermaid, tikz"):
        picture(derivation_of("gelu"), "png")  # type: ignore[arg-type]


def test_an_unknown_notation_is_an_error() -> None:
    with pytest.raises(UsageError, match="unknown notation 'newton'"):
        picture(derivation_of("gelu"), "svg", notation="newton")  # type: ignore[arg-type]
