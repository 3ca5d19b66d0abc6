"""numcodecs: the codec `shazip`, for chunks of arrays (zarr format 2, kerchunk and others)."""

from __future__ import annotations

from threading import Lock

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from shazip import archive


class Shazip(Codec):  # type: ignore[misc]  # numcodecs has no types
    """Compresses each chunk into an archive of its own.

    `model` is the name of an installed model; decompression finds the model by the archive. Threads
    may share a codec: they take turns, since each chunk has the processors to itself.
    """

    codec_id = "shazip"

    def __init__(self, model: str | None = None) -> None:
        self.model = model  # numcodecs compares, prints and stores every public attribute
        self._open()

    def _open(self) -> None:
        self._codec = archive.Codec(self.model)
        self._turn = Lock()

    def encode(self, buf: object) -> bytes:
        """Return the chunk `buf` (bytes or an array) as an archive."""
        chunk = ensure_contiguous_ndarray(buf).view("u1")
        with self._turn:
            return self._codec.compress(chunk.data)

    def decode(self, buf: object, out: object = None) -> object:
        """Return the content of the archive `buf`, written to `out` if that is given.

        Raise MemoryLimitError, before decoding, if the content is larger than `out`.
        """
        packed = ensure_contiguous_ndarray(buf).view("u1")
        target = None if out is None else ensure_contiguous_ndarray(out)
        with self._turn:
            content = self._codec.decompress(
                packed.data, max_size=None if target is None else target.nbytes
            )
        return ndarray_copy(content, target)

    def __getstate__(self) -> dict[str, str | None]:
        return {"model": self.model}

    def __setstate__(self, state: dict[str, str | None]) -> None:
        self.__init__(**state)  # type: ignore[misc]
