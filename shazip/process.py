"""The begin and end of a process: standard descriptors, signals, a quick exit."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from shazip.atomic import named
from shazip.output import STDOUT

CAUGHT = ("SIGINT", "SIGTERM", "SIGHUP")


def catch_signals() -> None:
    """Turn the signals that end a program into SystemExit(128 + number), so that it cleans up.

    Python itself dies of SIGTERM and SIGHUP without running any `finally`.
    """
    for number in _caught():
        # In the background or under nohup, the program shall continue.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _caught() -> list[signal.Signals]:
    return [getattr(signal, name) for name in CAUGHT if hasattr(signal, name)]


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C must not interrupt the clean-up after the first.
    for caught in _caught():
        signal.signal(caught, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let the signals that end a program wait for the end of a work that must not fail midway.

    Handlers run in the main thread only, so that there is nothing to hold in others.
    """
    arrived: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in _caught()}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for each in arrived:
        signal.raise_signal(each)


class Stop:
    """Whether a signal has asked for the end; its `number`, None before."""

    number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    def caught(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal."""
        self.number = number


@contextlib.contextmanager
def stopping() -> Iterator[Stop]:
    """Let SIGINT and SIGTERM ask for the end, so that a long work ends where it can be resumed."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop.caught)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def occupy_standard_descriptors() -> None:
    """Open the null device on descriptors 0 to 2 that are closed.

    Otherwise an archive could get number 1 or 2, and a stray message would land in it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def flush_stdout() -> None:
    """Flush standard output while errors can still be reported."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        raise named(error, STDOUT) from error


def silence_stdout() -> None:
    """Drop standard output's buffer: its reader has gone or its disk is full."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        sys.stdout.flush()


def leave_with(work: Callable[[], int]) -> NoReturn:
    """Do `work` and end the process with the exit code that it returns.

    It skips Python's own shutdown, because a library's thread that needs the interpreter then, such
    as gloo's after the last exchange, aborts the process.
    """
    try:
        code = work()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(code)
