"""How deep the names of an author's own stand on one another.

What a name stands for is evaluated before the name, one inside the other; a page of text never goes far.
"""

from __future__ import annotations

from sympy import Expr

from derive.graph import names_in

MAX_NESTING = 100
TOO_DEEP = f"this name stands on others, one behind the other, more than {MAX_NESTING} of them"
TOO_DEEP_HINT = "use the names of the layer and of its gradients on the way"


class Nesting:
    """The names that were noted, each with how many others it stands on, one behind the other."""

    def __init__(self) -> None:
        self._depths: dict[str, int] = {}

    def depth(self, expression: Expr) -> int:
        """How many names stand behind one another below an expression."""
        return max((self._depths.get(name, 0) for name in names_in(expression)), default=0)

    def is_too_deep(self, expression: Expr) -> bool:
        """Whether nothing can have a name that stands for this expression."""
        return self.depth(expression) >= MAX_NESTING

    def note(self, name: str, expression: Expr) -> None:
        """Remember what a name stands for."""
        self._depths[name] = 1 + self.depth(expression)
