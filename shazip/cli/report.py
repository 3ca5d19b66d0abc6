"""Messages on standard error, one line per event: `shazip: FILE: text`."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click

from shazip.atomic import named
from shazip.errors import ShazipError
from shazip.output import STDOUT
from shazip.progress import Batch, FileProgress, ProgressLine
from shazip.streams import Progress, silent
from shazip.terminal import printable

# Exceptions that end the whole run when one file raises them.
ENDINGS = (BrokenPipeError, click.UsageError, click.Abort, click.exceptions.Exit)


class Abandon(click.ClickException):
    """A failure that every other file would share."""


class Reporter:
    """The messages of one run; `quiet` and `verbose` count the -q and -v given.

    `as_json` is whether programs read its tables.
    """

    def __init__(self) -> None:
        self.quiet = 0
        self.verbose = 0
        self.as_json = False

    @staticmethod
    def current() -> Reporter:
        """The reporter of the command that runs."""
        return click.get_current_context().ensure_object(Reporter)

    def failure(self, error: BaseException, name: str | None = None) -> None:
        """Report `error` on the file `name` or on the one that it names; -vv adds the traceback."""
        if self.quiet >= 2:
            return
        if self.verbose >= 2:
            say("".join(traceback.format_exception(error)).rstrip())
        say(line(own_name(error) or name, describe(error)))

    def warning(self, name: str | None, text: str) -> None:
        """Report a problem of a file that was done nevertheless; -q hides it."""
        if not self.quiet:
            say(line(name, f"warning: {text}"))

    def summary(self, name: str, text: str) -> None:
        """Report the result of one file; shown with -v only."""
        if self.verbose and not self.quiet:
            say(line(name, text))

    def note(self, name: str, text: str) -> None:
        """Report the result of a long command and the next step; -q hides it."""
        if not self.quiet:
            say(line(name, text))

    def usage(self, error: click.UsageError) -> None:
        """Report a wrong command line in two lines: the mistake, and the help to read."""
        path = error.ctx.command_path if error.ctx else "shazip"
        say(line(None, error.format_message()))
        say(f"Try '{path.rstrip()} --help' for help.")

    def progress_line(self, name: str) -> AbstractContextManager[ProgressLine | None]:
        """A line for progress on a terminal; without one and with -q None."""
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            return nullcontext()
        return ProgressLine(name, sys.stderr)

    @contextmanager
    def progress(
        self, name: str, size: int | None, *, decoding: bool = False, batch: Batch | None = None
    ) -> Iterator[Progress]:
        """The progress of one file, `size` bytes long, on a terminal without -q."""
        with self.progress_line(name) as line:
            yield silent if line is None else FileProgress(line, size, decoding, batch)


@contextmanager
def as_usage() -> Iterator[None]:
    """Turn a ValueError for an argument into a usage error."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def line(name: str | None, text: str) -> str:
    """`shazip: name: text`, on one line for any name."""
    parts = ["shazip", *([] if name is None else [name]), " ".join(text.splitlines())]
    return ": ".join(printable(part) for part in parts)


def describe(error: BaseException) -> str:
    """The sentence for an exception, without the file name, which the line has already."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, ModuleNotFoundError):
        return f"needs {error.name}, which is not installed"
    if isinstance(error, OSError) and not isinstance(error, ShazipError):
        return error.strerror or str(error) or type(error).__name__
    if isinstance(error, ShazipError | ValueError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error} (-vv shows where)"


def own_name(error: BaseException) -> str | None:
    """The file that an operating system's error names, or None."""
    filename = error.filename if isinstance(error, OSError) else None
    return os.fsdecode(filename) if isinstance(filename, str | bytes | os.PathLike) else None


def say(text: str) -> None:
    """Write one line to standard error; ignore a closed one."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        pass


def tell(text: str) -> None:
    """Write a line of results to standard output; escape characters that its encoding lacks."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDOUT)
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(f"{text}\n".encode(encoding, "backslashreplace").decode(encoding))
    except OSError as error:
        raise named(error, STDOUT) from error
