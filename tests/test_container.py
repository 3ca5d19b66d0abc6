"""container.py packs what it parses and refuses everything else."""

import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shazip.container import (
    HEADER_SIZE,
    MAX_BLOCK_BITS,
    MAX_LANES,
    BlockHeader,
    Header,
    Kind,
    block_header_size,
    check_end_mark,
    check_start,
    end_mark_size,
    pack_block_header,
    pack_end_mark,
    pack_header,
    parse_block_header,
    parse_header,
    parse_kind,
)
from shazip.errors import CorruptError, FormatError, TruncatedError

BYTE = st.integers(0, 255)
WORD = st.integers(0, 2**32 - 1)
HEADER = Header(bytes(range(16)), 4, 20, 1)
BLOCK = BlockHeader(Kind.CODED, 1000, 1000, 400, 0x01234567, 0x89ABCDEF)


@st.composite
def headers(draw):
    mixing, block_bits = draw(BYTE), draw(st.integers(0, MAX_BLOCK_BITS))
    return Header(
        draw(st.binary(min_size=16, max_size=16)),
        draw(st.integers(1, min(2**block_bits, MAX_LANES))),
        block_bits,
        draw(BYTE),
        draw(st.sampled_from([8, 9, 10])),
        mixing,
        *((draw(BYTE), draw(BYTE), draw(BYTE)) if mixing else ()),
    )


@st.composite
def block_headers(draw, header, least_symbols=lambda size: size):
    size, checksums = draw(st.integers(1, 2**header.block_bits)), (draw(WORD), draw(WORD))
    if size <= 4 or draw(st.booleans()):
        return BlockHeader(Kind.STORED, size, 0, size, *checksums)
    payload_size = 4 * draw(st.integers(1, (size - 1) // 4))
    symbols = draw(st.integers(least_symbols(size), size))
    return BlockHeader(Kind.CODED, size, symbols, payload_size, *checksums)


def resealed(packed, offset, code, *values):
    """Return a structure with other values at `offset` and a checksum that holds."""
    body = bytearray(packed[:-4])
    struct.pack_into(code, body, offset, *values)
    return bytes(body) + struct.pack("<I", zlib.crc32(body))


def flips(data):
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(flipped)


@given(headers())
def test_headers_come_back(header):
    assert parse_header(pack_header(header)) == header
    assert len(pack_header(header)) == HEADER_SIZE


@given(st.data(), headers())
def test_block_headers_come_back(data, header):
    longest = 1 if header.symbol_bits == 8 else 16
    block = data.draw(block_headers(header, lambda size: -(-size // longest)))
    packed = pack_block_header(block, header)
    assert parse_block_header(packed, header) == block
    assert parse_kind(packed[:1]) is block.kind
    assert len(packed) == block_header_size(header)


@given(st.integers(0, 2**60))
def test_end_marks_fit_only_their_size(size):
    packed = pack_end_mark(size)
    check_end_mark(packed, size)
    assert end_mark_size(size) == len(packed)
    assert parse_kind(packed[:1]) is Kind.END
    with pytest.raises(CorruptError, match="bytes"):
        check_end_mark(pack_end_mark(size + 1)[: len(packed)], size)


def frame_cost(block_bits):
    header = replace(HEADER, block_bits=block_bits)
    return HEADER_SIZE + block_header_size(header) + end_mark_size(2**block_bits)


def test_one_block_costs_at_most_64_bytes_with_the_coders_last_words():
    """Those are 33 bits at most: whole words, and one more that may follow (format.md, 6)."""
    assert [frame_cost(bits) for bits in (7, 15, 20)] == [52, 56, 59]
    assert frame_cost(20) + 33 / 8 < 64
    assert frame_cost(MAX_BLOCK_BITS) == 64


def test_the_magic_is_no_text():
    with pytest.raises(UnicodeDecodeError):
        pack_header(HEADER)[:1].decode()


def test_every_flip_in_a_header_is_found():
    for offset, flipped in flips(pack_header(HEADER)):
        with pytest.raises(FormatError if offset < 5 else CorruptError):
            parse_header(flipped)


def test_every_flip_in_a_block_header_is_found():
    for offset, flipped in flips(pack_block_header(BLOCK, HEADER)):
        with pytest.raises(CorruptError):
            parse_block_header(flipped, HEADER) if offset else parse_kind(flipped)


def test_every_flip_in_an_end_mark_is_found():
    for offset, flipped in flips(pack_end_mark(300)):
        with pytest.raises(CorruptError):
            check_end_mark(flipped, 300) if offset else parse_kind(flipped)


def test_every_cut_is_found():
    for size in range(HEADER_SIZE):
        with pytest.raises(TruncatedError):
            parse_header(pack_header(HEADER)[:size])
    for size in range(1, block_header_size(HEADER)):
        with pytest.raises(TruncatedError):
            parse_block_header(pack_block_header(BLOCK, HEADER)[:size], HEADER)
    for size in range(end_mark_size(300)):
        with pytest.raises(TruncatedError):
            check_end_mark(pack_end_mark(300)[:size], 300)
    with pytest.raises(TruncatedError):
        parse_kind(b"")


@pytest.mark.parametrize("data", [b"\x1f", b"PK\x03\x04", b"\xf5sh", b"\xf5shy", b"\xf5shz\x01"])
def test_other_formats_and_versions_are_refused_however_short(data):
    if data == b"\xf5sh":
        check_start(data)  # may still become one
    else:
        with pytest.raises(FormatError):
            check_start(data)


@pytest.mark.parametrize(
    ("offset", "code", "values"),
    [
        pytest.param(9, "B", [0x80 | 20], id="reserved bit"),
        pytest.param(9, "B", [MAX_BLOCK_BITS + 1], id="block too large"),
        pytest.param(9, "B", [0x60 | 20], id="more symbols than a vocabulary has"),
        pytest.param(10, "<H", [0], id="no lanes"),
        pytest.param(9, "<BH", [3, 9], id="more lanes than a block has bytes"),
        pytest.param(7, "B", [22], id="table size without mixing"),
        pytest.param(8, "B", [22], id="history size without mixing"),
    ],
)
def test_headers_that_make_no_sense_are_refused(offset, code, values):
    with pytest.raises(FormatError):
        parse_header(resealed(pack_header(HEADER), offset, code, *values))


@pytest.mark.parametrize(
    ("kind", "original", "payload", "checksums"),
    [
        pytest.param(Kind.CODED, 0, 0, (0, 0), id="empty block"),
        pytest.param(Kind.STORED, 0, 0, (0, 0), id="empty stored block"),
        pytest.param(Kind.CODED, 2**20 + 1, 4, (0, 0), id="larger than the frame allows"),
        pytest.param(Kind.CODED, 2**24 - 1, 4, (0, 0), id="as large as the field holds"),
        pytest.param(Kind.CODED, 100, 100, (0, 0), id="payload as large as the block"),
        pytest.param(Kind.CODED, 100, 2**24 - 4, (0, 0), id="payload larger than the block"),
        pytest.param(Kind.CODED, 100, 0, (0, 0), id="no payload"),
        pytest.param(Kind.CODED, 100, 50, (0, 0), id="no whole words"),
        pytest.param(Kind.STORED, 100, 96, (7, 7), id="stored in fewer bytes"),
    ],
)
def test_block_headers_that_make_no_sense_are_refused(kind, original, payload, checksums):
    symbols = 0 if kind is Kind.STORED else original
    block = BlockHeader(kind, original, symbols, payload, *checksums)
    with pytest.raises(FormatError):
        parse_block_header(pack_block_header(block, HEADER), HEADER)


@pytest.mark.parametrize(
    ("kind", "symbol_bits", "symbols"),
    [
        pytest.param(Kind.CODED, 8, 0, id="no symbols"),
        pytest.param(Kind.CODED, 8, 99, id="fewer than bytes, where a symbol is a byte"),
        pytest.param(Kind.CODED, 8, 101, id="more than bytes"),
        pytest.param(Kind.CODED, 9, 6, id="too few for strings of 16 bytes"),
        pytest.param(Kind.CODED, 10, 101, id="more strings than bytes"),
        pytest.param(Kind.CODED, 10, 2**24 - 1, id="as many as the field holds"),
        pytest.param(Kind.STORED, 8, 100, id="in a stored block"),
    ],
)
def test_symbols_that_cannot_make_the_block_are_refused(kind, symbol_bits, symbols):
    payload = 100 if kind is Kind.STORED else 80
    header = replace(HEADER, symbol_bits=symbol_bits)
    block = BlockHeader(kind, 100, symbols, payload, 5, 5)
    with pytest.raises(FormatError, match=f"{symbols} symbols in a"):
        parse_block_header(pack_block_header(block, header), header)


def test_no_flip_turns_one_kind_into_another():
    kinds = [kind.value for kind in Kind]
    assert all((a ^ b).bit_count() >= 2 for a in kinds for b in kinds if a != b)
