"""Threads that each run whole parts of the lanes, instead of sharing every single operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from typing import Self, TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """`count` threads in which torch itself is single-threaded; one worker is the calling thread.

    The network's steps are small products, and on a busy machine each of torch's own barriers may
    cost a time slice of the scheduler. Here threads meet once per update.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._before = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
        """Return the results for all `parts`, in their order."""
        if self.count == 1:
            return [function(part) for part in parts]
        return list(self._pool.map(function, parts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        torch.set_num_threads(self._before)  # MKL's count is the whole process's


def split(lanes: int, parts: int) -> list[slice]:
    """Cut `lanes` into `parts` neighbouring slices of nearly equal size."""
    bounds = [lanes * part // parts for part in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(bounds)]
