"""The commands and words that a formula may use, and what is said of those that it may not."""

from __future__ import annotations

# As LaTeX or as an upright word, and the function of the layer grammar that it is.
FUNCTIONS: dict[str, str] = {
    "exp": "exp", "log": "log", "ln": "log", "tanh": "tanh", "sin": "sin", "cos": "cos", "erf": "erf", "relu": "relu",
    "ReLU": "relu", "RELU": "relu", "sigmoid": "sigmoid", "Sigmoid": "sigmoid", "softplus": "softplus",
    "Softplus": "softplus", "sign": "sign", "sgn": "sign", "log1p": "log1p", "abs": "abs", "max": "maximum",
    "min": "minimum", "sqrt": "sqrt",
}  # fmt: skip
REDUCTIONS: dict[str, str] = {"sum": "sum", "prod": "prod", "max": "max"}

# Each with its combining character.
ACCENTS: dict[str, str] = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304",
    "overline": "\u0304", "dot": "\u0307", "ddot": "\u0308", "acute": "\u0301", "grave": "\u0300", "check": "\u030c",
    "breve": "\u0306",
}  # fmt: skip

_GRADIENT = "write \\frac{\\partial L}{\\partial x_{ij}}"
_ELEMENT = "write one element: x_{ij}"
_CASES = ("cases are not in the grammar", "write a mask, \\mathbb{1}[i = j] or a function such as \\max(0, x)")
_MATRIX = ("a matrix written out is not read", "write each of its elements as an equality: x_{11} = ...")

# What is not read: the message, and the remedy.
COMMANDS: dict[str, tuple[str, str]] = {
    "int": ("an integral is not in the grammar", "a sum over an index is written \\sum_{i=1}^{N}"),
    "nabla": ("∇ is not in the grammar", _GRADIENT),
    "pm": ("± says two things at once", "write one equality for each sign"),
    "mp": ("∓ says two things at once", "write one equality for each sign"),
    "otimes": ("an outer product is not in the grammar", _ELEMENT),
    "oplus": ("⊕ is not in the grammar", _ELEMENT),
    "circ": ("∘ is read in two ways", "write \\odot for a product of elements"),
    "top": ("a transposed matrix is not in the grammar", _ELEMENT),
    "min": ("\\min over an index is not in the grammar", "write -\\max_{k} (-x_{ik})"),
    "|": ("a norm is not in the grammar", "write \\sqrt{\\sum_{j} x_{ij}^2}"),
    "Vert": ("a norm is not in the grammar", "write \\sqrt{\\sum_{j} x_{ij}^2}"),
    "lVert": ("a norm is not in the grammar", "write \\sqrt{\\sum_{j} x_{ij}^2}"),
    "langle": ("an inner product in angles is not in the grammar", "write \\sum_{j} x_{ij} y_{ij}"),
    "infty": ("∞ is no number", "write the limit itself"),
    "binom": ("a binomial is not in the grammar", "write it as a quotient"),
    "mathbb": ("an expectation is not in the grammar", "write the mean, \\frac{1}{N} \\sum_{i=1}^{N} x_{ij}"),
    "underbrace": ("a brace below a formula is not read", "write the formula alone"),
    "overbrace": ("a brace above a formula is not read", "write the formula alone"),
    "begin{cases}": _CASES, "begin{dcases}": _CASES, "begin{rcases}": _CASES,
    **{f"begin{{{name}}}": _MATRIX for name in (
        "matrix", "pmatrix", "bmatrix", "vmatrix", "Bmatrix", "smallmatrix", "array")},
}  # fmt: skip

PRIME = "write a derivative as \\frac{\\partial y}{\\partial x}, or choose another letter"
# The same for the signs, by the kind of their token.
SIGNS: dict[str, tuple[str, str]] = {
    "!": ("a factorial is not in the grammar", "write the product out"),
    "dots": ("dots do not say what they stand for", "write a \\sum"),
    "row": ("a line break inside a bracket", "close the bracket, or break the line outside it"),
    "&": ("& inside a bracket", "delete it"), "'": ("a prime is not in the grammar", PRIME),
    "close": ("this bracket was not opened", "open it, or delete it"), "}": ("this brace was not opened", "delete it"),
    "=": ("an = inside a bracket", "an equality stands outside all brackets"),
    "=:": ("an =: inside a bracket", "an equality stands outside all brackets"),
    "_": ("an index with nothing to stand at", "write it behind a symbol: x_{ij}"),
    "^": ("an exponent with nothing to stand at", "write it behind a symbol or a bracket"),
}  # fmt: skip
