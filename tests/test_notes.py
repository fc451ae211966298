"""The audit of the notes: what they say holds, and what was made of them does not."""

import pytest

from derive.audit import Audit
from derive.pages.notes import Derivation, notes_documents


@pytest.fixture(scope="module")
def page() -> str:
    return notes_documents()["README.md"]


def audit(name: str) -> Audit:
    return Derivation(name).audit


def test_every_line_that_is_legible_holds() -> None:
    found = audit("intended.tex")
    assert {verdict.kind for verdict in found.verdicts} == {"holds", "definition"}
    assert [v.claim for v in found.verdicts if v.kind == "definition"] == ["=: A_1", "=: A_2", "=: A_3"]
    assert len(found.verdicts) > 20
    assert found.missing == ("dxhat", "dmu", "dx", "dgamma", "dbeta")


def test_what_was_recognized_is_wrong_and_it_is_said_how() -> None:
    first, second, third = audit("recognized.tex").verdicts
    assert {verdict.kind for verdict in (first, second, third)} == {"wrong"}
    assert "the coefficient should be -1/2, not 1" in (first.diagnosis or "")
    for verdict in (second, third):
        assert "the coefficient should be -1/2, not -1/3" in (verdict.diagnosis or "")
        assert "the exponent of var[1] + eps should be -3/2, not 3/2" in (verdict.diagnosis or "")
    assert "the factor 1/(var[1] + eps)**(3/2) stands twice" in (third.diagnosis or "")
    assert third.correct == (
        "dvar[1] = -1/2*(dxhat[1, 1]*(x[1, 1] - mu[1]) + dxhat[2, 1]*(x[2, 1] - mu[1]))/(var[1] + eps)**(3/2)"
    )


def test_the_page_completes_what_was_lost(page: str) -> None:
    lost = page[page.index("## Pages 3 and 4, completed") :]
    for symbol in (r"\mu_{j}", "x_{ij}", r"\gamma_{j}", r"\beta_{j}"):
        assert f"### Gradient with respect to $`{symbol}`$" in lost
    assert "### In closed form" in lost
    assert page.count("**wrong**") == 3


def test_the_derivations_are_shipped_as_they_are_checked() -> None:
    files = notes_documents()
    assert set(files) == {"README.md", "intended.tex", "recognized.tex"}
    assert files["recognized.tex"] == Derivation("recognized.tex").text
