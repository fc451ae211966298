"""What the parameters of someone's function mean is told by their names, and only then by their position."""

import numpy as np
import pytest
from function_samples import BATCH_NORM, BODY, PAIR, Write, assert_right, complaint

import derive
from derive.claims.functions import load_function
from derive.errors import LayerError

SOFTMAX = derive.load("softmax_cross_entropy")
TWO = derive.parse("x: [N]\na[i] = 2*x[i]\nb[i] = x[i]**2\n")


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ("dy, x, gamma, beta, eps", ""),
        ("x, gamma, beta, eps, dy", ""),
        ("dout, x, gamma, eps", "dy = dout"),
        ("dO, x, gamma, eps", "dy = dO"),
        ("grad_output, x, gamma, eps", "dy = grad_output"),
        ("x, upstream, gamma, eps", "dy = upstream"),
        ("g, x, gamma, eps", "dy = g"),
        ("delta, x, gamma, eps=1e-5", "dy = delta"),
        ("dL_dy, x, gamma, eps", "dy = dL_dy"),
        ("e, x, gamma, eps", "dy = e"),
        ("dy, X, weight, bias, epsilon", "x, gamma, eps = X, weight, epsilon"),
        ("dy, x, g, b, eps", "gamma = g"),
        ("dy, x, γ, β, ε=1e-5", "gamma, eps = γ, ε"),
        ("dy, inputs, scale, shift, *, eps=1.0", "x, gamma = inputs, scale"),
        ("dy, x, gamma, /, eps=1.0", ""),
        ("dy, x, gamma, axis=0, /, eps=1.0", ""),
        ("a, b, c, d, e", "dy, x, gamma, eps = a, b, c, e"),
        ("a, b, c, d, e=1e-5", "dy, x, gamma, eps = a, b, c, e"),
        ("dy, x, gamma, eps, axis=0, momentum=0.9, *rest, **more", "assert axis == 0 and not rest and not more"),
        ("dy, x, gamma, bn_param", "eps = bn_param['eps']; assert bn_param['mode'] == 'train'"),
        ("dy, x, gamma, config=None", "eps = config['epsilon']"),
        ("dy, x, gamma, eps, mode, training=False", "assert mode == 'train' and training is True"),
    ],
)
def test_what_parameters_mean(write: Write, parameters: str, names: str) -> None:
    text = f"import numpy as np\n\ndef backward({parameters}):\n    {names}\n{BODY}    return dx, dgamma, dbeta\n"
    with load_function(BATCH_NORM, write(text)) as loaded:
        assert_right(loaded)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("dy, x, gamma, eps, axis", "axis"),
        ("dy, xhat, var, gamma, eps", "xhat, var"),
        ("x, gamma, beta, eps", "none of them is the gradient from above"),
        ("dout, y", "y"),
        ("dout, out, gamma, beta, eps", "out"),
        ("*arguments", "none of them"),
        ("gamma, b, x, d, e", "e"),  # by position it would be the gradient from above
    ],
)
def test_what_parameters_cannot_be_told(write: Write, parameters: str, said: str) -> None:
    error = complaint(BATCH_NORM, write(f"def backward({parameters}):\n    raise SystemExit\n"))
    assert error.message.startswith("it cannot be told what the parameters of backward(")
    assert error.message.partition("mean: ")[2].startswith(said)
    assert "x [N, D], gamma [D], beta [D], eps" in error.hint
    assert "(dy, x, gamma, beta, eps)" in error.hint
    assert error.location is not None
    assert error.location.text == f"def backward({parameters}):"


def test_a_cache_without_a_forward_function(write: Write) -> None:
    error = complaint(BATCH_NORM, write(PAIR, "bn_backward"))
    assert error.message == "bn_backward takes cache, and there is no forward function to make it"


def test_a_constant_that_no_parameter_takes(write: Write) -> None:
    with load_function(BATCH_NORM, write("def backward(dy, x, gamma):\n    return x\n")) as loaded:
        assert loaded.untaken == ("eps",)


def test_the_output_of_the_forward_function_can_be_asked_for(write: Write) -> None:
    text = "import numpy as np\ndef forward(x):\n    e = np.exp(x - x.max(1, keepdims=True))\n"
    text += "    return e/e.sum(1, keepdims=True)\n"
    text += "def backward(dp, p):\n    return p*(dp - (dp*p).sum(1, keepdims=True))\n"
    graph = derive.parse("x: [N, C]\ns[n] = sum(exp(x[n, c]) for c in C)\np[n, c] = exp(x[n, c])/s[n]\n")
    x, dp = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 2.0, -1.0]])
    p = np.exp(x) / np.exp(x).sum()
    with load_function(graph, write(text), write(text, "forward")) as loaded:
        found = loaded.values({"x": x}, {"p": dp})
    np.testing.assert_allclose(found["dx"], p * (dp - (dp * p).sum()))
    np.testing.assert_allclose(found["p"], p)
    error = complaint(graph, write(text))  # never by its position: p is not x
    assert "mean: p" in error.message


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ("dL, x, t", ""),
        ("dout, logits, labels", "dL, x, t = dout, logits, labels"),
        ("x, y", "dL, t = 1.0, y"),  # the gradient of the loss itself
        ("predictions, upstream, targets", "dL, x, t = upstream, predictions, targets"),
    ],
)
def test_a_loss_has_one_gradient(write: Write, parameters: str, names: str) -> None:
    text = f"import numpy as np\ndef backward({parameters}):\n    {names}\n    e = np.exp(x)\n"
    text += "    return dL*(e/e.sum(1, keepdims=True) - t)/len(x)\n"
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 0]]
    function = write(text)
    if "predictions" in parameters:
        with pytest.raises(LayerError, match="mean: predictions"):
            load_function(SOFTMAX, function)
        return
    with load_function(SOFTMAX, function) as loaded:
        found = loaded.values({"x": x, "t": t}, {"L": -1.75})
    assert list(found) == ["dx"]
    np.testing.assert_allclose(found["dx"], -1.75 * (np.exp(x) / np.exp(x).sum(1, keepdims=True) - t) / 4)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [("db, x, da", ""), ("dnext_b, dnext_a, x", "da, db = dnext_a, dnext_b"), ("x, grads", "da, db = grads")],
)
def test_a_gradient_for_each_output(write: Write, parameters: str, names: str) -> None:
    text = f"def backward({parameters}):\n    {names}\n    return 2*da + 2*x*db\n"
    x, da, db = np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.array([4.0, 1.5])
    with load_function(TWO, write(text)) as loaded:
        found = loaded.values({"x": x}, {"a": da, "b": db})
    np.testing.assert_allclose(found["dx"], 2 * da + 2 * x * db)


def test_a_gradient_of_one_output_alone(write: Write) -> None:
    error = complaint(TWO, write("def backward(db, x):\n    return 2*x*db\n"))
    assert error.message == "backward takes the gradient of b alone, of a, b"
