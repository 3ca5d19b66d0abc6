"""Make the published benchmark's files, the same everywhere: `python -m benchmarks.corpus`.

One file of English Wikipedia held out from training, and six unlike it. None of them is ever
trained on, neither by a model nor by the start values of context mixing. Every file is checked by
its sha256. Packages are fetched with apt-get by name and version; nothing is installed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import lzma
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "files"  # ignored by git
SIZE = 300_000
APT = ("apt-get", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::Retries=1")


class MissingError(Exception):
    """A file's source cannot be had on this machine, or holds other bytes than those recorded."""


@dataclass(frozen=True)
class Corpus:
    """One file: the source and the hash of its bytes."""

    name: str
    what: str
    licence: str
    size: int
    sha256: str
    read: Callable[[], bytes]


def make(
    folder: Path = FOLDER, names: tuple[str, ...] = (), files: tuple[Corpus, ...] | None = None
) -> Iterator[tuple[Corpus, Path | str]]:
    """Yield each file, or those of `names`, with its path in `folder` or why it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in FILES if files is None else files:
        if names and entry.name not in names:
            continue
        try:
            yield entry, _made(entry, folder / entry.name)
        except MissingError as error:
            yield entry, str(error)


def _made(entry: Corpus, path: Path) -> Path:
    if not (path.is_file() and _sha256(path.read_bytes()) == entry.sha256):
        try:
            data = entry.read()[: entry.size]
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            raise MissingError(f"{entry.name}: {error}") from error
        if _sha256(data) != entry.sha256:
            raise MissingError(f"{entry.name}: its source now holds other bytes ({entry.what})")
        path.write_bytes(data)
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kept(name: str) -> Callable[[], bytes]:
    """Return a reader of a file that the repository holds, compressed by xz."""
    return lambda: lzma.decompress((HERE / "data" / f"{name}.xz").read_bytes())


def package(name: str, pattern: str) -> Callable[[], bytes]:
    """Return a reader of a Debian package's files that match `pattern`, joined by path."""

    def read() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            root = _unpacked(name, Path(folder))
            found = sorted(path for path in root.glob(pattern) if path.is_file())
            if not found:
                raise MissingError(f"{name} holds no {pattern}")
            return b"".join(_contents(path) for path in found)

    return read


def _unpacked(package: str, folder: Path) -> Path:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise MissingError(
                f"{package} needs {tool}, which is not on the PATH (it is on Debian)"
            )
    got = subprocess.run(
        [*APT, "download", "-q", package], cwd=folder, capture_output=True, text=True, timeout=120
    )
    debs = list(folder.glob("*.deb"))
    if got.returncode or not debs:
        reason = next(
            (line for line in got.stderr.splitlines() if line.startswith("E:")), "no .deb"
        )
        raise MissingError(f"apt-get download {package}: {reason}")
    subprocess.run(["dpkg", "-x", str(debs[0]), str(folder / "root")], check=True)
    return folder / "root"


def _contents(path: Path) -> bytes:
    return (
        gzip.decompress(path.read_bytes()) if path.suffix in (".gz", ".dz") else path.read_bytes()
    )


# The first 300 kB of Lib/*.py end within _pydecimal.py. These files are the same in every 3.11.
LIB = (
    *("__future__", "__hello__", "_aix_support", "_bootsubprocess", "_collections_abc"),
    *("_compat_pickle", "_compression", "_markupbase", "_osx_support", "_py_abc", "_pydecimal"),
)


def _python_lib() -> bytes:
    """Return Lib/*.py of CPython 3.11: this interpreter's, or else those of Debian 12."""
    if sys.version_info[:2] == (3, 11):
        lib = Path(sysconfig.get_path("stdlib"))
        return b"".join((lib / f"{name}.py").read_bytes() for name in LIB)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        roots = [
            _unpacked("libpython3.11-minimal", Path(first)),
            _unpacked("libpython3.11-stdlib", Path(second)),
        ]
        libs = [root / "usr/lib/python3.11" for root in roots]
        found = {path.stem: path for lib in libs for path in lib.glob("*.py") if path.is_file()}
        return b"".join(found[name].read_bytes() for name in LIB)


FILES = (
    Corpus(
        "enwik8.valid",
        "English Wikipedia as XML: bytes 3,107,707 to 3,600,000 of enwik8, kept in data/",
        "CC BY-SA 3.0 and GFDL",
        492_293,
        "53d316e0e29ca5b23b7afb87f21aebed82f5a35b07a00ef17403154229ebe30c",
        kept("enwik8.valid"),
    ),
    Corpus(
        "python.py",
        "CPython 3.11, Lib/*.py in sorted order",
        "PSF-2.0",
        SIZE,
        "024d2d175678d0315c89a7cc474e56a817cc71800405e6b3d194847e42e83253",
        _python_lib,
    ),
    Corpus(
        "pango.h",
        "Debian package libpango1.0-dev 1.50.12+ds-1, C headers in sorted order",
        "LGPL-2.0-or-later",
        SIZE,
        "b5c17ac6c6ae59e3ac8ce64ffa8a1d8a54267c20290f5d98e52f94cf2c86e17d",
        package("libpango1.0-dev=1.50.12+ds-1", "usr/include/**/*.h"),
    ),
    Corpus(
        "pango.xml",
        "the same package, /usr/share/gir-1.0/Pango-1.0.gir",
        "LGPL-2.0-or-later",
        SIZE,
        "c31be4a6d1a8272aaf98237a3f19197233791849221f1acef2e770d17baa3eab",
        package("libpango1.0-dev=1.50.12+ds-1", "usr/share/gir-1.0/Pango-1.0.gir"),
    ),
    Corpus(
        "dpkg.log",
        "a Debian 12 image's log of installed packages, kept in data/",
        "facts without an author",
        SIZE,
        "7883eca159571769a0c47965adc29b98a23e8881cea11daa1b7e77f5477ffebf",
        kept("dpkg.log"),
    ),
    Corpus(
        "gawk.elf",
        "Debian package gawk 1:5.2.1-2 (amd64), /usr/bin/gawk",
        "GPL-3.0-or-later",
        SIZE,
        "ad69cf6b62e7b885d1953922e2b0d2d856d10d5e27bfb9e6e47bc1e9ffa3a1fd",
        package("gawk:amd64=1:5.2.1-2", "usr/bin/gawk"),
    ),
    Corpus(
        "german.txt",
        "Debian package installation-guide-amd64 20230508+deb12u1, the German guide as text",
        "GPL-2.0",
        SIZE,
        "269ff79899bac1e35a5a19ce0dec771d146a59c3d5e6ce590ac9cad79a37c360",
        package(
            "installation-guide-amd64=20230508+deb12u1",
            "usr/share/doc/installation-guide-amd64/de/install.de.txt.gz",
        ),
    ),
)


def main() -> int:
    """Make the files, print a line for each and return 1 when one is missing."""
    parser = argparse.ArgumentParser("python -m benchmarks.corpus", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, help="default: benchmarks/files"
    )
    missing = 0
    for entry, made in make(parser.parse_args().folder):
        missing += isinstance(made, str)
        print(f"{entry.name:13} {made if isinstance(made, str) else entry.sha256}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
