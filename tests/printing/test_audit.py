"""The verdicts in the terminal."""

import json

import pytest

from derive.audit import Audit, Counterexample, Verdict
from derive.checker import check_claims
from derive.printing.audit import audit_text


@pytest.fixture(scope="module")
def audit() -> Audit:
    lines = ["s[j] = 1", "dbeta[j] = sum(dy[i, j] for i in N)", "dmu[j] = dbeta[j]*gamma[j]*0.5 + (", "dgamma[j] = -1"]
    return check_claims("batch_norm", "\n".join(lines), "mine.txt")


def test_the_text(audit: Audit) -> None:
    text = audit_text(audit)
    assert text.startswith("batch_norm, mine.txt: 1 of 3 claims hold, 1 wrong, 1 unreadable\n\n")
    assert "line 1    definition  s[j] = 1\n" in text
    assert "line 2    holds       dbeta[j] = sum(dy[i, j] for i in N)\n" in text
    assert "line 3    UNREADABLE  dmu[j]" in text
    assert "          mine.txt:3:34: '(' was never closed\n" in text
    assert "          correct: dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)\n" in text
    assert "          for N = 1, D = 1, at j = 1: yours is -1, the true value 0\n" in text
    assert text.endswith("\nnot stated: dxhat, dvar, dmu, dx\n")
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_headline() -> None:
    def headline(*kinds: str) -> str:
        verdicts = tuple(Verdict(1, "a = b", kind) for kind in kinds)  # type: ignore[arg-type]
        return audit_text(Audit("layer", "f", verdicts)).splitlines()[0]

    assert headline("holds") == "layer, f: the claim holds"
    assert headline("holds", "holds", "definition") == "layer, f: all 2 claims hold"
    assert headline("definition") == "layer, f: no claims, only definitions"
    assert headline("conditional", "holds") == "layer, f: 1 of 2 claims hold, 1 true only under a condition"


def test_the_data(audit: Audit) -> None:
    data = json.loads(json.dumps(audit.to_json()))
    assert data["missing"] == ["dxhat", "dvar", "dmu", "dx"]
    keys = {"line", "claim", "verdict", "condition", "diagnosis", "correct", "counterexample"}
    assert all(set(entry) == keys for entry in data["claims"])
    assert [entry["verdict"] for entry in data["claims"]] == ["definition", "holds", "unreadable", "wrong"]
    example = data["claims"][3]["counterexample"]
    assert (example["extents"], example["index"]) == ({"N": 1, "D": 1}, {"j": 1})
    assert (example["yours"], example["true"]) == (-1.0, pytest.approx(0, abs=1e-30))


def test_what_json_has_no_number_for_is_a_word() -> None:
    example = Counterexample({"N": 1}, {}, float("nan"), float("-inf"))
    assert (example.to_json()["yours"], example.to_json()["true"]) == ("nan", "-inf")
