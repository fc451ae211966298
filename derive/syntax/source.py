"""A layer's text as Python's syntax tree, and the way back from the tree to a place in the text.

Input: text. Output: an `ast.Module`, never executed; for each of its nodes a Location and the spelling. Whatever Python
cannot read, or reads only with a stack or a memory that it does not have, becomes a LayerError here.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings

from derive.errors import LayerError, Location
from derive.syntax.hints import SIGNS

MAX_CHARACTERS = 150_000
MAX_NODES = 40_000

# What no editor shows: control characters, halves of surrogate pairs, and marks that reorder the text around them.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_WORD = re.compile(r"[^\W\d]\w*")
# `class: [N]` and `class[i] = ...` are meant as a name, `class A:` is not.
_AFTER_NAME = re.compile(r"\s*(: *\[|: *constant|\[|=)")
# The words of Python that the grammar itself uses, or that stand for a construct rather than for a name.
_NOT_MEANT_AS_NAMES = frozenset({"for", "in", "assert", "if", "else", "and", "or", "not", "import", "class", "def"})
_GENERAL_HINT = "a line is `x: [N, D]`, `y[i, j] = expression` or `assert fact`, and every product has its `*`"
_FACT_HINT = "a fact compares with `==`, `<`, `>`: `assert eps > 0`"
_SCALAR_HINT = "a scalar has no brackets: `L = expression`, `eps: constant`; only as an input it is `s: []`"

# What Python says (a part of its message), and what the author of a layer should do.
_SYNTAX_HINTS: tuple[tuple[str, str], ...] = (
    ("indent", "start every line in the first column"),
    ("invalid decimal literal", "a product is written with `*`: 2*x"),
    ("invalid character", "a name is made of letters, digits and underscores; a square is written **2"),
    ("invalid non-printable", "delete the invisible character"),
    ("was never closed", "close the bracket"),
    ("unmatched", "delete the bracket, or open it"),
    ("does not match", "close the brackets in the order in which they were opened"),
    ("nested parentheses", "introduce an intermediate quantity"),
    ("Exceeds the limit (4300", "write the number shorter, as 1e9"),
    ("unterminated", "close the string"),
    ("unicode", r'write a string with a backslash as a raw one: r"\sigma"'),
    ("leading zeros", "write the number without its leading zeros"),
    ("single target", "declare each name on a line of its own"),
    ("forgot a comma", "a product is written with `*`, and indices are separated by commas"),
)


class Source:
    """A text and its syntax tree. `lines` are the text's lines; `tree` its statements.

    `parsed` is what Python reads in place of the text, where that is not the same; what both have stands at one place.
    """

    def __init__(self, text: str, file: str, parsed: str = "") -> None:
        self.file = file
        # The tokenizer does the same, so that its line numbers are ours.
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > MAX_CHARACTERS:
            raise self.plain_error(
                f"the text has {len(text)} characters, more than {MAX_CHARACTERS}",
                "a layer is a page of text; is this the right file?",
            )
        self.lines = text.split("\n")
        self._reject_invisible()
        self.tree = self._parse(parsed or text)

    def plain_error(self, message: str, hint: str = "") -> LayerError:
        """An error about the text as a whole."""
        return LayerError(message, hint, Location(self.file, 1, 0, ""))

    def error_at(self, line: int, column: int, message: str, hint: str = "") -> LayerError:
        """An error at a 1-based line and a 0-based column in characters, moved into the text if it is outside."""
        line = min(max(line, 1), len(self.lines))
        text = self.lines[line - 1]
        return LayerError(message, hint, Location(self.file, line, min(max(column, 0), len(text)), text))

    def error(self, node: ast.AST, message: str, hint: str = "") -> LayerError:
        """An error at a node of the tree."""
        line = getattr(node, "lineno", 1)
        column = self._characters(line, getattr(node, "col_offset", 0))
        return self.error_at(line, column, message, hint)

    def spelling(self, node: ast.expr) -> str:
        """A node as its author wrote it, in one line."""
        first, last = node.lineno, node.end_lineno or node.lineno
        start = self._characters(first, node.col_offset)
        end = self._characters(last, node.end_col_offset or 0)
        if first == last:
            return self.lines[first - 1][start:end]
        parts = [self.lines[first - 1][start:], *self.lines[first : last - 1], self.lines[last - 1][:end]]
        return " ".join(part.strip() for part in parts)

    def _characters(self, line: int, offset: int) -> int:
        """Python counts a column in bytes of UTF-8; a reader counts characters."""
        text = self.lines[line - 1]
        if text.isascii():
            return offset
        return len(text.encode()[:offset].decode(errors="replace"))

    def _reject_invisible(self) -> None:
        for number, line in enumerate(self.lines, 1):
            found = _INVISIBLE.search(line)
            if found:
                message = f"control character U+{ord(found[0]):04X}"
                raise self.error_at(number, found.start(), message, "delete it; only line ends and tabs are allowed")

    def _parse(self, text: str) -> ast.Module:
        too_deep = "too deeply nested, or too long a line, for Python to read"
        try:
            with warnings.catch_warnings():
                # An unknown escape in a string that is not raw: strings are checked where they are read.
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except SyntaxError as error:
            raise self._syntax_error(error) from None
        except (RecursionError, MemoryError):
            # Python does not say where; the longest line is the likeliest.
            line = max(range(len(self.lines)), key=lambda number: len(self.lines[number])) + 1
            raise self.error_at(line, 0, too_deep, "introduce intermediate quantities") from None
        except ValueError as error:
            raise self.plain_error(f"Python cannot read it: {error}") from None
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise self.plain_error("too long", "a layer is a page of text; is this the right file?")
        return tree

    def _syntax_error(self, error: SyntaxError) -> LayerError:
        said = error.msg or "invalid syntax"
        line = min(max(error.lineno or 1, 1), len(self.lines))
        code = "" if "unterminated" in said else self.lines[line - 1].partition("#")[0]
        for word in _WORD.finditer(code):
            named = not code[: word.start()].strip() and _AFTER_NAME.match(code, word.end())
            if keyword.iskeyword(word[0]) and (named or word[0] not in _NOT_MEANT_AS_NAMES):
                message = f"{word[0]} is a word of Python and cannot be a name"
                return self.error_at(line, word.start(), message, f"choose another name, such as {word[0]}_")
        general = _SCALAR_HINT if "[]" in code else _FACT_HINT if code.startswith("assert") else _GENERAL_HINT
        hint = next((hint for part, hint in _SYNTAX_HINTS if part in said), general)
        if said.startswith("invalid character"):
            hint = next((hint for sign, hint in SIGNS.items() if f"'{sign}'" in said), hint)
        # Python's advice is meant for programs, and misleads here.
        for advice in (". Perhaps", ". Maybe", ". Did you", " here. ", " for integer string conversion"):
            said = said.partition(advice)[0]
        said = said.replace("invalid syntax", "this is not the syntax of a layer")
        return self.error_at(line, (error.offset or 1) - 1, said, hint)
