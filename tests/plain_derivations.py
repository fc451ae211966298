"""Derivations for the tests, put together line by line from text and from the reverse sweep, nothing simplified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lines import parse_equations
from sympy import Add

from derive.derivation import Derivation, Step
from derive.differentiate import joint_graph, sweep
from derive.graph import Equation, Fact, Graph, Mode, Quantity
from derive.parser import parse_layer
from derive.tangents import forward_sweep

BATCH_NORM = """
x: [N, D]
gamma: [D]
beta: [D]
eps: constant = 1e-5
assert eps > 0
mu[j]      = mean(x[i, j] for i in N)
var[j]     = mean((x[i, j] - mu[j])**2 for i in N)
xhat[i, j] = (x[i, j] - mu[j]) / sqrt(var[j] + eps)
y[i, j]    = gamma[j] * xhat[i, j] + beta[j]
"""

# Normalized over the second index, scale and shift on it too.
LAYER_NORM = """
x: [R, F]
gamma: [F]
eps: constant = 1e-5
assert eps > 0
mu[r]   = mean(x[r, f] for f in F)
var[r]  = mean((x[r, f] - mu[r])**2 for f in F)
z[r, f] = (x[r, f] - mu[r]) / sqrt(var[r] + eps)
y[r, f] = gamma[f] * z[r, f]
"""

# Scores of N things against N others: a square, where a transposed index still has the right extent.
SCORES = """
a: [N, D]
b: [N, D]
s[i, j] = sum(a[i, d]*b[j, d] for d in D)
L = sum(s[i, j]**3 for i in N for j in N) + sum(s[i, i] for i in N)
"""


def staged(text: str, wrt: Sequence[str] | None = None, mode: Mode = "reverse") -> Derivation:
    """The chain rule for a layer: each local derivative, each contribution (also in the abstract), each total."""
    found = (forward_sweep if mode == "forward" else sweep)(parse_layer(text, "sample"), wrt)
    steps: list[Step] = []

    def add(rule: str, line: Equation, display: Equation | None = None) -> None:
        steps.append(Step(len(steps) + 1, rule, (), line, display))

    for equation in found.graph.equations:
        add("forward", equation)
    for cotangent in found.cotangents:
        for path in cotangent.paths:
            add("local-derivative", path.local_equation)
            add("contribution", path.contribution, path.abstract)
        given = [cotangent.given.element] if cotangent.given else []
        total = Add(*given, *(path.quantity.element for path in cotangent.paths))
        quantity = cotangent.quantity
        add("total", cotangent.equation, Equation(quantity.name, quantity.indices, total))
    described = [q for c in found.cotangents for path in c.paths for q in (path.local, path.quantity)]
    return Derivation(found.graph, joint_graph(found), "staged", tuple(steps), tuple(described))


def closed(text: str, results: str, lines: str = "") -> Derivation:
    """A derivation with the given results (of which a name like dx is a cotangent, any other a helper) and lines."""
    base = staged(text)
    forward = base.forward
    found = [e for e in parse_equations(results, base.by_name) if isinstance(e, Equation)]
    described = [base.by_name.get(e.name) or Quantity(e.name, e.indices, "helper") for e in found]
    given = [q for q in base.backward.inputs if q.name not in forward.by_name]
    backward = Graph(
        name=forward.name,
        description="",
        quantities=(*forward.inputs, *given, *(forward.by_name[e.name] for e in forward.equations), *described),
        equations=(*forward.equations, *found),
        facts=forward.facts,
        outputs=tuple(e.name for e in found if base.by_name.get(e.name)),
    )
    known = {**base.by_name, **{q.name: q for q in described}}
    others = tuple(q for name, q in base.by_name.items() if name not in {p.name for p in backward.quantities})
    stated = parse_equations(lines, known) if lines else ()
    steps = [Step(number, "given", (), line) for number, line in enumerate(stated, start=1)]
    return Derivation(forward, backward, "reuse", tuple(steps), others)


def with_step(derivation: Derivation, text: str, display: bool = False) -> Derivation:
    """The derivation with one line replaced by another for the same name: a planted error.

    The last step about the name gets the line, or with `display` the last step that displays something else.
    """
    (line,) = parse_equations(text, derivation.by_name)
    assert isinstance(line, Equation)
    field = "display" if display else "equation"
    places = [k for k, step in enumerate(derivation.steps) if getattr(getattr(step, field), "name", None) == line.name]
    steps = list(derivation.steps)
    steps[places[-1]] = replace(steps[places[-1]], **{field: line})
    return replace(derivation, steps=tuple(steps))


def with_result(derivation: Derivation, text: str) -> Derivation:
    """The derivation with one equation of the backward graph, and the steps that state it, replaced."""
    (line,) = parse_equations(text, derivation.by_name)
    assert isinstance(line, Equation)
    old = derivation.backward.equation_of[line.name]
    equations = tuple(line if e is old else e for e in derivation.backward.equations)
    steps = tuple(replace(step, equation=line) if step.equation == old else step for step in derivation.steps)
    return replace(derivation, backward=replace(derivation.backward, equations=equations), steps=steps)


def with_fact(derivation: Derivation, text: str) -> Derivation:
    """The derivation with one more step, a fact."""
    (fact,) = parse_equations(text, derivation.by_name)
    assert isinstance(fact, Fact)
    return replace(derivation, steps=(*derivation.steps, Step(len(derivation.steps) + 1, "fact", (), fact)))
