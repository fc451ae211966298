"""The shipped layers once more, from the papers, in primitives of JAX: an independent truth for every order.

Each takes the layer's inputs by name and returns its outputs by name. Nothing here is a fused layer of a library, whose
higher derivatives need not be those of the function: only elementwise functions, sums, means, maxima and contractions.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# Before any array is made; without it JAX rounds everything to 32 bits.
jax.config.update("jax_enable_x64", True)
# The arrays are tiny: compiling is what takes time.
jax.config.update("jax_disable_most_optimizations", True)

Outputs = dict[str, jax.Array]


def batch_norm(x, gamma, beta, eps) -> Outputs:
    mean, variance = jnp.mean(x, axis=0), jnp.mean((x - jnp.mean(x, axis=0)) ** 2, axis=0)
    return {"y": gamma * (x - mean) / jnp.sqrt(variance + eps) + beta}


def batch_norm_2d(x, gamma, beta, eps) -> Outputs:
    pixels = (0, 2, 3)
    mean = jnp.mean(x, axis=pixels, keepdims=True)
    variance = jnp.mean((x - mean) ** 2, axis=pixels, keepdims=True)
    a_channel = (1, -1, 1, 1)
    normalized = (x - mean) / jnp.sqrt(variance + eps)
    return {"y": gamma.reshape(a_channel) * normalized + beta.reshape(a_channel)}


def batch_norm_inference(x, gamma, beta, mu, var, eps) -> Outputs:
    # As Algorithm 2 of the paper has it: one scale and one shift.
    scale = gamma / jnp.sqrt(var + eps)
    return {"y": scale * x + (beta - scale * mu)}


def batch_norm_unbiased(x, gamma, beta, eps) -> Outputs:
    centered = x - jnp.mean(x, axis=0)
    variance = jnp.sum(centered**2, axis=0) / (x.shape[0] - 1)
    return {"y": gamma * centered / jnp.sqrt(variance + eps) + beta}


def batch_norm_masked(x, w, gamma, beta, eps) -> Outputs:
    share = w / jnp.sum(w)
    mean = jnp.einsum("i,ij->j", share, x)
    variance = jnp.einsum("i,ij->j", share, (x - mean) ** 2)
    return {"y": gamma * (x - mean) / jnp.sqrt(variance + eps) + beta}


def sync_batch_norm(x, w, gamma, beta, eps) -> Outputs:
    # The same rows on one worker: that is what the workers together have to compute.
    rows = batch_norm_masked(x.reshape(-1, x.shape[-1]), w.reshape(-1), gamma, beta, eps)["y"]
    return {"y": rows.reshape(x.shape)}


def layer_norm(x, gamma, beta, eps) -> Outputs:
    mean = jnp.mean(x, axis=1, keepdims=True)
    variance = jnp.mean((x - mean) ** 2, axis=1, keepdims=True)
    return {"y": gamma * (x - mean) / jnp.sqrt(variance + eps) + beta}


def rms_norm(x, gamma, eps) -> Outputs:
    return {"y": gamma * x / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True) + eps)}


def group_norm(x, gamma, beta, eps) -> Outputs:
    # Groups apart, each of them is normalized over all that it has.
    together = x.reshape(x.shape[0], x.shape[1], -1)
    mean = jnp.mean(together, axis=2, keepdims=True)
    variance = jnp.mean((together - mean) ** 2, axis=2, keepdims=True)
    normalized = ((together - mean) / jnp.sqrt(variance + eps)).reshape(x.shape)
    return {"y": gamma[:, :, None, None] * normalized + beta[:, :, None, None]}


def instance_norm(x, gamma, beta, eps) -> Outputs:
    mean = jnp.mean(x, axis=(2, 3), keepdims=True)
    variance = jnp.mean((x - mean) ** 2, axis=(2, 3), keepdims=True)
    return {"y": gamma[:, None, None] * (x - mean) / jnp.sqrt(variance + eps) + beta[:, None, None]}


def l2_normalize(x, eps) -> Outputs:
    return {"y": x / jnp.sqrt(jnp.sum(x**2, axis=1, keepdims=True) + eps)}


def weight_norm(v, g) -> Outputs:
    return {"w": g[:, None] * v / jnp.sqrt(jnp.sum(v**2, axis=1, keepdims=True))}


def cosine_similarity(u, v, eps) -> Outputs:
    lengths = jnp.sqrt(jnp.sum(u**2, axis=1) + eps) * jnp.sqrt(jnp.sum(v**2, axis=1) + eps)
    return {"s": jnp.sum(u * v, axis=1) / lengths}


def linear(x, W, b) -> Outputs:
    return {"y": x @ W + b}


def linear_batch_norm(x, W, b, gamma, beta, eps) -> Outputs:
    return batch_norm(x @ W + b, gamma, beta, eps)


def _log_softmax(x) -> jax.Array:
    highest = jnp.max(x, axis=1, keepdims=True)
    return x - highest - jnp.log(jnp.sum(jnp.exp(x - highest), axis=1, keepdims=True))


def softmax(x) -> Outputs:
    return {"p": jnp.exp(_log_softmax(x))}


def log_softmax(x) -> Outputs:
    return {"y": _log_softmax(x)}


def softmax_cross_entropy(x, t) -> Outputs:
    return {"L": -jnp.mean(jnp.sum(t * _log_softmax(x), axis=1))}


softmax_cross_entropy_soft = softmax_cross_entropy


def sigmoid_binary_cross_entropy(x, t) -> Outputs:
    # By the definition, in the logarithms of the two probabilities; for logits that do not overflow.
    success, failure = -jnp.log1p(jnp.exp(-x)), -jnp.log1p(jnp.exp(x))
    return {"L": -jnp.mean(t * success + (1 - t) * failure)}


def mean_squared_error(x, t) -> Outputs:
    return {"L": jnp.mean((x - t) ** 2)}


def attention(Q, K, V) -> Outputs:
    weights = jnp.exp(_log_softmax(Q @ K.T / jnp.sqrt(Q.shape[1])))
    return {"O": weights @ V}


def gelu(x) -> Outputs:
    return {"y": x * (1 + jax.lax.erf(x / jnp.sqrt(2.0))) / 2}


def gelu_tanh(x) -> Outputs:
    return {"y": 0.5 * x * (1 + jnp.tanh(jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3)))}


def _sigmoid(x) -> jax.Array:
    return 1 / (1 + jnp.exp(-x))


def silu(x) -> Outputs:
    return {"y": x * _sigmoid(x)}


def relu(x) -> Outputs:
    return {"y": jnp.where(x > 0, x, 0.0)}


def lstm_cell(x, h0, c0, W_i, U_i, b_i, W_f, U_f, b_f, W_o, U_o, b_o, W_g, U_g, b_g) -> Outputs:
    # All gates by one product, as implementations have it.
    weights = jnp.concatenate(
        [jnp.concatenate([W_i, W_f, W_o, W_g], axis=1), jnp.concatenate([U_i, U_f, U_o, U_g], axis=1)]
    )
    gates = jnp.concatenate([x, h0], axis=1) @ weights + jnp.concatenate([b_i, b_f, b_o, b_g])
    i, f, o, g = jnp.split(gates, 4, axis=1)
    c = _sigmoid(f) * c0 + _sigmoid(i) * jnp.tanh(g)
    return {"c": c, "h": _sigmoid(o) * jnp.tanh(c)}


def layer_norm_linear(x, gamma, beta, W, b, eps) -> Outputs:
    return linear(layer_norm(x, gamma, beta, eps)["y"], W, b)


def perceptron(x, W1, b1, W2, b2, t) -> Outputs:
    hidden = relu(x @ W1 + b1)["y"]
    return softmax_cross_entropy(hidden @ W2 + b2, t)


Reference = Callable[..., Outputs]

REFERENCES: dict[str, Reference] = {
    "attention": attention,
    "batch_norm": batch_norm,
    "batch_norm_2d": batch_norm_2d,
    "batch_norm_inference": batch_norm_inference,
    "batch_norm_masked": batch_norm_masked,
    "batch_norm_unbiased": batch_norm_unbiased,
    "cosine_similarity": cosine_similarity,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "l2_normalize": l2_normalize,
    "layer_norm": layer_norm,
    "layer_norm_linear": layer_norm_linear,
    "linear": linear,
    "linear_batch_norm": linear_batch_norm,
    "log_softmax": log_softmax,
    "lstm_cell": lstm_cell,
    "mean_squared_error": mean_squared_error,
    "perceptron": perceptron,
    "relu": relu,
    "rms_norm": rms_norm,
    "sigmoid_binary_cross_entropy": sigmoid_binary_cross_entropy,
    "silu": silu,
    "softmax": softmax,
    "softmax_cross_entropy": softmax_cross_entropy,
    "softmax_cross_entropy_soft": softmax_cross_entropy_soft,
    "sync_batch_norm": sync_batch_norm,
    "weight_norm": weight_norm,
}
