"""A mean, what rounding took from it, and the squares about both, in one pass over the data instead of three.

    m = sum(w[i]*e[i])/W,  r = sum(w[i]*(e[i] - m))/W,  v = sum(w[i]*(e[i] - m - r)**2)   with W = sum(w[i])
    ──▶  s = a value close to m;  d = e - s;  s1 = sum(w*d), s2 = sum(w*d**2);  o = s1/W;  m, r = s + o;  v = s2 - s1*o

With s = 0 that would be E[x²] - E[x]², which cancels all digits at a large mean. Where a whole pass over the data is
saved, s is the mean of the first rows; the function looks whether that was close enough, else takes m for s and goes
through the data once more. Within a row, which is in the cache, s is m itself, rounded, and r = o.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Pow, Symbol

from derive.codegen.schedule.statements import Axis, Statement, Statements
from derive.functions import maximum
from derive.graph import extent_symbol, fresh_name, name_of, reference


@dataclass(frozen=True)
class Moments:
    """A mean that a pass finds about a shift: the names of the shift, and of the mean's distance from it, the offset.

    `spread` is the mean of the squares about the mean, which tells whether the offset is too large; "" without squares.
    """

    shift: str
    offset: str
    spread: str


@dataclass(frozen=True)
class _Found:
    """The statements of a mean over `element` with weights: its sum, that of its rest, and the squares, if any."""

    element: Indexed
    weight: Expr
    divisor: Expr
    total: Statement
    mean: Statement
    rest_total: Statement
    rest: Statement
    squares: Statement | None


def use_moments(
    program: Statements, outermost: Axis | None, taken: Iterable[str]
) -> tuple[Statements, list[Moments]]:
    """The program with its means in one pass; and those that are found about a shift, over the outermost axis.

    Where that is None, none is: then there is a pass for the mean, and one for what it is about.
    """
    found: list[Moments] = []
    used = {*taken, *program.shapes}
    for statement in program.statements:
        mean = _mean(program, statement)
        if mean is not None and outermost is not None and outermost.symbol in statement.bound:
            program, moments = _about_a_shift(program, mean, used)
            found.append(moments)
        elif mean is not None and mean.squares is not None:
            program = _about_itself(program, mean, used)
    return program, found


def _mean(program: Statements, rest_total: Statement) -> _Found | None:
    """The mean that a sum of distances belongs to; None for any other sum."""
    factors = list(Mul.make_args(rest_total.expression))
    bracket = next((f for f in factors if isinstance(f, Add) and len(f.args) == 2), None)
    if rest_total.kind != "sum" or bracket is None:
        return None
    factors.remove(bracket)
    weight = Mul(*factors)
    by_name = program.by_name
    for element, minus in (bracket.args, bracket.args[::-1]):
        mean = by_name.get(name_of(-minus) or "")
        if mean is None or not isinstance(element, Indexed) or mean.element != -minus or mean.kind != "map":
            continue
        total = _used_by(program, mean, weight * element)
        if total is None or set(total.bound) != set(rest_total.bound) or set(total.axes) != set(mean.axes):
            continue
        divisor = total.element / mean.expression
        rest = next((s for s in program.statements if s.expression == rest_total.element / divisor), None)
        if rest is None or not _is_sum_of(program, divisor, weight, rest_total):
            continue
        squared = weight * Pow(bracket - rest.element, 2)
        squares = [s for s in program.statements if s.kind == "sum" and s.expression == squared]
        squares = [s for s in squares if set(s.bound) == set(rest_total.bound)]
        return _Found(element, weight, divisor, total, mean, rest_total, rest, squares[0] if squares else None)
    return None


def _used_by(program: Statements, mean: Statement, summand: Expr) -> Statement | None:
    """The sum of a summand that a mean is made of."""
    for name in map(name_of, mean.expression.atoms(Indexed, Symbol)):
        known = program.by_name.get(name or "")
        if known is not None and known.kind == "sum" and known.expression == summand:
            return known
    return None


def _is_sum_of(program: Statements, divisor: Expr, weight: Expr, total: Statement) -> bool:
    """Whether a divisor is the sum of the weights: the number of elements where each weighs 1."""
    extents = [e for axis in program.axes if axis.symbol in total.bound for e in axis.extents]
    if weight == 1:
        return bool(divisor == Mul(*map(extent_symbol, extents)))
    known = program.by_name.get(name_of(divisor) or "")
    return known is not None and known.kind == "sum" and known.expression == weight and (
        set(known.bound) == set(total.bound)
    )


def _about_a_shift(program: Statements, found: _Found, used: set[str]) -> tuple[Statements, Moments]:
    """The program with one pass for the mean, in two parts, and the squares about it."""
    mean, axes = found.mean, found.mean.axes
    shift, distance, offset, spread = (_name(mean, what, used) for what in ("shift", "distance", "offset", "spread"))
    distances = replace(found.total, name=_name(mean, "distances", used))
    shift_at, offset_at = reference(shift, axes), reference(offset, axes)
    d = reference(distance, found.element.indices)
    squares = _squares(found, d, distances, offset_at, used)
    error = rounding_error(mean.element, shift_at, offset_at)
    new = {
        found.total.name: [
            found.total,  # if anything else uses it
            Statement(shift, "first", axes, found.total.bound, found.element, None),
            Statement(distance, "map", found.element.indices, (), found.element - shift_at, None),
            replace(distances, expression=found.weight * d),
            *squares[:1],
        ],
        mean.name: [
            Statement(offset, "map", axes, (), distances.element / found.divisor, None),
            replace(mean, expression=Add(shift_at, offset_at)),
        ],
        found.rest_total.name: [],
        found.rest.name: [replace(found.rest, expression=error)],
    }
    if found.squares is not None:
        value = found.squares.element / found.divisor
        new[found.squares.name] = [*squares[1:], Statement(spread, "map", axes, (), value, None)]
    return _with(program, new), Moments(shift, offset, spread if found.squares is not None else "")


def _about_itself(program: Statements, found: _Found, used: set[str]) -> Statements:
    """The program with the squares about the rounded mean, in the pass that finds what rounding took from it."""
    assert found.squares is not None
    name = _name(found.mean, "distance", used)
    d = reference(name, found.element.indices)
    squares = _squares(found, d, found.rest_total, found.rest.element, used)
    distance = Statement(name, "map", found.element.indices, (), found.element - found.mean.element, None)
    new = {
        found.rest_total.name: [distance, replace(found.rest_total, expression=found.weight * d), *squares[:1]],
        found.squares.name: squares[1:],
    }
    return _with(program, new)


def _squares(
    found: _Found, distance: Expr, distances: Statement, offset: Expr, used: set[str]
) -> list[Statement]:
    """The sum of the squared distances, and the squares about the mean, which that is too large for."""
    if found.squares is None:
        return []
    about = replace(
        found.squares, name=_name(found.mean, "squares", used), expression=found.weight * distance**2
    )
    exact = maximum(Add(about.element, -distances.element * offset), Integer(0))
    return [about, Statement(found.squares.name, "map", found.squares.axes, (), exact, None)]


def _name(mean: Statement, what: str, used: set[str]) -> str:
    made = fresh_name([f"{mean.name}_{what}", f"{mean.name}_{what}2"], used)
    used.add(made)
    return made


def _with(program: Statements, new: dict[str, list[Statement]]) -> Statements:
    """The program with other statements in the place of some."""
    statements = [s for statement in program.statements for s in new.get(statement.name, [statement])]
    return Statements(statements, program.axes, program.shapes | {s.name: s.axes for s in statements})


class rounding_error(Function):  # noqa: N801 - a function of expressions
    """rounding_error(m, a, b): what is lost of a + b when m is that sum, rounded. Exact (Knuth's two-sum)."""
