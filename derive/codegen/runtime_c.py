"""The definitions of `runtime_c.h`, and those of them that a text needs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("runtime_c.h")
_DEFINED = re.compile(r"^#define (\w+)|^static [\w ]+?(\w+)\(|^typedef \w+ (\w+);", re.MULTILINE)
# What every file has.
_ALWAYS = ("typedef REAL real;", "__FAST_MATH__", "<omp.h>")


@cache
def definitions() -> dict[str, str]:
    """The text of the definition of each name, in order."""
    found = {}
    for text in _blocks():
        for match in _DEFINED.finditer(text):
            found[next(filter(None, match.groups()))] = text
    return found


def _blocks() -> list[str]:
    """The definitions, without what the file says about itself."""
    return _FILE.read_text(encoding="utf-8").strip().split("\n\n\n")[1:]


def definitions_for(body: str) -> list[str]:
    """The definitions that a text needs, with what these need in turn."""
    known = definitions()
    always = [text for text in _blocks() if any(mark in text for mark in _ALWAYS)]
    wanted = dict.fromkeys(always)
    todo = [body]
    while todo:
        used = identifiers(todo.pop())
        new = {text for name, text in known.items() if name in used and text not in wanted}
        wanted |= dict.fromkeys(new)
        todo += new
    return [text for text in _blocks() if text in wanted]


def identifiers(text: str) -> set[str]:
    """The identifiers in C text, those in `//` comments left out."""
    return set(re.findall(r"[^\W\d]\w*", re.sub(r"//.*", "", text)))
