"""Known texts: recognised by size and SHA-1, cut 90/5/5."""

from __future__ import annotations

import hashlib

import pytest

from shazip.texts.corpora import (
    KNOWN,
    WORD_CORPORA,
    CorpusError,
    Known,
    WordCorpus,
    check_file,
    locate,
    split,
)

TEXT = b"a small text in the place of a large one. " * 10
SMALL = Known("small", len(TEXT), hashlib.sha1(TEXT).hexdigest(), "http://127.0.0.1/small.zip")


@pytest.mark.parametrize("size", [20, 101, 100_000_000])
def test_the_split_is_90_5_5_and_leaves_nothing_out(size):
    parts = split(size)
    assert [start for _, start, _ in parts] == [0, *(stop for _, _, stop in parts[:-1])]
    assert parts[-1][2] == size
    assert parts[0][2] == size * 9 // 10


def test_enwik8_is_split_as_papers_do():
    sizes = [stop - start for _, start, stop in split(KNOWN["enwik8"].size)]
    assert sizes == [90_000_000, 5_000_000, 5_000_000]


@pytest.mark.parametrize(("part", "found"), [("", (0, 40)), ("train", (0, 36)), ("test", (38, 40))])
def test_a_part_of_a_file(tmp_path, part, found):
    (tmp_path / "text").write_bytes(b"x" * 40)
    assert locate(tmp_path / "text", part) == (tmp_path / "text", *found)


def test_what_is_too_small_for_its_split_is_refused(tmp_path):
    (tmp_path / "text").write_bytes(b"x" * 30)
    assert locate(tmp_path / "text", "")[1:] == (0, 30)
    with pytest.raises(CorpusError, match="30 bytes, too few to split into 90, 5 and 5 %"):
        locate(tmp_path / "text", "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT, None),
        (TEXT[:-1], "has 419 bytes, small has 420"),
        (TEXT + b"x", "has 421 bytes, small has 420"),
        (TEXT[:-1] + b"x", f"has sha1 [0-9a-f]{{40}}, small has {SMALL.sha1}"),
    ],
    ids=["right", "shorter", "longer", "other"],
)
def test_only_the_very_bytes_are_the_known_text(tmp_path, content, message):
    path = tmp_path / "text"
    path.write_bytes(content)
    if message is None:
        check_file(path, SMALL)
    else:
        with pytest.raises(CorpusError, match=message):
            check_file(path, SMALL)


WORDS = {"train": " = Title = \n a <unk> of it . \n", "valid": " one \n", "test": "\n\n"}


@pytest.fixture
def folder(tmp_path):
    for part, text in WORDS.items():
        (tmp_path / f"wiki.{part}.tokens").write_text(text)
    return tmp_path


def test_a_line_end_counts_as_a_word(folder):
    WordCorpus("small", {"train": 10, "valid": 2, "test": 2}).check(folder)
    with pytest.raises(CorpusError, match="has 10 words, wikitext-2 has 2,088,628"):
        WORD_CORPORA["wikitext-2"].check(folder)


def test_a_folder_has_a_file_for_each_part(folder):
    assert locate(folder, "valid") == (folder / "wiki.valid.tokens", 0, 6)
    (folder / "valid.txt").write_text("")
    with pytest.raises(CorpusError, match="several of"):
        locate(folder, "valid")
    (folder / "wiki.test.tokens").unlink()
    with pytest.raises(CorpusError, match="none of"):
        locate(folder, "test")
