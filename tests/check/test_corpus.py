"""Derivations as people write them, with the verdict on each line beside it.

A file of the corpus names its layer in its first line, and says behind each claim what is to come out, in a comment:

    # layer: batch_norm
    dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)*(-1/2)*(var[j] + eps)**(-1/2)  # -> wrong: exponent & -3/2

`holds` and `definition` stand alone. Behind `wrong:` are the words of the diagnosis, with & between them and `or`
between those of which one is enough; behind `conditional:` is the condition, and after a & such words too. The claims
of a chain on one line are separated by |. `# missing: dmu, dvar` names gradients that no line states, `# symbols: m=N`
is the table of symbols. The expectations were worked out by hand, and held against complex steps through the equations
of the layer, not against what the check prints.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import derive
from derive.audit import Audit, Verdict

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path.name for path in CORPUS.iterdir())

# What a file says of itself, and what it expects; % begins a comment of LaTeX.
_SETTING = re.compile(r"^[#%] (layer|symbols|missing): (.*)$", re.MULTILINE)
_EXPECTED = re.compile(r"[#%] -> (.*)$")
_SIZE = re.compile(r"^[A-Z] = \d$", re.MULTILINE)

_FAULTS = ("wrong", "conditional")


@dataclass(frozen=True)
class Expected:
    """What is to come out for one claim. Of each of the `words` one wording must be in the diagnosis."""

    line: int
    verdict: str
    condition: str | None = None
    words: tuple[str, ...] = ()


def read(name: str) -> str:
    return (CORPUS / name).read_text(encoding="utf-8")


def settings_of(text: str) -> dict[str, str]:
    return {match[1]: match[2].strip() for match in _SETTING.finditer(text)}


def expected_of(text: str) -> list[Expected]:
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = _EXPECTED.search(line)
        for part in match[1].split(" | ") if match else ():
            verdict, _, said = (piece.strip() for piece in part.partition(":"))
            words = [word.strip() for word in said.split(" & ") if word.strip()]
            condition = words.pop(0) if verdict == "conditional" else None
            found.append(Expected(number, verdict, condition, tuple(words)))
    return found


def faults_of(text: str) -> list[Expected]:
    return [expected for expected in expected_of(text) if expected.verdict in _FAULTS]


def says(diagnosis: str | None, wordings: str) -> bool:
    """Whether a diagnosis has one of the wordings; spaces do not count, since they are the printer's."""
    plain = (diagnosis or "").replace(" ", "")
    return any(wording.replace(" ", "") in plain for wording in wordings.split(" or "))


def complaints(text: str, audit: Audit) -> Iterator[str]:
    """Everything in which an audit is not what a file expects."""
    expected = expected_of(text)
    wanted = [(e.line, e.verdict, e.condition) for e in expected]
    found = [(v.line, v.kind, v.condition) for v in audit.verdicts]
    if wanted != found:
        yield f"expected {wanted}, found {found}"
    if audit.exit_code != (1 if faults_of(text) else 0):
        yield f"the exit code is {audit.exit_code}"
    for gradient in settings_of(text).get("missing", "").replace(",", " ").split():
        if gradient not in audit.missing:
            yield f"{gradient} is not called missing"
    for fault, verdict in zip(expected, audit.verdicts, strict=False):
        if fault.verdict in _FAULTS:
            yield from complaints_about(fault, verdict, text, audit)


def complaints_about(fault: Expected, verdict: Verdict, text: str, audit: Audit) -> Iterator[str]:
    """What is lacking in the explanation of a mistake: its words, its counterexample, a correct line that holds."""
    for wordings in fault.words:
        if not says(verdict.diagnosis, wordings):
            yield f"line {fault.line}: the diagnosis should say {wordings!r}, and says {verdict.diagnosis!r}"
    shown = verdict.counterexample
    if shown is None or shown.yours == shown.true:
        yield f"line {fault.line}: there is no counterexample"
    if verdict.correct is not None:
        helpers = [v.claim for v in audit.verdicts if v.kind == "definition"]
        lines = [*_SIZE.findall(text), *helpers, verdict.correct]
        again = derive.check(audit.layer, "\n".join(lines), file="again.txt").verdicts[-1]
        if again.kind != "holds":
            yield f"line {fault.line}: the correct line is {again.kind}: {verdict.correct}"
    elif not verdict.claim.startswith("assert"):
        yield f"line {fault.line}: there is no correct line"


@pytest.mark.parametrize("name", FILES)
def test_each_line_gets_its_verdict_and_a_mistake_its_explanation(name: str) -> None:
    text = read(name)
    settings = settings_of(text)

    audit = derive.check(settings["layer"], text, file=name, symbols=settings.get("symbols", ""))

    assert list(complaints(text, audit)) == []


def test_the_corpus_is_large_and_half_of_it_is_right() -> None:
    faults = {name: faults_of(read(name)) for name in FILES}
    wrong = [name for name in FILES if faults[name]]

    assert len(FILES) >= 70
    assert abs(2 * len(wrong) - len(FILES)) <= len(FILES) // 10
    assert [name for name in wrong if len(faults[name]) != 1] == []
    assert [name for name in wrong if not (faults[name][0].words or faults[name][0].condition)] == []
    verdicts = {expected.verdict for name in FILES for expected in expected_of(read(name))}
    assert verdicts == {"holds", "definition", "wrong", "conditional"}


def test_a_slip_in_an_expectation_is_noticed() -> None:
    lines = ["dbeta[j] = mean(dy[i, j] for i in N)  # -> wrong: yours/true = 1/N", "mu_wrt_x[i, j] = 1/N  # -> holds"]
    text = "\n".join(lines)
    audit = derive.check("batch_norm", text, file="x.txt")

    assert list(complaints(text, audit)) == []
    assert list(complaints(text.replace("wrong: yours/true = 1/N", "wrong: 1/D"), audit)) != []
    assert list(complaints(text.replace("wrong", "holds"), audit)) != []
    assert list(complaints(text.replace("\n", "\n\n", 1), audit)) != []
    assert list(complaints(f"{text}\n# missing: dbeta", audit)) != []
