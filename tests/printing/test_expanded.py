r"""Written-out pages in LaTeX, Markdown and JSON: the notes' lines, nothing beyond the margins, text that parses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from lines import parse_equations
from tex import log_of, needs_tex

from derive.arithmetic import PRECISE
from derive.draw import draw_sample
from derive.errors import UsageError
from derive.expand import WrittenOut
from derive.graph import Fact
from derive.interpret import evaluate
from derive.oracles import CENTRAL_DIFFERENCES, Truth
from derive.parser import parse_layer
from derive.printing.expanded import expanded_data, expanded_latex, expanded_markdown
from derive.printing.names import NOTATIONS
from derive.write_out import write_out

BATCH_NORM = """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
"""
LAYER_NORM = """
x: [R, F]
g: [F]
eps: constant = 1e-5
assert eps > 0
mu[r]   = mean(x[r, f] for f in F)
var[r]  = mean((x[r, f] - mu[r])**2 for f in F)
z[r, f] = (x[r, f] - mu[r])/sqrt(var[r] + eps)
y[r, f] = g[f]*z[r, f]
"""
SOFTMAX = """
long_name: [R, Cols]
m[r] = max(long_name[r, c] for c in Cols)
p[r, c] = exp(long_name[r, c] - m[r])/sum(exp(long_name[r, k] - m[r]) for k in Cols)
"""
CUBE = """
x: [B, N, D]
a: [D, E]
h[b, n, e] = sum(x[b, n, d]*a[d, e] for d in D)
loss = sum(prod(h[b, n, e] for e in E) for n in N for b in B)
"""
LAYERS = {"batch norm": BATCH_NORM, "layer_norm": LAYER_NORM, "softmax": SOFTMAX, "cube": CUBE}


@cache
def _written(name: str, extents: tuple[tuple[str, int], ...], form: str) -> WrittenOut:
    return write_out(parse_layer(LAYERS[name], name), dict(extents), form=form)  # type: ignore[arg-type]


# Shorthand for what the notes repeat.
SHORT = {
    "S1": r"\frac{\partial L}{V1}",
    "P1": r"\left(\sigma_{1}^{2} + \varepsilon\right)^{-3/2}",
    "X1": r"\partial \hat{x}_{11}",
    "X2": r"\partial \hat{x}_{21}",
    "V1": r"\partial \sigma_{1}^{2}",
    "D1": r"\left(x_{11} - \mu_{1}\right)",
    "D2": r"\left(x_{21} - \mu_{1}\right)",
}


def written(name: str = "batch norm", form: str = "mean", **extents: int) -> WrittenOut:
    return _written(name, tuple((extents or {"N": 2, "D": 3}).items()), form)


@pytest.mark.parametrize(
    "line",
    [
        r"X = \begin{bmatrix} x_{11} & x_{12} & x_{13} \\ x_{21} & x_{22} & x_{23} \end{bmatrix}",
        r"\mu = \left[\frac{x_{11} + x_{21}}{2},\; \frac{x_{12} + x_{22}}{2},\; \frac{x_{13} + x_{23}}{2}\right]",
        r"\frac{1}{2} \left(\left(x_{11} - \mu_{1}\right)^{2} + \left(x_{21} - \mu_{1}\right)^{2}\right)",
        r"\hat{X} = \begin{bmatrix} \dfrac{x_{11} - \mu_{1}}{\sqrt{\sigma_{1}^{2} + \varepsilon}} & ",
        r"Y = \begin{bmatrix} \gamma_{1}\,\hat{x}_{11} + \beta_{1} & ",
        r"\frac{\partial L}{\partial Y} = \begin{bmatrix} \dfrac{\partial L}{\partial y_{11}} & ",
        # Lines 7, 8 and 9 of the notes, and what follows.
        r"S1 &= \frac{\partial L}{X1}\,\frac{X1}{V1} + \frac{\partial L}{X2}\,\frac{X2}{V1}",
        r"\frac{X1}{V1} &= -\frac{1}{2} P1 \left(x_{11} - \mu_{1}\right)",
        r"S1 &= -\frac{1}{2} P1 \left(\frac{\partial L}{X1} D1 + \frac{\partial L}{X2} D2\right) =: A_{1}",
        r"=: A_{3}",
        r"- A_{1} \left(\left(x_{11} - \mu_{1}\right) + \left(x_{21} - \mu_{1}\right)\right) =: B_{1}",
        r"\boxed{",
    ],
)  # fmt: skip
def test_the_notes_stand_in_the_article(line):
    # Spaces between factors are the business of the printer of formulas.
    def plain(text: str) -> str:
        return re.sub(r"\\,|\s", "", text)

    for short, long in SHORT.items():
        line = line.replace(short, long)
    assert plain(line) in plain(expanded_latex(written(), document=True))


def test_the_notation_is_the_one_that_was_asked_for():
    assert r"\mathrm{d}Y =" in expanded_latex(written(), "d")
    assert r"\overline{Y} =" in expanded_latex(written(), "bar")
    with pytest.raises(UsageError, match="unknown notation"):
        expanded_latex(written(), "newton")  # type: ignore[arg-type]


def test_a_fragment_has_no_preamble_and_markdown_has_fences():
    assert r"\documentclass" not in expanded_latex(written())
    page = expanded_markdown(written())
    assert page.startswith("# Batch norm for $`N`$ = 2, $`D`$ = 3, element by element\n")
    assert page.count("```math\n") == len(re.findall(r"^```$", page, re.MULTILINE)) > 20
    assert not re.search(r"^\\\[", page, re.MULTILINE)
    assert "$$" not in page


@needs_tex
@pytest.mark.parametrize(
    ("name", "extents", "notation"),
    [
        ("batch norm", {"N": 2, "D": 3}, "leibniz"),
        ("batch norm", {"N": 3, "D": 2}, "bar"),
        ("batch norm", {"N": 8, "D": 1}, "leibniz"),
        ("layer_norm", {"R": 2, "F": 3}, "d"),
        ("softmax", {"R": 1, "Cols": 8}, "leibniz"),
        ("cube", {"B": 2, "N": 2, "D": 2, "E": 2}, "leibniz"),
    ],
)
def test_every_formula_is_within_the_margins(tmp_path: Path, name, extents, notation):
    assert "Overfull" not in log_of(expanded_latex(written(name, **extents), notation, document=True), tmp_path)


# Data


@pytest.mark.parametrize(
    ("name", "extents", "form"),
    [
        ("batch norm", {"N": 2, "D": 3}, "reuse"),
        ("softmax", {"R": 2, "Cols": 3}, "mean"),
        ("cube", {"B": 2, "N": 1, "D": 2, "E": 2}, "mean"),
    ],
)
def test_equations_are_text_that_parses_back_and_holds(name, extents, form):
    page = written(name, form, **extents)
    data = json.loads(json.dumps(expanded_data(page)))
    assert (data["layer"], data["form"], data["order"], data["extents"]) == (name, page.derivation.form, 1, extents)
    truth = Truth(page.derivation, draw_sample(page.derivation.forward, extents, "ordinary"), CENTRAL_DIFFERENCES)
    values = {q: truth.value(data["labels"].get(q, q)) for q in page.by_name if page.by_name[q].role != "contribution"}
    lines = [line for section in data["sections"] for line in section["lines"]]
    assert len(lines) == len(list(page.lines()))
    for line in lines:
        text = line["equation"]
        (read,) = parse_equations(f"assert {text.replace(' = ', ' == ', 1)}", page.by_name)
        assert isinstance(read, Fact)
        left, right = (evaluate(side, values, {}, {}, PRECISE) for side in (read.left, read.right))
        assert abs(left - right) <= 1e-30 * (1 + abs(left)), text
        assert line["latex"]
    for name_of_letter, of in data["labels"].items():
        labels = [line["label"] for line in lines if line["label"] and line["equation"].startswith(f"{of}[")]
        assert labels
        assert all(label.startswith(f"{name_of_letter}[") for label in labels)


def test_data_names_every_array():
    quantities = {q["name"]: q for s in expanded_data(written())["sections"] for q in s["quantities"]}
    assert quantities["mu"] == {
        "name": "mu", "shape": [3], "general": None, "elements": ["mu[1]", "mu[2]", "mu[3]"],
    }  # fmt: skip
    assert quantities["dbeta"]["general"] == "dbeta[j] = sum(dy[i, j] for i in N)"
    assert {line["rule"] for s in expanded_data(written())["sections"] for line in s["lines"]} == {
        "forward", "chain-rule", "local-derivative", "total", "fact", "closed-form",
    }  # fmt: skip


def test_the_output_does_not_depend_on_the_hash_seed():
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from derive.parser import parse_layer\n"
        "from derive.write_out import write_out\n"
        "from derive.printing.expanded import expanded_data, expanded_latex, expanded_text\n"
        "page = write_out(parse_layer(sys.stdin.read(), 'sample'), {'R': 2, 'Cols': 2})\n"
        "print(json.dumps(expanded_data(page)), expanded_latex(page), expanded_text(page).encode())"
    )
    root = str(Path(__file__).parents[2])
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, root], input=SOFTMAX, env={"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_medium_has_every_notation(notation):
    assert expanded_markdown(written("cube", B=1, N=1, D=1, E=1), notation)
    assert expanded_data(written("cube", B=1, N=1, D=1, E=1), notation)
