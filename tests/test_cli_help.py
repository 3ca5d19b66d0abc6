"""What the command line tells about itself: help, completion, the manual page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import click
import pytest

from shazip.cli.main import COMMANDS, cli
from shazip.cli.manual import page

HELP = cli.make_context("shazip", [], resilient_parsing=True)


def options_of(name: str) -> list[str]:
    command = cli.get_command(HELP, name)
    return [
        o for p in command.params if isinstance(p, click.Option) and not p.hidden for o in p.opts
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_parses(name):
    command = cli.get_command(HELP, name)
    example = re.search(rf"Example:\s.*?(shazip {name} .*?)(  |\)|\||\n|$)", command.epilog)
    words = shlex.split(example[1])
    with click.Context(command, parent=HELP) as ctx:
        command.make_parser(ctx).parse_args(words[2:])  # an unknown option would be an error


def test_defaults_are_shown():
    compress = cli.get_command(HELP, "compress")
    with click.Context(compress, parent=HELP) as ctx:
        assert "[default: 1GiB]" in " ".join(compress.get_help(ctx).split())


def test_the_manual_has_every_command_and_every_option():
    text = page().replace("\\-", "-")
    for name in COMMANDS:
        assert f'.SS "shazip {name} ' in text
        assert [option for option in options_of(name) if option not in text] == []


def test_the_manual_names_no_folder_of_the_machine_that_made_it():
    assert str(Path.home()) not in page()


def test_the_manual_pleases_groff():
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("needs groff")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww"], input=page(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(r".\x08", "", done.stdout)  # bold is typed over itself


@pytest.mark.skipif(sys.platform == "win32", reason="the manual is for POSIX")
def test_the_manual_is_installed():
    installed = Path(sysconfig.get_path("data"), "share", "man", "man1", "shazip.1")
    assert installed.read_text() == page()


def test_the_manual_is_made_with_what_the_build_has():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    build = {re.match(r"[\w-]+", entry)[0] for entry in project["build-system"]["requires"]}
    needs = (
        project["project"]["dependencies"] + project["project"]["optional-dependencies"]["torch"]
    )
    absent = sorted({re.match(r"[\w-]+", entry)[0] for entry in needs} - build)
    assert "torch" in absent
    missing = f"import sys; sys.modules.update(dict.fromkeys({absent}))"
    code = f"{missing}; from shazip.cli.manual import page; page()"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def complete(words: str, index: int) -> list[str]:
    """Return what bash would be told."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shazip"],
        env={
            **os.environ,
            "_SHAZIP_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(index),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "index", "answers"),
    [
        ("shazip comp", 1, ["plain,compress", "plain,completion"]),
        ("shazip notes", 1, ["file,notes"]),
        ("shazip compress --lan", 2, ["plain,--lanes"]),
        ("shazip completion ", 2, ["plain,bash", "plain,zsh", "plain,fish"]),
        ("shazip compress --engine ", 3, ["plain,native", "plain,torch"]),
        ("shazip -d notes", 2, ["file,notes"]),
        ("shazip info notes", 2, ["file,notes"]),
        ("shazip eval -m ti", 3, ["plain,tiny"]),
        ("shazip eval -m ./ti", 3, ["file,./ti"]),
    ],
)
def test_a_shell_is_told_what_completes_a_word(words, index, answers):
    assert complete(words, index) == answers


def test_bash_completes_commands():
    script = (
        f'eval "$({sys.executable} -P -m shazip completion bash)"\n'
        "COMP_WORDS=(shazip decom); COMP_CWORD=1\n"
        "_shazip_completion shazip\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("decompress\n", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_one_of_the_shell(shell, tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shazip", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_SHAZIP_COMPLETE=" in done.stdout
    if shutil.which(shell):
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)
