"""What the outside may do to a run: signals and missing standard descriptors."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

CAUGHT = ("SIGINT", "SIGTERM", "SIGHUP")


def install() -> None:
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
