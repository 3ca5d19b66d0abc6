"""Archives: every byte comes back, every damage is named, no header is trusted with memory."""

import contextlib
import io
import os
import sys
import threading
import tracemalloc
import types
import zlib

import numpy as np
import pytest
from fake import FakeEngine, FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

import shazip
from shazip.archive import Codec, compress, decompress, info
from shazip.container import (
    BlockHeader,
    Header,
    Kind,
    pack_block_header,
    pack_header,
    parse_header,
)
from shazip.errors import (
    CorruptError,
    FormatError,
    MemoryLimitError,
    ModelError,
    ShazipError,
    TruncatedError,
)

TEXT = b"Call me Ishmael. Some years ago - never mind how long precisely - having little money"
NOISE = np.random.default_rng(3).bytes(40)
ID = FakeModel().id


def codec(**settings):
    return Codec(**{"engine": FakeEngine(), "mix": False, **settings})


CODEC = codec()
# Two frames: a coded and a stored block, with 2 lanes; then an empty one.
SMALL = codec(block_size=64, lanes=2).compress(TEXT[:64] + NOISE) + CODEC.compress(b"")


def test_the_small_archive_has_every_structure():
    assert CODEC.decompress(SMALL) == TEXT[:64] + NOISE
    first, second = info(SMALL).frames
    assert (first.blocks, first.stored_blocks, second.blocks) == (2, 1, 0)


@given(
    st.binary(max_size=600),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 70)),
    st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_archives_come_back(piece, times, lanes, block_bits):
    data = piece * times
    packed = codec(lanes=lanes, block_size=1 << block_bits).compress(data)
    assert CODEC.decompress(packed) == data
    assert info(packed).original_size == len(data)
    assert info(packed).compressed_size == len(packed)


@pytest.mark.parametrize(
    "data", [b"", b"a", TEXT, TEXT * 100, NOISE, NOISE * 100, os.urandom(9000)]
)
def test_an_archive_costs_at_most_64_bytes_more_than_its_content(data):
    packed = CODEC.compress(data)
    assert CODEC.decompress(packed) == data
    assert len(packed) <= len(data) + 64


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_like_objects_are_taken(kind):
    assert CODEC.decompress(kind(CODEC.compress(kind(TEXT)))) == TEXT


def test_text_is_refused():
    for call in (CODEC.compress, CODEC.decompress):
        with pytest.raises(TypeError):
            call("text")


@pytest.mark.parametrize("cut", range(len(SMALL)))
def test_every_truncation_is_reported(cut):
    border = info(SMALL).frames[0].compressed_size
    if cut == border:  # between two frames, where no reader can know
        assert CODEC.decompress(SMALL[:cut]) == TEXT[:64] + NOISE
        return
    for read in (CODEC.decompress, info):
        with pytest.raises(TruncatedError):
            read(SMALL[:cut])


@pytest.mark.parametrize("position", range(len(SMALL)))
def test_every_flipped_bit_is_reported(position):
    border = info(SMALL).frames[0].compressed_size
    in_start = position < 5 or 0 <= position - border < 5
    for bit in range(8):
        flipped = bytearray(SMALL)
        flipped[position] ^= 1 << bit
        with pytest.raises(FormatError if in_start else CorruptError):
            CODEC.decompress(flipped)


def test_info_never_lies_about_a_damaged_archive():
    for bit in range(8 * len(SMALL)):
        flipped = bytearray(SMALL)
        flipped[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(FormatError, CorruptError):
            assert info(flipped) == info(SMALL)  # a payload or a hash, which info does not read


@pytest.mark.parametrize("junk", [b"\0", b"junk", bytes(100), TEXT, b"\xf5shy", b"\xf5shz\x02"])
def test_trailing_junk_is_refused(junk):
    for read in (CODEC.decompress, info):
        with pytest.raises(FormatError):
            read(CODEC.compress(TEXT) + junk)


@pytest.mark.parametrize("data", [b"PK", b"\x1f\x8b\x08", TEXT, bytes(100)])
def test_other_formats_are_refused(data):
    for read in (CODEC.decompress, info):
        with pytest.raises(FormatError, match=r"not a \.shz file"):
            read(data)


def test_archives_can_be_joined():
    packed = [codec(lanes=lanes).compress(TEXT * lanes) for lanes in (1, 2, 3)]
    assert CODEC.decompress(b"".join(packed)) == TEXT * 6
    assert [frame.header.lanes for frame in info(b"".join(packed)).frames] == [1, 2, 3]


def test_lanes_follow_the_first_block_and_never_exceed_it():
    assert parse_header(CODEC.frame_encoder(300_000).header()).lanes == 32
    assert parse_header(codec(lanes=1000).frame_encoder(300_000).header()).lanes == 1000
    assert info(codec(block_size=1 << 10).compress(bytes(9000))).lanes == 1
    assert info(codec(lanes=1000).compress(TEXT)).lanes == len(TEXT)
    assert info(codec(lanes=1000).compress(b"")).lanes == 1


@pytest.mark.parametrize(
    "settings",
    [{"lanes": 0}, {"lanes": -1}, {"block_size": 1000}, {"block_size": 0}, {"block_size": 2**29}],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        codec(**settings)


# Models


def store(monkeypatch, *models):
    """Let these be the installed models."""
    installed = {model.id: model for model in models}

    def find_id(wanted):
        if wanted not in installed:
            raise ModelError(
                f"no model {wanted.hex()}; installed: {', '.join(i.hex() for i in installed)}"
            )
        return installed[wanted]

    modelstore = types.ModuleType("shazip.modelstore")
    modelstore.find_id = find_id
    modelstore.default = lambda: models[0]
    modelstore.find = {model.name: model for model in models}.__getitem__
    engines = types.ModuleType("shazip.engines")
    engines.open_engine = lambda model, name, **settings: FakeEngine(model)
    for module in (modelstore, engines):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(shazip, module.__name__.split(".")[1], module, raising=False)


def test_the_model_is_found_by_the_archives_id(monkeypatch):
    one, other = FakeModel(), FakeModel(bytes(16), "other")
    store(monkeypatch, one, other)
    packed = compress(TEXT, model="other", mix=False)
    assert info(packed).model_id == other.id
    assert decompress(packed) == TEXT
    assert decompress(packed, model=one) == TEXT
    assert info(compress(TEXT, mix=False)).model_id == one.id


def test_an_unknown_model_is_named_beside_those_present(monkeypatch):
    packed = CODEC.compress(TEXT)
    present, given = FakeModel(bytes(16)), FakeModel(b"\1" * 16)
    store(monkeypatch, present)
    for model, ids in [(None, (ID, present.id)), (given, (ID, present.id, given.id))]:
        with pytest.raises(ModelError) as error:
            decompress(packed, model=model)
        assert all(model_id.hex() in str(error.value) for model_id in ids)


def test_stored_blocks_need_no_model(monkeypatch):
    store(monkeypatch)
    data = os.urandom(5000)
    assert decompress(CODEC.compress(data)) == data


def test_other_probabilities_are_a_matter_of_the_model():
    packed = CODEC.compress(TEXT)
    with pytest.raises(ModelError, match=ID.hex()):
        codec(engine=FakeEngine(weight=31)).decompress(packed)


def test_another_arithmetic_is_another_version():
    with pytest.raises(FormatError, match="arithmetic version 99"):
        CODEC.decompress(pack_header(Header(ID, 1, 20, arithmetic_version=99)))


# Mixing


@pytest.fixture
def mixing(monkeypatch):
    """A module in the place of shazip.mixing whose mixer hands frequencies on and keeps notes."""
    module = types.ModuleType("shazip.mixing")
    module.MIXING_VERSION = 1
    module.sizes_for = lambda first_block_size: (first_block_size.bit_length(), 3)
    module.memory_size = lambda table_bits, history_bits, lanes: 2**table_bits + 2**history_bits
    module.made = []

    class Mixer:
        def __init__(self, lanes, *, table_size, history_size, threads):
            module.made.append((lanes, table_size, history_size, threads))
            self.columns = 0

        def mix(self, freqs):
            module.mixed = freqs.shape
            return freqs

        def update(self, column):
            self.columns += 1

    module.Mixer = Mixer
    monkeypatch.setitem(sys.modules, "shazip.mixing", module)
    monkeypatch.setattr(shazip, "mixing", module, raising=False)
    return module


def test_mixing_takes_its_sizes_from_the_header(mixing):
    packed = codec(mix=True, lanes=2, threads=5).compress(TEXT)
    header = info(packed).frames[0].header
    assert (header.mixing_version, header.table_bits, header.history_bits) == (1, 7, 3)
    assert CODEC.decompress(packed) == TEXT
    assert mixing.made == [(2, 2**7, 2**3, 5), (2, 2**7, 2**3, None)]


def test_without_mixing_the_header_says_so(mixing):
    header = info(codec(mix=False).compress(TEXT)).frames[0].header
    assert (header.mixing_version, header.table_bits, header.history_bits) == (0, 0, 0)
    assert mixing.made == []


def test_another_mixing_is_another_version(mixing):
    packed = codec(mix=True).compress(TEXT)
    mixing.MIXING_VERSION = 2
    with pytest.raises(FormatError, match="mixing version 1, this shazip computes 2"):
        CODEC.decompress(packed)


# Memory


def hostile(block_bits=20, lanes=1, mixing=0, table_bits=0, history_bits=0, size=5000):
    """Return a frame that is well-formed but for what it asks."""
    header = pack_header(Header(ID, lanes, block_bits, 1, mixing, table_bits, history_bits))
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
def test_hostile_headers_allocate_nothing(archive, mixing):
    engine = FakeEngine()
    tracemalloc.start()
    with pytest.raises(MemoryLimitError, match="limit is 1073741824"):
        codec(engine=engine).decompress(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert engine.opened == []
    assert peak < 1 << 20


def test_a_payload_that_is_not_there_is_not_allocated():
    header = pack_header(Header(ID, 1, 28, 1))
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


# Streams


class Dribble(io.RawIOBase):
    """A raw file that gives and takes a few bytes at a time."""

    def __init__(self, data=b""):
        self.left = data
        self.taken = bytearray()

    def readable(self):
        return True

    def read(self, size=-1):
        piece = self.left[: min(size, 7)]
        self.left = self.left[len(piece) :]
        return piece

    def write(self, data):
        self.taken += data[:5]
        return min(len(data), 5)


def test_streams_are_read_and_written_in_full_however_little_comes():
    data = TEXT * 50
    sink = Dribble()
    summary = codec(block_size=1024).compress_stream(Dribble(data), sink)
    assert bytes(sink.taken) == codec(block_size=1024).compress(data)
    assert (summary.original_size, summary.compressed_size) == (len(data), len(sink.taken))
    assert summary.blocks == 5
    content = Dribble()
    back = CODEC.decompress_stream(Dribble(bytes(sink.taken)), content)
    assert bytes(content.taken) == data
    assert back == summary
    assert info(Dribble(bytes(sink.taken))).original_size == len(data)


def test_a_pipe_gives_the_same_archive_as_a_file():
    data = TEXT * 100
    receiver, sender = os.pipe()

    def send():
        with os.fdopen(sender, "wb", buffering=0) as pipe:
            for i in range(0, len(data), 1000):
                pipe.write(data[i : i + 1000])

    thread = threading.Thread(target=send)
    thread.start()
    sink = io.BytesIO()
    with os.fdopen(receiver, "rb", buffering=0) as pipe:
        codec(block_size=1 << 12).compress_stream(pipe, sink)
    thread.join()
    assert sink.getvalue() == codec(block_size=1 << 12).compress(data)


def test_without_a_sink_an_archive_is_only_checked():
    packed = CODEC.compress(TEXT)
    assert CODEC.decompress_stream(io.BytesIO(packed), None).original_size == len(TEXT)
    with pytest.raises(CorruptError):
        CODEC.decompress_stream(io.BytesIO(packed[:-1] + b"x"), None)


def test_progress_rises_to_the_whole():
    data = TEXT * 60
    for run, source in [
        (codec(block_size=2048).compress_stream, data),
        (CODEC.decompress_stream, codec(block_size=2048).compress(data)),
    ]:
        seen = []
        sink = io.BytesIO()
        run(io.BytesIO(source), sink, progress=lambda *done, seen=seen: seen.append(done))
        assert seen[-1] == (len(source), len(sink.getvalue()))
        assert len(seen) > len(data) // 300
        assert [read for read, _ in seen] == sorted(read for read, _ in seen)


class Endless(io.RawIOBase):
    """So many bytes of text, never in memory together."""

    def __init__(self, size):
        self.left = size

    def read(self, size=-1):
        size = min(size, self.left)
        self.left -= size
        return (TEXT * (size // len(TEXT) + 1))[:size]


class Nowhere(io.RawIOBase):
    def write(self, data):
        return len(data)


def peak_memory(size):
    run = codec(block_size=1 << 12, lanes=256)
    tracemalloc.start()
    run.compress_stream(Endless(size), Nowhere())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_length():
    peak_memory(1 << 13)
    assert peak_memory(1 << 15) < peak_memory(1 << 13) + (1 << 14)


def test_the_exceptions_are_what_the_documentation_draws():
    assert issubclass(TruncatedError, EOFError)
    for error in (FormatError, TruncatedError, CorruptError, ModelError, MemoryLimitError):
        assert error.__mro__[1] is ShazipError
