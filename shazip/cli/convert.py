"""Converts one input to one finished output: checks, coding, commit, removal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from shazip.atomic import AtomicFile
from shazip.cli.batch import Batch, Name, expand
from shazip.cli.frames import executor_of, loss_text
from shazip.cli.inputs import (
    SUFFIX,
    SUFFIXES,
    Source,
    input_status,
    open_source,
    original_name,
    refuse_kinds,
    refuse_links,
    refuse_terminal,
)
from shazip.cli.options import CodecOptions, FileOptions, Mode
from shazip.cli.output import Output, StreamFile, open_output, refuse_target
from shazip.cli.progress import amount, progress_of
from shazip.cli.report import ENDINGS, STDIN, STDOUT, Abandon, Reporter, describe, own_name, plural
from shazip.cli.verify import Comparison
from shazip.errors import MemoryLimitError
from shazip.streams import Progress

if TYPE_CHECKING:
    from shazip.archive import Codec, Summary
    from shazip.parallel import Executor


def for_each(names: Iterable[Name], action: Callable[[str], None], reporter: Reporter) -> None:
    """Call `action` with each name; exit with 1 at the end if one failed."""
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
    if failed:
        raise click.exceptions.Exit(1)


class Conversion:
    """The work of one command line on each of its files."""

    def __init__(self, where: FileOptions, settings: CodecOptions, reporter: Reporter) -> None:
        self.where = where
        self.settings = settings
        self.reporter = reporter
        self._batch: Batch | None = None
        self._executor: Executor | None = None

    def all_of(self, names: Sequence[str]) -> None:
        """Convert, check or list the inputs `names`; exit with 1 at the end if one failed."""
        action = self.check if self.where.mode is Mode.TEST else self.convert
        action = self.save if self.where.salvage else action
        found = list(expand(names, recursive=self.where.recursive, wanted=self._wanted))
        self._batch = Batch.of(found)
        with executor_of(self.settings) as self._executor:
            counted = action if self._batch is None else self._counted(action)
            for_each(found, counted, self.reporter)

    def _wanted(self, name: str) -> bool:
        return name.endswith(SUFFIXES) == (self.where.mode is not Mode.COMPRESS)

    def _counted(self, action: Callable[[str], None]) -> Callable[[str], None]:
        def counted(name: str) -> None:
            assert self._batch is not None
            self._batch.begin()
            try:
                action(name)
            finally:
                self._batch.end(name)

        return counted

    def convert(self, name: str) -> None:
        """Compress or decompress the input `name`."""
        status = input_status(name)
        special = self.where.stdout or self.where.output is not None or self.where.force
        refuse_kinds(name, status, follow=self.where.stdout or self.where.force, special=special)
        if self.where.remove and not self.where.force:
            refuse_links(status)
        target = self._target(name)
        refuse_target(target, status, overwrite=self.where.force)
        with (
            open_source(name) as source,
            open_output(target, overwrite=self.where.force) as output,
        ):
            self._refuse_streams(source, output)
            start = time.monotonic()
            summary = self._transfer(source, output)
            self._finish(source, output)
            text = summary_text(summary, time.monotonic() - start, decoding=self.where.decode)
            self.reporter.summary(source.name, f"{text}, {target or STDOUT}")

    def save(self, name: str) -> None:
        """Write the intact frames of the archive `name`; fail in the end if any is lost."""
        from shazip.salvage import salvage

        refuse_kinds(name, input_status(name), follow=True, special=True)
        target = self._target(name)
        refuse_target(target, input_status(name), overwrite=self.where.force)
        with (
            open_source(name) as source,
            open_output(target, overwrite=self.where.force) as output,
        ):
            if not source.file.seekable():
                raise click.ClickException("--salvage needs a file that can seek, not a pipe")
            saved = salvage(self.codec, source.file, cast(BinaryIO, output))
            for loss in saved.losses:
                self.reporter.warning(source.name, loss_text(loss))
            if saved.frames:
                output.commit(None)
            if saved.losses:
                found = plural(saved.frames, "intact frame")
                lost = plural(len(saved.losses), "part")
                raise click.ClickException(f"{found}, {saved.original_size} bytes; {lost} lost")

    def check(self, name: str) -> None:
        """Decode the archive `name` in full, to find errors."""
        refuse_kinds(name, input_status(name), follow=True, special=True)
        with open_source(name) as source:
            refuse_terminal(source, force=self.where.force)
            with self._progress(source, None, decoding=True) as report:
                summary = self.codec.decompress_stream(
                    source.file, None, progress=report, executor=self._executor
                )
            text = f"ok, {summary.original_size} bytes in {plural(summary.blocks, 'block')}"
            self.reporter.summary(source.name, text)

    @cached_property
    def codec(self) -> Codec:
        """The codec for all files. Without a model to compress with, all of them fail."""
        try:
            codec = self.settings.open()
            if not self.where.decode:
                _ = codec.model
        except ENDINGS:
            raise
        except Exception as error:
            raise Abandon(describe(error)) from error
        return codec

    def _target(self, name: str) -> Path | None:
        """The file to write for `name`, None for standard output."""
        if not self.where.decode and name.endswith(SUFFIXES) and not self.where.force:
            suffix = Path(name).suffix
            raise click.ClickException(f"already has the suffix {suffix}; use -f to compress it")
        output = self.where.output
        if self.where.stdout or output == "-" or (output is None and name == "-"):
            return None
        if output is not None:
            return Path(output)
        return Path(original_name(name) if self.where.decode else name + SUFFIX)

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

    def _transfer(self, source: Source, output: Output) -> Summary:
        with (
            self._progress(source, output, decoding=self.where.decode) as report,
            self._naming_flags(),
        ):
            summary = self._code(source.file, cast(BinaryIO, output), report)
        if not self.where.decode and (self.where.verify or self.where.remove):
            self._verify(source, output)
        return summary

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

    def _code(self, source: BinaryIO, sink: BinaryIO, report: Progress) -> Summary:
        if self.where.ranges:
            from shazip.ranges import decompress_ranges

            return decompress_ranges(self.codec, source, sink, self.where.ranges, report)
        if self.where.decode:
            return self.codec.decompress_stream(
                source, sink, progress=report, executor=self._executor
            )
        return self.codec.compress_stream(
            source,
            sink,
            progress=report,
            frame_size=self.settings.frame_size,
            executor=self._executor,
        )

    def _verify(self, source: Source, output: Output) -> None:
        if not isinstance(output, AtomicFile):
            return
        # A pipe cannot be read again; the hash in the end mark replaces it.
        comparison = Comparison(source.file) if source.is_regular else None
        with output.reopen() as archive:
            self.codec.decompress_stream(
                archive, cast(BinaryIO | None, comparison), executor=self._executor
            )
        if comparison:
            comparison.finish()

    def _finish(self, source: Source, output: Output) -> None:
        changed = source.is_regular and not source.unchanged()
        if changed and self.where.remove:
            raise click.ClickException("changed while it was read; not removed")
        output.commit(source.status if source.is_regular else None)
        if changed:
            self.reporter.warning(source.name, "changed while it was read")
        if self.where.remove and isinstance(output, AtomicFile):
            if not output.durable:
                raise click.ClickException("the result's folder could not be synced; not removed")
            source.remove()

    def _progress(
        self, source: Source, output: Output | None, *, decoding: bool
    ) -> AbstractContextManager[Progress]:
        # The line would garble a result on the same terminal.
        shown = isinstance(output, StreamFile) and output.file.isatty()
        quiet = shown or self.reporter.quiet
        return progress_of(
            source.name, source.size, quiet=quiet, decoding=decoding, batch=self._batch
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
    return ", ".join(parts)
