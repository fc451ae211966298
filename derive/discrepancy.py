"""How far apart two arrays are, relative to a scale that makes sense for them.

The scale is the largest true value. Where that is nothing, or nearly so, because large terms cancel (a sum that is
zero, the gradient of a batch of one), rounding is measured against the size of the terms instead: `TERMS` is an
arithmetic that carries with each value the size of what it was added up from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Function

from derive.arithmetic import PRECISE, Arithmetic, Number
from derive.interpret import Array, evaluate


@dataclass(frozen=True)
class Term:
    """A value and the size of the terms that made it, never less than the value's own."""

    value: Number
    size: Number

    def __neg__(self) -> Term:
        return Term(-self.value, self.size)


def sized(value: Number, size: Number) -> Term:
    """A value with the size of what it was computed from."""
    made = _plain(value)
    return Term(made.value, max(made.size, _plain(size).size))


def _plain(value: Number) -> Term:
    return value if isinstance(value, Term) else Term(_precise(value), abs(_precise(value)))


def _precise(value: Number) -> Number:
    return evaluate(value, {}, {}, {}, PRECISE) if isinstance(value, Expr) else PRECISE.add([value])


def _add(terms: Sequence[Number]) -> Term:
    made = [_plain(term) for term in terms]
    return Term(PRECISE.add([t.value for t in made]), PRECISE.add([t.size for t in made]))


def _multiply(factors: Sequence[Number]) -> Term:
    made = [_plain(factor) for factor in factors]
    return Term(PRECISE.multiply([f.value for f in made]), PRECISE.multiply([f.size for f in made]))


def _power(base: Number, exponent: Number) -> Term:
    base, exponent = _plain(base), exponent if isinstance(exponent, int) else _plain(exponent).value
    value = PRECISE.power(base.value, exponent)
    if base.value == 0:
        return Term(value, PRECISE.power(base.size, exponent) if exponent > 0 else abs(value))
    # A relative error grows by the exponent.
    return Term(value, abs(value) * max(1, abs(exponent)) * base.size / abs(base.value))


def _apply(function: Callable[[Number], Number]) -> Callable[[Number], Term]:
    """A function and about what an error of its argument does: log divides it, exp multiplies it, the rest bound it."""

    def call(argument: Number) -> Term:
        made = _plain(argument)
        value = function(made.value)
        grown = made.size * max(1, abs(value)) if made.value else made.size
        return Term(value, abs(value) + grown)

    return call


TERMS = Arithmetic(
    name="size of terms",
    number=_plain,
    compare=lambda a, b: PRECISE.compare(_plain(a).value, _plain(b).value),
    power=_power,
    square_root=lambda a: _power(a, _plain(sympy.Rational(1, 2))),
    functions={kind: _apply(function) for kind, function in PRECISE.functions.items()},
    add=_add,
    multiply=_multiply,
)


def worst_error(true: Array, claimed: Array, bound: float, terms: Callable[[], Iterable[Term]]) -> float:
    """The largest difference, over the largest true value; or over the size of the terms when that passes `bound`.

    Infinite where a claimed value is not finite. `terms` is asked only when it matters.
    """
    differences = [_difference(value, claimed[place]) for place, value in true.items()]
    worst = max(differences, default=0)
    if worst == 0:
        return 0.0
    if not all(map(math.isfinite, differences)):
        return math.inf
    scale = max(abs(_precise(value)) for value in true.values())
    if scale and worst <= bound * scale:
        return float(worst / scale)
    sizes = [scale, *(term.size for term in terms())]
    scale = max(size for size in sizes if math.isfinite(size))
    if all(claimed[place] == 0 for place in true):
        # A zero that SymPy made of 1 - s/s has no terms; what is true of it is the noise of a difference.
        scale = max(scale, _precise(math.sqrt(bound)))
    return float(worst / scale) if scale else math.inf


def _difference(true: Number, claimed: Number) -> Number:
    """The absolute difference of two numbers; of expressions an exact zero, where SymPy sees it."""
    difference = true - claimed
    # Roots and rational numbers SymPy combines; of exp(1/3) and its like only the digits can be compared.
    if isinstance(difference, Expr) and not difference.has(Function):
        difference = sympy.expand(difference)
    value = abs(_precise(difference))
    return value if not math.isnan(value) else _precise(math.inf)
