"""What generated functions look like from outside: parameters, types, docstrings."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Sequence

from derive.codegen.contract import tuple_text
from derive.codegen.decimals import decimal_text
from derive.codegen.dialects import Dialect
from derive.codegen.wrapping import WIDTH, call, prose
from derive.graph import Graph, Quantity
from derive.syntax.names import RESERVED


def signature(name: str, parameters: Sequence[str], returned: str) -> list[str]:
    """The lines of `def`; a long type, of a parameter or of the result, is taken apart."""
    lines: list[str] = []
    for line in call(f"def {name}", parameters, f" -> {returned}:", indent=0):
        if len(line) <= WIDTH or "[" not in line:  # nothing shortens a long name
            lines.append(line)
            continue
        outer, rest = line.split("[", maxsplit=1)
        inside, end = rest.rsplit("]", maxsplit=1)
        indent = len(line) - len(line.lstrip())
        lines += [f"{outer}[", *prose(inside, indent + 4), f"{' ' * indent}]{end}"]
    return lines


def return_line(values: Sequence[str]) -> list[str]:
    """The lines of `return`."""
    line = f"    return {', '.join(values) or '()'}"
    return [line] if len(line) <= WIDTH else call("return ", values, "")


def tuple_return_lines(values: Sequence[str], indent: int = 4) -> list[str]:
    """The lines that return a tuple, of one value too."""
    line = f"{' ' * indent}return {', '.join(values) if len(values) > 1 else tuple_text(values)}"
    return [line] if len(line) <= WIDTH else call("return ", values, "", indent)


def docstring(first: str, rows: Sequence[tuple[str, str]], paragraphs: Sequence[str]) -> list[str]:
    """A sentence, a table of names, and paragraphs."""
    pad = " " * 4
    width = max((len(name) for name, _ in rows), default=0) + 4
    lines = [*prose(f'"""{first}', 4), "", *(f"{pad}{name:{width}}{text}".rstrip() for name, text in rows), ""]
    for paragraph in paragraphs:
        lines += prose(paragraph, 4)
    return [*lines, f'{pad}"""']


def described(quantity: Quantity) -> str:
    """A quantity in the words of a docstring."""
    if quantity.indices:
        return f"array [{', '.join(quantity.extents)}]"
    return "number"


def bundle(quantities: Sequence[Quantity]) -> str:
    """The name of a single quantity; a tuple of several, or of none."""
    names = [quantity.name for quantity in quantities]
    return names[0] if len(names) == 1 else tuple_text(names)


def type_of(quantity: Quantity, dialect: Dialect) -> str:
    """The type of a result."""
    return dialect.array_type if quantity.indices else dialect.number_type


def argument_type(quantity: Quantity, dialect: Dialect) -> str:
    """The type of an argument: where a number is wanted, a Python number will do."""
    return dialect.array_type if quantity.indices else f"float | {dialect.number_type}"


def bundle_type(
    quantities: Sequence[Quantity], dialect: Dialect, of: Callable[[Quantity, Dialect], str] = type_of
) -> str:
    """The type that goes with `bundle`."""
    types = [of(quantity, dialect) for quantity in quantities]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types) or '()'}]"


def function_name(graph: Graph) -> str:
    """What the function of a layer is called: as the layer, where that can be and is not something else already."""
    name = re.sub(r"\W", "_", graph.name).lower()
    taken = not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name) or name in {*RESERVED, "l"}
    return f"layer_{name}" if taken else name


def default_text(quantity: Quantity) -> str:
    """The default of a constant."""
    value = quantity.default
    assert value is not None
    text = decimal_text(abs(value)) or f"{abs(value).p} / {value.q}"
    return f"-{text}" if value < 0 else text
