"""The text of a function that goes over tiles of rows, and of the functions of one tile that it calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.axes import Axes
from derive.codegen.centering import as_said
from derive.codegen.contract import tuple_text
from derive.codegen.dialects import Dialect, Like
from derive.codegen.runtime_tiles import IN_TILES, RESULT, SCRATCH
from derive.codegen.schedule.statements import Statement, elements_of, names_of
from derive.codegen.tile_printer import TilePrinter
from derive.codegen.tiles import Pass, Tiling, extents_of, tiling_of
from derive.codegen.wrapping import call, comment, statement
from derive.graph import Equation, Index, Quantity
from derive.printing.grammar import equation_text


@dataclass
class TiledFunction:
    """A function `_name_in_tiles`: its `body`, and the functions of a tile, `passes`.

    `large` is an array that is given and that has rows; `by_column` says that each column is computed by itself; `uses`
    are the words of the body.
    """

    body: list[str]
    passes: list[str]
    large: str
    by_column: bool
    uses: set[str] = field(default_factory=set)


def tiled_function(
    name: str,
    equations: Sequence[Equation],
    known: Mapping[str, Quantity],
    results: Sequence[str],
    kept: Sequence[str],
    like: Like,
    dialect: Dialect,
) -> TiledFunction | None:
    """The function that computes `results`, which go to `out`, and what else is `kept`; None where there is none."""
    tiling = tiling_of(equations, known, [*results, *kept])
    if tiling is None or not any(p.statements for p in tiling.passes):
        return None
    return _Writer(name, tiling, known, results, kept, like, dialect).function()


class _Writer:
    def __init__(
        self,
        name: str,
        tiling: Tiling,
        known: Mapping[str, Quantity],
        results: Sequence[str],
        kept: Sequence[str],
        like: Like,
        dialect: Dialect,
    ) -> None:
        self._name, self._tiling, self._known = name, tiling, known
        self._results, self._kept, self._like, self._dialect = results, kept, like, dialect
        self._taken = {*known, *tiling.shapes}
        every = [s for p in tiling.passes for s in (*p.before, *p.statements)]
        self._quantities = dict(known) | {s.name: self._quantity(s) for s in every if s.name not in known}
        ranks = [tiling.shapes[n] for s in every for n in (s.name, *names_of(s.expression)) if tiling.has_rows(n)]
        self._largest = max(ranks, key=len)
        self._said: set[str] = set()
        self._lacks_array = False
        self._by_column: list[bool] = []

    def _quantity(self, s: Statement) -> Quantity:
        extents = self._tiling.shapes[s.name]
        return Quantity(s.name, tuple(Index(a.name, e) for a, e in zip(s.axes, extents, strict=True)), "helper")

    def function(self) -> TiledFunction | None:
        """The whole text; None where there is no array that tiles could be like."""
        large = next((name for name in self._given() if self._tiling.shapes[name] == self._largest), None)
        if large is None:
            return None
        body = self._new_arrays()
        passes: list[str] = []
        for number, pass_ in enumerate(self._tiling.passes, 1):
            for each in pass_.before:
                body += self._comment(each) + self._computed(each)
            if pass_.statements:
                calling, function = self._pass(pass_, number)
                body += calling
                passes += ["", "", *function]
        return None if self._lacks_array else TiledFunction(body, passes, large, all(self._by_column), _words(body))

    def _new_arrays(self) -> list[str]:
        """The arrays with rows that are to be filled: of what goes to `out` and is not kept, those that are there."""
        computed = [s.name for p in self._tiling.passes for s in p.statements]
        arrays = [name for name in self._results if self._known[name].indices]
        inputs = tuple_text(self._given())
        lines: list[str] = []
        for name in dict.fromkeys(name for name in (*self._results, *self._kept) if name in computed):
            if not self._tiling.has_rows(name):
                continue
            shape = tuple_text(self._tiling.shapes[name])
            if name in arrays and name not in self._kept:
                arguments = ["out", str(arrays.index(name)), shape, self._like.dtype, inputs]
                lines += call(f"{name}: np.ndarray = {RESULT.__name__}", arguments, "")
            else:
                lines.append(f"    {name} = np.empty({shape}, {self._like.dtype})")
        return lines

    def _computed(self, s: Statement) -> list[str]:
        """The lines of what has no rows."""
        if s.kind == "map":
            return self._assigned(s.name, s.expression, s.axes)
        printer = TilePrinter(self._quantities, self._like, self._dialect, self._taken)
        printer.start(s, self._axes_of(s), None, extents_of(s, self._tiling.shapes))
        code = printer.reduced(s, printer.plain(s.expression))
        text = str(self._dialect.transpose(code, s.axes))
        if s.name in self._known and not s.axes:
            text = self._dialect.result(text, self._like)
        return statement(s.name, text)

    def _given(self) -> list[str]:
        """The arrays that are used and not computed."""
        every = [s for p in self._tiling.passes for s in (*p.before, *p.statements)]
        computed = {s.name for s in every}
        used = dict.fromkeys(name for s in every for name in names_of(s.expression))
        return [name for name in used if name not in computed and self._tiling.shapes.get(name)]

    def _assigned(self, name: str, expression: Expr, axes: Axes) -> list[str]:
        extents = self._quantities[name].extents if name in self._quantities else [""] * len(axes)
        indices = [Index(symbol.name, extent) for symbol, extent in zip(axes, extents, strict=True)]
        printer = ArrayPrinter(self._quantities, indices, self._like, self._dialect)
        text = printer.doprint_new(expression)
        if name in self._known and not axes:
            text = self._dialect.result(text, self._like)
        return statement(name, text)

    def _comment(self, s: Statement, indent: int = 4) -> list[str]:
        if s.equation is None or s.equation.name in self._said:
            return []
        self._said.add(s.equation.name)
        return comment(equation_text(as_said(s.equation)), indent)

    # One pass.

    def _pass(self, pass_: Pass, number: int) -> tuple[list[str], list[str]]:
        """The call of a pass with what comes right before it, and its function."""
        self._said = set()
        printer = TilePrinter(self._quantities, self._like, self._dialect, self._taken)
        lines: list[str] = []
        for s in pass_.statements:
            lines += self._comment(s) + [f"    {line}" for line in self._statement(s, printer)]
        sums = [s.name for s in pass_.sums]
        lines += [f"    return {', '.join(sums) if len(sums) > 1 else tuple_text(sums)}"] if sums else []
        own = [s.name for s in pass_.statements]
        stored = [n for n in own if n in (*self._results, *self._kept) and self._tiling.has_rows(n)]
        words = _words(lines)
        every = [*self._quantities, *printer.hoisted, *self._known_extents()]
        used = [n for n in every if n in words and n not in own]
        rows = [*stored, *(n for n in used if self._tiling.has_rows(n))]
        others = [n for n in used if n not in rows]
        name = f"_{self._name}_{number}"
        hoisted = [line for n, (e, axes) in printer.hoisted.items() for line in self._assigned(n, e, axes)]
        target = f"{', '.join(sums) if len(sums) > 1 else tuple_text(sums)} = " if sums else ""
        self._by_column.append(all(self._is_by_column(s) for s in pass_.statements))
        arguments = [name, tuple_text(rows), tuple_text(others), "threads"]
        arguments += ["columns=True"] if self._by_column[-1] else []
        calling = [*hoisted, *call(f"{target}{IN_TILES.__name__}", arguments, "")]
        kinds = [f"{n}: np.ndarray" if self._is_array(n, printer) else f"{n}: Any" for n in (*rows, *others)]
        largest = next((n for n in rows if self._tiling.shapes[n] == self._largest), "")
        self._lacks_array |= bool(printer.scratch and not largest)
        scratch = [f"    scratch = {SCRATCH.__name__}({largest}, {printer.scratch})"] if "scratch" in words else []
        return calling, [
            *call(f"def {name}", kinds, f" -> {'tuple[Any, ...]' if sums else 'None'}:", indent=0),
            f'    """{"Return what one tile of rows adds to the sums." if sums else "Compute one tile of rows."}"""',
            *scratch,
            *lines,
        ]

    def _is_by_column(self, s: Statement) -> bool:
        """Whether a statement on rows does the same in each column, with what that column has of each array."""
        axes = self._axes_of(s)
        return (
            self._shape(s, axes) == self._largest
            and (s.kind == "map" or (s.kind, s.bound, s.axes) == ("sum", axes[:1], axes[1:]))
            and all(element.indices in (axes, axes[1:]) for element in elements_of(s.expression))
        )

    def _is_array(self, name: str, printer: TilePrinter) -> bool:
        if name in printer.hoisted:
            return bool(printer.hoisted[name][1])
        return bool(self._tiling.shapes.get(name))

    def _known_extents(self) -> list[str]:
        return list(dict.fromkeys(extent for quantity in self._known.values() for extent in quantity.extents))

    def _statement(self, s: Statement, printer: TilePrinter) -> list[str]:
        axes = self._axes_of(s)
        printer.start(s, axes, axes[0], extents_of(s, self._tiling.shapes))
        large = self._shape(s, axes) == self._largest
        stored = s.name in (*self._results, *self._kept) and s.kind == "map"
        if s.kind != "map":
            code = printer.summed(s) if large else printer.reduced(s, printer.plain(s.expression))
            done = [f"{s.name}[...] = {code}"] if self._tiling.has_rows(s.name) and s.name in (
                *self._results, *self._kept
            ) else [f"{s.name} = {code}"]
            return [*printer.lines, *done]
        if not large:
            code = printer.plain(s.expression, s.axes)
            return [f"{s.name}[...] = {code}" if stored else f"{s.name} = {code}"]
        before = [] if stored else [f"{s.name} = {printer.take()}"]
        code = printer.into(s.expression, s.name)
        if code == s.name:
            return [*before, *printer.lines]
        return [*before, *printer.lines, f"{s.name}[...] = {printer.whole(code)}"]

    def _axes_of(self, s: Statement) -> Axes:
        """The axes of a statement, as the arrays in it have them."""
        if s.kind == "map":
            return s.axes
        found = next((e.indices for e in elements_of(s.expression) if set(e.indices) == s.domain), None)
        return found or (*s.axes, *s.bound)

    def _shape(self, s: Statement, axes: Axes) -> tuple[str, ...]:
        extents = dict(zip(s.axes, self._tiling.shapes[s.name], strict=True))
        for element in elements_of(s.expression):
            extents |= dict(zip(element.indices, self._tiling.shapes[str(element.base.label)], strict=True))
        return tuple(extents.get(symbol, "") for symbol in axes)


def _words(lines: Sequence[str]) -> set[str]:
    code = [line for line in lines if not line.strip().startswith("#")]
    return {word for line in code for word in re.findall(r"[^\W\d]\w*", line)}
