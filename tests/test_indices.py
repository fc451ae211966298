"""Free and bound indices: nothing is captured, and what is bound gets a name that reads well."""

import pytest
from sympy import Expr, Integer, Sum

from derive.arithmetic import EXACT
from derive.functions import MaxOver, delta
from derive.graph import extent_symbol, index_symbol, reference
from derive.indices import (
    IndexNames,
    canonical_bound,
    free_indices,
    index_extents,
    is_indexed,
    rebuild,
    separate_bound,
    substitute,
)
from derive.interpret import evaluate, from_nested
from derive.parser import parse_layer
from derive.printing.grammar import expression_text

N, D = extent_symbol("N"), extent_symbol("D")
i, j, k, l = (index_symbol(name) for name in "ijkl")  # noqa: E741
VALUES = {
    "s": from_nested([[Integer(2), Integer(3)], [Integer(5), Integer(7)]]),
    "w": from_nested([Integer(11), Integer(13)]),
}


def s(*at: Expr) -> Expr:
    return reference("s", at)


def w(at: Expr) -> Expr:
    return reference("w", [at])


def over(summand: Expr, *symbols: Expr) -> Expr:
    return Sum(summand, *((symbol, 1, N) for symbol in symbols))


def value(expression: Expr, **at: int) -> object:
    return evaluate(expression, VALUES, {"N": 2, "D": 2}, at, EXACT)


class TestSubstitute:
    def test_free_indices_are_replaced_and_bound_ones_are_not(self) -> None:
        found = substitute(s(i, k) * over(s(i, k), k), {k: l})
        assert found == s(i, l) * over(s(i, k), k)
        assert substitute(over(w(k), k), {k: i}) == over(w(k), k)

    @pytest.mark.parametrize("reduction", [Sum, MaxOver])
    def test_a_bound_index_that_would_capture_is_renamed(self, reduction: type) -> None:
        found = substitute(reduction(s(i, k) * w(k), (k, 1, N)), {i: k})
        assert free_indices(found) == (k,)
        row = [(2 * 11, 3 * 13), (5 * 11, 7 * 13)][1]
        assert value(found, k=2) == (sum(row) if reduction is Sum else max(row))

    def test_swapping_is_done_at_once(self) -> None:
        assert substitute(s(i, j), {i: j, j: i}) == s(j, i)
        found = substitute(over(s(i, k) * s(j, k), k), {i: k, j: i})
        assert value(found, k=1, i=2) == 2 * 5 + 3 * 7

    def test_a_name_that_is_free_only_elsewhere_is_no_reason_to_rename(self) -> None:
        assert substitute(over(w(k), k), {i: k}) == over(w(k), k)

    def test_deltas_and_literal_places(self) -> None:
        assert substitute(delta(i, j) * s(i, Integer(1)), {i: k}) == delta(k, j) * s(k, Integer(1))
        assert substitute(s(i, i), {i: Integer(2)}) == s(Integer(2), Integer(2))

    def test_an_inner_sum_that_binds_the_same_name_again_is_left(self) -> None:
        inner = over(w(k), k)
        assert substitute(over(s(i, k) * inner, k), {i: l}) == over(s(l, k) * inner, k)


class TestSeparateAndCanonical:
    def test_every_reduction_gets_indices_of_its_own(self) -> None:
        expression = over(s(i, k), k) * over(w(k) * over(s(k, l), l), k)
        found = separate_bound(expression, "own ")
        bound = [limit[0].name for node in found.atoms(Sum) for limit in node.limits]
        assert sorted(bound) == ["own 1", "own 2", "own 3"]
        assert free_indices(found) == (i,)
        assert value(found, i=2) == value(expression, i=2) == 12 * (11 * 5 + 13 * 12)

    def test_equal_sums_become_equal_objects(self) -> None:
        assert canonical_bound(over(s(i, k), k)) == canonical_bound(over(s(i, l), l))
        nested = canonical_bound(over(w(k) * over(s(k, l), l), k))
        assert nested == canonical_bound(over(w(l) * over(s(l, k), k), l))

    def test_different_sums_do_not(self) -> None:
        assert canonical_bound(over(s(i, k), k)) != canonical_bound(over(s(k, i), k))
        assert canonical_bound(over(w(k), k)) != canonical_bound(Sum(w(k), (k, 1, D)))
        assert canonical_bound(over(w(k), k)) != canonical_bound(MaxOver(w(k), (k, 1, N)))

    def test_what_a_node_cannot_bind_it_does_not_touch(self) -> None:
        assert canonical_bound(s(i, k)) == s(i, k)
        node = w(i) + 1
        assert rebuild(node, list(node.args)) is node


class TestFreeIndices:
    def test_they_come_in_order_of_appearance_without_the_bound_ones(self) -> None:
        assert free_indices(s(j, i)) == (j, i)
        assert free_indices(over(s(i, k), k)) == (i,)
        assert free_indices(delta(i, k) + s(Integer(1), Integer(2))) == (i, k)

    def test_an_extent_is_no_index(self) -> None:
        assert free_indices(N * w(i)) == (i,)
        assert not is_indexed(N + 1)
        assert is_indexed(over(Integer(1), k))

    def test_their_extents_are_those_of_the_places_where_they_stand(self) -> None:
        graph = parse_layer("x: [N, D]\nu: [D]\nL = sum(x[i, j]*u[j] for i in N for j in D)")
        element = reference("x", [i, k]) + reference("u", [k]) * Sum(reference("u", [j]), (j, 1, D))
        assert index_extents(element, graph.by_name) == {i: "N", k: "D"}


class TestIndexNames:
    GRAPH = parse_layer("x: [N, D]\nq[b, f] = x[b, f]*sum(x[a, f] for a in N)\n")

    def test_the_own_letters_of_the_layer_come_first_then_others_then_numbers(self) -> None:
        names = IndexNames(self.GRAPH)
        taken: set[str] = set()
        found = []
        for _ in range(40):
            found.append(names.choose("N", taken))
            taken.add(found[-1])
        assert found[:3] == ["b", "a", "k"]
        assert len(set(found)) == 40
        assert not {"x", "q", "f"} & set(found)
        assert found[-1][0] in "klm"
        assert found[-1][1:].isdigit()

    def test_a_name_in_use_around_is_never_taken(self) -> None:
        element = reference("x", [index_symbol("a"), index_symbol("f")])
        found = IndexNames(self.GRAPH).apply(Sum(element, (index_symbol("a"), 1, N)), [index_symbol("b")])
        assert expression_text(found) == "sum(x[a, f] for a in N)"
        found = IndexNames(self.GRAPH).apply(Sum(element, (index_symbol("a"), 1, N)), [])
        assert expression_text(found) == "sum(x[b, f] for b in N)"

    def test_nested_sums_get_different_names_and_neighbors_the_same(self) -> None:
        graph = parse_layer("s: [N, N]\nw[i] = sum(s[i, k] for k in N)")
        first = over(w(i) * over(s(i, j), j), i) + over(w(l), l)
        found = IndexNames(graph).apply(first, [])
        assert expression_text(found) == "sum(w[i] for i in N) + sum(w[i]*sum(s[i, k] for k in N) for i in N)"
        assert value(found) == value(first)

    def test_an_index_that_stands_free_inside_the_sum_is_in_use_there(self) -> None:
        graph = parse_layer("s: [N, N]\nw[i] = sum(s[i, k] for k in N)")
        found = IndexNames(graph).apply(over(s(i, k), k), [])
        assert expression_text(found) == "sum(s[i, k] for k in N)"
