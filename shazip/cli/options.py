"""The values of the flags that commands share, in groups: where to read and write, how to code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from shazip.cli.report import as_usage
from shazip.settings import BLOCK_SIZE, MEMORY_LIMIT, Coding
from shazip.units import Range

if TYPE_CHECKING:
    from shazip.archive import Codec
    from shazip.executors import Executor
    from shazip.predictor import Engine


class Mode(Enum):
    """The action on files."""

    COMPRESS = "compress"
    DECOMPRESS = "decompress"
    TEST = "test"
    LIST = "list"


@dataclass(frozen=True)
class FileOptions:
    """The action, the place of results and the fate of the sources."""

    mode: Mode = Mode.COMPRESS
    stdout: bool = False
    output: str | None = None
    remove: bool = False
    force: bool = False
    verify: bool = False
    recursive: bool = False
    ranges: tuple[Range, ...] = ()
    salvage: bool = False
    max_output: int | None = None

    @property
    def decode(self) -> bool:
        """Whether the inputs are archives."""
        return self.mode in (Mode.DECOMPRESS, Mode.TEST)


@dataclass(frozen=True)
class CodecOptions:
    """The arguments of `Codec`."""

    model: str | None = None
    level: int | None = None
    engine: str | None = None
    device: str | None = None
    threads: int | None = None
    memory_limit: int = MEMORY_LIMIT
    lanes: int | None = None
    block_size: int = BLOCK_SIZE
    mix: bool = True
    frame_size: int | None = None
    jobs: int | None = None
    ray: str | None = None

    @property
    def coding(self) -> Coding:
        """The settings that decide an archive's bytes. Raises UsageError for impossible values."""
        with as_usage():
            return Coding(self.lanes, self.block_size, self.mix)

    def open_engine(self, window: int | None = None) -> Engine:
        """An engine with the model; `window` replaces the steps that its attention sees."""
        from shazip.engines import open_with_window
        from shazip.model import store as modelstore

        model = modelstore.find(self.model)
        return open_with_window(
            model, window, self.engine, device=self.device, threads=self.threads
        )

    def open(self) -> Codec:
        """The codec for all files of a run, so that the model is loaded once."""
        from shazip.archive import Codec

        with as_usage():
            return Codec(
                self.model,
                level=self.level,
                engine=self.engine,
                device=self.device,
                threads=self.threads,
                memory_limit=self.memory_limit,
                lanes=self.lanes,
                block_size=self.block_size,
                mix=self.mix,
            )

    def open_executor(self) -> AbstractContextManager[Executor | None]:
        """The executor that codes frames at once; None without --jobs and --ray."""
        if self.jobs is not None and self.ray is not None:
            raise click.UsageError("--jobs and --ray exclude each other.")
        if self.ray is not None:
            from shazip.cluster import ray_cluster

            return ray_cluster(self.ray)
        if self.jobs is not None:
            from shazip.jobs import processes

            return processes(self.jobs)
        return nullcontext()


def grouped(
    command: Callable[..., None],
) -> Callable[..., None]:
    """Pass a command two groups of options instead of one argument for each of their flags."""

    @functools.wraps(command)
    def call(**flags: Any) -> None:
        where = FileOptions(**_take(FileOptions, flags))
        settings = CodecOptions(**_take(CodecOptions, flags))
        command(where=where, settings=settings, **flags)

    return call


def _take(group: type[FileOptions | CodecOptions], flags: dict[str, Any]) -> dict[str, Any]:
    """Remove from `flags` those that `group` has fields for; return the ones that were given."""
    taken = {field.name: flags.pop(field.name, None) for field in fields(group)}
    return {name: value for name, value in taken.items() if value is not None}
