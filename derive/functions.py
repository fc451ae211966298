"""The functions of the layer grammar that SymPy lacks, as inert SymPy classes.

None of them evaluates or simplifies: what a reader should see, a named rule does. Their derivatives are in
`differentiate.py`, their values in `interpret.py`, their looks in `printing/`.
"""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Expr, Function, Symbol
from sympy.concrete.expr_with_limits import AddWithLimits, ExprWithLimits


class log1p(Function):  # noqa: N801 - the names of the grammar
    """log(1 + x), exact for small x."""


class sigmoid(Function):  # noqa: N801
    """1/(1 + exp(-x))."""


class softplus(Function):  # noqa: N801
    """log(1 + exp(x)), the integral of sigmoid."""


class relu(Function):  # noqa: N801
    """max(x, 0); its derivative at 0 is taken as 0."""


class maximum(Function):  # noqa: N801
    """The larger of two values; where they are equal the derivative goes to the first."""


class minimum(Function):  # noqa: N801
    """The smaller of two values; where they are equal the derivative goes to the first."""


class where(Function):  # noqa: N801
    """where(condition, a, b): a where the condition holds, else b. The condition is a SymPy relational."""

    is_commutative = True  # SymPy would ask the condition, which cannot say


class delta(Function):  # noqa: N801
    """Kronecker's delta of two indices: 1 where they are equal, else 0."""


class MaxOver(ExprWithLimits):
    """The maximum of an expression over bound indices; among ties the derivative is shared equally.

    Written with the limits of SymPy's Sum: `MaxOver(x[i, j], (i, 1, N))`.
    """

    def __new__(cls, function: Expr, *limits: tuple[Symbol, int, Expr]) -> MaxOver:
        # AddWithLimits.__new__ is the unevaluating constructor that Sum uses, too.
        made: MaxOver = AddWithLimits.__new__(cls, function, *limits)
        return made


class ProductOver(ExprWithLimits):
    """The product of an expression over bound indices, inert where SymPy's Product evaluates."""

    def __new__(cls, function: Expr, *limits: tuple[Symbol, int, Expr]) -> ProductOver:
        made: ProductOver = AddWithLimits.__new__(cls, function, *limits)
        return made


ELEMENTWISE: tuple[type[Function], ...] = (log1p, sigmoid, softplus, relu, maximum, minimum, where, delta)


def limits_of(reduction: ExprWithLimits) -> Iterable[tuple[Symbol, Expr]]:
    """The (bound index symbol, extent) pairs of a Sum, MaxOver or ProductOver."""
    return [(limit[0], limit[2]) for limit in reduction.limits]
