"""The stages after a derivation that compute with numbers: functions made of it, and the evidence that it is right.

    stage            function                     input -> output

    generate         codegen.numpy.module_text    Derivation -> text of a module
    verify           verifier.verify              Derivation, checks -> Report
    lint             lint.lint                    Graph -> warnings about the layer itself
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType

from derive.codegen.numpy import HIGHEST_ORDER, compile_derivation, derivations_for_code
from derive.derivation import Derivation, Form
from derive.generated import generated_checks
from derive.graph import Graph, Mode
from derive.lint import lint_lines
from derive.pipeline import derive
from derive.printing.grammar import equation_text
from derive.report import Report
from derive.verifier import verify

# The form that costs least: sums that are gradients already are not taken twice.
CODE_FORM: Form = "reuse"


def compile_layer(
    layer: Graph | str, form: Form = CODE_FORM, wrt: Sequence[str] | None = None, order: int = 2
) -> ModuleType:
    """The functions of a layer, as a module that NumPy alone runs.

    It has `forward`, `backward` and `Residuals`, and `double_backward` unless `order` is 1, which saves the time of
    the second derivation. `layer`, `form` and `wrt` are those of `derive`; `wrt` chooses what `backward` returns.
    Raises what that raises, and UsageError for an order above 2.
    """
    return compile_derivation(*derivations_for_code(layer, form, wrt, order))


def verify_layer(
    layer: Graph | str,
    form: Form = "mean",
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
    timeout: float | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """The evidence for a derivation: every line, every oracle, the generated functions where there are any.

    `layer` and the options are those of `derive`. The report carries the warnings about the layer, whatever the order.
    `progress` is told what is being done, as it goes on.
    Raises what that raises, and LayerError where no data satisfy the layer's facts.
    """
    progress("the derivation")
    derivation = derive(layer, form, wrt, order, mode, in_terms_of, timeout)
    progress("the functions and the data")
    report = evidence(derivation, derivations_behind(derivation, timeout), progress)
    return replace(report, warnings=lint_lines(derivation.orders[0].forward))


def evidence(
    derivation: Derivation, coded: Sequence[Derivation], progress: Callable[[str], None] = lambda text: None
) -> Report:
    """The evidence for a derivation that is there, and for its functions, made of `coded`, where there are any."""
    return verify(derivation, generated_checks(derivation, *coded), write=equation_text, progress=progress)


def derivations_behind(derivation: Derivation, timeout: float | None = None) -> tuple[Derivation, ...]:
    """What the functions of a layer are made of, up to the order of a derivation of it; nothing if there are none."""
    order = len(derivation.orders)
    if order > HIGHEST_ORDER or derivation.mode == "forward":  # there are no functions for tangents
        return ()
    wrt = [str(derivation.by_name[name].of) for name in derivation.backward.outputs] if order == 1 else None
    return derivations_for_code(derivation.orders[0].forward, CODE_FORM, wrt, order, timeout=timeout)
