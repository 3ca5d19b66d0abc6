"""Comparing what an archive gives with the file it was made from."""

from __future__ import annotations

from typing import BinaryIO

import click


class Comparison:
    """A sink that takes only what `original` holds from its beginning on."""

    def __init__(self, original: BinaryIO) -> None:
        self._original = original
        original.seek(0)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Compare the next bytes."""
        if self._original.read(len(data)) != data:
            raise _difference()
        return len(data)

    def finish(self) -> None:
        """Make sure that nothing is left of the original."""
        if self._original.read(1):
            raise _difference()


def _difference() -> click.ClickException:
    return click.ClickException("the archive does not give the file back, which may have changed")
