"""Stands for work in a process of its own; a new process imports nothing large for it."""

from __future__ import annotations

import os
import time


def act(what: str) -> int:
    """Return the process's number, unless it is to hang, crash or raise ValueError."""
    if what == "hang":
        time.sleep(60)
    if what == "crash":
        os._exit(9)
    if what == "raise":
        raise ValueError("out of memory")
    return os.getpid()
