"""What reads what a person or a program can feed to `derive`, as functions of bytes that raise Wrong.

Each ends in a right result, or in an error of ours that says where, what, and how to mend it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from unittest.mock import patch

import sympy
from fuzz_values import check_values
from fuzz_watch import Wrong
from sympy import Expr, Indexed, Symbol

import derive
from derive.claims.claim import Claim, Unreadable
from derive.claims.latex.reader import looks_like_latex
from derive.claims.reader import read_claims
from derive.claims.vocabulary import Vocabulary, vocabulary_of
from derive.cli import main
from derive.errors import DeriveError, LayerError, UsageError
from derive.graph import Equation, Graph, extent_symbol, index_symbol, name_of
from derive.layers import layer_names
from derive.parser import parse_layer

LONGEST = 2_000  # characters of a message; more nobody reads
_SETTING = re.compile(r"^[#%] (layer|symbols): (.*)$", re.MULTILINE)
_CODES = (0, 1, 2, 3, 130, 141)
_PLACE = re.compile(r"^(\S[^\n]*?):(\d+):(\d+): \S")


def read_as_layer(raw: bytes) -> None:
    """A layer from a text, or from standard input where it is none."""
    try:
        text = _text(raw)
    except UnicodeDecodeError:
        _from_standard_input(raw)
        return
    try:
        graph = parse_layer(text, file="f.layer")
    except LayerError as error:
        _check_error(error, text)
        return
    _check_graph(graph)
    if len(text) < 2_000 and parse_layer(graph.source, file="f.layer") != graph:
        raise Wrong("the layer reads otherwise the second time")


def read_as_grammar(raw: bytes) -> None:
    """Claims in the layer grammar, about the layer that the first line names."""
    _read_claims(raw, "mine.txt", "grammar")


def read_as_latex(raw: bytes) -> None:
    """Claims in LaTeX or Markdown, about the layer that the first line names."""
    _read_claims(raw, "mine.md" if raw.startswith(b"#") else "mine.tex", "latex")


def read_as_arguments(raw: bytes) -> None:
    """A command line: its arguments, standard input and COLUMNS, as JSON. The folder is one that may be written to."""
    given = json.loads(raw)
    arguments, columns = given["arguments"], given.get("columns")
    out, err = _Stream("strict"), _Stream("backslashreplace")  # as those of Python
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.get("stdin", "").encode("utf-8", "surrogateescape")))
    sys.stdout, sys.stderr = out, err
    environment = {**os.environ, **({} if columns is None else {"COLUMNS": columns})}
    try:
        with patch.object(os, "environ", environment):
            code = main(arguments)
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    _check_ending(arguments, code, out.said(), err.said())


def compute_it(raw: bytes) -> None:
    """A layer, whose equations have the values that they have as they are written."""
    text = _text(raw)
    try:
        graph = parse_layer(text, file="f.layer")
    except LayerError:
        return
    check_values(text, graph)


def derive_it(raw: bytes) -> None:
    """A layer, through to its gradients and the lines that lead to them."""
    text = _text(raw)
    try:
        graph = parse_layer(text, file="f.layer")
    except LayerError:
        return
    try:
        derivation = derive.derive(graph)
    except DeriveError as error:
        if not str(error).strip():
            raise Wrong("an error without a message") from None
        return
    if not derivation.steps:
        raise Wrong("a derivation without a step")


def judge_it(raw: bytes) -> None:
    """Claims, up to the verdict on each."""
    text = raw.decode("utf-8", "replace")
    layer = dict(_SETTING.findall(text[:2_000])).get("layer", "").strip()
    graph = derive.load(layer if layer in layer_names() else "batch_norm")
    try:
        audit = derive.check(graph, text, "mine.tex" if looks_like_latex(text) else "mine.txt")
    except LayerError as error:
        _check_message(error.message)
        _check_message(error.hint, "a remedy")
        return
    for verdict in audit.verdicts:
        said = verdict.diagnosis or verdict.condition or verdict.counterexample or verdict.correct
        if verdict.kind in ("wrong", "conditional", "unreadable") and not said:
            raise Wrong("a verdict without a reason")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "layers": read_as_layer,
    "grammar": read_as_grammar,
    "latex": read_as_latex,
    "arguments": read_as_arguments,
    "values": compute_it,
    "verdicts": judge_it,
    "derivations": derive_it,
}


class _Stream(io.TextIOWrapper):
    def __init__(self, errors: str) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors=errors, newline="\n")

    def said(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _from_standard_input(raw: bytes) -> None:
    kept = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(raw))
    try:
        derive.load("-")
    except LayerError as error:
        if "is larger than" not in error.message:
            _check_error(error, raw.decode("utf-8", "replace"), "<stdin>")
    finally:
        sys.stdin = kept


@cache
def vocabulary(layer: str) -> Vocabulary:
    """The names that a derivation of a layer may have."""
    return vocabulary_of(derive.load(layer))


def _read_claims(raw: bytes, file: str, input_format: str) -> None:
    try:
        text = _text(raw)
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    settings = dict(_SETTING.findall(text[:2_000]))
    layer = settings.get("layer", "").strip()
    known = vocabulary(layer if layer in layer_names() else "batch_norm")
    try:
        claims = read_claims(text, file, known, input_format, settings.get("symbols", "") * (input_format == "latex"))
    except LayerError as error:
        _check_error(error, text, file)
        return
    except UsageError as error:
        _check_message(str(error))
        return
    count = len(_lines(text))
    for line in claims.lines:
        if not 1 <= line.line <= count:
            raise Wrong("a line that is not there")
        if isinstance(line, Unreadable):
            _check_error(line.error, text, file)
        else:
            _check_claim(line, known)


def _check_claim(claim: Claim, known: Vocabulary) -> None:
    free = {index.name for index in claim.indices}
    for side in (claim.left, claim.right):
        for part in _checked_parts(side):
            is_index = isinstance(part, Symbol) and part == index_symbol(part.name)
            if is_index and part.name not in {*free, *known.graph.extents}:
                raise Wrong(f"the index {part.name[:20]} is free, and not among the indices of its claim")


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _check_error(error: LayerError, text: str, file: str = "f.layer") -> None:
    """That an error has a place in the text, a caret, and a remedy."""
    shown, at = str(error), error.location
    _check_message(error.message)
    _check_message(error.hint, "a remedy")
    if at is None:
        raise Wrong(f"no place: {error.message[:80]}")
    lines = _lines(text)
    if at.file != file or not 1 <= at.line <= len(lines) or not 0 <= at.column <= len(at.text):
        raise Wrong(f"the place is not in the text: {shown.splitlines()[0][:80]}")
    if at.text and at.text.replace("\ufffd", "") not in lines[at.line - 1].replace("\ufffd", ""):
        raise Wrong(f"not a line of the text: {error.message[:80]}")
    if _PLACE.match(shown) is None or (at.text.strip() and "^" not in shown.split("\n")[2]):
        raise Wrong(f"no place or no caret is shown: {error.message[:80]}")


def _check_message(text: str, what: str = "a message") -> None:
    if not text.strip():
        raise Wrong(f"there is not {what}")
    if len(text) > LONGEST:
        raise Wrong(f"{what} of {len(text)} characters: {text[:60]}")
    if not all(char.isprintable() or char in "\n\t" for char in text):
        raise Wrong(f"{what} with a character that is not printable: {text[:60]!r}")


def _checked_parts(expression: Expr) -> Iterator[sympy.Basic]:
    """The free symbols of an expression, after a look at all its parts."""
    for part in sympy.preorder_traversal(expression):
        if part in (sympy.nan, sympy.oo, -sympy.oo, sympy.zoo, sympy.I) or isinstance(part, sympy.Float):
            raise Wrong(f"{part} is no number of the grammar")
    yield from expression.free_symbols


def _check_graph(graph: Graph) -> None:
    """What holds for every graph."""
    defined = {quantity.name: quantity for quantity in graph.inputs}
    if not graph.outputs or not graph.equations:
        raise Wrong("no output")
    for equation in graph.equations:
        if equation.name in defined:
            raise Wrong("an equation that is given twice")
        _check_equation(equation, defined, graph)
        defined[equation.name] = graph.by_name[equation.name]


def _check_equation(equation: Equation, defined: dict[str, object], graph: Graph) -> None:
    free = {index.name for index in equation.indices}
    for part in _checked_parts(equation.expression):
        if isinstance(part, Symbol) and part == extent_symbol(part.name) and part.name not in {*free, *graph.extents}:
            raise Wrong("an index that is neither free nor bound")
    for element in equation.expression.atoms(Indexed, Symbol):
        name = name_of(element)
        if name is None:
            continue
        if name not in defined:
            raise Wrong("a quantity that is not yet there")
        if isinstance(element, Indexed) and len(element.indices) != len(graph.by_name[name].indices):
            raise Wrong("a wrong number of indices")


def _check_ending(arguments: list[str], code: object, out: str, err: str) -> None:
    if not isinstance(code, int) or code not in _CODES:
        raise Wrong(f"the exit code is {code!r}")
    if "Traceback" in err or "Traceback" in out:
        raise Wrong("a traceback")
    if "check" in arguments[:1] and out:  # a report, in which a line is unreadable
        return
    if code in (2, 3):
        _check_message(err, "a message")
        if out:
            raise Wrong(f"code {code}, and a result: {out[:60]!r}")
    if code == 3 and not any(_PLACE.match(line) for line in err.splitlines()):
        raise Wrong(f"code 3 without a place: {err[:80]!r}")
    if code == 3 and "  help: " not in err:
        raise Wrong(f"code 3 without a remedy: {err[:80]!r}")
    if code == 0 and err and "derive: " in err:
        raise Wrong(f"code 0, and a complaint: {err[:80]!r}")
