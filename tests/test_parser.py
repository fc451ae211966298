"""The layer grammar: what it means, and what every mistake is answered with."""


import pytest
import sympy
from lines import parse_equations
from sympy import Abs, Integer, Mul, Pow, Rational, Sum
from time_limits import within

from derive import functions
from derive.errors import LayerError
from derive.graph import Equation, Fact, Graph, Index, Quantity, extent_symbol, index_symbol, reference
from derive.layers import layer_names, read_layer
from derive.parser import parse_layer

N, D = extent_symbol("N"), extent_symbol("D")
i, j, k = index_symbol("i"), index_symbol("j"), index_symbol("k")
X = "x: [N, D]\n"


def x(*indices):
    return reference("x", indices)


def expression(text, inputs="x: [N, D]\nw: [D]\ns: []\n"):
    """The right side of the last equation in `text`."""
    return parse_layer(inputs + text).equations[-1].expression


def shapes(graph: Graph) -> dict[str, str]:
    return {q.name: ", ".join(f"{index.name}:{index.extent}" for index in q.indices) for q in graph.quantities}


def error(text: str) -> LayerError:
    with pytest.raises(LayerError) as caught:
        parse_layer(text, file="f.layer")
    return caught.value


class TestLayer:
    def test_batch_norm(self):
        graph = parse_layer(*[getattr(read_layer("batch_norm"), part) for part in ("text", "name", "file")])
        assert graph.name == "batch_norm"
        assert graph.description.startswith("Batch normalization, training mode.\n\nIoffe & Szegedy (2015)")
        assert shapes(graph) == {
            "x": "i:N, j:D", "gamma": "j:D", "beta": "j:D", "eps": "",
            "mu": "j:D", "var": "j:D", "xhat": "i:N, j:D", "y": "i:N, j:D",
        }  # fmt: skip
        eps, mu, var = reference("eps"), reference("mu", [j]), reference("var", [j])
        assert [e.expression for e in graph.equations] == [
            Sum(x(i, j), (i, 1, N)) / N,
            Sum((x(i, j) - mu) ** 2, (i, 1, N)) / N,
            (x(i, j) - mu) * Pow(var + eps, Rational(-1, 2)),
            reference("gamma", [j]) * reference("xhat", [i, j]) + reference("beta", [j]),
        ]
        assert graph.by_name["eps"].role == "constant"
        assert graph.by_name["eps"].default == Rational(1, 100000)
        assert graph.by_name["x"].role == "input"
        assert graph.by_name["mu"].role == "intermediate"
        assert graph.differentiable == ("x", "gamma", "beta")
        assert graph.facts == (Fact(eps, ">", Integer(0)),)
        assert graph.outputs == ("y",)
        assert graph.source == read_layer("batch_norm").text

    def test_every_built_in_layer_parses(self):
        for name in layer_names():
            assert parse_layer(read_layer(name).text, name).name == name

    def test_equations_in_any_order_come_out_in_the_order_of_use(self):
        graph = parse_layer("y[i] = b[i]*a\nb[i] = a + x[i]\nc = 2*a\na = sum(x[i] for i in N)\nx: [N]")
        assert [e.name for e in graph.equations] == ["a", "b", "y", "c"]
        assert [e.line for e in graph.equations] == [4, 2, 1, 3]
        assert graph.outputs == ("y", "c")

    def test_a_declared_output_is_one_though_it_is_used(self):
        text = X + "m[j] = mean(x[i, j] for i in N)\ny[i, j] = x[i, j] - m[j]\n"
        assert parse_layer(text).outputs == ("y",)
        assert parse_layer(text + "m: output\n").outputs == ("m", "y")
        assert parse_layer(text + "y: output\n").outputs == ("y",)

    def test_a_declared_intermediate_is_no_output_though_nothing_uses_it(self):
        text = X + "s[i] = sum(x[i, j]**2 for j in D)\np[i, j] = x[i, j]/s[i]\ny[i] = sqrt(s[i])\n"
        assert parse_layer(text).outputs == ("p", "y")
        graph = parse_layer(text + "p: intermediate\n")
        assert graph.outputs == ("y",)
        assert [e.name for e in graph.equations] == ["s", "p", "y"]
        assert graph.by_name["p"].role == "intermediate"
        assert graph.uses == {"x": ("s",), "s": ("y",), "p": (), "y": ()}

    def test_a_declared_intermediate_that_is_used_is_what_it_is_anyway(self):
        text = X + "s[i] = sum(x[i, j]**2 for j in D)\ny[i] = sqrt(s[i])\n"
        assert parse_layer(text + "s: intermediate\n") == parse_layer(text)

    def test_latex_names(self):
        graph = parse_layer(X + 'x: r"X"\nv = sum(x[i, j]**2 for i in N for j in D)\nv: r"\\sigma^2"\nv: output')
        assert graph.by_name["v"].latex == r"\sigma^2"
        assert graph.by_name["x"].latex == "X"

    def test_constants(self):
        given = "x: [N]\nt: constant[N]\na: constant\nb: constant = 1/3\nc: constant = -0.25\n"
        graph = parse_layer(given + "y[i] = x[i]*t[i]")
        assert [(q.name, q.role, q.extents, q.default) for q in graph.inputs[1:]] == [
            ("t", "constant", ("N",), None),
            ("a", "constant", (), None),
            ("b", "constant", (), Rational(1, 3)),
            ("c", "constant", (), Rational(-1, 4)),
        ]

    def test_unicode_names_are_kept_after_nfkc(self):
        graph = parse_layer("x: [N]\nγ: []\nＡ: []\nx̂[i] = γ*x[i] + Ａ\n")
        assert list(graph.by_name) == ["x", "γ", "A", "x̂"]

    def test_line_ends_bom_and_tabs(self):
        text = '\ufeff"""Doc."""\r\nx: [N]\r\n\r\ny[i]\t=\t2*x[i]  # twice\r\n'
        assert parse_layer(text).equations == parse_layer("x: [N]\ny[i] = 2*x[i]").equations
        assert parse_layer(text).description == "Doc."

    def test_equations_over_several_lines(self):
        assert expression("y[i, j] = (x[i, j]\n  + w[j])") == expression("y[i, j] = x[i, j] + w[j]")


class TestIndices:
    def test_an_input_takes_its_letters_from_its_first_use(self):
        graph = parse_layer("y[n] = sum(x[n, c] for c in C)\nz[i, j] = x[i, j]\nx: [N, C]")
        assert shapes(graph) == {"x": "n:N, c:C", "y": "n:N", "z": "i:N, j:C"}

    def test_a_use_with_distinct_letters_is_preferred(self):
        graph = parse_layer("s: [N, N]\nL = mean(s[i, i] - log(sum(exp(s[i, k]) for k in N)) for i in N)")
        assert shapes(graph)["s"] == "i:N, k:N"

    def test_unused_and_diagonal_inputs_get_letters_that_collide_with_nothing(self):
        given = "x: [N]\nw: [N, D]\nv: [D, D]\ns: [M, M]\nj: []\n"
        graph = parse_layer(given + "L = sum(x[i] for i in N) + j*sum(s[m, m] for m in M)")
        assert shapes(graph) == {"x": "i:N", "w": "i:N, k:D", "v": "k:D, l:D", "s": "m:M, n:M", "j": "", "L": ""}

    def test_the_extent_of_a_left_index_may_come_from_another_equation(self):
        graph = parse_layer("x: [N]\ng: [D]\ny[i, j] = g[j]\nz[i, j] = y[i, j]*x[i]")
        assert shapes(graph)["y"] == "i:N, j:D"

    def test_an_index_may_run_over_another_extent_in_another_equation(self):
        graph = parse_layer("x: [N]\ng: [D]\ny[i] = x[i]\nz[i] = g[i]")
        assert shapes(graph) == {"x": "i:N", "g": "i:D", "y": "i:N", "z": "i:D"}

    def test_transposed(self):
        assert shapes(parse_layer(X + "y[j, i] = x[i, j]"))["y"] == "j:D, i:N"


class TestExpressions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sum(w[j] for j in D)", Sum(reference("w", [j]), (j, 1, D))),
            ("sum(x[i, j] for i in N for j in D)", Sum(x(i, j), (i, 1, N), (j, 1, D))),
            ("mean(x[i, j] for i in N for j in D)", Sum(x(i, j), (i, 1, N), (j, 1, D)) / N / D),
            ("max(x[i, j] for i in N for j in D)", functions.MaxOver(x(i, j), (i, 1, N), (j, 1, D))),
            ("prod(s for i in N)", functions.ProductOver(reference("s"), (i, 1, N))),
            ("s*N/(D - 1)", reference("s") * N / (D - 1)),
            ("s**N", reference("s") ** N),
            ("sqrt(s)", Pow(reference("s"), Rational(1, 2))),
            ("1/sqrt(s)", Pow(reference("s"), Rational(-1, 2))),
            ("+s - -s", 2 * reference("s")),
            ("-s**2", -(reference("s") ** 2)),
            ("(-s)**3", -(reference("s") ** 3)),
            ("2**3**2*s", 512 * reference("s")),
            ("s - s + s", reference("s")),
            ("2*(s + 1)", Mul(2, reference("s") + 1, evaluate=False)),
            ("-(s + 1)", Mul(-1, reference("s") + 1, evaluate=False)),
            ("0.1 + 0.2", Rational(3, 10)),
            ("1e-5*s", reference("s") / 100000),
            ("1_000.5e-1", Rational(10005, 100)),
            ("0x10", Integer(16)),
            ("pi*s", sympy.pi * reference("s")),
            ("log(exp(s))", sympy.log(sympy.exp(reference("s")), evaluate=False)),
            ("tanh(-s)", sympy.tanh(-reference("s"), evaluate=False)),
            ("log(1)", Integer(0)),
            ("abs(s)", Abs(reference("s"))),
            ("tanh(s) + erf(s)", sympy.tanh(reference("s")) + sympy.erf(reference("s"))),
            ("sin(s)*cos(s)", sympy.sin(reference("s")) * sympy.cos(reference("s"))),
            ("sign(s)", sympy.sign(reference("s"))),
            ("relu(s)", functions.relu(reference("s"))),
            ("sigmoid(s) + softplus(s)", functions.sigmoid(reference("s")) + functions.softplus(reference("s"))),
            ("log1p(s)", functions.log1p(reference("s"))),
            ("maximum(s, 0)", functions.maximum(reference("s"), Integer(0))),
            ("minimum(0, s)", functions.minimum(Integer(0), reference("s"))),
            ("where(s > 0, s, 1)", functions.where(reference("s") > 0, reference("s"), Integer(1))),
            ("where(s != 1, s, 1)", functions.where(sympy.Ne(reference("s"), 1), reference("s"), Integer(1))),
            ("where(1 > 0, s, 1)", reference("s")),
            ("where(exp(s) <= 0, s, 1)", Integer(1)),
        ],
    )
    def test_scalar(self, text, expected):
        assert expression(f"y = {text}") == expected

    def test_a_product_is_built_whole(self):
        """2*(a + b)*c keeps its bracket wherever the 2 stands."""
        s, t = reference("s"), reference("t")
        expected = Mul(2, s, s + t)
        for text in ("2*(s + t)*s", "(s + t)*2*s", "s*(2*(s + t))", "s/(1/2/(s + t))", "-(s + t)*s*-2"):
            assert expression(f"y = {text}", "s: []\nt: []\n") == expected
        assert expression("y = s/(2*(s + t))", "s: []\nt: []\n") == Mul(Rational(1, 2), s, Pow(s + t, -1))

    def test_delta_and_diagonals(self):
        assert expression("y[i, k] = s[i, i]*delta(i, k)", "s: [N, N]\n") == Mul(
            reference("s", [i, i]), functions.delta(i, k)
        )

    def test_a_bound_index_may_be_bound_again_beside_its_reduction(self):
        text = "y[j] = mean(x[i, j] for i in N)*max(x[i, j] for i in N)"
        assert expression(text) == Sum(x(i, j), (i, 1, N)) / N * functions.MaxOver(x(i, j), (i, 1, N))


class TestFacts:
    def facts(self, text):
        inputs = "x: [N, D]\nw: [D]\nt: constant[N, D]\ns: []\ny[i, j] = x[i, j]*w[j] + s*t[i, j]\n"
        return parse_layer(inputs + text).facts

    def test_bounds(self):
        s, w = reference("s"), reference("w", [j])
        assert self.facts("assert s > 0") == (Fact(s, ">", Integer(0)),)
        assert self.facts("assert 0 < s < 1") == (Fact(Integer(0), "<", s), Fact(s, "<", Integer(1)))
        assert self.facts("assert w > 0") == (Fact(w, ">", Integer(0), (Index("j", "D"),)),)
        assert self.facts("assert w[k] != 0") == (Fact(reference("w", [k]), "!=", Integer(0), (Index("k", "D"),)),)
        assert self.facts("assert N > 1") == (Fact(N, ">", Integer(1)),)
        assert self.facts("assert N >= 2*D") == (Fact(N, ">=", 2 * D),)

    def test_two_arrays_are_compared_element_by_element(self):
        i_n, j_d = Index("i", "N"), Index("j", "D")
        expected = Fact(reference("x", [i, j]), "<=", reference("t", [i, j]), (i_n, j_d))
        assert self.facts("assert x <= t") == (expected,)

    def test_sums_of_a_constant(self):
        left = Sum(reference("t", [index_symbol("n"), k]), (k, 1, D))
        assert self.facts("assert sum(t[n, k] for k in D) == 1") == (Fact(left, "==", Integer(1), (Index("n", "N"),)),)

    def test_lines(self):
        assert [fact.line for fact in self.facts("assert s > 0\n\nassert 0 < s < 1")] == [6, 8, 8]


# (text, a part of the message, line, column counted from 1)
MISTAKES = [
    ("", "the layer is empty", 1, 1),
    ('"""Only a description."""\n', "the layer is empty", 1, 1),
    (X, "the layer has no equation", 1, 1),
    ("y = pi", "the layer has no input", 1, 1),
    ("t: constant[N]\ny[i] = t[i]", "the layer has no input", 2, 1),
    # indices and extents
    (X + "y[i, j] = x[i, k]", "index k is neither on the left nor bound", 2, 16),
    (X + "y[i, j] = x[j, i] + x[i, j]", "index i runs over two extents, D and N", 2, 23),
    ("g: [D]\n" + X + "y[i] = g[i] + sum(x[i, j] for j in D)", "index i runs over two extents, D and N", 3, 21),
    (X + "a[i] = sum(x[i, j] for j in D)\nb[j] = a[j] + sum(x[i, j] for i in N)", "two extents, N and D", 3, 24),
    (X + "y[i, j] = x[i, j]*delta(i, j)", "index j runs over two extents, D and N", 2, 28),
    (X + "y[i] = pi", "nothing fixes the extent of index i of y", 2, 3),
    (X + "y[i] = sum(x[i, j] for j in M)", "nothing fixes the extent M", 2, 29),
    (X + "y[i, j] = x[i, j] + sum(x[i, j] for j in D)", "index j is in use already: it is free here", 2, 37),
    (X + "y[i] = sum(sum(x[i, j] for j in D) for j in D)", "index j is in use already: it is bound here", 2, 28),
    (X + "y = sum(x[i, i] for i in N for i in D)", "index i is in use already", 2, 32),
    (X + "y[i, j] = x[i]", "x has 2 indices, not 1", 2, 11),
    (X + "y[i, j] = x", "x has 2 indices, not 0", 2, 11),
    ("s: []\ny = s[i]", "s has no indices, not 1", 2, 5),
    (X + "y[i, i] = x[i, i]", "index i stands on the left twice", 2, 6),
    (X + "y[i, 1] = x[i, 1]", "an index on the left is a plain name", 2, 6),
    (X + "y[i, j] = i*x[i, j]", "index i is not a number", 2, 11),
    (X + "y[i, j] = x[i, j + 1]", "an index is a plain name", 2, 16),
    (X + "y[i, j] = x[:, j]", "a slice is not in the grammar", 2, 13),
    (X + "y[i, j] = x[1, j]", "a number as an index is not in the grammar of a layer", 2, 13),
    (X + "y[i, j] = x[i, N]", "N is an extent, not an index", 2, 16),
    ("x: [N, 3]\ny = 1", "an extent is a name, not a number", 1, 8),
    ("x: [N + 1]\ny = 1", "an extent is a plain name", 1, 5),
    (X + "y[i, j] = x[2*i, j]", "an index expression is not in the grammar: an index is a plain name", 2, 13),
    (X + "y[i, j] = x[N - i, j]", "an index expression is not in the grammar", 2, 13),
    (X + "y[i, j] = x[-1, j]", "an index expression is not in the grammar", 2, 13),
    (X + "y[i, j] = x[i//2, j]", "an index expression is not in the grammar", 2, 13),
    (X + "y[i, j] = x[i % 2, j]", "an index expression is not in the grammar", 2, 13),
    (X + "y[i, j] = x[abs(i), j]", "an index expression is not in the grammar", 2, 13),
    (X + "y[i + 1, j] = x[i, j]", "an index on the left is a plain name", 2, 3),
    ("t: constant[M]\n" + X + "y[m, j] = x[t[m], j]", "a gather is not in the grammar", 3, 13),
    (X + "y[i, j] = x[[i], j]", "a list of indices is not in the grammar", 2, 13),
    (X + "y[i, j] = x[..., j]", "an index is a plain name", 2, 13),
    (X + "y[i, j] = x[None, j]", "an index is a plain name", 2, 13),
    (X + "y = sum(x[i, ] for i in N)", "x has 2 indices, not 1", 2, 9),
    (X + "y[i, j] = x[i, j]*delta(i, k + 1)", "delta compares two indices", 2, 28),
    (X + "y[i, j] = x[i, j]*delta(i, 1)", "a number as an index", 2, 28),
    (X + "y[i, j] = where(i < j, x[i, j], 0)", "index i is not a number", 2, 17),
    (X + "y[i, j] = x[i, j]**i", "index i is not a number", 2, 20),
    (X + "y[i] = sum(x[i, j] for j in D[i])", "an index runs over an extent, over all of it", 2, 29),
    (X + "y[i] = sum(x[i, j] for j in range(i))", "an index runs over an extent, over all of it", 2, 29),
    (X + "y[i] = sum(x[i, j] for j in D - 1)", "an index runs over an extent, over all of it", 2, 29),
    (X + "y[i] = sum(x[i, j] for j in 5)", "an index runs over an extent, over all of it", 2, 29),
    (X + "y[i] = sum(x[i, j] for j in i)", "i is an index, not an extent", 2, 29),
    # names
    (X + "y[i, j] = floor(x[i, j])", "unknown function floor", 2, 11),
    (X + "y[i, j] = argmax(x[i, k] for k in D)", "unknown function argmax", 2, 11),
    (X + "y[i, j] = \u0445[i, j]", "x and \u0445 are two names that look the same (U+0078, U+0445)", 2, 11),
    (X + "y[\u0456, j] = x[i, j]", "look the same (U+0456, U+0069)", 2, 13),
    (X + "class: [N]\ny[i, j] = x[i, j]", "class is a word of Python", 2, 1),
    (X + "if: constant\ny[i, j] = x[i, j]", "if is a word of Python", 2, 1),
    (X + "in[i] = x[i, i]", "in is a word of Python", 2, 1),
    (X + "y[i, j] = xx[i, j]", "unknown name xx", 2, 11),
    (X + "y[i, j] = foo(x[i, j])", "unknown function foo", 2, 11),
    (X + "y[i, j] = x(i, j)", "x is an input and cannot be called", 2, 11),
    (X + "y[i, j] = sqrt", "sqrt is a function", 2, 11),
    (X + "y = pi\ny = 2", "y is given twice", 3, 1),
    (X + "x = 1", "x is given twice", 2, 1),
    (X + "N: []\ny = N", "N is an input here and an extent elsewhere", 2, 1),
    (X + "y[N] = 1", "N is an index here and an extent elsewhere", 2, 3),
    (X + "y[i] = sum(x[i, x] for x in D)", "x is an index here and an input elsewhere", 2, 24),
    (X + "i: []\ny[i, j] = x[i, j]", "i is an index here and an input elsewhere", 3, 3),
    (X + "sum = 1", "sum is a function of the grammar", 2, 1),
    (X + "constant = 1", "constant is a word of the grammar", 2, 1),
    (X + "out[i, j] = x[i, j]", "out is a word that generated code needs", 2, 1),
    ("Array: []\ny = Array", "Array is a word that generated code needs", 1, 1),
    ("x: [N]\nAny[i] = x[i]", "Any is a word that generated code needs", 2, 1),
    ("xp: []\ny = xp", "xp is a word that generated code needs", 1, 1),
    ("x: [jnp]\ny[i] = x[i]", "jnp is a word that generated code needs", 1, 5),
    ("np: []\ny = np", "np is a word that generated code needs", 1, 1),
    ("x: [threads]\ny[i] = x[i]", "threads is a word that generated code needs", 1, 5),
    ("residuals: []\ny = residuals", "residuals is a word that generated code needs", 1, 1),
    ("x: []\ndouble_backward = x", "double_backward is a word that generated code needs", 2, 1),
    (X + "dy: []\ny = dy", "dy is the name of the cotangent of y", 2, 1),
    (X + "dx_via_y = pi", "dx_via_y is a name that a derivation gives", 2, 1),
    ("a: []\nb_wrt_a: []\ny = a", "_wrt_", 2, 1),
    ("_x: []\ny = _x", "begins with an underscore", 1, 1),
    ("ef: []\nb = ef", "the cotangent of ef would be called def", 1, 1),
    ("µ: []\ny = μ", "two spellings of one name (U+00B5, U+03BC)", 2, 5),
    ("lambda: []\ny = 1", "lambda is a word of Python", 1, 1),
    (X + "y[i, j] = 2*lambda*x[i, j]", "lambda is a word of Python", 2, 13),
    # the graph
    (X + "y[i, j] = z[i, j]\nz[i, j] = y[i, j]", "cycle: y needs z needs y", 2, 1),
    (X + "y = y - y", "cycle: y needs y", 2, 1),
    (X + "y = pi\nq: output", "q is no quantity of this layer", 3, 1),
    (X + "y = pi\nx: output", "x is given, and cannot be an output", 3, 1),
    (X + "y = pi\ny: output\ny: output", "said of y twice", 4, 1),
    (X + "y = pi\ny: intermediate", "the layer has no output", 3, 1),
    (X + "y = pi\nx: intermediate", "x is given, and cannot be an intermediate", 3, 1),
    (X + "y = pi\nq: intermediate", "q is no quantity of this layer", 3, 1),
    (X + "p = pi\ny = pi\np: intermediate\np: intermediate", "said of p twice", 5, 1),
    (X + "p = pi\ny = pi\np: intermediate\np: output", "p is declared an output and an intermediate", 5, 1),
    (X + "p = pi\ny = pi\np: output\np: intermediate", "p is declared an output and an intermediate", 5, 1),
    ("intermediate: []\ny = pi", "intermediate is a word of the grammar", 1, 1),
    (X + "p: intermediat\ny = pi", "`intermediat` does not say what the name is", 2, 4),
    # declarations and LaTeX names
    ("x: float\ny = 1", "`float` does not say what the name is", 1, 4),
    ("x: [] = 3\ny = 1", "only a constant has a default", 1, 9),
    ("x: constant[N] = 3\ny = 1", "only a scalar has a default", 1, 18),
    ("x: []\nc: constant = pi\ny = x", "a default is an exact number", 2, 15),
    (X + 'y = pi\ny: "\\beta"', "control character in a LaTeX name", 3, 4),
    (X + 'y = pi\ny: r"\\mathrm{y"', "not closed in itself", 3, 4),
    (X + 'y = pi\ny: r"a$b"', "$ in a LaTeX name", 3, 4),
    (X + 'y = pi\ny: ""', "the LaTeX name is empty", 3, 4),
    ('"""A \beta."""\n' + X + "y = pi", "control character U+0008", 1, 6),
    ('"""A \\beta."""\n' + X + "y = pi", "control character in the description", 1, 1),
    (X + "y = pi; 'text'", "a text is out of place", 2, 9),
    # what is not in the grammar
    (X + "import numpy", "`import` is not in the grammar", 2, 1),
    (X + "for i in N: pass", "a `for` loop is not in the grammar", 2, 1),
    (X + "y[i, j] += x[i, j]", "not in the grammar", 2, 1),
    (X + "while N: pass", "While, a statement of Python", 2, 1),
    (X + "y = z = 1", "an equation has one left side", 2, 5),
    (X + "y, z = 1, 2", "the left side of an equation", 2, 1),
    (X + "x.y = 2", "the left side of an equation", 2, 1),
    (X + "x[i, j]", "an expression without a name", 2, 1),
    (X + "y == 2", "a comparison alone says nothing", 2, 1),
    (X + "y[i, j] = x.T[i, j]", "an attribute", 2, 11),
    (X + "y[i, j] = np.exp(x[i, j])", "an attribute", 2, 11),
    (X + "y[i, j] = x[i][j]", "only a name can have indices", 2, 11),
    (X + "y = (lambda: 1)()", "only a function of the grammar can be called", 2, 6),
    (X + "y[i] = sum(x[i, j] for j in D if N > 1)", "`if` in a reduction", 2, 34),
    (X + "y[i] = sum(x[i, j] for j in range(D))", "an index runs over an extent", 2, 29),
    (X + "y[i] = sum(x[i, j] for (i, j) in D)", "one index at a time", 2, 24),
    (X + "y[i] = sum(x, axis=1)", "a keyword argument", 2, 20),
    (X + "y[i] = sum(x[i, j])", "sum has no index to run over", 2, 8),
    (X + "y[i, j] = max(x[i, j], 0)", "max has no index to run over", 2, 11),
    (X + "y[i, j] = (x[k, j] for k in N)", "a range without its reduction", 2, 11),
    (X + "y[i, j] = x[i, j]^2", "the operator ^", 2, 11),
    (X + "y[i, j] = x[i, j] > 0", "a comparison is not in the grammar here", 2, 11),
    (X + "y[i, j] = x[i, j] if N > 1 else 0", "`if`/`else` is not in the grammar", 2, 11),
    (X + "y[i, j] = not x[i, j]", "this operator is not in the grammar", 2, 11),
    (X + "y[i, j] = where(x[i, j], 1, 0)", "the condition of where is one comparison", 2, 17),
    (X + "y[i, j] = where(0 < x[i, j] < 1, 1, 0)", "the condition of where is one comparison", 2, 17),
    (X + "y[i, j] = exp(x[i, j], 2)", "exp takes 1 value, not 2", 2, 11),
    (X + "y[i, j] = delta(i, 2*j)", "delta compares two indices", 2, 20),
    (X + "y = 'x'", "a string is not a real number", 2, 5),
    (X + "y = True", "True is not a real number", 2, 5),
    (X + "y = 1j", "1j is not a real number", 2, 5),
    # Python's own refusals
    ("x, w: [N]\ny[i] = x[i]", "only single target", 1, 1),
    (X + "y[i, j] = x[i, j] − 1", "invalid character '−'", 2, 19),
    (X + "y[i, j] = x[i, j] ≤ 1", "invalid character '≤'", 2, 19),
    (X + "y[i, j] = x[i, j]\u00a0+ 1", "non-printable character U+00A0", 2, 18),
    (X + "y[i, j] = (x[i, j]", "was never closed", 2, 11),
    (X + "y[i, j] = x[i, j]²", "invalid character '²'", 2, 18),
    (X + "y[i, j] = 2x[i, j]", "invalid decimal literal", 2, 11),
    (X + "y[i, j] = x[i, j] x[i, j]", "not the syntax of a layer", 2, 19),
    (X + " y = 1", "unexpected indent", 2, 1),
    # characters, not bytes
    ("γγ: []\ny = γγ + ζ*2", "unknown name ζ", 2, 10),
    ("x: [N]\nξ[i] = x[i] + 'é'", "a string is not", 2, 15),
    # numbers
    (X + "y = 9**9**9", "exponent 9**9 is too large", 2, 8),
    (X + "y[i, j] = x[i, j]**101", "exponent 101 is too large", 2, 20),
    (X + "y = 1e400", "too large or too small", 2, 5),
    (X + "y = 1e-400", "too large or too small", 2, 5),
    (X + "y = 1e99999999999999999999", "too large or too small", 2, 5),
    (X + "y = 9" + "9" * 5000, "Exceeds the limit (4300", 2, 1),
    (X + "y = 0x" + "f" * 5000, "too large or too small", 2, 5),
    (X + "y = " + "*".join(["9**99"] * 14), "numbers are too long", 2, 5),
    (X + "y = (1e300)**99", "the number is too large", 2, 5),
    (X + "y = exp(exp(exp(exp(100))))", "the number is too large", 2, 13),
    (X + "y[i, j] = 1e-200*x[i, j]*1e-200", "too large or too small", 2, 11),
    (X + "y[i, j] = x[i, j]*1e200 + x[i, j]*1e200*1e200", "too large or too small", 2, 27),
    (X + "y = (1e-9)**99", "too large or too small", 2, 5),
    (X + "y = sqrt(-1)", "not a real number", 2, 5),
    (X + "y[i, j] = (-2)**x[i, j]", "the base -2 is not positive", 2, 12),
    (X + "y[i, j] = 0**x[i, j]", "the base 0 is not positive", 2, 11),
    (X + "y[i, j] = (1 - sqrt(2))**x[i, j]", "is not positive", 2, 12),
    (X + "y[i, j] = x[i, j]/0", "division by zero", 2, 19),
    (X + "y[i, j] = x[i, j]/(N - N)", "division by zero", 2, 20),
    (X + "y[i, j] = x[i, j]*log(0)", "no finite value", 2, 19),
    # facts
    (X + "y = pi\nassert 1 == 2", "about no quantity and no extent", 3, 8),
    (X + "y = pi\nassert x > 0, 'positive'", "a fact has no message", 3, 15),
    (X + "y = pi\nassert x", "a fact is a comparison", 3, 8),
    (X + "y = pi\nassert x > 0 and N > 1", "a fact is a comparison", 3, 8),
    (X + "y = pi\nassert x is N", "a fact compares two values", 3, 8),
    (X + "y = pi\nassert q > 0", "unknown name q", 3, 8),
    (X + "g: [D]\ny = pi\nassert x > g", "which elements of x are meant", 4, 8),
    (X + "y = pi\nassert x > x[i, j]", "which elements of x are meant", 3, 8),
    (X + "y = pi\nassert sum(x[i, j] for i in N) == x[i, j]", "bound in a reduction of this line and free", 3, 37),
    ("x: []\nc: constant = -1\ny = x + c\nassert c > 0", "the default c = -1 breaks this fact", 4, 8),
]


class TestMistakes:
    @pytest.mark.parametrize(("text", "fragment", "line", "column"), MISTAKES)
    def test_each_has_a_place_and_a_remedy(self, text, fragment, line, column):
        caught = error(text)
        assert fragment in caught.message
        assert caught.location is not None
        assert (caught.location.line, caught.location.column + 1) == (line, column)
        assert caught.hint
        assert f"f.layer:{line}:{column}: " in str(caught)

    def test_a_message_as_it_is_read(self):
        assert str(error("γ: []\ny = γ*gama")) == (
            "f.layer:2:7: unknown name gama\n"
            "    y = γ*gama\n"
            "          ^\n"
            "  help: declare it, `gama: []`, or give it an equation"
        )

    @pytest.mark.parametrize(
        ("line", "hint"),
        [
            ("y = X", "did you mean x?"),
            ("y[i, j] = relux(x[i, j])", "did you mean relu?"),
            ("y = min(x[i, j], 0)", "minimum(a, b)"),
            ("y[i, j] = x[i, j]^2", "**"),
            ("y[i] = sum([x[i, j] for j in D])", "leave out the square brackets"),
            ("y[i] = sum(x[i, j] for j in range(D))", "for j in D"),
            ("y[i] = sum[j](x[i, j])", "sum(x[i, j] for i in N)"),
            ("eps: constant[]", "eps: constant"),
            ("assert N = 2", "`==`"),
            ("y[i, j] = x[i + 1, j]", "S: constant[M, N]"),
            ("y[i, j] = x[t[i], j]", "S: constant[M, N]"),
            ("y[i, j] = where(i < j, x[i, j], 0)", "mask[i, k]"),
            ("y[i] = sum(x[i, j] for j in range(i))", "a constant mask"),
            ("y[i] = sum(x[i, j] for j in D - 1)", "for j in D;"),
            ("y[i, j] = round(x[i, j])", "constant between its jumps"),
            ("y[i, j] = cumsum(x[i, j])", "mask[i, k]"),
            ("y[i, j] = clip(x[i, j], 0, 1)", "minimum(maximum(x, a), b)"),
            ("y[i, j] = x[i, j] − 1", "a minus is written -"),
            ("y[i, j] = x[i, j]·2", "a product is written *"),
            ("y[i, j] = √x[i, j]", "sqrt(x)"),
            ("x, w: [N]", "a line of its own"),
            ("y = 'a", "close the string"),
            ("y[i, j] = x[i, j] x[i, j]", "`*`"),
        ],
    )
    def test_the_remedy_fits(self, line, hint):
        assert hint in error(X + line).hint

    @pytest.mark.parametrize(
        "right",
        [
            "+".join(["x[i]"] * 60_000),
            "+".join(["x[i]"] * 20_000),
            "-" * 60_000 + "x[i]",
            "**".join(["x[i]"] * 20_000),
            "(" * 250 + "x[i]" + ")" * 250,
            "exp(1 + " * 90 + "x[i]" + ")" * 90,
            "exp(" * 5000 + "x[i]" + ")" * 5000,
            "x" + "[i]" * 30_000,
            "x" + ".a" * 30_000,
            "x[i]*" + "*".join(["9**99"] * 900),
            "not " * 20_000 + "x[i]",
            "x[i] if x[i] else " * 5_000 + "0",
            "x[i]" + " < x[i]" * 10_000,
            "x[i]\n" * 2_000_000,
            "1" * 120_000,
        ],
        ids=lambda text: f"{text[:12]}...",
    )
    def test_hostile_texts_are_refused_at_once(self, right):
        with within(2):
            error(f"x: [N]\ny[i] = {right}")

    def test_long_honest_sums_are_read(self):
        terms = " + ".join(f"{n}*x[i]**{n % 90 + 1}" for n in range(400))
        assert len(expression(f"y[i] = {terms}", "x: [N]\n").args) == 90


@pytest.fixture
def known():
    graph = parse_layer(read_layer("batch_norm").text)
    dy = Quantity("dy", graph.by_name["y"].indices, "cotangent", of="y")
    return {**graph.by_name, "dy": dy}


class TestDerivation:
    def test_lines_define_names_for_the_lines_after_them(self, known):
        lines = parse_equations(
            "dxhat[i, j] = gamma[j]*dy[i, j]\n"
            "dvar[j] = sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N) * (-1/2)*(var[j] + eps)**(-3/2)\n",
            known,
        )
        dxhat = reference("dxhat", [i, j])
        mu, var, eps = reference("mu", [j]), reference("var", [j]), reference("eps")
        assert lines == (
            Equation("dxhat", (Index("i", "N"), Index("j", "D")), reference("gamma", [j]) * reference("dy", [i, j])),
            Equation(
                "dvar",
                (Index("j", "D"),),
                Rational(-1, 2) * Sum(dxhat * (x(i, j) - mu), (i, 1, N)) * Pow(var + eps, Rational(-3, 2)),
            ),
        )
        assert [line.line for line in lines] == [1, 2]

    def test_a_name_may_be_given_again(self, known):
        lines = parse_equations("dmu[j] = 0\ndmu[j] = sum(dy[i, j] for i in N)\nmu[j] = dmu[j]", known)
        assert [line.name for line in lines] == ["dmu", "dmu", "mu"]

    def test_a_letter_that_nothing_fixes_runs_over_what_it_runs_over_elsewhere(self, known):
        (line,) = parse_equations("ones[i, j] = 1", known)
        assert line == Equation("ones", (Index("i", "N"), Index("j", "D")), Integer(1))

    def test_facts(self, known):
        (fact,) = parse_equations("assert sum(x[i, j] - mu[j] for i in N) == 0", known)
        assert fact == Fact(Sum(x(i, j) - reference("mu", [j]), (i, 1, N)), "==", Integer(0), (Index("j", "D"),))

    def test_numbers_as_indices(self, known):
        one = Integer(1)
        lines = parse_equations("a[j] = x[1, j]*delta(j, 2)\ndy[1, j] = x[1, j]\nmu[1] = x[1, 1]/2 + x[2, 1]/2", known)
        assert lines[0] == Equation("a", (Index("j", "D"),), x(one, j) * functions.delta(j, Integer(2)))
        assert lines[1] == Fact(reference("dy", [one, j]), "==", x(one, j), (Index("j", "D"),))
        assert lines[2] == Fact(reference("mu", [one]), "==", (x(one, one) + x(Integer(2), one)) / 2)

    @pytest.mark.parametrize(
        ("text", "fragment", "column"),
        [
            ("z: [N]", "only equations and facts", 1),
            ("dq[q] = 1", "nothing fixes the extent of index q", 4),
            ("dx[i, j] = dy[j, i]", "two extents", 15),
            ("mu[i] = sum(x[i, j] for j in D)", "two extents", 15),
            ("mu[i, j] = x[i, j]", "mu has 1 index, not 2", 1),
            ("N[i] = 1", "N is an extent and has no indices", 1),
            ("a = x[0, 1]", "an index is a number from 1", 7),
            ("a[1] = 2", "unknown name a", 1),
            ("dmu[j] = sum(dz[i, j] for i in N)", "unknown name dz", 14),
            ("x[1, j] = x[i, j]", "the sum over i is missing", 13),
        ],
    )
    def test_mistakes(self, known, text, fragment, column):
        known = {**known, "dx": Quantity("dx", known["x"].indices, "cotangent")}
        with pytest.raises(LayerError) as caught:
            parse_equations(text, known)
        assert fragment in caught.value.message
        assert caught.value.location is not None
        assert caught.value.location.column + 1 == column
