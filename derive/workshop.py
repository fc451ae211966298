"""The stages after a derivation that compute with numbers: functions made of it, and the evidence that it is right.

    stage            function                     input -> output

    generate         codegen.numpy.module_text    Derivation -> text of a module
    verify           verifier.verify              Derivation, checks -> Report
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from derive.codegen.numpy import compile_derivation
from derive.derivation import Form
from derive.generated import generated_checks
from derive.graph import Graph, Mode
from derive.pipeline import derive, load
from derive.printing.grammar import equation_text
from derive.report import Report
from derive.verifier import verify

# The form that costs least: sums that are gradients already are not taken twice.
CODE_FORM: Form = "reuse"


def compile_layer(
    layer: Graph | str, form: Form = CODE_FORM, wrt: Sequence[str] | None = None, order: int = 1
) -> ModuleType:
    """The functions of a layer, as a module with `forward`, `backward` and `Residuals`, which NumPy alone runs.

    `layer`, `form`, `wrt` and `order` are those of `derive`. Raises what that raises.
    """
    return compile_derivation(derive(layer, form, wrt, order))


def verify_layer(
    layer: Graph | str,
    form: Form = "mean",
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
) -> Report:
    """The evidence for a derivation: every line, every oracle, the generated functions where there are any.

    `layer`, `form`, `wrt`, `order` and `mode` are those of `derive`. Raises what that raises, and LayerError where no
    data satisfy the layer's facts.
    """
    graph = load(layer) if isinstance(layer, str) else layer
    derivation = derive(graph, form, wrt, order, mode)
    # There are no functions for tangents.
    coded = derive(graph, CODE_FORM, wrt, order) if mode == "reverse" else None
    checks = generated_checks(derivation, coded)
    return verify(derivation, checks, write=equation_text)
