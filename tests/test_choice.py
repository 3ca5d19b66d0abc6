"""The content chooses between network and none: by which rule, and alike on every way in."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import shazip
from shazip import choice
from shazip.archive import Codec
from shazip.choice import PIECE, SMALL, Choice, contexts_for, foreign_bytes, sample
from shazip.compressor import Compressor
from shazip.model import store as modelstore
from shazip.settings import CONTEXTS

NETWORK, PLAIN = 0, 1  # with one network

PROSE = "Ça ne fait rien, dit Алиса: 不思議の国の話です。\n".encode()
WIKIPEDIA = (Path(__file__).parent / "data" / "wikipedia.xml").read_bytes()
TEXT = (WIKIPEDIA * (SMALL // len(WIKIPEDIA) + 1))[:SMALL]
NUMBERS = struct.pack(f"<{SMALL // 8}d", *np.sin(np.arange(SMALL // 8) / 97))
NOISE = np.random.default_rng(1).bytes(SMALL)


def refuse(candidate: int, pieces: bytes) -> int:
    raise AssertionError("nothing was to be tried")


def sizes(network: int, plain: int = 1000):
    """Return a trial in which the candidates make so many bytes of a sample."""
    return lambda candidate, pieces: (network, plain)[candidate]


@pytest.mark.parametrize(
    ("data", "share"),
    [
        (PROSE, 0),
        ("Fußgängerübergänge".encode("latin-1"), 4 / 18),
        (b"plain\r\n\t\f", 0),
        (b"\0\0ab", 1 / 2),
        (b"\x7f\x1b~", 2 / 3),
        (b"\xff\xfe\xc3", 1),
        (b"", 0),
    ],
)
def test_foreign_bytes_are_control_characters_and_what_is_not_utf8(data, share):
    assert foreign_bytes(data) == share * len(data)


@pytest.mark.parametrize(
    ("block", "wanted"),
    [(b"", "text"), (PROSE, "text"), (TEXT, "text"), (NUMBERS, "binary"), (bytes(9), "binary")],
)
def test_the_first_block_chooses_the_contexts(block, wanted):
    assert contexts_for(block) == wanted
    packed = Codec("none", lanes=1).compress(block)
    found = shazip.info(packed).frames[0].header
    assert CONTEXTS[found.contexts] == wanted
    assert shazip.decompress(packed) == block


def test_contexts_that_are_given_are_used():
    packed = Codec("none", contexts="few").compress(NUMBERS)
    assert CONTEXTS[shazip.info(packed).frames[0].header.contexts] == "few"
    assert shazip.decompress(packed) == NUMBERS


@pytest.mark.parametrize(
    ("block", "wanted"),
    [(b"", NETWORK), (PROSE, NETWORK), (b"x", NETWORK), (NUMBERS[:4000], PLAIN)],
)
def test_small_blocks_are_judged_by_their_bytes_alone(block, wanted):
    assert Choice(refuse).next(block) == wanted


def test_large_blocks_that_are_no_text_are_not_tried_either():
    assert Choice(refuse).next(NUMBERS) == PLAIN


@pytest.mark.parametrize(
    ("network", "wanted"), [(400, NETWORK), (969, NETWORK), (970, PLAIN), (1200, PLAIN)]
)
def test_others_are_tried_and_the_network_must_pay_for_its_time(network, wanted):
    assert Choice(sizes(network)).next(TEXT) == wanted


def next_after(first: bytes, network: int, block: bytes) -> int:
    """Return the choice for `block` behind `first`, in whose trial the network makes so much."""
    found = iter([400, 1000, network, 1000])
    rule = Choice(lambda candidate, pieces: next(found))
    if rule.next(first) == PLAIN:
        assert (next(found), next(found)) == (400, 1000)
    return rule.next(block)


@pytest.mark.parametrize(
    ("first", "network", "wanted"),
    [
        (TEXT, 1029, NETWORK),
        (TEXT, 1030, PLAIN),
        (NUMBERS, 920, PLAIN),
        (NUMBERS, 919, NETWORK),
    ],
)
def test_a_new_frame_must_pay_for_itself(first, network, wanted):
    assert next_after(first, network, TEXT) == wanted


@pytest.mark.parametrize(
    ("first", "second", "plain", "wanted"),
    [(500, 400, 1000, 1), (400, 500, 1000, 0), (990, 980, 1000, 2)],
)
def test_of_several_networks_the_better_one_must_pay(first, second, plain, wanted):
    sizes = (first, second, plain)
    assert Choice(lambda candidate, pieces: sizes[candidate], networks=2).next(TEXT) == wanted


@pytest.mark.parametrize(
    ("second", "plain", "wanted"),
    [(461, 1000, 0), (459, 1000, 1), (470, 486, 0), (470, 485, 2), (450, 485, 1)],
)
def test_another_network_must_pay_for_a_frame_too(second, plain, wanted):
    trials = iter([(400, 500, 1000), (500, second, plain)])
    sizes = {}

    def try_out(candidate, pieces):
        if candidate == 0:
            sizes.update(enumerate(next(trials)))
        return sizes[candidate]

    rule = Choice(try_out, networks=2)
    assert rule.next(TEXT) == 0
    assert rule.next(TEXT) == wanted


@pytest.mark.parametrize(
    ("block", "wanted"), [(NUMBERS[: SMALL - 1], NETWORK), (NOISE, NETWORK), (NUMBERS, PLAIN)]
)
def test_small_and_stored_blocks_begin_no_frame(block, wanted):
    rule = Choice(sizes(400))
    assert rule.next(TEXT) == NETWORK
    assert rule.next(block) == wanted


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 300_001, 1 << 20, 1 << 23])
def test_a_sample_is_a_small_part_from_all_over_the_block(size):
    block = np.arange(size // 4 + 1, dtype="<u4").tobytes()[:size]
    pieces = sample(block)
    assert len(pieces) % PIECE == 0
    assert 2 <= len(pieces) // PIECE <= min(8, max(2, size // 256 // PIECE))
    starts = [block.index(pieces[i : i + PIECE]) for i in range(0, len(pieces), PIECE)]
    gaps = np.diff([-PIECE, *starts, size])
    assert max(gaps) - min(gaps) <= max(gaps) // 2 + PIECE


@pytest.fixture
def codec(monkeypatch):
    """The choice between `tiny` and `none`, in blocks of 4 KiB, all of which count as large."""
    monkeypatch.setattr(choice, "SMALL", BLOCK)
    paths = tuple(map(modelstore.find_path, ("tiny", "none")))
    monkeypatch.setattr(modelstore, "candidates", lambda network: paths)
    return Codec(block_size=BLOCK)


BLOCK = 4096
CONTENT = TEXT[:BLOCK] + NUMBERS[:BLOCK] + NOISE[:BLOCK] + NUMBERS[:900]
NAMES = {modelstore.find(name).id: name for name in ("tiny", "none")}


def frames(packed: bytes) -> list[tuple[str, int]]:
    """Return the model's name and the original size of each frame."""
    return [(NAMES[f.header.model_id], f.original_size) for f in shazip.info(packed).frames]


def stream(codec: Codec, content: bytes, **settings: object) -> tuple[bytes, tuple[str, ...]]:
    sink = io.BytesIO()
    summary = codec.compress_stream(io.BytesIO(content), sink, **settings)
    return sink.getvalue(), summary.models


def test_each_part_gets_the_model_that_suits_it_and_comes_back(codec):
    packed, models = stream(codec, CONTENT)
    assert frames(packed) == [("tiny", BLOCK), ("none", len(CONTENT) - BLOCK)]
    assert models == ("tiny", "none")
    assert codec.decompress(packed) == CONTENT
    assert Codec(threads=1, block_size=BLOCK).compress(CONTENT) == packed


def test_jobs_give_the_same_archive_with_the_frames_that_their_parts_need(codec):
    alone = stream(codec, CONTENT, frame_size=2 * BLOCK)
    with ThreadPoolExecutor(2) as executor:
        assert stream(codec, CONTENT, frame_size=2 * BLOCK, executor=executor) == alone
    assert [size for _, size in frames(alone[0])] == [BLOCK, BLOCK, BLOCK + 900]
    assert codec.decompress(alone[0]) == CONTENT


def test_files_give_the_same_archive_and_read_from_any_place(codec):
    packed, _ = stream(codec, CONTENT)
    sink = io.BytesIO()
    with shazip.open(sink, "w", codec=codec) as file:
        for start in range(0, len(CONTENT), 5000):
            file.write(CONTENT[start : start + 5000])
    assert sink.getvalue() == packed
    with shazip.open(io.BytesIO(packed), codec=codec) as file:
        file.seek(BLOCK + 5)
        assert file.read(11) == CONTENT[BLOCK + 5 : BLOCK + 16]


def test_a_compressor_makes_one_frame_unless_told_to_split(codec):
    for split, count in ((False, 1), (True, 2)):
        compressor = Compressor(codec, split=split)
        packed = compressor.compress(CONTENT) + compressor.flush()
        assert len(frames(packed)) == count
        assert codec.decompress(packed) == CONTENT


def test_a_model_that_was_named_codes_everything():
    assert frames(shazip.compress(NUMBERS[:3000], model="tiny")) == [("tiny", 3000)]


def test_without_mixing_there_is_nothing_to_choose(codec):
    assert Codec(mix=False).new_choice() is None
    assert codec.new_choice() is not None


def test_both_engines_stay_open_only_as_far_as_the_memory_allows(codec):
    content = TEXT[:BLOCK] + NUMBERS[:BLOCK]
    packed, _ = stream(codec, content)
    assert len(codec._admission.loader._engines) == 2
    codec._admission.loader.keep_within(0, modelstore.find("none").id)
    assert list(codec._admission.loader._engines) == [modelstore.find("none").id]
    assert stream(codec, content)[0] == packed
