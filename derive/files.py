"""Writing files so that nothing is ever half-written: aside first, then renamed into place.

    Input    a path and a text
    Output   the file. Whoever is killed on the way leaves the old one whole, and the one aside to the next who writes
             into the folder
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from derive.errors import UsageError

if sys.platform != "win32":
    import fcntl

# Short, so that any name of a file that the system takes can be written; and like nobody else's.
_PREFIX, _SUFFIX = ".derive-", ".aside"


def write_file(path: str | Path, text: str) -> None:
    """Write a text as UTF-8 with Unix line ends; the old file stays whole until the new one is.

    A link stays, and what it leads to is written. What exists and is no regular file (a pipe, /dev/stdout) is written
    to directly. Raises UsageError if it cannot, and BrokenPipeError where a pipe's reader is gone.
    """
    target = Path(path)
    content = text.encode("utf-8", "replace")  # what no UTF-8 can say stands in a file's name only
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("wb") as stream:
                stream.write(content)
            return
        _replace(Path(os.path.realpath(target)), content)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise UsageError(f"cannot write {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None


def is_aside(path: Path) -> bool:
    """Whether this is a file that has not got its name yet; another process may be writing it."""
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def remove_asides(folder: Path) -> None:
    """Remove the files that were left aside in a folder by who was killed; those that are being written stay."""
    if sys.platform == "win32":
        return  # there is no telling them apart
    with suppress(OSError):
        for path in filter(is_aside, list(folder.iterdir())):
            with suppress(OSError):
                _remove_unlocked(path)


def _replace(target: Path, content: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    if target.is_symlink():  # what it leads to has been looked for
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if target.exists() and not os.access(target, os.W_OK):  # a rename would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    remove_asides(target.parent)
    with _locked_aside(target.parent) as (handle, aside):
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        os.chmod(aside, mode)
        os.replace(aside, target)


@contextmanager
def _locked_aside(folder: Path) -> Iterator[tuple[int, str]]:
    """A new file in the folder, open for writing, that `remove_asides` leaves alone meanwhile; gone if it fails."""
    handle, aside = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
    while not _lock(handle):  # somebody has taken it for one that was left, before the lock was on it
        os.close(handle)
        handle, aside = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
    lock = os.dup(handle)  # the lock lasts until both are closed
    try:
        if sys.platform == "win32":  # an open file cannot be renamed there
            os.close(lock)
        yield handle, aside
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(aside)
        raise
    finally:
        if sys.platform != "win32":
            os.close(lock)


def _lock(handle: int) -> bool:
    """Lock a file; whether it is there still."""
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # no locks on this file system: then nobody removes what may be in use
            return True
        return os.fstat(handle).st_nlink > 0
    return True


def _remove_unlocked(path: Path) -> None:
    if sys.platform != "win32":
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
