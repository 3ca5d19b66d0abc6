"""What a header asks for is held against the limit before anything is allocated."""

import os
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
from fake import FakeEngine, FakeModel, codec, install_mixing
from random_models import random_model

from shazip.archive import Codec
from shazip.container import MAX_LANES, BlockHeader, Header, Kind, pack_block_header, pack_header
from shazip.errors import MemoryLimitError, ModelError, TruncatedError
from shazip.model import file as modelfile
from shazip.model.arithmetic import ARITHMETIC_VERSION
from shazip.model.config import NetworkConfig
from shazip.predictor import block_memory

TEXT = b"In the second century of the Christian Aera, the empire of Rome comprehended the fairest"
ID = FakeModel().id
CODEC = codec()


def hostile(
    block_bits=20, lanes=1, mixing=0, table_bits=0, history_bits=0, symbol_bits=8, size=5000
):
    """Return a frame that is well-formed but for what it asks."""
    header = Header(
        ID, lanes, block_bits, ARITHMETIC_VERSION, symbol_bits, mixing, table_bits, history_bits
    )
    payload = bytes(16)
    block = BlockHeader(Kind.CODED, size, size, 16, zlib.crc32(payload), 0)
    return pack_header(header) + pack_block_header(block, header) + payload


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(hostile(block_bits=28), id="blocks"),
        pytest.param(hostile(block_bits=16, lanes=MAX_LANES, symbol_bits=10), id="lanes"),
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
    header = Header(ID, 1, 27, ARITHMETIC_VERSION)
    block = pack_block_header(BlockHeader(Kind.STORED, 2**27, 0, 2**27, 0, 0), header)
    tracemalloc.start()
    with pytest.raises(TruncatedError):
        CODEC.decompress(pack_header(header) + block + bytes(1000))
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


PEAKS = """
import re, sys
from pathlib import Path
import numpy as np
from shazip.codec import decode_block, encode_block
from shazip.model.vocabulary import BYTES

class Flat:
    vocabulary = BYTES
    firsts = np.full((LANES, 16), 2**20 - 16000, np.uint32)
    firsts[:, :8] += 32000
    seconds = np.full((LANES, 16), 2**20, np.uint32)
    def first(self, live): return self.firsts[:live]
    def second(self, firsts): return self.seconds[:len(firsts)]
    def update(self, column): pass

def peak(what):
    Path("/proc/self/clear_refs").write_text("5")
    before, _ = sizes()
    result = what()
    print(sizes()[1] - before)
    return result

def sizes():
    status = Path("/proc/self/status").read_text()
    return [1024 * int(re.search(f"Vm{name}:\\s+(\\d+)", status)[1]) for name in ("RSS", "HWM")]

rng = np.random.default_rng(1)
block = (rng.integers(0, 256, SIZE) >> (rng.random(SIZE) < 0.2)).astype(np.uint8).tobytes()
count, payload = peak(lambda: encode_block(block, LANES, Flat()))
assert SIZE > len(payload) > 0.99 * SIZE
assert peak(lambda: decode_block(payload, count, SIZE, LANES, Flat())) == block
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks come from /proc")
def test_coding_takes_no_more_than_it_is_admitted_with():
    bits, lanes = 21, 128
    script = PEAKS.replace("SIZE", str(1 << bits)).replace("LANES", str(lanes))
    # Large pieces come from the system and return to it, so that none hides in what was free.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, env=environment
    )
    given = 1 << bits  # the block or the payload, there before
    limit = block_memory(Header(ID, lanes, bits, ARITHMETIC_VERSION))
    assert len(peaks := [given + int(peak) for peak in run.stdout.split()]) == 2
    assert all(3 << bits < peak < limit for peak in peaks), [peak / given for peak in peaks]


LITTLE_SPACE = """
import resource
from pathlib import Path
from shazip.coder import Decoder, Encoder

space = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
payload = bytes(64 << 20)
for size, what in ((32, lambda: Decoder(payload)), (96, lambda: Encoder(1, len(payload)))):
    resource.setrlimit(resource.RLIMIT_AS, (space + len(payload) + (size << 20), -1))
    try:
        what()
    except MemoryError:
        print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not kept")
def test_without_memory_for_the_coder_there_is_an_error_and_no_abort():
    run = subprocess.run([sys.executable, "-c", LITTLE_SPACE], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "refused\nrefused\n"), run.stderr


def test_the_canary_keeps_to_the_limit_too(tmp_path):
    path = tmp_path / "wide-window.safetensors"
    modelfile.save(random_model(1, NetworkConfig(256, 256, 1, (0,), 16384, 1)), path)
    small = Codec(path, block_size=2**16, memory_limit=20 << 20)
    with pytest.raises(MemoryLimitError, match=r"\d+ bytes of memory for its canary"):
        small.compress(TEXT)
    with pytest.raises(ModelError, match="no short canary"):
        Codec(path).compress(TEXT)


def test_a_model_too_large_for_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.safetensors"
    modelfile.save(random_model(1, NetworkConfig(256, 1024, 2, (0,), 16, 1)), path)
    for _ in range(2):  # the first call imports
        tracemalloc.start()
        with pytest.raises(MemoryLimitError, match=r"large.safetensors: takes \d+ bytes"):
            Codec(path, memory_limit=2 << 20).compress(TEXT)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 19 < path.stat().st_size
