"""shutil: make and unpack `.tar.shz`, the archive format `shztar`."""

from __future__ import annotations

import os
import shutil
import tarfile
from logging import Logger
from pathlib import Path
from typing import Literal

from shazip.errors import FormatError
from shazip.file import open as open_archive

NAME, SUFFIX = "shztar", ".tar.shz"


def register() -> None:
    """Add `shztar` to shutil's formats; a second call changes nothing."""
    if NAME not in dict(shutil.get_archive_formats()):
        shutil.register_archive_format(NAME, make, description="shazip'ed tar-file")
    if NAME not in {name for name, *_ in shutil.get_unpack_formats()}:
        shutil.register_unpack_format(NAME, [SUFFIX], unpack, description="shazip'ed tar-file")


def make(
    base_name: str | os.PathLike[str],
    base_dir: str | os.PathLike[str],
    *,
    root_dir: str | os.PathLike[str] | None = None,
    owner: str | None = None,
    group: str | None = None,
    dry_run: bool = False,
    logger: Logger | None = None,
) -> str:
    """Write `base_dir` to `base_name`.tar.shz and return that name; shutil.make_archive calls it.

    Stored names begin with `base_dir`, which is looked up in `root_dir`.
    """
    target = os.fspath(base_name) + SUFFIX
    if logger is not None:
        logger.info("creating %s", target)
    if dry_run:
        return target

    def claim(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if owner is not None:
            member.uname, member.uid = owner, _user(owner)
        if group is not None:
            member.gname, member.gid = group, _group(group)
        return member

    source = Path(root_dir or os.curdir, base_dir)
    try:
        with open_archive(target, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
            tar.add(source, os.fspath(base_dir), filter=claim)
    except BaseException:
        Path(target).unlink(missing_ok=True)
        raise
    return target


make.supports_root_dir = True  # type: ignore[attr-defined]  # or shutil changes the directory


Filter = Literal["fully_trusted", "tar", "data"]


def unpack(filename: str, extract_dir: str, *, filter: Filter = "data") -> None:
    """Unpack `filename` into `extract_dir`; shutil.unpack_archive calls it.

    Raise shutil.ReadError if it is no .shz file or holds no tar archive, ShazipError on damage.
    """
    try:
        with open_archive(filename) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            tar.extractall(extract_dir, filter=filter)
    except (FormatError, tarfile.ReadError) as error:
        raise shutil.ReadError(f"{filename}: {error}") from error


def _user(name: str) -> int:
    import pwd  # absent on Windows

    return pwd.getpwnam(name).pw_uid


def _group(name: str) -> int:
    import grp  # absent on Windows

    return grp.getgrnam(name).gr_gid
