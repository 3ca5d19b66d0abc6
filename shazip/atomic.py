"""Files that appear under their names complete or not at all; nothing else writes results."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from shazip import temporary

PERMISSIONS = 0o777


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a new file, which then takes the place of `path`."""
    with AtomicFile(path, overwrite=True) as new:
        try:
            write(new.file)
        except OSError as error:  # a full disk does not name the file
            raise named(error, path) from error
        new.commit(None)


def write_file(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write the whole file `path`. Raises FileExistsError if it is there, unless `overwrite`."""
    with AtomicFile(path, overwrite=overwrite) as file:
        file.write(data)
        file.commit(None)


class NamedFile:
    """A file to write, whose errors name it; a failing write does not know its file's name."""

    file: BinaryIO

    def __init__(self, name: str | os.PathLike[str]) -> None:
        self.name = name

    def write(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            raise named(error, self.name) from error

    def flush(self) -> None:
        try:
            self.file.flush()
        except OSError as error:
            raise named(error, self.name) from error


class AtomicFile(NamedFile):
    """A file that is written under a hidden name beside `target` and takes its name in `commit`.

    Left without `commit`, for whatever reason, it leaves nothing behind; after SIGKILL the next
    one in its folder removes it.
    """

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        super().__init__(target)
        # os.replace would replace a link itself, not the file that it points to.
        self.target = Path(os.path.realpath(target)) if overwrite else target
        self.overwrite = overwrite
        self.temporary = temporary.new_path(self.target.parent)
        self.durable = False  # whether the name is on disk; after commit

    def __enter__(self) -> Self:
        temporary.remove_abandoned(self.target.parent)
        while not self._create():
            self.temporary = temporary.new_path(self.target.parent)
        return self

    def _create(self) -> bool:
        """Create the temporary file; return False if it was taken for an abandoned one."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            self.file = os.fdopen(os.open(self.temporary, flags, 0o600), "w+b")
            held = temporary.hold(self.file.fileno(), self.temporary)
        except OSError as error:
            raise named(error, self.name) from error
        except BaseException:  # a signal between the creation and the return
            self.temporary.unlink(missing_ok=True)
            raise
        if not held:
            self.file.close()
        return held

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # close() flushes, and fails once more on a full disk; one report is enough.
        with contextlib.suppress(OSError):
            self.file.close()
        self.temporary.unlink(missing_ok=True)

    def reopen(self) -> BinaryIO:
        """Return the file as written so far, opened for reading."""
        self.flush()
        return self.temporary.open("rb")

    def commit(self, like: os.stat_result | None) -> None:
        """Give the file the mode and times of `like`, bring it to disk and then to its name."""
        try:
            self.flush()
            copy_attributes(self.file.fileno(), like)
            os.fsync(self.file.fileno())
            if os.name == "nt":  # where an open file cannot be renamed; elsewhere it stays locked
                self.file.close()
            self._publish()
            self.file.close()
            self.durable = _sync_directory(self.target.parent)
        except OSError as error:
            raise named(error, self.name) from error

    def _publish(self) -> None:
        if self.overwrite:
            self.temporary.replace(self.target)
            return
        try:
            # A hard link, unlike a renaming, fails if somebody made the target in the meantime.
            os.link(self.temporary, self.target)
        except FileExistsError:
            raise exists(self.target) from None
        except OSError:  # a file system without hard links
            if os.path.lexists(self.target):
                raise exists(self.target) from None
            self.temporary.replace(self.target)


def exists(target: Path) -> FileExistsError:
    """The refusal to overwrite `target`."""
    return FileExistsError(errno.EEXIST, "already exists; use -f to overwrite", str(target))


def named(error: OSError, name: str | os.PathLike[str]) -> OSError:
    """Return `error` with the name of the file it befell."""
    return type(error)(error.errno, error.strerror, os.fspath(name))


def copy_attributes(descriptor: int, like: os.stat_result | None) -> None:
    """Give an open file owner, mode and times of `like`; without it, the mode of a new file."""
    if like is None:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    # Neither set-user-id nor sticky bits: the content is another one.
    mode = like.st_mode & PERMISSIONS
    try:
        os.fchown(descriptor, -1, like.st_gid)
    except OSError:
        # The mode concerns the source's group; the file has another, which gets everybody's rights.
        mode &= ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    # Not every file system has modes and times, and a file that stays 0600 gives nothing away. Its
    # owner changes last: afterwards only root may change the rest.
    for change in (
        partial(os.fchmod, descriptor, mode),
        partial(os.utime, descriptor, ns=(like.st_atime_ns, like.st_mtime_ns)),
        partial(os.fchown, descriptor, like.st_uid, -1),
    ):
        with contextlib.suppress(OSError):
            change()


def _sync_directory(directory: Path) -> bool:
    """Bring the names in `directory` to disk, which a crash may take away otherwise.

    Return whether that was done; some file systems cannot. Windows has no such call.
    """
    if os.name == "nt":
        return True
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True
