"""The syntax tree of a formula: what stands there, before any name has a meaning. `at` is the place in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sympy import Rational

SubscriptKind = Literal["letter", "number", "word"]


@dataclass(frozen=True)
class Subscript:
    """One index, or a part of a name, below a symbol or in brackets above it."""

    at: int
    kind: SubscriptKind
    text: str
    font: str = ""


@dataclass(frozen=True)
class Symbol:
    """A letter or a word with all that hangs on it. `base` is Unicode, `subscripts` those above come first."""

    at: int
    end: int
    base: str
    accent: str = ""
    font: str = ""
    subscripts: tuple[Subscript, ...] = ()
    exponent: Node | None = None


@dataclass(frozen=True)
class Number:
    """An exact number."""

    at: int
    value: Rational


@dataclass(frozen=True)
class Total:
    """A sum of terms, each with whether it is taken away."""

    at: int
    terms: tuple[tuple[bool, Node], ...]


@dataclass(frozen=True)
class Product:
    """A product of factors, each with whether it divides."""

    at: int
    factors: tuple[tuple[bool, Node], ...]


@dataclass(frozen=True)
class Power:
    """base^exponent."""

    at: int
    base: Node
    exponent: Node


@dataclass(frozen=True)
class Call:
    """A function of the layer grammar, by its name there, of its arguments."""

    at: int
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Binder:
    """The index of a reduction; `upper` is where it ends: a symbol, a number, or nothing."""

    at: int
    letter: str
    upper: Symbol | int | None = None


@dataclass(frozen=True)
class Reduction:
    """`kind`, by its name in the layer grammar, of `body` over some indices."""

    at: int
    kind: str
    binders: tuple[Binder, ...]
    body: Node


@dataclass(frozen=True)
class Derivative:
    """The derivative of what is above by the symbol below, or the part of it that comes through `via`."""

    at: int
    above: Node
    below: Symbol
    via: Symbol | None = None


@dataclass(frozen=True)
class Differential:
    """`sign` before a symbol: half of a derivative, or a cotangent in d-notation. Alone, it is half of an operator.

    A cotangent may be only the part that comes through `via`.
    """

    at: int
    sign: Literal["∂", "d"]
    of: Node | None
    via: Symbol | None = None


@dataclass(frozen=True)
class Indicator:
    """1 where two indices are equal, else 0."""

    at: int
    left: Subscript
    right: Subscript


@dataclass(frozen=True)
class Mask:
    """1 where `left relation right`, else 0."""

    at: int
    relation: Literal["<", "<=", ">", ">="]
    left: Node
    right: Node


Node: TypeAlias = (
    Symbol | Number | Total | Product | Power | Call | Reduction | Derivative | Differential | Indicator | Mask
)


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside a node."""
    if isinstance(node, Symbol):
        return () if node.exponent is None else (node.exponent,)
    if isinstance(node, Total):
        return tuple(term for _, term in node.terms)
    if isinstance(node, Product):
        return tuple(factor for _, factor in node.factors)
    if isinstance(node, Power):
        return (node.base, node.exponent)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Reduction):
        return (node.body,)
    if isinstance(node, Derivative):
        return (node.above, node.below)
    if isinstance(node, Differential):
        return () if node.of is None else (node.of,)
    if isinstance(node, Mask):
        return (node.left, node.right)
    return ()
