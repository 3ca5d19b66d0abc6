"""Codes an input into an output, compares the result with the input, and replaces the input by it.

source -> compress or decompress -> sink -> verify -> commit -> remove
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from shazip.atomic import AtomicFile
from shazip.errors import CorruptError
from shazip.output import Output
from shazip.source import Source, SourceError
from shazip.streams import Progress, silent
from shazip.units import Range

if TYPE_CHECKING:
    from shazip.archive import Codec, Summary
    from shazip.executors import Executor


@dataclass(frozen=True)
class Transfer:
    """How to code inputs: with which codec, in which direction and in which parts."""

    codec: Codec
    decode: bool = False
    ranges: tuple[Range, ...] = ()  # of the content, when decoding; none for all of it
    frame_size: int | None = None
    executor: Executor | None = None  # see executors.py
    max_size: int | None = None  # of the content, when decoding all of it

    def code(self, source: BinaryIO, sink: BinaryIO, progress: Progress = silent) -> Summary:
        """Compress or decompress all of `source` to `sink`."""
        if self.ranges:
            from shazip.ranges import decompress_ranges

            return decompress_ranges(self.codec, source, sink, self.ranges, progress)
        if self.decode:
            return self._decode(source, sink, progress)
        return self.codec.compress_stream(
            source, sink, progress=progress, frame_size=self.frame_size, executor=self.executor
        )

    def check(self, archive: BinaryIO, progress: Progress = silent) -> Summary:
        """Decode an archive in full and write nothing."""
        return self._decode(archive, None, progress)

    def _decode(self, archive: BinaryIO, sink: BinaryIO | None, progress: Progress) -> Summary:
        return self.codec.decompress_stream(
            archive, sink, progress=progress, executor=self.executor, max_size=self.max_size
        )

    def verify(self, source: Source, output: AtomicFile) -> None:
        """Decode the archive in `output` and compare its content with `source`."""
        with output.reopen() as archive:
            if not source.is_regular:
                # A pipe cannot be read again; the hash in the end mark replaces it.
                self.check(archive)
                return
            comparison = _Comparison(source.file)
            self._decode(archive, cast(BinaryIO, comparison), silent)
            comparison.finish()


def finish(source: Source, output: Output, *, remove: bool = False) -> bool:
    """Give the whole `output` its name; return whether `source` changed while it was read.

    If `remove`, remove the source then. Raises SourceError if it changed, or if a crash could still
    take the result away.
    """
    changed = source.is_regular and not source.unchanged()
    if changed and remove:
        raise SourceError("changed while it was read; not removed")
    output.commit(source.status if source.is_regular else None)
    if remove and isinstance(output, AtomicFile):
        if not output.durable:
            raise SourceError("the result's folder could not be synced; not removed")
        source.remove()
    return changed


class _Comparison:
    """A sink that accepts only the bytes of `original`, from its beginning."""

    def __init__(self, original: BinaryIO) -> None:
        self._original = original
        original.seek(0)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Compare the next bytes."""
        if self._original.read(len(data)) != data:
            raise _difference()
        return len(data)

    def finish(self) -> None:
        """Check that the original ends here."""
        if self._original.read(1):
            raise _difference()


def _difference() -> CorruptError:
    return CorruptError("the archive's content differs from the file, which may have changed")
