"""A file that is not there is an error that says which one is."""

from pathlib import Path

import pytest
from function_samples import PLAIN, Write

from derive.claims.source_files import split_name
from derive.errors import UsageError


def test_a_file_that_is_not_there(write: Write, tmp_path: Path) -> None:
    write(PLAIN)
    with pytest.raises(UsageError, match=r"there is no file '.*mime.py'\n  help: did you mean mine.py\?"):
        split_name(f"{tmp_path}/mime.py:backward")
    for path in (str(tmp_path), "", "\0", "missing/folder.py"):
        with pytest.raises(UsageError, match="no f"):
            split_name(f"{path}:backward")


@pytest.mark.parametrize("text", ["mine.py", "mine.py:", ":backward", "mine.py:dict.get", ""])
def test_a_text_that_names_no_function(text: str) -> None:
    with pytest.raises(UsageError, match="names no function\n  help: write the file and the function"):
        split_name(text)
