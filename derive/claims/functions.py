"""Someone's backward pass as a NumPy function: what its parameters mean, and what it returns on given data.

    Input    a Graph; a function of a file, and the forward function whose cache it takes, if it takes one
    Output   a FunctionUnderTest: the gradients, and the outputs, by name

The functions run in a process of their own, with a time limit for each call. What a parameter means is told by its
name: the layer's own, or a usual one for it. Only where the names say nothing it is told by the position.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np

from derive.claims.conversation import Talk, read_answer
from derive.claims.parameters import Loaded, Source, bind_backward, bind_forward, call_text, has_upstream, in_order
from derive.claims.returned import describe_value, fit_array, gradients_in, unexpected_return
from derive.claims.source_files import split_name
from derive.claims.usual_names import scalar_constants, spellings_of
from derive.claims.worker import Ended, Overdue, Packed, Worker, pack_array
from derive.errors import LayerError
from derive.graph import Graph

Values = Mapping[str, "np.ndarray | float"]


def announcement(title: str, timeout: float) -> str:
    """What a user is told before the function runs; `title` is path.py:function, or that of a loaded one."""
    path, colon, name = title.rpartition(":")
    source = f"{name} from {path}" if colon else title.replace(" in ", " from ", 1)
    return f"running {source} in a process of its own, for at most {timeout:g} s a call"


def load_function(
    graph: Graph, function: str, forward: str | None = None, timeout: float = 10.0
) -> FunctionUnderTest:
    """Load a backward function, given as path.py:name, and the forward one, in a new process.

    Raises LayerError where a file or a function is not there, cannot be imported, or has parameters whose meaning
    cannot be told.
    """
    given = [split_name(text) for text in (function, forward) if text is not None]
    try:
        worker = Worker()
    except (OSError, ValueError, Overdue, Ended) as error:
        raise LayerError(f"no process can be started for {given[0][1]} ({error or 'it does not answer'})") from None
    try:
        talk = Talk(worker, timeout)
        return FunctionUnderTest(graph, talk, *[talk.load(path, name) for path, name in given])
    except BaseException:
        worker.close()
        raise


class FunctionUnderTest:
    """A backward function, and the forward one whose cache it takes. Leaving its `with` ends the process.

    `names` are the gradients that it returns, all of them before the first call, and `forward_names` the outputs that
    the forward function returns. `wrote_to` are the arguments that it has changed. `untaken` are the scalar constants
    that no parameter takes: the functions have values of their own for them.
    """

    def __init__(self, graph: Graph, talk: Talk, backward: Loaded, forward: Loaded | None = None) -> None:
        self._graph, self._talk, self._backward, self._forward = graph, talk, backward, forward
        self.names = tuple(f"d{name}" for name in graph.differentiable)
        self.forward_names = graph.outputs if forward else ()
        self.file, self.line, self.title = backward.path, backward.line, backward.title
        self.forward_line = forward.line if forward else None
        self.forward_title = forward.title if forward else ""
        self.wrote_to: tuple[str, ...] = ()
        self._first = True
        self._sources = in_order(backward, bind_backward(graph, backward, forward))
        self._forward_sources = in_order(forward, bind_forward(graph, forward)) if forward else {}
        sources = [*self._sources.values(), *self._forward_sources.values()]
        taken = {name for source in sources for name in source.names}
        settings = any(source.meaning == "settings" for source in sources)
        self.untaken = () if settings else tuple(q.name for q in scalar_constants(graph) if q.name not in taken)

    @property
    def call(self) -> str:
        """How the backward function is called: f(dout=dy, x=x)."""
        return call_text(self._backward, self._sources)

    @property
    def pid(self) -> int:
        """The number of the process that the function runs in."""
        return self._talk.worker.pid

    def __enter__(self) -> FunctionUnderTest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._talk.worker.close()

    def values(self, inputs: Values, cotangents: Values) -> dict[str, np.ndarray]:
        """What the functions return on these data: gradients by their names, and outputs by theirs.

        Raises LayerError where a function raises, does not return in time, or returns what cannot be understood.
        """
        found = self._forward_values(self._forward, inputs, cotangents) if self._forward else {}
        answer = self._call(self._backward, self._sources, inputs, cotangents)
        gradients = read_answer(self.title, self._backward.location, lambda: self._gradients(answer, inputs))
        if not has_upstream(self._sources):  # then they are the gradients of the one scalar output itself
            gradients = {name: value * float(cotangents[self._graph.outputs[0]]) for name, value in gradients.items()}
        return {**gradients, **found}

    def _call(
        self, function: Loaded, sources: Mapping[str, Source], inputs: Values, cotangents: Values
    ) -> Packed:
        arguments = {name: self._packed(source, inputs, cotangents) for name, source in sources.items()}
        outputs = len(self._graph.outputs) if function is self._forward else 0
        answer = self._talk.call(function, {"arguments": arguments, "outputs": outputs}, call_text(function, sources))
        wrote = read_answer(function.title, function.location, lambda: [str(name) for name in answer["wrote"]])
        settings = [name for name, source in sources.items() if source.meaning == "settings"]
        self.wrote_to = tuple(dict.fromkeys([*self.wrote_to, *(n for n in wrote if n not in settings)]))
        return answer

    def _packed(self, source: Source, inputs: Values, cotangents: Values) -> Any:
        """The value of a parameter, as the process reads it."""
        if source.meaning in ("input", "upstream"):
            data = inputs if source.meaning == "input" else cotangents
            packed = [pack_array(np.asarray(data[name], dtype=np.float64)) for name in source.names]
            return packed[0] if len(packed) == 1 else {"tuple": packed}
        if source.meaning == "settings":
            spelled = {name: q for q in scalar_constants(self._graph) for name in spellings_of(q.name)}
            numbers = {name: pack_array(np.asarray(inputs[q.name], dtype=np.float64)) for name, q in spelled.items()}
            return {"settings": {"mode": "train", **numbers}}
        if source.meaning == "output":
            return {"output": self._graph.outputs.index(source.names[0])}
        fixed: dict[str, Any] = {"cache": {"cache": True}, "mode": "train", "flag": True}
        return fixed[source.meaning]

    def _forward_values(self, function: Loaded, inputs: Values, cotangents: Values) -> dict[str, np.ndarray]:
        answer = self._call(function, self._forward_sources, inputs, cotangents)
        return read_answer(function.title, function.location, lambda: self._outputs(function, answer, cotangents))

    def _outputs(self, function: Loaded, answer: Packed, cotangents: Values) -> dict[str, np.ndarray]:
        names = self._graph.outputs
        if len(answer["values"]) != len(names):
            expected = f"{', '.join(names)}, or {', '.join(names)} and a cache"
            raise unexpected_return(function, describe_value(answer["came"]), expected)
        takes_cache = [name for name, source in self._sources.items() if source.meaning == "cache"]
        if takes_cache and not answer["keeps"]:
            message = f"{self._backward.name} takes {takes_cache[0]}, and {function.name} returns no cache"
            raise LayerError(message, f"return ({', '.join(names)}, cache)", function.location)
        return {
            name: fit_array(function, name, packed, np.shape(cotangents[name]))
            for name, packed in zip(names, answer["values"], strict=True)
        }

    def _gradients(self, answer: Packed, inputs: Values) -> dict[str, np.ndarray]:
        """The gradients that came, each in the shape of what it is the gradient of."""
        by_input = gradients_in(self._graph, self._backward, answer["result"])
        names = tuple(f"d{name}" for name in by_input)
        if not self._first and names != self.names:
            raise unexpected_return(self._backward, " and ".join(names), f"{', '.join(self.names)}, as before")
        self.names, self._first = names, False
        return {
            f"d{name}": fit_array(self._backward, f"d{name}", packed, np.shape(inputs[name]))
            for name, packed in by_input.items()
        }
