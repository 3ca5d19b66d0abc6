from dataclasses import replace

import numpy as np
import pytest
from oracles import mixing as oracle

from shazip.compiled import new_pool
from shazip.engines import mixing, mixing_start
from shazip.errors import FormatError, ModelError
from shazip.halves import split
from shazip.model.parse import pieces
from shazip.model.vocabulary import BYTES, Vocabulary
from shazip.settings import CONTEXTS

pytest.importorskip("shazip._native")

TEXT = b"""<page> <title>Aristotle</title> <text>'''Aristotle''' was a [[Greek philosopher]],
a student of [[Plato]] and a teacher of [[Alexander the Great]]; he wrote on [[physics]],
[[poetry]], [[logic]] and [[biology]]. Aristotle, Plato and [[Socrates]] were philosophers.\n"""
TABLE = b"1;alpha;0.25\n2;beta;0.50\n3;gamma;0.75\n4;delta;1.00\n" * 4
BINARY = bytes(i * i % 251 ^ (i >> 3) & 0x55 for i in range(160))
NOISE = np.random.default_rng(7).bytes(160)


def text_vocabulary(symbols: int) -> Vocabulary:
    """A vocabulary of whole words and their beginnings, up to 16 bytes, then of other pairs."""
    merges: dict[bytes, tuple[bytes, bytes]] = {}
    for piece in pieces(TEXT + TABLE):
        for end in range(2, min(len(piece), 16) + 1):
            merges.setdefault(piece[:end], (piece[: end - 1], piece[end - 1 : end]))
    for a in range(256):
        for b in b"\0\x55 e":
            merges.setdefault(bytes([a, b]), (bytes([a]), bytes([b])))
    return Vocabulary.learned(list(merges.values())[: symbols - 256])


OTHER_CONTEXTS = [name for name in CONTEXTS if name != "text"]
VOCABULARIES = {256: BYTES, 512: text_vocabulary(512), 1024: text_vocabulary(1024)}


def uneven_freqs(live: int, seed: int, symbols: int = 256) -> np.ndarray:
    """Frequencies of a network that is sure of some symbols, rightly or not."""
    weights = np.random.default_rng(seed).random((live, symbols)) ** 8
    freqs = 1 + (weights * (2**24 - symbols) / weights.sum(axis=1, keepdims=True)).astype(np.int64)
    freqs[:, 0] += 2**24 - freqs.sum(axis=1)
    return freqs.astype(np.uint32)


def steps(data: bytes, lanes: int, vocabulary: Vocabulary = BYTES):
    """Yield (freqs, column) so that lanes fall silent towards the end."""
    symbols = vocabulary.parse(data)
    at, live = 0, lanes
    while at < len(symbols):
        live = min(live, len(symbols) - at)
        yield uneven_freqs(live, at, vocabulary.size), symbols[at : at + live]
        at += live


def halves(mixer, freqs: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mixer's rows of both halves of a column, and let it take the column."""
    firsts, _ = split(column, freqs.shape[1].bit_length() - 1)
    rows = mixer.first(freqs), mixer.second(firsts)
    mixer.update(column)
    return rows


def new_mixer(
    lanes: int, threads: int = 1, vocabulary: Vocabulary = BYTES, contexts: str = "text"
) -> mixing.Mixer:
    pool = new_pool(threads)
    pool.fix_ranks(threads)  # on a busy machine too
    sizes = {"table_size": 2**16, "history_size": 2**10}
    return mixing.Mixer(lanes, **sizes, vocabulary=vocabulary, contexts=contexts, pool=pool)


def mixed(
    data: bytes, lanes: int, threads: int = 1, vocabulary: Vocabulary = BYTES
) -> list[np.ndarray]:
    mixer = new_mixer(lanes, threads, vocabulary)
    return [row for step in steps(data, lanes, vocabulary) for row in halves(mixer, *step)]


def bits(
    data: bytes, lanes: int = 1, vocabulary: Vocabulary = BYTES, contexts: str = "text"
) -> float:
    """What `data` costs with a network that knows nothing."""
    mixer, total = new_mixer(lanes, vocabulary=vocabulary, contexts=contexts), 0.0
    for freqs, column in steps(data, lanes, vocabulary):
        even = np.full_like(freqs, 2**24 // vocabulary.size)
        parts = split(column, vocabulary.size.bit_length() - 1)
        for row, half in zip(halves(mixer, even, column), parts, strict=True):
            total -= np.log2(row[np.arange(len(half)), half] / 2**24).sum()
    return total


@pytest.mark.parametrize(
    ("symbols", "lanes", "contexts"),
    [
        (256, 1, "text"),
        (256, 3, "text"),
        (512, 3, "text"),
        (1024, 1, "text"),
        *((256, 3, contexts) for contexts in OTHER_CONTEXTS),
        *((512, 1, contexts) for contexts in OTHER_CONTEXTS),
    ],
)
@pytest.mark.parametrize(
    "data",
    [TEXT[:160], TABLE[:160], BINARY, NOISE, bytes(160)],
    ids=["text", "table", "binary", "noise", "zeros"],
)
def test_every_frequency_equals_the_oracles(data, symbols, lanes, contexts):
    vocabulary = VOCABULARIES[symbols]
    start = mixing_start.for_symbols(symbols, contexts=contexts)
    slow = oracle.Mixer(lanes, 16, 10, start, vocabulary.strings, vocabulary.parse, contexts)
    fast = new_mixer(lanes, vocabulary=vocabulary, contexts=contexts)
    for step in steps(data, lanes, vocabulary):
        for found, wanted in zip(halves(fast, *step), halves(slow, *step), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_repeated_text_of_many_symbols_equals_the_oracles():
    # Matches run, miss inside a string, reach the end of what their lane knows and the ring's end.
    vocabulary, start = VOCABULARIES[1024], mixing_start.for_symbols(1024)
    data = TEXT[:120] * 3 + TEXT[60:150] + TEXT[:100] + b"\n" + TABLE
    slow = oracle.Mixer(2, 16, 10, start, vocabulary.strings, vocabulary.parse)
    fast = new_mixer(2, vocabulary=vocabulary)
    for step in steps(data, 2, vocabulary):
        for found, wanted in zip(halves(fast, *step), halves(slow, *step), strict=True):
            np.testing.assert_array_equal(found, wanted)


def records(count: int, size: int) -> bytes:
    """Return records of so many bytes: a counter, slow values and noise."""
    noise = np.random.default_rng(3).integers(0, 256, (count, size), np.uint8)
    noise[:, 2:-3] = np.arange(count)[:, None] // 5 + np.arange(size - 5)
    noise[:, 0] = np.arange(count)
    return noise.tobytes()


def test_distances_found_in_records_equal_the_oracles_after_the_ring_has_turned():
    data, lanes = records(18, 13), 8  # rings of 128 bytes, only the first of them used
    start = mixing_start.for_symbols(256, contexts="binary")
    slow = oracle.Mixer(lanes, 16, 10, start, contexts="binary")
    fast = new_mixer(lanes, contexts="binary")
    for symbol in data:
        freqs = np.ones((1, 256), np.uint32)
        freqs[0, symbol] += 2**24 - 256
        for found, wanted in zip(
            halves(fast, freqs, column(symbol)), halves(slow, freqs, column(symbol)), strict=True
        ):
            np.testing.assert_array_equal(found, wanted)
    assert slow.distances[0].near == 13


def test_records_are_cheaper_with_binary_contexts():
    lanes = np.frombuffer(records(300, 13), np.uint8).reshape(4, -1)  # as they lie in the block
    costs = {c: bits(lanes.T.tobytes(), lanes=4, contexts=c) for c in CONTEXTS}
    assert costs["binary"] < 0.95 * min(costs["text"], costs["few"])


@pytest.mark.parametrize("symbols", VOCABULARIES)
@pytest.mark.parametrize("data", [TEXT * 5, bytes(1500), NOISE * 9], ids=["text", "zeros", "noise"])
@pytest.mark.parametrize("lanes", [1, 7, 64])
def test_rows_are_positive_and_sum_to_the_total(data, lanes, symbols):
    for rows in mixed(data, lanes, vocabulary=VOCABULARIES[symbols]):
        assert rows.dtype == np.uint32
        assert rows.min() >= 1
        assert (rows.sum(axis=1, dtype=np.int64) == 2**24).all()


@pytest.mark.parametrize(("symbols", "threads"), [(256, 2), (256, 8), (512, 3), (1024, 3)])
def test_threads_change_no_bit(threads, symbols):
    vocabulary = VOCABULARIES[symbols]
    alone = mixed(TEXT * 8, 16, vocabulary=vocabulary)
    together = mixed(TEXT * 8, 16, threads, vocabulary)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_certain_network_and_extreme_rows_are_accepted():
    mixer = new_mixer(1)
    freqs = np.ones((1, 256), np.uint32)
    freqs[0, 255] = 2**24 - 255
    for symbol in [255] * 50 + [0] * 50:
        for row in halves(mixer, freqs, np.array([symbol], np.uint16)):
            assert row.min() >= 1
            assert row.sum(dtype=np.int64) == 2**24


def test_repetition_of_another_lane_is_found():
    def cost(late: bytes) -> float:
        lanes = np.frombuffer(NOISE + bytes(80) + late, np.uint8).reshape(2, 160)
        return bits(lanes.T.tobytes(), lanes=2)

    assert cost(NOISE[:80]) < cost(NOISE[:0:-2]) - 300


@pytest.mark.parametrize("symbols", VOCABULARIES)
def test_learning_makes_text_cheaper(symbols):
    vocabulary = VOCABULARIES[symbols]
    assert bits(TEXT * 3, vocabulary=vocabulary) < 1.4 * bits(TEXT, vocabulary=vocabulary)


def test_sizes_grow_with_the_first_block_and_stay_in_range():
    sizes = [mixing.sizes_for(size) for size in (0, 1, 1000, 2**14, 2**18, 2**20, 2**30)]
    assert sizes == sorted(sizes)
    for table_bits, history_bits in sizes:
        mixing.check_sizes(table_bits, history_bits)
        assert mixing.memory_size(table_bits, history_bits, lanes=32) < 2**29


@pytest.mark.parametrize(
    ("table_bits", "history_bits"), [(0, 0), (15, 12), (31, 12), (255, 255), (20, 9), (20, 31)]
)
def test_sizes_out_of_range_are_refused_before_anything_is_allocated(table_bits, history_bits):
    with pytest.raises(FormatError):
        mixing.memory_size(table_bits, history_bits, 1)
    with pytest.raises(FormatError):
        mixing.Mixer(1, table_size=1 << table_bits, history_size=1 << history_bits)


def test_a_size_that_is_no_power_of_two_is_refused():
    with pytest.raises(FormatError):
        mixing.Mixer(1, table_size=3 * 2**16, history_size=2**12)


def test_more_rows_than_lanes_are_refused():
    with pytest.raises(ValueError, match="3 lanes"):
        new_mixer(2).first(uneven_freqs(3, seed=0))


def column(*symbols: int) -> np.ndarray:
    return np.array(symbols, np.uint16)


@pytest.mark.parametrize(
    "calls",
    [
        [("second", column(1, 2))],
        [("update", column(1, 2))],
        [("first", uneven_freqs(2, seed=0)), ("first", uneven_freqs(2, seed=0))],
        [("first", uneven_freqs(2, seed=0)), ("update", column(16, 32))],
        [("first", uneven_freqs(2, seed=0)), ("second", column(1))],
        [("first", uneven_freqs(2, seed=0)), ("second", column(1, 2)), ("update", column(17))],
    ],
    ids=["second", "update", "first twice", "no second", "fewer lanes", "fewer lanes later"],
)
def test_calls_out_of_turn_are_refused(calls):
    mixer = new_mixer(2)
    for name, argument in calls[:-1]:
        getattr(mixer, name)(argument)
    name, argument = calls[-1]
    with pytest.raises(ValueError, match=r"turns|lanes"):
        getattr(mixer, name)(argument)


def test_halves_and_symbols_that_do_not_exist_are_refused():
    mixer = new_mixer(1)
    mixer.first(uneven_freqs(1, seed=0))
    with pytest.raises(ValueError, match="below 16"):
        mixer.second(column(16))
    mixer.second(column(15))
    with pytest.raises(ValueError, match="below 256"):
        mixer.update(column(256))
    with pytest.raises(ValueError, match="first half"):
        mixer.update(column(0))
    mixer.update(column(255))


def test_damaged_start_values_are_refused(monkeypatch):
    damaged = replace(mixing_start.CONTEXTS["few"], digest="0" * 32)
    monkeypatch.setitem(mixing_start.CONTEXTS, "few", damaged)
    mixing_start.shipped.cache_clear()
    with pytest.raises(ModelError, match="start values"):
        mixing_start.shipped("few")


@pytest.mark.parametrize("contexts", CONTEXTS)
@pytest.mark.parametrize("symbols", VOCABULARIES)
def test_other_frequencies_than_the_canarys_are_refused(monkeypatch, symbols, contexts):
    monkeypatch.setitem(mixing.CANARY_DIGESTS[contexts], symbols, "0" * 32)
    mixing.check_canary.cache_clear()
    with pytest.raises(ModelError, match="probe"):
        mixing.check_canary(symbols, contexts)
    mixing.check_canary.cache_clear()


def test_fewer_contexts_need_less_memory():
    sizes = {"table_bits": 20, "history_bits": 12, "lanes": 4}
    assert mixing.memory_size(**sizes, contexts=CONTEXTS.index("few")) < mixing.memory_size(**sizes)


@pytest.mark.parametrize(("symbols", "depths"), [(512, [0, 0, 1, 2, 3, 4, 5, 6, 7])])
def test_nodes_of_other_symbols_start_as_the_bytes_nodes_of_their_depth_do_on_average(
    symbols, depths
):
    _, by_node, _, finals, _ = mixing_start.parts(mixing_start.shipped())
    for rows in (by_node, finals):
        others = mixing_start.spread(rows, symbols)
        for depth, byte_depth in enumerate(depths):
            mean = rows[1 << byte_depth : 2 << byte_depth].mean(axis=0)
            found = others[1 << depth : 2 << depth]
            assert (found == np.floor(mean + 0.5)).all()


def test_a_models_own_start_values_take_the_place_of_the_general_ones():
    vocabulary = VOCABULARIES[512]
    rows = {
        mixing_start.OWN_WEIGHTS: np.full((512, 64), 100, np.int16),
        mixing_start.OWN_FINAL_WEIGHTS: np.full((512, 6), 700, np.int16),
    }
    start = mixing_start.for_symbols(512, rows)
    _, weights, _, finals, _ = mixing_start.parts(start, 512)
    assert (weights == 100).all()
    assert (finals == 700).all()
    sizes = {"table_size": 2**16, "history_size": 2**10}
    own = mixing.Mixer(1, **sizes, vocabulary=vocabulary, own=rows)
    freqs = uneven_freqs(1, 0, 512)
    assert (own.first(freqs) != new_mixer(1, vocabulary=vocabulary).first(freqs)).any()


def test_start_values_for_other_symbols_are_refused():
    with pytest.raises(ValueError, match="start values"):
        mixing.open_native(1, 16, 10, VOCABULARIES[512], mixing_start.shipped())


def test_rows_of_other_symbols_are_refused():
    with pytest.raises(ValueError, match="256 symbols, not 512"):
        new_mixer(1, vocabulary=VOCABULARIES[512]).first(uneven_freqs(1, seed=0))


def test_many_lanes_open_and_mix():
    mixer = mixing.Mixer(5000, table_size=2**16, history_size=2**10)
    assert mixer.first(uneven_freqs(5000, seed=1)).shape == (5000, 16)


@pytest.mark.parametrize("size", VOCABULARIES)
def test_asking_for_other_second_halves_changes_no_later_prediction(size):
    vocabulary = VOCABULARIES[size]
    asked, plain = (new_mixer(2, vocabulary=vocabulary) for _ in range(2))
    for freqs, symbols in steps(TEXT, 2, vocabulary):
        firsts, _ = split(symbols, size.bit_length() - 1)
        rows = asked.first(freqs)
        halves_asked = np.arange(rows.shape[1], dtype=np.uint16)
        whole = [asked.second(np.full(len(symbols), half)) for half in halves_asked]
        seconds = asked.second(firsts)
        asked.update(symbols)
        np.testing.assert_array_equal(seconds, np.stack(whole)[firsts, range(len(symbols))])
        for found, wanted in zip((rows, seconds), halves(plain, freqs, symbols), strict=True):
            np.testing.assert_array_equal(found, wanted)
