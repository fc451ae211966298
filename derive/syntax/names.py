"""What a name in a layer stands for, and that it stands for one thing only."""

from __future__ import annotations

import ast
import difflib
import keyword
from collections.abc import Iterable, Mapping
from typing import Literal

from derive.errors import LayerError
from derive.syntax.source import Source

Kind = Literal["extent", "index", "input", "equation"]

_ARTICLE: dict[Kind, str] = {"extent": "an extent", "index": "an index", "input": "an input", "equation": "an equation"}

# What generated modules spell out: parameters, modules, functions and types.
_GENERATED = """
    out threads precise working residuals Residuals forward backward double_backward self cls
    np numpy math ctypes typing annotations xp torch jax jnp numba
    isinstance len range zip enumerate getattr hasattr any all print
    NamedTuple Any Array float int bool str tuple list dict set type object dtype shape axis ValueError TypeError
"""
# Words that cannot name anything, each with the reason.
RESERVED: dict[str, str] = {
    **dict.fromkeys(("constant", "output", "intermediate"), "a word of the grammar"),
    **dict.fromkeys(_GENERATED.split(), "a word that generated code needs"),
}
# Cyrillic and Greek letters that are printed as Latin ones are, with these below them.
_LOOKS_LIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421"
    "\u0422\u0425\u0406\u0405\u0408\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "aeopcyxisjABEKMHOPC"
    "TXISJoABEZHIKMNOPTYX",
)
# To compare two names takes the product of their lengths: a longer one nobody mistypes, and more have no near one.
_LONGEST_MISSPELLED, _MOST_COMPARED = 40, 50
# dx_via_xhat is a contribution, xhat_wrt_var a local derivative.
_DERIVED_PARTS = ("_via_", "_wrt_")


class Names:
    """The names of one text. `words` are names that are taken from the start, each with what it is."""

    def __init__(self, source: Source, words: Mapping[str, str]) -> None:
        self._source = source
        self._words = words
        self._kinds: dict[str, Kind] = {}
        self._nodes: dict[str, ast.Name] = {}
        self._spellings: dict[str, str] = {}
        self._skeletons: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._kinds or name in self._words

    def kind(self, name: str) -> Kind | None:
        """What the name stands for so far."""
        return self._kinds.get(name)

    def what(self, name: str) -> str | None:
        """What the name stands for, in words: "an index", "a function of the grammar"; None if it is free."""
        kind = self._kinds.get(name)
        return self._words.get(name) if kind is None else _ARTICLE[kind]

    def all_names(self) -> set[str]:
        """Every name that stands for something."""
        return {*self._kinds, *self._words}

    def add_known(self, name: str, kind: Kind) -> None:
        """Give a meaning that stands nowhere in the text (a quantity of the layer that a derivation is about)."""
        self._kinds[name] = kind

    def claim(self, node: ast.Name, kind: Kind) -> None:
        """Give the name at `node` its meaning. Raises LayerError when it has another one already."""
        name = node.id
        if name in self._words:
            message = f"{name} is {self._words[name]} and cannot name {_ARTICLE[kind]}"
            raise self._source.error(node, message, f"choose another name, such as {self._free_name(name)}")
        if name.startswith("_"):
            raise self._source.error(node, f"the name {name} begins with an underscore", "begin it with a letter")
        part = next((part for part in _DERIVED_PARTS if part in name), None)
        if part and kind != "equation":
            message = f"a name with {part} in it is one that a derivation gives"
            raise self._source.error(node, message, "choose another name")
        earlier = self._kinds.get(name)
        repeated = kind in ("index", "extent") and earlier == kind
        if earlier is not None and not repeated:
            raise self._taken(node, kind, earlier)
        self._kinds[name] = kind
        self._nodes.setdefault(name, node)

    def reject_derived(self, quantities: Iterable[str], differentiated: Iterable[str]) -> None:
        """Check that the names which a derivation gives, such as dx, are free."""
        for name in quantities:
            if any(part in name for part in _DERIVED_PARTS):
                message = f"{name} is a name that a derivation gives to a contribution or a local derivative"
                raise self._source.error(self._nodes[name], message, "choose a name without _via_ and _wrt_")
        for name in differentiated:
            cotangent = f"d{name}"
            if cotangent in self._nodes:
                message = f"{cotangent} is the name of the cotangent of {name}"
                hint = f"rename one of the two, for example {cotangent} to {self._free_name(cotangent)}"
                raise self._source.error(self._nodes[cotangent], message, hint)
            if cotangent in self._words or keyword.iskeyword(cotangent):
                what = self._words.get(cotangent, "a word of Python")
                message = f"the cotangent of {name} would be called {cotangent}, and that is {what}"
                raise self._source.error(self._nodes[name], message, f"choose another name than {name}")

    def check_spellings(self, tree: ast.AST) -> None:
        """Raise LayerError for two spellings that become one name under Python's NFKC, or two names that look it."""
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        for node in sorted(names, key=lambda node: (node.lineno, node.col_offset)):
            written = self._source.spelling(node)
            earlier = self._spellings.setdefault(node.id, written)
            if earlier != written:
                codes = ", ".join(_code_points(spelling) for spelling in (earlier, written))
                message = f"{earlier} and {written} are two spellings of one name ({codes})"
                raise self._source.error(node, message, "write the name in one way throughout, or choose another")
            alike = self._skeletons.setdefault(node.id.translate(_LOOKS_LIKE), node.id)
            if alike != node.id:
                codes = ", ".join(_code_points(name) for name in (alike, node.id))
                message = f"{alike} and {node.id} are two names that look the same ({codes})"
                raise self._source.error(node, message, "write the name in one alphabet throughout")

    def _taken(self, node: ast.Name, kind: Kind, earlier: Kind) -> LayerError:
        name = node.id
        where = f" (line {self._nodes[name].lineno})" if name in self._nodes else ""
        quantity: tuple[Kind, ...] = ("input", "equation")
        if kind in quantity and earlier in quantity:
            message = f"{name} is given twice: it is {_ARTICLE[earlier]} already{where}"
            return self._source.error(node, message, "a name is given once; give one of the two another name")
        message = f"{name} is {_ARTICLE[kind]} here and {_ARTICLE[earlier]} elsewhere{where}"
        return self._source.error(node, message, "one name stands for one thing; rename one of the two")

    def _free_name(self, name: str) -> str:
        candidate = f"{name}1"
        while candidate in self:
            candidate += "1"
        return candidate


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A question with the candidates nearest to `name`; empty when none is near."""
    # An abbreviation or another case is as likely a slip as a misspelling.
    pool = list(dict.fromkeys(candidates))
    near = [c for c in pool if c.lower() == name.lower()]
    if len(name) <= _LONGEST_MISSPELLED:
        near += [c for c in difflib.get_close_matches(name, _likely(name, pool), n=2, cutoff=0.6) if c not in near]
    return f"did you mean {' or '.join(near)}?" if near else ""


def _likely(name: str, pool: list[str]) -> list[str]:
    """The candidates for a misspelling: of very many, those that begin and end as the name does."""
    short = [c for c in pool if len(c) <= 2 * _LONGEST_MISSPELLED]
    if len(short) <= _MOST_COMPARED:
        return short
    ends = {c: len(c) - _shared(c, name) - _shared(c[::-1], name[::-1]) for c in short}
    return sorted(short, key=lambda c: ends[c])[:_MOST_COMPARED]


def _shared(first: str, second: str) -> int:
    """How many letters two names have in common at their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(second)))


def _code_points(text: str) -> str:
    return " ".join(f"U+{ord(c):04X}" for c in text)
