"""Texts that papers measure on: their hashes, their sources and their 90/5/5 % split."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from shazip.errors import ShazipError

SMALLEST_PART = 2  # bytes: a symbol to predict from and one to predict
_MAHONEY = "http://mattmahoney.net/dc/"


class CorpusError(ShazipError):
    """A text has the wrong hash, is too small to be split, or cannot be fetched."""


@dataclass(frozen=True)
class Known:
    """A published text: size in bytes, SHA-1 in hex, URL of the zip file that holds it."""

    name: str
    size: int
    sha1: str
    url: str

    def check(self, size: int, sha1: str, where: object) -> None:
        """Raise CorpusError unless the data at `where` has this text's size and SHA-1."""
        if size != self.size:
            raise CorpusError(f"{where} has {size:,} bytes, {self.name} has {self.size:,}")
        if sha1 != self.sha1:
            raise CorpusError(f"{where} has sha1 {sha1}, {self.name} has {self.sha1}")


# Sizes and SHA-1 as published by Mahoney, http://mattmahoney.net/dc/textdata.html.
KNOWN = {
    known.name: known
    for known in (
        Known(
            "enwik8",
            100_000_000,
            "57b8363b814821dc9d47aa4d41f58733519076b2",
            f"{_MAHONEY}enwik8.zip",
        ),
        Known(
            "enwik9",
            1_000_000_000,
            "2996e86fb978f93cca8f566cc56998923e7fe581",
            f"{_MAHONEY}enwik9.zip",
        ),
    )
}


@dataclass(frozen=True)
class WordCorpus:
    """A published text in a file for each part, measured by the perplexity of its words.

    `words` are those of each part, each line's end counted as one, as Merity 2016 counts them.
    """

    name: str
    words: dict[str, int]

    def check(self, folder: Path) -> None:
        """Raise CorpusError unless the folder's files have the published numbers of words."""
        for part, words in self.words.items():
            path = part_file(folder, part)
            found = count_words(path.read_bytes())
            if found != words:
                raise CorpusError(f"{path} has {found:,} words, {self.name} has {words:,}")


# Numbers of tokens in Merity 2016, table 1; validation and test are the same in both.
_HELD_OUT = {"valid": 217_646, "test": 245_569}
WORD_CORPORA = {
    corpus.name: corpus
    for corpus in (
        WordCorpus("wikitext-2", {"train": 2_088_628, **_HELD_OUT}),
        WordCorpus("wikitext-103", {"train": 103_227_021, **_HELD_OUT}),
    )
}


def count_words(text: bytes) -> int:
    """Return the words of `text`, and its lines' ends, which papers predict as words too."""
    return len(text.split()) + text.count(b"\n")


def part_file(folder: Path, part: str) -> Path:
    """Return the file of a part, named as in the published archives or as copies name it.

    Raises CorpusError if there is none, or more than one.
    """
    names = (f"wiki.{part}.tokens", f"wiki.{part}.raw", f"{part}.txt")
    found = [folder / name for name in names if (folder / name).is_file()]
    if len(found) != 1:
        problem = "several of" if found else "none of"
        raise CorpusError(f"{folder} holds {problem} {', '.join(names)}")
    return found[0]


def split(size: int) -> list[tuple[str, int, int]]:
    """Return name, start and stop of the parts of `size` bytes: 90 % train, 5 % valid, 5 % test.

    Merity 2019 and others split enwik8 this way.
    """
    first, second = size * 90 // 100, size * 95 // 100
    return [("train", 0, first), ("valid", first, second), ("test", second, size)]


def locate(path: Path, part: str) -> tuple[Path, int, int]:
    """Return the file, start and stop of a `part` of a text; an empty `part` is the whole file.

    A folder has a file for each part. Raises CorpusError if it has not, or if a file is too small
    to be split.
    """
    if path.is_dir() and part:
        file = part_file(path, part)
        return file, 0, file.stat().st_size
    return path, *_span(path, part)


def _span(path: Path, part: str) -> tuple[int, int]:
    size = path.stat().st_size
    parts = split(size)
    if part and any(stop - start < SMALLEST_PART for _, start, stop in parts):
        raise CorpusError(f"{path} has {size} bytes, too few to split into 90, 5 and 5 %")
    return next(((start, stop) for name, start, stop in parts if name == part), (0, size))


def is_right(path: Path, known: Known) -> bool:
    """Return whether `path` is a file that holds exactly the `known` text."""
    try:
        if path.is_file():
            check_file(path, known)
            return True
    except CorpusError:
        pass
    return False


def check_file(path: Path, known: Known) -> None:
    """Raise CorpusError unless the file holds exactly the `known` text."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        # Another size needs no hash: it is another text.
        sha1 = hashlib.file_digest(file, "sha1").hexdigest() if size == known.size else ""
    known.check(size, sha1, path)
