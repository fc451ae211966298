"""The table for Bash: what each argument of each command takes, as the cases of a function.

    Input    Commands
    Output   the function `_derive_takes`

A case is a command and an option, or a command and a place. It sets `takes`, an array: the kind of value, and for a
choice all that there is; and `many`, where several values can follow.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from derive.completion.commands import Argument, Command

_HEAD = """\
_derive_takes() { # COMMAND; OPTION, or PLACE, or - for all its options
    takes=() many=''
    case "$1 $2" in
"""


def bash_table(commands: Sequence[Command]) -> str:
    """The function that knows the arguments."""
    cases = "".join(f"        {case} ;;\n" for command in commands for case in _cases(command))
    return f"{_HEAD}{cases}    esac\n}}\n"


def _cases(command: Command) -> Iterator[str]:
    names = [shlex.quote(name) for option in command.options for name in option.names]
    yield f"{shlex.quote(f'{command.name} -')}) takes=(choice {' '.join(names)})"
    for option in command.options:
        if option.takes != "nothing":
            pattern = " | ".join(shlex.quote(f"{command.name} {name}") for name in option.names)
            yield f"{pattern}) {_takes(option)}"
    for place, argument in enumerate(command.places, start=1):
        if argument.many:  # it stands last, and comes in all the places from there on
            yield f"{shlex.quote(f'{command.name} ')}[0-9]*) {_takes(argument)}"
        else:
            yield f"{shlex.quote(f'{command.name} {place}')}) {_takes(argument)}"


def _takes(argument: Argument) -> str:
    words = " ".join([argument.takes, *map(shlex.quote, argument.choices)])
    return f"takes=({words}) many=yes" if argument.many else f"takes=({words})"
