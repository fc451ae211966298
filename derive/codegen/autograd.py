"""The layer as a function that torch differentiates, once or twice, by the functions that were derived.

    forward, its gradients ``backward``, and theirs ``double_backward``
    ──▶  a torch.autograd.Function whose backward pass is another one

Autograd follows from one order to the next only what it is given as an argument: beside the residuals the second
function takes stand-ins for the inputs that its gradients are with respect to. They have no memory, so that nothing is
saved that nothing is computed with. Behind the last order, whose results nobody has derived further, there is an error.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from derive.codegen.contract import tuple_text
from derive.codegen.layer_functions import arrays_and_numbers, parameters
from derive.codegen.residuals import Residuals, cotangents_of
from derive.codegen.signatures import (
    bundle,
    bundle_type,
    described,
    docstring,
    function_name,
    signature,
    tuple_return_lines,
)
from derive.codegen.wrapping import WIDTH, call
from derive.derivation import Derivation
from derive.graph import fresh_name

# The same in every module: subclasses of what torch has, so that they cannot be functions of this package.
_FOLLOWED = '''class _StandIns(torch.autograd.Function):
    """For each tensor another that gradients reach it through, of the same shape and without its memory."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> tuple[Any, ...]:
        return tuple(a.new_zeros(()).expand(a.shape) if isinstance(a, torch.Tensor) else None for a in arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients


def _last(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a backward pass whose results cannot be differentiated: that is an error, not a gradient of zero."""

    def last(ctx: Any, *cotangents: Any) -> Any:
        with torch.no_grad():
            gradients = backward(ctx, *cotangents)
        if not torch.is_grad_enabled():
            return gradients
        return _Refused.apply(len(gradients), *gradients, *cotangents, *ctx.saved_tensors)

    return last


class _Refused(torch.autograd.Function):
    """Some tensors, with all the tensors that they are made of; gradients with respect to these are an error."""

    generate_vmap_rule = True

    @staticmethod
    def forward(count: int, *tensors: Any) -> tuple[Any, ...]:
        return tensors[:count]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise RuntimeError("these gradients are of the highest order that was derived, and cannot be differentiated")'''
_VMAP = ["", "    generate_vmap_rule = True", ""]
_GRADIENTS = "tuple[torch.Tensor | None, ...]"


def autograd_lines(derivation: Derivation, second: Derivation | None, residuals: Residuals) -> list[str]:
    """The function that is called as the layer, and the classes that autograd calls."""
    writer = _Writer(derivation, second, residuals)
    lines = ["", "", *writer.layer_lines(), "", "", *_FOLLOWED.splitlines(), "", "", *writer.forward_lines()]
    return [*lines, "", "", *writer.backward_lines(second)] if second else lines


class _Writer:
    """Writes both; `_saved` are the tensors that the backward pass is given."""

    def __init__(self, derivation: Derivation, second: Derivation | None, residuals: Residuals) -> None:
        graph = derivation.forward
        self._derivation, self._dialect, self._twice = derivation, residuals.dialect, second is not None
        self._arguments = [q.name for q in graph.inputs]
        self._outputs = [graph.by_name[name] for name in graph.outputs]
        self._cotangents = [q.name for q in cotangents_of(derivation)]
        self._gradients = {str(derivation.backward.by_name[n].of): n for n in derivation.backward.outputs}
        self._again = {str(second.backward.by_name[n].of): n for n in second.backward.outputs} if second else {}
        self._residuals = [q.name for q in residuals.quantities]
        followed = self._again if second else self._gradients
        taken = derivation.backward.names | (second.backward.names if second else set())
        stand_ins = {name: fresh_name([f"{name}_stand_in"], taken) for name in self._arguments if name in followed}
        self._stand_ins = {stand_in: name for name, stand_in in stand_ins.items()}
        self._saved = [*self._stand_ins, *self._residuals]
        self._computed = [n for n in self._residuals if n not in self._arguments and n not in graph.outputs]
        self._ctx = fresh_name(["ctx", "context"], taken)
        self._inputs = fresh_name(["inputs", "all_inputs"], taken)
        self._output = fresh_name(["output", "all_outputs"], taken)

    def layer_lines(self) -> list[str]:
        """The function that is called as the layer."""
        graph = self._derivation.forward
        first = arrays_and_numbers(graph, self._dialect)[0][0].name
        rows = [(q.name, described(q)) for q in (*graph.inputs, *self._outputs)]
        first_line = f"Return {bundle(self._outputs)}; the gradients are those of `backward`"
        if self._twice:
            first_line += ", and theirs those of `double_backward`"
        contract = (
            "The arguments are those of `forward`. float16 and bfloat16 are computed with in float32, and what is saved"
            f" for the gradients is; the result has the dtype of {first}."
        )
        results = ", ".join(q.name for q in self._outputs)
        given = [f"*_widened({', '.join(self._arguments)})"]
        given = [f"*_StandIns.apply({', '.join(self._stand_ins.values())})", *given] if self._stand_ins else given
        return [
            *signature(function_name(graph), parameters(graph, "", self._dialect), self._type()),
            *docstring(f"{first_line}.", rows, [contract]),
            *call(f"{results}, *_ = _Forward.apply", given, ""),
            f"    return {', '.join(f'{q.name}.to({first}.dtype)' for q in self._outputs)}",
        ]

    def _type(self) -> str:
        return bundle_type(self._outputs, self._dialect)

    def forward_lines(self) -> list[str]:
        """The class that computes the outputs, and saves what their gradients need."""
        outputs = [q.name for q in self._outputs]
        arrays, numbers = arrays_and_numbers(self._derivation.forward, self._dialect)
        converted = [q.name for q in numbers if q.name in self._saved]
        given = [*self._stand_ins, *self._arguments]
        returned = [*outputs, *(f"residuals.{name}" for name in self._computed)]
        residuals = "residuals" if self._computed else "_"
        used = {*self._saved, *([arrays[0].name] if converted else [])}
        saved_outputs = [name for name in outputs if name in self._saved]
        lines = [
            "class _Forward(torch.autograd.Function):",
            '    """The layer, whose gradients are those of `backward`."""',
            *_VMAP,
            "    @staticmethod",
            *call("def forward", _typed(given), " -> tuple[torch.Tensor, ...]:"),
            *call(f"{bundle(self._outputs)}, {residuals} = forward", self._arguments, "", 8),
            *tuple_return_lines(returned, 8),
            "",
            *self._setup_lines(),
            *_unpacking(given, used, self._inputs),
        ]
        if saved_outputs or self._computed:
            lines += _unpacking([*outputs, *self._computed], {*saved_outputs, *self._computed}, self._output)
        lines += [f'        {name} = _scalar("{name}", {name}, {arrays[0].name})' for name in converted]
        lines += call(f"{self._ctx}.save_for_backward", self._saved, "", 8)
        lines += call(f"{self._ctx}.mark_non_differentiable", self._computed, "", 8) if self._computed else []
        return [*lines, "", *self._gradient_lines()]

    def _gradient_lines(self) -> list[str]:
        last = [] if self._twice else ["    @_last"]
        head = call("def backward", [f"{self._ctx}: Any", *_typed(self._cotangents), "*_: Any"], f" -> {_GRADIENTS}:")
        found = ", ".join(self._gradients.values())
        if self._twice:
            arguments = [*self._cotangents, f"*{self._ctx}.saved_tensors"]
            lines = call(f"{found} = _Backward.apply", arguments, "", 8)
        else:
            lines = _unpacking(self._saved, self._residuals, f"{self._ctx}.saved_tensors")
            lines += call(f"{found} = backward", [self._given(), self._record()], "", 8)
        gradients = ["None"] * len(self._stand_ins)
        gradients += [self._gradients.get(name, "None") for name in self._arguments]
        return ["    @staticmethod", *last, *head, *lines, *self._return_lines(gradients)]

    def backward_lines(self, second: Derivation) -> list[str]:
        """The class that computes the gradients, and saves what their own need."""
        arguments = [*self._cotangents, *self._saved]
        computed_with = [*self._cotangents, *self._residuals]
        again = [q.name for q in cotangents_of(second)]
        lines = [
            "class _Backward(torch.autograd.Function):",
            '    """The gradients, whose own are those of `double_backward`; these are not differentiated again."""',
            *_VMAP,
            "    @staticmethod",
            *call("def forward", _typed(arguments), " -> Any:"),
            *call("return backward", [self._given(), self._record()], "", 8),
            "",
            *self._setup_lines(),
            f"        {self._ctx}.save_for_backward(*{self._inputs})",
            "",
            "    @staticmethod",
            "    @_last",
            *call("def backward", [f"{self._ctx}: Any", *_typed(again)], f" -> {_GRADIENTS}:"),
        ]
        if self._again:
            found = ", ".join(self._again.values())
            lines += _unpacking(arguments, computed_with, f"{self._ctx}.saved_tensors")
            lines += call(f"{found} = double_backward", [*again, self._given(), self._record()], "", 8)
        of = self._stand_ins | {name: name for name in self._cotangents}
        return [*lines, *self._return_lines([self._again.get(of.get(name, ""), "None") for name in arguments])]

    def _setup_lines(self) -> list[str]:
        context = [f"{self._ctx}: Any", f"{self._inputs}: tuple[Any, ...]", f"{self._output}: tuple[Any, ...]"]
        return ["    @staticmethod", *call("def setup_context", context, " -> None:")]

    def _return_lines(self, gradients: Sequence[str]) -> list[str]:
        return call("return _wanted", [f"{self._ctx}.needs_input_grad", tuple_text(gradients)], "", 8)

    def _given(self) -> str:
        return self._cotangents[0] if len(self._cotangents) == 1 else tuple_text(self._cotangents)

    def _record(self) -> str:
        return f"Residuals({', '.join(self._residuals)})"


def _typed(names: Sequence[str]) -> list[str]:
    return [f"{name}: Any" for name in names]


def _unpacking(names: Sequence[str], used: Container[str], source: str) -> list[str]:
    """The lines that take a tuple apart, of which some names are `used`."""
    shown = [name if name in used else "_" for name in names]
    if set(shown) == {"_"}:
        return []
    line = f"        {', '.join(shown)}{',' * (len(shown) == 1)} = {source}"
    return [line] if len(line) <= WIDTH else call("", shown, f" = {source}", 8)
