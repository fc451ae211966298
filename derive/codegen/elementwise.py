"""Elements, sums, powers, functions and conditions as array code; products and reductions are in `arrays.py`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Add, Expr, Indexed, NumberSymbol, Pow, Rational, Symbol
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne, Relational
from sympy.printing.numpy import NumPyPrinter

from derive.codegen.axes import ATOM, COMPARISON, POWER, SUM, Axes, Code, common_axes, letters
from derive.codegen.centering import distance
from derive.codegen.dialects import FLOATS, NUMPY, Dialect, Like
from derive.functions import delta, where
from derive.graph import Index, Quantity, name_of
from derive.printing.layout import Layout
from derive.printing.names import Names

_RELATIONS: dict[type[Relational], str] = {Eq: "==", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}
_HALF = Rational(1, 2)


class ElementwisePrinter(NumPyPrinter):
    """The part of ArrayPrinter that works element by element."""

    def __init__(
        self,
        quantities: Mapping[str, Quantity],
        indices: Sequence[Index] = (),
        like: Like = FLOATS,
        dialect: Dialect = NUMPY,
        plain: bool = False,
    ) -> None:
        super().__init__()
        self.extents: dict[str, None] = {}
        self._layout = Layout(Names(quantities))
        self._indices = tuple(indices)
        self._like, self._dialect, self._plain = like, dialect, plain
        self._order = {index.symbol: place for place, index in enumerate(indices)}
        self._extent_of = {index.symbol: index.extent for index in indices}

    @abstractmethod
    def _sign_and_size(self, expr: Expr) -> tuple[bool, Code]:
        """Whether a product has a minus, and the rest of it."""

    def _print(self, expr: Expr, **_: Any) -> Code:
        for kind in type(expr).__mro__:
            name = f"_print_{kind.__name__}"
            if any(name in vars(own) for own in self._own_classes()):
                code: Code = getattr(self, name)(expr)
                return code
        raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")

    @classmethod
    def _own_classes(cls) -> Sequence[type]:
        """The classes whose methods print; those of SymPy's printer are about scalars."""
        return cls.__mro__[: cls.__mro__.index(NumPyPrinter)]

    # Leaves.

    def _print_NumberSymbol(self, expr: NumberSymbol) -> Code:
        if type(expr) not in self._dialect.constants:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        return Code(self._dialect.constants[type(expr)], weak=True)

    def _print_Symbol(self, expr: Symbol) -> Code:
        if name_of(expr) is not None:
            return Code(expr.name, weak=self._plain)
        if expr in self._order:
            raise TypeError(f"there is no array code for an index as a number: {expr}")
        return self._extent(expr.name)

    def _print_Indexed(self, expr: Indexed) -> Code:
        axes = expr.indices
        for index in axes:
            if not isinstance(index, Symbol):
                raise TypeError(f"there is no array code for an index of type {type(index).__name__}: {expr}")
        name = str(name_of(expr))
        distinct = tuple(dict.fromkeys(axes))
        if distinct == axes:
            return Code(name, distinct)
        letter = letters(distinct)
        diagonal = "".join(letter[axis] for axis in axes) + "->" + "".join(letter[axis] for axis in distinct)
        return Code(self._dialect.diagonal(diagonal, name), distinct)

    def _print_delta(self, expr: delta) -> Code:
        one, other = expr.args
        if one == other:
            return Code(self._dialect.ones(self._extent(self._extent_of[one]), self._like), (one,))
        return self._identity(expr)

    def _identity(self, expr: delta, boolean: bool = False) -> Code:
        axes = tuple(sorted(expr.args, key=self._rank))
        sizes = dict.fromkeys(self._extent(self._extent_of[axis]) for axis in axes)
        return Code(self._dialect.eye(list(sizes), self._like, boolean), axes)

    # Sums, powers, functions.

    def _print_Add(self, expr: Add) -> Code:
        return self._add([self._sign_and_size(term) for _, term in self._layout.terms(expr)])

    def _print_distance(self, expr: distance) -> Code:
        element, mean, rest = map(self._print, expr.args)
        return self._add([(False, element), (True, mean), (True, rest)])

    def _add(self, terms: Sequence[tuple[bool, Code]]) -> Code:
        axes = self._common([code for _, code in terms])
        text = ""
        for negative, code in sorted(terms, key=lambda term: term[0]):  # what is added first
            operator = (" - " if negative else " + ") if text else ("-" if negative else "")
            text += operator + self._dialect.align(code, axes).within(SUM + 1)
        return Code(text, axes, SUM, all(code.weak for _, code in terms))

    def _print_Pow(self, expr: Pow) -> Code:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return self._signed(*self._sign_and_size(expr))
        code, power = self._print(base), self._print(exponent)
        if exponent == _HALF and not code.weak:
            return Code(f"{self._dialect.module}.sqrt({code})", code.axes)
        axes = self._common([code, power])
        base_text, power_text = (self._dialect.align(each, axes).within(ATOM) for each in (code, power))
        text = f"{base_text}**{power_text}"
        return Code(text, axes, POWER, code.weak and power.weak)

    def _signed(self, negative: bool, code: Code) -> Code:
        return Code(f"-{code.within(SUM + 1)}", code.axes, SUM, code.weak) if negative else code

    def _print_Function(self, expr: Expr) -> Code:
        if type(expr) not in self._dialect.functions:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        arguments = [self._print(argument) for argument in expr.args]
        if all(argument.weak for argument in arguments):
            return Code(self._dialect.of_numbers(type(expr), arguments), weak=True)
        axes = self._common(arguments)
        aligned = [self._dialect.align(argument, axes) for argument in arguments]
        return Code(self._dialect.of_arrays(type(expr), aligned, self._like), axes)

    # Conditions.

    def _condition(self, factor: Expr) -> tuple[Code, bool] | None:
        """The condition of a factor that is 1 or 0, and whether it is 1 where that holds; None for any other factor."""
        if isinstance(factor, delta) and factor.args[0] != factor.args[1]:
            return self._identity(factor, boolean=True), True
        if isinstance(factor, where) and factor.args[1:] in ((1, 0), (0, 1)):
            return self._print(factor.args[0]), factor.args[1] == 1
        return None

    def _print_where(self, expr: where) -> Code:
        condition = self._print(expr.args[0])
        if expr.args[1:] == (1, 0) and condition.axes:
            return Code(self._dialect.cast(condition, self._like), condition.axes)
        return self._choose(condition, self._print(expr.args[1]), self._print(expr.args[2]))

    def _choose(self, condition: Code, one: Code, other: Code) -> Code:
        axes = self._common([condition, one, other])
        test, yes, no = (self._dialect.align(code, axes) for code in (condition, one, other))
        return Code(self._dialect.choose(test, yes, no, self._like), axes)

    def _print_Relational(self, expr: Relational) -> Code:
        if type(expr) not in _RELATIONS:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        sides = [self._print(side) for side in expr.args]
        axes = self._common(sides)
        left, right = (self._dialect.align(side, axes).within(COMPARISON + 1) for side in sides)
        text = f"{left} {_RELATIONS[type(expr)]} {right}"
        return Code(text, axes, COMPARISON, all(side.weak for side in sides))

    def _print_BooleanAtom(self, expr: Expr) -> Code:
        return Code(str(bool(expr)), weak=True)

    # Axes and extents.

    def _common(self, codes: Sequence[Code]) -> Axes:
        return common_axes(codes, self._rank)

    def _rank(self, axis: Symbol) -> int:
        return self._order[axis]

    def _extent(self, name: str) -> Code:
        self.extents[name] = None
        return Code(name, weak=True)
