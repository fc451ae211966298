"""The functions that are measured: those that `derive` generates, for each target, and those of a layer's baselines.

    Input    a Graph
    Output   Functions, each with the library whose arrays it takes; and in one line each what there is none of
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from derive.baselines import baselines_of
from derive.bench.libraries import is_installed, library
from derive.bench.timing import first_line
from derive.c_functions import compile_c
from derive.codegen.numpy import compile_derivation, compile_text
from derive.codegen.targets import TARGETS
from derive.derivation import Derivation
from derive.graph import Graph

# The names of what is measured, as the tables have them; what is generated for a target is `derive` and its name.
BY_HAND, CHAIN_RULE, TORCH, HUGE_PAGES, JAX = "by hand", "chain rule", "torch", "torch, huge pages", "JAX jit"
# What a target needs to run, and whose arrays its functions take; the others take NumPy's and need nothing else.
_NEEDS = {"loops": "numba", "torch": "torch", "jax": "jax", "c": "cffi"}
_ARRAYS = {"torch": "torch", "jax": "jax"}


def nothing() -> None:
    """Nothing to set."""


@dataclass(frozen=True)
class Functions:
    """A forward and a backward: forward(*inputs) -> (outputs, residuals), backward(cotangents, residuals) -> gradients.

    Those with one `name` are the `way`s of one library. `options` are passed to both as far as they take them; with
    `fills`, they write their results into arrays that they are given (`out=`). `ready` sets what the library needs set.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    library: str = "numpy"
    way: str = ""
    fills: bool = False
    options: Mapping[str, Any] | None = None
    ready: Callable[[], object] = nothing

    def takes(self, option: str) -> bool:
        """Whether one of the two takes an option."""
        return any(option in parameters(function) for function in (self.forward, self.backward))


def parameters(function: Callable[..., Any]) -> Sequence[str]:
    """The names of a function's parameters, as far as they can be known."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # built in, or made by a compiler
        return []


def argument_order(graph: Graph) -> list[str]:
    """The inputs as functions take them: file order, constants with a default last."""
    return [q.name for q in sorted(graph.inputs, key=lambda q: q.role == "constant" and q.default is not None)]


def generated(coded: Derivation, targets: Sequence[str], folder: Path) -> tuple[list[Functions], list[str]]:
    """The functions of some targets, and in a line each why some cannot be run here; `folder` is for their files."""
    found, missing = [], []
    for target in targets:
        need = _NEEDS.get(target)
        if need is not None and not is_installed(need):
            missing.append(f"{target}: {need} is not installed")
        elif not TARGETS[target].whole:
            missing.append(f"{target}: takes several workers")
        else:
            try:
                found.append(_of_target(target, coded, folder))
            except Exception as error:  # an equation that a target has no code for; a library that does not load
                missing.append(f"{target}: {first_line(error)}")
    return found, missing


def _of_target(target: str, coded: Derivation, folder: Path) -> Functions:
    """The functions of a target; those for JAX compiled, as it is used."""
    module = _module(target, coded, folder)
    forward, backward, arrays = module.forward, module.backward, _ARRAYS.get(target, "numpy")
    held = library(arrays)
    if held is not None and held.compiled is not None:
        forward, backward = held.compiled(forward), held.compiled(backward)
    ready = _all_threads() if arrays == "torch" else nothing
    return Functions(f"derive {target}", forward, backward, arrays, ready=ready)


def variants(functions: Functions) -> list[Functions]:
    """What the options of generated functions make of them: results into given arrays, more digits."""
    own = functions.name
    found = [functions]
    if functions.takes("out"):
        found.append(replace(functions, name=f"{own}, out=", fills=True))
    if functions.takes("precise"):
        found.append(replace(functions, name=f"{own}, precise", options={"precise": True}))
    return found


def chain_rule(staged: Derivation) -> Functions:
    """The functions that compute every cotangent of the chain rule, one after the other."""
    module = compile_derivation(staged)
    return Functions(CHAIN_RULE, module.forward, module.backward)


def baselines(graph: Graph) -> tuple[list[Functions], list[str]]:
    """What there is for a layer without `derive`; and in a line each what there is not."""
    module = baselines_of(graph.name)
    if module is None:
        return [], [f"no baselines for {graph.name}: what `derive` generates is compared with itself"]
    found, missing = [], []
    if hasattr(module, "forward"):
        found.append(Functions(BY_HAND, module.forward, module.backward))
    for name, label, build in (("torch", TORCH, _torch_functions), ("jax", JAX, _jax_functions)):
        if not hasattr(module, f"{name}_function") and not hasattr(module, f"{name}_functions"):
            continue
        if not is_installed(name):
            missing.append(f"{label}: {name} is not installed")
        else:
            found += build(module, graph)
    return found, missing


def _torch_functions(module: ModuleType, graph: Graph) -> list[Functions]:
    """Each way that torch has of it, in one thread and in as many as torch takes: neither is always the faster."""
    held = library("torch")
    if held is None:
        return []
    set_threads = held.module.set_num_threads
    return [
        Functions(TORCH, forward, backward, "torch", f"{way}, {threads}", ready=partial(set_threads, threads))
        for way, (forward, backward) in enumerate(module.torch_functions(held.module), start=1)
        for threads in sorted({1, _most_threads(held.module)}, reverse=True)
    ]


def _all_threads() -> Callable[[], object]:
    """What gives torch its threads back, after a way of its own that has one."""
    held = library("torch")
    return nothing if held is None else partial(held.module.set_num_threads, _most_threads(held.module))


@cache
def _most_threads(torch: Any) -> int:
    """The threads that torch takes by itself: asked once, before anything here has set another number."""
    return int(torch.get_num_threads())


def _jax_functions(module: ModuleType, graph: Graph) -> list[Functions]:
    held = library("jax")
    if held is None:
        return []
    jax = held.module
    function = module.jax_function(jax)
    count = len(graph.differentiable)

    def forward(*inputs: Any) -> Any:
        return jax.vjp(lambda *moving: function(*moving, *inputs[count:]), *inputs[:count])

    def backward(cotangent: Any, pullback: Any) -> Any:
        found = pullback(cotangent)
        return found[0] if count == 1 else found

    return [Functions(JAX, jax.jit(forward), jax.jit(backward), "jax")]


def _module(target: str, coded: Derivation, folder: Path) -> ModuleType:
    """The module that is generated for a target. What a compiler wants to find in a file is in one."""
    if TARGETS[target].suffix == ".c":
        return compile_c(coded, folder)
    text = TARGETS[target].write(coded)
    if not TARGETS[target].folder:
        return compile_text(text, coded.forward.name)
    stem = re.sub(r"\W", "_", f"{target}_{coded.forward.name}")
    path = folder / f"{stem}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path.name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
