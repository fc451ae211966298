"""The watch over the inputs sees each kind of fault that it is there for, and none where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits of memory and of the time of a processor")

HERE = Path(__file__).parent
PLANTED = {
    "nothing": ("pass", None),
    "another exception": ("{}['x']", "KeyError at no line of derive"),
    "one from the depth": ("f = lambda: f()\n    f()", "RecursionError at no line of derive"),
    "an exit": ("sys.exit(1)", "SystemExit"),
    "a warning": ("warnings.warn('x')", "UserWarning"),
    "a hang": ("while True: pass", "it takes more than 0.5 s"),
    "a hang that catches": ("while True:\n        try:\n            while True: pass\n        except Exception: pass",
    "0.5 s"),
    "writing": ("open(os.devnull, 'w').close()", "must not: open"),
    "reading": ("open('/etc/hostname').close()", "must not: open"),
    "deleting": ("os.path.exists('x') or os.mkdir('/nowhere/x')", "must not: os.mkdir"),
    "a command": ("os.system('true')", "must not: os.system"),
    "a process": ("subprocess.run(['true'])", "must not: subprocess.Popen"),
    "a connection": ("socket.socket().close()", "must not: socket.__new__"),
    "code": ("exec('1')", "must not: exec"),
    "arithmetic of SymPy": ("MonomialOps(17).gcd()", None),
    "a module": ("import wave", "must not: import"),
    "no place": ("raise_checked(LayerError('wrong', 'mend it'))", "no place"),
    "no remedy": ("raise_checked(LayerError('wrong', '', Location('f', 1, 0, 'x')))", "there is not a remedy"),
    "another text": ("raise_checked(LayerError('wrong', 'mend it', Location('f', 1, 0, 'y')))",
    "not a line of the text"),
    "too far": ("raise_checked(LayerError('wrong', 'mend it', Location('f', 2, 0, 'x')))",
    "the place is not in the text"),
    "memory": ("bytearray(600 << 20)", "it takes the process over 500 MB"),
}
PROGRAM = """
import json, os, socket, subprocess, sys, warnings
sys.path[:0] = {path!r}
from fuzz_targets import _check_error
from fuzz_watch import Watch
from derive.errors import LayerError, Location
from sympy.polys.monomials import MonomialOps

def raise_checked(error):
    _check_error(error, "x", "f")

watch = Watch(seconds=0.5)
watch.begin()
found = {{}}
"""
ONE = """
watch.seconds = {seconds}
def run(raw):
    {code}
fault = watch.fault(run, b"")
found[{name!r}] = None if fault is None else fault.said
"""


def test_each_fault_is_seen() -> None:
    program = PROGRAM.format(path=[str(HERE), str(HERE.parent)])
    for name, (code, _) in PLANTED.items():
        # To be given 600 MB can itself take longer than what tells a hang; how long is no part of that one.
        program += ONE.format(name=name, code=code, seconds=10 if name == "memory" else 0.5)
    program += "print(json.dumps(found))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, (_, expected) in PLANTED.items():
        assert (found[name] is None) == (expected is None), (name, found[name])
        assert expected is None or expected in found[name], (name, found[name])
