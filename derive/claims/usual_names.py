"""What a name stands for in a layer: its own but for the alphabet and the case, or a usual one.

    Input    a name out of someone's function, and the inputs of a layer
    Output   the names of the inputs that may be meant
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from derive.graph import Graph, Quantity

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


def inputs_alike(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The inputs whose names are the same but for the alphabet and the case."""
    return [q.name for q in inputs if plain_name(q.name) == plain_name(name)]


def inputs_spelled(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The inputs that a usual name may stand for."""
    return [q.name for q in inputs if plain_name(q.name) in _SPELLED.get(plain_name(name), ())]


def inputs_of_labels(name: str, inputs: Sequence[Quantity]) -> list[str]:
    """The one constant array, for a name that labels have."""
    return [q.name for q in inputs if q.role == "constant" and q.indices] if name.lower() in _LABELS else []


def plain_name(name: str) -> str:
    """A name in small letters of one alphabet."""
    words = [unicodedata.name(letter, "") for letter in name]
    letters = [w.removeprefix(_LETTER) if w.startswith(_LETTER) else c for w, c in zip(words, name, strict=True)]
    spelled = "".join(letters).lower()
    return {"epsilon": "eps", "lamda": "lambda"}.get(spelled, spelled)


def spellings_of(name: str) -> tuple[str, ...]:
    """The names under which a constant stands among settings."""
    usual = ("eps", "epsilon") if plain_name(name) == "eps" else (plain_name(name),)
    return tuple(dict.fromkeys([name, *usual]))


def scalar_constants(graph: Graph) -> list[Quantity]:
    """The constants of a layer that are one number."""
    return [q for q in graph.inputs if q.role == "constant" and not q.indices]
