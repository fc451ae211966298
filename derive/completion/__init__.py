"""Scripts that complete `derive` on the command lines of shells.

    Input    the parser of the command line, with all its arguments; the name of a shell
    Output   the script: a table of what there is, and what stands in `script.*` beside this module, which reads it

The names of layers are not in it: the shell asks `derive list` when a layer is wanted, so that they are those of the
program that is installed then. That takes a tenth of a second, as it loads nothing that computes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from derive.completion.bash import bash_table
from derive.completion.commands import commands_of
from derive.completion.fish import fish_table
from derive.completion.zsh import zsh_table

_TABLES = {"bash": bash_table, "zsh": zsh_table, "fish": fish_table}
_PLACE = "# The table\n"  # the line of a script that the table comes after


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell, one of `options.SHELLS`, for each command and argument that a parser has."""
    script = Path(__file__).with_name(f"script.{shell}").read_text(encoding="utf-8")
    before, place, after = script.partition(_PLACE)
    return f"{before}{place}\n{_TABLES[shell](commands_of(parser))}{after}"
