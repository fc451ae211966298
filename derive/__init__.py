"""Derive the backward pass of a layer from its equations: every step, the closed form, fast code, the evidence.

    >>> import derive
    >>> derivation = derive.derive("batch_norm", form="reuse")
    >>> print(derive.text(derivation.results[-1]))
    dx[i, j] = gamma[j]/(N*sqrt(var[j] + eps))*(N*dy[i, j] - dgamma[j]*xhat[i, j] - dbeta[j])

`load` and `parse` make a `Graph`, `vjp` and `jvp` differentiate it (staged), `derive` explains it and finds its closed
form, `compile` makes functions of it, `verify` checks them all. SymPy and NumPy are imported when the first of these is
used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from derive.checker import check_claims as check
    from derive.checker import check_function as check_function
    from derive.derivation import Derivation as Derivation
    from derive.derivation import Step as Step
    from derive.differentiate import vjp as vjp
    from derive.errors import DeriveError as DeriveError
    from derive.errors import LayerError as LayerError
    from derive.errors import UsageError as UsageError
    from derive.graph import Graph as Graph
    from derive.parser import parse_layer as parse
    from derive.pipeline import derive as derive
    from derive.pipeline import load as load
    from derive.printing.grammar import equation_text as text
    from derive.tangents import jvp as jvp
    from derive.workshop import compile_layer as compile
    from derive.workshop import verify_layer as verify

__version__ = "0.1.0"

# The public names, and where each is. Nothing is imported before it is asked for: `derive --help` needs neither.
_HOMES = {
    "Derivation": ("derive.derivation", "Derivation"),
    "DeriveError": ("derive.errors", "DeriveError"),
    "Graph": ("derive.graph", "Graph"),
    "LayerError": ("derive.errors", "LayerError"),
    "Step": ("derive.derivation", "Step"),
    "UsageError": ("derive.errors", "UsageError"),
    "check": ("derive.checker", "check_claims"),
    "check_function": ("derive.checker", "check_function"),
    "compile": ("derive.workshop", "compile_layer"),
    "derive": ("derive.pipeline", "derive"),
    "jvp": ("derive.tangents", "jvp"),
    "load": ("derive.pipeline", "load"),
    "parse": ("derive.parser", "parse_layer"),
    "text": ("derive.printing.grammar", "equation_text"),
    "verify": ("derive.workshop", "verify_layer"),
    "vjp": ("derive.differentiate", "vjp"),
}
__all__ = [
    "Derivation",
    "DeriveError",
    "Graph",
    "LayerError",
    "Step",
    "UsageError",
    "__version__",
    "check",
    "check_function",
    "compile",
    "derive",
    "jvp",
    "load",
    "parse",
    "text",
    "verify",
    "vjp",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
