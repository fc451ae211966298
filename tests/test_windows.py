"""Windows: where a deep layer is divided, and that the work grows with its depth alone."""

import pytest
from samples import LAYERS
from sympy.core.parameters import distribute

from derive.differentiate import Sweep, sweep
from derive.graph import Graph
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text
from derive.rules.normal_form import Vocabulary
from derive.simplify import close
from derive.windows import windows


def chain(length: int) -> Graph:
    """Batch norms one after the other."""
    inputs = "".join(f"gamma{n}: [D]\nbeta{n}: [D]\n" for n in range(1, length + 1))
    text = f"x: [N, D]\n{inputs}eps: constant = 1e-5\nassert eps > 0\n"
    before = "x"
    for n in range(1, length + 1):
        text += f"""
mu{n}[j] = mean({before}[i, j] for i in N)
var{n}[j] = mean(({before}[i, j] - mu{n}[j])**2 for i in N)
xhat{n}[i, j] = ({before}[i, j] - mu{n}[j])/sqrt(var{n}[j] + eps)
y{n}[i, j] = gamma{n}[j]*xhat{n}[i, j] + beta{n}[j]
"""
        before = f"y{n}"
    return parse_layer(text)


def swept(graph: Graph) -> Sweep:
    with distribute(False):
        return sweep(graph)


def names(found: Sweep, eliminated: set[str]) -> list[list[str]]:
    return [[c.quantity.name for c in group] for group in windows(found, eliminated)]


def test_a_layer_of_a_few_equations_is_one_window() -> None:
    found = swept(chain(2))
    assert len(windows(found, {"dxhat2", "dvar2", "dmu2", "dxhat1", "dvar1", "dmu1"})) == 1


def test_a_chain_is_divided_where_all_that_follows_passes_through_one_kept_cotangent() -> None:
    gone = {f"d{name}{n}" for n in range(1, 7) for name in ("xhat", "var", "mu")}
    groups = names(swept(chain(6)), gone)
    assert [len(group) for group in groups] == [12, 12, 12]
    assert [group[0] for group in groups] == ["dxhat6", "dxhat4", "dxhat2"]
    assert sorted(name for group in groups for name in group) == sorted(
        c.quantity.name for c in swept(chain(6)).cotangents
    )


def test_what_was_put_into_others_is_in_their_window() -> None:
    # Everything but the results is gone: there is no border left.
    found = swept(chain(6))
    gone = {c.quantity.name for c in found.cotangents if c.of not in found.wrt}
    assert len(windows(found, gone)) == 1


def test_shared_parameters_do_not_tear_windows_apart() -> None:
    text = "x: [N]\nw: []\n" + "".join(
        f"h{n}[i] = tanh(w*{'x' if n == 1 else f'h{n - 1}'}[i] + mean(x[k] for k in N))\n" for n in range(1, 20)
    )
    graph = parse_layer(text)
    assert [line.name for line in derive(graph).results][-1] == "dw"


def test_layers_in_a_chain_keep_their_results_and_shifts_that_a_next_one_takes_away_have_no_gradient() -> None:
    results = {e.name: equation_text(e) for e in derive(chain(5)).results}
    assert {f"dy{n}" for n in range(1, 5)} <= set(results)
    assert [results[f"dbeta{n}"] for n in range(1, 5)] == [f"dbeta{n}[j] = 0" for n in range(1, 5)]
    assert results["dbeta5"] == "dbeta5[j] = sum(dy5[i, j] for i in N)"
    # The sum over dy4 is gone as well: the batch norm above has taken the mean away.
    assert "mean(dy4[k, j] for k in N)" not in results["dy3"]
    assert results["dgamma3"] == "dgamma3[j] = sum(dy3[i, j]*xhat3[i, j] for i in N)"


def test_the_work_grows_with_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    original = Vocabulary.normalize
    for length in (8, 16):
        calls = 0

        def counted(self: Vocabulary, expression: object) -> object:
            nonlocal calls
            calls += 1
            return original(self, expression)  # type: ignore[arg-type]

        monkeypatch.setattr(Vocabulary, "normalize", counted)
        with distribute(False):
            assert close(sweep(chain(length))) is not None
        counts.append(calls)
    assert counts[1] <= 2.2 * counts[0]


def test_samples_are_one_window_each() -> None:
    assert len(windows(swept(parse_layer(LAYERS["layer_norm"])), ())) == 1
