"""The generated C: values against the interpreter, digits against long double, warnings, and what must never happen."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cffi", reason="the compiled C is called by cffi, which is not installed")
if shutil.which("gcc") is None:
    pytest.skip("the C is compiled by gcc, which is not installed", allow_module_level=True)
from c_modules import STRICT, c_of, c_text, compile_text, derivation_for_c
from digits import CASES, assert_digits, batch, cancelling, case, run
from own_layers import EXTENTS, LAYERS, call, draw, truth
from quality import same_under_hash_seeds

from derive.c_functions import compile_c
from derive.codegen.c import in_comment, module_text
from derive.codegen.c_names import c_names, reserved_names
from derive.codegen.numpy import compile_derivation, derivations_for_code
from derive.derivation import Derivation
from derive.differentiate import vjp
from derive.draw import draw_samples
from derive.generated import to_numpy
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.workshop import CODE_FORM

ROOT = Path(__file__).parents[2]
# One block of rows and several, stripes of columns, rows alone, columns alone.
SHAPES = [(1, 1), (1, 5), (3, 1), (17, 33), (1000, 37), (100, 6000), (5000, 100)]
# For results of any size, past the caches.
STREAMED = "-DSTREAM_FROM=0"


def assert_close(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    for name, value in found.items():
        scale = max(1.0, np.max(np.abs(expected[name]), initial=0.0))
        assert np.shape(value) == np.shape(expected[name]), name
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=tolerance * scale, err_msg=name)


class TestValues:
    @pytest.mark.parametrize("name", LAYERS)
    def test_of_all_layers(self, name: str) -> None:
        derivation = derivation_for_c(name)
        values = draw(derivation, EXTENTS)
        assert_close(call(c_of(name), derivation, values), truth(derivation, values), 1e-12)

    @pytest.mark.parametrize("name", LAYERS)
    def test_float32_is_rounded_once(self, name: str) -> None:
        derivation = derivation_for_c(name)
        values = draw(derivation, EXTENTS, dtype=np.float32)
        wide = {key: np.float64(value) if np.ndim(value) == 0 else value.astype(float) for key, value in values.items()}
        found = call(c_of(name), derivation, values)
        assert {np.asarray(value).dtype for value in found.values()} == {np.dtype(np.float32)}
        # Outputs that are residuals, such as the softmax, are rounded before they are used.
        assert_close(found, truth(derivation, wide), 4 * 2.0**-24)

    @pytest.mark.parametrize("name", layer_names())
    def test_of_all_shipped_layers(self, name: str) -> None:
        derivation = derivation_for_c(name)
        for sample in draw_samples(derivation.forward)[:3]:
            given = {**sample.inputs, **{f"d{output}": array for output, array in sample.cotangents.items()}}
            values = {q.name: to_numpy(given[q.name], q, sample.extents) for q in derivation.backward.inputs}
            expected = call(compile_derivation(derivation), derivation, values)
            assert_close(call(c_of(name, "-O1"), derivation, values), expected, 1e-10)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("flags", [(), (STREAMED,)], ids=["direct", "streamed"])
    def test_of_all_shapes(self, shape: tuple[int, int], dtype: Any, flags: tuple[str, ...]) -> None:
        values = batch(shape, dtype)
        assert_digits(values, run(c_of("batch_norm", *flags), values), 1.0 if dtype is np.float32 else 11.0, least=1.0)

    @pytest.mark.parametrize("name", ["layer_norm", "softmax", "attention", "image_norm", "max_pool", "gates"])
    def test_longer_rows_and_streams(self, name: str) -> None:
        derivation = derivation_for_c(name)
        extents = {**EXTENTS, "N": 40, "D": 70, "B": 5, "F": 1300, "C": 4, "H": 37, "W": 35, "T": 11}
        values = draw(derivation, extents)
        expected = call(compile_derivation(derivation), derivation, values)
        for flags in ((), (STREAMED,)):
            assert_close(call(c_of(name, *flags), derivation, values), expected, 1e-12)

    def test_what_is_streamed_need_not_be_aligned(self) -> None:
        values = batch((9, 1030), np.float32)
        expected = run(c_of("batch_norm", STREAMED), values)
        for offset in range(5):
            y = np.full(9 * 1030 + 8, np.nan, np.float32)
            out = y[offset : offset + 9 * 1030].reshape(9, 1030)
            found, _ = c_of("batch_norm", STREAMED).forward(values["x"], values["gamma"], values["beta"], out=out)
            assert found is out
            np.testing.assert_array_equal(found, expected["y"])
            assert np.isnan(y[:offset]).all()
            assert np.isnan(y[offset + 9 * 1030 :]).all()

    def test_no_columns_at_all(self) -> None:
        values = batch((3, 0), np.float32)
        assert [value.shape for value in run(c_of("batch_norm"), values).values()] == [(3, 0), (3, 0), (0,), (0,)]

    def test_a_planted_error_is_seen(self) -> None:
        values = batch((17, 33), np.float32)
        found = run(c_of("batch_norm"), values)
        found["dx"] = found["dx"] + np.float32(2e-6)
        with pytest.raises(AssertionError, match="dx"):
            assert_digits(values, found, 1.0)


class TestDigits:
    @pytest.mark.parametrize("name", CASES)
    def test_float32(self, name: str) -> None:
        values = case(name, np.float32)
        assert_digits(values, run(c_of("batch_norm"), values), 1.0)

    @pytest.mark.parametrize("name", ["normal", "variance near eps", "many rows", "two rows"])
    def test_float16(self, name: str) -> None:
        values = case(name, np.float16)
        assert_digits(values, run(c_of("batch_norm"), values), 1.0, least=1.0)  # small numbers have fewer digits

    @pytest.mark.parametrize("name", ["normal", "mean 1e4", "mean 1e6", "std 0.01", "variance near eps", "many rows"])
    def test_float64(self, name: str) -> None:
        values = case(name, np.float64)
        assert_digits(values, run(c_of("batch_norm"), values), 11.0)

    def test_a_gradient_that_cancels(self) -> None:
        values = cancelling(np.float32)
        assert_digits(values, run(c_of("batch_norm"), values), 1.0)

    @pytest.mark.parametrize("shape", [(4000, 8), (200, 3000)], ids=["blocks", "stripes"])
    def test_first_rows_that_are_no_guide_to_the_mean(self, shape: tuple[int, int]) -> None:
        values = batch(shape, np.float32)
        values["x"][:100] += np.float32(1e5)
        values["x"][100:] -= np.float32(1e5)
        assert_digits(values, run(c_of("batch_norm"), values), 1.0)

    def test_a_constant_column(self) -> None:
        values = batch((100, 3), np.float32)
        values["x"][:, 1] = 3e6
        found = run(c_of("batch_norm"), values)
        np.testing.assert_array_equal(found["y"][:, 1], np.full(100, values["beta"][1]))
        assert np.isfinite(found["dx"]).all()


    @pytest.mark.parametrize("flags", [(), ("-DNO_STREAM", "-O1", "-ftrapping-math")], ids=["several", "one"])
    def test_exp_to_the_last_digit(self, flags: tuple[str, ...]) -> None:
        graph = parse_layer("x: [N]\ny[n] = exp(x[n])\n", "exponentials")
        module = compile_c(Derivation(graph, vjp(graph), "staged", (), ()), flags=flags)
        x = np.array([*np.linspace(-745, 709, 5000), 0.0, 1e-300, -0.5, 0.34657, 0.34658])
        y, _ = module.forward(x)
        expected = np.exp(x.astype(np.longdouble))
        assert (abs(y - expected) <= 4 * 2.0**-53 * expected + 5e-324).all()
        beyond = np.array([800, 1e5, 1e300, np.inf, -800, -1e5, -1e300, -np.inf, np.nan])
        ends, _ = module.forward(np.tile(beyond, 3))
        np.testing.assert_array_equal(ends, np.tile([np.inf] * 4 + [0.0] * 4 + [np.nan], 3))


class TestThreads:
    @pytest.mark.parametrize("shape", [(3000, 100), (200, 3000), (40_000, 16)])
    def test_their_number_changes_nothing(self, shape: tuple[int, int]) -> None:
        module, values = c_of("batch_norm"), batch(shape, np.float32, 5.0)
        first = run(module, values, threads=1)
        for threads in (2, 3, None):
            for name, value in run(module, values, threads=threads).items():
                np.testing.assert_array_equal(value, first[name], err_msg=f"{name} in {threads} threads")

    @pytest.mark.parametrize("name", ["softmax", "attention", "layer_norm", "image_norm"])
    def test_each_has_its_own_scratch(self, name: str) -> None:
        derivation, module = derivation_for_c(name), c_of(name)
        values = draw(derivation, {**EXTENTS, "N": 700, "D": 200, "B": 200, "F": 300, "H": 30, "W": 20})
        inputs = [values[q.name] for q in derivation.forward.inputs]
        first = np.asarray(module.forward(*inputs, threads=1)[0])
        for _ in range(3):
            np.testing.assert_array_equal(module.forward(*inputs, threads=3)[0], first)

    @pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
    def test_a_number_that_is_none(self, threads: Any) -> None:
        with pytest.raises(ValueError, match="threads: expected a number of at least 1"):
            run(c_of("batch_norm"), batch((4, 3), np.float32), threads=threads)


class TestContract:
    @pytest.mark.parametrize("shape", [(600, 300), (200, 3000)], ids=["blocks", "stripes"])
    def test_nan_and_infinity_stay_in_their_column(self, shape: tuple[int, int]) -> None:
        module, values = c_of("batch_norm"), batch(shape, np.float32)
        clean = run(module, values)
        for bad in (np.nan, np.inf, -np.inf):
            values["x"][3, 5] = values["dy"][4, 7] = bad
            found = run(module, values)
            others = [j for j in range(shape[1]) if j not in (5, 7)]
            for name, value in found.items():
                np.testing.assert_array_equal(value[..., others], clean[name][..., others], err_msg=name)
            assert np.isnan(found["y"][:, 5]).all()
            assert not np.isfinite(found["dgamma"][7])

    @pytest.mark.parametrize("place", [0, 3, 50, 99])
    def test_a_maximum_keeps_nan(self, place: int) -> None:
        derivation = derivation_for_c("softmax")
        values = draw(derivation, {**EXTENTS, "D": 100})
        values["x"][1, place] = np.nan
        p = call(c_of("softmax"), derivation, values)["p"]
        assert np.isnan(p[1]).all()
        assert np.isfinite(p[[0, 2]]).all()

    def test_a_maximum_of_infinities(self) -> None:
        forward = c_of("max_pool").forward
        x = np.full((1, 2, 40), -np.inf)
        x[0, 1, 17] = np.inf
        np.testing.assert_array_equal(forward(x)[0], [[-np.inf, np.inf]])

    def test_results_go_to_out_and_arguments_are_left_alone(self) -> None:
        module, values = c_of("batch_norm"), batch((40, 30), np.float32)
        before = {name: value.copy() for name, value in values.items()}
        for value in values.values():
            value.flags.writeable = False
        expected = run(module, values)
        dx, dgamma = np.empty_like(values["x"]), np.empty((30,), np.float32)
        _, residuals = module.forward(values["x"], values["gamma"], values["beta"])
        results = module.backward(values["dy"], residuals, out=(dx, dgamma, None))
        assert results[0] is dx
        assert results[1] is dgamma
        np.testing.assert_array_equal(dx, expected["dx"])
        for name, value in values.items():
            np.testing.assert_array_equal(value, before[name])

    def test_conditions_and_shapes_are_checked(self) -> None:
        module, values = c_of("batch_norm"), batch((4, 3), np.float32)
        with pytest.raises(ValueError, match="eps: expected eps > 0"):
            module.forward(values["x"], values["gamma"], values["beta"], eps=0.0)
        with pytest.raises(ValueError, match="gamma: expected shape"):
            module.forward(values["x"], values["gamma"][:2], values["beta"])
        with pytest.raises(TypeError, match="beta: expected float32"):
            module.forward(values["x"], values["gamma"], values["beta"].astype(float))


def graph_derivation(text: str, name: str = "own") -> Derivation:
    graph = parse_layer(text, name)
    return Derivation(graph, vjp(graph), "staged", (), ())


class TestText:
    @pytest.mark.parametrize("name", layer_names())
    def test_no_warnings_of_shipped_layers(self, name: str, tmp_path: Path) -> None:
        done = compile_text(c_text(name), tmp_path, *STRICT, "-fopenmp", "-O1")
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("name", LAYERS)
    def test_no_warnings_of_own_layers(self, name: str, tmp_path: Path) -> None:
        done = compile_text(c_text(name), tmp_path, *STRICT, "-DREAL=double", "-fopenmp")
        assert (done.returncode, done.stderr) == (0, "")

    def test_what_two_loops_of_one_function_need_is_defined_once(self, tmp_path: Path) -> None:
        text = """
        x: [K, K]
        a: [K, D]
        b: [N]
        m: output
        m = mean(x[j, k] for j in K for k in K)
        v = mean((x[j, k] - m)**2 for j in K for k in K)
        w[p, q] = m*m*mean(a[p, d] for d in D)*mean(a[q, d] for d in D)
        y[n, d] = (3*v - b[n]*max(w[p, p] for p in K))*mean(a[p, d] for p in K)
        """
        (derivation,) = derivations_for_code(parse_layer(textwrap.dedent(text), "twice"), CODE_FORM)
        done = compile_text(module_text(derivation), tmp_path, *STRICT)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("flags", [("-fopenmp", "-DNO_STREAM"), (), ("-DNO_STREAM", "-O3"), ("-std=gnu17",)])
    def test_no_warnings_with_other_choices(self, flags: tuple[str, ...], tmp_path: Path) -> None:
        for name in ("batch_norm", "softmax"):
            done = compile_text(c_text(name), tmp_path, *STRICT, *flags)
            assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
    @pytest.mark.parametrize("name", ["batch_norm", "softmax", "attention"])
    def test_no_warnings_of_clang(self, name: str, tmp_path: Path) -> None:
        done = compile_text(c_text(name), tmp_path, "-std=c99", "-Wall", "-Wextra", "-Werror", compiler="clang")
        assert (done.returncode, done.stderr) == (0, "")

    def test_fast_math_is_refused(self, tmp_path: Path) -> None:
        done = compile_text(c_text("batch_norm"), tmp_path, "-O3", "-ffast-math")
        assert done.returncode != 0
        assert "compile without -ffast-math" in done.stderr

    def test_without_openmp_and_streams_the_bits_are_those_of_one_thread(self, tmp_path: Path) -> None:
        values = batch((3000, 100), np.float32, 5.0)
        expected = run(c_of("batch_norm"), values, threads=1)
        found = run(compile_c(derivation_for_c("batch_norm"), tmp_path, ("-fno-openmp", "-DNO_STREAM")), values)
        for name, value in found.items():
            np.testing.assert_array_equal(value, expected[name])

    def test_names_that_mean_something_in_c(self) -> None:
        text = "double: [long, short]\nint_: [short]\nREAL: []\nI: []\n"
        text += "free[register] = mean(double[auto, register] for auto in long)\n"
        text += "size[register, t] = int_[register]*double[t, register]*REAL\n"
        text += "void[auto, register] = exp(double[auto, register] - free[register])*I + larger[register]\n"
        text += "larger[register] = int_[register]*sum(size[register, t]**2 for t in long)\n"
        derivation = graph_derivation(text)
        values = draw(derivation, {"long": 4, "short": 3})
        assert_close(call(compile_c(derivation), derivation, values), truth(derivation, values), 1e-12)

    def test_no_name_is_one_of_c(self) -> None:
        taken = {*reserved_names(), "int_", "M_PI", "_Bool", "__x", "forward_1", "INT8_MAX", "x", "γ"}
        name = c_names(taken)
        found = [name(one) for one in sorted(taken)]
        assert len(set(found)) == len(taken)
        assert not set(found) & {*reserved_names(), "M_PI", "_Bool", "__x", "forward_1", "INT8_MAX"}
        assert (name("x"), name("γ"), name("int"), name("int_")) == ("x", "γ", "int__", "int_")

    @pytest.mark.parametrize("name", LAYERS)
    def test_the_lines_are_short(self, name: str) -> None:
        assert max(map(len, c_text(name).splitlines())) <= 120

    def test_what_an_author_writes_stays_in_the_comment(self, tmp_path: Path) -> None:
        graph = parse_layer("x: [N]\ny[i] = 2*x[i]")
        poison = "*/ int main(void) { return 1; } /* \\\n??/"
        graph = type(graph)("my layer-2", poison, graph.quantities, graph.equations, graph.facts, graph.outputs)
        text = module_text(Derivation(graph, vjp(graph), "staged", (), ()))
        done = compile_text(text, tmp_path, *STRICT)
        assert (done.returncode, done.stderr) == (0, "")
        assert "int my_layer_2_forward(" in text
        assert in_comment("a */ b").count("*/") == 1

    def test_each_equation_is_said_once_in_a_stage(self) -> None:
        stage = re.search(r"static void backward_4\(.*?\n}\n", c_text("batch_norm"), re.DOTALL)
        assert stage is not None
        assert "const real *restrict x" in stage[0]
        assert stage[0].count("// dx[i, j] = ") == 1
        assert "dx_at[j - chunk] = (real)(" in stage[0]

    def test_both_functions_have_what_is_saved_in_the_same_order(self) -> None:
        assert ", double *mu, double *mu_rest, double *var, int threads)" in re.sub(r"\s+", " ", c_text("batch_norm"))
        assert "const double *mu, const double *mu_rest, const double *var" in re.sub(r"\s+", " ", c_text("batch_norm"))

    def test_several_elements_at_once_where_no_function_takes_one_alone(self) -> None:
        lines = c_text("softmax").splitlines()
        pragmas = [line.strip() for line in lines if "omp simd" in line]
        assert pragmas == [
            "#pragma omp simd reduction(max:m_i) reduction(|:m_i_nan)",
            "#pragma omp simd reduction(+:p_sum_i)",
            "#pragma omp simd reduction(+:dx_sum_i)",
        ]
        graph = parse_layer("x: [N, C]\ny[n] = sum(log(x[n, c]) for c in C)\n", "logarithms")
        text = module_text(Derivation(graph, vjp(graph), "staged", (), ()))
        assert "+= log(" in text
        assert "omp simd" not in text

    def test_rows_are_read_in_order(self) -> None:
        # gcc's unroll and jam would read two rows at once in passes that add rows up, at half the speed.
        assert c_text("batch_norm").count("        keep_order();\n") == 2
        assert "keep_order" not in c_text("softmax")

    def test_the_text_does_not_depend_on_the_hash_seed(self) -> None:
        assert same_under_hash_seeds("c").count("_forward(") == len(LAYERS)

    def test_what_is_compiled_is_found_again(self, tmp_path: Path) -> None:
        values = batch((4, 3), np.float32)
        times = set()
        for _ in range(2):
            run(compile_c(derivation_for_c("batch_norm"), tmp_path, ("-O0",)), values)
            (built,) = tmp_path.iterdir()
            times.add(built.stat().st_mtime_ns)
        assert len(times) == 1


MAIN = r"""
#include <stdio.h>

int main(void)
{
    static real x[%(size)d], dy[%(size)d], y[%(size)d], dx[%(size)d], gamma_[64], beta[64], dgamma[64], dbeta[64];
    static double mu[64], mu_rest[64], var[64];
    const int64_t shapes[][2] = {{1, 1}, {1, 5}, {3, 1}, {17, 33}, {3000, 37}};
    for (int shape = 0; shape < 5; shape++) {
        const int64_t N = shapes[shape][0], D = shapes[shape][1];
        for (int64_t k = 0; k < N * D; k++) {
            x[k] = (real)(k %% 7), dy[k] = (real)(k %% 5);
        }
        for (int64_t j = 0; j < D; j++) {
            gamma_[j] = 2, beta[j] = 1;
        }
        if (batch_norm_forward(N, D, x, gamma_, beta, 1e-5, y, mu, mu_rest, var, 2)
            || batch_norm_backward(N, D, dy, x, gamma_, 1e-5, mu, mu_rest, var, dx, dgamma, dbeta, 2)) {
            return 1;
        }
    }
    printf("%%.9g %%.9g %%.9g %%.9g\n", (double)y[7], (double)dx[7], (double)dgamma[1], (double)dbeta[0]);
    return 0;
}
"""


@pytest.mark.parametrize("flags", [(), (STREAMED,), (STREAMED, "-DREAL=double", "-fopenmp")], ids=str)
def test_no_undefined_behavior(flags: tuple[str, ...], tmp_path: Path) -> None:
    """A program in C that calls both functions, with the sanitizers looking on."""
    done = compile_text("int main(void) { return 0; }", tmp_path, "-fsanitize=address,undefined")
    program = tmp_path / "program"
    link = ["gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    if done.returncode or subprocess.run([*link, str(tmp_path / "out.o"), "-o", str(program)], check=False).returncode:
        pytest.skip("the sanitizers are not installed")
    source = tmp_path / "program.c"
    source.write_text(c_text("batch_norm") + MAIN % {"size": 3000 * 37}, encoding="utf-8")
    subprocess.run([*link, "-g", "-O1", *flags, str(source), "-o", str(program), "-lm"], check=True)
    ran = subprocess.run([str(program)], capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "2"})
    assert (ran.returncode, ran.stderr) == (0, "")
    k = np.arange(3000 * 37).reshape(3000, 37)
    values = {"x": k % 7, "dy": k % 5, "gamma": np.full(37, 2), "beta": np.ones(37)}
    expected = run(c_of("batch_norm"), {name: value.astype(float) for name, value in values.items()})
    places = [expected["y"][0, 7], expected["dx"][0, 7], expected["dgamma"][1], expected["dbeta"][0]]
    np.testing.assert_allclose([float(text) for text in ran.stdout.split()], places, rtol=1e-6)
