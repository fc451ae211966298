"""The functions for workers: parts of a batch, put together, are what the NumPy functions compute of the whole."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import own_layers
import pytest
from own_layers import EXTENTS, LAYERS, WEIGHTED, derivation_of, draw, module_of
from quality import assert_clean
from worker_calls import parts_of, run, together

import derived.batch_norm
import derived.workers
from derive.cli import USAGE, main
from derive.codegen.numpy import compile_derivation, compile_text, derivations_for_code
from derive.codegen.targets import TARGETS, is_bound_by_memory
from derive.codegen.workers import can_be_split, module_text
from derive.derivation import Derivation, Form
from derive.draw import choose_extents, draw_sample
from derive.errors import UsageError
from derive.generated import to_numpy
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.workshop import CODE_FORM

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "derive" / "pages" / "scripts" / "torch_sync_batch_norm.py"
# The processes meet on this machine, also where its name leads nowhere.
ALONE = {**os.environ, **({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {})}
REFUSED = {
    "transposed": "y[N, D] has that axis not as its first axis",
    "contrastive": "s[N, N] has that axis twice",
    "outer": "M_[M, N] has that axis not as its first axis",
    "diagonal": "x[N, N] has that axis twice",
    "transposition": "y[D, N] has that axis not as its first axis",
    "numbers": "no input is an array",
    "all_but_one": "a row is told from the others",
}
SPLIT = [name for name in LAYERS if name not in REFUSED]
SHIPPED = [name for name in layer_names() if can_be_split(derivations_for_code(name, CODE_FORM)[0])]
# Reductions that are no sums, in rounds; numbers of rows in other places than a mean.
REDUCTIONS = """
x: [N, D]
w: [D]
b: [N]
c: constant[N]
s: constant = 1/2
m[j]    = max(x[i, j]*w[j] for i in N)
top     = max(x[i, j] for i in N for j in D)
q[j]    = sum(exp(x[i, j]*w[j] - m[j])/N for i in N)
p       = prod(2 + c[i]*s for i in N)
power   = prod(1 + s for i in N)
y[i, j] = x[i, j]*w[j] - m[j] - log(q[j]) + top*b[i]*sqrt(N)
z       = sum(b[i]*sum(x[k, j]*b[k] for k in N) for i in N for j in D)
"""
# What counts as the same: the sums are taken in another order.
TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5, np.longdouble: 1e-12}


@cache
def workers_of(name: str, form: Form = "staged") -> ModuleType:
    return compile_text(module_text(derivation_of(name, form)), name)


@cache
def derivation_from(text: str, form: Form = "staged") -> Derivation:
    return derivations_for_code(parse_layer(text, "own"), form)[0]


def assert_equal(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    for name, value in found.items():
        assert np.asarray(value).dtype == np.asarray(expected[name]).dtype
        scale = max(1.0, np.max(np.abs(expected[name]), initial=0.0))
        np.testing.assert_allclose(value, expected[name], rtol=tolerance, atol=tolerance * scale, err_msg=name)


def compare(
    derivation: Derivation, lengths: tuple[int, ...], dtype: Any = np.float64, module: ModuleType | None = None
) -> None:
    """Hold the functions for workers with so many rows each against those for the whole batch."""
    rows = next(q for q in derivation.backward.inputs if q.indices).extents[0]
    values = draw(derivation, {**EXTENTS, rows: sum(lengths)}, dtype=dtype)
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    expected = own_layers.call(compile_derivation(derivation), derivation, values)
    own = module or compile_text(module_text(derivation), "workers")
    states = run(own, derivation, parts_of(values, derivation, lengths))
    assert_equal(together(states, derivation), expected, TOLERANCE[dtype])


@pytest.mark.parametrize("name", SPLIT)
@pytest.mark.parametrize("form", ["staged", "reuse"])
def test_parts_are_the_whole(name: str, form: Form) -> None:
    for lengths in ((3, 0, 1, 2), (5,), (1, 1, 1, 1)):
        compare(derivation_of(name, form), lengths, module=workers_of(name, form))


@pytest.mark.parametrize("name", SPLIT)
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_the_dtype_stays(name: str, dtype: Any) -> None:
    compare(derivation_of(name), (2, 0, 3), dtype, workers_of(name))


@pytest.mark.parametrize("form", ["staged", "reuse"])
def test_maxima_products_and_numbers_of_rows(form: Form) -> None:
    compare(derivation_from(REDUCTIONS, form), (3, 0, 1, 2))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_layers(name: str) -> None:
    (derivation,) = derivations_for_code(name, CODE_FORM)
    graph = derivation.forward
    rows = next(q for q in graph.inputs if q.indices).extents[0]
    extents = {**choose_extents(graph)[-1], rows: 6}
    sample = draw_sample(graph, extents, "ordinary", "workers")
    values = {q.name: to_numpy(sample.inputs[q.name], q, extents) for q in graph.inputs}
    values |= {f"d{o}": to_numpy(sample.cotangents[o], graph.by_name[o], extents) for o in graph.outputs}
    expected = own_layers.call(compile_derivation(derivation), derivation, values)
    states = run(compile_text(module_text(derivation), name), derivation, parts_of(values, derivation, (3, 1, 0, 2)))
    assert_equal(together(states, derivation), expected, 1e-12)


def test_the_order_of_the_workers_is_nothing_to_the_sums() -> None:
    derivation, module = derivation_of("image_norm"), workers_of("image_norm")
    values = draw(derivation, {**EXTENTS, "B": 7})
    expected = own_layers.call(module_of("image_norm"), derivation, values)
    for order in itertools.permutations(range(3)):
        states = run(
            module,
            derivation,
            parts_of(values, derivation, (4, 1, 2)),
            lambda found, order=order: module.combine([found[place] for place in order]),
        )
        assert_equal(together(states, derivation), expected, 1e-12)


def test_what_is_not_combined_is_seen() -> None:
    derivation, module = derivation_of("batch_norm"), workers_of("batch_norm")
    values = draw(derivation, {**EXTENTS, "N": 6})
    expected = own_layers.call(module_of("batch_norm"), derivation, values)
    states = run(module, derivation, parts_of(values, derivation, (3, 1, 2)), lambda found: found[0])
    with pytest.raises(AssertionError, match="y"):
        assert_equal(together(states, derivation), expected, 1e-12)


def test_the_squares_are_those_about_the_mean_of_all() -> None:
    derivation, module = derivation_of("batch_norm", "reuse"), workers_of("batch_norm", "reuse")
    values = draw(derivation, {**EXTENTS, "N": 600}, dtype=np.float32)
    values["x"] = values["x"] + np.float32(1e4)
    expected = own_layers.call(module_of("batch_norm"), derivation, {
        name: value.astype(np.float64) if isinstance(value, np.ndarray) else value for name, value in values.items()
    })  # fmt: skip
    states = run(module, derivation, parts_of(values, derivation, (100, 500)))
    np.testing.assert_allclose(together(states, derivation)["y"], expected["y"], rtol=0, atol=0.02)


class TestOneWorkerARow:
    def test_synchronized_batch_norm_without_weights(self) -> None:
        """A worker may have a length of its own along every axis that it sums over itself."""
        module = compile_text(module_text(derivations_for_code("sync_batch_norm", CODE_FORM)[0]), "sync")
        rng = np.random.default_rng(0)
        lengths, width = (4, 1, 3), 2
        gamma, beta = rng.normal(size=(2, width))
        x, dy = rng.normal(size=(2, sum(lengths), width))
        cuts = np.cumsum(lengths)[:-1]
        parts = [part[None] for part in np.split(x, cuts)]
        weights = [np.ones(part.shape[:2]) for part in parts]
        sums1 = module.combine([module.forward_partial1(*each) for each in zip(parts, weights, strict=True)])
        sums2 = module.combine([module.forward_partial2(*each, sums1) for each in zip(parts, weights, strict=True)])
        done = [
            module.forward_finish(*each, gamma, beta, sums1, sums2) for each in zip(parts, weights, strict=True)
        ]
        given = [part[None] for part in np.split(dy, cuts)]
        saved = [residuals for _, residuals in done]
        sums = module.combine([module.backward_partial(*each) for each in zip(given, saved, strict=True)])
        gradients = [module.backward_finish(*each, sums) for each in zip(given, saved, strict=True)]

        y, residuals = derived.batch_norm.forward(x, gamma, beta)
        dx, dgamma, dbeta = derived.batch_norm.backward(dy, residuals)
        np.testing.assert_allclose(np.concatenate([y[0] for y, _ in done]), y, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(np.concatenate([g[0][0] for g in gradients]), dx, rtol=1e-12, atol=1e-12)
        for own in gradients:
            np.testing.assert_allclose(own[1], dgamma, rtol=1e-12)
            np.testing.assert_allclose(own[2], dbeta, rtol=1e-12)

    def test_weights_of_nothing_are_refused(self) -> None:
        module = compile_text(module_text(derivations_for_code("sync_batch_norm", CODE_FORM)[0]), "sync")
        x, w, one = np.ones((1, 2, 3)), np.zeros((1, 2)), np.ones(3)
        sums1 = module.combine([module.forward_partial1(x, w)] * 2)
        assert sums1.R == 2
        with np.errstate(all="ignore"):
            sums2 = module.forward_partial2(x, w, sums1)
        with pytest.raises(ValueError, match="w_sum > 0"):
            module.forward_finish(x, w, one, one, sums1, sums2)
        with pytest.raises(ValueError, match=r"w: expected w\[r, i\] >= 0 everywhere"):
            module.forward_finish(x, w - 1, one, one, sums1._replace(w_sum=np.float64(1)), sums2)


class TestRefusals:
    @pytest.mark.parametrize("name", REFUSED)
    def test_what_cannot_be_split(self, name: str) -> None:
        with pytest.raises(UsageError) as caught:
            module_text(derivation_of(name))
        assert "there is no code for workers" in str(caught.value)
        assert REFUSED[name] in str(caught.value)
        assert not can_be_split(derivation_of(name))

    @pytest.mark.parametrize(
        ("equation", "reason"),
        [
            ("y[i] = sum(exp(x[i] - x[k]) for k in N)", "rows are compared with each other in y[i] = "),
            ("y = sum(exp(x[i] - x[k]) for i in N for k in N)", "rows are compared with each other in y = "),
            ("y = max(x[i] - x[k] for i in N for k in N)", "rows are compared with each other in y = "),
            ("y[i] = sum(x[k]*delta(i, k)**2 for k in N)", "a row is told from the others in y[i] = "),
        ],
    )
    def test_rows_that_must_be_seen_together(self, equation: str, reason: str) -> None:
        with pytest.raises(UsageError) as caught:
            module_text(derivation_from(f"x: [N]\n{equation}\n"))
        assert reason in str(caught.value)

    def test_a_product_of_sums_is_none_of_these(self) -> None:
        compare(derivation_from("x: [N]\ny = sum(x[i]*x[k] for i in N for k in N)\n"), (2, 0, 3))

    def test_the_command_line_says_so_in_a_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        layer = tmp_path / "pairs.layer"
        layer.write_text("x: [N, D]\ns[i, j] = sum(x[i, d]*x[j, d] for d in D)\n")
        assert main(["code", str(layer), "--target", "workers"]) == USAGE
        assert "there is no code for workers that have some rows of N each: s[N, N]" in capsys.readouterr().err

    def test_there_is_no_forward_mode(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["code", "batch_norm", "--target", "workers", "--mode", "forward"]) == USAGE


class TestContract:
    x = np.arange(6.0).reshape(3, 2)
    one = np.ones(2)

    def sums(self, module: ModuleType, x: np.ndarray) -> tuple[Any, Any]:
        sums1 = module.forward_partial1(x)
        return sums1, module.forward_partial2(x, sums1)

    def test_rows_there_must_be(self) -> None:
        module = derived.workers.batch_norm
        nothing = module.combine([module.forward_partial1(self.x[:0])] * 2)
        with pytest.raises(ValueError, match=r"sums1: expected N >= 1, got N = 0"):
            module.forward_partial2(self.x[:0], nothing)
        _, sums2 = self.sums(module, self.x)
        with pytest.raises(ValueError, match=r"sums1: expected N >= 1, got N = 0"):
            module.forward_finish(self.x[:0], self.one, self.one, nothing, sums2)

    def test_a_condition_is_on_all_rows(self) -> None:
        module = derived.workers.batch_norm_unbiased
        alone = module.forward_partial1(self.x[:1])
        with pytest.raises(ValueError, match=r"sums1: expected N > 1, got N = 1"):
            module.forward_partial2(self.x[:1], alone)
        module.forward_partial2(self.x[:1], module.combine([alone, alone]))

    def test_what_is_no_sum(self) -> None:
        module = derived.workers.batch_norm
        sums1, sums2 = self.sums(module, self.x)
        with pytest.raises(TypeError, match="sums1: expected ForwardSums1, got ForwardSums2"):
            module.forward_partial2(self.x, sums2)
        with pytest.raises(TypeError, match="N: expected an integer, got float"):
            module.forward_partial2(self.x, sums1._replace(N=3.0))
        with pytest.raises(ValueError, match=r"mu_sum: expected shape \(2,\)"):
            module.forward_partial2(self.x, sums1._replace(mu_sum=np.ones(3)))
        with pytest.raises(TypeError, match="mu_sum: expected float64, as the other arrays, got float32"):
            module.forward_finish(self.x, self.one, self.one, sums1._replace(mu_sum=np.ones(2, np.float32)), sums2)
        _, residuals = module.forward_finish(self.x, self.one, self.one, sums1, sums2)
        with pytest.raises(TypeError, match="sums: expected BackwardSums, got ForwardSums1"):
            module.backward_finish(self.x, residuals, sums1)
        with pytest.raises(ValueError, match=r"dy: expected shape \(3, 2\) = \(N_local, D\), got \(2, 2\)"):
            module.backward_partial(self.x[:2], residuals)
        with pytest.raises(ValueError, match="eps: expected eps > 0"):
            module.forward_finish(self.x, self.one, self.one, sums1, sums2, eps=0)

    def test_what_is_not_combined(self) -> None:
        module = derived.workers.batch_norm
        sums1, sums2 = self.sums(module, self.x)
        with pytest.raises(ValueError, match="parts: expected the sums of at least one worker, got none"):
            module.combine([])
        with pytest.raises(TypeError, match="all of one kind, got ForwardSums2"):
            module.combine([sums1, sums2])
        with pytest.raises(TypeError, match="parts: expected ForwardSums1"):
            module.combine([(1, 2)])
        with pytest.raises(ValueError, match=r"mu_sum: expected one shape of all workers, got \(1,\)"):
            module.combine([sums1, module.forward_partial1(self.x[:, :1])])
        with pytest.raises(TypeError, match="mu_sum: expected one dtype of all workers, got float32"):
            module.combine([sums1, module.forward_partial1(self.x.astype(np.float32))])


def test_names_that_the_module_has_for_itself() -> None:
    text = (
        "sums: [N]\nN_local: []\ncombine: constant[N]\n"
        "mu = mean(sums[i]*combine[i] for i in N)\nmu_sum = sum((sums[i] - mu)**2 for i in N)\n"
        "count[i] = mu_sum*N_local*sums[i]\n"
    )
    compare(derivation_from(text), (2, 0, 1))


def test_a_condition_of_an_equation_that_nothing_needs() -> None:
    derivation = derivation_from("x: [N]\np: intermediate\np = sum(x[i] for i in N)\ny[i] = 2*x[i]\n")
    compare(derivation, (2, 0, 1))
    module = compile_text(module_text(derivation), "unused")
    x = np.ones(0)
    with pytest.raises(ValueError, match="sums: expected N >= 1, got N = 0"):
        module.forward_finish(x, module.combine([module.forward_partial(x)]))


def test_only_numpy_and_the_standard_library_are_imported() -> None:
    for name in SPLIT:
        lines = module_text(derivation_of(name)).splitlines()
        imports = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
        assert imports <= {"__future__", "collections.abc", "functools", "math", "numpy", "operator", "typing"}


def test_generated_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    texts = {name: module_text(derivation_of(name, form)) for name in SPLIT for form in ("reuse",)}
    awkward = {"weighted": WEIGHTED, "l": "l: [N]\nxHat[i] = l[i]**2\nI = sum(xHat[i]**2 for i in N)"}
    texts |= {name: module_text(derivation_from(text, "reuse")) for name, text in awkward.items()}
    assert_clean(texts, tmp_path)


def test_those_that_memory_limits_are_committed() -> None:
    wanted = {name for name in SHIPPED if is_bound_by_memory(derivations_for_code(name, CODE_FORM)[0])}
    assert set(derived.workers.__all__) == wanted
    assert TARGETS["workers"].folder == "workers"
    for name in wanted:
        importlib.import_module(f"derived.workers.{name}")


def test_processes_of_torch_compute_what_one_does() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed, so nothing is tried on its processes")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this torch has no processes that gloo connects")
    done = subprocess.run([sys.executable, str(SCRIPT)], env=ALONE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4 processes with 7, 1, 12, 4 rows: equal to a single one with 24\n"


def test_a_process_that_keeps_its_sums_is_seen(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed, so nothing is tried on its processes")
    text = SCRIPT.read_text()
    line = "        dist.all_reduce(tensor)\n"
    assert text.count(line) == 1
    planted = tmp_path / "alone.py"
    planted.write_text(text.replace(line, "        dist.all_reduce(tensor.clone())\n"))
    done = subprocess.run([sys.executable, str(planted)], env=ALONE, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "Not equal to tolerance" in done.stderr


def test_sixteen_bits_are_refused() -> None:
    module = workers_of("batch_norm")
    with pytest.raises(TypeError, match="x: expected float32, float64 or longdouble, got float16"):
        module.forward_partial1(np.ones((3, 2), np.float16))
