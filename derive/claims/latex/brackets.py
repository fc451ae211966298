"""Where the brackets and groups of a list of tokens end, and what is outside them."""

from __future__ import annotations

from collections.abc import Sequence

from derive.claims.latex.tokens import Token

# The kinds of the tokens that open and close a bracket or a group.
OPENING, CLOSING = ("open", "{"), ("close", "}")


def group_end(tokens: Sequence[Token], place: int) -> int:
    """The place behind the group, or the single token, at a place."""
    depth = 0
    for here in range(place, len(tokens)):
        depth += (tokens[here].kind in OPENING) - (tokens[here].kind in CLOSING)
        if depth <= 0:
            return here + 1
    return len(tokens)


def outside(tokens: Sequence[Token]) -> list[str]:
    """The kind of each token; of one inside a bracket only that it is."""
    kinds = []
    depth = 0
    for token in tokens:
        depth -= token.kind in CLOSING
        kinds.append("inside" if depth > 0 else token.kind)
        depth += token.kind in OPENING
    return kinds
