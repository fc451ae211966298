"""Color in a terminal, by what a text means; without it a text stays as it is.

    Input    a text that has been laid out already, since the codes would count as columns
    Output   the text, in each of its lines between codes of the terminal, or unchanged
"""

from __future__ import annotations

_RESET = "\033[0m"


class Palette:
    """How each kind of text looks. Only the 16 colors that a terminal's own theme decides on are used."""

    def __init__(self, colored: bool) -> None:
        self._colored = colored

    def heading(self, text: str) -> str:
        """A title with its line."""
        return self._styled(text, "1")

    def rule(self, text: str) -> str:
        """The name of the rule behind a step."""
        return self._styled(text, "36")

    def result(self, text: str) -> str:
        """What marks a result."""
        return self._styled(text, "1;32")

    def good(self, text: str) -> str:
        """A verdict that all is right."""
        return self._styled(text, "32")

    def doubtful(self, text: str) -> str:
        """A verdict that not all is known, or right only under a condition."""
        return self._styled(text, "33")

    def bad(self, text: str) -> str:
        """A verdict that something is wrong."""
        return self._styled(text, "1;31")

    def _styled(self, text: str, code: str) -> str:
        if not self._colored:
            return text
        return "\n".join(f"\033[{code}m{line}{_RESET}" if line else line for line in text.split("\n"))


PLAIN = Palette(colored=False)
