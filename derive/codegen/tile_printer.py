"""One statement on a tile of rows as NumPy calls that write into arrays that are there: np.multiply(a, b, out=c).

    dx[i, j] = factor[j]*(dy[i, j] - term[j] - q[j]*xhat[i, j])
    ──▶  np.subtract(dy, term, out=dx);  np.multiply(q, xhat, out=scratch[0]);  np.subtract(dx, scratch[0], out=dx);
         np.multiply(dx, factor, out=dx)

What has no rows and is more than one element is computed before the pass, under a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Symbol

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.axes import Axes, Code
from derive.codegen.dialects import Dialect, Like
from derive.codegen.products import Summation, take_apart
from derive.codegen.runtime import SUM, SUM_OF_PRODUCTS
from derive.codegen.schedule.statements import Statement
from derive.graph import Quantity
from derive.indices import free_indices


class TilePrinter(ArrayPrinter):
    """Prints the statements of one pass.

    `lines` are the calls, `hoisted` what is computed before the pass, by name; `scratch` is how many arrays for parts
    of results there have to be. `taken` are names that are not to be given again.
    """

    def __init__(
        self, quantities: Mapping[str, Quantity], like: Like, dialect: Dialect, taken: set[str]
    ) -> None:
        super().__init__(quantities, (), like, dialect)
        self.lines: list[str] = []
        self.hoisted: dict[str, tuple[Expr, Axes]] = {}
        self.scratch = 0
        self._free: list[str] = []
        self._taken = taken
        self._axes: Axes = ()
        self._rows: Symbol | None = None
        self._statement: Statement | None = None

    def start(self, statement: Statement, axes: Axes, rows: Symbol | None, extents: Mapping[Symbol, str]) -> None:
        """Begin with a statement over these axes, of which one may be that of the rows; each has its extent."""
        self._statement, self._axes, self._rows = statement, axes, rows
        self._extent_of = dict(extents)
        self._order = {symbol: place for place, symbol in enumerate(axes)}
        self.lines = []

    def take(self) -> str:
        """A scratch array that is free."""
        if not self._free:
            self._free.append(f"scratch[{self.scratch}]")
            self.scratch += 1
        return self._free.pop()

    def put_back(self, code: Code) -> None:
        """Let a scratch array be used again."""
        if code.startswith("scratch["):
            self._free.append(str(code))

    def into(self, expression: Expr, target: str) -> Code:
        """What holds an expression: `target`, once `lines` are run, or what was there anyway."""
        if not self._is_whole(expression):
            return self._small(expression)
        if isinstance(expression, Add):
            return self._sum_into(expression, target)
        if isinstance(expression, Mul):
            return self._product_into(expression, target)
        if isinstance(expression, Pow) and expression.exp in (2, Rational(1, 2)):
            return self._call("square" if expression.exp == 2 else "sqrt", [self.into(expression.base, target)], target)
        text = self._dialect.functions.get(type(expression), "")
        if text.startswith("np.") and text.endswith("({})"):
            return self._call(text[3:-4], [self.into(expression.args[0], target)], target)
        return self._print(expression)

    def summed(self, statement: Statement) -> Code:
        """The sum, or another reduction, of what a statement reduces."""
        if isinstance(statement.expression, Indexed):
            return self.reduced(statement, self._print(statement.expression))
        factors = self._two_factors(statement)
        if factors:
            codes = [self._operand(factor) for factor in dict.fromkeys(factors)]
            for code in codes:
                self.put_back(code)
            return Code(f"{SUM_OF_PRODUCTS.__name__}({codes[0]}, {codes[-1]}, dtype=np.float64)", self._axes[1:])
        target = self.take()
        return self.reduced(statement, self.into(statement.expression, target), target)

    def _two_factors(self, statement: Statement) -> tuple[Expr, ...]:
        """The factors of a product of two that is summed up over the rows alone, both with all axes; else none."""
        if statement.kind != "sum" or statement.bound != self._axes[:1]:
            return ()
        base, exponent = statement.expression.as_base_exp()
        factors = (base, base) if exponent == 2 else Mul.make_args(statement.expression)
        return tuple(factors) if len(factors) == 2 and all(map(self._is_whole, factors)) else ()

    def reduced(self, statement: Statement, body: Code, target: str = "") -> Code:
        """The reduction of what is in `body`."""
        places = sorted(body.axes.index(symbol) for symbol in statement.bound if symbol in body.axes)
        left = tuple(axis for place, axis in enumerate(body.axes) if place not in places)
        self._free += [target] if target else []
        text = self._dialect.reduce(statement.kind, body, places if left else None)
        if self._rows in statement.bound and text.startswith(SUM.__name__):
            text = text[:-1] + ", dtype=np.float64)"  # not to be rounded tile by tile
        return Code(text, left)

    def plain(self, expression: Expr, axes: Axes | None = None) -> Code:
        """The text of an expression that is computed as it stands."""
        code = self._print(expression)
        return code if axes is None else self._dialect.transpose(code, axes)

    def whole(self, code: Code) -> Code:
        """What is computed as it stands, with its axes as they are in the statement."""
        return self._dialect.align(code, self._axes)

    def _is_whole(self, expression: Expr) -> bool:
        return set(free_indices(expression)) == set(self._axes)

    def _small(self, expression: Expr) -> Code:
        """What has fewer axes: in place where it is one element or has rows, else by the name of what is hoisted."""
        code = self._print(expression)
        if not code.axes and code.weak:
            return code
        if isinstance(expression, (Indexed, Symbol)) or self._rows in free_indices(expression):
            return code
        for name, known in self.hoisted.items():
            if known[0] == expression and known[1] == code.axes:
                return Code(name, code.axes)
        assert self._statement is not None
        kind = "term" if isinstance(expression, Add) else "factor"
        number = 1
        while (name := f"{self._statement.name}_{kind}{number if number > 1 else ''}") in self._taken:
            number += 1
        self._taken.add(name)
        self.hoisted[name] = expression, code.axes
        return Code(name, code.axes)

    def _call(self, function: str, operands: Sequence[Code], target: str) -> Code:
        texts = [self._dialect.align(code, self._axes) for code in operands]
        self.lines.append(f"np.{function}({', '.join([*texts, f'out={target}'])})")
        return Code(target, self._axes)

    def _operand(self, expression: Expr, target: str = "") -> Code:
        """A further operand: where it has to be computed, in `target`, or else in a scratch array of its own."""
        if not self._is_whole(expression) or isinstance(expression, Indexed):
            return self.into(expression, "")
        own = target or self.take()
        code = self.into(expression, own)
        if code != own and not target:
            self._free.append(own)
        return code

    def _combined(self, function: str, done: Code, expression: Expr, target: str) -> Code:
        """The result, in `target`, of a function of what is done and of an expression."""
        code = self._operand(expression, "" if done == target else target)
        done = self._call(function, [done, code], target)
        if code != target:
            self.put_back(code)
        return done

    def _sum_into(self, expression: Add, target: str) -> Code:
        terms = []
        for term in expression.args:
            negative = bool(term.as_coeff_Mul()[0] < 0)
            terms.append((negative, -term if negative else term))
        terms.sort(key=lambda each: (self._cost(each[1]), each[0], str(each[1])))
        first = next((each for each in terms if not each[0]), terms[0])
        others = [each for each in terms if each is not first]
        done = self.into(first[1], target)
        if first[0]:
            done = self._call("negative", [done], target)
        for negative, term in others:
            done = self._combined("subtract" if negative else "add", done, term, target)
        return done

    def _cost(self, term: Expr) -> int:
        """What comes first: elements, then what has fewer axes, then what has to be computed."""
        return 0 if isinstance(term, Indexed) and self._is_whole(term) else 1 if not self._is_whole(term) else 2

    def _product_into(self, expression: Mul, target: str) -> Code:
        product = take_apart(self._scaled(expression), self._layout)
        above, below = [f for f in product.above if not isinstance(f, Summation)], list(product.below)
        whole = sorted((f for f in above if self._is_whole(f)), key=lambda f: (-self._cost(f), str(f)))
        divisors = [f for f in below if self._is_whole(f)]
        groups: dict[frozenset[Symbol], list[Expr]] = {}
        for factor in [f for f in above if f not in whole] + [1 / f for f in below if f not in divisors]:
            groups.setdefault(frozenset(free_indices(factor)), []).append(factor)
        numbers = [product.coefficient, *groups.pop(frozenset(), [])]
        small = [Mul(*factors) for factors in groups.values()]
        if small:
            small[0] = Mul(*numbers, small[0])
        elif Mul(*numbers) != 1:
            small = [Mul(*numbers)]
        operands = [*whole, *small] or [Integer(1)]
        done = self.into(operands[0], target)
        for factor in [*operands[1:], *(1 / divisor for divisor in divisors)]:
            above, below = factor.as_numer_denom()
            divides = above == 1 and below != 1
            done = self._combined("divide" if divides else "multiply", done, below if divides else factor, target)
        return done

    def _scaled(self, expression: Mul) -> Expr:
        """The product with the number of an element in a sum of terms moved out: N*(dy - s/N), not N*dy - s.

        That is one operation less, and what is subtracted from the element meets all of its digits.
        """
        for factor in expression.args:
            if isinstance(factor, Add) and self._is_whole(factor):
                for term in factor.args:
                    elements = [e for e in Mul.make_args(term) if isinstance(e, Indexed) and self._is_whole(e)]
                    number = term / elements[0] if len(elements) == 1 else Integer(1)
                    if number != 1 and number != -1 and not free_indices(number):
                        scaled = Add(*(each / number for each in factor.args))
                        return Mul(number, scaled, *(other for other in expression.args if other is not factor))
        return expression

