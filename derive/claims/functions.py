"""Someone's backward pass as a NumPy function: what its parameters mean, and what it returns on given data.

    Input    a Graph; a function of a file, and the forward function whose cache it takes, if it takes one
    Output   a FunctionUnderTest: the gradients, and the outputs, by name

The functions run in a process of their own, with a time limit for each call. What a parameter means is told by its
name: the layer's own, or a usual one for it. Only where the names say nothing it is told by the position.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import numpy as np

from derive.claims.worker import Ended, Overdue, Packed, Worker, pack_array, unpack_array
from derive.errors import LayerError, Location
from derive.graph import Graph, Quantity

Values = Mapping[str, "np.ndarray | float"]
T = TypeVar("T")
Meaning = Literal["input", "upstream", "cache", "output", "settings", "mode", "flag"]

_LETTER = "GREEK SMALL LETTER "
# A name as one spells it, in small letters, and what it may stand for in a layer that has no such name.
_SPELLED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("weight", "weights"), ("gamma", "g", "w")),
    **dict.fromkeys(("scale", "g"), ("gamma", "g")),
    **dict.fromkeys(("bias", "shift", "offset", "b"), ("beta", "b")),
    **dict.fromkeys(("input", "inputs", "inp", "data", "logits"), ("x",)),
    **{word: (word[0],) for word in ("query", "queries", "key", "keys", "value", "values")},
}
_LABELS = ("targets", "target", "labels", "label", "y_true", "t", "y")
_CACHES = ("cache", "caches", "ctx", "context", "residuals", "saved", "saved_tensors", "tape", "memory")
_SETTINGS = ("param", "params", "config", "cfg", "options")
_COMPUTED = (*_CACHES, "out", "output", "probs", "p", "mask")  # these are never told by their position
_FLAGS = ("training", "train", "is_training")
# The gradient that comes from above, from what is certain to what is only usual.
_UPSTREAM = (r"d_?out(put)?s?|grad_?(out|output)s?|\w*upstream\w*|gout", r"d\w?|grad\w*|g|delta\w*|err(or)?")
_OF_OUTPUT = r"(?:d_?|grad_?|g_|delta_?|dl(?:oss)?_?d)(?:next_)?{0}(?:_next)?|{0}_grad"

_UNDERSTOOD = "a tuple of arrays, a dict of them by name, or one array"


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
        return ", ".join(self.names) or self.meaning


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
        return _location(self.path, self.line)


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
    given = [_named(text) for text in (function, forward) if text is not None]
    try:
        worker = Worker()
    except (OSError, ValueError, Overdue, Ended) as error:
        raise LayerError(f"no process can be started for {given[0][1]} ({error or 'it does not answer'})") from None
    try:
        talk = _Talk(worker, timeout)
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

    def __init__(self, graph: Graph, talk: _Talk, backward: Loaded, forward: Loaded | None = None) -> None:
        self._graph, self._talk, self._backward, self._forward = graph, talk, backward, forward
        self.names = tuple(f"d{name}" for name in graph.differentiable)
        self.forward_names = graph.outputs if forward else ()
        self.file, self.line, self.title = backward.path, backward.line, backward.title
        self.forward_line = forward.line if forward else None
        self.wrote_to: tuple[str, ...] = ()
        self._first = True
        self._sources = bind_backward(graph, backward, forward)
        self._forward_sources = bind_forward(graph, forward) if forward else {}
        sources = [*self._sources.values(), *self._forward_sources.values()]
        taken = {name for source in sources for name in source.names}
        settings = any(source.meaning == "settings" for source in sources)
        self.untaken = () if settings else tuple(q.name for q in _scalars(graph) if q.name not in taken)

    @property
    def call(self) -> str:
        """How the backward function is called: f(dout=dy, x=x)."""
        return _call_text(self._backward, self._sources)

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
        gradients = _understood(self._backward, lambda: self._gradients(answer, inputs))
        if not _has_upstream(self._sources):  # then they are the gradients of the one scalar output itself
            gradients = {name: value * float(cotangents[self._graph.outputs[0]]) for name, value in gradients.items()}
        return {**gradients, **found}

    def _call(
        self, function: Loaded, sources: Mapping[str, Source], inputs: Values, cotangents: Values
    ) -> Packed:
        arguments = {name: self._packed(source, inputs, cotangents) for name, source in sources.items()}
        outputs = len(self._graph.outputs) if function is self._forward else 0
        answer = self._talk.call(function, {"arguments": arguments, "outputs": outputs}, _call_text(function, sources))
        wrote = _understood(function, lambda: [str(name) for name in answer["wrote"]])
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
            spelled = {name: q for q in _scalars(self._graph) for name in _spellings(q.name)}
            numbers = {name: pack_array(np.asarray(inputs[q.name], dtype=np.float64)) for name, q in spelled.items()}
            return {"settings": {"mode": "train", **numbers}}
        if source.meaning == "output":
            return {"output": self._graph.outputs.index(source.names[0])}
        fixed: dict[str, Any] = {"cache": {"cache": True}, "mode": "train", "flag": True}
        return fixed[source.meaning]

    def _forward_values(self, function: Loaded, inputs: Values, cotangents: Values) -> dict[str, np.ndarray]:
        answer = self._call(function, self._forward_sources, inputs, cotangents)
        return _understood(function, lambda: self._outputs(function, answer, cotangents))

    def _outputs(self, function: Loaded, answer: Packed, cotangents: Values) -> dict[str, np.ndarray]:
        names = self._graph.outputs
        if len(answer["values"]) != len(names):
            expected = f"{', '.join(names)}, or {', '.join(names)} and a cache"
            raise _odd(function, _what(answer["came"]), expected)
        takes_cache = [name for name, source in self._sources.items() if source.meaning == "cache"]
        if takes_cache and not answer["keeps"]:
            message = f"{self._backward.name} takes {takes_cache[0]}, and {function.name} returns no cache"
            raise LayerError(message, f"return ({', '.join(names)}, cache)", function.location)
        return {
            name: _fitted(function, name, packed, np.shape(cotangents[name]))
            for name, packed in zip(names, answer["values"], strict=True)
        }

    def _gradients(self, answer: Packed, inputs: Values) -> dict[str, np.ndarray]:
        """The gradients that came, each in the shape of what it is the gradient of."""
        by_input = gradients_in(self._graph, self._backward, answer["result"])
        names = tuple(f"d{name}" for name in by_input)
        if not self._first and names != self.names:
            raise _odd(self._backward, " and ".join(names), f"{', '.join(self.names)}, as before")
        self.names, self._first = names, False
        return {
            f"d{name}": _fitted(self._backward, f"d{name}", packed, np.shape(inputs[name]))
            for name, packed in by_input.items()
        }


# ── what the parameters mean ─────────────────────────────────────────────────────────────────────────────────────────


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
    if not scalar and not _has_upstream(found) and len(function.parameters) > 1:
        found |= {name: Source("upstream", graph.outputs) for name in _left(function, found)[:1]}
    left = _left(function, found)
    if forward is not None and len(left) == 1 and not caches:
        found[left[0]] = Source("cache")
        left = []
    if found and not left and (scalar or _has_upstream(found)):
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
        found |= _upstream(graph, names)
    for candidates in (_alike, _spelled, _labels):
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


def _upstream(graph: Graph, names: Sequence[str]) -> dict[str, Source]:
    """The parameters for the gradients from above: one for each output, or one for all of them."""
    found: dict[str, Source] = {}
    for output in graph.outputs:
        pattern = _OF_OUTPUT.format(re.escape(_plain(output)))
        for name in [n for n in names if n not in found and re.fullmatch(pattern, _plain(n))][:1]:
            found[name] = Source("upstream", (output,))
    if len(found) == len(graph.outputs):
        return found
    for pattern in _UPSTREAM:
        for name in names:
            if re.fullmatch(pattern, name.lower()):
                return {name: Source("upstream", graph.outputs)}
    return {}


def _alike(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The inputs whose names are the same but for the alphabet and the case."""
    return [q.name for q in inputs if _plain(q.name) == _plain(name)]


def _spelled(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The inputs that a usual name may stand for."""
    return [q.name for q in inputs if _plain(q.name) in _SPELLED.get(_plain(name), ())]


def _labels(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The one constant array, for a name that labels have."""
    return [q.name for q in inputs if q.role == "constant" and q.indices] if name.lower() in _LABELS else []


def _by_position(
    graph: Graph, function: Loaded, found: Mapping[str, Source], before: Sequence[Source]
) -> dict[str, Source]:
    """Each parameter by its place, where that fits the layer and contradicts no name."""
    order = [*before, *(Source("input", (q.name,)) for q in graph.inputs)]
    required = [p.name for p in function.parameters if p.required]
    for names in (required, _positions(function)):
        meant = dict(zip(names, order, strict=False))
        computed = [n for n in names if n in _COMPUTED or n in graph.equation_of]
        if len(names) == len(order) and not computed and meant == {**meant, **found}:
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


def _has_upstream(found: Mapping[str, Source]) -> bool:
    return any(source.meaning == "upstream" for source in found.values())


def _left(function: Loaded, found: Mapping[str, Source]) -> list[str]:
    return [p.name for p in function.parameters if p.required and p.name not in found]


def _positions(function: Loaded) -> list[str]:
    return [p.name for p in function.parameters if p.kind != "KEYWORD_ONLY"]


def _plain(name: str) -> str:
    """A name in small letters of one alphabet."""
    words = [unicodedata.name(letter, "") for letter in name]
    letters = [w.removeprefix(_LETTER) if w.startswith(_LETTER) else c for w, c in zip(words, name, strict=True)]
    spelled = "".join(letters).lower()
    return {"epsilon": "eps", "lamda": "lambda"}.get(spelled, spelled)


def _spellings(name: str) -> tuple[str, ...]:
    """The names under which a constant stands among settings."""
    usual = ("eps", "epsilon") if _plain(name) == "eps" else (_plain(name),)
    return tuple(dict.fromkeys([name, *usual]))


def _scalars(graph: Graph) -> list[Quantity]:
    return [q for q in graph.inputs if q.role == "constant" and not q.indices]


def _call_text(function: Loaded, sources: Mapping[str, Source]) -> str:
    """The call as it was made: f(dout=dy, bn_param=settings)."""
    return f"{function.name}({', '.join(f'{name}={source}' for name, source in sources.items())})"


# ── what came back ───────────────────────────────────────────────────────────────────────────────────────────────────


def gradients_in(graph: Graph, function: Loaded, result: Packed) -> dict[str, Packed]:
    """The gradients in what a backward function returned, by the input that each is of. None of them is None."""
    wanted = graph.differentiable
    if "dict" in result:
        found = {_input_meant(graph, key): value for key, value in result["dict"].items()}
    else:
        values = result.get("tuple", [result])
        found = dict(zip(wanted, values, strict=False))
        if len(values) > len(wanted):
            # As autograd has it: a value for each argument, None for those without a gradient.
            each = dict(zip([q.name for q in graph.inputs], values, strict=False))
            others = [value for name, value in each.items() if name not in wanted]
            if len(values) == len(graph.inputs) and all("none" in value for value in others):
                found = each
            elif result["count"] != len(values) or not all("none" in v for v in values[len(wanted) :]):
                found = {}
    found = {name: value for name, value in found.items() if "none" not in value}
    if not found or not set(found) <= set(wanted):
        raise _odd(function, _what(result), f"the gradients {', '.join(f'd{name}' for name in wanted)}")
    return {name: found[name] for name in wanted if name in found}


def _input_meant(graph: Graph, key: str) -> str:
    """The input that a name in a returned dict belongs to: of dx, x, grad_x or dX; empty for none."""
    names = [q.name for q in graph.inputs]
    for name in (key, key.removeprefix("d_"), key.removeprefix("d"), key.removeprefix("grad_")):
        if name in names:
            return name
    for name in (key.removeprefix("d_"), key.removeprefix("d"), key.removeprefix("grad_"), key):
        meant = _alike(name, graph.inputs) or _spelled(name, graph.inputs)
        if len(meant) == 1:
            return meant[0]
    return ""


def _fitted(function: Loaded, name: str, packed: Packed, shape: tuple[int, ...]) -> np.ndarray:
    """The array in its shape; one that differs by axes of size 1 only is the same."""
    if "shape" not in packed:
        raise _odd(function, f"{_what(packed)} for {name}", "an array of numbers")
    came = tuple(packed["shape"])
    if [n for n in came if n != 1] != [n for n in shape if n != 1] or packed["array"] is None:
        raise _odd(function, f"{name} of shape {came}", f"shape {shape}")
    return unpack_array(packed).reshape(shape)


def _what(packed: Packed) -> str:
    """What something is, in words."""
    if "dict" in packed:
        return f"a dict of {', '.join(packed['dict']) or 'nothing'}"
    if "tuple" in packed:
        return f"{packed['count']} values ({', '.join(_what(value) for value in packed['tuple'][:8])})"
    if "none" in packed:
        return "None"
    if "shape" in packed:
        return f"an array of shape {tuple(packed['shape'])}" if packed["shape"] else "a number"
    return f"something of type {packed['other']}"


def _odd(function: Loaded, came: str, expected: str) -> LayerError:
    message = f"{function.name} returned {came}; expected: {expected}"
    return LayerError(message, f"it may return {_UNDERSTOOD}", function.location)


def _understood(function: Loaded, read: Callable[[], T]) -> T:
    """What is read in an answer. Someone's code can write answers, too, so it may be anything."""
    try:
        return read()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise LayerError(f"{function.title} has disturbed the process that it runs in", "", function.location) from None


# ── the conversation ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Talk:
    """The process, how long it may take over one answer, and the files in it as the user named them."""

    worker: Worker
    timeout: float
    shown: dict[str, str] = field(default_factory=dict)

    def load(self, path: str, name: str) -> Loaded:
        """Load a function of a file."""
        file = str(Path(path).resolve())
        self.shown[file] = path
        answer = self._ask(
            {"do": "load", "file": file, "name": name},
            late=f"{path} was not imported",
            over=f"the import of {path} ended the process",
            wrong=f"{path} cannot be imported",
        )
        if "missing" in answer:
            raise _not_there(path, name, answer)
        kept = [(str(n), str(k), bool(r)) for n, k, r in answer["parameters"] if not k.startswith("VAR_")]
        line = _line_of_def(_lines(path), name, int(answer["first"]))
        return Loaded(path, name, int(answer["function"]), tuple(Parameter(*entry) for entry in kept), line)

    def call(self, function: Loaded, request: Packed, text: str) -> Packed:
        """Call a function; `text` is the call as a reader sees it."""
        return self._ask(
            {"do": "call", "function": function.number, **request},
            late=f"{function.name} did not return",
            over=f"{function.name} ended its process",
            wrong=f"{function.name} raised an exception",
            hint=f"it was called as {text}",
            location=function.location,
        )

    def _ask(
        self, request: Packed, *, late: str, over: str, wrong: str, hint: str = "", location: Location | None = None
    ) -> Packed:
        try:
            answer = self.worker.ask(request, self.timeout)
        except Overdue:
            raise LayerError(f"{late} within {self.timeout:g} s", hint, location) from None
        except Ended as how:
            raise LayerError(f"{over} ({how})", hint, location) from None
        if "error" not in answer:
            return answer
        error = answer["error"]
        text = ": ".join(str(part) for part in (wrong, error["type"], " ".join(str(error["text"]).split())) if part)
        if error["file"] is not None:
            shown = self.shown.get(error["file"], str(error["file"]))
            location = _location(shown, int(error["line"]), error["column"])
        raise LayerError(text, hint, location)


def _named(text: str) -> tuple[str, str]:
    """The path and the name in path.py:name."""
    path, colon, name = text.rpartition(":")
    if not colon or not path or not name.isidentifier():
        raise LayerError(f"{text!r} names no function", "write the file and the function: path.py:function")
    if not Path(path).is_file():
        near = difflib.get_close_matches(Path(path).name, _neighbors(Path(path)), n=2)
        raise LayerError(f"there is no file {path!r}", f"did you mean {' or '.join(near)}?" if near else "")
    return path, name


def _neighbors(path: Path) -> list[str]:
    with suppress(OSError, ValueError):
        return sorted(entry.name for entry in path.parent.glob("*.py"))
    return []


def _not_there(path: str, name: str, answer: Packed) -> LayerError:
    names = [str(known) for known in answer["names"]]
    near = difflib.get_close_matches(name, names, n=2)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"its functions are {', '.join(names[:20])}" if names else "it has no functions"
    if answer["missing"]:
        return LayerError(f"{name} in {path} is no function that says what its parameters are", hint)
    return LayerError(f"there is no function {name!r} in {path}", hint)


def _lines(path: str) -> list[str]:
    with suppress(OSError, ValueError):
        return Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    return []


def _line_of_def(lines: Sequence[str], name: str, first: int) -> int:
    """The line that defines a function: at or below the `first`, which may be a decorator's; else the first mention."""
    for pattern, start in ((rf"\s*(async\s+)?def\s+{name}\b", first), (rf".*\b{name}\b", 1)):
        for number, line in enumerate(lines[start - 1 :], start=start):
            if re.match(pattern, line):
                return number
    return 1


def _location(path: str, line: int, column: int | None = None) -> Location:
    lines = _lines(path)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return Location(path, line, len(text) - len(text.lstrip()) if column is None else min(column, len(text)), text)
