"""What the functions of the layers that ship return: with weights and workers, with false facts, with huge numbers."""

import numpy as np
import pytest

from derive.pipeline import load
from derive.workshop import compile_layer


class TestWeights:
    def test_they_compute_what_one_worker_with_all_rows_would(self) -> None:
        rng = np.random.default_rng(0)
        counts, width = (4, 1, 2), 3
        gamma, beta = rng.normal(size=width), rng.normal(size=width)
        x, dy = rng.normal(size=(3, 4, width)), rng.normal(size=(3, 4, width))
        present = np.array([[row < count for row in range(4)] for count in counts])
        dy[~present] = 0.0  # nobody uses the rows that are not there
        workers, alone = compile_layer("sync_batch_norm"), compile_layer("batch_norm")
        y, residuals = workers.forward(x, present.astype(float), gamma, beta)
        expected, own = alone.forward(x[present], gamma, beta)
        np.testing.assert_allclose(y[present], expected, rtol=1e-13)
        for found, truth in zip(workers.backward(dy, residuals), alone.backward(dy[present], own), strict=True):
            found = found[present] if found.ndim == 3 else found
            np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-14)
        assert not workers.backward(dy, residuals)[0][~present].any()

    def test_a_masked_row_changes_nothing(self) -> None:
        rng = np.random.default_rng(1)
        x, gamma, beta = rng.normal(size=(6, 2)), rng.normal(size=2), rng.normal(size=2)
        w = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
        masked, plain = compile_layer("batch_norm_masked"), compile_layer("batch_norm")
        y, _ = masked.forward(x, w, gamma, beta)
        kept = w > 0
        np.testing.assert_allclose(y[kept], plain.forward(x[kept], gamma, beta)[0], rtol=1e-13)
        x[~kept] = 1000.0
        np.testing.assert_array_equal(masked.forward(x, w, gamma, beta)[0][kept], y[kept])

    @pytest.mark.parametrize("layer", ["batch_norm_masked", "sync_batch_norm"])
    def test_weights_of_nothing_are_refused(self, layer: str) -> None:
        module = compile_layer(layer)
        x = np.ones((2, 3, 4)) if layer == "sync_batch_norm" else np.ones((3, 4))
        with pytest.raises(ValueError, match="w"):
            module.forward(x, np.zeros(x.shape[:-1]), np.ones(4), np.ones(4))
        with pytest.raises(ValueError, match="w"):
            module.forward(x, -np.ones(x.shape[:-1]), np.ones(4), np.ones(4))


def test_a_false_fact_is_refused_unless_told_otherwise() -> None:
    module = compile_layer("softmax_cross_entropy")
    x, t = np.zeros((2, 3)), np.full((2, 3), 0.5)
    with pytest.raises(ValueError, match="t"):
        module.forward(x, t)
    module.forward(x, t, check=False)
    compile_layer("softmax_cross_entropy_soft").forward(x, t)


HUGE = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])


class TestNothingOverflows:
    """Logits of a thousand: finite and right, and no warning (a warning fails a test)."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_softmax(self, dtype: type) -> None:
        module = compile_layer("softmax")
        p, residuals = module.forward(HUGE.astype(dtype))
        np.testing.assert_allclose(p, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
        dx = module.backward(np.array([[1, 2, 3], [1, 2, 3]], dtype), residuals)
        np.testing.assert_allclose(dx, [[0, 0, 0], [-1 / 3, 0, 1 / 3]], rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_log_softmax(self, dtype: type) -> None:
        module = compile_layer("log_softmax")
        y, residuals = module.forward(HUGE.astype(dtype))
        np.testing.assert_allclose(y, [[0, -2000, -1000], [-np.log(3)] * 3], rtol=1e-6)
        dx = module.backward(np.array([[1, 2, 3], [1, 2, 3]], dtype), residuals)
        np.testing.assert_allclose(dx, [[-5, 2, 3], [-1, 0, 1]], rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("layer", ["softmax_cross_entropy", "softmax_cross_entropy_soft"])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_cross_entropy(self, layer: str, dtype: type) -> None:
        module = compile_layer(layer)
        t = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        loss, residuals = module.forward(HUGE.astype(dtype), t.astype(dtype))
        assert loss == pytest.approx((2000 + np.log(3)) / 2, rel=1e-6)
        dx = module.backward(2.0, residuals)
        np.testing.assert_allclose(dx, [[1, -1, 0], [1 / 3, 1 / 3, -2 / 3]], rtol=1e-6)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_binary_cross_entropy(self, dtype: type) -> None:
        module = compile_layer("sigmoid_binary_cross_entropy")
        x = np.array([[1000.0, 1000.0, -1000.0, -1000.0, 0.0]])
        t = np.array([[0.0, 1.0, 0.0, 1.0, 0.5]])
        loss, residuals = module.forward(x.astype(dtype), t.astype(dtype))
        assert loss == pytest.approx((1000 + 0 + 0 + 1000 + np.log(2)) / 5, rel=1e-6)
        np.testing.assert_allclose(module.backward(5.0, residuals), [[1, 0, 0, -1, 0]], atol=1e-7)

    def test_a_certain_and_right_answer_keeps_its_digits(self) -> None:
        """Far out the loss is exp(-x), not 0: nothing of it is lost in 1 + exp(-x)."""
        module = compile_layer("sigmoid_binary_cross_entropy")
        loss, residuals = module.forward(np.array([[50.0]]), np.array([[0.0]]))
        assert loss == 50.0
        loss, residuals = module.forward(np.array([[-50.0]]), np.array([[0.0]]))
        assert loss == pytest.approx(np.exp(-50.0), rel=1e-14)
        assert module.backward(1.0, residuals)[0, 0] == pytest.approx(np.exp(-50.0), rel=1e-14)

    @pytest.mark.parametrize("layer", ["attention", "perceptron", "lstm_cell", "gelu", "gelu_tanh", "silu"])
    def test_what_is_made_of_them(self, layer: str) -> None:
        graph, module = load(layer), compile_layer(layer)
        rng = np.random.default_rng(5)
        sizes = {extent: size for size, extent in enumerate(graph.extents, start=2)}
        inputs = {
            q.name: 1000 * rng.choice([-1.0, 1.0], size=[sizes[extent] for extent in q.extents]) for q in graph.inputs
        }
        if "t" in inputs:
            inputs["t"] = np.eye(sizes["C"])[rng.integers(sizes["C"], size=sizes["N"])]
        values, residuals = module.forward(**inputs)
        values = values if isinstance(values, tuple) else (values,)
        assert all(np.isfinite(value).all() for value in values)
        gradients = module.backward(values if len(values) > 1 else values[0], residuals)
        assert all(np.isfinite(g).all() for g in (gradients if isinstance(gradients, tuple) else (gradients,)))
