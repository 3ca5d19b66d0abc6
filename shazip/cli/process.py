"""How a process begins and ends: standard descriptors, signals, a quick exit."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

CAUGHT = ("SIGINT", "SIGTERM", "SIGHUP")


def catch_signals() -> None:
    """Turn the signals that end a program into SystemExit(128 + number), so that it cleans up.

    Python itself dies of SIGTERM and SIGHUP without running a single `finally`.
    """
    for number in _caught():
        # Started in the background or under nohup, the program is meant to go on.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _caught() -> list[signal.Signals]:
    return [getattr(signal, name) for name in CAUGHT if hasattr(signal, name)]


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C must not interrupt the cleaning up after the first.
    for caught in _caught():
        signal.signal(caught, signal.SIG_IGN)
    raise SystemExit(128 + number)


def occupy_standard_descriptors() -> None:
    """Open the null device on descriptors 0 to 2 that are closed.

    Otherwise an archive could be given number 1 or 2, and a stray message would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def leave_with(work: Callable[[], int]) -> NoReturn:
    """Do `work` and end the process with the exit code that it returns.

    Python's own end stays out: a thread of a library that still asks for the interpreter then,
    such as gloo's after the last exchange, aborts the process.
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
