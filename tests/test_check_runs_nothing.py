"""Whatever a derivation holds, nothing of it is run: an audit hook watches."""

import json
import subprocess
import sys

# Read once, so that all is imported; then watched.
WATCHED = """
import json, os, sys
import derive
from derive.checker import check_claims
from derive.errors import DeriveError

def check(text, file):
    try:
        check_claims("batch_norm", text, file)
    except DeriveError:
        pass

check("dbeta[j] = 0", "mine.txt")
check("$\\\\beta_j = 0$", "mine.tex")
own = os.path.dirname(derive.__file__)
seen = []

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith((own, "<unknown>")) and "w" not in str(arguments[1]):
        return  # the layer itself; and Python looks for the file of a syntax error, to show the line
    if event.startswith(("exec", "open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.")):
        if event not in ("os.scandir", "os.listdir"):
            seen.append(str((event, arguments)))

sys.addaudithook(watch)
for text in json.loads(sys.argv[1]):
    for file in ("mine.txt", "mine.tex"):
        check(text, file)
print(json.dumps(seen))
"""
HOSTILE = [
    "dbeta[j] = __import__('os').system('touch /tmp/canary')",
    "dbeta[j] = exec('1')",
    "dbeta[j] = (lambda: open('/tmp/canary', 'w'))()",
    "dbeta[j] = eval(\"open('/tmp/canary')\")",
    "x.__class__ = dbeta[j]",
    r"$\beta_j = \input{/etc/passwd}$",
    r"\write18{touch /tmp/canary} $\beta_j = \immediate\write18{touch /tmp/canary}$",
    r"$\beta_j = \csname open\endcsname$",
    r"\include{/etc/passwd} \openin1=/etc/passwd",
    r"$x = \mathrm{__import__}('os')$",
]


def events(texts: list[str], program: str = WATCHED) -> list[str]:
    """What happened on reading and judging some texts that should not."""
    arguments = [sys.executable, "-c", program, json.dumps(texts)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_nothing_is_run() -> None:
    assert events(HOSTILE) == []


def test_the_watch_would_see_it() -> None:
    planted = WATCHED.replace("print(json", "open('/dev/null'); os.system('true'); exec('1'); print(json")
    assert [event.split("'")[1] for event in events([], planted)] == ["open", "os.system", "exec"]
