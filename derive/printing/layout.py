"""How a product or a sum is laid out on paper, in any medium: sign, fraction, order of factors and of terms.

SymPy keeps factors and terms in an order of its own. Here a product is a sign, a number, a fraction, and factors with
reductions last, and a sum has its positive terms first, then its terms without reductions before those with.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Pow, Rational, Symbol, exp

from derive.functions import where
from derive.graph import name_of
from derive.indices import REDUCTIONS
from derive.printing.names import Names

_HALF = Rational(1, 2)
_LONG = 8  # a sum of so many letters stands beside a fraction, where it can be broken
# Orders of the factors of a product.
_EXTENT, _SMALL, _POWER, _GRADIENT, _LOCAL, _ELEMENT, _SMALL_GRADIENT, _OTHER, _BRACKET, _CASES, _REDUCTION = range(11)


@dataclass(frozen=True)
class Product:
    """A product in reading order: sign, positive `coefficient`, numerator over denominator, then `factors`."""

    negative: bool
    coefficient: Rational
    numerator: tuple[Expr, ...]
    denominator: tuple[Expr, ...]
    factors: tuple[Expr, ...]


@dataclass(frozen=True)
class _Traits:
    """What ordering asks of an expression: the indices of its largest element, its size, what it holds."""

    indices: int
    size: int
    leaves: tuple[tuple[int, str], ...]
    reduction: bool
    gradients: tuple[int, ...]  # when the derivatives of the loss in it were introduced


class Layout:
    """The reading order of products and sums, given what the names in them are."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._traits: dict[Expr, _Traits] = {}
        self._products: dict[Expr, Product] = {}

    def product(self, expression: Expr) -> Product:
        """Any expression as a product; one that is none has a single factor."""
        found = self._products.get(expression)
        if found is None:
            found = self._products[expression] = self._split(expression)
        return found

    def terms(self, expression: Expr) -> list[tuple[bool, Expr]]:
        """The terms of a sum in reading order, each with whether it has a minus."""
        signed = [(self.product(term).negative, term) for term in expression.args]
        gradients = [self._look(term).gradients for term in expression.args]
        # Contributions that are added up stand in the order of their paths.
        paths = all(gradients) and not any(negative for negative, _ in signed)
        functions = any(isinstance(f, Function) for term in expression.args for f in _flat_factors(term))

        def key(item: tuple[bool, Expr]) -> tuple[object, ...]:
            traits = self._look(item[1])
            # In a gradient short terms come first; in a forward equation the large arrays do.
            order = (traits.size, -traits.indices) if any(gradients) else (-traits.indices, traits.size)
            path = traits.gradients[:1] if paths else ()
            number = isinstance(item[1], Rational)
            multiple = self.product(item[1]).coefficient != 1
            # 1 + exp(x), but x + 1.
            first = not (functions and number)
            return (item[0], first, path, traits.reduction, number, *order, traits.leaves, multiple)

        return sorted(signed, key=key)

    def _split(self, expression: Expr) -> Product:
        coefficient = Rational(1)
        above: list[Expr] = []
        below: list[Expr] = []
        for factor in _flat_factors(expression):
            if isinstance(factor, Rational):
                coefficient *= factor
            elif isinstance(factor, Pow) and goes_below(factor.exp):
                below.append(factor.base if factor.exp == -1 else Pow(factor.base, -factor.exp))
            else:
                above.append(factor)
        negative = bool(coefficient < 0)
        elements = [f for f in (*above, *below) if name_of(f) and self._names.role(name_of(f)) != "local_derivative"]
        most = max((self._look(f).indices for f in elements), default=0)
        above.sort(key=lambda factor: self._rank(factor, most))
        below.sort(key=lambda factor: self._rank(factor, most))
        numerator: list[Expr] = []
        if below:
            numerator = [f for f in above if self._is_flat(f) and not isinstance(f, Add)]
            sums = [f for f in above if isinstance(f, Add)]
            if not numerator and len(sums) == 1 and self._is_flat(sums[0]) and self._look(sums[0]).size <= _LONG:
                numerator = sums
            above = [f for f in above if f not in numerator]
        return Product(negative, abs(coefficient), tuple(numerator), tuple(below), tuple(above))

    def _rank(self, factor: Expr, most: int) -> tuple[object, ...]:
        traits = self._look(factor)
        return (self._kind(factor, most), traits.indices, traits.size, traits.leaves)

    def _kind(self, factor: Expr, most: int) -> int:
        base = factor.base if isinstance(factor, Pow) and not isinstance(factor, exp) else factor
        name = name_of(base)
        if isinstance(base, REDUCTIONS):
            return _REDUCTION
        if isinstance(base, where):
            return _CASES
        if isinstance(base, Add):
            return _BRACKET if base is factor else _POWER
        if name is None:
            return _EXTENT if isinstance(base, Symbol) else _OTHER
        small = self._look(base).indices < most
        if self._names.is_gradient(name):
            return _SMALL_GRADIENT if small else _GRADIENT
        if self._names.role(name) == "local_derivative":
            return _LOCAL
        return _SMALL if small else _ELEMENT

    def _is_flat(self, expression: Expr) -> bool:
        """Whether an expression may stand above a fraction's line: no reduction, no cases, no derivative in it."""
        if isinstance(expression, (*REDUCTIONS, where)):
            return False
        if isinstance(expression, Indexed):
            return self._names.is_plain(name_of(expression))
        if isinstance(expression, Symbol):
            return self._names.is_plain(name_of(expression))
        if isinstance(expression, Pow) and not isinstance(expression, exp) and isinstance(expression.base, Add):
            # (var + eps)**(-3/2) stays outside, as it is usually written.
            return expression.exp == _HALF and self._is_flat(expression.base)
        return all(self._is_flat(argument) for argument in expression.args)

    def _look(self, expression: Expr) -> _Traits:
        found = self._traits.get(expression)
        if found is None:
            found = self._traits[expression] = self._traits_of(expression)
        return found

    def _traits_of(self, expression: Expr) -> _Traits:
        name = name_of(expression)
        if name is not None:
            indices = expression.indices if isinstance(expression, Indexed) else ()
            text = ",".join([name, *(getattr(i, "name", None) or str(i) for i in indices)])
            leaf = (self._names.position(name), text)
            return _Traits(len(indices), 1, (leaf,), False, leaf[:1] if self._names.is_gradient(name) else ())
        if isinstance(expression, Symbol):
            return _Traits(0, 1, ((-1, str(expression.name)),), False, ())
        reduction = isinstance(expression, REDUCTIONS)
        parts = [self._look(a) for a in ((expression.function,) if reduction else expression.args)]
        return _Traits(
            max((part.indices for part in parts), default=0),
            sum(part.size for part in parts) + reduction,
            tuple(leaf for part in parts for leaf in part.leaves),
            reduction or any(part.reduction for part in parts),
            tuple(sorted(position for part in parts for position in part.gradients)),
        )


def _flat_factors(expression: Expr) -> list[Expr]:
    if not isinstance(expression, Mul):
        return [expression]
    return [factor for argument in expression.args for factor in _flat_factors(argument)]


def goes_below(exponent: Expr) -> bool:
    """Whether a power belongs below a fraction's line: 1/x, 1/x**2, 1/sqrt(x), but not x**(-3/2)."""
    return bool(exponent.is_Rational and exponent < 0 and (isinstance(exponent, Integer) or exponent == -_HALF))
