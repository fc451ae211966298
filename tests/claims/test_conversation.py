"""Whatever goes wrong in the process of someone's functions is an error at the place in their file."""

from pathlib import Path

import pytest
from function_samples import BATCH_NORM, PLAIN, Write, complaint


def test_an_exception_is_shown_where_it_was_raised(write: Write) -> None:
    write("def fail(x):\n    return x @ x\n", file="neighbor.py")
    text = "from neighbor import fail\n\ndef inner(x):\n    return fail(x)\n\n"
    text += "def backward(dy, x):\n    return inner(x)\n"
    error = complaint(BATCH_NORM, write(text))
    assert error.message.startswith("backward raised ValueError: matmul: ")
    assert error.hint == "it was called as backward(dy=dy, x=x)"
    assert error.location is not None
    assert (error.location.line, error.location.column) == (4, 4)
    assert error.location.text == "    return fail(x)"
    assert error.location.file.endswith("mine.py")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("raise KeyError('eps')", "KeyError: 'eps'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise RuntimeError('a\\nb')", "RuntimeError: a b"),
        ("raise RuntimeError('x'*10**7)", "RuntimeError: xxx"),
        ("raise type('Odd', (Exception,), {'__str__': lambda self: 1/0})()", "Odd"),
        ("return backward(dy, x)", "RecursionError"),
        ("input()", "EOFError"),
        ("x = bytearray(1 << 40)", "MemoryError"),
        ("compile('a b', 'nowhere', 'exec')", "SyntaxError: "),
    ],
)
def test_whatever_is_raised(write: Write, statement: str, said: str) -> None:
    error = complaint(BATCH_NORM, write(f"def backward(dy, x):\n    {statement}\n"))
    assert error.message.startswith(f"backward raised {said}")
    assert len(error.message) < 600
    assert error.location is not None
    assert error.location.line == 2


def test_the_call_does_not_fit(write: Write) -> None:
    text = "import functools\n\ndef wrap(f):\n    return functools.wraps(f)(lambda a: a)\n\n"
    error = complaint(BATCH_NORM, write(text + "@wrap\ndef backward(dy, x):\n    pass\n"))
    assert error.message.startswith("backward raised TypeError: ")
    assert error.location is not None
    assert error.location.line == 7


@pytest.mark.parametrize(
    ("text", "said", "line", "column"),
    [
        ("def f():\n    x = (1,\n\ndef g(): pass\n", "the import of FILE raised SyntaxError: ", 2, 8),
        ("α = 1\nβ = = 1\n", "the import of FILE raised SyntaxError: invalid syntax", 2, 4),
        ("import does_not_exist\n", "the import of FILE raised ModuleNotFoundError: No module", 1, 0),
        ("if True:\n    1/0\n", "the import of FILE raised ZeroDivisionError: division by zero", 2, 4),
        ("import sys\nsys.exit()\n", "the import of FILE raised SystemExit", 2, 0),
        ("import broken\n", "the import of FILE raised SyntaxError: ", 1, 0),
    ],
)
def test_a_file_that_cannot_be_imported(write: Write, text: str, said: str, line: int, column: int) -> None:
    write("= 1\n", file="broken.py")
    function = write(text)
    error = complaint(BATCH_NORM, function)
    assert error.message.startswith(said.replace("FILE", function.removesuffix(":backward")))
    assert error.location is not None
    assert (error.location.line, error.location.column) == (line, column)
    assert error.location.file.endswith("broken.py" if "broken" in text else "mine.py")


@pytest.mark.parametrize("content", [b"\0\1\2", b"x = '\xff'\n", b"(" * 100_000, b"# coding: nonsense\n", b""])
def test_a_file_that_is_no_python(write: Write, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.py").write_bytes(content)
    error = complaint(BATCH_NORM, f"{tmp_path / 'mine.py'}:backward")
    assert "the import of" in error.message or "there is no function" in error.message
    assert str(error)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("bakward", "there is no function 'bakward' in", "did you mean backward?"),
        ("zzz", "there is no function 'zzz' in", "its functions are backward"),
        ("N", "N in", "its functions are backward"),
    ],
)
def test_a_function_that_is_not_there(write: Write, name: str, message: str, hint: str) -> None:
    function = write(f"N = 1\n{PLAIN}", name)
    error = complaint(BATCH_NORM, function)
    assert error.message.startswith(message.replace("FILE", function.removesuffix(f":{name}")))
    assert hint in error.hint


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        '{"wrote": 3}',
        '{"wrote": [], "result": 7}',
        '{"wrote": [], "result": {}}',
        '{"wrote": [], "result": {"tuple": {}}}',
        '{"wrote": [], "result": {"shape": [5, 3], "array": "AA"}}',
        '{"wrote": [], "result": {"shape": [5, 3], "array": 7}}',
        '{"wrote": [], "result": {"shape": 3, "array": ""}}',
        '{"error": 3}',
        '{"error": {"type": 1, "text": 2, "file": [], "line": {}, "column": 0}}',
        '{"error": {"type": 1, "text": 2, "file": "a", "line": 1e999, "column": 0}}',
        '{"error": {"type": 1, "text": 2, "file": "\\u0000", "line": 1, "column": "a"}}',
    ],
)
def test_an_answer_that_someone_else_wrote(write: Write, answer: str) -> None:
    text = f"""\
    import fcntl, json, os, time

    def backward(dy, x):
        answer = {{**json.loads({answer!r}), "number": 3}}  # the call is the third request
        answer = json.dumps(answer).encode() + b"\\n"
        for n in range(3, 9):
            try:
                if fcntl.fcntl(n, fcntl.F_GETFL) & 3 == os.O_WRONLY:
                    os.write(n, answer)
            except OSError:
                pass
        time.sleep(100)
    """
    error = complaint(BATCH_NORM, write(text))
    assert error.message in (
        f"backward in {error.location.file} has disturbed the process that it runs in",
        "backward has disturbed the process that it runs in",
    )
