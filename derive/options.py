"""The choices that a user has, apart from what they need to run.

The command line reads them for its help, and is not to load anything for that, not even `typing`; the types that go
with them are in `derivation.py`, and a test holds them together.
"""

from __future__ import annotations

MODES = ("reverse", "forward")
ORDERS = (1, 2, 3)
FORMS = ("staged", "sum", "mean", "reuse")
DETAILS = ("brief", "steps", "full")
NOTATIONS = ("leibniz", "d", "bar")
TARGETS = ("numpy", "loops", "c", "array-api", "torch", "jax", "workers")
DTYPES = ("float32", "float64", "float16", "bfloat16")
INPUT_FORMATS = ("grammar", "latex")
COLORS = ("auto", "always", "never")
PICTURE_FORMATS = ("svg", "dot", "mermaid", "tikz")
SHELLS = ("bash", "zsh", "fish")
