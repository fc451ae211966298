r"""Where to break a displayed formula that is too wide, which TeX leaves to the author.

A formula is broken before + and -, also inside \left( \right), which then become brackets of a fixed size (the two of a
pair may stand on different rows), and, where that is not enough, between factors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.printing.rows import Piece, fill
from derive.printing.width import OPERATORS, Atom, atoms_of, width_of

_LIMITS = tuple(OPERATORS)
_SHORT = 7.0  # em: brackets up to that width stay on one row

def break_formula(left: str, relation: str, right: str, width: float) -> list[str]:
    """The rows of `left relation right` for an `aligned` environment, none wider than `width` em where that can be.

    In the first row `&` stands before the relation, in the others before what continues it. A formula that fits is
    one row.
    """
    start = width_of(f"{left} {relation} ")
    if start + width_of(right) <= width:
        return [f"{left} &{relation} {right}"]
    tall = any(command in right for command in (r"\frac", r"\sum", r"\prod", r"\begin"))
    rows = fill(_pieces(right), width - start - 1.0, _begin_row)
    first, *others = [_fixed_brackets(row.rstrip(), r"\bigg" if tall else r"\big") for row in rows]
    return [f"{left} &{relation} {first}", *(rf"&\quad {row}" for row in others)]


def _pieces(latex: str) -> list[Piece]:
    """A formula cut before + and - (levels 0, 2, 4, ... by depth) and before factors (levels 3, 5, ...)."""
    pieces: list[Piece] = []
    now, width, level = "", 0.0, 0
    before, space = "", False
    atoms = list(atoms_of(latex))
    together = _short_brackets(atoms)
    for position, atom in enumerate(atoms):
        cut = None
        if position in together:
            pass
        elif atom.latex in ("+", "-") and space:
            cut = 2 * atom.depth
        elif _begins_factor(atom, space) and before not in ("", "+", "-") and not before.startswith(_LIMITS):
            cut = 2 * atom.depth + 3
        if cut is not None and now:
            pieces.append(Piece(now, width, level))
            now, width, level = "", 0.0, cut
        now += atom.latex
        width += atom.width
        space = atom.latex == " "
        if not space:
            before = atom.latex
    return [*pieces, Piece(now, width, level)]


def _short_brackets(atoms: Sequence[Atom]) -> set[int]:
    """The positions inside brackets such as (x - mu), which are not broken."""
    opened: list[int] = []
    inside: set[int] = set()
    for position, atom in enumerate(atoms):
        if atom.latex == r"\left(":
            opened.append(position)
        elif atom.latex.startswith(r"\right)") and opened:
            start = opened.pop()
            if sum(other.width for other in atoms[start : position + 1]) <= _SHORT:
                inside.update(range(start + 1, position + 1))
    return inside


def _begins_factor(atom: Atom, space: bool) -> bool:
    return atom.latex == r"\," or (space and atom.latex.startswith((r"\left(", *_LIMITS)))


def _begin_row(row: str) -> str:
    """A row that goes on: with its sign, or with a cross where it begins with a factor."""
    row = row.lstrip()
    if row.startswith(("+", "-", r"\times")):
        return row
    return r"\times " + row.removeprefix(r"\,").lstrip()


def _fixed_brackets(row: str, size: str) -> str:
    r"""Give brackets of a fixed size to every \left( and \right) of a row that has no partner on it."""
    opened: list[int] = []
    lonely: list[tuple[int, str, str]] = []
    for match in re.finditer(r"\\left\(|\\right\)", row):
        if match.group() == r"\left(":
            opened.append(match.start())
        elif opened:
            opened.pop()
        else:
            lonely.append((match.start(), r"\right)", f"{size}r)"))
    lonely += [(start, r"\left(", f"{size}l(") for start in opened]
    for start, delimiter, fixed in sorted(lonely, reverse=True):
        row = row[:start] + fixed + row[start + len(delimiter) :]
    return row
