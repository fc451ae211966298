"""Long lines of generated code, broken where a person would break them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

WIDTH = 120
_OPENING, _CLOSING = "([{", ")]}"
# Stands for a space at which no line ends, until the line is done.
KEPT = "\N{NO-BREAK SPACE}"


def statement(target: str, text: str, indent: int = 4, sign: str = "=") -> list[str]:
    """The lines of `target = text`, or with another sign such as `+=`."""
    return _lines(f"{target} {sign} ", text, "", indent, enclosed=False)


def clause(keyword: str, condition: str, indent: int = 4) -> list[str]:
    """The lines of `if condition:`."""
    return _lines(f"{keyword} ", condition, ":", indent, enclosed=False)


def comment(text: str, indent: int = 4) -> list[str]:
    """The lines of a comment; those after the first are set in."""
    pad = " " * indent
    return formula(text, f"{pad}# ", f"{pad}#     ")


def formula(text: str, first: str, others: str) -> list[str]:
    """The lines of an equation in the layer grammar, each line after the first with `others` before it.

    No line ends inside x[i, j] or `for i in N`, and before a `for` only where there is no other way.
    """
    lines: list[str] = []
    for kept in (r"\[[^\]]*\]| for \w+ in \w+", r"\[[^\]]*\]|for \w+ in \w+"):
        whole = re.sub(kept, lambda match: match[0].replace(" ", KEPT), text)
        lines = textwrap.wrap(
            whole, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
        )
        if all(len(line) <= WIDTH for line in lines):
            break
    return [line.replace(KEPT, " ") for line in lines]


def prose(text: str, indent: int = 0) -> list[str]:
    """The lines of a paragraph."""
    pad = " " * indent
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(KEPT, " ") for line in lines]


def call(head: str, arguments: Sequence[str], tail: str, indent: int = 4) -> list[str]:
    """The lines of `head(arguments)tail`: on one line, the arguments on one of their own, or each on its own."""
    pad, joined = " " * indent, ", ".join(arguments)
    line = f"{pad}{head}({joined}){tail}"
    if len(line) <= WIDTH:
        return [line]
    inner = " " * (indent + 4)
    if len(inner + joined) <= WIDTH:
        body = [inner + joined]
    else:
        body = [line for argument in arguments for line in _lines("", argument, ",", indent + 4, enclosed=True)]
    return [f"{pad}{head}(", *body, f"{pad}){tail}"]


def raising(error: str, message: str, formatted: bool, indent: int = 8) -> list[str]:
    """The lines that raise an error; a long message is several strings. A `formatted` one has {names} in it."""
    parts = textwrap.wrap(message, WIDTH - 20, drop_whitespace=False, break_long_words=False, break_on_hyphens=False)
    strings = [f'{"f" if formatted and "{" in part else ""}"{part}"' for part in parts]
    if len(strings) == 1:
        return call(f"raise {error}", strings, "", indent)
    pad = " " * indent
    return [f"{pad}raise {error}(", *(f"{pad}    {string}" for string in strings), f"{pad})"]


def unpacked(names: Sequence[str], value: str) -> list[str]:
    """The lines that take a tuple apart."""
    line = f"    {', '.join(names)} = {value}"
    return [line] if len(line) <= WIDTH else call("", names, f" = {value}")


def packed(head: str, arguments: Sequence[str], tail: str, indent: int = 4) -> list[str]:
    """The lines of `head(arguments)tail`, as many short arguments on a line as it holds."""
    pad, joined = " " * indent, ", ".join(arguments)
    line = f"{pad}{head}({joined}{',' * (len(arguments) == 1 and head.endswith(' '))}){tail}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{pad}{head}(", *prose(f"{joined},", indent + 4), f"{pad}){tail}"]


def _lines(prefix: str, text: str, suffix: str, indent: int, enclosed: bool) -> list[str]:
    """The lines of an expression between prefix and suffix; `enclosed` when brackets stand around it already."""
    pad = " " * indent
    if len(pad + prefix + text + suffix) <= WIDTH:
        return [pad + prefix + text + suffix]
    operands = _split(text, (" + ", " - "))
    if len(operands) == 1:
        operands = _joined(_split(text, (" * ", " / ", " @ ")), WIDTH - indent - 4)
    if len(operands) > 1:
        inner = indent if enclosed else indent + 4
        lines = _lines(prefix if enclosed else "", operands[0], "", inner, enclosed=True)
        for operand in operands[1:-1]:
            lines += _lines("", operand, "", inner, enclosed=True)
        lines += _lines("", operands[-1], suffix if enclosed else "", inner, enclosed=True)
        return lines if enclosed else [f"{pad}{prefix}(", *lines, f"{pad}){suffix}"]
    place = _widest_bracket(text)
    if place is None:
        return [pad + prefix + text + suffix]
    start, stop = place
    inside, head, tail = text[start + 1 : stop], prefix + text[:start], text[stop + 1 :] + suffix
    if not head[-1:].isidentifier():  # a comma would make a tuple of plain brackets
        return [f"{pad}{head}(", *_lines("", inside, "", indent + 4, enclosed=True), f"{pad}){tail}"]
    return call(head, [part.removeprefix(", ") for part in _split(inside, (", ",))], tail, indent)


def _joined(operands: Sequence[str], width: int) -> list[str]:
    """Neighbors put together while they fit into the width."""
    joined = [operands[0]]
    for operand in operands[1:]:
        if len(f"{joined[-1]} {operand}") <= width:
            joined[-1] += f" {operand}"
        else:
            joined.append(operand)
    return joined


def _split(text: str, operators: Sequence[str]) -> list[str]:
    """The operands outside all brackets, each but the first with its operator before it."""
    depth, start, parts = 0, 0, []
    for place, letter in enumerate(text):
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if depth == 0 and text.startswith(tuple(operators), place):
            parts.append(text[start:place])
            start = place
    parts.append(text[start:])
    return [parts[0], *(part.removeprefix(" ") for part in parts[1:])]


def _widest_bracket(text: str) -> tuple[int, int] | None:
    """Where the longest bracket opens and closes; None when it is no round one with anything in it."""
    depth, start, found = 0, 0, (0, 0)
    for place, letter in enumerate(text):
        if letter in _OPENING:
            start = place if depth == 0 else start
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
            if depth == 0 and place - start > found[1] - found[0]:
                found = (start, place)
    return found if found[1] - found[0] > 1 and text[found[0]] == "(" else None
