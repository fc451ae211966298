"""Command lines: right ones, ones with a slip, and ones that nobody would type but a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fuzz_pieces as pieces
from hypothesis import strategies as st

from derive import options

Draw = Callable[[st.SearchStrategy], Any]

# What there is in the folder in which they are run.
FILES: dict[str, bytes] = {
    "tiny.layer": b"x: [N]\ny[i] = x[i]**2\n",
    "scalar.layer": b"x: []\nc: constant = 2\ny = c*x\n",
    "broken.layer": b"x: [N]\ny[i] = x[j]**2\n",
    "empty.layer": b"",
    "latin.layer": b"x: [N]\n\xe9[i] = x[i]\n",
    "binary.layer": bytes(range(256)) * 20,
    "named.txt": b"x: [N]\ny[i] = x[i]**2\n",
    "mine.txt": b"dx[i] = 2*x[i]*dy[i]\n",
    "wrong.txt": b"dx[i] = x[i]*dy[i]\ndx[i] = = 2\n",
    "mine.tex": rb"$dx_i = 2 x_i dy_i$",
    "nothing.md": b"# Nothing\n",
    "readonly/x.txt": b"",
}
_LAYERS = (
    "tiny.layer", "tiny.layer", "scalar.layer", "./tiny.layer", "relu", "relux", "broken.layer", "empty.layer",
    "latin.layer", "binary.layer", "named.txt", "named", "missing.layer", "-", "", " ", ".", "..", "/",
    "folder.layer", "tiny.layer/x", "\x00", "x\x00.layer", "a" * 300 + ".layer", "\udcff.layer", "é.layer", "--",
    "-x", "relu\n", "RELU", "/dev/null", "~",
)  # fmt: skip
_CLAIMS = ("mine.txt", "wrong.txt", "mine.tex", "nothing.md", "-", "missing.txt", ".", "", "tiny.layer", "\x00",
"binary.layer")
_NAMES = ("x", "y", "x,y", "c", "N", "dy", "z", "", ",", "x,,x", "x,x", " x ", "é", "x" * 3_000, "\udcff", "*", "x;y",
"\n")
_NUMBERS = (
    "1", "2", "3", "0", "-1", "1.5", "1e3", "nan", "inf", "-inf", "two", "", " 1 ", "٣", "²", "1_0", "0x2", "9" * 30,
    "9" * 5_000, "1e999", "\x00",
)  # fmt: skip
_EXTENTS = (
    "N=2", "N=1", "N=3", "N=8", "N=9", "N=0", "N=-1", "N", "=2", "N=", "N=2=3", "M=2", "N=two", "N=1_0",
    f"N={'9' * 5_000}", "N=٢", " N = 2 ", "N=1e1", "é=2", "x=2", "\udcff=2",
)  # fmt: skip
_SHAPES = ("2", "4", "2x2", "0", "x", "2x", "-1", "1e3", "9" * 20, "9" * 5_000, "٢", "", "2x2x2x2", "1000000")
_OUTPUTS = ("out.txt", "new/out.txt", ".", "", "/dev/null", "tiny.layer/out", "\x00", "a" * 300, "é.txt", "-",
"readonly/x.txt")
_COLUMNS = ("80", "1", "0", "-5", "x", "", "9" * 30, "1000000", "٣", "9" * 5_000)


def _of(*groups: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from([value for group in groups for value in group])


_NONE: st.SearchStrategy[str | None] = st.none()
_DERIVATION: dict[str, st.SearchStrategy[Any]] = {
    "--form": _of(options.FORMS, ("", "Mean", "me")),
    "--mode": _of(options.MODES, ("sideways",)),
    "--wrt": _of(_NAMES),
    "--order": _of(("1", "2"), _NUMBERS),
    "--in-terms-of": _of(_NAMES),
    "-o": _of(_OUTPUTS),
}
_PRINTING = {"--detail": _of(options.DETAILS, ("all",)), "--notation": _of(options.NOTATIONS, ("D",)),
"--extent": _of(_EXTENTS)}
_COLOR = {"--color": _of(options.COLORS, ("red",))}
_OPTIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "list": {},
    "show": {**_DERIVATION, **_PRINTING, **_COLOR, "--flat": _NONE, "--json": _NONE},
    "latex": {**_DERIVATION, **_PRINTING, "--document": _NONE},
    "markdown": {**_DERIVATION, **_PRINTING},
    "html": {**_DERIVATION, **_PRINTING},
    "graph": {**_DERIVATION, "--format": _of(options.PICTURE_FORMATS, ("png",)), "--notation": _of(options.NOTATIONS),
    "--forward": _NONE},
    "code": {**_DERIVATION, "--target": _of(options.TARGETS, ("fortran",))},
    "verify": {**_DERIVATION, **_COLOR, "--json": _NONE},
    "check": {
        "--input-format": _of(options.INPUT_FORMATS, ("pdf",)),
        "--symbols": _of(("m=N", "m", "=", "m=", "=N", "m=N,", r"\hat{x}=x", "{", "}" * 50, "x=" * 2_000, "é=x",
        "a=N, a=x", "\x00")),
        # Nothing that could be run.
        "--function": _of(("missing.py:f", "mine.txt:f", "x", ":", "missing.py:", ":f", "\x00:f", "tiny.layer", "..:f",
        "")),
        "--forward": _of(("missing.py:f", "x")),
        "--timeout": _of(_NUMBERS),
        "--lint": _NONE,
        "--json": _NONE,
        "-o": _of(_OUTPUTS),
        **_COLOR,
    },
    "bench": {
        "--accuracy": _NONE, "--shape": _of(_SHAPES), "--dtype": _of(("float32", "float16,float32", "int8", "", ",")),
        "--json": _NONE, "-o": _of(_OUTPUTS),
    },
    "docs": {"--check": _NONE},
    "completion": {},
}  # fmt: skip
# What keeps a right command from taking long, or from writing elsewhere than into the folder.
_ALWAYS = {"bench": ["--seconds=0.001", "--repeats=1", "--targets=numpy"], "docs": ["-o", "docs"]}
_ANY = st.one_of(
    st.sampled_from(["--help", "-h", "--version", "--", "-", "--json", "--no", "-oo", "--o", "--f", "@tiny.layer",
    "%s", "{}", "\x1b[31m"]),
    _of(pieces.NAMES[:40], pieces.SIGNS), st.text(max_size=12),
)  # fmt: skip
_TEXTS = st.one_of(st.sampled_from(pieces.LAYER_TEXTS[:6]), st.text(max_size=40), st.just("x: [N]\ny[i] = x[i]\n"))


@st.composite
def command_lines(draw: Draw) -> dict[str, Any]:
    """What `read_as_arguments` takes."""
    verb = draw(st.sampled_from([*_OPTIONS, *_OPTIONS, *("", "shw", "sho", "-v", "é")]))
    parts: list[list[str]] = []
    for name in draw(st.lists(st.sampled_from(sorted(_OPTIONS.get(verb, {})) or ["--x"]), max_size=4)):
        value = draw(_OPTIONS.get(verb, {}).get(name, st.just("x")))
        form = draw(st.integers(0, 5))
        if value is None or form == 0:
            parts.append([name])  # an option without its value, too
        elif form == 1 and name.startswith("--"):
            parts.append([f"{name}={value}"])
        elif form == 2 and name.startswith("--"):
            parts.append([name[: draw(st.integers(3, len(name)))], value])
        else:
            parts.append([name, value])
    parts.append(list(_ALWAYS.get(verb, [])))
    if verb == "completion":
        parts.append([draw(_of(options.SHELLS, ("sh", "")))])
    elif verb in ("bench", "docs"):  # all layers take minutes
        parts.insert(0, [draw(_of(_LAYERS))])
    elif verb != "list" and draw(st.integers(0, 9)):
        parts.insert(draw(st.integers(0, len(parts))), [draw(_of(_LAYERS))])
        if verb == "check" and draw(st.booleans()):
            parts.append([draw(_of(_CLAIMS))])
    if draw(st.integers(0, 4)) == 0:
        parts.insert(draw(st.integers(0, len(parts))), [draw(_ANY)])
    arguments = [verb, *(word for part in parts for word in part)]
    columns = draw(_of(_COLUMNS)) if draw(st.integers(0, 3)) == 0 else None
    return {"arguments": arguments, "stdin": draw(_TEXTS) if draw(st.booleans()) else "", "columns": columns}
