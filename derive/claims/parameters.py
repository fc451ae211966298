"""What the parameters of someone's function mean.

    Input    a Graph, and a function as it is loaded: the names of its parameters, in their order
    Output   the Source of each parameter; those that are left alone are not there

The names come first. Only where they say nothing the position does, and where that does not fit it is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from derive.claims.source_files import location_in
from derive.claims.usual_names import inputs_alike, inputs_of_labels, inputs_spelled, plain_name
from derive.errors import LayerError, Location
from derive.graph import Graph

Meaning = Literal["input", "upstream", "cache", "output", "settings", "mode", "flag"]

_CACHES = ("cache", "caches", "ctx", "context", "residuals", "saved", "saved_tensors", "tape", "memory")
_SETTINGS = ("param", "params", "config", "cfg", "options")
_COMPUTED = (*_CACHES, "out", "output", "probs", "p", "mask")  # these are never told by their position
_FLAGS = ("training", "train", "is_training")
# The gradient that comes from above, from what is certain to what is only usual.
_UPSTREAM = (r"d_?out(put)?s?|grad_?(out|output)s?|\w*upstream\w*|gout", r"d\w?|grad\w*|g|delta\w*|err(or)?")
_OF_OUTPUT = r"(?:d_?|grad_?|g_|delta_?|dl(?:oss)?_?d)(?:next_)?{0}(?:_next)?|{0}_grad"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function, and what kind Python says that it is."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Source:
    """Where the value of a parameter comes from; `names` are those of inputs or of outputs."""

    meaning: Meaning
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.meaning == "upstream":
            return ", ".join(f"d{name}" for name in self.names)
        return ", ".join(self.names) or {"mode": "'train'", "flag": "True"}.get(self.meaning, self.meaning)


@dataclass(frozen=True)
class Loaded:
    """A function in the process, and where it stands."""

    path: str
    name: str
    number: int
    parameters: tuple[Parameter, ...]
    line: int

    @property
    def title(self) -> str:
        return f"{self.name} in {self.path}"

    @property
    def location(self) -> Location:
        return location_in(self.path, self.line)


def bind_backward(graph: Graph, function: Loaded, forward: Loaded | None) -> dict[str, Source]:
    """What each parameter of a backward function means; those that are left alone are not there."""
    found = _by_name(graph, function, backward=True)
    caches = [p.name for p in function.parameters if p.name not in found and p.name.lower() in _CACHES]
    if caches and forward is None:
        message = f"{function.name} takes {caches[0]}, and there is no forward function to make it"
        raise LayerError(message, "name the one that returns it, as path.py:function", function.location)
    found |= {name: Source("cache") for name in caches[:1]}
    if forward is not None:
        found |= {name: Source("output", (name,)) for name in _left(function, found) if name in graph.outputs}
    # Beside a scalar output the gradient from above may be left out, so it has to be called what it is.
    scalar = len(graph.outputs) == 1 and not graph.by_name[graph.outputs[0]].indices
    if not scalar and not has_upstream(found) and len(function.parameters) > 1:
        first = [name for name in _left(function, found) if name not in graph.by_name][:1]
        found |= {name: Source("upstream", graph.outputs) for name in first}
    left = _left(function, found)
    if forward is not None and len(left) == 1 and not caches:
        found[left[0]] = Source("cache")
        left = []
    above = [name for source in found.values() if source.meaning == "upstream" for name in source.names]
    if above and len(above) < len(graph.outputs):
        message = f"{function.name} takes the gradient of {', '.join(above)} alone, of {', '.join(graph.outputs)}"
        raise LayerError(message, f"name the parameters {', '.join(f'd{o}' for o in graph.outputs)}", function.location)
    if found and not left and (scalar or above):
        return found
    return _by_position(graph, function, found, [Source("upstream", graph.outputs)])


def bind_forward(graph: Graph, function: Loaded) -> dict[str, Source]:
    """What each parameter of a forward function means."""
    found = _by_name(graph, function, backward=False)
    return found if found and not _left(function, found) else _by_position(graph, function, found, [])


def _by_name(graph: Graph, function: Loaded, backward: bool) -> dict[str, Source]:
    """What the names of the parameters say: first the layer's own, then the gradient from above, then usual ones."""
    inputs = [q.name for q in graph.inputs]
    names = [p.name for p in function.parameters]
    found = {name: Source("input", (name,)) for name in names if name in inputs}
    names = [name for name in names if name not in graph.by_name]  # what the layer computes is nothing else
    if backward:
        found |= _upstream(graph, [p for p in function.parameters if p.name in names])
    for candidates in (inputs_alike, inputs_spelled, inputs_of_labels):
        for name in [name for name in names if name not in found]:
            taken = {n for source in found.values() if source.meaning == "input" for n in source.names}
            meant = candidates(name, [q for q in graph.inputs if q.name not in taken])
            if len(meant) == 1:
                found[name] = Source("input", (meant[0],))
    for name in [name for name in names if name not in found]:
        if name.lower().endswith(_SETTINGS):
            found[name] = Source("settings")
        elif name.lower() == "mode" or name.lower() in _FLAGS:
            found[name] = Source("mode" if name.lower() == "mode" else "flag")
    return found


def _upstream(graph: Graph, parameters: Sequence[Parameter]) -> dict[str, Source]:
    """The parameters for the gradients from above: one for each output, or one for all of them."""
    found: dict[str, Source] = {}
    for output in graph.outputs:
        pattern = _OF_OUTPUT.format(re.escape(plain_name(output)))
        left = [p.name for p in parameters if p.name not in found]
        for name in [name for name in left if re.fullmatch(pattern, plain_name(name))][:1]:
            found[name] = Source("upstream", (output,))
    certain, usual = _UPSTREAM
    for parameter in () if found else sorted(parameters, key=lambda p: not re.fullmatch(certain, p.name.lower())):
        if re.fullmatch(f"{certain}|{usual}" if parameter.required else certain, parameter.name.lower()):
            return {parameter.name: Source("upstream", graph.outputs)}
    return found


def _by_position(
    graph: Graph, function: Loaded, found: Mapping[str, Source], before: Sequence[Source]
) -> dict[str, Source]:
    """Each parameter by its place, where that fits the layer and contradicts no name.

    A single letter that is none of the layer's says nothing against it.
    """
    firm = {name: source for name, source in found.items() if len(name) > 1 or source.names == (name,)}
    order = [*before, *(Source("input", (q.name,)) for q in graph.inputs)]
    required = [p.name for p in function.parameters if p.required]
    for names in (required, _positions(function)):
        meant = dict(zip(names, order, strict=False))
        computed = [n for n in names if n in _COMPUTED or n in graph.equation_of]
        if len(names) == len(order) and not computed and meant == {**meant, **firm}:
            return meant
    called = f"{function.name}({', '.join(p.name for p in function.parameters)})"
    unknown = ", ".join(_left(function, found)) or "none of them is the gradient from above"
    shapes = ", ".join(f"{q.name} [{', '.join(q.extents)}]" if q.indices else q.name for q in graph.inputs)
    whole = [*(f"d{name}" for name in graph.outputs if before), *(q.name for q in graph.inputs)]
    cache = "; or take (dout, cache), and name the forward function that returns the cache" if before else ""
    raise LayerError(
        f"it cannot be told what the parameters of {called} mean: {unknown}",
        f"the layer's inputs are {shapes}; name the parameters ({', '.join(whole)}), in any order{cache}",
        function.location,
    )


def in_order(function: Loaded, found: Mapping[str, Source]) -> dict[str, Source]:
    """What is found, in the order of the parameters."""
    return {p.name: found[p.name] for p in function.parameters if p.name in found}


def has_upstream(found: Mapping[str, Source]) -> bool:
    """Whether a parameter takes the gradient that comes from above."""
    return any(source.meaning == "upstream" for source in found.values())


def _left(function: Loaded, found: Mapping[str, Source]) -> list[str]:
    return [p.name for p in function.parameters if p.required and p.name not in found]


def _positions(function: Loaded) -> list[str]:
    return [p.name for p in function.parameters if p.kind != "KEYWORD_ONLY"]


def call_text(function: Loaded, sources: Mapping[str, Source]) -> str:
    """The call as it was made: f(dout=dy, bn_param=settings)."""
    return f"{function.name}({', '.join(f'{name}={source}' for name, source in sources.items())})"
