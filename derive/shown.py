"""What is shown as formulas in a notebook.

The values are at the bottom, how they look is written at the top (`notebook`), and is loaded when a notebook asks for
it: the one place where a module reaches up.
"""

from __future__ import annotations

from importlib import import_module


class Shown:
    """A value that a notebook shows as a page does, in HTML, or as LaTeX where it is printed."""

    def _repr_html_(self) -> str:
        text: str = import_module("derive.notebook").html_of(self)
        return text

    def _repr_latex_(self) -> str:
        text: str = import_module("derive.notebook").latex_of(self)
        return text
