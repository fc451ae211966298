"""What comes out of a check: a verdict for each claim, and what a wrong one should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from derive.shown import Shown

Kind = Literal["holds", "conditional", "wrong", "definition", "unreadable"]


@dataclass(frozen=True)
class Counterexample:
    """The smallest data found on which the two sides differ.

    `index` gives the free indices of the claim, from 1; `inputs` are the layer's inputs and what is given from above,
    as nested lists.
    """

    extents: Mapping[str, int]
    index: Mapping[str, int]
    yours: float
    true: float
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain data; what JSON has no number for is a word."""
        return {
            "extents": dict(self.extents),
            "index": dict(self.index),
            "yours": _number(self.yours),
            "true": _number(self.true),
            "inputs": dict(self.inputs),
        }


@dataclass(frozen=True)
class Verdict:
    """The judgment of one claim.

    `condition` says under which condition a `conditional` claim holds, in the layer grammar; `diagnosis` what is the
    matter, `correct` how the line should read, where that is known; `note` how a claim that holds was read.
    """

    line: int
    claim: str
    kind: Kind
    condition: str | None = None
    diagnosis: str | None = None
    correct: str | None = None
    counterexample: Counterexample | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        entry: dict[str, Any] = {
            "line": self.line,
            "claim": self.claim,
            "verdict": self.kind,
            "condition": self.condition,
            "diagnosis": self.diagnosis,
            "correct": self.correct,
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
        }
        return entry | ({"note": self.note} if self.note else {})


@dataclass(frozen=True)
class Audit(Shown):
    """The verdicts on a derivation, line by line. `missing` are the gradients that it does not state."""

    layer: str
    file: str
    verdicts: tuple[Verdict, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Audit of {self.headline}>"

    @property
    def headline(self) -> str:
        """How many claims hold, on one line."""
        kinds = [verdict.kind for verdict in self.verdicts]
        claims = [kind for kind in kinds if kind != "definition"]
        counts: list[tuple[Kind, str]] = [
            ("wrong", "wrong"), ("conditional", "true only under a condition"), ("unreadable", "unreadable"),
        ]  # fmt: skip
        others = [f"{kinds.count(kind)} {words}" for kind, words in counts if kind in kinds]
        plural = "claim" if len(claims) == 1 else "claims"
        if not others:
            hold = "the claim holds" if len(claims) == 1 else f"all {len(claims)} {plural} hold"
            return f"{self.layer}, {self.file}: {hold if claims else 'no claims, only definitions'}"
        return f"{self.layer}, {self.file}: {claims.count('holds')} of {len(claims)} {plural} hold, {', '.join(others)}"

    @property
    def exit_code(self) -> int:
        """0 where all holds, 1 where something is wrong or conditional, 3 where a line is unreadable."""
        kinds = {verdict.kind for verdict in self.verdicts}
        return 3 if "unreadable" in kinds else 1 if kinds & {"wrong", "conditional"} else 0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        data: dict[str, Any] = {"layer": self.layer, "file": self.file}
        data["claims"] = [verdict.to_json() for verdict in self.verdicts]
        data["missing"] = list(self.missing)
        return data | ({"notes": list(self.notes)} if self.notes else {})


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
