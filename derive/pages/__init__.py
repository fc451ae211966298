"""Pages of the documents that are written by hand around results that are not.

    Input    a Markdown file beside this module, and the `.layer` files that it speaks of
    Output   the page, with each directive replaced by what it asks for

A directive is a line of its own; everything that it puts in is computed when the page is made.

    {{layer NAME}}               the text of the layer
    {{show NAME}}                `derive show`, in brief and flat
    {{results NAME}}             the gradients, in the layer grammar
    {{steps NAME SENTENCE}}      the steps of the whole derivation in which a sentence stands
    {{verdict NAME}}             the first line of `derive verify`
    {{function NAME FUNCTION}}   a generated function, without its docstring
    {{functions}}                the functions of the grammar
    {{kinks}}                    what is taken for a derivative where there is none
    {{benchmarks}}               the measurements that are recorded
    {{script FILE}}              a program, one of the folder `scripts`
    {{error}} ... {{end}}        the error that the text between them is

and those of `higher_orders_tables.py` and of `derivations`, for the pages on these.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

from derive.bench.record import recorded
from derive.bench.tables import report_markdown
from derive.codegen.numpy import module_text
from derive.derivation import Derivation, Form
from derive.errors import LayerError
from derive.graph import Graph
from derive.layers import SUFFIX, read_layer
from derive.narrate import KINKS
from derive.pages import derivations, higher_orders_tables
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text
from derive.printing.text import show_text
from derive.syntax.operations import FUNCTIONS
from derive.workshop import CODE_FORM, verify_layer

_FOLDER = Path(__file__).parent
_ERROR = re.compile(r"^\{\{error\}\}\n(.*?)^\{\{end\}\}\n", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^\{\{(\w+) ?(\w*) ?(.*)\}\}$", re.MULTILINE)


def page_names() -> list[str]:
    """The names of the pages, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.md"))


def page_layers() -> list[str]:
    """The names of the layers that the pages speak of, sorted."""
    return sorted(path.stem for path in _FOLDER.glob(f"*{SUFFIX}"))


def layer_text(name: str) -> str:
    """The text of a layer of the pages."""
    return read_layer(str(_FOLDER / f"{name}{SUFFIX}")).text


@cache
def page_text(name: str) -> str:
    """A page, made. Raises ValueError for a directive that cannot be followed."""
    return fill((_FOLDER / f"{name}.md").read_text(encoding="utf-8"))


def fill(template: str) -> str:
    """A text with its directives replaced. Raises ValueError for one that cannot be followed."""
    return _DIRECTIVE.sub(_directive, _ERROR.sub(lambda match: _error(match[1]), template))


def _directive(match: re.Match[str]) -> str:
    verb, name, rest = match.groups()
    if verb in _FILE_WRITERS:
        return _FILE_WRITERS[verb](match[0][2:-2].partition(" ")[2])
    if verb not in _WRITERS or (name and name not in page_layers()):
        raise ValueError(f"no directive {match[0]}")
    return _WRITERS[verb](name, rest)


@cache
def _graph(name: str) -> Graph:
    return parse_layer(layer_text(name), name, f"{name}{SUFFIX}")


@cache
def _derivation(name: str, form: Form = "mean") -> Derivation:
    return derive(_graph(name), form)


def _layer(name: str, rest: str) -> str:
    return f"```python file={name}{SUFFIX}\n{layer_text(name)}```"


def _show(name: str, rest: str) -> str:
    return _console(f"derive show {name}{SUFFIX} --detail brief --flat", show_text(_derivation(name), detail="brief"))


def _results(name: str, rest: str) -> str:
    return "```python result\n" + "".join(f"{equation_text(e)}\n" for e in _derivation(name).results) + "```"


def _steps(name: str, sentence: str) -> str:
    blocks = show_text(_derivation(name), detail="full").split("\n\n")
    chosen = [block for block in blocks if sentence in " ".join(block.split())]
    if not chosen:
        raise ValueError(f"no step of {name} says {sentence!r}")
    return "```text\n" + "\n\n".join(dict.fromkeys(chosen)) + "\n```"


def _verdict(name: str, rest: str) -> str:
    return _console(f"derive verify {name}{SUFFIX} | head -n 1", verify_layer(_graph(name)).text().partition("\n")[0])


def _function(name: str, function: str) -> str:
    text = module_text(_derivation(name, CODE_FORM))
    node = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == function)
    lines = text.splitlines()
    head, body = lines[node.lineno - 1 : node.body[0].lineno - 1], lines[node.body[0].end_lineno : node.end_lineno]
    return "\n".join(["```python generated", *head, *body, "```"])


def _functions(name: str, rest: str) -> str:
    listed = ", ".join(f"`{word}({', '.join('ab'[:count])})`" for word, (count, _) in FUNCTIONS.items())
    return textwrap.fill(listed + ".", 120, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


def _kinks(name: str, rest: str) -> str:
    return "\n".join(f"- {convention}" for convention in KINKS.values())


def _benchmarks(name: str, rest: str) -> str:
    return "\n".join(map(report_markdown, recorded())).rstrip()


def _error(text: str) -> str:
    """The command that gives a text to `derive show`, and the error that comes out."""
    if "'" in text or "%" in text or "\\" in text:
        raise ValueError(f"the example needs quoting: {text!r}")
    try:
        parse_layer(text, file="<stdin>")
    except LayerError as error:
        escaped = text.replace("\n", "\\n")
        return _console(f"printf '{escaped}' | derive show -", str(error)) + "\n"
    raise ValueError(f"the example is no error: {text!r}")


def _script(name: str) -> str:
    return f"```python file={name}\n{(_FOLDER / 'scripts' / name).read_text(encoding='utf-8')}```"


def _console(command: str, printed: str) -> str:
    return f"```console\n$ {command}\n{printed.rstrip()}\n```"


_FILE_WRITERS: dict[str, Callable[[str], str]] = {**derivations.WRITERS, "script": _script}
_WRITERS: dict[str, Callable[[str, str], str]] = {
    "layer": _layer,
    "show": _show,
    "results": _results,
    "steps": _steps,
    "verdict": _verdict,
    "function": _function,
    "functions": _functions,
    "kinks": _kinks,
    "benchmarks": _benchmarks,
    **higher_orders_tables.WRITERS,
}
