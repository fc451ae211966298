from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lines import parse_equations
from sample_derivations import LAYERS, staged

from derive.derivation import Derivation, Step
from derive.graph import Fact
from derive.printing.data import derivation_data


def test_shape() -> None:
    data = derivation_data(staged("batch_norm"))

    assert list(data) == ["layer", "form", "mode", "order", "inputs", "steps", "results"]
    assert (data["layer"], data["form"], data["order"]) == ("batch_norm", "staged", 1)
    assert data["inputs"] == {"x": ["N", "D"], "gamma": ["D"], "beta": ["D"], "eps": []}
    assert all(list(step) == ["number", "rule", "reason", "equation", "latex"] for step in data["steps"])
    assert data["results"]["dbeta"] == "dbeta[j] = sum(dy[i, j] for i in N)"
    assert data == json.loads(json.dumps(data))


def test_a_step_in_prose_has_neither_equation_nor_latex() -> None:
    steps = [s for s in derivation_data(staged("batch_norm"))["steps"] if s["rule"] == "paths"]

    assert steps
    assert {(None, None)} == {(step["equation"], step["latex"]) for step in steps}
    assert "From mu[j] there are 2 paths to L." in [step["reason"] for step in steps]


def test_a_fact_is_an_assertion() -> None:
    step = derivation_data(staged("batch_norm"))["steps"][-1]

    assert step["equation"] == "assert sum(x[i, j] - mu[j] for i in N) == 0"
    assert step["latex"] == r"\sum_{i=1}^{N} \left(x_{ij} - \mu_{j}\right) = 0"


@pytest.mark.parametrize("name", LAYERS)
def test_every_equation_parses_back(name: str) -> None:
    derivation = staged(name)
    known = derivation.by_name
    lines = [s.equation for s in derivation.steps if s.equation is not None]
    texts = [s["equation"] for s in derivation_data(derivation)["steps"] if s["equation"] is not None]

    for line, text in zip(lines, texts, strict=True):
        (read,) = parse_equations(text, known)
        if isinstance(line, Fact):
            assert isinstance(read, Fact)
            assert (line.left, line.right) == (read.left, read.right)
        else:
            assert line.left == read.left


def test_detail_selects_the_steps() -> None:
    derivation = staged("batch_norm")

    brief, full = (derivation_data(derivation, detail)["steps"] for detail in ("brief", "full"))

    assert len(derivation.steps) == len(full)
    assert [step.number for step in derivation.shown("brief")] == [step["number"] for step in brief]


def test_a_step_without_symbols_of_its_own() -> None:
    derivation = staged("batch_norm")
    step = Step(1, "start", ("Nothing yet.",), None)
    plain = Derivation(derivation.forward, derivation.backward, "mean", (step,), derivation.quantities)

    assert derivation_data(plain)["steps"] == [
        {"number": 1, "rule": "start", "reason": "Nothing yet.", "equation": None, "latex": None}
    ]


_PRINT = """
import json
from sample_derivations import LAYERS, staged
from derive.printing.data import derivation_data
from derive.printing.latex import latex_document
from derive.printing.markdown import markdown_text
from derive.printing.text import show_text
for name in LAYERS:
    d = staged(name)
    print(json.dumps(derivation_data(d)), latex_document(d), markdown_text(d), show_text(d))
"""


def test_output_does_not_depend_on_hashing() -> None:
    here = Path(__file__).parent
    outputs = set()
    for seed in ("1", "2"):
        paths = os.pathsep.join([str(here), str(here.parent.parent)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", _PRINT], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
