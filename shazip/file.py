"""shazip.open and ShazipFile: archives as files, in the shape of the stdlib's lzma and gzip."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast, overload

from shazip.archive import Codec
from shazip.compressor import Compressor
from shazip.errors import again
from shazip.streams import Data, write_full

if TYPE_CHECKING:
    from shazip.model.file import IntegerModel

_MODES = ("r", "rb", "w", "wb", "x", "xb")


@overload
def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: Literal["r", "rb", "w", "wb", "x", "xb"] = "rb",
    *,
    model: IntegerModel | str | Path | None = None,
    codec: Codec | None = None,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
) -> ShazipFile: ...


@overload
def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: Literal["rt", "wt", "xt"],
    *,
    model: IntegerModel | str | Path | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> io.TextIOWrapper: ...


@overload
def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: str,
    *,
    model: IntegerModel | str | Path | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> ShazipFile | io.TextIOWrapper: ...


def open(
    file: str | os.PathLike[str] | BinaryIO,
    mode: str = "rb",
    *,
    model: IntegerModel | str | Path | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> ShazipFile | io.TextIOWrapper:
    """Open an archive, by path or as a file object: "r" reads, "w" writes, "x" creates.

    "rt", "wt" and "xt" give text through `encoding`, `errors` and `newline`. `codec` brings its
    model, already loaded; without it `model` chooses one.
    """
    text = "t" in mode
    if text and "b" in mode:
        raise ValueError(f"invalid mode: {mode!r}")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline need a text mode")
    if codec is not None and model is not None:
        raise ValueError("codec has a model of its own")
    binary = ShazipFile(file, mode.replace("t", "", 1), codec=codec or Codec(model))
    if not text:
        return binary
    return io.TextIOWrapper(binary, io.text_encoding(encoding), errors, newline)


class ShazipFile(io.BufferedIOBase):
    """The content of an archive as a binary file: from start to end, not seekable."""

    _file: BinaryIO | None = None  # None once closed, or if opening failed

    def __init__(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        mode: str = "rb",
        *,
        codec: Codec | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"invalid mode: {mode!r}")
        self.mode = mode[0] + "b"
        self._owned = isinstance(file, str | os.PathLike)
        if isinstance(file, str | os.PathLike):
            file = cast(BinaryIO, io.open(file, self.mode))  # noqa: SIM115, UP020
        codec = codec or Codec()
        self._file = file
        self._compressor = None if mode[0] == "r" else Compressor(codec)
        self._blocks: Iterator[bytes] = codec.decompress_blocks(file)
        self._block = memoryview(b"")  # decompressed, not yet read
        self._failure: Exception | None = None

    @property
    def name(self) -> str:
        """The name of the archive's file, or "" if it has none."""
        return str(getattr(self._underlying(), "name", ""))

    def fileno(self) -> int:
        """Return the descriptor of the archive's file."""
        return self._underlying().fileno()

    def readable(self) -> bool:
        """Return whether the file was opened for reading."""
        return self._underlying() is not None and self._compressor is None

    def writable(self) -> bool:
        """Return whether the file was opened for writing."""
        return not self.readable()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next `size` bytes, fewer only at the end; all if negative or None."""
        left = -1 if size is None or size < 0 else size
        pieces = []
        while left and (piece := self.read1(left)):
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` of the bytes at hand; decode a block only if there are none."""
        block = self._fill()
        piece = block if size < 0 else block[:size]
        self._block = block[len(piece) :]
        return bytes(piece)

    def peek(self, size: int = 0, /) -> bytes:
        """Return some of the bytes to come, at least one before the end; they stay to be read."""
        return bytes(self._fill()[: max(size, io.DEFAULT_BUFFER_SIZE)])

    def write(self, data: Data, /) -> int:  # type: ignore[override]
        """Take `data` and return its size; blocks are written as they fill up."""
        file = self._underlying()
        if self._compressor is None:
            raise io.UnsupportedOperation("the file is open for reading")
        view = memoryview(data).cast("B")
        write_full(file, self._compressor.compress(view))
        return len(view)

    def close(self) -> None:
        """Finish the archive if it was written; close its file only if this object opened it."""
        file, self._file = self._file, None
        if file is None:
            return
        compressor, self._compressor = self._compressor, None
        self._blocks = iter(())  # its decoder's memory is free
        try:
            if compressor is not None:
                write_full(file, compressor.flush())
        finally:
            if self._owned:
                file.close()
            super().close()

    def _underlying(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("I/O operation on closed file")
        return self._file

    def _fill(self) -> memoryview:
        """Return the bytes at hand, at least one before the end."""
        self._underlying()
        if self._compressor is not None:
            raise io.UnsupportedOperation("the file is open for writing")
        if self._failure is not None:
            raise again(self._failure)  # a second read after damage must not look like the end
        if not self._block:
            try:
                self._block = memoryview(next(self._blocks, b""))
            except BaseException as error:
                self._failure = again(error)
                raise
        return self._block
