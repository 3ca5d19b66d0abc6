"""Processes of this machine that code frames (executors.py); they end when this one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess


@contextmanager
def processes(number: int) -> Iterator[Executor]:
    """Yield an executor of `number` processes.

    They are new ones and no copies of this one, whose threads would not be copied. An exception,
    the one of a signal among them, ends them at once.
    """
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(number, context, initializer=_begin)
    try:
        yield executor
    except BaseException:
        _kill_children(before)
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


def _kill_children(others: set[BaseProcess]) -> None:
    for process in set(multiprocessing.active_children()) - others:
        process.kill()


def _begin() -> None:
    """Prepare a worker: Ctrl-C goes to all processes, and the first one decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
