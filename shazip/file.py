"""shazip.open and ShazipFile: archives as files, in the shape of the stdlib's lzma and gzip."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, Literal, cast, overload

from shazip.archive import Codec, codec_for
from shazip.compressor import Compressor
from shazip.reading import RawReader
from shazip.streams import as_bytes, write_full

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from shazip.model.file import IntegerModel

_BUFFER_SIZE = 1 << 17
_MODES = ("r", "rb", "w", "wb", "x", "xb", "a", "ab")

StrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@overload
def open(
    file: StrPath | BinaryIO,
    mode: Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"] = "rb",
    *,
    model: IntegerModel | str | os.PathLike[str] | None = None,
    level: int | None = None,
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
    level: int | None = None,
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
    level: int | None = None,
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
    level: int | None = None,
    codec: Codec | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> ShazipFile | io.TextIOWrapper:
    """Open an archive, by path or as a file object.

    "r" reads, "w" writes, "x" creates, "a" adds a frame at the end. A "t" after the letter opens it
    as text with `encoding`, `errors` and `newline`. `codec` has its models loaded already; without
    it `model` names one, and `level` says how to write.
    """
    text = isinstance(mode, str) and "t" in mode
    if text and "b" in mode:
        raise ValueError(f"invalid mode: {mode!r}")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline need a text mode")
    mode = mode.replace("t", "", 1) if text else mode
    binary = ShazipFile(file, mode, model=model, level=level, codec=codec)
    if not text:
        return binary
    return io.TextIOWrapper(binary, io.text_encoding(encoding), errors, newline)


class ShazipFile(io.BufferedIOBase):
    """The content of an archive as a binary file; reading can seek, frame by frame."""

    _file: BinaryIO | None = None  # None once closed, or if opening failed

    def __init__(
        self,
        file: StrPath | BinaryIO,
        mode: str = "rb",
        *,
        model: IntegerModel | str | os.PathLike[str] | None = None,
        level: int | None = None,
        codec: Codec | None = None,
    ) -> None:
        if not isinstance(mode, str):
            raise TypeError(f"mode is {mode!r}, must be a string")
        if mode not in _MODES:
            raise ValueError(f"invalid mode: {mode!r}")
        codec = codec_for(codec, model, level)
        self.mode = mode[0] + "b"
        self._owned = isinstance(file, str | bytes | os.PathLike)
        if isinstance(file, str | bytes | os.PathLike):
            file = cast(BinaryIO, io.open(file, self.mode))  # noqa: SIM115, UP020
        elif not hasattr(file, "read" if mode[0] == "r" else "write"):
            raise TypeError(f"file is {file!r}, must be a path or a file object")
        self._file = file
        self._compressor = None if mode[0] == "r" else Compressor(codec, split=True)
        self._reader: io.BufferedReader[RawReader] | None = None
        if self._compressor is None:
            self._reader = io.BufferedReader(RawReader(file, codec), _BUFFER_SIZE)
        self._written = 0

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

    def seekable(self) -> bool:
        """Return whether `seek` works: whether the archive's file can seek."""
        return self.readable() and self._source().seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a byte of the content; only frames that are read from there on are decoded."""
        return self._source().seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the content."""
        return self._written if self.writable() else self._source().tell()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next `size` bytes, fewer only at the end; all if negative or None."""
        return self._source().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` of the bytes at hand; decode a block only if there are none."""
        return self._source().read1(size)

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer`, less only at the end; return how many bytes."""
        return self._source().readinto(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line, or its first `size` bytes."""
        return self._source().readline(size)

    def peek(self, size: int = 0, /) -> bytes:
        """Return some of the next bytes, at least one before the end, without consuming them."""
        return self._source().peek(size)

    def write(self, data: Buffer, /) -> int:
        """Write `data` and return its size; full blocks go to the archive at once."""
        file = self._underlying()
        if self._compressor is None:
            raise io.UnsupportedOperation("the file is open for reading")
        view = as_bytes(data)
        write_full(file, self._compressor.compress(view))
        self._written += len(view)
        return len(view)

    def close(self) -> None:
        """Finish a written archive; close its file only if this object opened it."""
        file, self._file = self._file, None
        if file is None:
            return
        compressor, self._compressor = self._compressor, None
        if self._reader is not None:
            self._reader.close()  # its decoder's memory is free
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

    def _source(self) -> io.BufferedReader[RawReader]:
        self._underlying()
        if self._reader is None:
            raise io.UnsupportedOperation("the file is open for writing")
        return self._reader
