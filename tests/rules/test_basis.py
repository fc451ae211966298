"""Plain equations, the signs that follow from them, and the relations that they offer."""

from derive.graph import Graph
from derive.parser import parse_layer
from derive.pipeline import load
from derive.printing.grammar import expression_text
from derive.rules.basis import PlainEquation, Signs, centered_names, known_signs, plain_equations, relations, unfold
from derive.rules.normal_form import expression_of

BATCH_NORM = load("batch_norm")


def plain_of(text: str) -> list[PlainEquation]:
    return plain_equations(parse_layer(text))


def written(plain: list[PlainEquation]) -> list[str]:
    return [f"{expression_text(p.element)} = {expression_text(p.expression)}" for p in plain]


def signs_of(text: str) -> Signs:
    graph = parse_layer(text)
    return known_signs(graph, plain_equations(graph))


def offered(graph: Graph) -> dict[tuple[str, str], str]:
    """(older, newer): what the older one is, for every relation offered."""
    plain = plain_equations(graph)
    fixed = frozenset(q.name for q in graph.quantities if q.role == "constant")
    return {
        (r.older, r.newer): f"{expression_text(r.element)} = {expression_text(unfold(expression_of(r.value), plain))}"
        for r in relations(plain, known_signs(graph, plain), fixed)
    }


class TestPlainEquations:
    def test_a_hidden_quantity_is_shared_wherever_it_recurs(self) -> None:
        plain = plain_equations(BATCH_NORM)
        assert [p.name for p in plain if not p.hidden] == ["mu", "var", "xhat", "y"]
        assert [expression_text(p.expression) for p in plain if p.hidden] == ["x[i, j] - mu[j]", "var[j] + eps"]

    def test_the_same_difference_at_other_indices_is_the_same_quantity(self) -> None:
        plain = plain_of("x: [N]\nm: []\na[i] = (x[i] - m)**2\nb = sum((x[k] - m)**3 for k in N)")
        assert len([p for p in plain if p.hidden]) == 1

    def test_the_authors_name_is_used_for_it_when_there_is_one(self) -> None:
        plain = plain_of("x: [N]\nm: []\nc[i] = x[i] - m\nv = sum((x[k] - m)**2 for k in N)")
        assert written(plain) == ["c[i] = x[i] - m", "v = sum(c[k]**2 for k in N)"]

    def test_an_equation_that_names_what_is_hidden_already_says_just_that(self) -> None:
        plain = plain_of("x: [N]\nm: []\nv = sum((x[k] - m)**2 for k in N)\nc[i] = x[i] - m")
        assert [p.hidden for p in plain] == [True, False, False]
        assert expression_text(plain[2].expression) == expression_text(plain[0].element).replace("[k]", "[i]")

    def test_unfolding_gives_the_equations_back(self) -> None:
        plain = plain_equations(BATCH_NORM)
        found = {p.name: unfold(p.expression, plain) for p in plain if not p.hidden}
        assert expression_text(found["xhat"]) == "(x[i, j] - mu[j])/sqrt(var[j] + eps)"
        assert found == {e.name: e.expression for e in BATCH_NORM.equations}

    def test_numbers_are_not_hidden(self) -> None:
        assert not any(p.hidden for p in plain_of("x: [N]\nv = sum(x[i] for i in N)/(N - 1)"))


class TestSigns:
    def test_of_facts(self) -> None:
        found = signs_of("x: [N]\na: []\nb: []\nassert a > 0\nassert b >= 0\ny[i] = x[i]*a*b")
        assert (found.nonnegative, found.nonzero) == ({"a", "b"}, {"a"})

    def test_of_roots_and_denominators(self) -> None:
        found = signs_of("x: [N]\nu: [N]\nz[i] = sqrt(x[i])/u[i]")
        assert (found.nonnegative, found.nonzero) == ({"x"}, {"u"})

    def test_of_equations(self) -> None:
        declared = "x: [N]\neps: constant\nassert eps > 0\n"
        found = signs_of(declared + "e[i] = exp(x[i])\nr = sum(x[i]**2 for i in N)\nq = r + eps")
        assert found.nonnegative == {"eps", "e", "r", "q"}
        assert found.nonzero == {"eps"}

    def test_a_product_of_what_is_not_zero_is_not(self) -> None:
        found = signs_of("x: [N]\nu: [N]\nv[i] = 1/x[i]\np[i] = -2*v[i]*x[i]**3\nq[i] = v[i]*u[i]\ny[i] = p[i] + q[i]")
        assert found.nonzero == {"x", "v", "p"}
        assert found.nonnegative == set()

    def test_a_diagonal_says_nothing_of_the_array(self) -> None:
        found = signs_of("x: [N, N]\na[i] = sqrt(x[i, i])")
        assert "x" not in found.nonnegative
        assert "a" in found.nonnegative
        found = signs_of("x: [N, N]\nassert x[i, i] > 0\na[i] = x[i, i]")
        assert "x" not in found.nonnegative | found.nonzero

    def test_a_constant_under_a_root_may_be_zero(self) -> None:
        found = signs_of("x: [N]\nw: constant[N]\nr[i] = sqrt(w[i])\ny[i] = r[i]*x[i]")
        assert {"w", "r"} <= found.nonnegative
        assert not {"w", "r"} & found.nonzero

    def test_the_branches_of_a_where_say_nothing(self) -> None:
        found = signs_of("x: [N]\nm: constant[N]\nb[i] = where(m[i] > 0, sqrt(x[i]), 1/m[i])")
        assert (found.nonnegative, found.nonzero) == (frozenset(), frozenset())


class TestRelations:
    def test_of_batch_normalization(self) -> None:
        found = offered(BATCH_NORM)
        [centered] = [newer for older, newer in found if older == "x"]
        assert found[centered, "xhat"].endswith("= xhat[i, j]*sqrt(var[j] + eps)")

    def test_a_factor_that_may_be_zero_is_not_divided_by(self) -> None:
        text = "x: [N]\ng: [N]\ny[i] = g[i]*x[i]"
        assert offered(parse_layer(text)) == {}
        found = offered(parse_layer(text.replace("\ny", "\nassert g > 0\ny")))
        assert found == {("x", "y"): "x[i] = y[i]/g[i]"}

    def test_gamma_of_batch_normalization_may_be_zero(self) -> None:
        assert ("xhat", "y") not in offered(BATCH_NORM)

    def test_a_constant_is_never_replaced(self) -> None:
        text = "x: [N]\nc: constant[N]\ny[i] = x[i] + c[i]"
        assert set(offered(parse_layer(text))) == {("x", "y")}

    def test_other_indices_a_diagonal_a_power_or_two_places_offer_none(self) -> None:
        for right in ("x[i]**2", "x[i] + tanh(x[i])", "sum(x[k] for k in N) + x[i]", "exp(x[i])"):
            assert not [k for k in offered(parse_layer(f"x: [N]\ny[i] = {right}")) if k == ("x", "y")], right
        assert offered(parse_layer("s: [N, N]\ny[i] = s[i, i] + 1")) == {}
        assert offered(parse_layer("x: [D]\nc: constant[N]\ny[i, j] = x[j] + c[i]")) == {}

    def test_a_root_of_what_is_not_negative_is_solved(self) -> None:
        found = offered(parse_layer("x: [N]\nr[i] = sqrt(x[i])"))
        assert found == {("x", "r"): "x[i] = r[i]**2"}

    def test_centered_differences_are_recognized(self) -> None:
        plain = plain_equations(BATCH_NORM)
        [name] = centered_names(plain)
        assert expression_text(next(p.expression for p in plain if p.name == name)) == "x[i, j] - mu[j]"


def test_an_exponential_is_not_divided_by() -> None:
    """It is never zero, but it underflows: solving v = m*e for m would put 0/0 into the gradient."""
    graph = parse_layer("a: [N]\nm = mean(a[i] for i in N)\ne = exp(-m**2)\nv[i] = a[i]*e")
    plain = plain_equations(graph)
    signs = known_signs(graph, plain)
    assert "e" in signs.nonnegative
    assert "e" not in signs.nonzero
    assert [r.older for r in relations(plain, signs, frozenset()) if r.newer == "v"] == []
