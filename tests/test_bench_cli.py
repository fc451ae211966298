"""`derive bench`: what it prints, and what it refuses. No time that comes out is compared with anything."""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from derive.bench import accuracy, functions, record, report, speed
from derive.bench.timing import Rounds, take_turns
from derive.bench.worker import Remote, Worker
from derive.cli import main
from derive.pipeline import load

OWN = "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = x[i, j] - m[j]\n"


@pytest.fixture(autouse=True)
def _numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where neither torch nor JAX is installed: quick, and the same everywhere. Nothing settles; few data."""
    monkeypatch.setattr(accuracy, "SETTINGS", accuracy.SETTINGS[:2])
    monkeypatch.setattr(functions, "is_installed", lambda name: False)
    monkeypatch.setattr(speed, "take_turns", partial(take_turns, settle=lambda: None))


def bench(*arguments: str) -> int:
    return main(["bench", *arguments, "--seconds", "0.01", "--repeats", "3"])


def test_a_table_of_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("batch_norm", "--shape", "8x4", "5x3", "--dtype", "float32") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("batch_norm, measured on ")
    assert "N × D = 8x4, float32\nThe limit, at " in out
    assert "N × D = 5x3, float32\n" in out
    assert out.count("\nchain rule ") == 4
    assert out.count("\nby hand ") == 4
    assert "torch: torch is not installed\n" in out


def test_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("layer_norm", "--shape", "8x4", "--json", "--targets", "numpy") == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data) == ["layer", "date", "machine", "speed", "accuracy"]
    assert data["accuracy"] is None
    cases = data["speed"]["cases"]
    assert [(case["shape"], case["dtype"]) for case in cases] == [({"N": 8, "D": 4}, d) for d in ("float32", "float64")]
    names = [row["name"] for row in cases[0]["rows"]]
    assert names[0] == "derive numpy"
    assert names[-2:] == ["chain rule", "by hand"]
    assert set(cases[0]["rows"][0]["times"]) == {"forward", "backward"}
    assert cases[0]["rows"][0]["times"]["forward"]["samples"] == 3


def test_errors_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "rms_norm", "--accuracy", "--dtype", "float32"]) == 0
    out = capsys.readouterr().out
    assert "Errors in u, float32: y / dx / dgamma\n" in out
    assert "\nmean 1e4 " in out


def test_an_own_layer_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(OWN.encode())))
    assert bench("-", "--shape", "8x4", "--dtype", "float64") == 0
    out = capsys.readouterr().out
    assert "no baselines for layer: what `derive` generates is compared with itself\n" in out
    assert "÷ chain rule" in out


def test_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = tmp_path / "own.layer"
    layer.write_text(OWN)
    target = tmp_path / "table.txt"
    assert bench(str(layer), "--shape", "8x4", "--dtype", "float32", "-o", str(target)) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text().startswith("own, measured on ")


def test_a_recording_is_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    layer = tmp_path / "own.layer"
    layer.write_text(OWN)
    assert bench(str(layer), "--shape", "8x4", "--dtype", "float32", "--record") == 0
    data = json.loads((tmp_path / "own.json").read_text())
    assert data["speed"]["cases"]
    assert data["accuracy"]["cases"]
    assert capsys.readouterr().err == f"{tmp_path / 'own.json'}\n"


def test_without_a_layer_all_that_have_baselines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure(graph, *arguments):  # type: ignore[no-untyped-def]
        measured.append(graph.name)
        return {"layer": graph.name}

    monkeypatch.setattr(report, "measure", measure)
    assert bench("--json") == 0
    assert "batch_norm" in measured
    assert [one["layer"] for one in json.loads(capsys.readouterr().out)] == measured


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no layer is called 'nope'"),
        (["batch_norm", "--shape", "8"], "--shape 8: the extents of batch_norm are NxD"),
        (["batch_norm", "--shape", "8x0"], "expected numbers from 1 on"),
        (["batch_norm", "--shape", "axb"], "expected numbers from 1 on"),
        (["batch_norm", "--shape"], "expected at least one argument"),
        (["batch_norm", "--targets", "fortran"], "no target 'fortran'"),
        (["batch_norm", "--dtype", "float8"], "no dtype 'float8'"),
        (["batch_norm", "--seconds", "0"], "expected a number of seconds"),
        (["batch_norm", "--repeats", "0"], "expected a number of at least 1"),
        (["batch_norm", "--shape", "8x4", "-o", "no/such/folder/file"], "No such file"),
    ],
)
def test_usage_is_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    short = [] if {"--seconds", "--repeats"} & set(arguments) else ["--seconds", "0.01", "--repeats", "1"]
    assert main(["bench", *arguments, *short]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


@pytest.mark.parametrize("option", ["--accuracy", "--json"])
def test_facts_that_cannot_be_drawn(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ordered.layer"
    path.write_text("a: [N]\nb: [N]\nassert a[i] < b[i]\ny[i] = sqrt(b[i] - a[i])\n")
    assert bench(str(path), option) == 2
    assert "no data to measure ordered with: a: expected a[i] < b[i] everywhere\n  help: " in capsys.readouterr().err


def test_numbers_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "square.layer"
    path.write_text("a: []\ny = a**2\n")
    assert bench(str(path), "--dtype", "float64") == 0
    assert "scalars = scalar, float64\n" in capsys.readouterr().out


def test_a_wrong_layer_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.layer"
    path.write_text("x: [N]\ny[i] = x[i + 1]\n")
    assert main(["bench", str(path)]) == 3
    assert f"{path}:2:" in capsys.readouterr().err


class TestWorker:
    def test_it_answers_in_lock_step(self) -> None:
        pytest.importorskip("torch")
        worker = Worker(load("softmax"), {})
        try:
            ways = worker.prepare({"N": 4, "C": 3}, speed.dtype_named("float32"))
            assert ways >= 1
            contenders = [Remote(worker, "remote", place) for place in range(ways)]
            timed = take_turns(contenders, Rounds(0.0), settle=lambda: None)
            assert timed.failures == []
            assert all(time > 0 for samples in timed.samples if samples for time in samples["backward"])
        finally:
            worker.close()

    def test_what_goes_wrong_there_is_told(self) -> None:
        worker = Worker(load("softmax"), {})
        with pytest.raises(RuntimeError, match="Error"):
            worker.ask({})
        worker.close()
        with pytest.raises(RuntimeError, match="its process has ended"):
            worker.ask({"place": 0})
