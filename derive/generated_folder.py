"""A folder in which some parts are generated: brought up to date, or compared; what is somebody else's is left alone.

    Input    the texts of all files by their paths in the folder, in the order in which they are written
    Output   the folder, and which files changed; or the difference, and nothing is written
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from derive.errors import UsageError
from derive.files import is_aside, remove_asides, write_file

_IGNORED = ("__pycache__",)


@dataclass(frozen=True)
class GeneratedFolder:
    """The folder `root`. In its `parts` is nothing but what is generated, and the file `index` has the line `mark`."""

    root: Path
    parts: tuple[str, ...]
    index: str
    mark: str

    def check(self, access: int = os.F_OK) -> None:
        """Raise UsageError where the folder is none, and cannot become one, or cannot be accessed so."""
        there = next((place for place in (self.root, *self.root.parents) if os.path.lexists(place)), Path())
        if not there.is_dir():
            gone = "the folder that this is run in is gone"
            raise UsageError(f"{str(there)!r} is not a folder" if os.path.lexists(there) else gone)
        if not os.access(there, access):
            raise UsageError(f"cannot write into the folder {str(there)!r}: Permission denied")

    def check_owner(self, names: Collection[str], part: str) -> None:
        """Raise UsageError for a file that has none of the names, nor its folder in `part`, unless it is marked."""
        if self.mark in (_read(self.root / self.index) or "").splitlines():
            return
        for path in self._extra(()):
            inside = path.relative_to(self.root).parts
            if path.stem not in names and not (inside[0] == part and inside[1] in names):
                raise UsageError(
                    f"{str(path)!r} is not of these documents, and would be replaced or removed\n"
                    "  help: give another folder, -o DIR, or name the layers that are wanted: their files alone are "
                    "written"
                )

    def update(self, expected: Mapping[str, str], whole: bool) -> list[str]:
        """Write what differs, and with `whole` remove what does not belong; the paths that changed."""
        for place in {(self.root / path).parent for path in expected}:
            remove_asides(place)
        changed = []
        for path, text in expected.items():
            target = self.root / path
            if _read(target) != text:
                _make_folder(target.parent)
                write_file(target, text)
                changed.append(str(target))
        for left_over in self._extra(expected) if whole else ():
            _remove(left_over)
            changed.append(f"{left_over} (removed)")
        return changed

    def difference(self, expected: Mapping[str, str], whole: bool) -> str:
        """What `update` would change, as a unified diff."""
        parts = []
        for path, text in expected.items():
            target = self.root / path
            there = _read(target)
            if there != text:
                parts.append(_difference(str(target), there, text))
        for left_over in self._extra(expected) if whole else ():
            parts.append(_difference(str(left_over), _read(left_over), None))
        return "".join(parts)

    def _extra(self, expected: Collection[str]) -> list[Path]:
        """The files in the generated parts that do not belong there."""
        known = {self.root / path for path in expected}
        return [path for path in self._files() if path not in known and not is_aside(path)]

    def _files(self) -> Iterator[Path]:
        for part in self.parts:
            for path in sorted((self.root / part).rglob("*")):
                if path.is_file() and not set(path.parts) & set(_IGNORED):
                    yield path


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)  # another run may have removed it
    except OSError as error:
        raise UsageError(f"cannot remove {str(path)!r}: {error.strerror}") from None


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from None


def _difference(path: str, there: str | None, wanted: str | None) -> str:
    """A unified diff from what is there to what is wanted."""
    before, after = ((text or "").splitlines(keepends=True) for text in (there, wanted))
    names = (path if there is not None else "/dev/null", path if wanted is not None else "/dev/null")
    lines = [line if line.endswith("\n") else line + "\n" for line in difflib.unified_diff(before, after, *names)]
    return "".join(lines) or f"--- {names[0]}\n+++ {names[1]}\n"
