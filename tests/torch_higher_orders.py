"""What torch returns for the derivatives on the page on higher orders. Needs torch, and nothing of `derive`.

    python tests/torch_higher_orders.py            print the measurement as JSON
    python tests/torch_higher_orders.py --write    put it into derive/pages/higher_orders.json, by its version of torch

f(s, t) = <y(x + s*u + t*v), w> with y = gamma*xhat + beta, and xhat written in several ways that are the same function:
from primitives, by the fused batch norm, and by the fused norms over rows, for which the batch is transposed.
"""

import datetime
import itertools
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

DATA = Path(__file__).parent.parent / "derive" / "pages" / "higher_orders.json"
EPS = 1e-5
DTYPE = torch.float64

Curve = Callable[[Tensor], Tensor]


def primitives(x: Tensor) -> Tensor:
    centered = x - x.mean(0)
    return centered / torch.sqrt((centered**2).mean(0) + EPS)


def batch_norm(x: Tensor) -> Tensor:
    return torch.nn.functional.batch_norm(x, None, None, training=True, eps=EPS)


def native_batch_norm(x: Tensor) -> Tensor:
    return torch.native_batch_norm(x, None, None, None, None, True, 0.1, EPS)[0]


def layer_norm(x: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(x.T, (x.shape[0],), eps=EPS).T


def group_norm(x: Tensor) -> Tensor:
    return torch.nn.functional.group_norm(x.T[None], x.shape[1], eps=EPS)[0].T


def instance_norm(x: Tensor) -> Tensor:
    return torch.nn.functional.instance_norm(x.T[None], eps=EPS)[0].T


NORMS = (primitives, batch_norm, native_batch_norm, instance_norm, layer_norm, group_norm)


def grad(curve: Curve) -> Curve:
    return torch.func.grad(curve)


def jvp(curve: Curve) -> Curve:
    return lambda t: torch.func.jvp(curve, (t,), (torch.ones_like(t),))[1]


def by_autograd(curve: Curve, order: int) -> Tensor:
    t = torch.zeros((), dtype=DTYPE, requires_grad=True)
    value = curve(t)
    for _ in range(order):
        (value,) = torch.autograd.grad(value, t, create_graph=True)
    return value


def mixed_by_autograd(function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    s, t = (torch.zeros((), dtype=DTYPE, requires_grad=True) for _ in range(2))
    (by_t,) = torch.autograd.grad(function(s, t), t, create_graph=True)
    return torch.autograd.grad(by_t, s)[0]


def loss_of(norm: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    given = json.loads(DATA.read_text(encoding="utf-8"))["inputs"]
    x, gamma, beta, u, v, w = (torch.tensor(given[name], dtype=DTYPE) for name in ("x", "gamma", "beta", "u", "v", "w"))
    return lambda s, t: ((gamma * norm(x + s * u + t * v) + beta) * w).sum()


def rows(norm: Callable[[Tensor], Tensor]) -> dict[tuple[str, str], float | str]:
    """Every derivative, by its name and by how it is asked for."""
    loss = loss_of(norm)
    zero = torch.zeros((), dtype=DTYPE)
    found = {}
    for order in (1, 2, 3):
        curve: Curve = lambda t: loss(zero, t)  # noqa: E731
        found[str(order), f"autograd.grad, {order}×"] = attempt(lambda: by_autograd(curve, order))  # noqa: B023
        for way in itertools.product((grad, jvp), repeat=order):
            derivative = curve
            for transform in way:
                derivative = transform(derivative)
            calls = [f"func.{transform.__name__}" for transform in reversed(way)]
            found[str(order), "(".join([*calls, "f"]) + ")" * order] = attempt(lambda: derivative(zero))  # noqa: B023
    found["mixed", "autograd.grad, 2×"] = attempt(lambda: mixed_by_autograd(loss))
    t_first = jvp(lambda s: jvp(lambda t: loss(s, t))(zero))
    s_first = jvp(lambda t: jvp(lambda s: loss(s, t))(zero))
    found["mixed", "func.jvp(func.jvp(f)), t first"] = attempt(lambda: t_first(zero))
    found["mixed", "func.jvp(func.jvp(f)), s first"] = attempt(lambda: s_first(zero))
    return found


def attempt(compute: Callable[[], Tensor]) -> float | str:
    """The number, or the message with which torch declines."""
    try:
        return float(compute())
    except (RuntimeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def issue_196699() -> dict[str, float]:
    """The example of that issue, as it stands there in substance, and the same from primitives."""
    weight, bias = torch.tensor([1.5, -0.5], dtype=DTYPE), torch.tensor([0.25, 1.0], dtype=DTYPE)
    numbers = torch.arange(8, dtype=DTYPE)

    def curve(t: Tensor, fused: bool) -> Tensor:
        x = ((numbers + 1) * t + (numbers % 3 - 1) * t * t + numbers).reshape(2, 2, 2)
        if fused:
            y = torch.nn.functional.batch_norm(x, None, None, weight, bias, training=True, eps=0.25)
        else:
            centered = x - x.mean((0, 2), keepdim=True)
            xhat = centered / torch.sqrt((centered**2).mean((0, 2), keepdim=True) + 0.25)
            y = weight[:, None] * xhat + bias[:, None]
        return (y * (numbers + 1).reshape(2, 2, 2)).sum()

    at = torch.tensor(-6.0, dtype=DTYPE)
    return {
        "primitives": float(jvp(jvp(lambda t: curve(t, False)))(at)),
        "fused": float(jvp(jvp(lambda t: curve(t, True)))(at)),
    }


def measure() -> dict[str, Any]:
    found = {norm.__name__: rows(norm) for norm in NORMS}
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "dtype": "float64",
        "device": "CPU",
        "date": datetime.date.today().isoformat(),
        "issue 196699": issue_196699(),
        "rows": [
            {"derivative": name, "how": how, **{norm: values[name, how] for norm, values in found.items()}}
            for name, how in found["primitives"]
        ],
    }


def version(measurement: dict[str, Any]) -> list[int]:
    return [int(number) for number in measurement["torch"].partition("+")[0].split(".")]


def main() -> None:
    measured = measure()
    if "--write" in sys.argv[1:]:
        data = json.loads(DATA.read_text(encoding="utf-8"))
        others = [other for other in data["torch"] if other["torch"] != measured["torch"]]
        data["torch"] = sorted([*others, measured], key=version)
        DATA.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        print(json.dumps(measured, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
