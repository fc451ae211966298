"""Random small layers as text: what nobody thought of. The same layer for the same seed, on every machine."""

from __future__ import annotations

import random
import re
import string

Scope = list[tuple[str, str]]  # (index, extent)

_FUNCTIONS = (
    "tanh({})", "sigmoid({})", "exp(-({})**2)", "sqrt(({})**2 + eps)", "1/(1 + ({})**2)", "({})**2", "sin({})",
    "log(1 + ({})**2)", "relu({})", "abs({})", "({})**3", "softplus({})", "where({} > 1/7, 2, 1/2)",
)  # fmt: skip
_WORDS = {"for", "in", "assert", "constant", "output", "intermediate", "sum", "mean", "max", "prod", "maximum", "where"}
_WORDS |= {"pi", *(word for text in _FUNCTIONS for word in re.findall(r"[a-z]\w+", text) if word != "eps")}


def random_layer(seed: int) -> str:
    """A layer of a few equations: sums, means, products and maxima, of one to three indices, with one extent twice,
    diagonals, transposes, broadcasts, scalars, outputs that are used again, and the patterns of normalization."""
    return _Writer(random.Random(seed)).layer()


def rewritten(text: str, seed: int) -> tuple[str, dict[str, str]]:
    """The same layer with every name replaced and the equations in another order, and the new name of each old one."""
    rng = random.Random(seed)
    text = re.sub(r"\n\s+", " ", text)
    words = sorted(set(re.findall(r"\b[^\W\d]\w*", text)) - _WORDS)
    extents = {word for word in words if re.search(rf"(for \w+ in |: (constant)?\[[^\]]*)\b{word}\b", text)}
    indices = {word for word in words if len(word) == 1 and not re.search(rf"^{word}\b", text, re.M)} - extents
    new = dict(zip(sorted(indices), rng.sample(string.ascii_lowercase, len(indices)), strict=True))
    for number, word in enumerate(rng.sample(words, len(words))):
        if word not in indices:
            new[word] = f"{'E' if word in extents else 'q'}_{number}"
    changed = re.sub(r"\b[^\W\d]\w*", lambda found: new.get(found.group(), found.group()), text)
    lines = [line for line in changed.splitlines() if line]
    equations = [line for line in lines if re.match(r"\w+(\[[^\]]*\])?\s*= ", line)]
    others = [line for line in lines if line not in equations]
    return "\n".join([*others, *rng.sample(equations, len(equations))]) + "\n", new


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.extents = ["N", "D", "K"][: rng.choice([1, 2, 2, 3])]
        self.shapes: dict[str, list[str]] = {}
        self.lines: list[str] = []

    def layer(self) -> str:
        rng = self.rng
        declared = self.inputs()
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.45:
                self.pattern()
            else:
                self.equation()
        if rng.random() < 0.25:
            declared.append(f"{self.lines[0].partition(' =')[0].partition('[')[0]}: output")
        return "\n".join([*declared, *self.lines]) + "\n"

    def inputs(self) -> list[str]:
        rng = self.rng
        declared = []
        for name in ["x", "gamma", "w"][: rng.randint(1, 3)]:
            rank = rng.choice([1, 2, 2, 3]) if name == "x" else rng.choice([0, 1, 1, 2])
            self.shapes[name] = [rng.choice(self.extents) for _ in range(rank)]
            role = "constant" if name == "w" and rank and rng.random() < 0.5 else ""
            declared.append(f"{name}: {role}[{', '.join(self.shapes[name])}]")
            if role:
                declared.append("assert w >= 0")
        missing = [extent for extent in self.extents if not any(extent in shape for shape in self.shapes.values())]
        if missing:
            self.shapes["bias"] = missing
            declared.append(f"bias: [{', '.join(missing)}]")
        return [*declared, "eps: constant = 1e-3", "assert eps > 0"]

    def add(self, shape: list[str], indices: list[str], right: str) -> str:
        name = f"v{len(self.shapes)}"
        self.shapes[name] = shape
        self.lines.append(f"{self.at(name, indices)} = {right}")
        return name

    @staticmethod
    def at(name: str, indices: list[str]) -> str:
        return f"{name}[{', '.join(indices)}]" if indices else name

    # Anything goes

    def equation(self) -> None:
        rng = self.rng
        shape = [rng.choice(self.extents) for _ in range(rng.choice([0, 1, 1, 2, 2]))]
        indices = rng.sample("ijklmnpq", len(shape))
        scope = list(zip(indices, shape, strict=True))
        right = f" {rng.choice('+-')} ".join(self.term(scope) for _ in range(rng.choice([1, 1, 2])))
        for index, extent in scope:
            if not re.search(rf"[\[ ]{index}[,\]]", right):
                right = f"({right})*{self.containing(index, extent)}"
        self.add(shape, indices, right)

    def containing(self, index: str, extent: str) -> str:
        """A factor that gives `index` its extent; what else it has is averaged."""
        name = self.rng.choice([name for name, shape in self.shapes.items() if extent in shape])
        places = ["abc"[k] for k in range(len(self.shapes[name]))]
        position = self.shapes[name].index(extent)
        others = [pair for k, pair in enumerate(zip(places, self.shapes[name], strict=True)) if k != position]
        ranges = [f"for {place} in {other}" for place, other in others]
        places[position] = index
        element = self.at(name, places)
        return f"mean({element} {' '.join(ranges)})" if ranges else element

    def term(self, scope: Scope) -> str:
        rng = self.rng
        text = "*".join(self.factor(scope, rng.randint(0, 1)) for _ in range(rng.choice([1, 1, 2])))
        if rng.random() < 0.2:
            text = f"{rng.choice(['2', '1/2', '3'])}*{text}"
        if rng.random() < 0.2:
            text += f"/({self.within(scope)}**2 + 1)"
        return text

    def factor(self, scope: Scope, depth: int) -> str:
        """An element, or a function of some; indices that are not in scope are summed over."""
        rng = self.rng
        name = rng.choice(list(self.shapes)[-3:] if rng.random() < 0.6 else list(self.shapes))
        bound: Scope = []
        places = []
        for extent in self.shapes[name]:
            known = [index for index, other in scope if other == extent]
            again = [index for index, other in bound if other == extent]
            if known and rng.random() < 0.85:
                places.append(rng.choice(known))
            elif again and rng.random() < 0.4:
                places.append(rng.choice(again))
            else:
                used = {index for index, _ in [*scope, *bound]}
                places.append(next(letter for letter in "abcdfghrstu" if letter not in used))
                bound.append((places[-1], extent))
        text = self.at(name, places)
        inner = [*scope, *bound]
        if depth:
            text += f"*{self.factor(inner, 0)}"
        elif rng.random() < 0.3:
            text = f"({text} {rng.choice('+-')} {rng.choice(['1', '2', '1/2', self.within(inner)])})"
        if rng.random() < 0.3:
            text = rng.choice([*_FUNCTIONS, f"maximum({{}}, {self.within(inner)})"]).format(text)
        if not bound:
            return text
        kind = rng.choice(["sum", "sum", "mean", "mean", "max", "prod"])
        return f"{kind}({text} {' '.join(f'for {index} in {extent}' for index, extent in bound)})"

    def within(self, scope: Scope) -> str:
        """An element that the indices in scope suffice for."""
        extents = {extent for _, extent in scope}
        names = [name for name, shape in self.shapes.items() if set(shape) <= extents]
        if not names:
            return "1/3"
        name = self.rng.choice(names)
        return self.at(name, [self.rng.choice([i for i, e in scope if e == extent]) for extent in self.shapes[name]])

    # What facts are about

    def pattern(self) -> None:
        """The mean, the variance, the norm, the softmax of something, over some of its indices."""
        rng = self.rng
        name = rng.choice([name for name, shape in self.shapes.items() if shape])
        shape = self.shapes[name]
        indices = rng.sample("ijklmnpq", len(shape))
        over = {k for k in range(len(shape)) if rng.random() < 0.5} or {rng.randrange(len(shape))}
        kept = [k for k in range(len(shape)) if k not in over]
        free, rest = [indices[k] for k in kept], [shape[k] for k in kept]
        ranges = " ".join(f"for {indices[k]} in {shape[k]}" for k in sorted(over))
        element = self.at(name, indices)
        kind = rng.choice(["center", "variance", "normalize", "normalize", "softmax", "norm", "logsumexp"])
        if kind == "softmax":
            made = self.add(shape, indices, f"exp({element})")
            total = self.add(rest, free, f"sum({self.at(made, indices)} {ranges})")
            self.add(shape, indices, f"{self.at(made, indices)}/{self.at(total, free)}")
        elif kind == "logsumexp":
            self.add(rest, free, f"log(sum(exp({element}) {ranges}))")
        elif kind == "norm":
            norm = self.add(rest, free, f"sqrt(sum({element}**2 {ranges}) + eps)")
            self.add(shape, indices, f"{element}/{self.at(norm, free)}")
        else:
            mean = self.at(self.add(rest, free, f"mean({element} {ranges})"), free)
            if kind == "center":
                self.add(shape, indices, f"{element} - {mean}")
                return
            variance = self.at(self.add(rest, free, f"mean(({element} - {mean})**2 {ranges})"), free)
            if kind == "normalize":
                self.add(shape, indices, f"({element} - {mean})/sqrt({variance} + eps)")
