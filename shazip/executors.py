"""Gives work to an executor's threads, processes or machines, and takes the results in order.

items -> executor.submit, or executor.map in rounds -> results in the order of the items
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from shazip.cpus import available_cpus
from shazip.errors import ShazipError

R = TypeVar("R")
Work = Callable[[bytes, bytes], R]  # of settings and an item


class Submitter(Protocol):
    """An object like concurrent.futures.Executor."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Begin function(*arguments); return an object whose `result()` waits for it."""


class Mapper(Protocol):
    """An object that has only `map`, such as multiprocessing.Pool."""

    def map(self, function: Callable[[Any], Any], items: Any, /) -> Iterable[Any]:
        """Return function(item) for each of `items`, in their order."""


Executor = Submitter | Mapper


def workers(executor: Executor) -> int:
    """Return the number of an executor's workers, or of processors if it does not say."""
    names = ("_max_workers", "_processes")  # of concurrent.futures, of multiprocessing.Pool
    known = (getattr(executor, name, None) for name in names)
    return int(next((number for number in known if number), None) or available_cpus())


def sharers(executor: Executor) -> int:
    """Return how many of an executor's workers share a machine, and so its memory."""
    return int(getattr(executor, "workers_on_a_machine", None) or workers(executor))


def in_order(
    executor: Executor, function: Work[R], settings: bytes, items: Iterable[bytes]
) -> Iterator[tuple[bytes, R]]:
    """Yield each of `items` with function(settings, item), in their order.

    At most one item more than there are workers is in progress, which bounds the memory. An error,
    of an item or of its source, comes after all earlier results. Raises TypeError for an object
    with neither `submit` nor `map`.
    """
    if hasattr(executor, "submit"):
        return _submitted(cast(Submitter, executor), function, settings, items)
    if hasattr(executor, "map"):
        return _mapped(executor, function, settings, items)
    raise TypeError(f"executor is {executor!r}, must have submit or map")


def _submitted(
    executor: Submitter, function: Work[R], settings: bytes, items: Iterable[bytes]
) -> Iterator[tuple[bytes, R]]:
    waiting: deque[tuple[bytes, Any]] = deque()
    failure = None
    source = iter(items)
    try:
        while failure is None or waiting:
            while failure is None and len(waiting) <= workers(executor):
                try:
                    item = next(source)
                    waiting.append((item, executor.submit(function, settings, item)))
                except (StopIteration, ShazipError, OSError) as error:
                    failure = error
            if waiting:
                item, future = waiting.popleft()
                result: R = _result(future)
                yield item, result
    finally:
        for _, future in waiting:
            future.cancel()
    if not isinstance(failure, StopIteration):
        assert failure is not None
        raise failure


def _result(future: Any) -> Any:
    try:
        return future.result()
    except BrokenExecutor:
        raise ShazipError(
            "a worker process ended in the middle of a frame: killed, or out of memory"
        ) from None


def _mapped(
    executor: Mapper, function: Work[R], settings: bytes, items: Iterable[bytes]
) -> Iterator[tuple[bytes, R]]:
    """Do the same in rounds of an item for each worker, which wait for one another."""
    attempt, source = partial(_attempt, function, settings), iter(items)
    failure = None
    while failure is None:
        turn: list[bytes] = []
        try:
            while len(turn) < workers(executor):
                turn.append(next(source))
        except (StopIteration, ShazipError, OSError) as error:
            failure = error
        for item, found in zip(turn, executor.map(attempt, turn), strict=True):
            if isinstance(found, ShazipError):
                raise found
            yield item, found
    if not isinstance(failure, StopIteration):
        raise failure


def _attempt(function: Work[R], settings: bytes, item: bytes) -> R | ShazipError:
    """Return an error instead of raising it, so that the results before it are not lost."""
    try:
        return function(settings, item)
    except ShazipError as error:
        return error.with_traceback(None)
