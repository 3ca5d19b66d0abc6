"""Compares an archive's content with the file it was made from."""

from __future__ import annotations

from typing import BinaryIO

import click


class Comparison:
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


def _difference() -> click.ClickException:
    return click.ClickException(
        "the archive's content differs from the file, which may have changed"
    )
