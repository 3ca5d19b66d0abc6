"""Trains one run with several processes: each has its share of the lanes; all meet in each update.

torchrun starts them and numbers them through the environment. Process 0 writes the files.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from shazip.training.errors import TrainingError

T = TypeVar("T")


class LostError(TrainingError):
    """Another process of the run has ended or cannot be reached."""


class ElsewhereError(TrainingError):
    """Another process of the run failed; that process reports the reason."""


@dataclass(frozen=True)
class Group:
    """The processes of a run, this one being number `rank`; by default it is alone.

    All of them call each method at the same point. Raises LostError if one is missing.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among those on this machine
    local_size: int = 1

    def take_device(self, device: str) -> None:
        """Make `cuda` mean this process's own GPU. Raises TrainingError if there is none."""
        if device != "cuda" or self.size == 1:
            return
        found = torch.cuda.device_count()
        if self.local_rank >= found:
            raise TrainingError(f"{self.local_size} processes here need a GPU each, found {found}")
        torch.cuda.set_device(self.local_rank)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return a module whose backward pass averages the gradients of all processes."""
        with self.exchanging():
            return DistributedDataParallel(module, broadcast_buffers=False)

    @contextmanager
    def exchanging(self) -> Iterator[None]:
        """Turn errors of a wrapped module's passes, in which the processes meet, into LostError."""
        try:
            yield
        except RuntimeError as error:
            # Other errors are the passes' own.
            if isinstance(error, dist.DistError) or "gloo" in str(error):
                raise self._lost() from error
            raise

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums of the processes' `tensors`, all of one type and device."""
        if self.size == 1:
            return list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in tensors])  # one message instead of many
        with self._meeting():
            dist.all_reduce(flat)
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [piece.view_as(tensor) for piece, tensor in zip(pieces, tensors, strict=True)]

    def any(self, *flags: bool) -> list[bool]:
        """Return for each flag whether it is set in any process."""
        counts = self.sum([torch.tensor(flags, dtype=torch.int64)])
        return [bool(count) for count in counts[0]]

    def equalise(self, tensors: Sequence[Tensor]) -> None:
        """Copy the values of process 0 into `tensors`."""
        if self.size == 1:
            return
        with self._meeting(), torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def share(self, make: Callable[[], T]) -> T:
        """Return process 0's result of `make` in all. Raises ElsewhereError if it fails there."""
        if self.size == 1:
            return make()
        made: list[Any] = [None]
        with self.together():
            if self.rank == 0:
                made = [make()]
        with self._meeting():
            dist.broadcast_object_list(made, 0)
        result: T = made[0]
        return result

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes in process 0, only their own in the others."""
        if self.size == 1:
            return [value]
        values: list[Any] | None = [None] * self.size if self.rank == 0 else None
        with self._meeting():
            dist.gather_object(value, values, 0)
        return [value] if values is None else values

    @contextmanager
    def together(self) -> Iterator[None]:
        """Fail in all processes if one fails, so that none waits; the first failed one reports."""
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
        failed = self.any(*(failure is not None and rank == self.rank for rank in range(self.size)))
        if failure is not None and failed.index(True) == self.rank:
            raise failure
        if any(failed):
            raise ElsewhereError(f"process {failed.index(True)} failed")

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise self._lost() from error

    def _lost(self) -> LostError:
        return LostError(
            f"process {self.rank} of {self.size} lost another process; the last checkpoint is kept"
        )


ALONE = Group()


@contextmanager
def joined() -> Iterator[Group]:
    """Yield the group of this process as torchrun set it up. Raises LostError if it cannot meet."""
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        yield ALONE
        return
    local_rank, local_size = _number("LOCAL_RANK", 0), _number("LOCAL_WORLD_SIZE", 1)
    group = Group(_number("RANK"), size, local_rank, local_size)
    # Messages between updates stay off the GPU, which notices a lost process only after minutes.
    has_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        with _mortal():
            dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpus else "gloo")
    except (RuntimeError, ValueError) as error:
        raise LostError(
            f"process {group.rank} of {size} cannot meet the others: {error}"
        ) from error
    yield group
    # After a failure the others may be gone, and a farewell to them would never return.
    dist.destroy_process_group()


@contextmanager
def _mortal() -> Iterator[None]:
    """Make SIGINT and SIGTERM kill at once.

    Python's handlers run only between its own instructions; this code waits for other processes.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _number(name: str, default: int | None = None) -> int:
    try:
        return int(os.environ.get(name, "" if default is None else default))
    except ValueError:
        raise TrainingError(f"{name} is not a number; several processes need torchrun") from None
