"""What `import derive` gives, and what it costs."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import derive
import derived
from derive.derivation import Detail, Form
from derive.graph import Graph, Mode
from derive.options import DETAILS, FORMS, MODES, NOTATIONS
from derive.printing.names import Notation

LAYER = "x: [N]\ny[i] = x[i]*sum(x[k] for k in N)\n"


def test_every_public_name_is_there() -> None:
    for name in derive.__all__:
        assert getattr(derive, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        derive.frobnicate  # noqa: B018


def test_importing_loads_neither_sympy_nor_numpy() -> None:
    code = "import sys, derive; sys.exit(', '.join({'sympy', 'numpy', 'argparse'} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_choices_are_those_of_the_types() -> None:
    assert get_args(Form) == FORMS
    assert get_args(Mode) == MODES
    assert get_args(Detail) == DETAILS
    assert get_args(Notation) == NOTATIONS


def test_the_verbs_work_together() -> None:
    graph = derive.parse(LAYER)
    assert isinstance(graph, Graph)
    assert derive.vjp(graph).outputs == ("dx",)
    assert derive.jvp(graph).outputs == ("y_dot",)
    derivation = derive.derive(graph)
    assert [derive.text(line) for line in derivation.results] == [
        "dx[i] = dy[i]*sum(x[k] for k in N) + sum(dy[k]*x[k] for k in N)"
    ]
    module = derive.compile(graph)
    x, dy = np.array([1.0, 2.0, 4.0]), np.array([0.5, -1.0, 3.0])
    y, residuals = module.forward(x)
    np.testing.assert_allclose(y, x * 7)
    np.testing.assert_allclose(module.backward(dy, residuals), dy * 7 + 10.5)
    assert derive.verify(graph).passed


def test_a_module_and_a_function_of_one_name_do_not_meet() -> None:
    """Importing any module of the package leaves its functions callable: `derive.parse` is not `derive/parse.py`."""
    # What generated loops bring along is read as text, and needs Numba to be imported.
    code = (
        "import pkgutil, importlib, derive\n"
        "for found in pkgutil.walk_packages(derive.__path__, 'derive.'):\n"
        "    if found.name not in ('derive.__main__', 'derive.codegen.runtime_loops'):\n"
        "        importlib.import_module(found.name)\n"
        "assert all(callable(getattr(derive, n)) for n in derive.__all__ if n != '__version__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_functions_loads_a_library_only_where_one_is_used() -> None:
    code = (
        "import sys, derived\n"
        "assert not {'numpy', 'torch', 'jax', 'numba', 'derived.batch_norm'} & set(sys.modules)\n"
        "from derived import batch_norm\n"
        "assert batch_norm is derived.batch_norm is sys.modules['derived.batch_norm']\n"
        "assert derived.array_api.batch_norm.forward is not batch_norm.forward\n"
        "assert not {'torch', 'jax', 'numba', 'array_api_compat', 'sympy', 'derive'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_packages_of_functions_name_what_they_have() -> None:
    for package in (derived, derived.array_api):
        for name in package.__all__:
            assert getattr(package, name).__name__ == f"{package.__name__}.{name}"
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'frobnicate'"):
            package.frobnicate  # noqa: B018


def test_every_public_name_says_where_it_is() -> None:
    assert set(derive.__all__) == {"__version__", *derive._HOMES}


def test_a_type_checker_finds_the_public_names(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("import derive\n" + "".join(f"reveal_type(derive.{name})\n" for name in derive.__all__))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", file], cwd=tmp_path, capture_output=True, text=True
    )
    assert "attr-defined" not in done.stdout, done.stdout
    assert done.stdout.count("Revealed type") == len(derive.__all__)
