"""The text of a derivation, in whichever way it is written, to claims."""

from __future__ import annotations

from derive.claims.claim import Claims
from derive.claims.grammar import read_grammar
from derive.claims.latex.reader import looks_like_latex, read_latex
from derive.claims.vocabulary import Vocabulary
from derive.errors import UsageError
from derive.options import INPUT_FORMATS

_LATEX_FILES = (".tex", ".md", ".markdown", ".latex")


def read_claims(
    text: str, file: str, vocabulary: Vocabulary, input_format: str | None = None, symbols: str = ""
) -> Claims:
    """The claims of a text. A file named .tex or .md is LaTeX, any other the layer grammar.

    What comes without the name of a file, as from standard input, is recognized. `symbols` gives the author's letters
    the layer's names, 'm=N, z=x'; it is for LaTeX. Raises LayerError for a text that has no claims at all, UsageError
    for an unknown format or a table of symbols that cannot be used.
    """
    if input_format is not None and input_format not in INPUT_FORMATS:
        raise UsageError(f"there is no input format {input_format!r}; choose from {', '.join(INPUT_FORMATS)}")
    if input_format is None:
        named = not file.startswith("<")
        latex = file.lower().endswith(_LATEX_FILES) if named else looks_like_latex(text)
        input_format = "latex" if latex else "grammar"
    if input_format == "latex":
        return read_latex(text, file, vocabulary, symbols)
    if symbols:
        raise UsageError("--symbols is for LaTeX: the layer grammar has the layer's own names")
    return read_grammar(text, file, vocabulary)
