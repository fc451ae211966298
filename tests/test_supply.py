"""What is handed out: the wheel, the source archive, and what they and the other files say of the package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pytest

import derive
from derive.cli import _COMMANDS
from derive.options import TARGETS

ROOT = Path(__file__).parent.parent
VERSION = derive.__version__
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
needs_build = pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="not installed: build")

# What the wheel may hold beside modules, folder by folder: files that something reads at run time.
DATA = (
    "derive/py.typed",
    "derive/layers/*.layer",
    "derive/codegen/runtime_c.h",
    "derive/completion/script.*",
    "derive/printing/web/*.css",
    "derive/printing/web/*.js",
    "derive/pages/*.md",
    "derive/pages/*.layer",
    "derive/pages/*.json",
    "derive/pages/derivations/*.tex",
    "derive/pages/derivations/*.txt",
    "derive/pages/measured/*.json",
    "derive/pages/notebooks/*.md",
    "derive/pages/notes/*.tex",
    "derived/py.typed",
    "derived/c/*.c",
)
ABOUT = [
    f"derive-{VERSION}.dist-info/{n}" for n in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
]
# What the source archive has at its top, and in which folders the rest is.
TOP = ["pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", ".gitignore"]
FOLDERS = ["derive", "output", "tests"]
# No upper bound: a major version comes every few weeks, and only cffi uses it, to start the compiler.
UNBOUNDED = ["setuptools"]


def is_of_a_package(name: str) -> bool:
    path = PurePosixPath(name)
    if path.parts[0] not in ("derive", "derived") or {"__pycache__", "tests"} & set(path.parts):
        return False
    return path.suffix == ".py" or any(path.match(p) and name.count("/") == p.count("/") for p in DATA)


def strangers(names: list[str]) -> list[str]:
    """The files that have no business in the wheel."""
    return [name for name in names if name not in ABOUT and not is_of_a_package(name)]


def strangers_in_source(names: list[str]) -> list[str]:
    """The files that have no business in the source archive."""
    left = (name for name in names if name not in TOP)
    return [n for n in left if n.split("/")[0] not in FOLDERS or fnmatchcase(n, "*/__pycache__/*") or "/." in n]


def files_of(folder: str, package: str) -> set[str]:
    """The files of a package in the checkout, as the wheel calls them."""
    found = (path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {f"{package}/{path.as_posix()}" for path in found if "__pycache__" not in path.parts}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def build(*arguments: str) -> None:
    # Where Hatchling is not installed, `build` fetches it.
    fetched = [] if importlib.util.find_spec("hatchling") is None else ["--no-isolation"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "build", *fetched, *arguments, str(ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source archive, the wheel that is built from it, and a wheel and a source archive from the checkout."""
    place = tmp_path_factory.mktemp("supply")
    build("--outdir", str(place / "one"))
    build("--sdist", "--wheel", "--outdir", str(place / "other"))
    name = f"derive-{VERSION}"
    return {
        "source": place / "one" / f"{name}.tar.gz",
        "wheel": place / "one" / f"{name}-py3-none-any.whl",
        "source_again": place / "other" / f"{name}.tar.gz",
        "wheel_of_checkout": place / "other" / f"{name}-py3-none-any.whl",
    }


@pytest.fixture(scope="session")
def metadata(archives: dict[str, Path]) -> Message:
    return Parser().parsestr(contents(archives["wheel"])[ABOUT[0]].decode())


def source_names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()]


@needs_build
def test_the_wheel_holds_the_two_packages_and_nothing_else(archives: dict[str, Path]) -> None:
    names = list(contents(archives["wheel"]))
    assert strangers(names) == []
    assert set(names) - set(ABOUT) == files_of("derive", "derive") | files_of("output/derived", "derived")
    assert {"derive/py.typed", "derived/py.typed", *ABOUT} <= set(names)


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_supply.py",
        "output/docs/README.md",
        "derive/layers/batch_norm.layer.orig",
        "derive/layers/drafts/mine.layer",
        "derive/__pycache__/cli.cpython-311.pyc",
        "derive/printing/web/photo.png",
        "derived/c/batch_norm.o",
        "LICENSE",
    ],
)
def test_what_has_no_business_in_the_wheel_is_found(name: str) -> None:
    assert strangers(["derive/cli.py", name, "derived/c/batch_norm.c"]) == [name]


@needs_build
def test_the_source_archive_holds_what_it_takes_to_build_and_to_test(archives: dict[str, Path]) -> None:
    names = source_names(archives["source"])
    assert strangers_in_source(names) == []
    assert {*TOP, "tests/test_supply.py", "output/docs/README.md"} <= set(names)


@pytest.mark.parametrize("name", [".ci/run", "dist/derive.whl", "tests/__pycache__/a.pyc", "derive/.hypothesis/a"])
def test_what_has_no_business_in_the_source_archive_is_found(name: str) -> None:
    assert strangers_in_source(["README.md", name, "derive/cli.py"]) == [name]


@needs_build
@pytest.mark.parametrize(("one", "other"), [("wheel", "wheel_of_checkout"), ("source", "source_again")])
def test_what_is_built_twice_is_the_same_to_the_byte(archives: dict[str, Path], one: str, other: str) -> None:
    """Of the wheels, one is built from the source archive, in another folder, and the other from the checkout."""
    assert hashlib.sha256(archives[one].read_bytes()).digest() == hashlib.sha256(archives[other].read_bytes()).digest()


@needs_build
def test_the_version_is_that_of_the_package_everywhere(metadata: Message) -> None:
    assert metadata["Version"] == VERSION
    said = subprocess.run([sys.executable, "-m", "derive", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"derive {VERSION}\n"


def test_the_version_is_written_in_one_place() -> None:
    modules = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "derive").rglob("*.py")
    }
    holding = [name for name, text in {**modules, "pyproject.toml": PYPROJECT}.items() if f'"{VERSION}"' in text]
    assert holding == ["derive/__init__.py"]


@needs_build
def test_at_run_time_it_needs_numpy_and_sympy_alone(metadata: Message) -> None:
    always = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert {requirement_name(text) for text in always} == {"numpy", "sympy"}


@needs_build
def test_the_license_and_the_pythons_are_in_the_metadata(metadata: Message, archives: dict[str, Path]) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert contents(archives["wheel"])[ABOUT[-1]] == (ROOT / "LICENSE").read_bytes()
    named = re.findall(r"Python :: (3\.\d+)", str(metadata.get_all("Classifier")))
    assert metadata["Requires-Python"] == f">={named[0]}"
    assert named == sorted(named, key=lambda version: int(version.partition(".")[2]))


def requirement_name(text: str) -> str:
    match = re.match(r"[\w.-]+", text)
    assert match is not None
    return match[0]


def unbounded(texts: list[str]) -> list[str]:
    """The requirements that lack a lower or an upper bound."""
    bounds = {text: re.findall(r"[<>=~!]+", text.partition(";")[0]) for text in texts}
    return [text for text in texts if sorted(bounds[text]) != ["<", ">="]]


@needs_build
def test_what_is_needed_comes_in_ranges(metadata: Message) -> None:
    """Each begins with a version that was tried, and ends before the major version that none has tried."""
    assert [requirement_name(text) for text in unbounded(metadata.get_all("Requires-Dist", []))] == UNBOUNDED


@pytest.mark.parametrize("text", ["numpy", "numpy>=2", "numpy<3", "numpy>2,<3", "numpy>=2; python_version < '3.13'"])
def test_a_requirement_without_bounds_is_found(text: str) -> None:
    assert unbounded(["sympy<2,>=1.12.1", text, "dask[array]>=2024.12,<2027; extra == 'dask'"]) == [text]


def test_the_changelog_has_the_version_and_tells_what_there_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[?([^\]\s]+)", text, re.MULTILINE)[0] == VERSION
    named = [*(f"`derive {command}" for command in _COMMANDS), *(f"`{target}`" for target in TARGETS)]
    assert [name for name in named if name not in text] == []
