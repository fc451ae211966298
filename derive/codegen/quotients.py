"""A product of arrays over a product of arrays, with the small ones multiplied first.

    gamma[j], (N*dy[i, j] - dbeta[j]), over N, sqrt(var[j] + eps)
    ──▶  gamma / (N * np.sqrt(var + eps)) * (N * dy - dbeta)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from derive.codegen.axes import POWER, PRODUCT, Axes, Code
from derive.codegen.dialects import Dialect

Common = Callable[[Sequence[Code]], Axes]


@dataclass
class _Group:
    """The factors that have the same axes, and what divides them."""

    above: list[Code] = field(default_factory=list)
    below: list[Code] = field(default_factory=list)


def quotient(above: Sequence[Code], below: Sequence[Code], common: Common, dialect: Dialect) -> Code:
    """The product of `above`, of which there is at least one, over the product of `below`."""
    codes = [_group_code(group, common, dialect) for group in _grouped(above, below)]
    if len(codes) == 1:
        return codes[0]
    axes = common(codes)
    text = " * ".join(dialect.align(code, axes).within(PRODUCT) for code in codes)
    return Code(text, axes, PRODUCT, all(code.weak for code in codes))


def _grouped(above: Sequence[Code], below: Sequence[Code]) -> list[_Group]:
    """Groups from few axes to many. A divisor goes to the smallest group that has its axes and more than divisors.

    Plain numbers join the smallest of several groups: that costs little, and is exact in any dtype.
    """
    groups: dict[frozenset[object], _Group] = {}
    for code in sorted((code for code in above if not code.weak), key=lambda code: len(code.axes)):
        groups.setdefault(frozenset(code.axes), _Group()).above.append(code)
    numbers = [code for code in above if code.weak]
    if len(groups) < 2:
        groups = {frozenset(): _Group(), **groups}
    next(iter(groups.values())).above[:0] = numbers
    groups = {axes: group for axes, group in groups.items() if group.above}
    for code in sorted(below, key=lambda code: len(code.axes)):
        axes = frozenset(code.axes)
        fitting = [own for own in groups if axes <= own]
        groups[fitting[0] if fitting else list(groups)[-1]].below.append(code)
    return list(groups.values())


def _group_code(group: _Group, common: Common, dialect: Dialect) -> Code:
    if len(group.above) == 1 and not group.below:
        return group.above[0]
    axes = common([*group.above, *group.below])
    first, *others = (dialect.align(code, axes) for code in group.above)
    text = " * ".join([first.within(PRODUCT), *(code.within(POWER) for code in others)])
    if group.below:
        divisor = dialect.align(quotient(group.below, [], common, dialect), axes)
        text += f" / {divisor.within(POWER)}"
    return Code(text, axes, PRODUCT, all(code.weak for code in (*group.above, *group.below)))
