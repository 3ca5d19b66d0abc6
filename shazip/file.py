"""shazip.open and ShazipFile: archives as files, in the shape of the stdlib's lzma and gzip."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal, cast, overload

from shazip.archive import Codec, codec_for
from shazip.compressor import Compressor
from shazip.errors import again
from shazip.streams import as_bytes, write_full

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from shazip.model.file import IntegerModel

_MODES = ("r", "rb", "w", "wb", "x", "xb", "a", "ab")

StrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@overload
def open(
    file: StrPath | BinaryIO,
    mode: Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"] = "rb",
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    codec: Codec | None = None,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
) -> ShazipFile: ...


@overload
def open(
    file: StrPath | BinaryIO,
    mode: Literal["rt", "wt", "xt", "at"],
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> io.TextIOWrapper: ...


@overload
def open(
    file: StrPath | BinaryIO,
    mode: str,
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> ShazipFile | io.TextIOWrapper: ...


def open(
    file: StrPath | BinaryIO,
    mode: str = "rb",
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> ShazipFile | io.TextIOWrapper:
    """Open an archive, by path or as a file object.

    "r" reads, "w" writes, "x" creates, "a" adds a frame at the end. A "t" after the letter opens it
    as text with `encoding`, `errors` and `newline`. `codec` has its model loaded already; without
    it `model` names one.
    """
    text = "t" in mode
    if text and "b" in mode:
        raise ValueError(f"invalid mode: {mode!r}")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline need a text mode")
    binary = ShazipFile(file, mode.replace("t", "", 1), model=model, codec=codec)
    if not text:
        return binary
    return io.TextIOWrapper(binary, io.text_encoding(encoding), errors, newline)


class ShazipFile(io.BufferedIOBase):
    """The content of an archive as a binary file, read or written from start to end."""

    _file: BinaryIO | None = None  # None once closed, or if opening failed

    def __init__(
        self,
        file: StrPath | BinaryIO,
        mode: str = "rb",
        *,
        model: IntegerModel | str | os.PathLike[str] | None = None,
        codec: Codec | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"invalid mode: {mode!r}")
        codec = codec_for(codec, model)
        self.mode = mode[0] + "b"
        self._owned = isinstance(file, str | bytes | os.PathLike)
        if isinstance(file, str | bytes | os.PathLike):
            file = cast(BinaryIO, io.open(file, self.mode))  # noqa: SIM115, UP020
        elif not hasattr(file, "read" if mode[0] == "r" else "write"):
            raise TypeError(f"file is {file!r}, must be a path or a file object")
        self._file = file
        self._compressor = None if mode[0] == "r" else Compressor(codec)
        self._blocks: Iterator[bytes] = codec.decompress_blocks(file)
        self._block = memoryview(b"")  # decompressed, not yet read
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        state = "closed" if self._file is None else f"name={self.name!r} mode={self.mode!r}"
        return f"<ShazipFile {state}>"

    @property
    def name(self) -> str:
        """The name of the archive's file, or "" if it has none."""
        name = getattr(self._underlying(), "name", "")
        return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)

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
        """Return some of the next bytes, at least one before the end, without consuming them."""
        return bytes(self._fill()[: max(size, io.DEFAULT_BUFFER_SIZE)])

    def write(self, data: Buffer, /) -> int:
        """Write `data` and return its size; full blocks go to the archive at once."""
        file = self._underlying()
        if self._compressor is None:
            raise io.UnsupportedOperation("the file is open for reading")
        view = as_bytes(data)
        write_full(file, self._compressor.compress(view))
        return len(view)

    def close(self) -> None:
        """Finish a written archive; close its file only if this object opened it."""
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
