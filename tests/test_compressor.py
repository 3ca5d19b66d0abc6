"""Compressor and Decompressor have the shape of the stdlib's, block by block."""

import os

import pytest
from fake import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from shazip.archive import Codec
from shazip.compressor import Compressor, Decompressor
from shazip.errors import CorruptError, FormatError

TEXT = b"Alice was beginning to get very tired of sitting by her sister on the bank, and of having"
CODEC = Codec(engine=FakeEngine(), mix=False, block_size=128, lanes=3)


def compress(pieces):
    compressor = Compressor(CODEC)
    return b"".join([*map(compressor.compress, pieces), compressor.flush()])


def cut(data, sizes):
    """Cut `data` into pieces, the sizes taken in turn."""
    pieces = []
    while data:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@given(st.integers(0, 700), st.lists(st.integers(1, 300), min_size=1))
@settings(max_examples=30, deadline=None)
def test_the_pieces_make_no_difference(size, sizes):
    data = (TEXT * 8)[:size]
    packed = compress(cut(data, sizes))
    assert packed == CODEC.compress(data)
    decompressor = Decompressor(CODEC)
    assert b"".join(map(decompressor.decompress, cut(packed, sizes))) == data
    assert decompressor.eof


def test_blocks_come_out_as_they_fill_up():
    compressor = Compressor(CODEC)
    assert compressor.compress(TEXT) == b""
    first = compressor.compress(TEXT)
    assert first
    decompressor = Decompressor(CODEC)
    assert decompressor.decompress(first) == (TEXT * 2)[:128]
    assert decompressor.needs_input
    assert not decompressor.eof
    assert decompressor.decompress(compressor.flush()) == (TEXT * 2)[128:]
    assert decompressor.eof


def test_a_flushed_compressor_is_spent():
    compressor = Compressor(CODEC)
    compressor.flush()
    for call in (lambda: compressor.compress(TEXT), compressor.flush):
        with pytest.raises(ValueError, match="flushed"):
            call()


def test_max_length_bounds_what_comes_out():
    data = TEXT * 5
    decompressor = Decompressor(CODEC)
    content = decompressor.decompress(CODEC.compress(data) + b"rest", max_length=50)
    assert content == data[:50]
    assert not decompressor.needs_input
    assert decompressor.decompress(b"", max_length=0) == b""
    while not decompressor.eof:
        assert not decompressor.needs_input
        piece = decompressor.decompress(b"", max_length=50)
        assert len(piece) <= 50
        content += piece
    assert content == data
    assert decompressor.unused_data == b"rest"


def test_max_length_bounds_what_is_decoded():
    engine = FakeEngine()
    packed = CODEC.compress(TEXT * 50)
    decompressor = Decompressor(Codec(engine=engine))
    decompressor.decompress(packed, max_length=10)
    assert decompressor._frame.size == 128


def test_what_follows_the_frame_is_unused():
    decompressor = Decompressor(CODEC)
    packed = CODEC.compress(TEXT)
    assert decompressor.decompress(packed + packed) == TEXT
    assert decompressor.eof
    assert not decompressor.needs_input
    assert decompressor.unused_data == packed
    with pytest.raises(EOFError):
        decompressor.decompress(b"")


def test_another_format_is_refused_after_five_bytes():
    decompressor = Decompressor(CODEC)
    for _ in range(2):
        with pytest.raises(FormatError):
            decompressor.decompress(b"PK\x03\x04\x14")


def test_damage_is_reported_again():
    packed = bytearray(CODEC.compress(TEXT))
    packed[-1] ^= 1
    decompressor = Decompressor(CODEC)
    with pytest.raises(CorruptError):
        decompressor.decompress(packed)
    with pytest.raises(CorruptError):
        decompressor.decompress(b"more")
    assert not decompressor.eof


def test_stored_blocks_pass_through():
    data = os.urandom(1000)
    decompressor = Decompressor(CODEC)
    assert decompressor.decompress(compress([data])) == data
