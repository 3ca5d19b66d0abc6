"""A damaged archive gives every frame that is intact, and says what it does not give."""

import io

import pytest
from fake import codec
from test_index import DATA, INDEX, LIES, PACKED, framed, with_index

import shazip
from shazip.salvage import salvage

CODEC = codec(block_size=64)
SPANS = shazip.Index.read(io.BytesIO(PACKED)).frames


def saved(archive: bytes):
    sink = io.BytesIO()
    result = salvage(CODEC, io.BytesIO(archive), sink)
    assert result.original_size == len(sink.getvalue())
    return sink.getvalue(), result


def without(*lost: int) -> bytes:
    return b"".join(
        DATA[span.start :][: span.original_size]
        for number, span in enumerate(SPANS)
        if number not in lost
    )


def test_of_an_intact_archive_nothing_is_lost():
    content, result = saved(PACKED + PACKED)
    assert content == DATA * 2
    assert (result.frames, result.losses) == (2 * len(SPANS), ())


@pytest.mark.parametrize("at", range(0, INDEX, 7))
def test_any_damaged_byte_costs_its_frame_and_no_other(at):
    damaged = bytearray(PACKED)
    damaged[at] ^= 0x55
    content, result = saved(bytes(damaged))
    number = next(n for n, span in enumerate(SPANS) if at < span.offset + span.compressed_size)
    assert content == without(number)
    (loss,) = result.losses
    assert (loss.offset, loss.stop) == (
        SPANS[number].offset,
        SPANS[number].offset + SPANS[number].compressed_size,
    )
    assert loss.original_size == SPANS[number].original_size
    assert loss.reason


@pytest.mark.parametrize("cut", range(0, len(PACKED), 5))
def test_what_a_truncated_archive_has_is_there(cut):
    content, result = saved(PACKED[:cut])
    whole = [span for span in SPANS if span.offset + span.compressed_size <= cut]
    assert content == DATA[: sum(span.original_size for span in whole)]
    assert bool(result.losses) == (cut not in {s.offset + s.compressed_size for s in whole})


def test_missing_bytes_cost_the_frame_that_they_lie_in():
    for at in range(SPANS[2].offset + 1, SPANS[3].offset - 1, 3):
        content, result = saved(PACKED[:at] + PACKED[at + 1 :])
        assert content == without(2)
        assert len(result.losses) == 1


def test_what_lies_between_frames_is_reported():
    content, result = saved(b"before" + PACKED + b"between" * 9 + PACKED)
    assert content == DATA * 2
    assert [(loss.offset, loss.stop - loss.offset) for loss in result.losses] == [
        (0, 6),
        (6 + len(PACKED), 63),
    ]


def test_a_frame_inside_a_frame_is_not_taken_for_one():
    outer = framed(PACKED, 10**6, mix=False)
    damaged = bytearray(outer + PACKED)
    damaged[34 + 21 + 5] ^= 1  # in the first payload
    content, result = saved(bytes(damaged))
    assert content == DATA
    assert result.losses[0].original_size == len(PACKED)


def test_nothing_is_found_in_what_is_no_archive():
    for junk in (b"", b"junk" * 100, b"\xf5shz" * 100):
        content, result = saved(junk)
        assert (content, result.frames, len(result.losses)) == (b"", 0, 1)


@pytest.mark.parametrize("sizes", LIES)
def test_an_index_that_lies_costs_no_intact_frame(sizes):
    lying = with_index(sizes)
    assert saved(lying)[0] == DATA
    damaged = bytearray(lying)
    damaged[10] ^= 1  # in the first frame's header, so that only the index knows where it ends
    content, result = saved(bytes(damaged))
    assert content == without(0)
    assert result.losses[0].stop == SPANS[0].compressed_size
