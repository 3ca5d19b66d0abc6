"""Fetches known texts: resumes interrupted downloads, verifies size and SHA-1."""

from __future__ import annotations

import hashlib
import http.client
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from shazip import __version__
from shazip.atomic import AtomicFile
from shazip.texts.corpora import CorpusError, Known

PIECE = 1 << 16
TIMEOUT = 30.0  # seconds without a byte
SLACK = 1 << 20  # bytes that a zip file adds at most to a text that it cannot compress

Report = Callable[[int, int, int | None], object]  # bytes present before, present now, in all


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


def fetch(
    known: Known, url: str, path: Path, *, overwrite: bool, report: Report | None = None
) -> None:
    """Download the zip file at `url`, and write the `known` text in it to `path`.

    `path` appears whole and checked or not at all; `path`.zip.part keeps an interrupted download.
    """
    partial = path.with_name(f"{path.name}.zip.part")
    download(url, partial, report, known.size + SLACK)
    with AtomicFile(path, overwrite=overwrite) as file:
        try:
            unpack(known, partial, file, url)
        except CorpusError:
            partial.unlink()  # resuming a wrong file would be in vain
            raise
        file.commit(None)
    partial.unlink()


def download(url: str, partial: Path, report: Report | None, most: int) -> None:
    """Download the rest of the file at `url` into `partial`, which an earlier call may have begun.

    Raises CorpusError on failure; `partial` keeps the bytes received, unless they are more than
    `most`.
    """
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": f"shazip/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as answer:
            _receive(answer, partial, have, report, most)
    except HTTPError as error:
        with error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
                raise CorpusError(f"{url}: {error.code} {error.reason}") from error
            if error.headers.get("Content-Range") == f"bytes */{have}":
                return  # already complete
        partial.unlink()  # longer than the file at `url`, so not a beginning of it
        download(url, partial, report, most)
    except (URLError, http.client.HTTPException, ValueError) as error:
        raise CorpusError(f"{url}: {_reason(error)}") from error


def _receive(
    answer: http.client.HTTPResponse, partial: Path, have: int, report: Report | None, most: int
) -> None:
    have = _continues(answer, have)
    total = None if answer.length is None else have + answer.length
    done = have
    try:
        with partial.open("ab" if have else "wb") as file:
            for piece in _pieces(answer):
                file.write(piece)
                done += len(piece)
                if done > most:
                    break
                if report is not None:
                    report(have, done, total)
    except OSError as error:  # a full disk does not name the file
        raise type(error)(error.errno, error.strerror, os.fspath(partial)) from error
    if done > most:  # an endless one would fill the disk
        partial.unlink()
        raise CorpusError(f"{answer.url} has more than {most:,} bytes")
    if total is not None and done < total:
        raise CorpusError(f"{answer.url}: ends after {done:,} of {total:,} bytes; try again")


def _continues(answer: http.client.HTTPResponse, have: int) -> int:
    """Return how many of the bytes at hand the answer continues. Raises CorpusError for others."""
    if answer.headers.get_content_type() == "text/html":
        raise CorpusError(f"{answer.url} is a web page, not a zip file")
    if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0  # this server ignores ranges and sends the file from its beginning
    if not re.match(rf"bytes {have}-", answer.headers.get("Content-Range", "")):
        raise CorpusError(f"{answer.url}: the server sent another part than requested")
    return have


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while piece := answer.read1(PIECE):  # read1 returns what has arrived; none of it is lost
            yield piece
    except (OSError, http.client.HTTPException) as error:
        raise CorpusError(f"{answer.url}: {_reason(error)}; try again") from error


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer for {TIMEOUT:.0f} seconds"
    if isinstance(cause, http.client.IncompleteRead):
        return "the connection ended early"
    return (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__


def unpack(known: Known, archive: Path, sink: Sink, where: object) -> None:
    """Write the `known` text from a zip file, which came from `where`, to `sink`.

    Raises CorpusError, after writing, if the text is another.
    """
    sha1, size = hashlib.sha1(usedforsecurity=False), 0
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(known.name) as file:
            while size <= known.size and (piece := file.read(PIECE)):
                sink.write(piece)
                sha1.update(piece)
                size += len(piece)
    except KeyError as error:
        raise CorpusError(f"{where} contains no {known.name}") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise CorpusError(f"{where} is not a zip file, or is damaged") from error
    except (NotImplementedError, RuntimeError) as error:  # rare methods, passwords
        raise CorpusError(f"{where}: {error}") from error
    known.check(size, sha1.hexdigest(), f"{known.name} in {where}")
