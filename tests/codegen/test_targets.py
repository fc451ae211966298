"""The table of targets, and which layers have their functions committed for all of them."""

import ast
import os
import re
import subprocess
import sys

import pytest

from derive.cli import USAGE, main
from derive.codegen.numpy import derivations_for_code
from derive.codegen.targets import TARGETS, is_bound_by_memory
from derive.layers import layer_names
from derive.options import TARGETS as NAMES
from derive.parser import parse_layer
from derive.workshop import CODE_FORM


def test_the_command_line_has_the_same_targets() -> None:
    assert tuple(TARGETS) == NAMES


def test_each_target_has_a_folder_of_its_own() -> None:
    assert len({target.folder for target in TARGETS.values()}) == len(TARGETS)


@pytest.mark.parametrize("name", layer_names())
def test_what_memory_limits(name: str) -> None:
    (derivation,) = derivations_for_code(name, CODE_FORM)
    elementwise = {"relu", "silu", "gelu", "gelu_tanh"}
    products = {"linear", "attention", "perceptron", "lstm_cell", "layer_norm_linear", "linear_batch_norm"}
    assert is_bound_by_memory(derivation) == (name not in elementwise | products)


@pytest.mark.parametrize("target", NAMES)
def test_the_text_is_the_same_whatever_the_hash_seed(target: str) -> None:
    command = [sys.executable, "-m", "derive", "code", "softmax_cross_entropy", "--target", target]
    texts = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(texts) == 1
    assert re.search(r"forward(_finish)?\(", texts.pop())


def test_writing_for_a_library_does_not_import_it() -> None:
    code = "import sys, derive.codegen.targets; sys.exit(', '.join({'torch', 'jax', 'dask'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", NAMES)
def test_an_order_without_functions_is_an_error(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    order = TARGETS[target].orders + 1
    assert main(["code", "mean_squared_error", "--target", target, "--order", str(order)]) == USAGE
    assert f"order {order}" in capsys.readouterr().err


@pytest.mark.parametrize("target", [name for name in NAMES if TARGETS[name].suffix == ".py"])
def test_thirty_outputs_are_code_and_a_message_too(target: str) -> None:
    """No string is broken where a line is."""
    layer = "".join(f"a{k}: [N]\ny{k}[i] = a{k}[i]**2*a0[i]\n" for k in range(30))
    text = TARGETS[target].write(*derivations_for_code(parse_layer(layer, "thirty"), CODE_FORM))
    strings = {n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    names = ", ".join(f"dy{k}" for k in range(30))
    assert any(f": expected a tuple ({names}), got " in string for string in strings)
