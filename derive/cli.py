"""The command line: commands and exit codes only. SymPy is imported when a command needs it, not before.

Exit codes: 0 fine, 1 a check failed, 2 usage, 3 the layer file is wrong.
"""

from __future__ import annotations

import argparse
import sys

from derive.arguments import USAGE, command_parser
from derive.errors import DeriveError, LayerError, UsageError
from derive.signals import Heeded, Terminated
from derive.streams import open_missing, tell, write_output

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from derive.audit import Audit
    from derive.derivation import Detail
    from derive.graph import Graph
    from derive.layers import LayerText
    from derive.progress import ProgressLine

OK, FAILED, LAYER = 0, 1, 3  # and USAGE, 2
# What a shell reports of a process that a signal ended.
INTERRUPTED, PIPE_CLOSED = 130, 141
SIGNALED = 128  # and the signal's number: 143 for SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    open_missing()
    try:
        with Heeded():
            options = command_parser(_COMMANDS).parse_args(arguments)
            command: Callable[[argparse.Namespace], int] = options.command
            return command(options)
    except SystemExit as stop:  # argparse: 0 for --help and --version, 2 for usage
        return int(stop.code or 0)
    except LayerError as error:
        return _complain(str(error), LAYER)
    except DeriveError as error:
        return _complain(f"derive: {error}", USAGE)
    except BrokenPipeError:
        return _complain("derive: the output was closed before all of it was written", PIPE_CLOSED)
    except OSError as error:  # of what a library does with files and processes
        place = f" {error.filename!r}" if error.filename else ""
        return _complain(f"derive: {error.strerror or error}{place}", USAGE)
    except KeyboardInterrupt:
        return _complain("derive: interrupted", INTERRUPTED)
    except Terminated as ended:
        return _complain("derive: terminated", SIGNALED + ended.number)


def _complain(message: str, code: int) -> int:
    tell(message + "\n")
    return code


# Commands. The imports stand inside: what a command does not need is not loaded.


def _list(options: argparse.Namespace) -> int:
    from derive.layers import layer_names, read_layer, summary

    names = layer_names()
    width = max(map(len, names))
    write_output("".join(f"{name:<{width}}  {summary(read_layer(name).text)}\n" for name in names))
    return OK


def _graph(options: argparse.Namespace) -> Graph:
    return _parsed(options.layer)


def _parsed(spec: str) -> Graph:
    from derive.layers import read_layer

    return _parsed_text(read_layer(spec))  # an unknown layer is told before SymPy is loaded


def _parsed_text(source: LayerText) -> Graph:
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
        "timeout": options.timeout,
    }


def _show(options: argparse.Namespace) -> int:
    graph = _graph(options)
    detail: Detail = options.detail or ("full" if options.json else "steps")
    if options.extent:
        from derive.printing.expanded import expanded_data, expanded_text
        from derive.terminal import has_unicode
        from derive.write_out import write_out

        written = write_out(graph, _extents(options), options.wrt, options.form)
        if options.json:
            return _write(options, _json(expanded_data(written, options.notation)))
        return _write(options, expanded_text(written, options.notation, unicode=has_unicode(options.output)))
    from derive.pipeline import derive
    from derive.printing.data import derivation_data
    from derive.printing.text import show_text
    from derive.terminal import columns, has_unicode, palette

    derivation = derive(graph, **_wanted(options))
    if options.json:
        return _write(options, _json(derivation_data(derivation, detail, options.notation)))
    wide, unicode = columns(options.output), has_unicode(options.output)
    colors = palette(options.color, options.output)
    return _write(options, show_text(derivation, options.notation, detail, wide, unicode, options.flat, colors))


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
    detail: Detail = options.detail or "steps"
    if not options.document:
        return _write(options, latex_fragment(derivation, options.notation, detail))
    from derive.pictures import picture

    drawn = picture(derivation, "tikz", notation=options.notation)
    return _write(options, latex_document(derivation, options.notation, detail, drawn))


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


def _html(options: argparse.Namespace) -> int:
    from derive.layers import read_layer

    source = read_layer(options.layer)
    from derive.webpage import layer_page

    extents = _extents(options) if options.extent else None
    detail: Detail = options.detail or "steps"
    with _progress() as progress:
        page = layer_page(source, options.notation, detail, **_wanted(options), extents=extents, progress=progress)
    return _write(options, page)


def _picture(options: argparse.Namespace) -> int:
    graph = _graph(options)
    from derive.pictures import picture
    from derive.pipeline import derive

    derivation = derive(graph, **_wanted(options))
    return _write(options, picture(derivation, options.format, not options.forward, options.notation))


def _code(options: argparse.Namespace) -> int:
    graph = _graph(options)
    from derive.codegen.numpy import derivations_for_code
    from derive.codegen.targets import TARGETS

    target = TARGETS[options.target]
    if options.order > target.orders:
        most = f"the target {options.target} has functions up to order {target.orders}"
        raise UsageError(f"{most}, not of order {options.order}")
    coded = derivations_for_code(graph, **_wanted(options))
    return _write(options, target.write(*coded))


def _verify(options: argparse.Namespace) -> int:
    graph = _graph(options)
    from derive.terminal import palette
    from derive.workshop import verify_layer

    with _progress() as progress:
        report = verify_layer(graph, **_wanted(options), progress=progress)
    colors = palette(options.color, options.output)
    _write(options, _json(report.to_json(measured=True)) if options.json else report.text(palette=colors))
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
    from derive.layers import read_document, read_layer

    document = read_document(options.claims) if options.claims is not None else None
    layer = read_layer(options.layer)
    graph = _parsed_text(layer)
    with _progress() as progress:
        audit = _audit(options, graph, document, progress)
    if options.lint:
        tell(_warnings(graph, layer))
    if options.json:
        _write(options, _json(audit.to_json()))
    else:
        from derive.printing.audit import audit_text
        from derive.terminal import columns, palette

        _write(options, audit_text(audit, columns(options.output), palette(options.color, options.output)))
    return audit.exit_code


def _audit(
    options: argparse.Namespace, graph: Graph, document: LayerText | None, progress: Callable[[str], None]
) -> Audit:
    """The verdicts on the derivation, or on the function, that is asked about."""
    if document is None:
        from derive.checker import check_function
        from derive.claims.functions import announcement
        from derive.claims.source_files import split_name

        functions = [text for text in (options.forward, options.function) if text is not None]
        for function in functions:
            split_name(function)  # what is not there is not announced
        for function in functions:
            tell(f"derive: {announcement(function, options.timeout)}\n")
        return check_function(graph, options.function, options.forward, options.timeout, progress)
    from derive.checker import check_claims

    return check_claims(graph, document.text, document.file, options.input_format, options.symbols, progress)


def _lint(options: argparse.Namespace) -> int:
    from derive.layers import read_layer

    layer = read_layer(options.layer)
    graph = _parsed_text(layer)
    if options.json:
        from dataclasses import asdict

        from derive.lint import lint

        return _write(options, _json({"layer": graph.name, "warnings": [asdict(warning) for warning in lint(graph)]}))
    return _write(options, _warnings(graph, layer) or f"{graph.name}: nothing unusual\n")


def _warnings(graph: Graph, layer: LayerText) -> str:
    from derive.lint import lint, lint_text

    return lint_text(graph, lint(graph), layer.file)


def _bench(options: argparse.Namespace) -> int:
    from derive.baselines import baseline_names

    specs = [options.layer] if options.layer is not None else baseline_names()
    graphs = [_parsed(spec) for spec in specs]
    from derive.bench.record import record, report_data
    from derive.bench.report import measure
    from derive.bench.tables import report_text
    from derive.bench.timing import Rounds

    parts = ("speed", "accuracy") if options.record else ("accuracy",) if options.accuracy else ("speed",)
    rounds = Rounds(options.seconds, options.repeats)
    with _progress(patience=0) as progress:  # the first measurement alone takes seconds
        reports = [
            measure(graph, parts, options.targets, options.dtype, options.shape, rounds, progress) for graph in graphs
        ]
    if options.record:
        for report in reports:
            tell(f"{record(report)}\n")
    if options.json:
        data = [report_data(report) for report in reports]
        return _write(options, _json(data[0] if options.layer is not None else data))
    return _write(options, "\n".join(map(report_text, reports)))


def _docs(options: argparse.Namespace) -> int:
    from derive.docs import check_documents, write_documents
    from derive.layers import layer_names, read_layer

    sources = [read_layer(name) for name in options.layers or layer_names()]
    whole = not options.layers
    if options.check:
        with _progress() as progress:
            difference = check_documents(sources, options.output, whole, progress)
        write_output(difference)
        return FAILED if difference else OK
    with _progress() as progress:
        paths = write_documents(sources, options.output, whole, progress)
    for path in paths:
        tell(f"{path if path.isprintable() else repr(path)}\n")
    return OK


def _completion(options: argparse.Namespace) -> int:
    from derive.completion import completion_script

    write_output(completion_script(command_parser(_COMMANDS, whole=True), options.shell))
    return OK


_COMMANDS = {
    "list": _list,
    "show": _show,
    "latex": _latex,
    "markdown": _markdown,
    "html": _html,
    "graph": _picture,
    "code": _code,
    "verify": _verify,
    "check": _check,
    "bench": _bench,
    "docs": _docs,
    "completion": _completion,
}

# What several commands use


def _progress(patience: float = 1.0) -> ProgressLine:
    """A line on the terminal that says what is being done, when that has taken so many seconds."""
    from derive.progress import ProgressLine

    return ProgressLine(sys.stderr, patience)


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


def _write(options: argparse.Namespace, text: str) -> int:
    if options.output is None:
        write_output(text)
    else:
        from derive.files import write_file

        write_file(options.output, text)
    return OK
