"""shazip.open and ShazipFile: archives as file objects, in the shape of the standard library's lzma and gzip."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast, overload

from shazip.archive import Codec, Data
from shazip.incremental import Compressor
from shazip.streams import write_full

if TYPE_CHECKING:
    from shazip.modelfile import IntegerModel

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
    """Open an archive, by its path or as a file object, for reading ("r"), writing ("w") or creating ("x").

    "rt", "wt" and "xt" give text through `encoding`, `errors` and `newline`. A `codec` keeps its model loaded from file
    to file; otherwise `model` chooses one.
    """
    text = "t" in mode
    if text and "b" in mode:
        raise ValueError(f"invalid mode: {mode!r}")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline need a text mode")
    binary = ShazipFile(file, mode.replace("t", "", 1), codec=codec or Codec(model))
    if not text:
        return binary
    return io.TextIOWrapper(binary, io.text_encoding(encoding), errors, newline)


class ShazipFile(io.BufferedIOBase):
    """The content of an archive as a binary file: read or written from start to end, not seekable."""

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
        codec = codec or Codec()
        self._owned = isinstance(file, str | os.PathLike)
        if isinstance(file, str | os.PathLike):
            file = cast(BinaryIO, Path(file).open(mode[0] + "b"))
        self._file = file
        self._compressor = None if mode[0] == "r" else Compressor(codec)
        self._blocks: Iterator[bytes] = codec.decompress_blocks(file)
        self._block = memoryview(b"")  # decompressed, not read yet

    def readable(self) -> bool:
        """Return whether the file was opened for reading."""
        self._open_file()
        return self._compressor is None

    def writable(self) -> bool:
        """Return whether the file was opened for writing."""
        return not self.readable()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next `size` bytes, fewer only at the end; all that is left if `size` is negative or None."""
        everything = size is None or size < 0
        left = 0 if everything else size
        pieces = []
        while (everything or left) and (piece := self.read1(-1 if everything else left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` of the bytes at hand; a block is decompressed only if there are none."""
        block = self._fill()
        piece = block if size < 0 else block[:size]
        self._block = block[len(piece) :]
        return bytes(piece)

    def peek(self, size: int = 0, /) -> bytes:
        """Return some of the bytes to come, at least one before the end, without passing over them."""
        return bytes(self._fill()[: max(size, io.DEFAULT_BUFFER_SIZE)])

    def write(self, data: Data, /) -> int:  # type: ignore[override]
        """Compress `data` and return its size in bytes; blocks are written as they fill up."""
        file = self._open_file()
        if self._compressor is None:
            raise io.UnsupportedOperation("file not open for writing")
        view = memoryview(data).cast("B")
        write_full(file, self._compressor.compress(view))
        return len(view)

    def close(self) -> None:
        """Finish the archive if it was being written; close the file beneath only if this object opened it."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._compressor is not None:
                write_full(file, self._compressor.flush())
        finally:
            if self._owned:
                file.close()
            super().close()

    def fileno(self) -> int:
        """Return the descriptor of the file beneath."""
        return self._open_file().fileno()

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("I/O operation on closed file")
        return self._file

    def _fill(self) -> memoryview:
        self._open_file()
        if self._compressor is not None:
            raise io.UnsupportedOperation("file not open for reading")
        if not self._block:
            self._block = memoryview(next(self._blocks, b""))
        return self._block
