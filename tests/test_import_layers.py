"""A module imports only from below, and the engine knows no layer by name."""

import ast
import re
from pathlib import Path

import pytest

from derive.layers import layer_names
from derive.syntax.operations import WORDS

PACKAGE = Path(__file__).parent.parent / "derive"

# From the bottom up. A module imports from lower rows, and from its own where that makes no circle.
ROWS = [
    ["errors", "options", "signals", "shown", "color"],
    ["files", "streams", "terminal"],
    ["layers"],
    ["graph", "functions"],
    ["indices", "derivation"],
    ["compose"],
    ["syntax"],
    ["parser"],
    ["arithmetic"],
    ["interpret"],
    ["occurrences"],
    ["local_derivatives"],
    ["differentiate", "tangents"],
    ["rules"],
    ["windows", "eliminate"],
    ["simplify"],
    ["counting"],
    ["wording"],
    ["narrate"],
    ["explain"],
    ["pipeline"],
    ["draw", "discrepancy", "structure", "report", "audit"],
    ["oracles", "layer_alone"],
    ["verifier"],
    ["printing", "pictures", "unroll", "expand", "write_out", "codegen", "skeletons"],
    ["generated", "c_functions", "lint"],
    ["claims"],
    ["judging"],
    ["checker"],
    ["workshop"],
    ["webpage", "indexpage", "notebook"],
    ["baselines"],
    ["bench"],
    ["pages"],
    ["generated_folder"],
    ["docs"],
    ["completion", "progress"],
    ["arguments"],
    ["cli"],
    ["__init__", "__main__"],
]
HEIGHT = {name: height for height, row in enumerate(ROWS) for name in row}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports, anywhere in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "derive":
            parts = {f"derive.{alias.name}" for alias in node.names}
            found |= {name if name.removeprefix("derive.") in HEIGHT else "derive" for name in parts}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("derive."):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "derive"}
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = HEIGHT[part_of(path)]
    for module in imported(path):
        target = module.split(".")[1] if "." in module else "__init__"
        if target == "__init__":
            assert part_of(path) in ("arguments", "__main__", "__init__")  # the version
        else:
            assert HEIGHT[target] <= own, f"{path.name} imports {module} from above"


def test_no_circles() -> None:
    graph = {".".join(["derive", *p.relative_to(PACKAGE).with_suffix("").parts]): imported(p) for p in sources()}
    graph.pop("derive.__init__", None)
    done: set[str] = set()
    while ready := [name for name, needs in graph.items() if name not in done and not (needs & graph.keys()) - done]:
        done |= set(ready)
    assert sorted(graph.keys() - done) == []


def test_imports_stand_at_the_top() -> None:
    late = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(function))
    ]
    assert set(late) == {"cli.py"}


def test_the_engine_names_no_layer() -> None:
    # relu is a function of the grammar, too, and the hints are for functions that it lacks, whatever they are called.
    layers = re.compile(rf"\b({'|'.join(set(layer_names()) - set(WORDS))})\b")
    for path in sources():
        if path.name == "hints.py":
            continue
        tree = ast.parse(path.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not layers.search(node.value), f"{path.name}: {node.value!r}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_is_run(path: Path) -> None:
    """Nothing evaluates text but the modules that the generator has written, and the notebooks of the documents."""
    calls = [
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    forbidden = {"eval", "sympify", "parse_expr", "S", "__import__"} & set(calls)
    assert not forbidden
    assert "exec" not in calls or str(path.relative_to(PACKAGE)) in ("codegen/numpy.py", "pages/notebooks/__init__.py")
