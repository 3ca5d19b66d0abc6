"""What a header asks for is held against the limit before anything is allocated."""

import tracemalloc
import zlib

import pytest
from fake import FakeEngine, FakeModel, codec, install_mixing

from shazip.container import BlockHeader, Header, Kind, pack_block_header, pack_header
from shazip.errors import MemoryLimitError, TruncatedError
from shazip.model.arithmetic import ARITHMETIC_VERSION

TEXT = b"In the second century of the Christian Aera, the empire of Rome comprehended the fairest"
ID = FakeModel().id
CODEC = codec()


def hostile(block_bits=20, lanes=1, mixing=0, table_bits=0, history_bits=0, size=5000):
    """Return a frame that is well-formed but for what it asks."""
    header = pack_header(
        Header(ID, lanes, block_bits, ARITHMETIC_VERSION, mixing, table_bits, history_bits)
    )
    payload = bytes(16)
    checksums = (zlib.crc32(payload), 0)
    return header + pack_block_header(BlockHeader(Kind.CODED, size, 16, *checksums)) + payload


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(hostile(block_bits=28, lanes=2**28), id="lanes"),
        pytest.param(hostile(lanes=2**20, size=2**20), id="as many lanes as bytes"),
        pytest.param(hostile(mixing=1, table_bits=255), id="table"),
        pytest.param(hostile(mixing=1, history_bits=255), id="history"),
        pytest.param(hostile(mixing=1, table_bits=30), id="table of 1 GiB"),
    ],
)
def test_hostile_headers_allocate_nothing(archive, monkeypatch):
    install_mixing(monkeypatch)
    engine = FakeEngine()
    tracemalloc.start()
    with pytest.raises(MemoryLimitError, match="limit is 1073741824"):
        codec(engine=engine).decompress(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert engine.opened == []
    assert peak < 1 << 20


def test_a_payload_that_is_not_there_is_not_allocated():
    header = pack_header(Header(ID, 1, 28, ARITHMETIC_VERSION))
    block = pack_block_header(BlockHeader(Kind.STORED, 2**28, 2**28, 0, 0))
    tracemalloc.start()
    with pytest.raises(TruncatedError):
        CODEC.decompress(header + block + bytes(1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_the_engines_state_counts():
    packed = codec(lanes=50).compress(bytes(200))
    engine = FakeEngine(lane_size=2**20)
    with pytest.raises(MemoryLimitError, match=r"asks for \d+ bytes"):
        codec(engine=engine, memory_limit=50 * 2**20).decompress(packed)
    assert engine.opened == []
    assert codec(engine=engine, memory_limit=60 * 2**20).decompress(packed) == bytes(200)


def test_compression_keeps_to_the_limit_too():
    # What it makes could otherwise not be decompressed with the same settings.
    with pytest.raises(MemoryLimitError):
        codec(engine=FakeEngine(lane_size=2**30), lanes=2).compress(TEXT)


def test_max_size_is_checked_before_decoding():
    engine = FakeEngine()
    packed = CODEC.compress(TEXT) * 2
    with pytest.raises(MemoryLimitError, match=f"{2 * len(TEXT)} bytes"):
        codec(engine=engine).decompress(packed, max_size=2 * len(TEXT) - 1)
    assert engine.opened == []
    assert CODEC.decompress(packed, max_size=2 * len(TEXT)) == TEXT * 2
