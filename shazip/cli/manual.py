"""The manual page shazip(1), made from the help of all commands: python -m shazip.cli.manual.

The build installs the page. It runs this module before shazip is installed, with no more than what
pyproject.toml lists under build-system.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from shazip import __version__
from shazip.cli.main import COMMANDS, cli

EXIT_STATUS = (
    ("0", "All was done."),
    ("1", "At least one file failed or was refused; the others were done."),
    ("2", "The command line is wrong."),
    ("130, 143", "SIGINT or SIGTERM ended shazip; no half-written file stays."),
    ("141", "The reader of standard output went away."),
)


def page() -> str:
    """Return the page in the man macros of roff."""
    ctx = cli.make_context("shazip", [], resilient_parsing=True)
    lines = [f'.TH SHAZIP 1 "" "shazip {__version__}" "User Commands"', ".ad l"]
    lines += [".SH NAME", _text("shazip - " + _summary(cli).rstrip("."))]
    lines += [".SH SYNOPSIS", ".B shazip", "COMMAND [OPTIONS] [ARGUMENTS]..."]
    lines += [".br", ".B shazip", "[OPTIONS] [FILE]..."]
    lines += [".SH DESCRIPTION", *_paragraphs(cli.help), *_options(cli, ctx)]
    lines += [*_paragraphs(cli.epilog), ".SH COMMANDS"]
    for name in COMMANDS:
        lines += _command(ctx, name)
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_STATUS:
        lines += [".TP", f".B {code}", _text(meaning)]
    lines += [".SH SEE ALSO", ".BR gzip (1),", ".BR tar (1),", ".BR xz (1)"]
    return "\n".join(lines) + "\n"


def _command(parent: click.Context, name: str) -> Iterator[str]:
    command = cli.get_command(parent, name)
    assert command is not None
    ctx = click.Context(command, info_name=name, parent=parent)
    yield f'.SS "{_text(" ".join([ctx.command_path, *command.collect_usage_pieces(ctx)]))}"'
    yield from _paragraphs(command.help)
    yield from _options(command, ctx)
    yield from _paragraphs(command.epilog)


def _options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _paragraphs(text: str | None) -> Iterator[str]:
    for paragraph in (text or "").replace(str(Path.home()), "~").split("\n\n"):
        as_it_is = paragraph.startswith("\b")  # click keeps the lines of such a paragraph
        lines = paragraph.strip("\b\n").split("\n") if as_it_is else [paragraph]
        yield from (".PP", ".nf", *map(_text, lines), ".fi") if as_it_is else (".PP", _text(*lines))


def _summary(command: click.Command) -> str:
    return (command.help or "").split("\n\n")[0]


def _text(text: str) -> str:
    """Return `text` on one line, with nothing left that roff would take for a request."""
    line = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    sys.stdout.write(page())
