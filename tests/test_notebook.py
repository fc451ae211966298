"""What a notebook shows of a value: HTML that is whole, LaTeX that compiles, and a short line of text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from pages_read import read
from tex import log_of, needs_tex

import derive
from derive.derivation import Derivation
from derive.layers import layer_names
from derive.notebook import html_of, latex_of
from derive.report import Report, Row

WRONG = "dbeta[j] = sum(dy[i, j] for i in N)\ndgamma[j] = sum(dy[i, j] for i in N)\n"
HOSTILE = '"""<script>alert(1)</script>"""\nx: [N]\nw: r"\\mathrm{a<b}"\nw[i] = x[i]**2\ny[i] = 2*w[i]'
PREAMBLE = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"


@cache
def derived(name: str, order: int = 1) -> Derivation:
    return derive.derive(name, order=order)


@cache
def report() -> Report:
    return derive.verify("relu")


def values() -> dict[str, object]:
    """One of each kind."""
    layer = derive.load("softmax")
    steps = {step.rule: step for step in derived("softmax").steps}
    return {
        "layer": layer,
        "gradients": derive.vjp(layer),
        "tangents": derive.jvp(layer),
        "derivation": derived("softmax"),
        "order 2": derived("softmax", 2),
        "step": steps["chain-rule"],
        "sentence": next(step for step in derived("softmax").steps if step.equation is None and step.display is None),
        "report": report(),
        "audit": derive.check("batch_norm", WRONG),
    }


@pytest.mark.parametrize("kind", list(values()))
def test_a_value_shows_itself(kind: str) -> None:
    value = values()[kind]
    page = read(value._repr_html_())
    assert page.text.strip()
    assert not page.loaded
    assert not page.ids  # the same value may be shown twice in a notebook
    assert not page.links
    assert "$" not in re.sub(r"<style>.*?</style>", "", value._repr_html_(), flags=re.DOTALL)
    assert value._repr_latex_().count("$") % 2 == 0


@pytest.mark.parametrize("name", layer_names())
def test_every_derivation_shows_its_results_and_its_steps(name: str) -> None:
    derivation = derived(name)
    text = derivation._repr_html_()
    assert re.findall(r'<div class="formula boxed" data-line="(\w+)">', text)[: len(derivation.results)] == [
        equation.name for equation in derivation.results
    ]
    assert text.count('class="step"') == len(derivation.shown("steps"))


@pytest.mark.parametrize("order", [1, 2])
def test_a_step_is_written_as_in_its_derivation(order: int) -> None:
    derivation = derived("batch_norm", order)
    whole = derivation._repr_html_()
    for step in derivation.shown("steps"):
        assert re.sub(r"^.*?</style>\n|\n</div>$", "", step._repr_html_(), flags=re.DOTALL) in whole


def test_a_step_alone_is_written_in_plain_letters() -> None:
    step = derive.Step(1, "forward", ("as it says",), derive.load("relu").equations[0])
    assert "as it says" in step._repr_html_()
    assert "<math" in step._repr_html_()


def test_what_failed_is_seen() -> None:
    row = Row("dx[i] = 1", "complex step", 1.0, 1e-9, "N=1", note="it is <wrong>")
    far = Row("dx[i] = 2", "complex step", 0.5, 1e-9, "N=3")
    failed = Report("own", "mean", 1, ("N=1",), (row, far, *report().rows), warnings=("odd & even",))
    text = failed._repr_html_()
    assert "2 of" in text
    assert "the error is 0.5, allowed is &lt; 1e-09, on N=3" in text
    assert "it is &lt;wrong&gt;" in text
    assert "<details open>" in text
    assert "odd &amp; even" in text
    assert r"\text{complex step} & \text{" in failed._repr_latex_()


def test_a_verdict_says_what_is_the_matter() -> None:
    audit = derive.check("batch_norm", WRONG)
    text = read(audit._repr_html_()).text
    assert "WRONG" in text
    assert str(audit.verdicts[1].correct) in text
    assert r"\text{2} & \text{WRONG}" in audit._repr_latex_()


def test_what_an_author_writes_is_text() -> None:
    graph = derive.parse(HOSTILE)
    for value in (graph, derive.derive(graph)):
        assert "<script>" not in value._repr_html_()


def test_a_line_of_text_says_what_it_is() -> None:
    assert repr(derived("softmax")).startswith("<Derivation of 'softmax', form='mean', order=1: dx; ")
    assert repr(derive.derive("softmax", mode="forward")).startswith("<Derivation of 'softmax', form='mean', mode='for")
    assert repr(derive.load("softmax")) == "<Graph 'softmax': x -> p; 4 equations>"
    assert repr(report()) == f"<Report on {report().headline}>"
    assert repr(derived("softmax").steps[6]) == "<Step 7, chain-rule of 'ds'>"
    assert repr(derive.check("batch_norm", WRONG)) == "<Audit of batch_norm, <string>: 1 of 2 claims hold, 1 wrong>"


def test_anything_else_is_an_error() -> None:
    for write in (html_of, latex_of):
        with pytest.raises(TypeError, match="a float has no form"):
            write(1.5)


@needs_tex
def test_the_latex_compiles(tmp_path: Path) -> None:
    shown = [value._repr_latex_() for value in values().values()]
    shown += [derived(name)._repr_latex_() for name in layer_names()]
    assert "Output written" in log_of(PREAMBLE + "\n\n".join(shown) + "\n\\end{document}\n", tmp_path)
