"""The command line: arguments and exit codes only. SymPy is imported when a command needs it, not before.

Exit codes: 0 fine, 1 a check failed, 2 usage, 3 the layer file is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys

from derive import __version__
from derive.errors import DeriveError, LayerError, UsageError
from derive.options import DETAILS, FORMS, INPUT_FORMATS, MODES, NOTATIONS, ORDERS, TARGETS

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from derive.audit import Audit
    from derive.derivation import Detail
    from derive.graph import Graph

OK, FAILED, USAGE, LAYER = 0, 1, 2, 3
# What a shell reports of a process that a signal ended.
INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.command
        code = command(options)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse: 0 for --help and --version, 2 for usage
        return int(stop.code or 0)
    except LayerError as error:
        return _complain(str(error), LAYER)
    except DeriveError as error:
        return _complain(f"derive: {error}", USAGE)
    except BrokenPipeError:
        # The interpreter would flush into the closed pipe once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _complain("derive: the output was closed before all of it was written", PIPE_CLOSED)
    except KeyboardInterrupt:
        return _complain("derive: interrupted", INTERRUPTED)


def _complain(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code


# Arguments


class _Parser(argparse.ArgumentParser):
    """A parser whose arguments are added when it is used: `derive --help` needs those of no command."""

    def __init__(self, *, fill: Callable[[_Parser], None] | None = None, **settings: Any) -> None:
        super().__init__(formatter_class=_formatter, **settings)
        self._fill = fill

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._fill is not None:
            self._fill(self)
            self._fill = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n  help: {self.prog} --help lists what there is\n")


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


def _parser() -> _Parser:
    parser = _Parser(prog="derive", description="Derive the backward pass of a layer from its equations.")
    parser.add_argument("--version", action="version", version=f"derive {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, text, fill, command in (
        ("list", "the built-in layers", None, _list),
        ("show", "the derivation in the terminal", _fill_show, _show),
        ("latex", "the derivation in LaTeX", _fill_latex, _latex),
        ("markdown", "the derivation in Markdown, for GitHub", _fill_markdown, _markdown),
        ("code", "the generated functions", _fill_code, _code),
        ("verify", "the evidence, as a table; exit code 1 when anything fails", _fill_verify, _verify),
        ("check", "someone's derivation, judged line by line; exit code 1 when a line is wrong", _fill_check, _check),
        ("docs", "regenerate the documents and functions", _fill_docs, _docs),
    ):
        verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", fill=fill)
        verb.set_defaults(command=command)
    return parser


def _fill_show(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)
    verb.add_argument("--json", action="store_true", help="the steps and results as data")


def _fill_latex(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)
    verb.add_argument("--document", action="store_true", help="a complete article that compiles")


def _fill_markdown(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    _add_printing(verb)


def _fill_code(verb: _Parser) -> None:
    _add_derivation(verb, "reuse")
    verb.add_argument("--target", choices=TARGETS, default="numpy", help="what the code runs on (default: numpy)")


def _fill_verify(verb: _Parser) -> None:
    _add_derivation(verb, "mean")
    verb.add_argument("--json", action="store_true", help="the table as data")


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
    verb.add_argument("-o", dest="output", metavar="FILE", help="write to a file, not to standard output")


def _fill_docs(verb: _Parser) -> None:
    verb.add_argument("layers", nargs="*", metavar="LAYER", help="only these (default: all built-in layers)")
    verb.add_argument("--check", action="store_true", help="write nothing; exit code 1 and a diff when stale")
    verb.add_argument("-o", dest="output", metavar="DIR", default="output", help="the folder (default: output)")


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
    verb.add_argument("-o", dest="output", metavar="FILE", help="write to a file, not to standard output")


def _add_printing(verb: _Parser) -> None:
    verb.add_argument("--detail", choices=DETAILS, help="how much is shown (default: steps; with --json: full)")
    verb.add_argument("--notation", choices=NOTATIONS, default="leibniz", help="how gradients look (default: leibniz)")
    verb.add_argument(
        "--extent", type=_extent, action="append", metavar="N=2", help="write a small batch out, element by element"
    )


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, as in x,gamma; got {text!r}")
    return names


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"expected a number of seconds up to 3600, as in 10; got {text!r}")
    return value


def _extent(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    try:
        value = int(number)
    except ValueError:
        value = 0
    if not name.strip() or value < 1:
        raise argparse.ArgumentTypeError(f"expected a name and a number of at least 1, as in N=2; got {text!r}")
    return name.strip(), value


# Commands. The imports stand inside: what a command does not need is not loaded.


def _list(options: argparse.Namespace) -> int:
    from derive.layers import layer_names, read_layer, summary

    names = layer_names()
    width = max(map(len, names))
    sys.stdout.write("".join(f"{name:<{width}}  {summary(read_layer(name).text)}\n" for name in names))
    return OK


def _graph(options: argparse.Namespace) -> Graph:
    from derive.layers import read_layer

    source = read_layer(options.layer)  # an unknown layer is told before SymPy is loaded
    from derive.parser import parse_layer

    return parse_layer(source.text, source.name, source.file)


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say of the derivation."""
    return {
        "form": options.form,
        "wrt": options.wrt,
        "order": options.order,
        "mode": options.mode,
        "in_terms_of": options.in_terms_of,
    }


def _columns(options: argparse.Namespace) -> int:
    """How wide a text is to be: as the terminal, within reason."""
    import shutil

    return 100 if options.output else max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))


def _show(options: argparse.Namespace) -> int:
    graph = _graph(options)
    detail: Detail = options.detail or ("full" if options.json else "steps")
    if options.extent:
        from derive.printing.expanded import expanded_data, expanded_text
        from derive.write_out import write_out

        written = write_out(graph, _extents(options), options.wrt, options.form)
        if options.json:
            return _write(options, _json(expanded_data(written, options.notation)))
        return _write(options, expanded_text(written, options.notation, unicode=_has_unicode(options)))
    from derive.pipeline import derive
    from derive.printing.data import derivation_data
    from derive.printing.text import show_text

    derivation = derive(graph, **_wanted(options))
    if options.json:
        return _write(options, _json(derivation_data(derivation, detail, options.notation)))
    return _write(options, show_text(derivation, options.notation, detail, _columns(options), _has_unicode(options)))


def _latex(options: argparse.Namespace) -> int:
    graph = _graph(options)
    if options.extent:
        from derive.printing.expanded import expanded_latex
        from derive.write_out import write_out

        written = write_out(graph, _extents(options), options.wrt, options.form)
        return _write(options, expanded_latex(written, options.notation, options.document))
    from derive.pipeline import derive
    from derive.printing.latex import latex_document, latex_fragment

    derivation = derive(graph, **_wanted(options))
    printer = latex_document if options.document else latex_fragment
    return _write(options, printer(derivation, options.notation, options.detail or "steps"))


def _markdown(options: argparse.Namespace) -> int:
    graph = _graph(options)
    if options.extent:
        from derive.printing.expanded import expanded_markdown
        from derive.write_out import write_out

        written = write_out(graph, _extents(options), options.wrt, options.form)
        return _write(options, expanded_markdown(written, options.notation))
    from derive.pipeline import derive
    from derive.printing.markdown import markdown_text

    derivation = derive(graph, **_wanted(options))
    return _write(options, markdown_text(derivation, options.notation, options.detail or "steps"))


def _code(options: argparse.Namespace) -> int:
    graph = _graph(options)
    from derive.codegen.numpy import derivations_for_code, module_text

    coded = derivations_for_code(graph, **_wanted(options))
    return _write(options, module_text(*coded))


def _verify(options: argparse.Namespace) -> int:
    graph = _graph(options)
    from derive.workshop import verify_layer

    report = verify_layer(graph, **_wanted(options))
    _write(options, _json(report.to_json(measured=True)) if options.json else report.text())
    return OK if report.passed else FAILED


def _check(options: argparse.Namespace) -> int:
    if options.lint and options.claims is None and options.function is None:
        return _lint(options)
    if options.forward is not None and options.function is None:
        raise UsageError("--forward goes with --function")
    if options.claims is None and options.function is None:
        raise UsageError("nothing to check: give the derivation, CLAIMS, or --function FILE.py:NAME, or --lint")
    if options.claims is not None and options.function is not None:
        raise UsageError("CLAIMS and --function are two derivations: check one at a time")
    if options.claims == "-" and options.layer == "-":
        raise UsageError("the layer and the derivation cannot both come from standard input")
    audit = _audit(options)
    if options.lint:
        sys.stderr.write(_warnings(_graph(options), options))
    if options.json:
        _write(options, _json(audit.to_json()))
    else:
        from derive.printing.audit import audit_text

        _write(options, audit_text(audit, _columns(options)))
    return audit.exit_code


def _audit(options: argparse.Namespace) -> Audit:
    """The verdicts on the derivation, or on the function, that is asked about."""
    if options.function is not None:
        graph = _graph(options)
        from derive.checker import check_function
        from derive.claims.functions import announcement

        for function in filter(None, (options.forward, options.function)):
            sys.stderr.write(f"derive: {announcement(function, options.timeout)}\n")
        sys.stderr.flush()
        return check_function(graph, options.function, options.forward, options.timeout)
    from derive.layers import read_document

    document = read_document(options.claims)
    graph = _graph(options)
    from derive.checker import check_claims

    return check_claims(graph, document.text, document.file, options.input_format, options.symbols)


def _lint(options: argparse.Namespace) -> int:
    graph = _graph(options)
    if options.json:
        from dataclasses import asdict

        from derive.lint import lint

        return _write(options, _json({"layer": graph.name, "warnings": [asdict(warning) for warning in lint(graph)]}))
    return _write(options, _warnings(graph, options) or f"{graph.name}: nothing unusual\n")


def _warnings(graph: Graph, options: argparse.Namespace) -> str:
    from derive.layers import read_layer
    from derive.lint import lint, lint_text

    file = read_layer(options.layer).file if options.layer != "-" else "<stdin>"
    return lint_text(graph, lint(graph), file)


def _docs(options: argparse.Namespace) -> int:
    from derive.docs import check_documents, write_documents
    from derive.layers import layer_names, read_layer

    sources = [read_layer(name) for name in options.layers or layer_names()]
    whole = not options.layers
    if options.check:
        difference = check_documents(sources, options.output, whole)
        sys.stdout.write(difference)
        return FAILED if difference else OK
    for path in write_documents(sources, options.output, whole):
        sys.stderr.write(f"{path}\n")
    return OK


def _extents(options: argparse.Namespace) -> dict[str, int]:
    if options.mode != "reverse":
        raise UsageError("--extent writes gradients out, not tangents: leave out --mode forward, or --extent")
    if options.order > 1:
        raise UsageError("--extent writes the derivation of order 1 out; leave it away, or --order")
    if options.in_terms_of:
        raise UsageError("--extent writes the cheapest form out; leave it away, or --in-terms-of")
    extents: dict[str, int] = {}
    for name, value in options.extent:
        if extents.setdefault(name, value) != value:
            raise UsageError(f"--extent gives {name} twice, as {extents[name]} and as {value}")
    return extents


def _json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _has_unicode(options: argparse.Namespace) -> bool:
    """Whether what is written to can show Greek letters: a file always, a terminal by its encoding."""
    encoding = "utf-8" if options.output else (sys.stdout.encoding or "ascii")
    try:
        "μ̂Σ∂".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(options: argparse.Namespace, text: str) -> int:
    if options.output is None:
        # JSON and LaTeX may hold any letter, and a pipe's encoding is whatever the locale says: UTF-8 where it fails.
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
        return OK
    from derive.files import write_file

    write_file(options.output, text)
    return OK
