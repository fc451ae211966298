"""Random layers as text: what nobody thought of. The same layer for the same seed, on every machine."""

from __future__ import annotations

import random
import re

Scope = list[tuple[str, str]]  # (index, extent)

_FUNCTIONS = (
    "tanh({})", "sigmoid({})", "exp(-({})**2)", "sqrt(({})**2 + eps)", "1/(1 + ({})**2)", "({})**2", "sin({})",
    "log(1 + ({})**2)", "relu({})", "abs({})", "({})**3", "softplus({})", "where({} > 1/7, 2, 1/2)",
)  # fmt: skip
_MORE_FUNCTIONS = (
    *_FUNCTIONS, "cos({})", "erf({})", "log1p(({})**2)", "sign({})*({})", "sqrt(1 + exp({}))", "minimum({}, 2/3)",
    "sin(pi*({}))", "where({} < 0, tanh({}), ({})/2)",
)  # fmt: skip
_BOUNDED = ("tanh({})", "sigmoid({})", "sin({})", "erf({})")


def random_layer(seed: int) -> str:
    """A layer of a few equations: sums, means, products and maxima, of one to three indices, with one extent twice,
    diagonals, transposes, broadcasts, scalars, outputs that are used again, and the patterns of normalization."""
    return _Writer(random.Random(seed)).layer()


def random_graph(seed: int, attempt: int = 0) -> str:
    """A larger one, of 3 to 12 equations with up to four indices: besides what the small ones have, every function of
    the grammar, deltas, transposes, two ways to one place, and outputs of any rank, often several."""
    return _GraphWriter(random.Random(f"graph {seed} {attempt}")).layer()


class _Writer:
    functions: tuple[str, ...] = _FUNCTIONS
    ranks: tuple[int, ...] = (0, 1, 1, 2, 2)  # of what an equation defines
    terms: tuple[int, ...] = (1, 1, 2)  # how many an equation has
    factors: tuple[int, ...] = (1, 1, 2)  # and a term
    depths: tuple[int, ...] = (0, 1)  # how many elements a factor may multiply, beyond one
    reductions: tuple[str, ...] = ("sum", "sum", "mean", "mean", "max", "prod")

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
        shape = [rng.choice(self.extents) for _ in range(rng.choice(self.ranks))]
        indices = rng.sample("ijklmnpq", len(shape))
        scope = list(zip(indices, shape, strict=True))
        right = f" {rng.choice('+-')} ".join(self.term(scope) for _ in range(rng.choice(self.terms)))
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
        text = "*".join(self.factor(scope, rng.choice(self.depths)) for _ in range(rng.choice(self.factors)))
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
            text = self.applied(rng.choice([*self.functions, f"maximum({{}}, {self.within(inner)})"]), text)
        if not bound:
            return text
        kind = rng.choice(self.reductions)
        return f"{kind}({text} {' '.join(f'for {index} in {extent}' for index, extent in bound)})"

    @staticmethod
    def applied(function: str, text: str) -> str:
        return function.replace("{}", text)

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


class _GraphWriter(_Writer):
    functions = _MORE_FUNCTIONS
    ranks = (0, 1, 1, 2, 2, 2, 3)
    terms = (1, 1, 1, 2)
    factors = (1, 1, 1, 1, 2)
    depths = (0, 0, 0, 1)
    reductions = ("sum", "sum", "sum", "sum", "mean", "mean", "mean", "mean", "max", "max", "prod")

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.extents = ["N", "D", "K", "B"][: rng.choice([1, 2, 2, 3, 3, 4])]
        self.size = rng.choice([3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8, 10, 12])

    def layer(self) -> str:
        rng = self.rng
        declared = self.inputs()
        while len(self.lines) < self.size:
            room = self.size - len(self.lines)
            kind = rng.choice(["pattern", "pattern", "diamond", "transpose", "equation", "equation", "equation"])
            if kind == "pattern" and room >= 3:
                self.pattern()
            elif kind == "diamond" and room >= 3:
                self.diamond()
            elif kind == "transpose":
                self.transpose()
            else:
                self.equation()
        outputs = [name for name in self.shapes if name.startswith("v") and rng.random() < 0.1]
        return "\n".join([*declared, *(f"{name}: output" for name in outputs), *self.lines]) + "\n"

    def add(self, shape: list[str], indices: list[str], right: str) -> str:
        """Deep graphs would grow beyond all bounds: every third quantity is bounded."""
        if self.rng.random() < 1/3:
            right = self.applied(self.rng.choice(_BOUNDED), right)
        return super().add(shape, indices, right)

    def equation(self) -> None:
        """Anything, now and then; else something such as layers are made of."""
        kinds = ["anything", *["elementwise"] * 3, *["reduced"] * 2, "product"]
        kind = self.rng.choice(kinds)
        if kind == "anything":
            super().equation()
        elif kind == "elementwise":
            self.elementwise()
        else:
            self.reduced(self.another() if kind == "product" else None)

    def another(self) -> str:
        return self.rng.choice(list(self.shapes)[-4:] if self.rng.random() < 0.6 else list(self.shapes))

    def elementwise(self) -> None:
        """A function of two quantities, one of them broadcast."""
        rng = self.rng
        name = self.another()
        shape = self.shapes[name]
        indices = rng.sample("ijklmnpq", len(shape))
        text = self.at(name, indices)
        if rng.random() < 0.6:
            text = f"({text})" if rng.random() < 0.3 else self.applied(rng.choice(self.functions), text)
        other = self.within(list(zip(indices, shape, strict=True)))
        if rng.random() < 0.7:
            text = rng.choice(["{}*{}", "{} + {}", "{} - {}", "{}/({}**2 + 1)", "maximum({}, {})"]).format(text, other)
        self.add(shape, indices, text)

    def reduced(self, other: str | None) -> None:
        """A quantity, or its product with another one, reduced over some of the indices."""
        rng = self.rng
        name = rng.choice([name for name, shape in self.shapes.items() if shape])
        pairs = list(zip(rng.sample("ijkl", len(self.shapes[name])), self.shapes[name], strict=True))
        text = self.at(name, [index for index, _ in pairs])
        if other is None and rng.random() < 0.5:
            text = self.applied(rng.choice(self.functions), text)
        elif other is not None:
            names = []
            for letter, extent in zip("mnpq", self.shapes[other], strict=False):
                shared = [index for index, e in pairs if e == extent and index not in names]
                names.append(rng.choice(shared) if shared and rng.random() < 0.8 else letter)
            pairs += [pair for pair in zip(names, self.shapes[other], strict=True) if pair not in pairs]
            text += f"*{self.at(other, names)}"
        over = [pair for pair in pairs if rng.random() < 0.5] or [rng.choice(pairs)]
        while len(pairs) - len(over) > 3:
            over.append(next(pair for pair in pairs if pair not in over))
        kept = [pair for pair in pairs if pair not in over]
        kind = "sum" if other else rng.choice(self.reductions)
        ranges = " ".join(f"for {index} in {extent}" for index, extent in over)
        self.add([extent for _, extent in kept], [index for index, _ in kept], f"{kind}({text} {ranges})")

    def diamond(self) -> None:
        """Two ways from one quantity to another."""
        rng = self.rng
        name = rng.choice(list(self.shapes))
        indices = rng.sample("ijklmnpq", len(self.shapes[name]))
        element = self.at(name, indices)
        ways = [self.add(self.shapes[name], indices, self.applied(f, element)) for f in rng.sample(_MORE_FUNCTIONS, 2)]
        self.add(self.shapes[name], indices, rng.choice(["{} * {}", "{} - {}", "{}/(2 + {}**2)"]).format(
            *(self.at(way, indices) for way in ways)))

    def transpose(self) -> None:
        """The axes in another order, on the diagonal only, or shifted by a row of something else."""
        rng = self.rng
        name = rng.choice([name for name, shape in self.shapes.items() if shape])
        shape = self.shapes[name]
        indices = rng.sample("ijklmnpq", len(shape))
        order = rng.sample(range(len(shape)), len(shape))
        element = self.at(name, indices)
        kind = rng.choice(["axes", "axes", "delta"])
        if kind == "delta" and len(set(shape)) < len(shape):
            extent = next(e for e in shape if shape.count(e) > 1)
            a, b = [index for index, e in zip(indices, shape, strict=True) if e == extent][:2]
            element += f"*(1/2 + delta({a}, {b}))"
        self.add([shape[k] for k in order], [indices[k] for k in order], element)
