"""Elements, sums, powers, functions and conditions as array code; products and reductions are in `arrays.py`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy import Abs, Add, Expr, Indexed, NumberSymbol, Pow, Rational, Symbol, erf, sign
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne, Relational
from sympy.printing.numpy import NumPyPrinter

from derive.codegen.axes import ATOM, COMPARISON, POWER, SUM, Axes, Code, align, common_axes, letters
from derive.functions import delta, log1p, maximum, minimum, relu, sigmoid, softplus, where
from derive.graph import Index, Quantity, name_of
from derive.printing.layout import Layout
from derive.printing.names import Names

# Each with the arguments it takes; `_sigmoid` and `_erf` are functions of the generated module.
_FUNCTIONS: dict[type[Expr], str] = {
    sympy.exp: "np.exp({})",
    sympy.log: "np.log({})",
    log1p: "np.log1p({})",
    sympy.tanh: "np.tanh({})",
    sympy.sin: "np.sin({})",
    sympy.cos: "np.cos({})",
    Abs: "np.abs({})",
    sign: "np.sign({})",
    sigmoid: "_sigmoid({})",
    softplus: "np.logaddexp(0, {})",
    erf: "_erf({})",
    relu: "np.maximum({}, 0)",
    maximum: "np.maximum({}, {})",
    minimum: "np.minimum({}, {})",
}
_RELATIONS: dict[type[Relational], str] = {Eq: "==", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}
_CONSTANTS: dict[type[NumberSymbol], str] = {type(sympy.pi): "np.pi", type(sympy.E): "np.e"}
_HALF = Rational(1, 2)


class ElementwisePrinter(NumPyPrinter):
    """The part of ArrayPrinter that works element by element."""

    def __init__(self, quantities: Mapping[str, Quantity], indices: Sequence[Index] = (), dtype: str = "float") -> None:
        super().__init__()
        self.extents: dict[str, None] = {}
        self._layout = Layout(Names(quantities))
        self._indices = tuple(indices)
        self._dtype = dtype
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
        if type(expr) not in _CONSTANTS:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        return Code(_CONSTANTS[type(expr)], weak=True)

    def _print_Symbol(self, expr: Symbol) -> Code:
        if name_of(expr) is not None:
            return Code(expr.name)
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
        return Code(f'np.einsum("{diagonal}", {name})', distinct)

    def _print_delta(self, expr: delta) -> Code:
        one, other = expr.args
        if one == other:
            return Code(f"np.ones({self._extent(self._extent_of[one])}, dtype={self._dtype})", (one,))
        return self._identity(expr, self._dtype)

    def _identity(self, expr: delta, dtype: str) -> Code:
        axes = tuple(sorted(expr.args, key=self._rank))
        sizes = dict.fromkeys(self._extent(self._extent_of[axis]) for axis in axes)
        return Code(f"np.eye({', '.join(sizes)}, dtype={dtype})", axes)

    # Sums, powers, functions.

    def _print_Add(self, expr: Add) -> Code:
        return self._add([self._sign_and_size(term) for _, term in self._layout.terms(expr)])

    def _add(self, terms: Sequence[tuple[bool, Code]]) -> Code:
        axes = self._common([code for _, code in terms])
        text = ""
        for negative, code in sorted(terms, key=lambda term: term[0]):  # what is added first
            operator = (" - " if negative else " + ") if text else ("-" if negative else "")
            text += operator + align(code, axes).within(SUM + 1)
        return Code(text, axes, SUM, all(code.weak for _, code in terms))

    def _print_Pow(self, expr: Pow) -> Code:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return self._signed(*self._sign_and_size(expr))
        code, power = self._print(base), self._print(exponent)
        if exponent == _HALF and not code.weak:
            return Code(f"np.sqrt({code})", code.axes)
        axes = self._common([code, power])
        text = f"{align(code, axes).within(ATOM)}**{align(power, axes).within(ATOM)}"
        return Code(text, axes, POWER, code.weak and power.weak)

    def _signed(self, negative: bool, code: Code) -> Code:
        return Code(f"-{code.within(SUM + 1)}", code.axes, SUM, code.weak) if negative else code

    def _print_Function(self, expr: Expr) -> Code:
        pattern = _FUNCTIONS.get(type(expr))
        if pattern is None:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        arguments = [self._print(argument) for argument in expr.args]
        axes = self._common(arguments)
        text = pattern.format(*(align(argument, axes) for argument in arguments))
        if all(argument.weak for argument in arguments):
            # A NumPy scalar would turn a float32 array into float64.
            return Code(f"float({text})", weak=True)
        return Code(text, axes)

    # Conditions.

    def _condition(self, factor: Expr) -> tuple[Code, bool] | None:
        """The condition of a factor that is 1 or 0, and whether it is 1 where that holds; None for any other factor."""
        if isinstance(factor, delta) and factor.args[0] != factor.args[1]:
            return self._identity(factor, "bool"), True
        if isinstance(factor, where) and factor.args[1:] in ((1, 0), (0, 1)):
            return self._print(factor.args[0]), factor.args[1] == 1
        return None

    def _print_where(self, expr: where) -> Code:
        condition = self._print(expr.args[0])
        if expr.args[1:] == (1, 0) and condition.axes:
            return Code(f"{condition.within(ATOM)}.astype({self._dtype})", condition.axes)
        return self._choose(condition, self._print(expr.args[1]), self._print(expr.args[2]))

    def _choose(self, condition: Code, one: Code, other: Code) -> Code:
        axes = self._common([condition, one, other])
        text = f"np.where({', '.join(align(code, axes) for code in (condition, one, other))})"
        if not any(code.axes and not code.weak for code in (one, other)):
            text += f".astype({self._dtype})"
        return Code(text, axes)

    def _print_Relational(self, expr: Relational) -> Code:
        if type(expr) not in _RELATIONS:
            raise TypeError(f"there is no array code for {type(expr).__name__}: {expr}")
        sides = [self._print(side) for side in expr.args]
        axes = self._common(sides)
        left, right = (align(side, axes).within(COMPARISON + 1) for side in sides)
        return Code(f"{left} {_RELATIONS[type(expr)]} {right}", axes, COMPARISON)

    def _print_BooleanAtom(self, expr: Expr) -> Code:
        return Code(str(bool(expr)))

    # Axes and extents.

    def _common(self, codes: Sequence[Code]) -> Axes:
        return common_axes(codes, self._rank)

    def _rank(self, axis: Symbol) -> int:
        return self._order[axis]

    def _extent(self, name: str) -> Code:
        self.extents[name] = None
        return Code(name, weak=True)
