import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from derive.cli import main

LAYER = """
v: [M]
c: []
n = sum(v[a]**2 for a in M) + c**2
y[a] = v[a]/n
"""


@pytest.fixture
def layer(tmp_path: Path) -> str:
    path = tmp_path / "scaled.layer"
    path.write_text(LAYER)
    return str(path)


def run(*arguments: str, text: str = "", **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "derive", *arguments], input=text, capture_output=True, text=True, **settings
    )


class TestResults:
    def test_latex_has_a_boxed_result(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["latex", "batch_norm"]) == 0
        out, err = capsys.readouterr()
        assert out.count(r"\boxed") == 3
        assert err == ""

    def test_a_document_is_a_whole_article(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["latex", "batch_norm", "--document"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(r"\documentclass")
        assert out.rstrip().endswith(r"\end{document}")

    def test_markdown_uses_math_fences(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["markdown", "batch_norm"]) == 0
        assert "```math\n" in capsys.readouterr().out

    def test_order_2_in_every_medium(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        for verb in ("show", "latex", "markdown"):
            assert main([verb, layer, "--order", "2", "--wrt", "dy"]) == 0
            assert "the gradients of order 2" in capsys.readouterr().out or verb == "latex"
        assert main(["show", layer, "--order", "2", "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert data["order"] == 2
        assert set(data["results"]) >= {"d2dy", "d2v", "d2c"}

    def test_order_2_is_verified(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", layer, "--order", "2"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("scaled, mean form, order 2: all ")
        assert "d2v, by the equations of scaled alone" in out

    @pytest.mark.parametrize("order", ["0", "4", "two"])
    def test_an_order_that_does_not_exist(self, order: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", "batch_norm", "--order", order]) == 2
        assert "argument --order: invalid" in capsys.readouterr().err

    def test_in_terms_of(self, capsys: pytest.CaptureFixture[str]) -> None:
        for verb in ("show", "latex", "markdown", "code", "verify"):
            assert main([verb, "l2_normalize", "--in-terms-of", "x,norm"]) == 0
        capsys.readouterr()
        assert main(["show", "batch_norm", "--in-terms-of", "z"]) == 2
        assert "no form in terms of 'z'" in capsys.readouterr().err
        assert main(["show", "batch_norm", "--in-terms-of", "x", "--extent", "N=2", "--extent", "D=1"]) == 2

    def test_a_small_batch_is_written_out_at_order_1_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", "batch_norm", "--order", "2", "--extent", "N=2", "--extent", "D=1"]) == 2
        assert "--extent writes the derivation of order 1 out" in capsys.readouterr().err

    def test_json_has_the_promised_shape(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", layer, "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert list(data) == ["layer", "form", "mode", "order", "inputs", "steps", "results"]
        assert data["layer"] == "scaled"
        assert data["order"] == 1
        assert data["inputs"] == {"v": ["M"], "c": []}
        assert list(data["steps"][0]) == ["number", "rule", "reason", "equation", "latex"]
        assert set(data["results"]) >= {"dv", "dc"}

    def test_forward_mode(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", layer, "--mode", "forward", "--wrt", "v", "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert data["mode"] == "forward"
        assert all(name.endswith("_dot") for name in data["results"])
        for verb in ("latex", "markdown", "verify"):
            assert main([verb, layer, "--mode", "forward"]) == 0
            assert capsys.readouterr().err == ""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["code", "--mode", "forward"], "not for tangents"),
            (["show", "--mode", "forward", "--extent", "M=2"], "not tangents"),
            (["show", "--mode", "forward", "--wrt", "u"], "no tangent can be given for 'u'"),
            (["show", "--mode", "sideways"], "invalid choice: 'sideways'"),
        ],
    )
    def test_what_forward_mode_refuses(
        self, layer: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        verb, *options = arguments
        assert main([verb, layer, *options]) == 2
        out, err = capsys.readouterr()
        assert (out, message in err) == ("", True)

    def test_code_is_a_module(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["code", layer]) == 0
        out = capsys.readouterr().out
        names: dict[str, object] = {}
        exec(compile(out, "scaled.py", "exec"), names)
        assert {"forward", "backward", "Residuals"} <= set(names)

    def test_code_of_order_two_has_a_third_function(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["code", layer]) == 0
        assert "def double_backward(" not in capsys.readouterr().out
        assert main(["code", layer, "--order", "2"]) == 0
        out = capsys.readouterr().out
        compile(out, "scaled.py", "exec")
        assert [line.split("(")[0] for line in out.splitlines() if line.startswith("def ")][:3] == [
            "def forward", "def backward", "def double_backward",
        ]  # fmt: skip

    def test_there_is_no_code_of_order_three(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["code", layer, "--order", "3"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "derive: the target numpy has functions up to order 2, not of order 3\n"

    def test_verify_passes(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", layer, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["passed"] is True

    def test_list_names_the_layers(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list"]) == 0
        assert re.search(r"^batch_norm +Batch normalization, training mode\.$", capsys.readouterr().out, re.MULTILINE)

    @pytest.mark.parametrize("form", ["staged", "sum", "mean", "reuse"])
    def test_each_form(self, form: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", "batch_norm", "--form", form, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["form"] == form

    def test_wrt_chooses_the_gradients(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["show", "batch_norm", "--wrt", "gamma, beta", "--json"]) == 0
        assert list(json.loads(capsys.readouterr().out)["results"]) == ["dgamma", "dbeta"]

    def test_standard_input_is_a_layer(self) -> None:
        done = run("show", "-", "--json", text=LAYER)
        assert done.returncode == 0
        assert json.loads(done.stdout)["layer"] == "layer"

    @pytest.mark.parametrize("verb", ["show", "latex", "markdown"])
    def test_extents_write_the_batch_out(self, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([verb, "batch_norm", "--extent", "N=2", "--extent", "D=3"]) == 0
        assert "A" in capsys.readouterr().out

    def test_output_goes_to_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "out.tex"
        assert main(["latex", "batch_norm", "-o", str(target)]) == 0
        assert r"\boxed" in target.read_text()
        assert capsys.readouterr().out == ""
        assert [p.name for p in tmp_path.iterdir()] == ["out.tex"]


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["show", "nope"], "nope"),
            (["show", "batch_nrm"], "batch_norm"),
            (["frobnicate"], "frobnicate"),
            ([], "COMMAND"),
            (["show", "batch_norm", "--form", "best"], "staged"),
            (["show", "batch_norm", "--wrt", "eps"], "constant"),
            (["show", "batch_norm", "--wrt", "y"], "output"),
            (["show", "batch_norm", "--wrt", ","], "commas"),
            (["show", "batch_norm", "--extent", "N=0"], "N=0"),
            (["show", "batch_norm", "--extent", "N"], "N=2"),
            (["show", "batch_norm", "--extent", "N=2"], "D"),
            (["show", "batch_norm", "--extent", "N=2", "--extent", "N=3"], "twice"),
            (["code", "batch_norm", "--target", "fortran"], "numpy"),
            (["show", "no/such.layer"], "no/such.layer"),
        ],
    )
    def test_usage_is_2_and_says_what(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert said in err
        assert out == ""
        assert "Traceback" not in err

    @pytest.mark.parametrize(
        "arguments", [["list", "\x1b[31m"], ["show", "relu", "--order", "9" * 5_000], ["q" * 5_000]]
    )
    def test_what_a_complaint_quotes_can_be_shown(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert "\x1b" not in err
        assert len(err) < 2_000

    def test_a_wrong_layer_is_3_with_a_caret(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "wrong.layer"
        path.write_text("x: [N]\ny[i] = x[i + 1]\n")
        assert main(["show", str(path)]) == 3
        err = capsys.readouterr().err
        assert f"{path}:2:" in err
        assert "^" in err

    def test_a_failed_check_is_1(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["docs", "batch_norm", "--check", "-o", str(tmp_path)]) == 1
        assert "+++ " in capsys.readouterr().out

    def test_an_unwritable_file_is_a_clear_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["latex", "batch_norm", "-o", str(tmp_path / "no" / "where.tex")]) == 2
        assert "No such file" in capsys.readouterr().err
        assert main(["latex", "batch_norm", "-o", str(tmp_path)]) == 2
        assert "folder" in capsys.readouterr().err

    def test_a_closed_pipe_is_no_traceback(self) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "derive", "show", "batch_norm", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            said = process.stderr.read().decode()
        assert process.returncode == 141
        assert said.count("\n") == 1
        assert "closed" in said

    def test_ctrl_c_is_a_clear_line(self, tmp_path: Path) -> None:
        pipe = tmp_path / "never.layer"
        os.mkfifo(pipe)
        # What a shell runs behind its back ignores Ctrl-C, and so would what the tests run then.
        heeding = "import signal, sys, derive.cli as c; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heeding}; sys.exit(c.main(sys.argv[1:]))"
        with subprocess.Popen([sys.executable, "-c", code, "show", str(pipe)], stderr=subprocess.PIPE) as process:
            time.sleep(1.0)  # it waits for the layer to be written
            process.send_signal(signal.SIGINT)
            try:
                _, said = process.communicate(timeout=20)
            finally:
                process.kill()
        assert process.returncode == 130
        assert said.decode() == "derive: interrupted\n"


class TestImports:
    @pytest.mark.parametrize(
        "arguments",
        [
            *(["--help"], ["show", "--help"], ["list"], ["completion", "bash"], ["--version"]),
            *(["show", "nope"], ["nope"], []),
        ],
    )
    def test_neither_sympy_nor_numpy_for_help_and_usage(self, arguments: list[str]) -> None:
        code = (
            "import sys, derive.cli\n"
            f"derive.cli.main({arguments!r})\n"
            "sys.exit(', '.join(sorted({'sympy', 'numpy'} & set(sys.modules))) or 0)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def test_printing_needs_no_numpy(self) -> None:
        code = "import sys, derive.cli; derive.cli.main(['latex', 'batch_norm']); sys.exit('numpy' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_bytes_are_the_same_under_any_hash_seed() -> None:
    outputs = {
        run("show", "batch_norm", "--json", env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(outputs) == 1


def test_ascii_where_the_terminal_has_no_unicode() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("show", "batch_norm", "--detail", "brief", env=environment)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "dx[i, j] = gamma[j]/sqrt(var[j] + eps)" in done.stdout
