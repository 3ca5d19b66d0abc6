"""A process of its own for pieces: one that crashes, hangs or breaks the device ends no other."""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


class FailedError(Exception):
    """A piece failed; the text says why."""


class Worker:
    """Runs `function(*arguments)` in a process that lives from call to call until one fails."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.process: Any = None
        self.pipe: Connection | None = None

    def call(self, seconds: float, *arguments: Any) -> Any:
        """Return the result. Raises FailedError for an exception, a crash, or after `seconds`."""
        if self.process is None:
            self._start()
        assert self.pipe is not None
        try:
            self.pipe.send(arguments)
            if not self.pipe.poll(seconds):
                raise FailedError(f"stopped after {seconds:.0f} s")
            good, result = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise FailedError(f"the process ended with code {self.process.exitcode}") from None
        except FailedError:
            self.close()
            raise
        finally:
            if self.process is not None and not self.process.is_alive():
                self.close()
        if not good:
            self.close()  # a CUDA error would stay with the process
            raise FailedError(result)
        return result

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(self.function, other), daemon=False)
        self.process.start()
        other.close()


def _serve(function: Callable[..., Any], pipe: Connection) -> None:
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            arguments = pipe.recv()
            try:
                answer = True, function(*arguments)
            except Exception:
                answer = False, traceback.format_exc(limit=-4)
            pipe.send(answer)
