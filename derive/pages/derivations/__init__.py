"""The derivations that the page on `derive check` judges, and its directives.

    {{derivation FILE}}              a file of this folder
    {{check LAYER FILE OPTIONS}}     `derive check` on it

The files are read, and a function among them is run, when the page is made.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from derive.audit import Audit
from derive.checker import check_claims, check_function
from derive.printing.audit import audit_text

_FOLDER = Path(__file__).parent
_LANGUAGES = {".tex": "latex", ".txt": "text", ".py": "python"}


def _derivation(name: str) -> str:
    """A file as a block."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return f"```{_LANGUAGES[Path(name).suffix]} file={name}\n{text}```"


def _check(arguments: str) -> str:
    """The command on a file, and what it prints."""
    layer, name, *options = shlex.split(arguments)
    path, _, function = name.partition(":")
    if function:
        audit = check_function(layer, f"{_FOLDER / path}:{function}")
        command = f"derive check {layer} --function {name}"
    else:
        symbols = options[1] if options else ""
        audit = check_claims(layer, (_FOLDER / path).read_text(encoding="utf-8"), path, symbols=symbols)
        command = f"derive check {arguments}"
    return f"```console\n$ {command}\n{audit_text(_from_here(audit)).rstrip()}\n```"


def _from_here(audit: Audit) -> Audit:
    """The verdicts as one sees them in this folder."""
    here = f"{_FOLDER}/"
    verdicts = tuple(replace(verdict, claim=verdict.claim.replace(here, "")) for verdict in audit.verdicts)
    return replace(audit, file=audit.file.replace(here, ""), verdicts=verdicts)


WRITERS: dict[str, Callable[[str], str]] = {"derivation": _derivation, "check": _check}
