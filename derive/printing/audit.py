"""The verdicts on someone's derivation as text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from derive.audit import Audit, Counterexample, Kind, Verdict
from derive.color import PLAIN, Palette

# What is said of a claim.
WORDS: dict[Kind, str] = {
    "holds": "holds",
    "conditional": "CONDITIONAL",
    "wrong": "WRONG",
    "definition": "definition",
    "unreadable": "UNREADABLE",
}
_INDENT = " " * 10
_CORRECT = "correct: "
_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_TIED = "\0"  # in place of a space at which a line is not to end


def audit_text(audit: Audit, width: int = 100, palette: Palette = PLAIN) -> str:
    """A line for each claim, with what is the matter below it, in so many columns."""
    lines = [audit.headline, ""]
    for verdict in audit.verdicts:
        head, *others = _verdict(verdict, width)
        lines += [_colored(head, verdict.kind, palette), *others]
    if audit.missing:
        lines += ["", *_wrapped(f"not stated: {', '.join(audit.missing)}", width, "")]
    for note in audit.notes:
        lines += ["", *_wrapped(note, width, "")]
    return "\n".join(lines) + "\n"


def _colored(head: str, kind: Kind, palette: Palette) -> str:
    """The first line of a verdict with its word in color; a definition is no verdict."""
    styles = {"holds": palette.good, "conditional": palette.doubtful, "unreadable": palette.doubtful}
    style = palette.bad if kind == "wrong" else styles.get(kind, str)
    return head.replace(WORDS[kind], style(WORDS[kind]), 1)


def _verdict(verdict: Verdict, width: int) -> Iterator[str]:
    head = f"line {verdict.line:<4} {WORDS[verdict.kind]:<12}"
    yield from _wrapped(f"{head}{verdict.claim}", width, _INDENT)
    if verdict.kind == "unreadable":
        yield from (f"{_INDENT}{line}" for line in (verdict.diagnosis or "").splitlines())
        return
    for remark in remarks_on(verdict):
        hanging = "  " if remark.startswith(_CORRECT) else ""
        yield from _wrapped(f"{_INDENT}{remark}", width, _INDENT + hanging)


def remarks_on(verdict: Verdict) -> Iterator[str]:
    """How a claim was read, when it holds, what is the matter with it, and how it should read."""
    if verdict.note:
        yield f"({verdict.note})"
    if verdict.condition:
        yield f"it holds only where {verdict.condition}"
    if verdict.diagnosis:
        yield verdict.diagnosis
    if verdict.correct:
        yield f"{_CORRECT}{verdict.correct}"
    if verdict.counterexample:
        yield counterexample_text(verdict.counterexample)


def counterexample_text(found: Counterexample) -> str:
    """For N = 2, D = 1, at i = 1, j = 1: yours is 0.5, the true value 0.25."""
    sizes = ", ".join(f"{name} = {size}" for name, size in found.extents.items())
    place = ", ".join(f"{name} = {position}" for name, position in found.index.items())
    where = f"for {sizes}" if sizes else "for random values"
    at = f", at {place}" if place else ""
    return f"{where}{at}: yours is {found.yours:.6g}, the true value {found.true:.6g}"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """A text in so many columns; an element such as x[i, j] stays in one piece."""
    start = text[: len(text) - len(text.lstrip())]
    joined = _BRACKETS.sub(lambda match: match[0].replace(" ", _TIED), text.strip())
    lines = textwrap.wrap(
        joined,
        width,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TIED, " ") for line in lines]
