"""The stages, from text to a derivation, each a function from one frozen value to the next.

    stage            function                     input -> output

    parse            parser.parse_layer           text -> Graph
    differentiate    differentiate.sweep          Graph -> Sweep: every cotangent, path by path
    simplify         simplify.close               Sweep -> Closing: the basis, what is kept, the normal forms
    explain          explain.explain              Sweep, Closing -> Derivation: the steps and the closed forms

A Derivation then goes to `printing` (LaTeX, Markdown, text, JSON); `workshop.py` has the stages after that, which need
NumPy: code and evidence. No stage knows a layer by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr
from sympy.core.parameters import distribute

from derive.compose import as_layer
from derive.derivation import Derivation, Form
from derive.differentiate import Sweep, sweep
from derive.errors import UsageError
from derive.explain import explain
from derive.graph import Graph
from derive.layers import read_layer
from derive.options import FORMS
from derive.parser import parse_layer
from derive.rules.cost import cost
from derive.rules.sums import pull_out
from derive.simplify import Closing, close


def load(layer: str) -> Graph:
    """The graph of a layer: a built-in name, a path to a .layer file, or "-" for standard input.

    Raises UsageError for a layer that is not there, LayerError for one that cannot be read.
    """
    source = read_layer(layer)
    return parse_layer(source.text, source.name, source.file)


def derive(layer: Graph | str, form: Form = "mean", wrt: Sequence[str] | None = None, order: int = 1) -> Derivation:
    """The derivation of a layer's backward pass.

    `layer` is a graph, or whatever `load` takes. `form` is `staged` (the chain rule, nothing collapsed), `mean`, `sum`
    or `reuse` (in terms of other gradients). `wrt` names the quantities whose gradients are wanted; without it every
    input that is not a constant. Where nothing collapses the result is in the form `staged`.
    Raises UsageError for a form or a name that does not exist.
    """
    if form not in FORMS:
        raise UsageError(f"there is no form {form!r}; choose from {', '.join(FORMS)}")
    graph = load(layer) if isinstance(layer, str) else layer
    for _ in range(order - 1):
        lower = derive(graph, "reuse")
        graph = as_layer(lower.backward, graph.by_name)
    with distribute(False):  # SymPy turns 2*(x - mu) into 2*x - 2*mu behind the reader's back
        found = sweep(graph, wrt)
        closing = None if form == "staged" else close(found)
        if closing is not None and not _is_cheaper(found, closing):
            closing = None
        return explain(found, closing, form)


def derive_in_turn(
    layer: Graph | str, form: Form = "mean", wrt: Sequence[str] | None = None, order: int = 1
) -> tuple[Derivation, ...]:
    """The derivations of order 1 up to `order`, each of the very gradients of the one before it.

    `layer`, `form` and `wrt` are those of `derive`; `wrt` chooses the gradients of order 1.
    """
    graph = load(layer) if isinstance(layer, str) else layer
    found = [derive(graph, form, wrt)]
    for _ in range(order - 1):
        graph = as_layer(found[-1].backward, graph.by_name)
        found.append(derive(graph, form))
    return tuple(found)


def _is_cheaper(found: Sweep, closing: Closing) -> bool:
    """Whether the closed form costs less than the staged one, in which every cotangent is computed and kept."""
    staged: list[tuple[int, Expr]] = [
        (len(c.quantity.indices), pull_out(c.equation.expression)) for c in found.cotangents
    ]
    return closing.price <= cost(staged)
