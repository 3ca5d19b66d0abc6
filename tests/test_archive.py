"""Archives: every byte comes back, every damage is named, no header is trusted with memory."""

import contextlib
import os
import types

import numpy as np
import pytest
from fake import FakeEngine, FakeModel, codec, install, install_mixing
from hypothesis import given, settings
from hypothesis import strategies as st

from shazip.archive import compress, decompress, info
from shazip.container import (
    Header,
    pack_header,
    parse_header,
)
from shazip.cpus import available_cpus
from shazip.errors import (
    CorruptError,
    FormatError,
    MemoryLimitError,
    ModelError,
    ShazipError,
    TruncatedError,
)
from shazip.model.arithmetic import ARITHMETIC_VERSION

TEXT = b"Call me Ishmael. Some years ago - never mind how long precisely - having little money"
NOISE = np.random.default_rng(3).bytes(40)
ID = FakeModel().id


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
def test_an_archive_costs_at_most_58_bytes_more_than_its_content(data):
    packed = CODEC.compress(data)
    assert CODEC.decompress(packed) == data
    assert len(packed) <= len(data) + 58


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


@pytest.mark.parametrize("junk", [b"\0", b"junk", bytes(100), TEXT, b"\xf5shy", b"\xf5shz\x01"])
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
    assert parse_header(CODEC.frame_encoder(bytes(300_000)).header()).lanes == 8
    assert parse_header(codec(lanes=1000).frame_encoder(bytes(300_000)).header()).lanes == 1000
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

    def find_id(wanted, memory_limit):
        if wanted not in installed:
            raise ModelError(
                f"no model {wanted.hex()}; installed: {', '.join(i.hex() for i in installed)}"
            )
        return installed[wanted]

    modelstore = types.ModuleType("shazip.model.store")
    modelstore.find_id = find_id
    modelstore.candidates = lambda network: models[:1]
    named = {model.name: model for model in models}
    modelstore.find = lambda name, memory_limit: named[name]
    engines = types.ModuleType("shazip.engines")
    engines.open_engine = lambda model, name, **settings: FakeEngine(model)
    install(monkeypatch, modelstore)
    install(monkeypatch, engines)


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


def test_mixing_takes_its_sizes_from_the_header(monkeypatch):
    mixing = install_mixing(monkeypatch)
    packed = codec(mix=True, lanes=2, threads=5).compress(TEXT)
    header = info(packed).frames[0].header
    assert (header.mixing_version, header.table_bits, header.history_bits) == (1, 7, 3)
    assert CODEC.decompress(packed) == TEXT
    assert mixing.made == [(2, 2**7, 2**3, 5), (2, 2**7, 2**3, available_cpus())]


def test_without_mixing_the_header_says_so(monkeypatch):
    mixing = install_mixing(monkeypatch)
    header = info(codec(mix=False).compress(TEXT)).frames[0].header
    assert (header.mixing_version, header.table_bits, header.history_bits) == (0, 0, 0)
    assert mixing.made == []


@pytest.mark.parametrize(("table_bits", "history_bits"), [(0, 20), (15, 20), (31, 20), (255, 255)])
def test_sizes_that_mixing_cannot_have_are_refused(table_bits, history_bits):
    header = pack_header(Header(ID, 1, 20, ARITHMETIC_VERSION, 8, 1, table_bits, history_bits))
    with pytest.raises(FormatError, match="mixing"):
        CODEC.decompress(header)


def test_another_mixing_is_another_version(monkeypatch):
    mixing = install_mixing(monkeypatch)
    packed = codec(mix=True).compress(TEXT)
    mixing.MIXING_VERSION = 2
    with pytest.raises(FormatError, match="mixing version 1, this shazip computes 2"):
        CODEC.decompress(packed)


def test_the_exceptions_are_what_the_documentation_draws():
    assert issubclass(TruncatedError, EOFError)
    for error in (FormatError, TruncatedError, CorruptError, ModelError, MemoryLimitError):
        assert error.__mro__[1] is ShazipError
