"""The verdicts on someone's derivation as text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from derive.audit import Audit, Counterexample, Kind, Verdict

_WORDS: dict[Kind, str] = {
    "holds": "holds",
    "conditional": "CONDITIONAL",
    "wrong": "WRONG",
    "definition": "definition",
    "unreadable": "UNREADABLE",
}
_INDENT = " " * 10
_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_TIED = "\0"  # in place of a space at which a line is not to end


def audit_text(audit: Audit, width: int = 100) -> str:
    """A line for each claim, with what is the matter below it, in so many columns."""
    lines = [_headline(audit), ""]
    for verdict in audit.verdicts:
        lines += _verdict(verdict, width)
    if audit.missing:
        lines += ["", *_wrapped(f"not stated: {', '.join(audit.missing)}", width, "")]
    for note in audit.notes:
        lines += ["", *_wrapped(note, width, "")]
    return "\n".join(lines) + "\n"


def _headline(audit: Audit) -> str:
    kinds = [verdict.kind for verdict in audit.verdicts]
    claims = [kind for kind in kinds if kind != "definition"]
    counts: list[tuple[Kind, str]] = [
        ("wrong", "wrong"), ("conditional", "true only under a condition"), ("unreadable", "unreadable"),
    ]  # fmt: skip
    others = [f"{kinds.count(kind)} {words}" for kind, words in counts if kind in kinds]
    plural = "claim" if len(claims) == 1 else "claims"
    if not others:
        hold = "the claim holds" if len(claims) == 1 else f"all {len(claims)} {plural} hold"
        return f"{audit.layer}, {audit.file}: {hold if claims else 'no claims, only definitions'}"
    return f"{audit.layer}, {audit.file}: {claims.count('holds')} of {len(claims)} {plural} hold, {', '.join(others)}"


def _verdict(verdict: Verdict, width: int) -> Iterator[str]:
    head = f"line {verdict.line:<4} {_WORDS[verdict.kind]:<12}"
    yield from _wrapped(f"{head}{verdict.claim}", width, _INDENT)
    if verdict.kind == "unreadable":
        yield from (f"{_INDENT}{line}" for line in (verdict.diagnosis or "").splitlines())
        return
    if verdict.note:
        yield from _wrapped(f"{_INDENT}({verdict.note})", width, _INDENT)
    if verdict.condition:
        yield from _wrapped(f"{_INDENT}it holds only where {verdict.condition}", width, _INDENT)
    if verdict.diagnosis:
        yield from _wrapped(f"{_INDENT}{verdict.diagnosis}", width, _INDENT)
    if verdict.correct:
        yield from _wrapped(f"{_INDENT}correct: {verdict.correct}", width, _INDENT + "  ")
    if verdict.counterexample:
        yield from _wrapped(f"{_INDENT}{counterexample_text(verdict.counterexample)}", width, _INDENT)


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
