"""fsspec: `fsspec.open("s3://.../notes.txt.shz", compression="infer")`, or "shazip" by name."""

from __future__ import annotations

from typing import BinaryIO

import fsspec.compression

from shazip.file import ShazipFile


def register() -> None:
    """Add the compression `shazip` to fsspec, inferred from `.shz`."""
    fsspec.compression.register_compression("shazip", wrap, "shz", force=True)


def wrap(file: BinaryIO, mode: str = "rb", **_: object) -> ShazipFile:
    """Return the content of the archive `file`, for reading or for writing."""
    return ShazipFile(file, "rb" if "r" in mode else "wb")
