"""Names and locks of temporary files, and the removal of those whose process is gone.

A process locks its temporary file. The system drops the lock when the process ends, even by
SIGKILL, so that the next run in the folder sees which files are abandoned. Process ids would not
do: the system gives them out again.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import zlib
from functools import cache
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def new_path(folder: Path) -> Path:
    """Return a path for a temporary file in `folder`: short, for the sake of long targets."""
    return folder / f"{_prefix()}{os.urandom(8).hex()}.tmp"


def _prefix() -> str:
    # Some network folders keep locks to one host, and another host's file must stay.
    host = os.uname().nodename if sys.platform != "win32" else ""
    return f".shazip-{zlib.crc32(host.encode()):08x}-"


def hold(descriptor: int, path: Path) -> bool:
    """Lock the open file until it is closed; return whether `path` still is its name.

    Another process may take a new file for an abandoned one before it is locked, and remove it.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks, where nobody removes a file either
            return True
    return os.path.lexists(path)


@cache
def remove_abandoned(folder: Path) -> None:
    """Remove this user's temporary files in `folder` that no process of this host writes.

    Looks once into a folder, for a command may write thousands of files there.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_prefix()) and entry.name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    """Remove one file. Raises OSError if it is in use, or not a file of this user."""
    if sys.platform == "win32":  # where an open file cannot be removed
        path.unlink()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            # Shared, because network folders want a file open for writing before an exclusive one.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)
