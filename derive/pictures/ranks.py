"""On which row each vertex of a directed graph without cycles is drawn: names and edges in, a rank for each name out.

Ranks grow along every edge. They are those of the longest paths at first; then vertices move along their free space
until the edges cannot get shorter by moving one: what is given comes to stand right above where it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence


def assign_ranks(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The rank of each name, 0 for the first row. Raises ValueError for a cycle."""
    before: dict[str, list[str]] = {name: [] for name in names}
    behind: dict[str, list[str]] = {name: [] for name in names}
    for start, end in edges:
        before[end].append(start)
        behind[start].append(end)
    ranks: dict[str, int] = {}
    for name in _in_order(names, before, behind):
        ranks[name] = max((ranks[start] + 1 for start in before[name]), default=0)
    moved = True
    while moved:  # the edges get shorter with every move, so there is an end
        moved = False
        for name in reversed(names):
            moved |= _pull(name, ranks, before, behind)
    lowest = min(ranks.values(), default=0)
    return {name: ranks[name] - lowest for name in names}


def _in_order(names: Sequence[str], before: dict[str, list[str]], behind: dict[str, list[str]]) -> list[str]:
    """The names, each behind all that lead to it."""
    waiting = {name: len(before[name]) for name in names}
    found = [name for name in names if not waiting[name]]
    for name in found:
        for end in behind[name]:
            waiting[end] -= 1
            if not waiting[end]:
                found.append(end)
    if len(found) < len(names):
        raise ValueError(f"a cycle leads through {', '.join(name for name in names if waiting[name])}")
    return found


def _pull(name: str, ranks: dict[str, int], before: dict[str, list[str]], behind: dict[str, list[str]]) -> bool:
    """Move one vertex to that end of its free space where its edges are shortest; whether it moved."""
    above, below = before[name], behind[name]
    wanted = ranks[name]
    if len(below) > len(above):
        wanted = min(ranks[end] for end in below) - 1
    elif len(above) > len(below):
        wanted = max(ranks[start] for start in above) + 1
    moved = wanted != ranks[name]
    ranks[name] = wanted
    return moved
