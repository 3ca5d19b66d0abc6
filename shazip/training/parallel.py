"""Threads that each run the whole network on a part of the lanes."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from typing import Self, TypeVar

import torch

# For mallopt: when to return memory, how much to take at a time, the least size that is mapped by
# itself (32 MiB at most), and one heap for all threads, as others cannot grow beyond 64 MiB.
MALLOC = {-1: 2**31 - 1, -2: 2**26, -3: 2**25, -8: 1}

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """`count` threads in which torch is single-threaded; a single worker is the calling thread.

    The network's steps are small products. On a busy machine each of torch's own barriers may cost
    a time slice of the scheduler, so these threads meet once per update.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        keep_memory()
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
        torch.set_num_threads(self._before)  # MKL has one count for the whole process


def keep_memory() -> None:
    """Make glibc, where it is the C library, keep the memory of freed tensors.

    By default it returns large blocks at once. Each new one then faults in page by page, while all
    threads wait.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for name, value in MALLOC.items():
            mallopt(name, value)


def split(lanes: int, parts: int) -> list[slice]:
    """Return `parts` neighbouring slices of `lanes`, of nearly equal size."""
    bounds = [lanes * part // parts for part in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(bounds)]
