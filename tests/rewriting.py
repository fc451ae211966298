"""Layers as text, written in other ways: other names, other indices, other orders. The same ones for the same seed."""

from __future__ import annotations

import ast
import random
import re
import string

from derive.syntax import operations

# What a name may not be taken for.
_WORDS = {"for", "in", "assert", "constant", "output", "intermediate", *operations.WORDS}


def rewritten(text: str, seed: int) -> tuple[str, dict[str, str]]:
    """The same layer with every name replaced and the equations in another order, and the new name of each old one."""
    changed, new = renamed(text, seed)
    return reordered(changed, seed), new


def renamed(text: str, seed: int) -> tuple[str, dict[str, str]]:
    """The same layer with every name replaced, and the new name of each old one."""
    rng = random.Random(seed)
    text = _joined(text)
    words = sorted(set(re.findall(r"\b[^\W\d]\w*", text)) - _WORDS)
    extents = {word for word in words if re.search(rf"(for \w+ in |: (constant)?\[[^\]]*)\b{word}\b", text)}
    indices = {word for word in words if len(word) == 1 and not re.search(rf"^{word}\b", text, re.M)} - extents
    new = dict(zip(sorted(indices), rng.sample(string.ascii_lowercase, len(indices)), strict=True))
    for number, word in enumerate(rng.sample(words, len(words))):
        if word not in indices:
            new[word] = f"{'E' if word in extents else 'q'}_{number}"
    return re.sub(r"\b[^\W\d]\w*", lambda found: new.get(found.group(), found.group()), text), new


def reordered(text: str, seed: int) -> str:
    """The same layer with its equations in another order."""
    others, equations = _apart(text)
    return "\n".join([*others, *random.Random(seed).sample(equations, len(equations))]) + "\n"


def with_terms_in_another_order(text: str, seed: int) -> str:
    """The same layer with the terms of its sums and the factors of its products exchanged."""
    others, equations = _apart(text)
    exchange = _Exchange(random.Random(seed))
    changed = []
    for line in equations:
        left, _, right = line.partition(" = ")
        changed.append(f"{left} = {ast.unparse(exchange.visit(ast.parse(right, mode='eval')))}")
    return "\n".join([*others, *changed]) + "\n"


def with_other_indices(text: str, seed: int) -> str:
    """The same layer with other letters for its indices, in each equation others."""
    rng = random.Random(seed)
    others, equations = _apart(text)
    names = {line.partition(":")[0] for line in others}
    letters = [letter for letter in string.ascii_lowercase if letter not in names]
    changed = []
    for line in equations:
        used = sorted({word for word in re.findall(r"\b[a-z]\b", line) if word not in names})
        new = dict(zip(used, rng.sample(letters, len(used)), strict=True))
        changed.append(re.sub(r"\b[a-z]\b", lambda found, new=new: new.get(found.group(), found.group()), line))
    return "\n".join([*others, *changed]) + "\n"


class _Exchange(ast.NodeTransformer):
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Mult)) and self.rng.random() < 0.6:
            node.left, node.right = node.right, node.left
        return node


def _joined(text: str) -> str:
    return re.sub(r"\n\s+", " ", text)


def _apart(text: str) -> tuple[list[str], list[str]]:
    """The declarations and facts of a layer, and its equations, a line each."""
    lines = [line for line in _joined(text).splitlines() if line]
    equations = [line for line in lines if re.match(r"\w+(\[[^\]]*\])?\s*= ", line)]
    return [line for line in lines if line not in equations], equations
