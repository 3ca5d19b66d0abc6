"""Archives whose index lies about the frames: what is read must be true, or refused."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from random import Random

from fake import FakeEngine

import shazip
from shazip.archive import Codec
from shazip.container import START_SIZE, is_index
from shazip.errors import ShazipError
from shazip.frames import pass_frame
from shazip.index import (
    INDEX_START_SIZE,
    INDEX_TAIL_SIZE,
    pack_entry,
    pack_index,
    parse_entries,
    parse_index_rest,
    parse_index_start,
)
from shazip.spans import Index
from shazip.streams import read_full

from . import mutate, structure
from .archives import TEXT


@cache
def codec() -> Codec:
    """Return a codec with a predictor that counts, in blocks of 32 bytes."""
    return Codec(engine=FakeEngine(), mix=False, lanes=2, block_size=32)


@cache
def seeds() -> tuple[bytes, ...]:
    """Return archives of several frames and an index; one of two such joined."""
    found = []
    for frame_size in (40, 100):
        framed = io.BytesIO()
        codec().compress_stream(io.BytesIO(TEXT), framed, frame_size=frame_size)
        found.append(framed.getvalue())
    return (*found, found[0] + found[1])


def make(rng: Random) -> bytes:
    """Return an archive with another index; its checksums are right in most cases."""
    packed = rng.choice(seeds())
    frames = structure.take_apart(packed)
    at = rng.choice([n for n, frame in enumerate(frames) if frame.entries is not None])
    entries = frames[at].entries
    assert entries is not None
    pieces = [frame.pack() for frame in frames]
    choice = rng.randrange(4)
    if choice == 0:
        pieces[at] = mutate.data(rng, pieces[at])
    elif choice == 1:
        pieces[at] = replace(frames[at], entries=mutate.data(rng, entries) or b"\0").pack()
    elif choice == 2:
        pieces[at] = pack_index(_other_sizes(rng, entries))
    else:  # the index of other frames
        del pieces[rng.randrange(at)]
    return b"".join(pieces)


def _other_sizes(rng: Random, entries: bytes) -> bytes:
    """Return entries of which some have other sizes, or the same sum in other parts."""
    pairs = [list(pair) for pair in parse_entries(entries)]
    side = rng.randrange(2)
    one, other = rng.randrange(len(pairs)), rng.randrange(len(pairs))
    if rng.randrange(2):
        shift = rng.randrange(1, 30)
        pairs[one][side] += shift
        pairs[other][side] = max(pairs[other][side] - shift, 0)
    else:
        pairs[one][side] = mutate.size(rng, pairs[one][side], 63)
    return b"".join(pack_entry(*pair) for pair in pairs)


def judge(case: bytes) -> bool:
    """Read at some places; return whether the whole archive was accepted."""
    index = Index.read(io.BytesIO(case))
    truth = _truth(case)
    rng = Random(case)
    for _ in range(4):
        _check_piece(case, truth, rng.randrange(len(truth) + 20))
    try:
        content = codec().decompress(case)
    except ShazipError:
        return False
    assert content == truth
    assert index.original_size == len(content)
    return True


def _check_piece(case: bytes, truth: bytes, position: int) -> None:
    try:
        with shazip.open(io.BytesIO(case), codec=codec()) as file:
            file.seek(position)
            piece = file.read(10)
    except ShazipError:
        return
    known = truth[position : position + 10]
    assert piece[: len(known)] == known[: len(piece)], f"at {position}: {piece!r}, not {known!r}"
    assert len(piece) == 10 or position + len(piece) >= len(truth), f"{position} is no end"


def _truth(case: bytes) -> bytes:
    """Return the content of the frames, up to damage, whatever the indexes say."""
    content, file = b"", io.BytesIO(case)
    try:
        while start := read_full(file, START_SIZE):
            begin = file.tell() - START_SIZE
            if is_index(start):
                size = parse_index_start(start + read_full(file, INDEX_START_SIZE - START_SIZE))
                parse_index_rest(read_full(file, size + INDEX_TAIL_SIZE), size)
            else:
                pass_frame(file, start)
                content += codec().decompress(case[begin : file.tell()])
    except ShazipError:
        pass
    return content
