"""Someone's derivation in the layer grammar, as claims."""

import time
from contextlib import suppress

import pytest
from sympy import Integer
from time_limits import within

from derive.claims.claim import Claim, Claims, Unreadable
from derive.claims.grammar import read_grammar
from derive.claims.vocabulary import Vocabulary, vocabulary_of
from derive.errors import LayerError
from derive.graph import index_symbol, reference
from derive.indices import canonical_bound
from derive.pipeline import load
from derive.printing.grammar import expression_text

i, j = map(index_symbol, "ij")


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return vocabulary_of(load("batch_norm"))


def read(vocabulary: Vocabulary, text: str) -> Claims:
    return read_grammar(text, "mine.txt", vocabulary)


def claim(vocabulary: Vocabulary, text: str) -> Claim:
    (found,) = read(vocabulary, text).lines
    assert isinstance(found, Claim), found
    return found


def error(vocabulary: Vocabulary, text: str) -> str:
    found = [line for line in read(vocabulary, text).lines if isinstance(line, Unreadable)]
    assert len(found) == 1
    return str(found[0].error)


def test_an_equation(vocabulary: Vocabulary) -> None:
    found = claim(vocabulary, "\ndgamma[k] = sum(dy[i, k]*xhat[i, k] for i in N)  # mine\n")
    assert (found.line, found.text) == (2, "dgamma[k] = sum(dy[i, k]*xhat[i, k] for i in N)")
    assert expression_text(found.left) == "dgamma[k]"
    assert [(index.name, index.extent) for index in found.indices] == [("k", "D")]


def test_each_side_of_a_chain_is_a_claim(vocabulary: Vocabulary) -> None:
    first, second = read(vocabulary, "dxhat[i, j] = dy[i, j]*gamma[j] = gamma[j]*dy[i, j]").lines
    assert isinstance(first, Claim)
    assert isinstance(second, Claim)
    assert (first.head, second.head) == (None, first.left)
    assert second.left == first.right
    assert second.text == "= gamma[j]*dy[i, j]"


def test_a_name_of_the_authors_own(vocabulary: Vocabulary) -> None:
    helper, used, again = read(
        vocabulary, "s[j] = 1/sqrt(var[j] + eps)\ndmu[j] = -s[j]*sum(dxhat[i, j] for i in N)\ns[m] = var[m]"
    ).lines
    assert isinstance(helper, Claim)
    assert helper.defines is not None
    assert helper.defines.extents == ("D",)
    assert isinstance(used, Claim)
    assert used.defines is None
    assert isinstance(again, Claim)
    assert again.defines is None
    assert expression_text(again.left) == "s[m]"


def test_a_shadowing_index_is_the_inner_one(vocabulary: Vocabulary) -> None:
    mine = claim(vocabulary, "dx[i, j] = dy[i, j] - mean(dy[i, j] for i in N)")
    other = claim(vocabulary, "dx[i, j] = dy[i, j] - mean(dy[k, j] for k in N)")
    assert canonical_bound(mine.right) == canonical_bound(other.right)
    assert "index i is in use" in error(vocabulary, "dbeta[j] = sum(dy[i, j] for i in N for i in N)")


def test_local_derivatives_have_the_indices_of_both(vocabulary: Vocabulary) -> None:
    short = claim(vocabulary, "xhat_wrt_var[i, j] = 0")
    long = claim(vocabulary, "xhat_wrt_var[i, j, j] = 0")
    assert short.left == long.left == reference("xhat_wrt_var_each", (i, j, j))
    assert "in this layer mu does not depend on gamma" in error(vocabulary, "mu_wrt_gamma[j] = 0")
    assert "does not pass through" in error(vocabulary, "dx_via_gamma[i, j] = 0")


def test_numbers_as_indices_and_sizes(vocabulary: Vocabulary) -> None:
    found = read(vocabulary, "N = 2\ndgamma[3] = dy[1, 3]*xhat[1, 3] + dy[2, 3]*xhat[2, 3]\n")
    assert (found.sizes, found.largest) == ({"N": 2}, {"N": 2, "D": 3})
    (line,) = found.lines
    assert isinstance(line, Claim)
    assert line.left == reference("dgamma", [Integer(3)])
    for text in ["N = 0", "N = 9", "N = 10**9", "N = 2\nN = 3"]:
        assert "extent N" in error(vocabulary, text)


def test_what_the_layer_says_already_is_no_claim(vocabulary: Vocabulary) -> None:
    text = '"""Mine."""\nx: [N, D]\neps: constant = 1e-5\neps = 1e-5\ndbeta[j] = sum(dy[i, j] for i in N)\n'
    assert len(read(vocabulary, text).lines) == 1
    assert "only equations and facts" in error(vocabulary, "x: [D, N]\n")
    assert "only equations and facts" in error(vocabulary, "z: [D]\n")


def test_facts(vocabulary: Vocabulary) -> None:
    found = claim(vocabulary, "assert sum(dx[i, j] for i in N) == 0")
    plain = claim(vocabulary, "sum(dx[i, j] for i in N) = 0")
    assert (found.left, found.right, found.relation) == (plain.left, plain.right, "==")
    assert claim(vocabulary, "assert var[j] >= 0").relation == ">="


def test_a_forgotten_sum_is_read_as_one_and_said(vocabulary: Vocabulary) -> None:
    found = claim(vocabulary, "dgamma[j] = dy[i, j]*xhat[i, j]")
    assert expression_text(found.right) == "sum(dy[i, j]*xhat[i, j] for i in N)"
    assert found.mismatch is not None
    assert found.mismatch.message.startswith("the sum over i is missing")
    assert found.mismatch.location is not None
    assert found.mismatch.location.column == 15


def test_greek_letters_are_spelled_out(vocabulary: Vocabulary) -> None:
    assert claim(vocabulary, "dβ[j] = γ[j]").left == claim(vocabulary, "dbeta[j] = 0").left


def test_an_assumption_is_no_claim(vocabulary: Vocabulary) -> None:
    found = read(vocabulary, "gamma[j] = 1\n")
    assert found.lines == ()
    assert found.notes == ("not judged, since it is assumed: gamma[j] = 1",)


def test_more_elements_than_anybody_writes_out(vocabulary: Vocabulary) -> None:
    assert "at most 8 elements" in error(vocabulary, "mu[9] = 1")


def test_an_index_over_two_extents_is_a_mismatch(vocabulary: Vocabulary) -> None:
    found = claim(vocabulary, "dgamma[j] = sum(dy[j, i]*xhat[i, j] for i in N)")
    assert found.mismatch is not None
    assert "index j runs over two extents" in str(found.mismatch)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("s[j] = dy[i, j]", 1, 11, "index i is neither on the left nor bound"),
        ("\ndbeta[j] = sum(dz[i, j] for i in N)", 2, 16, "unknown name dz"),
        ("dbeta[j] = (1 +", 1, 12, "'(' was never closed"),
        ("dbeta[j] =", 1, 10, "one side of this = is empty"),
        ("= 3", 1, 1, "one side of this = is empty"),
        ("dbeta[j]", 1, 1, "claims nothing"),
        ("dbeta[j] = 1, 2", 1, 1, "not single expressions"),
        ("dbeta[j] = 9**9**9", 1, 15, "the exponent 9**9 is too large"),
        ("dbeta[j] = __import__('os')", 1, 12, "unknown function __import__"),
        ("dbeta[j] = x.y", 1, 12, "an attribute"),
        ("dbeta[j] = sum(dy[i, j])", 1, 12, "sum has no index to run over"),
        ("import os", 1, 1, "claims nothing"),
        ("dbeta[j, k] = 1", 1, 1, "dbeta has 1 index, not 2"),
        ("s[q] = 1", 1, 3, "nothing fixes the extent of index q"),
        ("ü = 1\nsum(dy[i, j] for i in N) = dbéta[j]", 2, 28, "unknown name"),
    ],
)
def test_errors_have_a_place(vocabulary: Vocabulary, text: str, line: int, column: int, message: str) -> None:
    said = error(vocabulary, text)
    assert message in said
    assert said.startswith(f"mine.txt:{line}:{column}: ")


def test_one_broken_line_does_not_take_the_others_with_it(vocabulary: Vocabulary) -> None:
    lines = read(vocabulary, "dbeta[j] = (1 +\ndgamma[j] = ((\n)\ndmu[j] = 0\n").lines
    assert [type(line).__name__ for line in lines][-1] == "Claim"
    assert sum(isinstance(line, Unreadable) for line in lines) >= 2


@pytest.mark.parametrize(
    "text",
    ["{" * 140_000, "(" * 140_000, "[" * 1_000_000, "a = " * 30_000, "((" * 5000 + "a" + "))" * 5000 + " = 1",
     "\0" * 1000, "a = b\n" * 2000, "-" * 50_000 + "1 = 2", "x = " + "+".join("1" * 1000), "'" * 9999, "#",
     "\ud800 = 1"],
)  # fmt: skip
def test_hostile_texts_end_soon(vocabulary: Vocabulary, text: str) -> None:
    with within(2, time.perf_counter), suppress(LayerError):
        assert all(isinstance(line, (Unreadable, Claim)) for line in read(vocabulary, text).lines)


def kinds(vocabulary: Vocabulary, lines: list[str]) -> set[str]:
    return {type(line).__name__ for line in read(vocabulary, "\n".join(lines)).lines}


@pytest.mark.parametrize("name", ["a", "é", "dβ", "q" * 39])
def test_helpers_may_stand_in_any_order_and_are_found_soon(vocabulary: Vocabulary, name: str) -> None:
    chains = [[f"{name}_{c}_{n + 1}[j] = {name}_{c}_{n}[j]*gamma[j]" for n in range(60)] for c in range(8)]
    lines = [line for c, chain in enumerate(chains) for line in [f"{name}_{c}_0[j] = gamma[j]", *chain]]
    for ordered in (lines, lines[::-1], lines[1::2] + lines[::2]):
        with within(4):
            assert kinds(vocabulary, ordered) == {"Claim"}


def test_a_helper_in_greek_letters_is_found_below(vocabulary: Vocabulary) -> None:
    assert kinds(vocabulary, ["dbeta[j] = kβ[j]", "kbeta[j] = sum(dy[i, j] for i in N)"]) == {"Claim"}
    assert kinds(vocabulary, ["dbeta[j] = kbeta[j]", "kβ[j] = sum(dy[i, j] for i in N)"]) == {"Claim", "Unreadable"}


def test_unknown_names_are_told_soon_though_many_are_near(vocabulary: Vocabulary) -> None:
    lines = [f"{'q' * 30}{n}[j] = gamma[j]" for n in range(240)]
    lines += [f"dbeta[j] = {'q' * 15}x{'q' * 15}{n}[j]" for n in range(240)]
    with within(6):
        assert kinds(vocabulary, lines) == {"Claim", "Unreadable"}


def test_helpers_that_stand_on_one_another_without_end_are_refused(vocabulary: Vocabulary) -> None:
    lines = ["a0[j] = gamma[j]", *(f"a{n + 1}[j] = a{n}[j]" for n in range(200))]
    found = read(vocabulary, "\n".join(lines)).lines
    assert [type(line) for line in found[:90]] == [Claim] * 90
    (first, *_) = [line for line in found if isinstance(line, Unreadable)]
    assert "more than 100 of them" in str(first.error)
    assert first.error.hint
