"""The commands of a parser and what their arguments take, as a completion needs it.

    Input    an argparse parser with all its arguments
    Output   its Commands, the parser itself first, as the command without a name

Nothing that is typed on a command line is written down here: argparse knows it. What a free value is, is told by the
name that the help shows for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Takes = Literal["nothing", "choice", "layer", "file", "folder", "python", "free"]

# What there is a file, a folder or a layer for. Any other name stands for a value that only its user can know.
_BY_METAVAR: dict[str, Takes] = {
    "LAYER": "layer",
    "CLAIMS": "file",
    "FILE": "file",
    "FILE.py:NAME": "python",
    "DIR": "folder",
}


@dataclass(frozen=True)
class Argument:
    """An option, by its `names`, or without any what comes in some place.

    `choices` are all that it can be where it `takes` a choice; `many` says that several values can follow, `again` that
    the option can; `shown` and `about` are what the help calls it and says of it.
    """

    names: tuple[str, ...]
    takes: Takes
    choices: tuple[str, ...]
    many: bool
    again: bool
    shown: str
    about: str


@dataclass(frozen=True)
class Command:
    """A command and its arguments: the `options`, and the `places`, in order, for what has no name."""

    name: str
    about: str
    options: tuple[Argument, ...]
    places: tuple[Argument, ...]


def commands_of(parser: argparse.ArgumentParser) -> list[Command]:
    """The parser as a command without a name, then each of its commands."""
    return list(_commands(parser, "", parser.description or ""))


def _commands(parser: argparse.ArgumentParser, name: str, about: str) -> Iterator[Command]:
    arguments = [_argument(parser, action) for action in parser._actions if action.help != argparse.SUPPRESS]
    options = tuple(argument for argument in arguments if argument.names)
    yield Command(name, about, options, tuple(argument for argument in arguments if not argument.names))
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, below in action.choices.items():
                yield from _commands(below, verb, below.description or "")


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    shown = action.metavar if isinstance(action.metavar, str) else action.dest
    choices = tuple(map(str, action.choices or ()))
    takes: Takes = "nothing" if action.nargs == 0 else "choice" if choices else _BY_METAVAR.get(shown, "free")
    return Argument(
        names=tuple(action.option_strings),
        takes=takes,
        choices=choices,
        many=action.nargs in ("*", "+"),
        again=isinstance(action, argparse._AppendAction),
        shown=shown,
        about=(action.help or "") % {**vars(action), "prog": parser.prog},
    )
