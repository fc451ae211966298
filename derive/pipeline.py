"""The stages, from text to a derivation, each a function from one frozen value to the next.

    stage            function                     input -> output

    parse            parser.parse_layer           text -> Graph
    differentiate    differentiate.sweep          Graph -> Sweep: every cotangent, path by path
                     tangents.forward_sweep       Graph -> Sweep: every tangent, in forward mode
    simplify         simplify.close               Sweep -> Closing: the basis, what is kept, the normal forms
    explain          explain.explain              Sweep, Closing -> Derivation: the steps and the closed forms

A Derivation then goes to `printing` (LaTeX, Markdown, text, JSON); `workshop.py` has the stages after that, which need
NumPy: code and evidence. No stage knows a layer by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from sympy.core.parameters import distribute

from derive.compose import as_layer
from derive.counting import is_cheaper
from derive.derivation import Derivation, Form
from derive.differentiate import Sweep, sweep
from derive.errors import UsageError
from derive.explain import explain
from derive.graph import Graph, Mode
from derive.layers import read_layer
from derive.options import FORMS, MODES
from derive.parser import parse_layer
from derive.simplify import Closing, close
from derive.tangents import forward_sweep

_Result = TypeVar("_Result")
_RECENT = 8  # a page shows a layer in two forms at two orders


def load(layer: str) -> Graph:
    """The graph of a layer: a built-in name, a path to a .layer file, or "-" for standard input.

    Raises UsageError for a layer that is not there, LayerError for one that cannot be read.
    """
    source = read_layer(layer)
    return parse_layer(source.text, source.name, source.file)


def derive(
    layer: Graph | str,
    form: Form = "mean",
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
    timeout: float | None = None,
) -> Derivation:
    """The derivation of a layer's backward pass, or of its forward derivatives.

    `layer` is a graph, or whatever `load` takes. `form` is `staged` (the chain rule, nothing collapsed), `mean`, `sum`
    or `reuse` (in terms of other gradients). `wrt` names the quantities whose gradients are wanted; without it every
    input that is not a constant. In the mode `forward` it names the inputs that move, and the results are the tangents
    of the outputs. Where nothing collapses the result is in the form `staged`. `order` 2 differentiates the gradients
    once more, with respect to what they depend on, that is what `wrt` is about then: dy, x, gamma. `in_terms_of` names
    quantities of the forward pass in which the result is to be written, wherever others can be expressed by them;
    without it the choice is what costs least. The search for a closed form is bounded by the work that it takes, the
    same on every machine; after `timeout` seconds it ends, too, with what it has found, or in the form `staged`.
    Raises UsageError for a form, a name, an order or a mode that does not exist, and LayerError for a layer whose own
    names are those of its gradients.
    """
    if form not in FORMS:
        raise UsageError(f"there is no form {form!r}; choose from {', '.join(FORMS)}")
    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}; choose from {', '.join(MODES)}")
    graph = load(layer) if isinstance(layer, str) else layer
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise UsageError(f"the order must be a whole number of at least 1, not {order!r}")
    lower = derive_in_turn(graph, "reuse", order=order - 1, mode=mode, timeout=timeout)
    named = None if wrt is None else tuple(wrt)
    return _derived(lower[-1] if lower else graph, form, named, mode, tuple(in_terms_of), timeout)


def derive_in_turn(
    layer: Graph | str,
    form: Form = "mean",
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
    timeout: float | None = None,
) -> tuple[Derivation, ...]:
    """The derivations of order 1 up to `order`, each of the very gradients of the one before it.

    `layer` and the options are those of `derive`; `wrt` and `in_terms_of` are about the gradients of order 1. Raises
    what that raises.
    """
    found: list[Derivation] = []
    for _ in range(order):
        if found:
            found.append(_derived(found[-1], form, None, mode, (), timeout))
        else:
            found.append(derive(layer, form, wrt, 1, mode, in_terms_of, timeout))
    return tuple(found)


class _Same:
    """Something that is compared as an object: equal graphs may have their equations on other lines of a file."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def _once(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """What the function made of the very same object lately: two forms differ in the last stage alone."""

    @lru_cache(maxsize=_RECENT)
    def remembered(same: _Same, *rest: Hashable) -> _Result:
        return function(same.held, *rest)

    return lambda first, *rest: remembered(_Same(first), *rest)


@_once
def _layer_of(derivation: Derivation) -> Graph:
    return as_layer(derivation.backward, derivation.forward.by_name)


@_once
def _swept(graph: Graph, wrt: tuple[str, ...] | None, mode: Mode) -> Sweep:
    return sweep(graph, wrt) if mode == "reverse" else forward_sweep(graph, wrt)


@_once
def _closed(found: Sweep, in_terms_of: tuple[str, ...], timeout: float | None) -> Closing | None:
    return close(found, in_terms_of, timeout)


@_once
def _derived(
    source: Graph | Derivation,
    form: Form,
    wrt: tuple[str, ...] | None,
    mode: Mode,
    in_terms_of: tuple[str, ...] = (),
    timeout: float | None = None,
) -> Derivation:
    """The derivation of a layer, or of the gradients of a derivation."""
    previous = source if isinstance(source, Derivation) else None
    graph = _layer_of(source) if isinstance(source, Derivation) else source
    for name in in_terms_of:
        if name not in graph.by_name:
            choices = ", ".join(quantity.name for quantity in graph.quantities)
            raise UsageError(f"no form in terms of {name!r}: it is no quantity of the layer; choose from {choices}")
    with distribute(False):  # SymPy turns 2*(x - mu) into 2*x - 2*mu behind the reader's back
        found = _swept(graph, wrt, mode)
        closing = None if form == "staged" else _closed(found, in_terms_of, timeout)
        given_up = closing is None
        if closing is not None and not in_terms_of and not is_cheaper(found, closing):
            closing = None
        return replace(explain(found, closing, form, given_up), previous=previous)
