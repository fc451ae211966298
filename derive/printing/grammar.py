"""Expressions, equations and facts as text in the layer grammar: the inverse of `derive/parser.py`.

The text parses back to an equal SymPy object. Within that it is written as a person would: `mean` where a Sum comes
with the reciprocal of its extents, roots and quotients, what is added before what is taken away, the factor that
needs a bracket last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy
from sympy import Add, Dummy, Expr, Indexed, Integer, Mul, Pow, Rational, Sum, Symbol
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne

from derive.functions import ELEMENTWISE, MaxOver, ProductOver
from derive.graph import Equation, Fact

# How tightly a text holds together; one that holds less than its place asks for is put in brackets.
_SUM, _PRODUCT, _POWER, _ATOM = range(4)

_FUNCTIONS: dict[type[Expr], str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.tanh: "tanh", sympy.erf: "erf", sympy.sin: "sin", sympy.cos: "cos",
    sympy.Abs: "abs", sympy.sign: "sign", **{function: function.__name__ for function in ELEMENTWISE},
}  # fmt: skip
_REDUCTIONS: dict[type[Expr], str] = {Sum: "sum", MaxOver: "max", ProductOver: "prod"}
_RELATIONS: dict[type[Expr], str] = {Eq: "==", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}
_LONG = 3  # a sum of so many terms stands behind the quotient that it is multiplied with


@dataclass(frozen=True)
class _Text:
    """A piece of text, how tightly it holds together, and what decides its place among its like."""

    text: str
    level: int
    place: tuple[int | str, ...] = ()

    def at(self, level: int) -> str:
        """The text, in brackets where it holds together less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"


def expression_text(expression: Expr) -> str:
    """The expression in the layer grammar. Raises TypeError for a kind of expression that the grammar lacks."""
    return _write(expression).text


def equation_text(line: Equation | Fact) -> str:
    """An equation as `name[i] = ...`, a fact as `assert ... == ...`."""
    if isinstance(line, Equation):
        return f"{expression_text(line.left)} = {expression_text(line.expression)}"
    return f"assert {expression_text(line.left)} {line.relation} {expression_text(line.right)}"


def _write(e: Expr) -> _Text:
    for kind in type(e).__mro__:
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(e)
    raise TypeError(f"the layer grammar has no way to write {type(e).__name__}: {e}")


def _symbol(e: Expr) -> _Text:
    if isinstance(e, Dummy):
        raise TypeError(f"a Dummy symbol is not a name of the layer: {e}")
    return _Text(e.name, _ATOM)


def _indexed(e: Expr) -> _Text:
    indices = ", ".join(_write(index).text for index in e.indices)
    return _Text(f"{e.base.label.name}[{indices}]", _ATOM)


def _function(e: Expr) -> _Text:
    arguments = ", ".join(_write(argument).text for argument in e.args)
    return _Text(f"{_FUNCTIONS[type(e)]}({arguments})", _ATOM)


def _relational(e: Expr) -> _Text:
    return _Text(f"{_write(e.lhs).text} {_RELATIONS[type(e)]} {_write(e.rhs).text}", _SUM)


def _reduction(e: Expr) -> _Text:
    return _reduced(_REDUCTIONS[type(e)], _write(e.function).text, _clauses(e))


def _reduced(name: str, body: str, clauses: list[str]) -> _Text:
    return _Text(f"{name}({body} {' '.join(clauses)})", _ATOM)


def _clauses(e: Expr) -> list[str]:
    """The `for i in N` of a reduction."""
    clauses = []
    for limit in e.limits:
        if len(limit) != 3 or limit[1] != 1 or not isinstance(limit[2], Symbol):
            raise TypeError(f"the layer grammar has no way to write the range {limit}")
        clauses.append(f"for {limit[0].name} in {limit[2].name}")
    return clauses


def _rational(e: Expr) -> _Text:
    if e.is_negative:
        return _Text(f"-{_rational(-e).text}", _SUM)
    decimal = _decimal(e) if e else ""
    if e.q == 1:
        whole = str(e.p)
        return _Text(decimal if decimal and e.p >= 10**6 and len(decimal) < len(whole) else whole, _ATOM)
    quotient = f"{e.p}/{e.q}"
    if decimal and len(decimal) < len(quotient):
        return _Text(decimal, _ATOM)
    return _Text(quotient, _PRODUCT)


def _decimal(e: Rational) -> str:
    """The shortest exact decimal of a positive number; empty when there is none."""
    shift, numerator, denominator = 0, int(e.p), int(e.q)
    while denominator > 1:
        factor = 10 if denominator % 10 == 0 else 2 if denominator % 2 == 0 else 5
        if denominator % factor:
            return ""
        denominator //= factor
        numerator *= 10 // factor
        shift += 1
    digits = str(numerator)
    stripped = digits.rstrip("0")
    power = len(digits) - 1 - shift
    fraction = f".{stripped[1:]}" if len(stripped) > 1 else ""
    scientific = f"{stripped[0]}{fraction}e{power}"
    padded = digits.rjust(shift + 1, "0")
    plain = f"{padded[:-shift]}.{padded[-shift:]}" if shift else digits
    return plain if len(plain) <= len(scientific) else scientific


def _power(e: Expr) -> _Text:
    base, exponent = e.args
    if exponent.is_Rational and exponent.is_negative:
        return _product(Integer(1), [e])
    if exponent == Rational(1, 2):
        return _Text(f"sqrt({_write(base).text})", _ATOM)
    return _Text(f"{_write(base).at(_ATOM)}**{_write(exponent).at(_ATOM)}", _POWER)


def _mul(e: Expr) -> _Text:
    coefficient, rest = e.as_coeff_Mul()
    factors = list(Mul.make_args(rest))
    if coefficient.is_negative:
        return _Text(f"-{_product(-coefficient, factors).text}", _SUM)
    return _product(coefficient, factors)


def _product(coefficient: Rational, factors: list[Expr]) -> _Text:
    """A product with a positive coefficient: numerators, then what divides, then long sums."""
    short: list[_Text] = []
    long: list[_Text] = []
    below: list[_Text] = []
    for written, divides, is_long in _with_means(factors):
        (below if divides else long if is_long else short).append(written)
    short, long, below = (sorted(part, key=lambda text: text.place) for part in (short, long, below))
    number = _rational(coefficient)
    if not short and not long and number.level < _ATOM:
        # 1/(2*sqrt(x)) rather than 1/2/sqrt(x)
        number, below = _rational(Integer(coefficient.p)), [_rational(Integer(coefficient.q)), *below]
    above = [number] if coefficient != 1 or not (short or long) else []
    if not short:
        above, long = [*above, *long], []
    else:
        above += short
    text = "*".join(_factor(part, first) for first, part in _flagged(above))
    if below:
        divisor = "*".join(part.at(_POWER) for part in below)
        text += f"/({divisor})" if len(below) > 1 else f"/{divisor}"
    text = "*".join([text, *(part.at(_POWER) for part in long)])
    alone = len(above) == 1 and not below and not long
    return _Text(text, max(above[0].level, _PRODUCT) if alone else _PRODUCT)


def _flagged(parts: list[_Text]) -> Iterable[tuple[bool, _Text]]:
    return ((position == 0, part) for position, part in enumerate(parts))


def _factor(part: _Text, first: bool) -> str:
    # A fraction that leads needs no bracket: 1/2*x.
    return part.at(_PRODUCT if first else _POWER)


def _with_means(factors: list[Expr]) -> list[tuple[_Text, bool, bool]]:
    """Each factor as text, whether it divides, and whether it is long; Sum/N becomes a mean."""
    extents: dict[Expr, Expr] = {}
    others: list[tuple[str, Expr, Expr, _Text]] = []
    for factor in factors:
        base, exponent = _base_and_exponent(factor)
        if isinstance(base, Symbol) and base.is_integer:
            extents[base] = extents.get(base, Integer(0)) + exponent
        else:
            # A Sum may become a mean: only its body is fixed.
            written = _write(base.function if isinstance(base, Sum) else base)
            others.append((written.text, exponent, base, written))
    found = []
    # Two sums may compete for one 1/N: the order of their texts decides, whatever the order of the factors.
    for _, exponent, base, written in sorted(others, key=lambda other: other[:2]):
        if isinstance(base, Sum):
            written = _sum_or_mean(base, exponent, written.text, extents)
        found.append(_placed(base, exponent, written))
    found += [_placed(base, exponent, _write(base)) for base, exponent in extents.items() if exponent != 0]
    return found


def _base_and_exponent(factor: Expr) -> tuple[Expr, Expr]:
    """x**a as (x, a) where a is a number, and anything else as itself."""
    if isinstance(factor, Pow) and factor.exp.is_Rational:
        return factor.base, factor.exp
    return factor, Integer(1)


def _sum_or_mean(reduction: Expr, exponent: Expr, body: str, extents: dict[Expr, Expr]) -> _Text:
    """A Sum; a mean over its outer indices as far as their extents to the power -exponent are at hand."""
    clauses = _clauses(reduction)
    for inner in range(len(clauses)):
        if _take_extents(reduction.limits[inner:], exponent, extents):
            if inner:
                body = _reduced("sum", body, clauses[:inner]).text
            return _reduced("mean", body, clauses[inner:])
    return _reduced("sum", body, clauses)


def _take_extents(limits: Iterable[Expr], exponent: Expr, extents: dict[Expr, Expr]) -> bool:
    """Whether the extents of the limits are at hand to the power -exponent; if so, they are used up."""
    needed: dict[Expr, Expr] = {}
    for limit in limits:
        needed[limit[2]] = needed.get(limit[2], Integer(0)) - exponent
    for extent, power in needed.items():
        given = extents.get(extent, Integer(0))
        more = power.is_integer and given.is_integer and given * power > 0 and abs(given) > abs(power)
        if given != power and not more:
            return False
    for extent, power in needed.items():
        extents[extent] -= power
    return True


def _placed(base: Expr, exponent: Expr, written: _Text) -> tuple[_Text, bool, bool]:
    """The text of base**exponent without the sign of the exponent, its place, and whether it divides and is long."""
    size = abs(exponent)
    if size == Rational(1, 2):
        made = _Text(f"sqrt({written.text})", _ATOM)
    elif size == 1:
        made = written
    else:
        made = _Text(f"{written.at(_ATOM)}**{_write(size).at(_ATOM)}", _POWER)
    reduces = base.has(ExprWithLimits)
    kind = 0 if base.is_number else 1 if isinstance(base, Symbol | Indexed) else 3 if isinstance(base, Add) else 2
    place = (int(reduces), kind, _rank(base), made.text)
    is_long = isinstance(base, Add) and size == 1 and (reduces or len(base.args) >= _LONG)
    return _Text(made.text, made.level, place), bool(exponent.is_negative), is_long


def _rank(e: Expr) -> int:
    """How many indices an expression varies with; numbers count as the letters that they stand for."""
    elements = e.atoms(Indexed)
    letters = {index for element in elements for index in element.indices} & e.free_symbols
    numbers = [sum(isinstance(index, Integer) for index in element.indices) for element in elements]
    return len(letters) + max(numbers, default=0)


def _add(e: Expr) -> _Text:
    """Terms that are added before those that are taken away; of them the ones with more indices first."""
    terms = []
    for term in e.args:
        coefficient, rest = term.as_coeff_Mul()
        size = abs(coefficient)
        written = _rational(size) if rest == 1 else _product(size, list(Mul.make_args(rest)))
        terms.append((coefficient.is_negative, _term_place(rest, written), written.at(_PRODUCT)))
    terms.sort()
    text = "".join(f" - {text}" if negative else f" + {text}" for negative, _, text in terms)
    return _Text(f"-{text[3:]}" if terms[0][0] else text[3:], _SUM)


def _term_place(term: Expr, written: _Text) -> tuple[int | str, ...]:
    """Elements, then reductions from the shortest on, then what has no index, then a number."""
    if term == 1:
        return (3,)
    if term.has(ExprWithLimits):
        return (1, len(written.text), written.text)
    degree = sum(int(_base_and_exponent(factor)[1] * 2) for factor in Mul.make_args(term))
    rank = _rank(term)
    return (0 if rank else 2, -rank, -degree, written.text)


_WRITERS: dict[type, Callable[[Expr], _Text]] = {
    Symbol: _symbol,
    Indexed: _indexed,
    Rational: _rational,
    Pow: _power,
    Mul: _mul,
    Add: _add,
    type(sympy.pi): lambda e: _Text("pi", _ATOM),
    type(sympy.E): lambda e: _Text("exp(1)", _ATOM),
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(_RELATIONS, _relational),
}
