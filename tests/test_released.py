"""Memory that decoding takes is free when it ends, however it ends: no garbage collector runs here.

Tables of 64 MiB each; what is still held shows in the size of the process.
"""

import contextlib
import gc
import io
from pathlib import Path

import pytest

import shazip
from shazip.engines import mixing
from shazip.errors import ShazipError

STATM = Path("/proc/self/statm")
TABLE_BITS = 26
TEXT = b"What is decoded once and thrown away must not stay in memory until somebody sweeps. " * 30
TIMES = 8

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="sizes of processes come from /proc")


@pytest.fixture(scope="module")
def codec():
    """Return a codec whose engine is loaded, with blocks so small that there are several."""
    return shazip.Codec("tiny", block_size=1024, threads=1)


@pytest.fixture(scope="module")
def packed(codec):
    """Return an archive that asks for 64 MiB of tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixing, "sizes_for", lambda first_block_size: (TABLE_BITS, 12))
        return codec.compress(TEXT)


def flipped(packed):
    """Return `packed` with a byte in its last payload changed."""
    return packed[:-40] + bytes([packed[-40] ^ 1]) + packed[-39:]


def truncated(codec, packed):
    with pytest.raises(ShazipError):
        codec.decompress(packed[:-40])


def corrupt(codec, packed):
    with pytest.raises(ShazipError):
        codec.decompress(flipped(packed))


def corrupt_piecewise(codec, packed):
    decompressor = shazip.Decompressor(codec)
    for _ in range(2):
        with pytest.raises(ShazipError):
            decompressor.decompress(flipped(packed))


def complete(codec, packed):
    assert codec.decompress(packed) == TEXT


def abandoned(codec, packed):
    assert next(codec.decompress_blocks(io.BytesIO(packed))) == TEXT[:1024]


def abandoned_piecewise(codec, packed):
    assert shazip.Decompressor(codec).decompress(packed[:2000])


def closed(codec, packed):
    with shazip.open(io.BytesIO(packed), codec=codec) as file:
        assert file.readline()


def deleted(codec, packed):
    assert shazip.open(io.BytesIO(packed), codec=codec).read(10) == TEXT[:10]


def deleted_text(codec, packed):
    assert shazip.open(io.BytesIO(packed), "rt", codec=codec, encoding="ascii").readline()


def interrupted(codec, packed):
    def stop(read, written):
        if read > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        codec.decompress_stream(io.BytesIO(packed), None, progress=stop)


def written(codec, packed):
    with shazip.open(io.BytesIO(), "wb", codec=codec) as file:
        file.write(TEXT)


def unwritten(codec, packed):
    shazip.Compressor(codec).compress(TEXT)


ENDS = [
    truncated,
    corrupt,
    corrupt_piecewise,
    complete,
    abandoned,
    abandoned_piecewise,
    closed,
    deleted,
    deleted_text,
    interrupted,
    written,
    unwritten,
]


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_nothing_is_held(end, codec, packed, monkeypatch):
    monkeypatch.setattr(mixing, "sizes_for", lambda first_block_size: (TABLE_BITS, 12))
    with no_collector():
        end(codec, packed)
        before = size()
        for _ in range(TIMES):
            end(codec, packed)
        assert size() - before < 2 << TABLE_BITS  # and not TIMES times that


@pytest.mark.parametrize("damage", [truncated, corrupt])
def test_an_error_that_is_kept_keeps_no_tables(damage, codec, packed):
    archive = packed[:-40] if damage is truncated else flipped(packed)
    errors = []
    with no_collector():
        before = size()
        for _ in range(TIMES):
            try:
                codec.decompress(archive)
            except ShazipError as error:
                errors.append(error)
        assert len(errors) == TIMES
        assert size() - before < 2 << TABLE_BITS


def test_a_closed_file_that_is_kept_keeps_no_tables(codec, packed):
    files = []
    with no_collector():
        before = size()
        for _ in range(TIMES):
            with shazip.open(io.BytesIO(packed), codec=codec) as file:
                assert file.read(10) == TEXT[:10]
            files.append(file)
        assert size() - before < 2 << TABLE_BITS


def test_a_decompressor_that_was_interrupted_does_not_pretend_to_be_at_the_end(codec, packed):
    decompressor = shazip.Decompressor(codec)
    decompressor._frame._open_predictor = lambda header: exec("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        decompressor.decompress(packed)
    assert not decompressor.eof
    with pytest.raises(ShazipError, match="KeyboardInterrupt"):
        decompressor.decompress(b"")


def size():
    """Return the bytes of address space that this process has."""
    return int(STATM.read_text().split()[0]) * 4096


@contextlib.contextmanager
def no_collector():
    """Leave everything to reference counts."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
