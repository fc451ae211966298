"""What the functions of layers are called."""

import pytest

from derive.codegen.signatures import function_name
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
