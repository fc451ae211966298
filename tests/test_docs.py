import os
import subprocess
import sys
from pathlib import Path

import pytest

from derive.docs import check_documents, documents, write_documents
from derive.errors import UsageError
from derive.layers import LayerText, layer_names
from derive.pipeline import derive, load
from derive.printing.markdown import markdown_text

ROOT = Path(__file__).parent.parent
OWN = LayerText("halves", "<test>", '"""Halves.\n\nA test."""\nx: [N]\ny[i] = x[i]/2\n')


@pytest.fixture(scope="module")
def sources() -> list[LayerText]:
    return [OWN]


def test_written_documents_check_out(sources: list[LayerText], tmp_path: Path) -> None:
    folder = str(tmp_path)
    written = write_documents(sources, folder)
    assert f"{folder}/derived/halves.py" in written
    assert f"{folder}/docs/halves/derivation.md" in written
    assert f"{folder}/docs/write_your_own_layer.md" in written
    assert check_documents(sources, folder) == ""
    assert write_documents(sources, folder) == []


def test_stale_missing_and_extra_files_are_shown(sources: list[LayerText], tmp_path: Path) -> None:
    folder = str(tmp_path)
    write_documents(sources, folder)
    module = tmp_path / "derived" / "halves.py"
    module.write_text(module.read_text().replace("import numpy as np", "import numpy as numpy"))
    (tmp_path / "docs" / "halves" / "report.json").unlink()
    extra = tmp_path / "docs" / "left_over.md"
    extra.write_text("old\n")
    difference = check_documents(sources, folder)
    assert "-import numpy as numpy\n+import numpy as np\n" in difference
    assert "--- /dev/null\n" in difference
    assert f"--- {extra}\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n" in difference
    write_documents(sources, folder)
    assert not extra.exists()
    assert check_documents(sources, folder) == ""


@pytest.mark.parametrize("name", layer_names())
def test_the_committed_derivations_are_those_of_now(name: str) -> None:
    """Every line and every reason; `derive docs --check` says so of all files."""
    file = ROOT / "output" / "docs" / name / "derivation.md"
    assert file.read_text(encoding="utf-8") == markdown_text(derive(load(name)))


def test_one_layer_leaves_the_others_alone(sources: list[LayerText], tmp_path: Path) -> None:
    other = tmp_path / "docs" / "other" / "derivation.md"
    other.parent.mkdir(parents=True)
    other.write_text("mine\n")
    write_documents(sources, str(tmp_path), whole=False)
    assert other.read_text() == "mine\n"
    assert not (tmp_path / "docs" / "README.md").exists()
    assert check_documents(sources, str(tmp_path), whole=False) == ""


def test_a_folder_that_cannot_be_written_is_an_error(sources: list[LayerText], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError, match="file"):
        write_documents(sources, str(blocked))


def test_the_report_states_bounds_and_no_measurements(sources: list[LayerText]) -> None:
    report = documents(sources)["docs/halves/report.json"]
    assert '"bound": "< 1e-30"' in report
    assert '"worst"' not in report


def test_the_costs_of_every_layer_are_listed(sources: list[LayerText]) -> None:
    other = LayerText("center", "<test>", "x: [N]\nm = mean(x[i] for i in N)\ny[i] = x[i] - m\n")
    text = documents([*sources, other])["docs/costs.md"]
    table = text.partition("| layer")[2].splitlines()[2:]
    assert table == [
        "| center |       1 |  2 → 2 |      2 → 2 |      2 → 1 |",
        "| halves |       1 |  1 → 1 |      1 → 1 |      1 → 1 |",
    ]


WRITE = """
import sys
from derive.docs import write_documents
from derive.layers import read_layer
write_documents([read_layer(name) for name in ("batch_norm", "softmax", "weight_norm")], sys.argv[1])
"""


def test_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-c", WRITE, str(folder)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        texts.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert texts[0] == texts[1]
