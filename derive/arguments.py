"""The arguments of the command line. Nothing is imported that `derive --help` does not need."""

from __future__ import annotations

import argparse
import os
import sys

from derive import __version__
from derive.errors import readable
from derive.options import (
    COLORS,
    DETAILS,
    DTYPES,
    FORMS,
    INPUT_FORMATS,
    MODES,
    NOTATIONS,
    ORDERS,
    PICTURE_FORMATS,
    SHELLS,
    TARGETS,
)
from derive.streams import tell, write_output

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn, TypeAlias

    Command: TypeAlias = Callable[[argparse.Namespace], int]

USAGE = 2  # the exit code


class _Parser(argparse.ArgumentParser):
    """A parser whose arguments are added when it is used: `derive --help` needs those of no command."""

    def __init__(self, *, fill: Callable[[_Parser], None] | None = None, **settings: Any) -> None:
        super().__init__(formatter_class=_formatter, **settings)
        self._fill = fill

    def fill(self) -> None:
        """Add the arguments, unless they are there."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.fill()
        return super().parse_known_args(args, namespace)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse drops what cannot be written, of the help as well.
        (write_output if file is sys.stdout else tell)(message)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {readable(message)}\n  help: {self.prog} --help lists what there is\n")


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Help as wide as the terminal. Without a width argparse would load shutil, which costs as much as argparse."""
    try:
        width = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        try:
            width = os.get_terminal_size().columns
        except OSError:
            width = 80
    return argparse.HelpFormatter(prog, width=max(width, 40) - 2)


def command_parser(commands: Mapping[str, Command], whole: bool = False) -> argparse.ArgumentParser:
    """The parser of the whole command line; each verb's options carry its command, as `command`.

    With `whole`, the arguments of all verbs are there from the start, for what reads the parser itself.
    """
    parser = _Parser(prog="derive", description="Derive the backward pass of a layer from its equations.")
    parser.add_argument("--version", action="version", version=f"derive {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, text, fill in (
        ("list", "the built-in layers", None),
        ("show", "the derivation in the terminal", _fill_show),
        ("latex", "the derivation in LaTeX", _fill_latex),
        ("markdown", "the derivation in Markdown, for GitHub", _fill_markdown),
        ("html", "the derivation, functions and evidence as one web page", _fill_html),
        ("graph", "a picture of the graph, and of what flows back", _fill_graph),
        ("code", "the generated functions", _fill_code),
        ("verify", "the evidence, as a table; exit code 1 when anything fails", _fill_verify),
        ("check", "someone's derivation, judged line by line; exit code 1 when a line is wrong", _fill_check),
        ("bench", "how fast the functions are, and how exact, beside what people use", _fill_bench),
        ("docs", "regenerate the documents and functions", _fill_docs),
        ("completion", "a script that completes all this in a shell", _fill_completion),
    ):
        verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", fill=fill)
        verb.set_defaults(command=commands[name])
        if whole:
            verb.fill()
    return parser


def _fill_show(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)
    verb.add_argument("--flat", action="store_true", help="formulas on one line each")
    verb.add_argument("--json", action="store_true", help="the steps and results as data")
    _add_color(verb)


def _fill_latex(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)
    verb.add_argument("--document", action="store_true", help="a complete article that compiles")


def _fill_markdown(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)


def _fill_html(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)


def _fill_graph(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    verb.add_argument("--format", choices=PICTURE_FORMATS, default="svg", help="of the picture (default: svg)")
    verb.add_argument("--notation", choices=NOTATIONS, default="leibniz", help="how gradients look (default: leibniz)")
    verb.add_argument("--forward", action="store_true", help="without the gradients that flow back")


def _fill_code(verb: _Parser) -> None:
    _add_derivation(verb, "reuse")
    verb.add_argument("--target", choices=TARGETS, default="numpy", help="what the code runs on (default: numpy)")


def _fill_verify(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    verb.add_argument("--json", action="store_true", help="the table as data")
    _add_color(verb)


def _fill_check(verb: _Parser) -> None:
    verb.add_argument("layer", metavar="LAYER", help="a built-in layer, a .layer file, or - for standard input")
    verb.add_argument(
        "claims", nargs="?", metavar="CLAIMS", help="a derivation: LaTeX in a .tex or .md file, else the layer grammar"
    )
    verb.add_argument("--input-format", choices=INPUT_FORMATS, help="what CLAIMS is (default: by its name or its look)")
    verb.add_argument(
        "--symbols", default="", metavar="'m=N, z=x'", help="the layer's names for the letters of a derivation in LaTeX"
    )
    verb.add_argument("--function", metavar="FILE.py:NAME", help="judge a NumPy backward function; it is run")
    verb.add_argument("--forward", metavar="FILE.py:NAME", help="the forward function whose cache it takes; it is run")
    verb.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for a call of such a function (default: 10)"
    )
    verb.add_argument("--lint", action="store_true", help="say what is unusual about the layer's own equations")
    verb.add_argument("--json", action="store_true", help="the verdicts as data")
    _add_color(verb)
    verb.add_argument("-o", dest="output", type=_file, metavar="FILE", help="write to a file, not to standard output")


def _fill_bench(verb: _Parser) -> None:
    verb.add_argument(
        "layer", nargs="?", metavar="LAYER", help="as everywhere (default: each layer that there are baselines for)"
    )
    verb.add_argument("--accuracy", action="store_true", help="errors against a reference in more digits, not times")
    verb.add_argument("--targets", type=_names, metavar="a,b", help=f"of {','.join(TARGETS)} (default: all)")
    verb.add_argument(
        "--shape", type=_shape, nargs="+", action="extend", default=[], metavar="64x128", help="the extents, in order"
    )
    verb.add_argument(
        "--dtype", type=_names, metavar="a,b", help=f"of {','.join(DTYPES)} (default: the first two; for errors all)"
    )
    verb.add_argument(
        "--seconds",
        type=_seconds,
        default=4.0,
        metavar="S",
        help="for a shape and dtype; three rounds may take more (default: 4)",
    )
    verb.add_argument("--repeats", type=_repeats, default=100, metavar="K", help="rounds at most (default: 100)")
    verb.add_argument("--record", action="store_true", help="measure both, and keep them for the page about it")
    verb.add_argument("--json", action="store_true", help="the tables as data")
    verb.add_argument("-o", dest="output", type=_file, metavar="FILE", help="write to a file, not to standard output")


def _fill_docs(verb: _Parser) -> None:
    verb.add_argument("layers", nargs="*", metavar="LAYER", help="only these (default: all built-in layers)")
    verb.add_argument("--check", action="store_true", help="write nothing; exit code 1 and a diff when stale")
    verb.add_argument(
        "-o", dest="output", type=_path, metavar="DIR", default="output", help="the folder (default: output)"
    )


def _fill_completion(verb: _Parser) -> None:
    verb.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")


def _add_derivation(verb: _Parser, form: str) -> None:
    verb.add_argument("layer", metavar="LAYER", help="a built-in layer, a .layer file, or - for standard input")
    verb.add_argument("--form", choices=FORMS, default=form, help=f"the shape of the result (default: {form})")
    verb.add_argument("--mode", choices=MODES, default="reverse", help="gradients, or tangents (default: reverse)")
    verb.add_argument(
        "--wrt", type=_names, metavar="x,gamma", help="the gradients wanted, or what moves (default: all inputs)"
    )
    verb.add_argument(
        "--order", type=int, choices=ORDERS, default=1, help="2: gradients of the gradients, 3: of those (default: 1)"
    )
    verb.add_argument(
        "--in-terms-of",
        type=_names,
        default=[],
        metavar="xhat,var",
        help="the quantities to write the result in, where others can be expressed by them (default: what costs least)",
    )
    verb.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="for the search for a closed form (default: no limit)"
    )
    verb.add_argument("-o", dest="output", type=_file, metavar="FILE", help="write to a file, not to standard output")


def _add_printing(verb: _Parser) -> None:
    verb.add_argument("--detail", choices=DETAILS, help="how much is shown (default: steps; with --json: full)")
    verb.add_argument("--notation", choices=NOTATIONS, default="leibniz", help="how gradients look (default: leibniz)")
    verb.add_argument(
        "--extent", type=_extent, action="append", metavar="N=2", help="write a small batch out, element by element"
    )


def _add_color(verb: _Parser) -> None:
    verb.add_argument("--color", choices=COLORS, default="auto", help="in color or not (default: auto, on a terminal)")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, as in x,gamma; got {text!r}")
    return names


def _path(text: str) -> str:
    if not text:  # a shell's variable that is not set, and the folder that one is in would be taken
        raise argparse.ArgumentTypeError("expected a path; got an empty one")
    return text


def _file(text: str) -> str | None:
    """A path, or None for -, which is standard output, as it is standard input for a layer."""
    return None if text == "-" else _path(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"expected a number of seconds up to 3600, as in 10; got {text!r}")
    return value


def _shape(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split("x"))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers from 1 on with x between them, as in 64x128; got {text!r}")
    return numbers


def _repeats(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, as in 20; got {text!r}")
    return int(text)


def _extent(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    try:
        value = int(number)
    except ValueError:
        value = 0
    if not name.strip() or value < 1:
        raise argparse.ArgumentTypeError(f"expected a name and a number of at least 1, as in N=2; got {text!r}")
    return name.strip(), value
