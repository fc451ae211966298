"""The targets that functions are generated for: who writes them, and where those of the shipped layers are committed.

    Input    Derivations of order 1 and, where wanted, of order 2
    Output   the text of one source file
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sympy import Indexed

from derive.codegen import array_api, c, jax, loops, numpy, torch, workers
from derive.codegen.products import maximal_sets
from derive.codegen.residuals import first_order_equations
from derive.derivation import Derivation
from derive.indices import REDUCTIONS


class Writer(Protocol):
    """What writes the source of a target: of `forward` and `backward`; with `second`, of what is of order 2, too."""

    def __call__(self, derivation: Derivation, second: Derivation | None = None) -> str: ...


@dataclass(frozen=True)
class Target:
    """One target.

    `folder` is where its files lie under output/derived, "" for that folder itself; `orders` are those that it has
    functions for, and `suffix` ends the names of its files. `takes` says which layers there is code for; `whole`,
    whether one call of `forward` and one of `backward` are all.
    """

    write: Writer
    folder: str
    suffix: str = ".py"
    orders: int = 2
    takes: Callable[[Derivation], bool] = lambda _: True
    whole: bool = True


# By the name that the command line has for it; the keys are options.TARGETS.
TARGETS: dict[str, Target] = {
    "numpy": Target(numpy.module_text, ""),
    "loops": Target(loops.module_text, "loops", orders=1),
    "c": Target(c.module_text, "c", ".c", orders=1),
    "array-api": Target(array_api.module_text, "array_api"),
    "torch": Target(torch.module_text, "torch"),
    "jax": Target(jax.module_text, "jax", orders=1),  # JAX differentiates `backward` itself
    "workers": Target(workers.module_text, "workers", orders=1, takes=workers.can_be_split, whole=False),
}


def is_bound_by_memory(derivation: Derivation) -> bool:
    """Whether a layer reduces, and no sum is a contraction of arrays whose indices differ, as a matrix product is.

    What such a layer takes is the time to read and write its arrays: normalizations, softmax, losses.
    """
    equations = [*derivation.forward.equations, *first_order_equations(derivation)]
    reductions = [node for equation in equations for node in equation.expression.atoms(*REDUCTIONS)]
    return bool(reductions) and not any(
        len(maximal_sets([frozenset(e.indices) for e in node.function.atoms(Indexed)])) > 1
        for node in reductions
    )
