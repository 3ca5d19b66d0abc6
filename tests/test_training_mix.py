"""benchmarks/training_mix: what measures is left out, counted and never trained on."""

from __future__ import annotations

import hashlib
import json
import random
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import training_mix, windows
from benchmarks.windows import Windows

SIZE = 48


def prose(seed: int, size: int) -> bytes:
    """Return `size` bytes of made-up words in lines and paragraphs."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(size // 4)]
    ends = [rng.choice([" ", " ", " ", ", ", "\n", ".\n\n"]) for _ in words]
    return "".join(a + b for a, b in zip(words, ends, strict=True)).encode()[:size]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Return a function that builds from small sources, of which some are given."""
    monkeypatch.setattr(training_mix, "HELD", 4)

    def build(measured: dict[str, bytes], **given: bytes):
        for number, name in enumerate(
            part for parts in training_mix.KINDS.values() for part in parts
        ):
            (tmp_path / f"{name}.train").write_bytes(given.get(name, prose(number, 60_000)))
        return training_mix.build(tmp_path, tmp_path / "out", measured), tmp_path / "out"

    return build


def planted(source: bytes, size: int, at: int) -> dict[str, bytes]:
    """Return a measured file with `size` bytes of `source` amid other text."""
    return {"m": prose(98, 1000) + source[at : at + size] + prose(99, 1000)}


def test_a_piece_with_300_measured_bytes_in_a_row_is_left_out_and_the_others_stay(built):
    code = prose(1, 60_000)
    manifest, out = built(planted(code, 300, 30_100), code=code)
    told = manifest["kinds"]["code"]
    assert told["pieces"]["shared"] == 1
    assert code[30_100:30_400] not in (out / "code.train").read_bytes()
    assert (
        told["train"]["size"] + told["valid"]["size"] + told["left_out_bytes"]["shared"] == 60_000
    )
    assert manifest["measured"]["m"]["found"] == 0


@pytest.mark.parametrize("size", [200, 299])
def test_fewer_measured_bytes_stay_and_are_counted(built, size):
    code = prose(1, 60_000)
    manifest, _ = built(planted(code, size, 30_100), code=code)
    assert manifest["kinds"]["code"]["pieces"]["shared"] == 0
    found = manifest["measured"]["m"]
    assert size - SIZE + 1 <= found["found"] <= size - SIZE + 5  # neighbours may agree by chance
    assert found["by_kind"]["code"] == found["found"]
    assert found["share"] == round(found["found"] / found["windows"], 6)


def test_a_run_across_two_pieces_leaves_out_both(built):
    code = prose(1, 60_000)
    cut = list(training_mix.pieces(code))[5]
    manifest, out = built(planted(code, 300, cut - 1), code=code)
    assert manifest["kinds"]["code"]["pieces"]["shared"] == 2
    assert code[cut - 40 : cut + 40] not in (out / "code.train").read_bytes()


def test_held_out_pieces_are_in_no_training_text(built):
    manifest, out = built({"m": b"x" * 400})
    every = (out / "valid" / "all.valid").read_bytes()
    for kind, told in manifest["kinds"].items():
        train, valid = (
            (out / f"{kind}.train").read_bytes(),
            (out / f"valid/{kind}.valid").read_bytes(),
        )
        assert told["pieces"]["valid"] == 4
        assert valid[:200] in every
        assert not any(valid[at : at + 100] in train for at in range(0, len(valid) - 100, 100))


def test_the_manifest_holds_sizes_and_hashes_of_what_was_written(built):
    manifest, out = built({"m": b"x" * 400})
    assert json.loads((out / "manifest.json").read_text())["kinds"] == manifest["kinds"]
    for kind, told in manifest["kinds"].items():
        data = (out / f"{kind}.train").read_bytes()
        assert told["train"] == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_words_apart_are_left_out_of_novels_alone(built):
    apart = prose(3, 60_000).replace(b", ", b" , ")
    manifest, out = built({"m": b"x" * 400}, prose=apart, code=apart)
    assert manifest["kinds"]["code"]["pieces"]["tokenised"] == 0
    assert manifest["kinds"]["prose"]["pieces"]["tokenised"] > 0
    assert (out / "prose.train").read_bytes() == b""


def test_more_than_a_hundredth_of_a_measured_file_fails(built, monkeypatch, capsys, tmp_path):
    code = prose(1, 60_000)
    built({"m": b"x" * 400}, code=code)
    measured = prose(98, 1000) + code[30_100:30_300]
    with tarfile.open(tmp_path / "m.tar.xz", "w:xz") as tar:
        (tmp_path / "m.txt").write_bytes(measured)
        tar.add(tmp_path / "m.txt", "folder/m.txt")
    monkeypatch.setattr(training_mix.corpus, "make", lambda: iter(()))
    arguments = [str(tmp_path), str(tmp_path / "out"), "--also", str(tmp_path / "m.tar.xz")]
    assert training_mix.main(arguments) == 1
    assert capsys.readouterr().err == "more than 1% of m.txt is in the training texts\n"


@given(st.text("ab\n", max_size=40).map(lambda text: text.encode() * 700))
def test_pieces_are_whole_and_end_at_lines(text):
    ends = list(training_mix.pieces(text))
    assert ends == sorted(set(ends))
    assert (ends[-1] if ends else 0) == len(text)
    assert all(text[end - 1 : end] == b"\n" for end in ends[:-1])


@settings(max_examples=60, deadline=None)
@given(
    files=st.lists(st.text("ab", max_size=40).map(str.encode), min_size=1, max_size=3),
    text=st.text("ab", max_size=80).map(str.encode),
    size=st.integers(1, 20),
)
def test_windows_are_found_where_a_naive_search_finds_them(files, text, size):
    named = {str(number): data for number, data in enumerate(files)}
    naive = {name: {d[i : i + size] for i in range(len(d) - size + 1)} for name, d in named.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "SLAB", 7)
        patch.setattr(windows, "FILTER_BITS", 8)
        index = Windows(named, size)
        hits = index.hits(np.frombuffer(text, np.uint8))
    sets = {name: {index.window(n) for n in own} for name, own in index.of.items()}
    assert sets == naive
    assert len(index) == len(set().union(*naive.values()))
    every = set().union(*naive.values())
    starts = [i for i in range(len(text) - size + 1) if text[i : i + size] in every]
    assert hits.offsets.tolist() == starts
    assert [index.window(n) for n in hits.windows] == [text[i : i + size] for i in starts]


def test_an_equal_hash_of_other_bytes_is_no_hit(monkeypatch):
    monkeypatch.setattr(windows, "LETTERS", np.zeros(256, np.uint64))
    hits = Windows({"m": b"abc"}, 3).hits(np.frombuffer(b"xyzabcabd", np.uint8))
    assert hits.offsets.tolist() == [3]
