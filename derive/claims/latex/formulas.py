r"""The mathematics in a document, found as TeX and Markdown find it.

    Input    a Document
    Output   its Formulas in order, each with its two ends in the text, and what is refused (\input, \newcommand, ...)

Text, comments, code and the preamble are passed over. A document without any mark of mathematics is read as formulas
line by line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from derive.claims.latex.document import Document
from derive.errors import LayerError

# How the rows of a formula hang together: each on its own, lined up in columns, one formula over several rows, or
# the lines of the text on their own.
Layout = Literal["rows", "columns", "one", "lines"]

_LAYOUTS: dict[str, Layout] = {
    "equation": "rows", "displaymath": "rows", "math": "rows", "gather": "rows", "multline": "one", "dmath": "rows",
    "align": "columns", "alignat": "columns", "flalign": "columns", "eqnarray": "columns", "split": "one",
    "aligned": "columns", "gathered": "rows",
}  # fmt: skip
# What is quoted, or drawn, claims nothing.
_NO_CLAIMS = frozenset({"verbatim", "Verbatim", "lstlisting", "minted", "comment", "tikzpicture"})
# What would change the text, or reach for another one.
_NOT_FOLLOWED = """
    input include subfile import includeonly def gdef edef xdef let futurelet newcommand renewcommand providecommand
    DeclareMathOperator DeclareRobustCommand newenvironment renewenvironment NewDocumentCommand csname endcsname catcode
    openin openout read readline write immediate special expandafter noexpand newwrite newread directlua ShellEscape
    usepackage RequirePackage documentclass loop repeat everymath scantokens afterassignment
"""
_COMMANDS = "|".join(sorted(_NOT_FOLLOWED.split(), key=len, reverse=True))
_REFUSED = re.compile(rf"(?<!\\)%[^\n]*|\\({_COMMANDS})(?![a-zA-Z])")
_MOST_REFUSALS = 100  # that are reported one by one
_PREAMBLE = frozenset({"usepackage", "RequirePackage", "documentclass"})
_BEGIN_DOCUMENT, _END_DOCUMENT = re.compile(r"\\begin\s*\{document\}"), re.compile(r"\\end\s*\{document\}")

_MARK = re.compile(
    r"(?P<fence>^[ \t]*(?P<ticks>`{3,}|~{3,})[^\n]*$)|(?P<code>`+)|(?P<comment>%)|(?P<dollars>\$\$?)"
    r"|\\begin\s*\{(?P<begin>[a-zA-Z]+)\*?\}|\\verb\*?(?P<verb>[^a-zA-Z\s*])|\\(?P<name>[a-zA-Z]+)|\\(?P<other>.)",
    re.MULTILINE | re.DOTALL,
)
_ENDS = re.compile(r"\\.|\$\$?|\n[ \t]*\n|%[^\n]*", re.DOTALL)
_ANY_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\s*\{|```\s*math")
_MARKDOWN = re.compile(r"^(#{1,6} |```|~~~|[-*] |> )|\*\*|\]\(http", re.MULTILINE)
_TEX = re.compile(r"\\documentclass|\\begin\s*\{document\}|\\(sub)*section|\\usepackage")


@dataclass(frozen=True)
class Formula:
    """One stretch of mathematics, between two places of the text."""

    start: int
    end: int
    layout: Layout = "rows"


@dataclass(frozen=True)
class Refused:
    """Something in the text that is not followed."""

    start: int
    end: int
    error: LayerError


def find_formulas(document: Document) -> list[Formula | Refused]:
    """The formulas of a document, in order. Raises LayerError for a formula that never ends."""
    finder = _Finder(document)
    if not _ANY_MATH.search(_without_comments(document)):
        return finder.bare()
    return finder.marked()


def _without_comments(document: Document) -> str:
    return document.text if is_markdown(document) else re.sub(r"(?<!\\)%[^\n]*", "", document.text)


def is_markdown(document: Document) -> bool:
    """Whether a document is Markdown, where % is a percent sign and ` begins code."""
    name = document.file.lower()
    if name.endswith((".md", ".markdown")):
        return True
    return not name.endswith(".tex") and not _TEX.search(document.text) and bool(_MARKDOWN.search(document.text))


class _Finder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._text = document.text
        self._markdown = is_markdown(document)
        self._found: list[Formula | Refused] = []
        begin = _BEGIN_DOCUMENT.search(self._text)
        self._body = begin.end() if begin else len(self._text) if "\\documentclass" in self._text else 0
        end = _END_DOCUMENT.search(self._text, self._body if begin else 0)
        self._end = end.start() if end else len(self._text)
        self._at = begin.end() if begin else 0
        self._refusals = 0

    def bare(self) -> list[Formula | Refused]:
        """Blocks of lines, a blank line between them, where nothing marks the formulas."""
        for block in re.finditer(r"[^\n]+(\n[^\n]*\S[^\n]*)*", self._text):
            self._refuse(block.start(), block.end())
            self._found.append(Formula(block.start(), block.end(), "lines"))
        return self._found

    def marked(self) -> list[Formula | Refused]:
        """Everything between the marks of mathematics."""
        while match := _MARK.search(self._text, self._at, self._end):
            self._at = match.end()
            if match["dollars"]:
                self._dollars(match)
            elif match["begin"]:
                self._begin(match["begin"], match)
            elif match["fence"] or match["code"]:
                self._code(match)
            elif match["comment"] and not self._markdown:
                self._at = self._to("\n", match.end())
            elif match["verb"]:
                self._at = self._to(match["verb"], match.end()) + 1
            elif match["other"] and match["other"] in "([":
                closing = "\\)" if match["other"] == "(" else "\\]"
                self._take(match.start(), match.end(), self._closing(match, closing), len(closing))
            elif match["name"]:
                self._refuse(match.start(), match.end())
        return self._found

    def _to(self, mark: str, at: int) -> int:
        place = self._text.find(mark, at, self._end)
        return self._end if place < 0 else place

    def _code(self, match: re.Match[str]) -> None:
        """Code is passed over, but for ```math."""
        if not self._markdown and not (match["fence"] and match[0].strip().removeprefix("```").strip() == "math"):
            self._at = match.start() + 1
            return
        if match["fence"]:
            ticks = match["ticks"]
            closing = re.compile(rf"^[ \t]*{ticks}[{ticks[0]}]*[ \t]*$", re.MULTILINE).search(self._text, match.end())
            if closing is None:
                raise self._document.error_from(match.start(), "this block is never closed", f"close it: {ticks}")
            if match[0].strip().removeprefix(ticks).strip() == "math":
                self._refuse(match.end(), closing.start())
                self._found.append(Formula(match.end(), closing.start()))
            self._at = closing.end()
        else:
            # A lone backtick is a character like any other.
            place = self._text.find(match["code"], match.end(), self._end)
            self._at = match.end() if place < 0 else place + len(match["code"])

    def _dollars(self, match: re.Match[str]) -> None:
        mark, begin = match["dollars"], match.end()
        if mark == "$" and self._markdown and self._text[begin : begin + 1] == "`":
            closing = self._text.find("`$", begin + 1, self._end)
            if closing >= 0:
                self._take(match.start(), begin + 1, closing, 2)
                return
        self._take(match.start(), begin, self._closing(match, mark), len(mark))

    def _closing(self, match: re.Match[str], mark: str) -> int:
        """Where the formula ends that begins with a match. A paragraph ends within no inline formula."""
        for found in _ENDS.finditer(self._text, match.end(), self._end):
            at = found.start()
            inline = mark in ("$", "\\)")
            if found[0] == mark or (mark == "$" and found[0] == "$$"):
                return at
            if inline and found[0][0] == "\n":
                break
        hint = f"close it: {mark}; a dollar sign of the text is \\$" if "$" in mark else f"close it: {mark}"
        raise self._document.error_from(match.start(), "this formula has no end", hint)

    def _begin(self, name: str, match: re.Match[str]) -> None:
        if name in _NO_CLAIMS:
            end = re.compile(rf"\\end\s*\{{{name}\*?\}}").search(self._text, match.end())
            self._at = end.end() if end else self._end
        elif name in _LAYOUTS:
            depth = 0
            same = re.compile(rf"\\(begin|end)\s*\{{{name}\*?\}}")
            for found in same.finditer(self._text, match.start(), self._end):
                depth += 1 if found[1] == "begin" else -1
                if not depth:
                    self._environment(name, match, found.start(), len(found[0]))
                    return
            message = f"\\begin{{{name}}} is never closed"
            raise self._document.error_from(match.start(), message, f"close it: \\end{{{name}}}")

    def _environment(self, name: str, match: re.Match[str], end: int, closing: int) -> None:
        begin = match.end()
        argument = re.compile(r"\s*\{[^{}]*\}").match(self._text, begin, end) if name == "alignat" else None
        self._take(match.start(), argument.end() if argument else begin, end, closing, _LAYOUTS[name])

    def _take(self, opening: int, begin: int, end: int, closing: int, layout: Layout = "rows") -> None:
        self._at = end + closing
        self._refuse(begin, end)
        self._found.append(Formula(begin, end, layout))

    def _refuse(self, begin: int, end: int) -> None:
        """Note every command in a stretch of text that is not followed."""
        for found in _REFUSED.finditer(self._text, begin, end):
            if found[1] is None or (found[1] in _PREAMBLE and found.start() < self._body):
                continue  # a comment, or a document without its body
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                return
            message = f"\\{found[1]} is not followed"
            error = self._document.error_from(found.start(), message, "write the formula itself")
            self._found.append(Refused(found.start(), found.end(), error))
