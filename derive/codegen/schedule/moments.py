"""A mean and the squares about it in one pass over the data instead of two.

    m = sum(w[i]*e[i])/W,  v = sum(w[i]*(e[i] - m)**2)   with W = sum(w[i])
    ──▶  s = a value close to m;  d = e - s;  s1 = sum(w*d), s2 = sum(w*d**2);  m = s + s1/W,  v = s2 - s1*(s1/W)

With s = 0 that would be E[x²] - E[x]², which cancels all digits at a large mean. Here s is the mean of the first rows;
the function looks whether that was close enough, else takes m for s and goes through the data once more. The mean is
kept in two parts, m and what rounding took from it, so that e - m has all its digits: (e - m) - m_rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Pow, Symbol

from derive.codegen.schedule.statements import Axis, Statement, Statements, rebuilt
from derive.functions import maximum
from derive.graph import extent_symbol, fresh_name, name_of, reference


@dataclass(frozen=True)
class Moments:
    """One such mean: the names of what is summed, of the mean, of what rounding took from it, of the shift.

    `offset` is the mean's distance from the shift, `spread` the mean of the squares about the mean.
    """

    summand: str
    mean: str
    rest: str
    shift: str
    offset: str
    spread: str


def use_moments(program: Statements, outermost: Axis, taken: Iterable[str]) -> tuple[Statements, list[Moments]]:
    """The program with such pairs, summed over the outermost axis, rewritten; and what they are."""
    found: list[Moments] = []
    used = {*taken, *program.shapes}
    for squares in program.statements:
        pair = _pair(program, squares)
        if pair is not None and outermost.symbol in squares.bound:
            program, moments = _rewritten(program, squares, *pair, used)
            found.append(moments)
            used |= set(program.shapes)
    return program, found


def centered(expression: Expr, moments: Iterable[Moments]) -> Expr:
    """The expression with (e - m) as (e - m) - m_rest wherever it stands."""
    if not expression.args or isinstance(expression, Indexed):
        return expression
    arguments = [centered(argument, moments) for argument in expression.args]
    if isinstance(expression, Add):
        for one in moments:
            means = [-a for a in arguments if isinstance(-a, Indexed) and name_of(-a) == one.mean]
            if len(means) == 1 and any(name_of(argument) == one.summand for argument in arguments):
                arguments.append(-reference(one.rest, means[0].indices))
    return rebuilt(expression, arguments)


def _pair(program: Statements, squares: Statement) -> tuple[Statement, Statement, Expr, Expr] | None:
    """The mean, its sum, the summand e and the weight w of a sum of squares about a mean; None for any other sum."""
    if squares.kind != "sum":
        return None
    factors = list(Mul.make_args(squares.expression))
    square = next((f for f in factors if isinstance(f, Pow) and f.exp == 2 and isinstance(f.base, Add)), None)
    if square is None or len(square.base.args) != 2:
        return None
    factors.remove(square)
    weight = Mul(*factors)
    by_name = program.by_name
    for element, minus in (square.base.args, square.base.args[::-1]):
        mean = by_name.get(name_of(-minus) or "")
        if mean is None or not isinstance(element, Indexed) or mean.element != -minus or mean.kind != "map":
            continue
        total = next((by_name[n] for n in map(name_of, mean.expression.atoms(Indexed, Symbol)) if n in by_name
                      and by_name[n].expression == weight*element and by_name[n].kind == "sum"), None)  # fmt: skip
        if total is None or set(total.bound) != set(squares.bound) or set(total.axes) != set(mean.axes):
            continue
        if _is_sum_of(program, total.element / mean.expression, weight, squares):
            return mean, total, element, weight
    return None


def _is_sum_of(program: Statements, divisor: Expr, weight: Expr, squares: Statement) -> bool:
    """Whether a divisor is the sum of the weights: the number of elements where each weighs 1."""
    extents = [e for axis in program.axes if axis.symbol in squares.bound for e in axis.extents]
    if weight == 1:
        return bool(divisor == Mul(*map(extent_symbol, extents)))
    known = program.by_name.get(name_of(divisor) or "")
    return known is not None and known.kind == "sum" and known.expression == weight and (
        set(known.bound) == set(squares.bound)
    )


def _rewritten(
    program: Statements, squares: Statement, mean: Statement, total: Statement, element: Indexed, weight: Expr,
    used: set[str],
) -> tuple[Statements, Moments]:  # fmt: skip
    def name(suffix: str) -> str:
        made = fresh_name([f"{mean.name}_{suffix}", f"{mean.name}_{suffix}2"], used)
        used.add(made)
        return made

    axes = mean.axes
    shift, d, offset, rest, spread = (name(s) for s in ("shift", "distance", "offset", "rest", "spread"))
    at = {n: reference(n, axes) for n in (shift, offset, rest, spread)}
    divisor = total.element / mean.expression
    distance = reference(d, element.indices)
    value = Add(at[shift], at[offset])
    distances = replace(total, name=name("distances"), expression=weight * distance)
    new = {
        total.name: [
            total,  # if anything else uses it
            Statement(shift, "first", axes, total.bound, element, None),
            Statement(d, "map", element.indices, (), element - at[shift], None),
            distances,
        ],
        mean.name: [
            Statement(offset, "map", axes, (), distances.element / divisor, None),
            replace(mean, expression=value),
            Statement(rest, "map", axes, (), rounding_error(mean.element, at[shift], at[offset]), None),
        ],
    }
    raw = name("squares")
    about = replace(squares, name=raw, expression=weight * distance**2)
    exact = maximum(Add(about.element, -distances.element * at[offset]), Integer(0))
    moments = Moments(str(name_of(element)), mean.name, rest, shift, offset, spread)
    statements: list[Statement] = []
    for statement in program.statements:
        if statement.name == squares.name:
            continue
        same = replace(statement, expression=centered(statement.expression, [moments]))
        statements += new.get(statement.name, [same])
        if statement.name == total.name:
            statements.append(about)
        if statement.name == mean.name:
            statements.append(Statement(squares.name, "map", squares.axes, (), exact, None))
            statements.append(Statement(spread, "map", axes, (), squares.element / divisor, None))
    shapes = program.shapes | {s.name: s.axes for s in statements}
    return Statements(statements, program.axes, shapes), moments


class rounding_error(Function):  # noqa: N801 - a function of expressions
    """rounding_error(m, a, b): what is lost of a + b when m is that sum, rounded. Exact (Knuth's two-sum)."""
