"""Someone's NumPy functions give their gradients by name, and harm no one's data."""

import time
from pathlib import Path

import numpy as np
import pytest
from function_samples import BATCH_NORM, PAIR, PLAIN, Write, assert_right, batch, complaint, gone

import derive
from derive.claims.functions import announcement, load_function
from derived import batch_norm, lstm_cell

TWO = derive.parse("x: [N]\na[i] = 2*x[i]\nb[i] = x[i]**2\n")


def test_a_pair_with_a_cache(write: Write) -> None:
    function = write(PAIR, "bn_backward")
    with load_function(BATCH_NORM, function, function.replace("backward", "forward")) as loaded:
        assert (loaded.names, loaded.forward_names) == (("dx", "dgamma", "dbeta"), ("y",))
        assert (loaded.line, loaded.forward_line) == (20, 4)
        assert loaded.file == function.rpartition(":")[0]
        assert loaded.title == f"bn_backward in {loaded.file}"
        assert loaded.call == "bn_backward(dout=dy, cache=cache)"
        assert_right(loaded)
        assert (loaded.wrote_to, loaded.untaken) == ((), ())  # what is put among settings is nobody's loss
    assert gone(loaded.pid)


def test_our_own_functions(tmp_path: Path) -> None:
    file = batch_norm.__file__  # in a package
    with load_function(BATCH_NORM, f"{file}:backward", f"{file}:forward") as loaded:
        assert_right(loaded)


def test_a_cache_that_the_forward_function_does_not_return(write: Write) -> None:
    text = "def forward(x, gamma, beta, eps):\n    return x\n\ndef backward(dout, cache):\n    pass\n"
    error = complaint(BATCH_NORM, write(text), write(text, "forward"))
    assert error.message == "backward takes cache, and forward returns no cache"


def test_a_forward_function_that_returns_only_its_output(write: Write) -> None:
    text = PLAIN + "\ndef forward(x, gamma, beta, eps=1e-5):\n    xhat = (x - x.mean(0))/np.sqrt(x.var(0) + eps)\n"
    text += "    return (gamma*xhat + beta).astype('float64')\n"
    with load_function(BATCH_NORM, write(text), write(text, "forward")) as loaded:
        assert_right(loaded)


@pytest.mark.parametrize("returned", ["2*x, x**2, None", "(2*x, x**2), None", "2*x, x**2"])
def test_several_outputs_of_a_forward_function(write: Write, returned: str) -> None:
    text = f"def forward(x):\n    return {returned}\n\ndef backward(da, db, x):\n    return 2*da + 2*x*db\n"
    x = np.array([1.0, -2.0])
    with load_function(TWO, write(text), write(text, "forward")) as loaded:
        found = loaded.values({"x": x}, {"a": x, "b": x})
    np.testing.assert_allclose(found["a"], 2 * x)
    np.testing.assert_allclose(found["b"], x**2)


@pytest.mark.parametrize(("returned", "said"), [("x, 1, 2", "3 values"), ("x[0]", "y of shape (3,)"), ("(x,)*9", "9 ")])
def test_what_a_forward_function_cannot_return(write: Write, returned: str, said: str) -> None:
    text = f"{PLAIN}\ndef forward(x, gamma, beta, eps):\n    return {returned}\n"
    error = complaint(BATCH_NORM, write(text), write(text, "forward"))
    assert error.message.startswith(f"forward returned {said}")


def test_a_layer_with_a_state() -> None:
    graph = derive.load("lstm_cell")
    rng = np.random.default_rng(0)
    sizes = {"N": 2, "K": 3, "H": 4}
    inputs = {q.name: rng.normal(size=[sizes[e] for e in q.extents]) for q in graph.inputs}
    outputs = {name: rng.normal(size=(2, 4)) for name in graph.outputs}
    with load_function(graph, f"{lstm_cell.__file__}:backward", f"{lstm_cell.__file__}:forward") as loaded:
        found = loaded.values(inputs, outputs)
    *_, residuals = lstm_cell.forward(**inputs)
    gradients = lstm_cell.backward((outputs["c"], outputs["h"]), residuals)
    for name, expected in zip(graph.differentiable, gradients, strict=True):
        np.testing.assert_allclose(found[f"d{name}"], expected)


def test_what_is_written_to_is_told_and_does_no_harm(write: Write) -> None:
    text = PLAIN.replace("    return", "    dy *= 2\n    x[:] = 0\n    return")
    with load_function(BATCH_NORM, write(text)) as loaded:
        assert loaded.wrote_to == ()
        assert_right(loaded)
        assert loaded.wrote_to == ("dy", "x")
    inputs, cotangents = batch()
    copies = [inputs["x"].copy(), cotangents["y"].copy()]
    with load_function(BATCH_NORM, write(text)) as loaded:
        loaded.values(inputs, cotangents)
    assert (inputs["x"] == copies[0]).all()
    assert (cotangents["y"] == copies[1]).all()


def test_what_is_written_to_by_way_of_the_cache(write: Write) -> None:
    text = "def forward(x, gamma, beta, eps):\n    return x, x\n\n"
    text += "def backward(dout, cache):\n    cache += 1\n    return dout\n"
    with load_function(BATCH_NORM, write(text), write(text, "forward")) as loaded:
        loaded.values(*batch())
        assert loaded.wrote_to == ("x",)


def test_calls_are_cheap(write: Write) -> None:
    with load_function(BATCH_NORM, write(PLAIN)) as loaded:
        start = time.monotonic()
        for _ in range(100):
            loaded.values(*batch())
    assert time.monotonic() - start < 5


def test_the_announcement() -> None:
    said = "running f from a.py in a process of its own, for at most 10 s a call"
    assert announcement("a.py:f", 10.0) == announcement("f in a.py", 10) == said
    assert "0.5 s" in announcement("f in a.py", 0.5)
