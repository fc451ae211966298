"""The table for zsh: the arguments of each command as the specifications that zsh's own `_arguments` reads.

    Input    Commands
    Output   the functions `_derive_commands` and `_derive_arguments`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from derive.completion.commands import Argument, Command, Takes

# What zsh calls to complete a value; a blank stands for nothing. A name that begins with a dash would be an option.
_ACTIONS: dict[Takes, str] = {
    "layer": "_derive_layers",
    "file": '_path_files -g "[^-]*"',
    "folder": '_path_files -g "[^-]*(-/)"',
    "python": '_path_files -g "[^-]*.py(-.) [^-]*(-/)"',
    "free": " ",
}
_TABLE = """\
_derive_commands() {{
    local -a commands=(
{listed}    )
    _describe -t commands command commands
}}

_derive_arguments() {{ # COMMAND, nothing for what comes before there is one
    case $1 in
        '')
            _arguments -S -C{program}
            [[ $state == arguments ]] && _derive_arguments $words[1]
            ;;
{cases}    esac
}}
"""


def zsh_table(commands: Sequence[Command]) -> str:
    """The functions that know the commands and their arguments."""
    whole, *verbs = commands
    listed = "".join(f"        {_quoted(f'{_escaped(verb.name)}:{verb.about}')}\n" for verb in verbs)
    # What comes after the command is completed as if the line began with it.
    program = _lines([*_options(whole), "1:command:_derive_commands", "*::argument:->arguments"])
    return _TABLE.format(listed=listed, program=program, cases="".join(map(_case, verbs)))


def _case(verb: Command) -> str:
    specifications = _lines([*_options(verb), *_places(verb)])
    return f"        {_quoted(verb.name)})\n            _arguments -S{specifications}\n            ;;\n"


def _lines(specifications: Sequence[str]) -> str:
    return "".join(f" \\\n                {_quoted(text)}" for text in specifications)


def _options(command: Command) -> Iterator[str]:
    """Each spelling of each option; it excludes the others unless the option can come again."""
    for option in command.options:
        others = "*" if option.again else f"({' '.join(option.names)})"
        for name in option.names:
            separator = "" if option.takes == "nothing" else "=" if name.startswith("--") else "+"
            about = re.sub(r"([\[\]\\])", r"\\\1", option.about)
            yield f"{others}{name}{separator}[{about}]{_values(option, command) if option.many else _value(option)}"


def _places(command: Command) -> Iterator[str]:
    for place, argument in enumerate(command.places, start=1):
        yield f"{'*' if argument.many else place}{_value(argument)}"


def _value(argument: Argument) -> str:
    """What follows; nothing for a flag."""
    if argument.takes == "nothing":
        return ""
    choices = " ".join(map(_escaped, argument.choices))
    action = f"({choices})" if argument.takes == "choice" else _ACTIONS[argument.takes]
    return f":{_escaped(argument.shown)}:{action}"


def _values(option: Argument, command: Command) -> str:
    """What follows an option that takes many values: all words up to the next option, or the beginning of one.

    Raises ValueError where the values themselves could be completed: no option has needed that yet.
    """
    if option.takes != "free":
        raise ValueError(f"{option.names[-1]} takes many values: what they are is not yet completed in zsh")
    names = " ".join(name for each in command.options for name in each.names)
    return f":*-*:{_escaped(option.shown)}:_derive_options -- {names}"


def _escaped(text: str) -> str:
    """A text with a backslash before what zsh would not take for itself."""
    return re.sub(r"([^\w./=,-])", r"\\\1", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", r"'\''") + "'"
