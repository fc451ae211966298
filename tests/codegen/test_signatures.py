"""What generated functions look like from outside: what they are called, and their first lines."""

import ast

import pytest

from derive.codegen.signatures import function_name, signature
from derive.codegen.wrapping import WIDTH
from derive.parser import parse_layer


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        *(("batch_norm", "batch_norm"), ("Big", "big"), ("my-layer", "my_layer")),
        # no name of Python, or one that a module has for something else
        *(("3d", "layer_3d"), ("for", "layer_for"), ("_own", "layer__own"), ("forward", "layer_forward")),
        ("l", "layer_l"),  # the linter takes it for 1
    ],
)
def test_a_function_is_called_as_its_layer_where_that_can_be(layer: str, function: str) -> None:
    assert function_name(parse_layer("x: [N]\ny[i] = x[i]", layer)) == function


MANY = f"tuple[{', '.join(['np.ndarray', 'float | np.floating'] * 9)}]"


@pytest.mark.parametrize("parameter", ["dy: np.ndarray", f"cotangents: {MANY}"])
@pytest.mark.parametrize("returned", ["np.ndarray", MANY])
def test_long_types_are_taken_apart(parameter: str, returned: str) -> None:
    lines = signature("backward", [parameter, "*", "out: np.ndarray | None = None"], returned)
    assert all(len(line) <= WIDTH for line in lines)
    [function] = ast.parse("\n".join([*lines, "    ..."])).body
    assert isinstance(function, ast.FunctionDef)
    assert function.returns is not None
    assert ast.unparse(function.returns) == returned
    assert f"{function.args.args[0].arg}: {ast.unparse(function.args.args[0].annotation or function)}" == parameter


def test_a_long_name_stays_whole() -> None:
    name = "x" * WIDTH
    assert signature("backward", [f"{name}: np.ndarray"], "float") == [
        "def backward(",
        f"    {name}: np.ndarray,",
        ") -> float:",
    ]
