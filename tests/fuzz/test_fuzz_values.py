"""The values that a text has are computed without the parser, and told from those of another text."""

from __future__ import annotations

import pytest

pytest.importorskip("resource", reason="limits of memory and of the time of a processor")

from fuzz_values import check_values
from fuzz_watch import Wrong

from derive.parser import parse_layer

HEAD = "x: [N, D]\nw: [D]\nc: constant = 1/3\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2*x[i, j]", "3*x[i, j]"),
        ("x[i, j] - w[j]", "x[i, j] + w[j]"),
        ("x[i, j]/w[j]", "x[i, j]*w[j]"),
        ("sum(x[k, j] for k in N)*x[i, j]", "mean(x[k, j] for k in N)*x[i, j]"),
        ("max(x[k, j] for k in N) + x[i, j]", "prod(x[k, j] for k in N) + x[i, j]"),
        ("where(x[i, j] < w[j], 1, 2)", "where(x[i, j] >= w[j], 1, 2)"),
        ("2 - 1 - x[i, j]", "2 - (1 - x[i, j])"),
        ("-x[i, j]**2", "(-x[i, j])**2"),
        ("2**3**c*x[i, j]", "(2**3)**c*x[i, j]"),
        ("relu(x[i, j])", "abs(x[i, j])"),
        ("1e-15*x[i, j] + x[i, j]", "x[i, j]*c*3"),
        ("delta(i, i)*x[i, j]", "0*x[i, j]"),
        ("sign(x[i, j])", "tanh(x[i, j])"),
        ("x[i, j]*pi", "x[i, j]*3.14159265358979"),
        ("x[i, j]*N", "x[i, j]*D"),
    ],
)
def test_another_value_is_seen(written: str, read: str) -> None:
    check_values(f"{HEAD}y[i, j] = {written}\n", parse_layer(f"{HEAD}y[i, j] = {written}\n"))
    with pytest.raises(Wrong, match="y is read as what has another value"):
        check_values(f"{HEAD}y[i, j] = {written}\n", parse_layer(f"{HEAD}y[i, j] = {read}\n"))


def test_what_has_no_value_says_nothing() -> None:
    for right in ("log(-x[i, j]**2)", "sqrt(-1 - x[i, j]**2)"):
        check_values(f"{HEAD}y[i, j] = {right}\n", parse_layer(f"{HEAD}y[i, j] = x[i, j]\n"))
