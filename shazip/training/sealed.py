"""Files of torch with a SHA-256 at their end: damage is reported, never trained on.

content -> torch.save -> MARK, SHA-256 of all before MARK
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from shazip.atomic import replace_file
from shazip.training.errors import TrainingError

MARK = b"shazip, SHA-256:"
_PIECE = 1 << 20


def save(content: dict[str, Any], path: Path) -> None:
    """Write `content` to a new file, which then takes the place of `path`."""
    replace_file(path, lambda file: _write(content, file))


def _write(content: dict[str, Any], file: BinaryIO) -> None:
    sink = _Hashed(file)
    try:
        torch.save(content, cast(BinaryIO, sink))
    except RuntimeError:
        # torch's own error after a failed write names neither the file nor the cause.
        if sink.error is None:
            raise
        raise sink.error from None
    file.write(MARK + sink.hash.digest())


class _Hashed:
    """The file that torch.save writes to: hashes what is written, keeps the first error."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hash = file, hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self.file.flush()


def load(path: Path) -> tuple[dict[str, Any], bool]:
    """Return the content of a file of `save`, or of torch.save alone, and whether it was sealed.

    Raises TrainingError for other files and for damaged ones. Without a seal, the checksums that
    zip files have cover the tensors but not all of the file.
    """
    with path.open("rb") as file:
        try:
            sealed = _check(file, path)
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (TrainingError, MemoryError):
            raise
        except Exception as error:  # zipfile and torch raise a dozen kinds
            raise TrainingError(f"{path} is no checkpoint, or damaged") from error
    if not isinstance(content, dict):
        raise TrainingError(f"{path} is no checkpoint")
    return content, sealed


def _check(file: BinaryIO, path: Path) -> bool:
    """Verify the seal and return True; without one, verify the zip file and return False."""
    size = file.seek(0, os.SEEK_END)
    left = max(size - len(MARK) - hashlib.sha256().digest_size, 0)
    file.seek(left)
    end = file.read()
    if not end.startswith(MARK):
        with zipfile.ZipFile(file) as archive:
            if archive.testzip() is not None:
                raise TrainingError(f"{path} is damaged: its checksums do not match")
        return False
    file.seek(0)
    found = hashlib.sha256()
    while piece := file.read(min(_PIECE, left)):
        found.update(piece)
        left -= len(piece)
    if found.digest() != end[len(MARK) :]:
        raise TrainingError(f"{path} is damaged: its checksum does not match")
    return True
