"""Which chains of a text use a name, so that those alone are read again when it becomes known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from derive.claims.latex.chains import ParsedChain
from derive.claims.latex.patterns import Pattern, digits
from derive.claims.latex.tree import Node, Symbol, parts
from derive.errors import LayerError


class Users:
    """The chains of a text, by their numbers, under every symbol in them."""

    def __init__(self, chains: Mapping[int, ParsedChain]) -> None:
        self._under: dict[tuple[str, ...], set[int]] = {}
        for number, chain in chains.items():
            for node in nodes_in(chain):
                if isinstance(node, Symbol):
                    self._add(node, number)

    def of(self, patterns: Iterable[Pattern]) -> set[int]:
        """The chains with a symbol that may be one of these: it has the letter, and one of its own subscripts."""
        found: set[int] = set()
        for pattern in patterns:
            looks = (pattern.base, pattern.accent)
            keys: list[tuple[str, ...]] = [looks, *((*looks, text) for text in pattern.own)]
            found |= min((self._under.get(key, set()) for key in keys), key=len)
            found |= self._under.get((pattern.name,), set())
        return found

    def _add(self, symbol: Symbol, number: int) -> None:
        looks = (symbol.base, symbol.accent)
        texts = {text for subscript in symbol.subscripts for text in (subscript.text, *digits(subscript))}
        for key in ((symbol.base,), looks, *((*looks, text) for text in texts)):
            self._under.setdefault(key, set()).add(number)


def nodes_in(chain: ParsedChain) -> Iterable[Node]:
    """Every node of the sides of a chain."""
    pending = [side for side in chain.sides if not isinstance(side, LayerError)]
    while pending:
        node = pending.pop()
        yield node
        pending += parts(node)
