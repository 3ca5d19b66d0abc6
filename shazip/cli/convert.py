"""Converts the files of a command line, one input to one output at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from shazip.atomic import AtomicFile
from shazip.cli.options import CodecOptions, FileOptions, Mode
from shazip.cli.refusals import refuse_links, refuse_source, refuse_target, refuse_terminal
from shazip.cli.report import ENDINGS, Abandon, Reporter, describe, own_name
from shazip.errors import MemoryLimitError
from shazip.output import STDOUT, Output, StreamFile, open_output
from shazip.paths import Name, archive_name, expand, is_archive, original_name
from shazip.progress import Batch
from shazip.source import STDIN, Source, input_status, open_source
from shazip.streams import Progress, silent
from shazip.transfer import Transfer, finish
from shazip.units import amount, plural

if TYPE_CHECKING:
    from shazip.archive import Summary
    from shazip.executors import Executor


def for_each(names: Iterable[Name], action: Callable[[str], None], reporter: Reporter) -> None:
    """Call `action` with each name; exit with 1 at the end if one failed."""
    if any_fails(names, action, reporter):
        raise click.exceptions.Exit(1)


def any_fails(names: Iterable[Name], action: Callable[[str], None], reporter: Reporter) -> bool:
    """Call `action` with each name and report its errors; return whether one failed."""
    failed = False
    for name in names:
        if isinstance(name, OSError):
            reporter.failure(name)
            failed = True
            continue
        try:
            action(name)
        except (*ENDINGS, Abandon):
            raise
        except Exception as error:
            if own_name(error) == STDOUT:
                raise  # the other files would fail in the same way
            reporter.failure(error, STDIN if name == "-" else name)
            failed = True
    return failed


class Conversion:
    """The work of one command line on each of its files."""

    def __init__(self, where: FileOptions, settings: CodecOptions, reporter: Reporter) -> None:
        self.where = where
        self.settings = settings
        self.reporter = reporter
        self._batch: Batch | None = None
        self._executor: Executor | None = None

    def all_of(self, names: Sequence[str]) -> None:
        """Convert or check the inputs `names`; exit with 1 at the end if one failed."""
        found = list(expand(names, recursive=self.where.recursive, wanted=self._wanted))
        self._batch = Batch.of(found)
        with self.settings.open_executor() as self._executor:
            for_each(found, self._counted, self.reporter)

    def _wanted(self, name: str) -> bool:
        return is_archive(name) == (self.where.mode is not Mode.COMPRESS)

    def _counted(self, name: str) -> None:
        action = self.check if self.where.mode is Mode.TEST else self.convert
        if self._batch is None:
            action(name)
            return
        with self._batch.file(name):
            action(name)

    def check(self, name: str) -> None:
        """Decode the archive `name` in full, to find errors."""
        with open_source(name) as source:
            refuse_terminal(source, force=self.where.force)
            with self._progress(source, None) as report:
                found = self._transfer.check(source.file, report)
            text = f"ok, {found.original_size} bytes in {plural(found.blocks, 'block')}"
            self.reporter.summary(source.name, text)

    def convert(self, name: str) -> None:
        """Compress or decompress the input `name`, or write what is intact of it."""
        where, status = self.where, input_status(name)
        special = where.stdout or where.output is not None or where.force
        follow = where.stdout or where.force or where.salvage
        refuse_source(name, status, follow=follow, special=special)
        if where.remove and not where.force:
            refuse_links(status)
        target = self._target(name)
        refuse_target(target, status, overwrite=where.force)
        with open_source(name) as source, open_output(target, overwrite=where.force) as output:
            act = self._save if where.salvage else self._convert
            act(source, output, target)

    def _convert(self, source: Source, output: Output, target: Path | None) -> None:
        self._refuse_streams(source, output)
        start = time.monotonic()
        with self._progress(source, output) as report, self._naming_flags():
            summary = self._transfer.code(source.file, cast(BinaryIO, output), report)
        checked = (self.where.verify or self.where.remove) and not self.where.decode
        if checked and isinstance(output, AtomicFile):
            self._transfer.verify(source, output)
        if finish(source, output, remove=self.where.remove):
            self.reporter.warning(source.name, "changed while it was read")
        text = summary_text(summary, time.monotonic() - start, decoding=self.where.decode)
        self.reporter.summary(source.name, f"{text}, {target or STDOUT}")

    def _save(self, source: Source, output: Output, _: Path | None) -> None:
        """Write the intact frames of an archive; fail in the end if any is lost."""
        from shazip.salvage import salvage

        if not source.file.seekable():
            raise click.ClickException("--salvage needs a file that can seek, not a pipe")
        saved = salvage(self._transfer.codec, source.file, cast(BinaryIO, output))
        for loss in saved.losses:
            self.reporter.warning(source.name, str(loss))
        if saved.frames:
            output.commit(None)
        if saved.losses:
            raise click.ClickException(str(saved))

    @cached_property
    def _transfer(self) -> Transfer:
        """The way to code all files. Without a model to compress with, all of them fail."""
        where, settings = self.where, self.settings
        try:
            codec = settings.open()
            if not where.decode:
                _ = codec.model
        except ENDINGS:
            raise
        except Exception as error:
            raise Abandon(describe(error)) from error
        parts = (where.decode, where.ranges, settings.frame_size)
        return Transfer(codec, *parts, self._executor, where.max_output)

    def _target(self, name: str) -> Path | None:
        """The file to write for `name`, None for standard output."""
        where = self.where
        if not where.decode and is_archive(name) and not where.force:
            suffix = Path(name).suffix
            raise click.ClickException(f"already has the suffix {suffix}; use -f to compress it")
        if where.stdout or where.output == "-" or (where.output is None and name == "-"):
            return None
        if where.output is not None:
            return Path(where.output)
        try:
            return Path(original_name(name) if where.decode else archive_name(name))
        except ValueError as error:
            raise click.ClickException(f"{error}; use -o or -c") from None

    def _refuse_streams(self, source: Source, output: Output) -> None:
        if self.where.decode:
            refuse_terminal(source, force=self.where.force)
        elif isinstance(output, AtomicFile):
            return
        elif self.where.verify:
            raise click.ClickException("--verify needs a file: this output cannot be read again")
        elif output.file.isatty() and not self.where.force:
            text = "will not write compressed data to a terminal; use -f to force, or -o FILE"
            raise (Abandon if self.where.stdout else click.ClickException)(text)

    @contextmanager
    def _naming_flags(self) -> Iterator[None]:
        """Name the flags that would help where compression needs too much memory."""
        try:
            yield
        except MemoryLimitError as error:
            if self.where.decode:
                raise
            flags = "fewer --lanes, a smaller --block-size or a larger --memory-limit"
            raise click.ClickException(f"{error}; use {flags}") from error

    def _progress(self, source: Source, output: Output | None) -> AbstractContextManager[Progress]:
        # The line would garble a result on the same terminal.
        if isinstance(output, StreamFile) and output.file.isatty():
            return nullcontext(silent)
        decoding = self.where.decode
        return self.reporter.progress(
            source.name, source.size, decoding=decoding, batch=self._batch
        )


def summary_text(summary: Summary, seconds: float, *, decoding: bool) -> str:
    """The summary of one file for `-v`."""
    original, compressed = summary.original_size, summary.compressed_size
    sizes = (compressed, original) if decoding else (original, compressed)
    parts = [f"{sizes[0]} -> {sizes[1]} bytes"]
    if original and compressed:
        parts.append(f"{8 * compressed / original:.3f} bpb")
        parts.append(f"{seconds:.1f} s")
        parts.append(f"{amount(original / max(seconds, 1e-9))}/s")
    if summary.models:
        parts.append(f"model {' and '.join(summary.models)}")
    return ", ".join(parts)
