"""What someone's function returns is understood in the usual ways of returning it, or is a clear error."""

import numpy as np
import pytest
from function_samples import BATCH_NORM, PLAIN, Write, assert_right, batch, complaint

import derive
from derive.claims.functions import load_function
from derive.errors import LayerError


@pytest.mark.parametrize(
    ("returned", "names"),
    [
        ("[dx, dgamma, dbeta]", "dx dgamma dbeta"),
        ("{'dbeta': dbeta, 'dx': dx, 'dgamma': dgamma}", "dx dgamma dbeta"),
        ("{'x': dx, 'gamma': dgamma, 'beta': dbeta, 'eps': None}", "dx dgamma dbeta"),
        ("{'grad_weight': dgamma, 'dX': dx, 'dbias': dbeta}", "dx dgamma dbeta"),
        ("__import__('collections').namedtuple('G', 'dbeta dx dgamma')(dbeta, dx, dgamma)", "dx dgamma dbeta"),
        ("dx, dgamma, dbeta, None, None", "dx dgamma dbeta"),
        ("dx, dgamma", "dx dgamma"),
        ("dx, None, dbeta", "dx dbeta"),
        ("{'dgamma': dgamma}", "dgamma"),
        ("dx", "dx"),
        ("dx, dgamma[None], dbeta[:, None]", "dx dgamma dbeta"),
    ],
)
def test_what_is_returned(write: Write, returned: str, names: str) -> None:
    with load_function(BATCH_NORM, write(PLAIN.replace("dx, dgamma, dbeta\n", f"{returned}\n"))) as loaded:
        assert_right(loaded)
        assert loaded.names == tuple(names.split())


def test_none_stands_for_each_constant(write: Write) -> None:
    graph = derive.parse("x: [N]\nw: constant[N]\nb: [N]\ny[i] = w[i]*x[i] + b[i]\n")
    with load_function(graph, write("def backward(dy, x, w):\n    return dy*w, None, dy\n")) as loaded:
        found = loaded.values({"x": [1.0, 2.0], "w": [3.0, 4.0], "b": [0.0, 0.0]}, {"y": [1.0, 1.0]})
    assert {name: list(value) for name, value in found.items()} == {"dx": [3.0, 4.0], "db": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("dx.T, dgamma, dbeta", "dx of shape (3, 5); expected: shape (5, 3)"),
        ("dx, dy*xhat, dbeta", "dgamma of shape (5, 3); expected: shape (3,)"),
        ("dx, dgamma, dbeta.sum()", "dbeta of shape (); expected: shape (3,)"),
        ("dx, dgamma, np.broadcast_to(1.0, (10**9, 10**6))", "dbeta of shape (1000000000, 1000000)"),
        ("dx, dgamma, dbeta, dx", "4 values (an array of shape (5, 3), an array of shape (3,), "),
        ("[dx]*1000", "1000 values"),
        ("()", "0 values"),
        ("None", "None; expected: the gradients dx, dgamma, dbeta"),
        ("'dx'", "something of type str for dx"),
        ("dx + 0j, dgamma, dbeta", "something of type ndarray of dtype complex128 for dx"),
        ("dx, lambda: dgamma", "something of type function for dgamma"),
        ("dx, [1, [2, 3]]", "something of type list for dgamma"),
        ("{'dx': dx, 'loss': 1.0}", "a dict of dx, loss"),
        ("{'dx': dx, 'x': dx}", "a dict of dx, x"),
        ("{}", "a dict of nothing"),
        ("{i: i for i in range(1000)}", "something of type dict with 1000 entries"),
        ("(n for n in dx)", "something of type generator for dx"),
    ],
)
def test_what_cannot_be_understood(write: Write, returned: str, said: str) -> None:
    error = complaint(BATCH_NORM, write(PLAIN.replace("dx, dgamma, dbeta\n", f"{returned}\n")))
    assert error.message.startswith(f"backward returned {said}")
    assert error.location is not None
    assert error.location.line == 3


def test_gradients_that_come_and_go(write: Write) -> None:
    function = write("def backward(dy, x, gamma):\n    return (dy, gamma) if len(x) == 2 else dy\n")
    with load_function(BATCH_NORM, function) as loaded:
        loaded.values(*batch(2))
        with pytest.raises(LayerError, match="returned dx; expected: dx, dgamma, as before"):
            loaded.values(*batch(3))


def test_numbers_arrive_and_return_bit_for_bit(write: Write) -> None:
    graph = derive.parse("x: [N]\nc: []\ny[i] = c*x[i]\n")
    numbers = np.array([np.nan, np.inf, -np.inf, 5e-324, 0.1, -0.0])
    with load_function(graph, write("def backward(dy, x, c):\n    return x, c\n")) as loaded:
        found = loaded.values({"x": numbers, "c": 1 / 3}, {"y": numbers})
    assert found["dx"].tobytes() == numbers.tobytes()
    assert found["dc"] == 1 / 3
    assert found["dc"].shape == ()


@pytest.mark.parametrize("dtype", ["float32", "int16", "bool", "float16"])
def test_other_numbers_are_converted(write: Write, dtype: str) -> None:
    graph = derive.parse("x: [N]\ny[i] = x[i]\n")
    with load_function(graph, write(f"def backward(dy, x):\n    return x.astype('{dtype}')\n")) as loaded:
        assert list(loaded.values({"x": [0.0, 1.0]}, {"y": [0.0, 0.0]})["dx"]) == [0.0, 1.0]
