"""The scripts of `derive completion`, run in the shells that they are for: what a Tab adds to a line is what comes."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from terminal import Terminal

from derive.arguments import command_parser
from derive.cli import main
from derive.completion import completion_script
from derive.completion.commands import Argument, Command, commands_of
from derive.layers import layer_names
from derive.options import SHELLS

READY = "READY> "
# Each shell is told to insert all that could come, and `derive` to write down what it was called with.
BASH = """\
source "$SCRIPT"
bind 'set enable-bracketed-paste off'
bind '"\\t": insert-completions'
derive() { printf '%s\\0' "$@" >"$CALLED"; }
PS1='READY> '
"""
ZSH = """\
autoload -Uz compinit
compinit -u -D
source "$SCRIPT"
unset zle_bracketed_paste
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert true
derive() { printf '%s\\0' "$@" >"$CALLED"; }
PS1='READY> '
"""
FISH = """\
source $SCRIPT
for line in $argv
    complete -C $line | string split -f 1 \\t
    echo END
end
"""
Line = tuple[str, str]  # what stands before the word, and the word that is begun

shells = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"))
        for name in SHELLS
    ],
)


class Shell:
    """Shells of one kind in a folder of their own, with the script of a parser."""

    def __init__(self, name: str, parser: argparse.ArgumentParser, folder: Path) -> None:
        self.name = name
        self.folder = folder / "here"
        self.folder.mkdir()
        self.script, self._called = folder / "script", folder / "called"
        self.script.write_text(completion_script(parser, name))
        (folder / "bashrc").write_text(BASH)
        (folder / ".zshrc").write_text(ZSH)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder), "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": str(folder), "TERM": "dumb",
            "LC_ALL": "C.UTF-8", "SCRIPT": str(self.script), "CALLED": str(self._called),
        }  # fmt: skip

    def complete(self, *lines: Line) -> list[set[str]]:
        """For each line what its last word can become, without quotes and the slashes behind folders."""
        found = self._by_fish(lines) if self.name == "fish" else self._by_keys(lines)
        return [{word.rstrip("/") for word in words} for words in found]

    def _by_keys(self, lines: Sequence[Line]) -> Iterable[list[str]]:
        rc = str(self.folder.parent / "bashrc")
        command = ["bash", "--noprofile", "--rcfile", rc, "-i"] if self.name == "bash" else ["zsh", "-d", "-i"]
        found = []
        with Terminal(command, folder=self.folder, environment=self.environment, columns=1000) as terminal:
            at = terminal.wait_for(READY)
            for before, word in lines:
                terminal.type(f"{before} \t\n" if not word else f"{before} {word}\t\n")
                at = terminal.wait_for(READY, at)
                words = self._called.read_text().split("\0")[len(before.split()) - 1 : -1]
                found.append([] if words == [word] else words)  # nothing came, and it was called with what there was
        return found

    def _by_fish(self, lines: Sequence[Line]) -> Iterable[list[str]]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", FISH, *(" ".join(line) for line in lines)],
            cwd=self.folder, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.stderr == ""
        return [part.splitlines() for part in done.stdout.split("END\n")[:-1]]


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    return command_parser(defaultdict(lambda: lambda options: 0), whole=True)


@pytest.fixture
def commands(parser: argparse.ArgumentParser) -> list[Command]:
    return commands_of(parser)


def options_of(commands: list[Command]) -> list[tuple[str, Argument]]:
    """Each option of each command, with the line that it stands in."""
    return [(f"derive {command.name}".rstrip(), option) for command in commands for option in command.options]


@shells
def test_all_that_the_parser_knows(
    shell: str, parser: argparse.ArgumentParser, commands: list[Command], tmp_path: Path
) -> None:
    lines: dict[Line, set[str]] = {("derive", ""): {command.name for command in commands[1:]}}
    for command in commands:
        long = {name for option in command.options for name in option.names if name.startswith("--")}
        lines[f"derive {command.name}".rstrip(), "--"] = long
    for line, option in options_of(commands):
        if option.takes == "choice":
            lines |= {(f"{line} {name}", ""): set(option.choices) for name in option.names}
    assert ("derive show --form", "") in lines
    assert len(lines) > 40
    found = Shell(shell, parser, tmp_path).complete(*lines)
    assert dict(zip(lines, found, strict=True)) == lines


@shells
def test_what_stands_where(shell: str, parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    sh = Shell(shell, parser, tmp_path)
    (sh.folder / "relu").mkdir()  # a folder with the name of a layer
    for name in ("mine.layer", "claims.txt", "back.py", "relu/inner.layer", "relu/inner.txt"):
        (sh.folder / name).touch()
    layers, layer_files = set(layer_names()), {"mine.layer", "relu"}
    files = {"claims.txt", "back.py", *layer_files}
    assert "relu" in layers
    expected: dict[Line, set[str]] = {
        ("derive", "sh"): {"show"},
        ("derive nothing", ""): set(),
        ("derive show", ""): layers | layer_files,
        ("derive show", "softmax_"): {name for name in layers if name.startswith("softmax_")},
        ("derive show", "mi"): {"mine.layer"},
        ("derive show", "claims.t"): set(),
        ("derive show", "relu/"): {"relu/inner.layer"},
        ("derive show", "~/her"): {str(sh.folder)} if shell != "fish" else {"~/here"},
        ("derive show relu", "m"): set(),
        ("derive show relu", "--form=r"): {"--form=reuse"},
        ("derive show relu --form", "m"): {"mean"},
        ("derive show relu -o", ""): files,
        ("derive show relu -o", "cl"): {"claims.txt"},
        ("derive show --form mean --json", "lst"): {"lstm_cell"},
        ("derive show --form=mean --wrt=x", "lst"): {"lstm_cell"},
        ("derive show --", "lst"): {"lstm_cell"},
        ("derive check", "claims.t"): set(),
        ("derive check relu", ""): files,
        ("derive check relu claims.txt", "m"): set(),
        ("derive check docs", "mi"): {"mine.layer"},
        ("derive check relu --function", ""): {"back.py", "relu"},
        ("derive check relu", "--function=b"): {"--function=back.py"},
        ("derive check --function=back.py:f", "lst"): {"lstm_cell"},
        ("derive docs relu softmax", "lst"): {"lstm_cell"},
        ("derive docs --check relu", "mi"): {"mine.layer"},
        ("derive docs -o", ""): {"relu"},
        ("derive completion zsh", "f"): set(),
        ("derive list", "m"): set(),
    }
    # What only its user can know; after --shape, as often as it comes.
    free = ["show relu --wrt", "show --extent", "check relu --symbols", "bench --shape", "bench --shape 3x4"]
    expected |= {(f"derive {line}", word): set() for line in free for word in ("", "m")}
    expected |= {("derive show --extent", "N="): set(), ("derive bench --shape 3x4", "--ac"): {"--accuracy"}}
    found = sh.complete(*expected)
    assert dict(zip(expected, found, strict=True)) == expected


ODD = ["it's.layer", '"q".layer', "a b.layer", "$HOME.layer", "`x`.layer", "a;b.layer", "w*.layer", "b\\s.layer",
       "größe.layer", "co:lon.layer", "e=f.layer", "at@home.layer", "(p).layer", "#c.layer", "!x.layer", "~t.layer",
       "[z].layer", "{u}.layer", "t>u.layer", "é e/ü ü.layer"]  # fmt: skip


@shells
def test_odd_names_are_quoted(shell: str, parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    """Bash and zsh insert them, and read what they inserted; fish says them without quotes, and quotes them itself."""
    sh = Shell(shell, parser, tmp_path)
    (sh.folder / "é e").mkdir()
    for name in ODD:
        (sh.folder / name).touch()
    (sh.folder / "-dash.layer").touch()  # would be an option
    (sh.folder / "other.txt").touch()
    there = {name for name in ODD if "/" not in name} | {"é e"}
    begun = {"it\\'": "it's.layer", "a\\ ": "a b.layer", '"a ': "a b.layer", "'a ": "a b.layer", "'a 'b": "a b.layer",
             "'$H": "$HOME.layer", "co:": "co:lon.layer", "e=": "e=f.layer", "at@": "at@home.layer",
             "é\\ e/ü\\ ": "é e/ü ü.layer", "grö": "größe.layer"}  # fmt: skip
    if shell != "fish":  # which takes what is quoted here for a pattern, whatever a script says
        begun["w\\*"] = "w*.layer"
    assert {*begun.values()} <= set(ODD)
    everything, *found = sh.complete(("derive show", ""), *(("derive show", word) for word in begun))
    assert everything - set(layer_names()) == there
    assert dict(zip(begun, found, strict=True)) == {word: {name} for word, name in begun.items()}


@shells
def test_odd_choices_are_quoted(shell: str, tmp_path: Path) -> None:
    choices = ["it's", "a b", '"q"', "[z]", "(p)", "c:d", "é", "b\\s", "x;y", "w*", "%"]
    odd = argparse.ArgumentParser(prog="derive")
    verb = odd.add_subparsers().add_parser("do", description="It's [odd]: 100 % \\ $HOME `x`.")
    verb.add_argument("--one", choices=choices, help="it's [odd]: 100 %% \\ $HOME `x` ]")
    verb.add_argument("place", choices=choices, metavar="A [place]: 'x'")
    verb.add_argument("--hidden", choices=["no"], help=argparse.SUPPRESS)
    expected = {
        ("derive do --one", ""): set(choices),
        ("derive do", ""): set(choices),
        ("derive do", "--"): {"--one", "--help"},
        ("derive do --one", "it\\'"): {"it's"},
        ("derive", ""): {"do"},
    }
    found = Shell(shell, odd, tmp_path).complete(*expected)
    assert dict(zip(expected, found, strict=True)) == expected


@shells
def test_layers_are_asked_for_when_they_are_wanted(
    shell: str, parser: argparse.ArgumentParser, tmp_path: Path
) -> None:
    """So that a new one is there with an old script, and none where there is no program."""
    assert not any(name in completion_script(parser, shell) for name in layer_names() if "_" in name)
    sh = Shell(shell, parser, tmp_path)
    program = tmp_path / "bin" / "derive"
    program.parent.mkdir()
    sh.environment["PATH"] = f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
    (sh.folder / "own.layer").touch()
    assert sh.complete(("derive show", "")) == [{"own.layer"}]
    layers = "brand_new   A layer: with a colon.\\nother  It."
    program.write_text(f"#!/bin/sh\n[ \"$*\" = list ] && printf '{layers}\\n'\n")
    program.chmod(0o755)
    assert sh.complete(("derive show", "")) == [{"brand_new", "other", "own.layer"}]


REPLY = """\
source "$SCRIPT"
COMP_LINE=$1 COMP_POINT=${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_derive derive "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("derive show relu >wan", "wanted.txt"),
        ("derive show relu > wan", "wanted.txt"),
        ("derive show relu 2>wan", "wanted.txt"),
        ("derive show relu >> wan", "wanted.txt"),
        ("derive 2>x show >y lst", "lstm_cell"),
        ("derive show < x lst", "lstm_cell"),
        ("derive show relu --form=me", "mean"),
        ("derive show --extent N=2 lst", "lstm_cell"),
        ("derive show own:fi", "file.layer"),
        ("derive check relu --function a.py:ba", ""),
        ("derive show -- -d", "-dash.layer"),
        ("derive show 'sig'm", "sigmoid_binary_cross_entropy"),
        ("derive show rel", "relu"),  # once, though there is a folder, too: Bash would put a slash behind it
    ],
)
def test_what_bash_cuts_is_read_as_it_was_typed(
    line: str, reply: str, parser: argparse.ArgumentParser, tmp_path: Path
) -> None:
    """Bash has words of its own, at =, : and >, and takes the reply for what stands behind the last of these."""
    sh = Shell("bash", parser, tmp_path)
    (sh.folder / "relu").mkdir()
    (sh.folder / "wanted.txt").touch()
    (sh.folder / "-dash.layer").touch()
    (sh.folder / "own:file.layer").touch()
    words = re.findall(r"[=:<>]+|[^\s=:<>]+", line)
    command = ["bash", "--norc", "-c", REPLY, "bash", line, *words]
    done = subprocess.run(command, cwd=sh.folder, env=sh.environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{reply}\n", "")


def test_the_kind_of_every_value_was_decided_on(commands: list[Command]) -> None:
    """A new name of a value in the help is nothing that a completion knows of: is it a file, or free?"""
    arguments = [a for command in commands for a in (*command.options, *command.places)]
    free = {"x,gamma", "xhat,var", "N=2", "'m=N, z=x'", "SECONDS", "a,b", "64x128", "S", "K"}
    assert {argument.shown for argument in arguments if argument.takes == "free"} == free
    assert {argument.takes for argument in arguments} == {
        "nothing", "choice", "layer", "file", "folder", "python", "free",
    }  # fmt: skip


def test_many_values_that_are_not_free_are_refused_for_zsh() -> None:
    odd = argparse.ArgumentParser(prog="derive")
    odd.add_subparsers().add_parser("do").add_argument("--files", nargs="+", metavar="FILE")
    with pytest.raises(ValueError, match="--files takes many values"):
        completion_script(odd, "zsh")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in SHELLS:
        assert main(["completion", shell]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("#")
        assert "in-terms-of" in out
        assert err == ""
    assert main(["completion", "csh"]) == 2
    assert "invalid choice: 'csh'" in capsys.readouterr().err
