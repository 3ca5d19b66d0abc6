"""codec.py: what goes into a block or a frame comes out, and nothing else does."""

import io
import zlib

import numpy as np
import pytest
from fake import CountingPredictor, counting
from hypothesis import given, settings
from hypothesis import strategies as st

from shazip.codec import decode_block, encode_block
from shazip.container import (
    HEADER_SIZE,
    BlockHeader,
    Header,
    Kind,
    block_header_size,
    pack_block_header,
    pack_header,
    parse_block_header,
)
from shazip.errors import CorruptError, FormatError, ModelError, TruncatedError
from shazip.framing import FrameDecoder, FrameEncoder
from shazip.halves import Halves
from shazip.model.vocabulary import BYTES

TEXT = b"It is a truth universally acknowledged, that a single man in possession of a good fortune"
NOISE = np.random.default_rng(2).bytes(1 << 16)
HEADER = Header(bytes(range(16)), lanes=2, block_bits=16, arithmetic_version=2)


class Opener:
    """Opens counting predictors and keeps them."""

    def __init__(self, weight=32):
        self.weight = weight
        self.opened = []

    def __call__(self, header):
        self.opened.append(counting(header.lanes, self.weight))
        return self.opened[-1]


def frame(*blocks, opener=None):
    encoder = FrameEncoder(HEADER, opener or Opener())
    return encoder.header() + b"".join(map(encoder.block, blocks)) + encoder.end()


def read(data, opener=None, admit=lambda header: None):
    source, decoder, content = io.BytesIO(data), FrameDecoder(admit, opener or Opener()), b""
    while not decoder.eof:
        content += decoder.feed(source.read(decoder.needed))
    assert decoder.size == len(content)
    return content


def kinds(data):
    """Return the kinds of a frame's blocks."""
    found, at = [], HEADER_SIZE
    while data[at] != Kind.END:
        block = parse_block_header(data[at:], HEADER)
        found.append(block.kind)
        at += block_header_size(HEADER) + block.payload_size
    return found


@given(st.binary(min_size=1, max_size=400), st.data())
@settings(max_examples=50, deadline=None)
def test_blocks_come_back(block, data):
    block *= data.draw(st.integers(1, 4))
    lanes = data.draw(st.integers(1, len(block)))
    coded = encode_block(block, lanes, counting(lanes))
    if coded is None:
        return
    count, payload = coded
    assert count == len(block)
    assert len(payload) < len(block)
    assert decode_block(payload, count, len(block), lanes, counting(lanes)) == block


@given(st.lists(st.sampled_from([TEXT, TEXT * 9, TEXT[:7], NOISE, NOISE[:300]]), max_size=5))
@settings(max_examples=25, deadline=None)
def test_frames_come_back(blocks):
    if blocks and len(blocks[0]) < HEADER.lanes:
        return
    assert read(frame(*blocks)) == b"".join(blocks)


def test_the_state_goes_on_from_block_to_block():
    opener = Opener()
    first, second, together = (
        len(frame(*blocks)) for blocks in ([TEXT], [TEXT[1:]], [TEXT, TEXT[1:]])
    )
    frame(TEXT, TEXT[1:], opener=opener)
    assert len(opener.opened) == 1
    assert together < first + second - HEADER_SIZE - 6


def test_a_block_that_would_grow_is_stored():
    data = frame(TEXT, NOISE[:300], TEXT)
    assert kinds(data) == [Kind.CODED, Kind.STORED, Kind.CODED]
    assert read(data) == TEXT + NOISE[:300] + TEXT


def test_a_stored_block_puts_the_predictor_back_to_its_start():
    encoding, decoding = Opener(), Opener()
    data = frame(TEXT, NOISE[:300], TEXT, opener=encoding)
    read(data, decoding)
    # The encoder tried the noise with the first predictor; the decoder had no need to.
    assert len(encoding.opened) == len(decoding.opened) == 2
    start, size = HEADER_SIZE + block_header_size(HEADER), len(frame(TEXT)) - HEADER_SIZE - 2
    stop = HEADER_SIZE + size
    assert data[start:stop] in data[stop:]


def test_incompressible_blocks_never_meet_the_network():
    opener = Opener()
    data = frame(NOISE, opener=opener)
    assert kinds(data) == [Kind.STORED]
    assert read(data, opener) == NOISE
    assert opener.opened == []


def test_encoding_stops_when_the_payload_outgrows_the_block():
    class Counting(CountingPredictor):
        steps = 0

        def update(self, column):
            self.steps += 1
            super().update(column)

    noise = NOISE[:3000]
    predictor = Counting(1, 2**20)  # so sure of itself that noise is dear
    assert encode_block(noise, 1, Halves(predictor, BYTES)) is None
    assert predictor.steps < len(noise)


def test_progress_is_reported_inside_a_block():
    seen = []
    block = TEXT * 40
    count, payload = encode_block(block, 3, counting(3), lambda *done: seen.append(done))
    assert len(seen) >= len(block) // 300
    assert seen == sorted(seen)
    assert all(symbols <= len(block) and size <= len(payload) + 4 for symbols, size in seen)
    again = []
    decode_block(payload, count, len(block), 3, counting(3), lambda *d: again.append(d))
    assert [symbols for symbols, _ in again] == [symbols for symbols, _ in seen]
    assert again == sorted(again)


def test_other_probabilities_are_a_matter_of_the_model():
    with pytest.raises(ModelError, match="000102030405060708090a0b0c0d0e0f"):
        read(frame(TEXT * 9), Opener(weight=33))


def test_a_payload_that_decodes_to_no_symbols_is_a_matter_of_the_model():
    # The checksums say that the payload is as it was written.
    payload = b"\xff" * 40
    checksums = (zlib.crc32(payload), 0)
    block = pack_block_header(BlockHeader(Kind.CODED, 50, 50, 40, *checksums), HEADER) + payload
    with pytest.raises(ModelError):
        read(pack_header(HEADER) + block)


def test_a_first_block_smaller_than_the_lanes_is_refused():
    packed = pack_block_header(BlockHeader(Kind.STORED, 1, 0, 1, 0, 0), HEADER) + b"a"
    with pytest.raises(FormatError, match="lanes"):
        read(pack_header(HEADER) + packed)


def test_the_header_is_admitted_before_anything_is_opened():
    opener = Opener()

    def refuse(header):
        assert header == HEADER
        raise FormatError("refused")

    with pytest.raises(FormatError, match="refused"):
        read(frame(TEXT), opener, admit=refuse)
    assert opener.opened == []


def test_an_error_stays():
    decoder = FrameDecoder(lambda header: None, Opener())
    for _ in range(2):
        with pytest.raises(FormatError):
            decoder.feed(b"PK\x03\x04\x05")
    assert not decoder.eof


def test_blocks_that_change_places_are_found():
    first, second = NOISE[:300], NOISE[300:600]
    data = frame(first, second)
    size = block_header_size(HEADER) + 300
    blocks = [data[HEADER_SIZE + i * size :][:size] for i in range(2)]
    swapped = data[:HEADER_SIZE] + blocks[1] + blocks[0] + data[HEADER_SIZE + 2 * size :]
    with pytest.raises(CorruptError, match="another order"):
        read(swapped)


def test_a_block_that_is_missing_is_found():
    data = frame(NOISE[:300], NOISE[300:600])
    size = block_header_size(HEADER) + 300
    with pytest.raises(CorruptError, match="another order"):
        read(data[:HEADER_SIZE] + data[HEADER_SIZE + size :])
    with pytest.raises(CorruptError, match="300 bytes"):
        read(data[: HEADER_SIZE + size] + data[HEADER_SIZE + 2 * size :])


def test_a_block_that_comes_twice_is_found():
    data = frame(NOISE[:300], NOISE[:300])
    once = data[: HEADER_SIZE + block_header_size(HEADER) + 300]
    with pytest.raises(CorruptError, match="another order"):
        read(once + once[HEADER_SIZE:] + data[-3:])


@pytest.mark.parametrize("cut", [0, 3, 5, HEADER_SIZE - 1, HEADER_SIZE, HEADER_SIZE + 30, -1])
def test_a_short_piece_is_the_end(cut):
    with pytest.raises(TruncatedError):
        read(frame(TEXT)[:cut])
