"""Long short-term memory, one step: from x and the state (h0, c0) to (h, c).

Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8). The forget gate f: Gers, Schmidhuber &
Cummins (2000), Learning to forget: continual prediction with LSTM, Neural Computation 12(10).

Forward

    a_i[n, j] = b_i[j] + sum(W_i[k, j]*x[n, k] for k in K) + sum(U_i[l, j]*h0[n, l] for l in H)
    a_f[n, j] = b_f[j] + sum(W_f[k, j]*x[n, k] for k in K) + sum(U_f[l, j]*h0[n, l] for l in H)
    a_o[n, j] = b_o[j] + sum(W_o[k, j]*x[n, k] for k in K) + sum(U_o[l, j]*h0[n, l] for l in H)
    a_g[n, j] = b_g[j] + sum(W_g[k, j]*x[n, k] for k in K) + sum(U_g[l, j]*h0[n, l] for l in H)
    i[n, j] = sigmoid(a_i[n, j])
    f[n, j] = sigmoid(a_f[n, j])
    o[n, j] = sigmoid(a_o[n, j])
    g[n, j] = tanh(a_g[n, j])
    c[n, j] = c0[n, j]*f[n, j] + g[n, j]*i[n, j]
    h[n, j] = o[n, j]*tanh(c[n, j])

Backward: dv stands for the gradient of the loss with respect to v.

    dc_total[n, j] = dh[n, j]*o[n, j]*(1 - tanh(c[n, j])**2) + dc[n, j]
    da_g[n, j] = dc_total[n, j]*i[n, j]*(1 - g[n, j]**2)
    da_o[n, j] = dh[n, j]*o[n, j]*tanh(c[n, j])*(1 - o[n, j])
    da_f[n, j] = c0[n, j]*dc_total[n, j]*f[n, j]*(1 - f[n, j])
    da_i[n, j] = dc_total[n, j]*g[n, j]*i[n, j]*(1 - i[n, j])
    dx[n, k] = sum(W_f[k, j]*da_f[n, j] for j in H) + sum(W_g[k, j]*da_g[n, j] for j in H) +
        sum(W_i[k, j]*da_i[n, j] for j in H) + sum(W_o[k, j]*da_o[n, j] for j in H)
    dh0[n, l] = sum(U_f[l, j]*da_f[n, j] for j in H) + sum(U_g[l, j]*da_g[n, j] for j in H) +
        sum(U_i[l, j]*da_i[n, j] for j in H) + sum(U_o[l, j]*da_o[n, j] for j in H)
    dc0[n, j] = dc_total[n, j]*f[n, j]
    dW_i[k, j] = sum(da_i[n, j]*x[n, k] for n in N)
    dU_i[l, j] = sum(da_i[n, j]*h0[n, l] for n in N)
    db_i[j] = sum(da_i[n, j] for n in N)
    dW_f[k, j] = sum(da_f[n, j]*x[n, k] for n in N)
    dU_f[l, j] = sum(da_f[n, j]*h0[n, l] for n in N)
    db_f[j] = sum(da_f[n, j] for n in N)
    dW_o[k, j] = sum(da_o[n, j]*x[n, k] for n in N)
    dU_o[l, j] = sum(da_o[n, j]*h0[n, l] for n in N)
    db_o[j] = sum(da_o[n, j] for n in N)
    dW_g[k, j] = sum(da_g[n, j]*x[n, k] for n in N)
    dU_g[l, j] = sum(da_g[n, j]*h0[n, l] for n in N)
    db_g[j] = sum(da_g[n, j] for n in N)

Double backward: d2v stands for the gradient of <dx, d2dx> + <dh0, d2dh0> + <dc0, d2dc0> + <dW_i, d2dW_i> +
<dU_i, d2dU_i> + <db_i, d2db_i> + <dW_f, d2dW_f> + <dU_f, d2dU_f> + <db_f, d2db_f> + <dW_o, d2dW_o> + <dU_o, d2dU_o> +
<db_o, d2db_o> + <dW_g, d2dW_g> + <dU_g, d2dU_g> + <db_g, d2db_g> with respect to v.

    d2da_i[n, j] = d2db_i[j] + sum(W_i[k, j]*d2dx[n, k] for k in K) + sum(d2dW_i[k, j]*x[n, k] for k in K) +
        sum(U_i[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_i[l, j]*h0[n, l] for l in H)
    d2da_f[n, j] = d2db_f[j] + sum(W_f[k, j]*d2dx[n, k] for k in K) + sum(d2dW_f[k, j]*x[n, k] for k in K) +
        sum(U_f[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_f[l, j]*h0[n, l] for l in H)
    d2da_o[n, j] = d2db_o[j] + sum(W_o[k, j]*d2dx[n, k] for k in K) + sum(d2dW_o[k, j]*x[n, k] for k in K) +
        sum(U_o[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_o[l, j]*h0[n, l] for l in H)
    d2da_g[n, j] = d2db_g[j] + sum(W_g[k, j]*d2dx[n, k] for k in K) + sum(d2dW_g[k, j]*x[n, k] for k in K) +
        sum(U_g[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_g[l, j]*h0[n, l] for l in H)
    d2dc_total[n, j] = c0[n, j]*d2da_f[n, j]*f[n, j] + d2dc0[n, j]*f[n, j] + i[n, j]*(g[n, j]*(d2da_i[n, j]*(1 -
        i[n, j]) - d2da_g[n, j]*g[n, j]) + d2da_g[n, j]) - c0[n, j]*d2da_f[n, j]*f[n, j]**2
    d2c[n, j] = dh[n, j]*o[n, j]*(tanh(c[n, j])*(tanh(c[n, j])*(2*d2dc_total[n, j]*tanh(c[n, j]) + d2da_o[n, j]*(o[n, j]
        - 1)) - 2*d2dc_total[n, j]) + d2da_o[n, j] - d2da_o[n, j]*o[n, j])
    d2g[n, j] = i[n, j]*(dc_total[n, j]*(d2da_i[n, j]*(1 - i[n, j]) - 2*d2da_g[n, j]*g[n, j]) + d2c[n, j])
    d2o[n, j] = dh[n, j]*(tanh(c[n, j])*(d2da_o[n, j]*(1 - 2*o[n, j]) - d2dc_total[n, j]*tanh(c[n, j])) +
        d2dc_total[n, j])
    d2f[n, j] = c0[n, j]*d2c[n, j] + dc_total[n, j]*(c0[n, j]*d2da_f[n, j]*(1 - 2*f[n, j]) + d2dc0[n, j])
    d2i[n, j] = d2da_g[n, j]*dc_total[n, j] + g[n, j]*(dc_total[n, j]*(d2da_i[n, j]*(1 - 2*i[n, j]) -
        d2da_g[n, j]*g[n, j]) + d2c[n, j])
    d2a_g[n, j] = d2g[n, j]*(1 - g[n, j]**2)
    d2a_o[n, j] = d2o[n, j]*o[n, j]*(1 - o[n, j])
    d2a_f[n, j] = d2f[n, j]*f[n, j]*(1 - f[n, j])
    d2a_i[n, j] = d2i[n, j]*i[n, j]*(1 - i[n, j])
    d2dc[n, j] = d2dc_total[n, j]
    d2dh[n, j] = o[n, j]*(tanh(c[n, j])*(d2da_o[n, j]*(1 - o[n, j]) - d2dc_total[n, j]*tanh(c[n, j])) +
        d2dc_total[n, j])
    d2x[n, k] = sum(W_f[k, j]*d2a_f[n, j] for j in H) + sum(W_g[k, j]*d2a_g[n, j] for j in H) +
        sum(W_i[k, j]*d2a_i[n, j] for j in H) + sum(W_o[k, j]*d2a_o[n, j] for j in H) +
        sum(d2dW_f[k, j]*da_f[n, j] for j in H) + sum(d2dW_g[k, j]*da_g[n, j] for j in H) +
        sum(d2dW_i[k, j]*da_i[n, j] for j in H) + sum(d2dW_o[k, j]*da_o[n, j] for j in H)
    d2h0[n, l] = sum(U_f[l, j]*d2a_f[n, j] for j in H) + sum(U_g[l, j]*d2a_g[n, j] for j in H) +
        sum(U_i[l, j]*d2a_i[n, j] for j in H) + sum(U_o[l, j]*d2a_o[n, j] for j in H) +
        sum(d2dU_f[l, j]*da_f[n, j] for j in H) + sum(d2dU_g[l, j]*da_g[n, j] for j in H) +
        sum(d2dU_i[l, j]*da_i[n, j] for j in H) + sum(d2dU_o[l, j]*da_o[n, j] for j in H)
    d2c0[n, j] = f[n, j]*(d2da_f[n, j]*dc_total[n, j]*(1 - f[n, j]) + d2c[n, j])
    d2W_i[k, j] = sum(d2a_i[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_i[n, j] for n in N)
    d2U_i[l, j] = sum(d2a_i[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_i[n, j] for n in N)
    d2b_i[j] = sum(d2a_i[n, j] for n in N)
    d2W_f[k, j] = sum(d2a_f[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_f[n, j] for n in N)
    d2U_f[l, j] = sum(d2a_f[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_f[n, j] for n in N)
    d2b_f[j] = sum(d2a_f[n, j] for n in N)
    d2W_o[k, j] = sum(d2a_o[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_o[n, j] for n in N)
    d2U_o[l, j] = sum(d2a_o[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_o[n, j] for n in N)
    d2b_o[j] = sum(d2a_o[n, j] for n in N)
    d2W_g[k, j] = sum(d2a_g[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_g[n, j] for n in N)
    d2U_g[l, j] = sum(d2a_g[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_g[n, j] for n in N)
    d2b_g[j] = sum(d2a_g[n, j] for n in N)

Generated by `derive`; do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Residuals(NamedTuple):
    """What `backward` and `double_backward` need of a call of `forward`."""

    x: np.ndarray  # [N, K]
    h0: np.ndarray  # [N, H]
    c0: np.ndarray  # [N, H]
    W_i: np.ndarray  # [K, H]
    U_i: np.ndarray  # [H, H]
    W_f: np.ndarray  # [K, H]
    U_f: np.ndarray  # [H, H]
    W_o: np.ndarray  # [K, H]
    U_o: np.ndarray  # [H, H]
    W_g: np.ndarray  # [K, H]
    U_g: np.ndarray  # [H, H]
    i: np.ndarray  # [N, H]
    f: np.ndarray  # [N, H]
    o: np.ndarray  # [N, H]
    g: np.ndarray  # [N, H]
    c: np.ndarray  # [N, H]
    dtype: np.dtype  # of the results


def forward(
    x: np.ndarray,
    h0: np.ndarray,
    c0: np.ndarray,
    W_i: np.ndarray,
    U_i: np.ndarray,
    b_i: np.ndarray,
    W_f: np.ndarray,
    U_f: np.ndarray,
    b_f: np.ndarray,
    W_o: np.ndarray,
    U_o: np.ndarray,
    b_o: np.ndarray,
    W_g: np.ndarray,
    U_g: np.ndarray,
    b_g: np.ndarray,
    *,
    out: tuple[np.ndarray | None, ...] | None = None,
    threads: int | None = None,
    precise: bool = False,
) -> tuple[tuple[np.ndarray, np.ndarray], Residuals]:
    """Return (c, h) and what `backward` and `double_backward` need.

    x      array [N, K]
    h0     array [N, H]
    c0     array [N, H]
    W_i    array [K, H]
    U_i    array [H, H]
    b_i    array [H]
    W_f    array [K, H]
    U_f    array [H, H]
    b_f    array [H]
    W_o    array [K, H]
    U_o    array [H, H]
    b_o    array [H]
    W_g    array [K, H]
    U_g    array [H, H]
    b_g    array [H]
    c      array [N, H]
    h      array [N, H]

    The arrays have one dtype, float16, bfloat16, float32, float64 or longdouble, and so have the results. What has
    another type or dtype is a TypeError, what has another shape or breaks a condition a ValueError. Arguments are never
    written to. The residuals may hold the arguments and the results themselves. `out` is an array that the result goes
    into, or a tuple with an array or None for each result with axes. `threads` is how many to use for large arrays,
    None for as many as pay off; no result depends on it. What has 16 bits is computed in float32, all else in its own
    dtype; with `precise` in float64 at least, and rounded once.
    Conditions: K >= 1, H >= 1.
    """
    x = _array("x", x, "(N, K)", ("N", "K"))
    dtype = x.dtype
    x = x.astype(_working(dtype, precise), copy=False)
    N, K = x.shape
    h0 = _array("h0", h0, "(N, H)", (N, "H"), dtype, x.dtype)
    H = h0.shape[1]
    c0 = _array("c0", c0, "(N, H)", (N, H), dtype, x.dtype)
    W_i = _array("W_i", W_i, "(K, H)", (K, H), dtype, x.dtype)
    U_i = _array("U_i", U_i, "(H, H)", (H, H), dtype, x.dtype)
    b_i = _array("b_i", b_i, "(H,)", (H,), dtype, x.dtype)
    W_f = _array("W_f", W_f, "(K, H)", (K, H), dtype, x.dtype)
    U_f = _array("U_f", U_f, "(H, H)", (H, H), dtype, x.dtype)
    b_f = _array("b_f", b_f, "(H,)", (H,), dtype, x.dtype)
    W_o = _array("W_o", W_o, "(K, H)", (K, H), dtype, x.dtype)
    U_o = _array("U_o", U_o, "(H, H)", (H, H), dtype, x.dtype)
    b_o = _array("b_o", b_o, "(H,)", (H,), dtype, x.dtype)
    W_g = _array("W_g", W_g, "(K, H)", (K, H), dtype, x.dtype)
    U_g = _array("U_g", U_g, "(H, H)", (H, H), dtype, x.dtype)
    b_g = _array("b_g", b_g, "(H,)", (H,), dtype, x.dtype)
    if K < 1:
        raise ValueError(f"x: expected K >= 1, got shape {x.shape}")
    if H < 1:
        raise ValueError(f"h0: expected H >= 1, got shape {h0.shape}")
    if out is not None:
        _check_out(out, dtype, c=(N, H), h=(N, H))

    # a_i[n, j] = b_i[j] + sum(W_i[k, j]*x[n, k] for k in K) + sum(U_i[l, j]*h0[n, l] for l in H)
    a_i = b_i + x @ W_i + h0 @ U_i
    # a_f[n, j] = b_f[j] + sum(W_f[k, j]*x[n, k] for k in K) + sum(U_f[l, j]*h0[n, l] for l in H)
    a_f = b_f + x @ W_f + h0 @ U_f
    # a_o[n, j] = b_o[j] + sum(W_o[k, j]*x[n, k] for k in K) + sum(U_o[l, j]*h0[n, l] for l in H)
    a_o = b_o + x @ W_o + h0 @ U_o
    # a_g[n, j] = b_g[j] + sum(W_g[k, j]*x[n, k] for k in K) + sum(U_g[l, j]*h0[n, l] for l in H)
    a_g = b_g + x @ W_g + h0 @ U_g
    # i[n, j] = sigmoid(a_i[n, j])
    i = _sigmoid(a_i)
    # f[n, j] = sigmoid(a_f[n, j])
    f = _sigmoid(a_f)
    # o[n, j] = sigmoid(a_o[n, j])
    o = _sigmoid(a_o)
    # g[n, j] = tanh(a_g[n, j])
    g = np.tanh(a_g)
    # c[n, j] = c0[n, j]*f[n, j] + g[n, j]*i[n, j]
    c = c0 * f + i * g
    # h[n, j] = o[n, j]*tanh(c[n, j])
    h = o * np.tanh(c)

    return _finished(out, dtype, c=c, h=h), Residuals(
        x, h0, c0, W_i, U_i, W_f, U_f, W_o, U_o, W_g, U_g, i, f, o, g, c, dtype
    )


def backward(
    cotangents: tuple[np.ndarray, np.ndarray],
    residuals: Residuals,
    *,
    out: tuple[np.ndarray | None, ...] | None = None,
    threads: int | None = None,
) -> tuple[
    np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray,
    np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray
]:
    """Return (dx, dh0, dc0, dW_i, dU_i, db_i, dW_f, dU_f, db_f, dW_o, dU_o, db_o, dW_g, dU_g, db_g), the gradients of a
    loss whose gradient with respect to (c, h) is given.

    cotangents    the tuple (dc, dh)
    dc            array [N, H]
    dh            array [N, H]
    dx            array [N, K]
    dh0           array [N, H]
    dc0           array [N, H]
    dW_i          array [K, H]
    dU_i          array [H, H]
    db_i          array [H]
    dW_f          array [K, H]
    dU_f          array [H, H]
    db_f          array [H]
    dW_o          array [K, H]
    dU_o          array [H, H]
    db_o          array [H]
    dW_g          array [K, H]
    dU_g          array [H, H]
    db_g          array [H]

    The dtype and the shapes are those of the call of `forward` that the residuals are from; what has another dtype is a
    TypeError, what has another shape a ValueError. Arguments are never written to. `out` is an array that the result
    goes into, or a tuple with an array or None for each result with axes. `threads` is how many to use for large
    arrays, None for as many as pay off; no result depends on it.
    """
    x, h0, c0, W_i, U_i, W_f, U_f, W_o, U_o, W_g, U_g, i, f, o, g, c, dtype = residuals
    N, K = x.shape
    H = h0.shape[1]
    if not isinstance(cotangents, tuple) or len(cotangents) != 2:
        raise TypeError(f"cotangents: expected a tuple (dc, dh), got {type(cotangents).__name__}")
    dc, dh = cotangents
    dc = _array("dc", dc, "(N, H)", (N, H), dtype, x.dtype)
    dh = _array("dh", dh, "(N, H)", (N, H), dtype, x.dtype)
    if out is not None:
        _check_out(
            out,
            dtype,
            dx=(N, K),
            dh0=(N, H),
            dc0=(N, H),
            dW_i=(K, H),
            dU_i=(H, H),
            db_i=(H,),
            dW_f=(K, H),
            dU_f=(H, H),
            db_f=(H,),
            dW_o=(K, H),
            dU_o=(H, H),
            db_o=(H,),
            dW_g=(K, H),
            dU_g=(H, H),
            db_g=(H,),
        )

    # dc_total[n, j] = dh[n, j]*o[n, j]*(1 - tanh(c[n, j])**2) + dc[n, j]
    dc_total = dc + dh * o * (1 - np.tanh(c)**2)
    # da_g[n, j] = dc_total[n, j]*i[n, j]*(1 - g[n, j]**2)
    da_g = dc_total * i * (1 - g**2)
    # da_o[n, j] = dh[n, j]*o[n, j]*tanh(c[n, j])*(1 - o[n, j])
    da_o = dh * o * np.tanh(c) * (1 - o)
    # da_f[n, j] = c0[n, j]*dc_total[n, j]*f[n, j]*(1 - f[n, j])
    da_f = dc_total * c0 * f * (1 - f)
    # da_i[n, j] = dc_total[n, j]*g[n, j]*i[n, j]*(1 - i[n, j])
    da_i = dc_total * i * g * (1 - i)
    # dx[n, k] = sum(W_f[k, j]*da_f[n, j] for j in H) + sum(W_g[k, j]*da_g[n, j] for j in H) +
    #     sum(W_i[k, j]*da_i[n, j] for j in H) + sum(W_o[k, j]*da_o[n, j] for j in H)
    dx = da_g @ W_g.T + da_o @ W_o.T + da_f @ W_f.T + da_i @ W_i.T
    # dh0[n, l] = sum(U_f[l, j]*da_f[n, j] for j in H) + sum(U_g[l, j]*da_g[n, j] for j in H) +
    #     sum(U_i[l, j]*da_i[n, j] for j in H) + sum(U_o[l, j]*da_o[n, j] for j in H)
    dh0 = da_g @ U_g.T + da_o @ U_o.T + da_f @ U_f.T + da_i @ U_i.T
    # dc0[n, j] = dc_total[n, j]*f[n, j]
    dc0 = dc_total * f
    # dW_i[k, j] = sum(da_i[n, j]*x[n, k] for n in N)
    dW_i = x.T @ da_i
    # dU_i[l, j] = sum(da_i[n, j]*h0[n, l] for n in N)
    dU_i = h0.T @ da_i
    # db_i[j] = sum(da_i[n, j] for n in N)
    db_i = _sum(da_i, axis=0)
    # dW_f[k, j] = sum(da_f[n, j]*x[n, k] for n in N)
    dW_f = x.T @ da_f
    # dU_f[l, j] = sum(da_f[n, j]*h0[n, l] for n in N)
    dU_f = h0.T @ da_f
    # db_f[j] = sum(da_f[n, j] for n in N)
    db_f = _sum(da_f, axis=0)
    # dW_o[k, j] = sum(da_o[n, j]*x[n, k] for n in N)
    dW_o = x.T @ da_o
    # dU_o[l, j] = sum(da_o[n, j]*h0[n, l] for n in N)
    dU_o = h0.T @ da_o
    # db_o[j] = sum(da_o[n, j] for n in N)
    db_o = _sum(da_o, axis=0)
    # dW_g[k, j] = sum(da_g[n, j]*x[n, k] for n in N)
    dW_g = x.T @ da_g
    # dU_g[l, j] = sum(da_g[n, j]*h0[n, l] for n in N)
    dU_g = h0.T @ da_g
    # db_g[j] = sum(da_g[n, j] for n in N)
    db_g = _sum(da_g, axis=0)

    (
        dx, dh0, dc0, dW_i, dU_i, db_i, dW_f, dU_f, db_f, dW_o, dU_o, db_o, dW_g, dU_g, db_g,
    ) = _finished(
        out,
        dtype,
        dx=dx,
        dh0=dh0,
        dc0=dc0,
        dW_i=dW_i,
        dU_i=dU_i,
        db_i=db_i,
        dW_f=dW_f,
        dU_f=dU_f,
        db_f=db_f,
        dW_o=dW_o,
        dU_o=dU_o,
        db_o=db_o,
        dW_g=dW_g,
        dU_g=dU_g,
        db_g=db_g,
    )
    return dx, dh0, dc0, dW_i, dU_i, db_i, dW_f, dU_f, db_f, dW_o, dU_o, db_o, dW_g, dU_g, db_g


def double_backward(
    d2dx: np.ndarray,
    d2dh0: np.ndarray,
    d2dc0: np.ndarray,
    d2dW_i: np.ndarray,
    d2dU_i: np.ndarray,
    d2db_i: np.ndarray,
    d2dW_f: np.ndarray,
    d2dU_f: np.ndarray,
    d2db_f: np.ndarray,
    d2dW_o: np.ndarray,
    d2dU_o: np.ndarray,
    d2db_o: np.ndarray,
    d2dW_g: np.ndarray,
    d2dU_g: np.ndarray,
    d2db_g: np.ndarray,
    cotangents: tuple[np.ndarray, np.ndarray],
    residuals: Residuals,
) -> tuple[
    np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray,
    np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray
]:
    """Return (d2dc, d2dh, d2x, d2h0, d2c0, d2W_i, d2U_i, d2b_i, d2W_f, d2U_f, d2b_f, d2W_o, d2U_o, d2b_o, d2W_g, d2U_g,
    d2b_g), the gradients of <dx, d2dx> + <dh0, d2dh0> + <dc0, d2dc0> + <dW_i, d2dW_i> + <dU_i, d2dU_i> + <db_i, d2db_i>
    + <dW_f, d2dW_f> + <dU_f, d2dU_f> + <db_f, d2db_f> + <dW_o, d2dW_o> + <dU_o, d2dU_o> + <db_o, d2db_o> +
    <dW_g, d2dW_g> + <dU_g, d2dU_g> + <db_g, d2db_g>.

    d2dx          array [N, K]
    d2dh0         array [N, H]
    d2dc0         array [N, H]
    d2dW_i        array [K, H]
    d2dU_i        array [H, H]
    d2db_i        array [H]
    d2dW_f        array [K, H]
    d2dU_f        array [H, H]
    d2db_f        array [H]
    d2dW_o        array [K, H]
    d2dU_o        array [H, H]
    d2db_o        array [H]
    d2dW_g        array [K, H]
    d2dU_g        array [H, H]
    d2db_g        array [H]
    cotangents    the tuple (dc, dh)
    dc            array [N, H]
    dh            array [N, H]
    d2dc          array [N, H]
    d2dh          array [N, H]
    d2x           array [N, K]
    d2h0          array [N, H]
    d2c0          array [N, H]
    d2W_i         array [K, H]
    d2U_i         array [H, H]
    d2b_i         array [H]
    d2W_f         array [K, H]
    d2U_f         array [H, H]
    d2b_f         array [H]
    d2W_o         array [K, H]
    d2U_o         array [H, H]
    d2b_o         array [H]
    d2W_g         array [K, H]
    d2U_g         array [H, H]
    d2b_g         array [H]

    <a, b> is the sum of all a[i, ...]*b[i, ...].
    The dtype and the shapes are those of the call of `forward` that the residuals are from; what has another dtype is a
    TypeError, what has another shape a ValueError. Arguments are never written to.
    """
    x, h0, c0, W_i, U_i, W_f, U_f, W_o, U_o, W_g, U_g, i, f, o, g, c, dtype = residuals
    N, K = x.shape
    H = h0.shape[1]
    if not isinstance(cotangents, tuple) or len(cotangents) != 2:
        raise TypeError(f"cotangents: expected a tuple (dc, dh), got {type(cotangents).__name__}")
    dc, dh = cotangents
    d2dx = _array("d2dx", d2dx, "(N, K)", (N, K), dtype, x.dtype)
    d2dh0 = _array("d2dh0", d2dh0, "(N, H)", (N, H), dtype, x.dtype)
    d2dc0 = _array("d2dc0", d2dc0, "(N, H)", (N, H), dtype, x.dtype)
    d2dW_i = _array("d2dW_i", d2dW_i, "(K, H)", (K, H), dtype, x.dtype)
    d2dU_i = _array("d2dU_i", d2dU_i, "(H, H)", (H, H), dtype, x.dtype)
    d2db_i = _array("d2db_i", d2db_i, "(H,)", (H,), dtype, x.dtype)
    d2dW_f = _array("d2dW_f", d2dW_f, "(K, H)", (K, H), dtype, x.dtype)
    d2dU_f = _array("d2dU_f", d2dU_f, "(H, H)", (H, H), dtype, x.dtype)
    d2db_f = _array("d2db_f", d2db_f, "(H,)", (H,), dtype, x.dtype)
    d2dW_o = _array("d2dW_o", d2dW_o, "(K, H)", (K, H), dtype, x.dtype)
    d2dU_o = _array("d2dU_o", d2dU_o, "(H, H)", (H, H), dtype, x.dtype)
    d2db_o = _array("d2db_o", d2db_o, "(H,)", (H,), dtype, x.dtype)
    d2dW_g = _array("d2dW_g", d2dW_g, "(K, H)", (K, H), dtype, x.dtype)
    d2dU_g = _array("d2dU_g", d2dU_g, "(H, H)", (H, H), dtype, x.dtype)
    d2db_g = _array("d2db_g", d2db_g, "(H,)", (H,), dtype, x.dtype)
    dc = _array("dc", dc, "(N, H)", (N, H), dtype, x.dtype)
    dh = _array("dh", dh, "(N, H)", (N, H), dtype, x.dtype)

    # dc_total[n, j] = dh[n, j]*o[n, j]*(1 - tanh(c[n, j])**2) + dc[n, j]
    dc_total = dc + dh * o * (1 - np.tanh(c)**2)
    # da_g[n, j] = dc_total[n, j]*i[n, j]*(1 - g[n, j]**2)
    da_g = i * dc_total * (1 - g**2)
    # da_o[n, j] = dh[n, j]*o[n, j]*tanh(c[n, j])*(1 - o[n, j])
    da_o = dh * o * np.tanh(c) * (1 - o)
    # da_f[n, j] = c0[n, j]*dc_total[n, j]*f[n, j]*(1 - f[n, j])
    da_f = c0 * f * dc_total * (1 - f)
    # da_i[n, j] = dc_total[n, j]*g[n, j]*i[n, j]*(1 - i[n, j])
    da_i = i * g * dc_total * (1 - i)
    # d2da_i[n, j] = d2db_i[j] + sum(W_i[k, j]*d2dx[n, k] for k in K) + sum(d2dW_i[k, j]*x[n, k] for k in K) +
    #     sum(U_i[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_i[l, j]*h0[n, l] for l in H)
    d2da_i = d2dx @ W_i + d2dh0 @ U_i + x @ d2dW_i + h0 @ d2dU_i + d2db_i
    # d2da_f[n, j] = d2db_f[j] + sum(W_f[k, j]*d2dx[n, k] for k in K) + sum(d2dW_f[k, j]*x[n, k] for k in K) +
    #     sum(U_f[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_f[l, j]*h0[n, l] for l in H)
    d2da_f = d2dx @ W_f + d2dh0 @ U_f + x @ d2dW_f + h0 @ d2dU_f + d2db_f
    # d2da_o[n, j] = d2db_o[j] + sum(W_o[k, j]*d2dx[n, k] for k in K) + sum(d2dW_o[k, j]*x[n, k] for k in K) +
    #     sum(U_o[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_o[l, j]*h0[n, l] for l in H)
    d2da_o = d2dx @ W_o + d2dh0 @ U_o + x @ d2dW_o + h0 @ d2dU_o + d2db_o
    # d2da_g[n, j] = d2db_g[j] + sum(W_g[k, j]*d2dx[n, k] for k in K) + sum(d2dW_g[k, j]*x[n, k] for k in K) +
    #     sum(U_g[l, j]*d2dh0[n, l] for l in H) + sum(d2dU_g[l, j]*h0[n, l] for l in H)
    d2da_g = d2dx @ W_g + d2dh0 @ U_g + x @ d2dW_g + h0 @ d2dU_g + d2db_g
    # d2dc_total[n, j] = c0[n, j]*d2da_f[n, j]*f[n, j] + d2dc0[n, j]*f[n, j] + i[n, j]*(g[n, j]*(d2da_i[n, j]*(1 -
    #     i[n, j]) - d2da_g[n, j]*g[n, j]) + d2da_g[n, j]) - c0[n, j]*d2da_f[n, j]*f[n, j]**2
    d2dc_total = d2dc0 * f + d2da_f * c0 * f + i * (g * (d2da_i * (1 - i) - d2da_g * g) + d2da_g) - d2da_f * c0 * f**2
    # d2c[n, j] = dh[n, j]*o[n, j]*(tanh(c[n, j])*(tanh(c[n, j])*(2*d2dc_total[n, j]*tanh(c[n, j]) +
    #     d2da_o[n, j]*(o[n, j] - 1)) - 2*d2dc_total[n, j]) + d2da_o[n, j] - d2da_o[n, j]*o[n, j])
    d2c = (
        dh * o
        * (
            d2da_o
            + np.tanh(c) * (np.tanh(c) * (d2da_o * (o - 1) + 2 * d2dc_total * np.tanh(c)) - 2 * d2dc_total)
            - d2da_o * o
        )
    )
    # d2g[n, j] = i[n, j]*(dc_total[n, j]*(d2da_i[n, j]*(1 - i[n, j]) - 2*d2da_g[n, j]*g[n, j]) + d2c[n, j])
    d2g = i * (dc_total * (d2da_i * (1 - i) - 2 * d2da_g * g) + d2c)
    # d2o[n, j] = dh[n, j]*(tanh(c[n, j])*(d2da_o[n, j]*(1 - 2*o[n, j]) - d2dc_total[n, j]*tanh(c[n, j])) +
    #     d2dc_total[n, j])
    d2o = dh * (np.tanh(c) * (d2da_o * (1 - 2 * o) - d2dc_total * np.tanh(c)) + d2dc_total)
    # d2f[n, j] = c0[n, j]*d2c[n, j] + dc_total[n, j]*(c0[n, j]*d2da_f[n, j]*(1 - 2*f[n, j]) + d2dc0[n, j])
    d2f = dc_total * (d2dc0 + d2da_f * c0 * (1 - 2 * f)) + d2c * c0
    # d2i[n, j] = d2da_g[n, j]*dc_total[n, j] + g[n, j]*(dc_total[n, j]*(d2da_i[n, j]*(1 - 2*i[n, j]) -
    #     d2da_g[n, j]*g[n, j]) + d2c[n, j])
    d2i = g * (dc_total * (d2da_i * (1 - 2 * i) - d2da_g * g) + d2c) + d2da_g * dc_total
    # d2a_g[n, j] = d2g[n, j]*(1 - g[n, j]**2)
    d2a_g = d2g * (1 - g**2)
    # d2a_o[n, j] = d2o[n, j]*o[n, j]*(1 - o[n, j])
    d2a_o = d2o * o * (1 - o)
    # d2a_f[n, j] = d2f[n, j]*f[n, j]*(1 - f[n, j])
    d2a_f = d2f * f * (1 - f)
    # d2a_i[n, j] = d2i[n, j]*i[n, j]*(1 - i[n, j])
    d2a_i = d2i * i * (1 - i)
    # d2dc[n, j] = d2dc_total[n, j]
    d2dc = d2dc_total.copy()
    # d2dh[n, j] = o[n, j]*(tanh(c[n, j])*(d2da_o[n, j]*(1 - o[n, j]) - d2dc_total[n, j]*tanh(c[n, j])) +
    #     d2dc_total[n, j])
    d2dh = o * (np.tanh(c) * (d2da_o * (1 - o) - d2dc_total * np.tanh(c)) + d2dc_total)
    # d2x[n, k] = sum(W_f[k, j]*d2a_f[n, j] for j in H) + sum(W_g[k, j]*d2a_g[n, j] for j in H) +
    #     sum(W_i[k, j]*d2a_i[n, j] for j in H) + sum(W_o[k, j]*d2a_o[n, j] for j in H) +
    #     sum(d2dW_f[k, j]*da_f[n, j] for j in H) + sum(d2dW_g[k, j]*da_g[n, j] for j in H) +
    #     sum(d2dW_i[k, j]*da_i[n, j] for j in H) + sum(d2dW_o[k, j]*da_o[n, j] for j in H)
    d2x = (
        da_i @ d2dW_i.T
        + da_f @ d2dW_f.T
        + da_o @ d2dW_o.T
        + da_g @ d2dW_g.T
        + d2a_g @ W_g.T
        + d2a_o @ W_o.T
        + d2a_f @ W_f.T
        + d2a_i @ W_i.T
    )
    # d2h0[n, l] = sum(U_f[l, j]*d2a_f[n, j] for j in H) + sum(U_g[l, j]*d2a_g[n, j] for j in H) +
    #     sum(U_i[l, j]*d2a_i[n, j] for j in H) + sum(U_o[l, j]*d2a_o[n, j] for j in H) +
    #     sum(d2dU_f[l, j]*da_f[n, j] for j in H) + sum(d2dU_g[l, j]*da_g[n, j] for j in H) +
    #     sum(d2dU_i[l, j]*da_i[n, j] for j in H) + sum(d2dU_o[l, j]*da_o[n, j] for j in H)
    d2h0 = (
        da_i @ d2dU_i.T
        + da_f @ d2dU_f.T
        + da_o @ d2dU_o.T
        + da_g @ d2dU_g.T
        + d2a_g @ U_g.T
        + d2a_o @ U_o.T
        + d2a_f @ U_f.T
        + d2a_i @ U_i.T
    )
    # d2c0[n, j] = f[n, j]*(d2da_f[n, j]*dc_total[n, j]*(1 - f[n, j]) + d2c[n, j])
    d2c0 = f * (d2da_f * dc_total * (1 - f) + d2c)
    # d2W_i[k, j] = sum(d2a_i[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_i[n, j] for n in N)
    d2W_i = d2dx.T @ da_i + x.T @ d2a_i
    # d2U_i[l, j] = sum(d2a_i[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_i[n, j] for n in N)
    d2U_i = d2dh0.T @ da_i + h0.T @ d2a_i
    # d2b_i[j] = sum(d2a_i[n, j] for n in N)
    d2b_i = _sum(d2a_i, axis=0)
    # d2W_f[k, j] = sum(d2a_f[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_f[n, j] for n in N)
    d2W_f = d2dx.T @ da_f + x.T @ d2a_f
    # d2U_f[l, j] = sum(d2a_f[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_f[n, j] for n in N)
    d2U_f = d2dh0.T @ da_f + h0.T @ d2a_f
    # d2b_f[j] = sum(d2a_f[n, j] for n in N)
    d2b_f = _sum(d2a_f, axis=0)
    # d2W_o[k, j] = sum(d2a_o[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_o[n, j] for n in N)
    d2W_o = d2dx.T @ da_o + x.T @ d2a_o
    # d2U_o[l, j] = sum(d2a_o[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_o[n, j] for n in N)
    d2U_o = d2dh0.T @ da_o + h0.T @ d2a_o
    # d2b_o[j] = sum(d2a_o[n, j] for n in N)
    d2b_o = _sum(d2a_o, axis=0)
    # d2W_g[k, j] = sum(d2a_g[n, j]*x[n, k] for n in N) + sum(d2dx[n, k]*da_g[n, j] for n in N)
    d2W_g = d2dx.T @ da_g + x.T @ d2a_g
    # d2U_g[l, j] = sum(d2a_g[n, j]*h0[n, l] for n in N) + sum(d2dh0[n, l]*da_g[n, j] for n in N)
    d2U_g = d2dh0.T @ da_g + h0.T @ d2a_g
    # d2b_g[j] = sum(d2a_g[n, j] for n in N)
    d2b_g = _sum(d2a_g, axis=0)

    (
        d2dc, d2dh, d2x, d2h0, d2c0, d2W_i, d2U_i, d2b_i, d2W_f, d2U_f, d2b_f, d2W_o, d2U_o, d2b_o, d2W_g, d2U_g, d2b_g,
    ) = _finished(
        None,
        dtype,
        d2dc=d2dc,
        d2dh=d2dh,
        d2x=d2x,
        d2h0=d2h0,
        d2c0=d2c0,
        d2W_i=d2W_i,
        d2U_i=d2U_i,
        d2b_i=d2b_i,
        d2W_f=d2W_f,
        d2U_f=d2U_f,
        d2b_f=d2b_f,
        d2W_o=d2W_o,
        d2U_o=d2U_o,
        d2b_o=d2b_o,
        d2W_g=d2W_g,
        d2U_g=d2U_g,
        d2b_g=d2b_g,
    )
    return (
        d2dc, d2dh, d2x, d2h0, d2c0, d2W_i, d2U_i, d2b_i, d2W_f, d2U_f, d2b_f, d2W_o, d2U_o, d2b_o, d2W_g, d2U_g, d2b_g
    )


def _array(
    name: str,
    value: object,
    axes: str,
    shape: tuple[int | str, ...],
    dtype: np.dtype | None = None,
    working: np.dtype | None = None,
) -> np.ndarray:
    """Return an argument as a plain array in native byte order; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. What has the `dtype` that
    it must have is returned in the dtype that is worked in.
    """
    if type(value) is np.ndarray and value.dtype == dtype == working and value.shape == shape:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name}: expected an array {axes}, got {type(value).__name__}: {error}") from error
    kinds = (np.float32, np.float64, np.float16, np.longdouble)
    if array.dtype.type not in kinds and array.dtype.name != "bfloat16":
        raise TypeError(f"{name}: expected float16, bfloat16, float32, float64 or longdouble, got {array.dtype}")
    if dtype is not None and array.dtype.type is not dtype.type:
        raise TypeError(f"{name}: expected {dtype}, as the other arrays, got {array.dtype}")
    _check_shape(name, array.shape, axes, shape)
    return array.astype(working or array.dtype.newbyteorder("="), copy=False)


def _check_shape(name: str, came: tuple[int, ...], axes: str, shape: tuple[int | str, ...]) -> None:
    """Raise ValueError where the shape that came is not the one expected."""
    lengths: dict[int | str, int] = {}
    fits = len(came) == len(shape)
    for wanted, length in zip(shape, came, strict=False):
        fits = fits and length == (lengths.setdefault(wanted, length) if isinstance(wanted, str) else wanted)
    if not fits:
        expected = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
        meaning = "" if expected == axes else f" = {axes}"
        raise ValueError(f"{name}: expected shape {expected}{meaning}, got {came}")


def _working(dtype: np.dtype, precise: bool = False) -> np.dtype:
    """Return the dtype to work in: float32 for 16 bits; where it shall be precise, at least float64."""
    working = np.dtype(np.float32) if dtype.itemsize == 2 else dtype.newbyteorder("=")
    return np.promote_types(working, np.float64) if precise else working


def _are_apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays share no memory: those that own theirs do not, which is quickly seen."""
    if one is not other and one.flags.owndata and other.flags.owndata:
        return True
    return not np.shares_memory(one, other)


def _outputs(out: object, names: Sequence[str]) -> tuple[Any, ...]:
    """Return what `out` has for each result with axes, an array or None; raise TypeError or ValueError otherwise."""
    if out is None:
        return (None,) * len(names)
    given = (out,) if len(names) == 1 and not isinstance(out, tuple) else out
    if not isinstance(given, tuple) or len(given) != len(names):
        raise TypeError(f"out: expected an array or None for each of {', '.join(names)}, got {type(out).__name__}")
    for place, one in enumerate(given):
        for before, other in enumerate(given[:place]):
            if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and not _are_apart(one, other):
                both = f"{names[before]} and {names[place]}"
                raise ValueError(f"out: expected arrays that share no memory, got those for {both}")
    return given


def _check_out(out: object, dtype: np.dtype, /, **shapes: tuple[int, ...]) -> None:
    """Raise TypeError or ValueError where a result cannot be put into `out`; the names and `shapes` are theirs."""
    for (name, shape), array in zip(shapes.items(), _outputs(out, list(shapes)), strict=True):
        if array is not None:
            _fits(name, array, shape, dtype)


def _finished(out: Any, dtype: np.dtype, /, **results: Any) -> tuple[Any, ...]:
    """Return results in their dtype, arrays in those of `out`, which has been checked, that are not None."""
    if out is not None:
        names = [name for name, result in results.items() if isinstance(result, np.ndarray)]
        for name, array in zip(names, out if isinstance(out, tuple) else (out,), strict=True):
            if array is not None and array is not results[name]:
                np.copyto(array, results[name], casting="same_kind")
                results[name] = array
    return tuple(
        value.astype(dtype, copy=False) if isinstance(value, np.ndarray) else dtype.type(value)
        for value in results.values()
    )


def _fits(name: str, out: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise TypeError or ValueError where a result cannot be put into an array."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out: expected an array for {name}, got {type(out).__name__}")
    if out.dtype != dtype or out.shape != shape:
        raise ValueError(f"out: expected {dtype} of shape {shape} for {name}, got {out.dtype} of shape {out.shape}")
    if not out.flags.writeable:
        raise ValueError(f"out: the array for {name} is read-only")


def _sum(array: np.ndarray, axis: int | tuple[int, ...], dtype: Any = None) -> np.ndarray:
    """Return the sum over axes of which the first is one, with a small error however long that is.

    NumPy's sum over the first axis adds one row after the other, in the dtype of the array. Where there are more than
    64, that goes on for 16 rows only here, and several short rows make one; these sums are added up in float64.
    """
    array = array.sum(axis=axis[1:]) if isinstance(axis, tuple) else array
    if len(array) <= 64 or not array.size:
        return np.asarray(np.add.reduce(array, axis=0).astype(dtype or array.dtype, copy=False))
    rows, width = len(array), array.size // len(array)
    fold = max(1, min(1024 // width, rows // 16))
    whole = rows - rows % (16 * fold)
    runs = array[:whole].reshape(whole // (16 * fold), 16, fold * width).sum(axis=1)
    total: np.ndarray = runs.sum(axis=0, dtype=dtype or np.result_type(array.dtype, np.float64))
    if fold > 1:
        total = total.reshape(fold, width).sum(axis=0)
    if whole < rows:
        total += array[whole:].reshape(rows - whole, width).sum(axis=0)
    return total.reshape(array.shape[1:]).astype(dtype or array.dtype, copy=False)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1/(1 + exp(-x)) to a few units in the last place; exp is taken of -|x| only, which cannot overflow."""
    decay = np.exp(-np.abs(x))
    result: np.ndarray = np.where(x >= 0, 1, decay) / (1 + decay)
    return result
