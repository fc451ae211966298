"""Counts, against what one counts by hand."""

from derive.compose import as_layer
from derive.counting import Count, aligned_table, count, counts_table
from derive.parser import parse_layer
from derive.pipeline import derive, load

# m = mean(x), y = x - m. Staged: dm = -sum(dy); dx = dy + dm/N.
CENTER = "x: [N]\nm = mean(x[i] for i in N)\ny[i] = x[i] - m\n"


def test_by_hand() -> None:
    counted = count(parse_layer(CENTER, "center"))
    assert counted.sizes == (1, 0)
    # Over arrays: the sum and dx are the passes, adding up and adding dm/N the operations; dm goes into dx.
    assert counted.at(1) == ((2, 2), (2, 2))
    # Numbers have no passes: dm and dm/N are operations; the mean divides once, too.
    assert counted.at(0) == ((0, 2), (0, 1))
    assert (counted.staged_cotangents, counted.closed_cotangents) == (2, 1)


def test_batch_norm_collapses_to_three_passes() -> None:
    """Two sums, which are the gradients of beta and gamma, and dx itself."""
    counted = count(load("batch_norm"))
    (staged, _), (closed, operations) = counted.at(2)
    assert (staged, closed) == (7, 3)
    # Two sums of n add twice, their products dy*xhat once; dx: gamma*inv*(dy - mean - xhat*mean).
    assert operations == 7
    assert (counted.staged_cotangents, counted.closed_cotangents) == (6, 3)


def test_the_gradients_of_a_cosine_collapse_when_differentiated_again() -> None:
    """Which they do not in a basis that is solved in a circle: a quantity by way of itself."""
    first = derive("cosine_similarity", "reuse")
    (staged, _), (closed, _) = count(as_layer(first.backward, first.forward.by_name)).at(2)
    assert (staged, closed) == (12, 8)


def test_sums_and_products_of_a_linear_layer() -> None:
    counted = count(load("linear"))
    # dx and dW: a product and a sum over three indices each, and a pass over two; db: a sum over two, a pass over one.
    assert [counted.at(size)[0] for size in (3, 2, 1)] == [(2, 4), (3, 1), (1, 0)]


def test_where_nothing_collapses_both_are_the_same() -> None:
    counted = count(load("linear"))
    assert counted.staged == counted.closed
    assert counted.staged_cotangents == counted.closed_cotangents == 3


def test_a_table() -> None:
    assert counts_table([count(parse_layer(CENTER, "center")), count(load("linear"))]).splitlines() == [
        "| layer  | indices | passes | operations | cotangents |",
        "| :----- | ------: | -----: | ---------: | ---------: |",
        "| center |       1 |  2 → 2 |      2 → 2 |      2 → 1 |",
        "| linear |       3 |  2 → 2 |      4 → 4 |      3 → 3 |",
        "|        |       2 |  3 → 3 |      1 → 1 |            |",
        "|        |       1 |  1 → 1 |      0 → 0 |            |",
    ]
    assert aligned_table(["a", "b"], [["1", "22"]]) == "| a   |   b |\n| :-- | --: |\n| 1   |  22 |\n"


def test_a_count_knows_its_sizes() -> None:
    none = (0,) * 11
    price = (*none, 1, 0), (*none, 2, 3)
    assert Count("own", price, price, 1, 1).sizes == (1, 0)
