"""What the lint says of a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LintWarning:
    """A line of a layer that is probably not meant as it stands, and why.

    `line` is its number in the layer file, `text` the line itself; `rule` names the rule that warns, `message` is a
    sentence in the author's names: what is the matter, why that is a problem, what to write instead.
    """

    line: int | None
    rule: str
    message: str
    text: str
