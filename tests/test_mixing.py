import numpy as np
import pytest
from oracles import mixing as oracle

from shazip.engines import mixing
from shazip.engines.compiled import new_pool
from shazip.errors import FormatError, ModelError

pytest.importorskip("shazip._native")

TEXT = b"""<page> <title>Aristotle</title> <text>'''Aristotle''' was a [[Greek philosopher]],
a student of [[Plato]] and a teacher of [[Alexander the Great]]; he wrote on [[physics]],
[[poetry]], [[logic]] and [[biology]]. Aristotle, Plato and [[Socrates]] were philosophers.\n"""
TABLE = b"1;alpha;0.25\n2;beta;0.50\n3;gamma;0.75\n4;delta;1.00\n" * 4
BINARY = bytes(i * i % 251 ^ (i >> 3) & 0x55 for i in range(160))
NOISE = np.random.default_rng(7).bytes(160)


def uneven_freqs(live: int, seed: int) -> np.ndarray:
    """Frequencies of a network that is sure of some symbols, rightly or not."""
    weights = np.random.default_rng(seed).random((live, 256)) ** 8
    freqs = 1 + (weights * (2**24 - 256) / weights.sum(axis=1, keepdims=True)).astype(np.int64)
    freqs[:, 0] += 2**24 - freqs.sum(axis=1)
    return freqs.astype(np.uint32)


def steps(data: bytes, lanes: int):
    """Yield (freqs, column) so that lanes fall silent towards the end."""
    symbols = np.frombuffer(data, np.uint8).astype(np.uint16)
    at, live = 0, lanes
    while at < len(symbols):
        live = min(live, len(symbols) - at)
        yield uneven_freqs(live, seed=at), symbols[at : at + live]
        at += live


def halves(mixer, freqs: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mixer's rows of both halves of a column, and let it take the column."""
    rows = mixer.first(freqs), mixer.second(column >> 4)
    mixer.update(column)
    return rows


def new_mixer(lanes: int, threads: int = 1) -> mixing.Mixer:
    pool = new_pool(threads)
    pool.fix_ranks(threads)  # on a busy machine too
    return mixing.Mixer(lanes, table_size=2**16, history_size=2**10, pool=pool)


def mixed(data: bytes, lanes: int, threads: int = 1) -> list[np.ndarray]:
    mixer = new_mixer(lanes, threads)
    return [row for step in steps(data, lanes) for row in halves(mixer, *step)]


def bits(data: bytes, lanes: int = 1) -> float:
    """What `data` costs with a network that knows nothing."""
    mixer, total = new_mixer(lanes), 0.0
    for _, column in steps(data, lanes):
        firsts, seconds = halves(mixer, np.full((len(column), 256), 2**16, np.uint32), column)
        for freqs, half in ((firsts, column >> 4), (seconds, column & 15)):
            total -= np.log2(freqs[np.arange(len(half)), half] / 2**24).sum()
    return total


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(
    "data",
    [TEXT[:160], TABLE[:160], BINARY, NOISE, bytes(160)],
    ids=["text", "table", "binary", "noise", "zeros"],
)
def test_every_frequency_equals_the_oracles(data, lanes):
    fast, slow = new_mixer(lanes), oracle.Mixer(lanes, 16, 10, mixing.start_values())
    for step in steps(data, lanes):
        for found, wanted in zip(halves(fast, *step), halves(slow, *step), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("data", [TEXT * 5, bytes(1500), NOISE * 9], ids=["text", "zeros", "noise"])
@pytest.mark.parametrize("lanes", [1, 7, 64])
def test_rows_are_positive_and_sum_to_the_total(data, lanes):
    for rows in mixed(data, lanes):
        assert rows.dtype == np.uint32
        assert rows.min() >= 1
        assert (rows.sum(axis=1, dtype=np.int64) == 2**24).all()


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_change_no_bit(threads):
    alone, together = mixed(TEXT * 8, 16), mixed(TEXT * 8, 16, threads)
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


def test_learning_makes_text_cheaper():
    assert bits(TEXT * 3) < 1.4 * bits(TEXT)


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
    monkeypatch.setattr(mixing, "_START_DIGEST", "0" * 32)
    mixing.start_values.cache_clear()
    with pytest.raises(ModelError, match="start values"):
        mixing.start_values()


def test_other_frequencies_than_the_canarys_are_refused(monkeypatch):
    monkeypatch.setattr(mixing, "_CANARY_DIGEST", "0" * 32)
    mixing.check_canary.cache_clear()
    with pytest.raises(ModelError, match="probe"):
        mixing.check_canary()
    mixing.check_canary.cache_clear()


def test_many_lanes_open_and_mix():
    mixer = mixing.Mixer(5000, table_size=2**16, history_size=2**10)
    assert mixer.first(uneven_freqs(5000, seed=1)).shape == (5000, 16)
