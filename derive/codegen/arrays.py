"""Expressions with indices as whole-array code; the axes follow from the indices. In the dialect of NumPy:

    gamma[j]*xhat[i, j] + beta[j]              ──▶  gamma * xhat + beta
    sum((x[i, j] - mu[j])**2 for i in N)/N     ──▶  np.mean((x - mu)**2, axis=0)
    sum(x[i, k]*W[k, o] for k in D)            ──▶  x @ W

Numbers and extents are Python numbers, so that the dtype of the arrays is kept; what a library would make an array of
its own type (the mask of a condition, an identity matrix) is given theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sympy import Expr, Indexed, Integer, Mul, Rational, Sum, Symbol

from derive.codegen.axes import ATOM, POWER, Code
from derive.codegen.contractions import contract
from derive.codegen.decimals import decimal_text
from derive.codegen.elementwise import ElementwisePrinter
from derive.codegen.products import Product, Summation, indices_of, maximal_sets, take_apart
from derive.codegen.quotients import quotient
from derive.functions import MaxOver, ProductOver, limits_of

_ZERO, _ONE = Code("0", weak=True), Code("1", weak=True)


class ArrayPrinter(ElementwisePrinter):
    """Prints an expression as the array over `indices` that it defines.

    `quantities` are those that the expression mentions, `like` says what new arrays are like.
    Afterwards `extents` has the names of the extents that the text uses. Raises TypeError, with the type's name, for
    a node that it does not know: what SymPy's printer would print for it is about scalars.
    """

    def doprint(self, expr: Expr, assign_to: None = None) -> str:
        """The text of the whole array."""
        axes = tuple(index.symbol for index in self._indices)
        code = self._print(expr)
        if not axes and not code.axes:
            return self._dialect.number(code, self._like)
        if set(code.axes) == set(axes):
            return str(self._dialect.transpose(code, axes))
        if not set(code.axes) <= set(axes):
            raise ValueError(f"{expr} has an index that is not among {axes}")
        shape = ", ".join(self._extent(index.extent) for index in self._indices)
        shape = f"({shape},)" if len(axes) == 1 else f"({shape})"
        if code == "0":
            return self._dialect.zeros(shape, self._like)
        return self._dialect.full(shape, self._dialect.align(code, axes), self._like)

    def doprint_new(self, expr: Expr) -> str:
        """As doprint, but an array of its own: a copy where the text would be a view of another array."""
        text = self.doprint(expr)
        return self._dialect.copy(text) if self._is_view(expr) else text

    def _is_view(self, expr: Expr) -> bool:
        if not self._indices and self._dialect.has_scalars:
            return False
        code = self._print(expr)
        whole = len(code.axes) == len(self._indices) and not code.weak
        return whole and (isinstance(expr, Indexed) or code.isidentifier())

    def aligned(self, *expressions: Expr) -> list[Code]:
        """The texts of several expressions whose arrays broadcast against each other."""
        codes = [self._print(expression) for expression in expressions]
        axes = self._common(codes)
        return [self._dialect.align(code, axes) for code in codes]

    # Products.

    def _print_Rational(self, expr: Rational) -> Code:
        return self._signed(expr < 0, self._quotient([], [], abs(expr)))

    def _print_Mul(self, expr: Mul) -> Code:
        return self._signed(*self._sign_and_size(expr))

    def _print_Sum(self, expr: Sum) -> Code:
        return self._signed(*self._sign_and_size(expr))

    def _sign_and_size(self, expr: Expr) -> tuple[bool, Code]:
        product = take_apart(expr, self._layout)
        return bool(product.coefficient < 0), self._unsigned(product)

    def _unsigned(self, product: Product) -> Code:
        """A product without its sign: the coefficient's is left out."""
        coefficient = abs(product.coefficient)
        above, below = list(product.above), list(product.below)
        for factor in above:
            condition = None if isinstance(factor, Summation) else self._condition(factor)
            if condition is not None and len(above) + len(below) > 1:
                # Better than a product with zeros and ones: NaN and infinity stay where they are.
                above.remove(factor)
                rest = self._unsigned(Product(coefficient, tuple(above), tuple(below)))
                return self._choose(condition[0], *((rest, _ZERO) if condition[1] else (_ZERO, rest)))
        numerators = [self._factor(factor, below) for factor in above]
        return self._quotient(numerators, [self._print(factor) for factor in below], coefficient)

    def _quotient(self, above: list[Code], below: list[Code], coefficient: Rational) -> Code:
        decimal = decimal_text(coefficient)
        if decimal is not None:
            front, behind = [decimal] if coefficient != 1 else [], []
        else:
            front = [str(coefficient.p)] if coefficient.p != 1 else []
            behind = [str(coefficient.q)]
        above = [Code(text, weak=True) for text in front] + above
        below = [Code(text, weak=True) for text in behind] + below
        return quotient(above or [_ONE], below, self._common, self._dialect)

    def _factor(self, factor: Expr | Summation, below: list[Expr]) -> Code:
        """One factor above the line. A sum that is a mean takes its extents away from `below`."""
        if not isinstance(factor, Summation):
            return self._print(factor)
        extents = [extent for _, extent in factor.limits]
        if self._is_contraction(factor) or not all(below.count(extent) >= extents.count(extent) for extent in extents):
            return self._summed(factor, "sum")
        for extent in extents:
            below.remove(extent)
        return self._summed(factor, "mean")

    # Reductions.

    def _is_contraction(self, sum_: Summation) -> bool:
        """Whether a sum is one of products of arrays whose indices differ, of which no product is formed."""
        sets = [indices_of(factor) for factor in (*sum_.above, *sum_.below)]
        if len(maximal_sets(sets)) > 1:
            return True
        # A matrix times a vector.
        if len(sum_.above) != 2 or sum_.below or len(sum_.bound) > 1:
            return False
        return sets[0] & sets[1] == sum_.bound and len(sets[0] | sets[1]) <= 2

    def _summed(self, sum_: Summation, method: str) -> Code:
        self._enter(sum_.limits)
        if not self._is_contraction(sum_):
            body = self._unsigned(Product(Integer(1), sum_.above, sum_.below))
            return self._reduce(body, sum_.limits, method)
        factors = [*((f, True) for f in sum_.above), *((f, False) for f in sum_.below)]
        groups = maximal_sets([indices_of(factor) for factor, _ in factors])
        if len(groups) == 1:
            operands = [self._factor(factor, []) for factor in sum_.above]
        else:
            operands = self._operands(factors, groups)
        return contract(operands, sum_.bound, self._rank, self._dialect)

    def _operands(
        self, factors: Sequence[tuple[Expr | Summation, bool]], groups: Sequence[frozenset[Symbol]]
    ) -> list[Code]:
        """The operands of a contraction: each factor goes to the first group that has its indices."""
        chosen: list[tuple[list[Expr | Summation], list[Expr]]] = [([], []) for _ in groups]
        for factor, above in factors:
            place = next(place for place, group in enumerate(groups) if indices_of(factor) <= group)
            chosen[place][0 if above else 1].append(factor)
        return [self._unsigned(Product(Integer(1), tuple(above), tuple(below))) for above, below in chosen]

    def _print_MaxOver(self, expr: MaxOver) -> Code:
        return self._over(expr, "max")

    def _print_ProductOver(self, expr: ProductOver) -> Code:
        return self._over(expr, "prod")

    def _over(self, expr: MaxOver | ProductOver, method: str) -> Code:
        limits = [(symbol, extent) for symbol, extent in limits_of(expr)]
        self._enter(limits)
        body = self._print(expr.function)
        code = self._reduce(body, [limit for limit in limits if limit[0] in body.axes], method)
        absent = [self._extent(extent.name) for symbol, extent in limits if symbol not in body.axes]
        if method == "max" or not absent:
            return code
        power = absent[0] if len(absent) == 1 else f"({' * '.join(absent)})"
        return Code(f"{code.within(ATOM)}**{power}", code.axes, POWER, code.weak)

    def _enter(self, limits: Iterable[tuple[Symbol, Symbol]]) -> None:
        """Note the bound indices of a reduction: their extents, and that they come behind those around them."""
        for symbol, extent in limits:
            self._extent_of[symbol] = extent.name
            self._order.setdefault(symbol, len(self._order))

    def _reduce(self, body: Code, limits: Sequence[tuple[Symbol, Symbol]], method: str) -> Code:
        if not limits:
            return body
        places = sorted(body.axes.index(symbol) for symbol, _ in limits)
        left = tuple(axis for place, axis in enumerate(body.axes) if place not in places)
        return Code(self._dialect.reduce(method, body, places if left else None), left)
