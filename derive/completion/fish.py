"""The table for fish: what takes values, as a function, and a `complete` for each command and argument.

    Input    Commands
    Output   the function `__derive_takes`, and what calls `complete`

`complete` is told where an argument can come by a condition: in a command, or in one of its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from derive.completion.commands import Argument, Command, Takes

_VALUES: dict[Takes, str] = {
    "layer": "(__derive_layers)",
    "file": "(__derive_paths '')",
    "folder": "(__derive_paths /)",
    "python": "(__derive_paths .py)",
    "free": "",
}
_TAKES = """\
function __derive_takes # COMMAND OPTION: says whether one value follows, or many
    switch "$argv"
{cases}    end
end

"""


def fish_table(commands: Sequence[Command]) -> str:
    """The function that knows which options take values, and the completions."""
    cases = [case for command in commands for case in _cases(command)]
    lines = [line for command in commands for line in _completions(command, commands[1:])]
    return _TAKES.format(cases="".join(cases)) + "complete -c derive -f\n" + "".join(f"{line}\n" for line in lines)


def _cases(command: Command) -> Iterator[str]:
    for many, said in ((False, "one"), (True, "many")):
        taking = [option for option in command.options if option.takes != "nothing" and option.many == many]
        names = [name for option in taking for name in option.names]
        if names:
            patterns = " ".join(_quoted(f"{command.name} {name}") for name in names)
            yield f"        case {patterns}\n            echo {said}\n"


def _completions(command: Command, verbs: Sequence[Command]) -> Iterator[str]:
    for option in command.options:
        names = [f"-{'l' if name.startswith('--') else 's'} {name.lstrip('-')}" for name in option.names]
        value = "" if option.takes == "nothing" else f" -x -a {_quoted(_values(option))}"
        yield f"{_complete(f'__derive_in {_quoted(command.name)}')} {' '.join(names)}{value} -d {_quoted(option.about)}"
    for place, argument in enumerate(command.places, start=1):
        here = f"__derive_at {_quoted(command.name)} {place}{' many' if argument.many else ''}"
        if argument.takes == "choice" and not command.name:  # the commands, each of which says what it is
            for verb in verbs:
                yield f"{_complete(here)} -a {_quoted(_quoted(verb.name))} -d {_quoted(verb.about)}"
        else:
            yield f"{_complete(here)} -a {_quoted(_values(argument))}"


def _complete(condition: str) -> str:
    return f"complete -c derive -n {_quoted(condition)}"


def _values(argument: Argument) -> str:
    if argument.takes == "choice":
        return " ".join(map(_quoted, argument.choices))
    return _VALUES[argument.takes]


def _quoted(text: str) -> str:
    """A word of fish: in quotes unless it is plain."""
    return text if re.fullmatch(r"[\w.-]+", text) else "'" + re.sub(r"(['\\])", r"\\\1", text) + "'"
