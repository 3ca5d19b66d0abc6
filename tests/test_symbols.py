"""Archives of models whose symbols are strings: they come back, and hostile ones are refused."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from fake import FakeEngine, FakeModel, codec, counting
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import random_model, random_vocabulary

from shazip.archive import Codec
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
    parse_header,
)
from shazip.engines.native import NativeEngine
from shazip.errors import CorruptError, FormatError, MemoryLimitError, ModelError, ShazipError
from shazip.model import file as modelfile
from shazip.model.arithmetic import ARITHMETIC_VERSION
from shazip.model.config import NetworkConfig

TEXT = b"Of the people, by the people, for the people, shall not perish from the earth. " * 3
VOCABULARY = random_vocabulary(1, 1024)
MODEL = FakeModel(vocabulary=VOCABULARY)
CODEC = codec(engine=FakeEngine(MODEL))
CONFIG = NetworkConfig(16, 16, 1, (0,), 8, 1, 512)
STRINGS = random_model(1, CONFIG)


@pytest.mark.parametrize("size", [512, 1024])
@given(st.lists(st.sampled_from([TEXT[:7], b"the ", b"in", b"\n", b"\xff\x00", TEXT]), max_size=20))
@settings(max_examples=15, deadline=None)
def test_blocks_of_strings_come_back(size, pieces):
    block, vocabulary = b"".join(pieces) or b"a", random_vocabulary(2, size)
    lanes = 1 + len(block) // 9
    coded = encode_block(block, lanes, counting(lanes, 32, vocabulary))
    if coded is not None:
        count, payload = coded
        assert count == len(vocabulary.parse(block)) <= len(block)
        again = counting(lanes, 32, vocabulary)
        assert decode_block(payload, count, len(block), lanes, again) == block


def test_an_archive_says_how_many_symbols_its_payload_codes():
    packed = CODEC.compress(TEXT * 4)
    header = parse_header(packed)
    block = parse_block_header(packed[HEADER_SIZE:], header)
    assert header.symbol_bits == 10
    assert block.kind is Kind.CODED
    assert block.symbols == len(VOCABULARY.parse(TEXT * 4)) < len(TEXT * 4) / 1.2
    assert CODEC.decompress(packed) == TEXT * 4


def test_a_first_block_may_have_fewer_symbols_than_lanes():
    many = codec(engine=FakeEngine(MODEL, weight=2**20), lanes=len(TEXT), block_size=256)
    content = TEXT + TEXT[:50] * 40
    packed = many.compress(content)
    header = parse_header(packed)
    assert header.lanes == len(TEXT) > parse_block_header(packed[HEADER_SIZE:], header).symbols
    assert many.decompress(packed) == content


def test_every_symbol_of_a_network_comes_back():
    model = random_model(4, NetworkConfig(16, 16, 1, (0,), 8, 1, 1024))
    block = b"".join(model.vocabulary.strings)
    predictors = [counting(3, 1, model.vocabulary) for _ in range(2)]
    count, payload = encode_block(block + TEXT * 30, 3, predictors[0])
    assert decode_block(payload, count, len(block + TEXT * 30), 3, predictors[1]) == (
        block + TEXT * 30
    )


def altered(packed: bytes, **changes: int) -> bytes:
    """Return an archive of one block whose header says something else, under its checksum."""
    header = parse_header(packed)
    block = replace(parse_block_header(packed[HEADER_SIZE:], header), **changes)
    payload = packed[HEADER_SIZE + block_header_size(header) :]
    return packed[:HEADER_SIZE] + pack_block_header(block, header) + payload


@pytest.mark.parametrize("more", [-1, 1, 40])
def test_strings_that_miss_or_exceed_the_block_are_a_matter_of_the_model(more):
    packed = CODEC.compress(TEXT * 4)
    with pytest.raises(ModelError, match="decodes it to other bytes"):
        CODEC.decompress(altered(packed, original_size=4 * len(TEXT) + more))


def test_decoding_ends_at_once_where_strings_exceed_the_block():
    count, payload = encode_block(TEXT * 40, 1, counting(1, 32, VOCABULARY))

    class Counted(type(counting(1))):
        steps = 0

        def update(self, column):
            self.steps += 1
            super().update(column)

    predictor = counting(1, 32, VOCABULARY)
    predictor.__class__ = Counted
    with pytest.raises(CorruptError, match="more or fewer bytes"):
        decode_block(payload, count, count + 9, 1, predictor)
    assert predictor.steps < count / 2


@pytest.mark.parametrize("change", [-1, 1])
def test_other_counts_of_symbols_are_found(change):
    packed = CODEC.compress(TEXT * 4)
    symbols = parse_block_header(packed[HEADER_SIZE:], parse_header(packed)).symbols
    with pytest.raises(ModelError, match="decodes it to other bytes"):
        CODEC.decompress(altered(packed, symbols=symbols + change))


@pytest.mark.parametrize(("said", "found"), [(8, 1024), (9, 1024), (10, 256)])
def test_a_vocabulary_that_is_not_the_models_is_refused(said, found):
    vocabulary = random_vocabulary(1, found)
    header = Header(MODEL.id, 1, 20, ARITHMETIC_VERSION, said)
    block = BlockHeader(Kind.CODED, 50, 50, 8, zlib.crc32(bytes(8)), 0)
    engine = FakeEngine(FakeModel(vocabulary=vocabulary))
    with pytest.raises(FormatError, match=f"{1 << said} symbols, model .* has {found}"):
        codec(engine=engine).decompress(
            pack_header(header) + pack_block_header(block, header) + bytes(8)
        )
    assert engine.opened == []


def test_a_memory_limit_that_only_the_vocabulary_exceeds_holds():
    sizes = {}
    for bits in (8, 10):
        header = Header(MODEL.id, 2**13, 13, ARITHMETIC_VERSION, bits)
        block = BlockHeader(Kind.CODED, 2**13, 2**13, 8, zlib.crc32(bytes(8)), 0)
        sizes[bits] = pack_header(header) + pack_block_header(block, header) + bytes(8)
    engine = FakeEngine(lane_size=0)
    small = codec(engine=engine, memory_limit=50 << 20)
    with pytest.raises(ModelError):  # it fits, and the payload is nonsense
        small.decompress(sizes[8])
    tracemalloc.start()
    with pytest.raises(MemoryLimitError, match="limit is 52428800"):
        small.decompress(sizes[10])
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("size", [512, 1024])
def test_strings_are_mixed(size):
    model = FakeModel(vocabulary=random_vocabulary(3, size))
    mixing, alone = (codec(engine=FakeEngine(model), mix=mix, lanes=2) for mix in (True, False))
    packed = mixing.compress(TEXT * 9)
    assert len(packed) < len(alone.compress(TEXT * 9))
    assert mixing.decompress(packed) == TEXT * 9


def test_start_values_of_mixing_that_a_model_brings_are_used(tmp_path):
    rows = {
        "mixing.weights": np.full((512, 64), 900, np.int16),
        "mixing.final_weights": np.full((512, 6), 9000, np.int16),
    }
    path = tmp_path / "own.safetensors"
    modelfile.save(modelfile.build(CONFIG, {**STRINGS.tensors, **rows}), path)
    own = modelfile.load(path)
    assert own.id != STRINGS.id
    made = [
        Codec(engine=NativeEngine(model, 1), lanes=1).compress(TEXT * 9) for model in (STRINGS, own)
    ]
    assert made[0][HEADER_SIZE:] != made[1][HEADER_SIZE:]
    with pytest.raises(ModelError, match="lacks the tensor 'mixing"):
        modelfile.build(CONFIG, {**STRINGS.tensors, **dict([rows.popitem()])})


PACKED = CODEC.compress(TEXT * 4 + bytes(range(256)))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_hostile_headers_under_valid_checksums_are_refused_or_read(data):
    """Whatever the fields say, there is an error of shazip's, or content of the size they give."""
    header = parse_header(PACKED)
    block = parse_block_header(PACKED[HEADER_SIZE:], header)
    payload = PACKED[HEADER_SIZE + block_header_size(header) :]
    header = replace(
        header,
        lanes=data.draw(st.one_of(st.just(header.lanes), st.integers(1, 300))),
        block_bits=data.draw(st.integers(8, 31)),
        symbol_bits=data.draw(st.sampled_from([8, 9, 10, 10, 10, 11, 15])),
    )
    most = 2 ** (8 * (header.block_bits // 8 + 1)) - 1  # that a size's bytes hold
    word = st.one_of(st.integers(0, 2000), st.integers(0, most))
    fields = ["original_size", "symbols", "payload_size", "payload_checksum", "original_checksum"]
    changed = data.draw(st.lists(st.sampled_from(fields), max_size=2))
    block = replace(block, **{name: data.draw(word) for name in changed})
    flipped = data.draw(st.integers(0, len(payload) - 30))
    payload = (
        payload[:flipped]
        + bytes([payload[flipped] ^ data.draw(st.sampled_from([0, 0, 1, 64]))])
        + payload[flipped + 1 :]
    )
    if "payload_checksum" not in changed:
        block = replace(block, payload_checksum=zlib.crc32(payload[: block.payload_size]))
    archive = pack_header(header) + pack_block_header(block, header) + payload
    try:
        content = CODEC.decompress(archive)
    except ShazipError:
        return
    assert len(content) == block.original_size


# The vocabulary in a model's file


def with_tensor(name: str, change) -> dict[str, np.ndarray]:
    values = STRINGS.tensors[name].copy()
    return {**STRINGS.tensors, name: np.ascontiguousarray(change(values))}


def set_at(index: int, value: int):
    def change(values: np.ndarray) -> np.ndarray:
        values[index] = value
        return values

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("vocabulary.ends", set_at(5, 7), "do not rise"),
        ("vocabulary.ends", lambda v: v[::-1], "do not rise"),
        ("vocabulary.ends", set_at(0, 0), "outside 1.."),
        ("vocabulary.ends", set_at(-1, 16 * 512 + 1), "outside 1.."),
        ("vocabulary.ends", lambda v: v[:-1], "must be int32"),
        ("vocabulary.ends", lambda v: v.astype(np.int64), "must be int32"),
        ("vocabulary.bytes", lambda v: v[:-1], "do not rise to the number of its bytes"),
        ("vocabulary.bytes", lambda v: np.append(v, v[-1:]), "number of its bytes"),
        ("vocabulary.bytes", lambda v: v[::-1], "do not rise|do not make"),
        ("vocabulary.bytes", lambda v: np.zeros_like(v), "do not rise"),
        ("vocabulary.bytes", set_at(-1, 254), "do not rise|do not make"),
        ("vocabulary.bytes", lambda v: np.zeros(16 * 512 + 1, np.uint8), "more than 8192"),
        ("vocabulary.merges", lambda v: v[:-1], "do not make"),
        ("vocabulary.merges", lambda v: np.append(v, [[0, 0]], 0).astype(np.uint16), "do not make"),
        ("vocabulary.merges", set_at(3, 512), "outside 0..511"),
        ("vocabulary.merges", lambda v: v.ravel(), "must be uint16"),
        ("vocabulary.merges", lambda v: np.zeros((8193, 2), np.uint16), "more than 8192"),
        ("start.symbol", set_at(0, 512), "outside 0..511"),
        ("output.bias", lambda v: v[:256], "must be int32"),
        ("layers.0.input", lambda v: v[:256], "must be int16"),
    ],
)
def test_vocabularies_of_every_wrong_kind_are_refused(name, change, message):
    with pytest.raises(ModelError, match=message):
        modelfile.build(CONFIG, with_tensor(name, change))


@pytest.mark.parametrize("name", ["vocabulary.bytes", "vocabulary.ends", "vocabulary.merges"])
def test_a_vocabulary_must_be_there_and_only_with_strings(name):
    lacking = {key: value for key, value in STRINGS.tensors.items() if key != name}
    with pytest.raises(ModelError, match=f"lacks the tensor '{name}'"):
        modelfile.build(CONFIG, lacking)
    single = random_model(1, replace(CONFIG, vocabulary=256))
    with pytest.raises(ModelError, match=f"unknown tensor '{name}'"):
        modelfile.build(single.config, {**single.tensors, name: STRINGS.tensors[name]})


def test_a_string_beyond_16_bytes_is_refused():
    strings = list(STRINGS.vocabulary.strings)
    strings[strings.index(max(strings, key=len))] += b"x" * 16
    tensors = {
        "vocabulary.bytes": np.frombuffer(b"".join(strings), np.uint8),
        "vocabulary.ends": np.cumsum([len(s) for s in strings]).astype(np.int32),
    }
    with pytest.raises(ModelError, match="1 to 16 bytes"):
        modelfile.build(CONFIG, {**STRINGS.tensors, **tensors})


def test_the_model_id_covers_the_vocabulary(tmp_path):
    other = STRINGS.tensors["vocabulary.merges"].copy()
    other[[0, 1]] = other[[1, 0]]
    changed = modelfile.build(CONFIG, {**STRINGS.tensors, "vocabulary.merges": other})
    assert changed.id != STRINGS.id
    modelfile.save(changed, tmp_path / "a.safetensors")
    assert modelfile.load(tmp_path / "a.safetensors").vocabulary == changed.vocabulary
