"""coder.py codes exactly as the range coder of docs/format.md, word for word."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import bigint_coder

from shazip.coder import PRECISION, TOTAL, Decoder, Encoder
from shazip.errors import CorruptError

ALPHABET = 256  # rows longer than any half's, to be on the safe side of all bounds


def normalised(weights):
    """Turn weights (n, width) into rows of frequencies, each at least 1, with the sum TOTAL."""
    count, width = weights.shape
    bounds = np.zeros((count, width + 1), np.uint64)
    np.cumsum(weights.astype(np.uint64), axis=1, out=bounds[:, 1:])
    bounds = bounds * np.uint64(TOTAL - width) // bounds[:, -1:]
    return (1 + np.diff(bounds)).astype(np.uint32)


def random_rows(rng, count, sharpness):
    weights = np.exp(sharpness * rng.standard_normal((count, ALPHABET)))
    return normalised(1 + weights * 2**30 / weights.max(axis=1, keepdims=True))


def certain_row(symbol):
    """Return the row that gives `symbol` all it can have."""
    row = np.ones((1, ALPHABET), np.uint32)
    row[0, symbol] = TOTAL - ALPHABET + 1
    return row


def encode(symbols, rows, lanes=1):
    encoder = Encoder(lanes)
    for start in range(0, len(symbols), lanes):
        stop = min(start + lanes, len(symbols))
        encoder.encode(np.asarray(symbols[start:stop], np.uint16), rows[start:stop])
    return encoder.finish()


def decode(payload, rows, lanes=1):
    decoder = Decoder(payload)
    columns = [decoder.decode(rows[i : i + lanes]) for i in range(0, len(rows), lanes)]
    decoder.finish()
    return np.concatenate(columns)


def words(payload):
    return np.frombuffer(payload, "<u4").tolist()


def test_the_total_is_two_to_the_precision():
    assert TOTAL == 1 << PRECISION == 1 << bigint_coder.PRECISION


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([0.0, 1.0, 3.0, 10.0, 30.0]),
)
@settings(max_examples=60, deadline=None)
def test_words_are_those_of_the_oracle(seed, count, lanes, sharpness):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, count, sharpness)
    symbols = rng.integers(0, ALPHABET, count).astype(np.uint16)
    payload = encode(symbols, rows, lanes)
    assert words(payload) == bigint_coder.encode(symbols.tolist(), rows.tolist())
    assert np.array_equal(decode(payload, rows, lanes), symbols)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_oracle_decodes_what_it_encodes(seed):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, 50, 5.0).tolist()
    symbols = rng.integers(0, ALPHABET, 50).tolist()
    assert bigint_coder.decode(bigint_coder.encode(symbols, rows), rows) == symbols


@pytest.mark.parametrize("symbol", [0, 1, 128, 254, 255])
@pytest.mark.parametrize("certain", [0, 128, 255])
def test_extreme_frequencies_are_exact(symbol, certain):
    # All sums of weights up to TOTAL - ALPHABET must be exact in the coder's floats.
    rows = np.repeat(certain_row(certain), 600, axis=0)
    symbols = np.where(np.arange(600) % 7, certain, symbol).astype(np.uint16)
    payload = encode(symbols, rows)
    assert words(payload) == bigint_coder.encode(symbols.tolist(), rows.tolist())
    assert np.array_equal(decode(payload, rows), symbols)


def test_a_carry_runs_through_many_words():
    # Symbol 1 lies across the middle of these rows: while it comes, words stay undecided between
    # ...7f ffffffff ffffffff... and ...80 00000000 00000000...
    row = np.ones((1, ALPHABET), np.uint32)
    row[0, :3] = (TOTAL - 2**16) // 2, 2**16, (TOTAL - 2**16) // 2 - 253
    rows = np.repeat(row, 64, axis=0)
    below, above = ([1] * 63 + [last] for last in (0, 2))
    assert set(words(encode(below, rows))[2:12]) == {2**32 - 1}
    assert set(words(encode(above, rows))[2:12]) == {0}
    for symbols in (below, above):
        payload = encode(symbols, rows)
        assert words(payload) == bigint_coder.encode(symbols, rows.tolist())
        assert decode(payload, rows).tolist() == symbols


def test_golden_words():
    rows = normalised(np.arange(1, 257)[None, :].repeat(4, axis=0))
    assert words(encode([0, 255, 97, 10], rows)) == [129945, 332053662]


@pytest.mark.parametrize("lanes", [1, 3, 255, 256, 257, 1000])
def test_columns_only_group_symbols(lanes):
    rng = np.random.default_rng(lanes)
    rows = random_rows(rng, 2000, 3.0)
    symbols = rng.integers(0, ALPHABET, 2000).astype(np.uint16)
    assert encode(symbols, rows, lanes) == encode(symbols, rows)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_rows_of_16_and_of_32_take_turns(seed, lanes, steps):
    rng = np.random.default_rng(seed)
    encoder, pieces = Encoder(lanes), []
    for width in (16, 32) * steps:
        live = int(rng.integers(1, lanes + 1))
        rows = normalised(1 + rng.random((live, width)) ** 9 * 2**20)
        pieces.append((rng.integers(0, width, live).astype(np.uint16), rows))
        encoder.encode(*pieces[-1])
    payload = encoder.finish()
    symbols = [symbol for column, _ in pieces for symbol in column.tolist()]
    assert words(payload) == bigint_coder.encode(
        symbols, (r for _, rows in pieces for r in rows.tolist())
    )
    decoder = Decoder(payload)
    for column, rows in pieces:
        assert np.array_equal(decoder.decode(rows), column)
    decoder.finish()


def test_a_payload_costs_what_its_symbols_cost():
    rng = np.random.default_rng(5)
    rows = random_rows(rng, 4000, 3.0)
    symbols = np.array([rng.choice(ALPHABET, p=row / TOTAL) for row in rows], np.uint16)
    bits = -np.log2(rows[np.arange(len(rows)), symbols] / TOTAL).sum()
    assert bits <= 8 * len(encode(symbols, rows)) <= bits * 1.0001 + 64


def test_size_grows_to_that_of_the_payload():
    encoder = Encoder(1)
    rows = random_rows(np.random.default_rng(6), 1000, 1.0)
    sizes = []
    for i in range(1000):
        encoder.encode(np.array([i % 256], np.uint16), rows[i : i + 1])
        sizes.append(encoder.size)
    assert sizes[0] == 0
    assert all(later >= earlier - 4 for earlier, later in pairwise(sizes))
    assert len(encoder.finish()) == encoder.size


def test_frequencies_are_left_as_they_are():
    rows = random_rows(np.random.default_rng(7), 4, 1.0)
    before = rows.copy()
    payload = encode(np.arange(4), rows, 4)
    decode(payload, rows, 4)
    assert np.array_equal(rows, before)


def test_a_payload_with_more_than_the_symbols_is_refused():
    rows = random_rows(np.random.default_rng(8), 100, 1.0)
    payload = encode(np.arange(100), rows)
    with pytest.raises(CorruptError, match="continues"):
        decode(payload, rows[:50])
    with pytest.raises(CorruptError, match="continues"):
        decode(payload + bytes(8), rows)


def test_a_payload_of_no_symbols_is_refused():
    # The quotient of a number at the very top is 2**24 or more, which no symbol has.
    rows = np.repeat(certain_row(255), 100, axis=0)
    with pytest.raises(CorruptError, match="no symbols"):
        decode(b"\xff" * 8, rows)


def test_a_panic_in_the_coder_is_corruption_and_an_interrupt_is_not():
    class PanicException(BaseException):
        """Named as pyo3 names it, which is all that can be known of it."""

    decoder = Decoder(bytes(8))
    rows = certain_row(0)
    for raised, expected in [
        (PanicException, CorruptError),
        (AssertionError, CorruptError),
        (KeyboardInterrupt, KeyboardInterrupt),
        (ValueError, ValueError),
    ]:
        decoder._coder = Raising(raised)
        with pytest.raises(expected):
            decoder.decode(rows)


class Raising:
    def __init__(self, error):
        self.error = error

    def decode(self, *_):
        raise self.error


def test_more_symbols_than_the_payload_has_bits_for_are_an_error():
    # One word, and rows that say a bit and a half for the symbol that zeros decode to.
    rows = np.full((1, 16), (TOTAL - 6_000_000) // 15, np.uint32)
    rows[0, 0] = TOTAL - 15 * rows[0, 1]
    decoder = Decoder(bytes(4))
    decode = lambda: [decoder.decode(rows) for _ in range(2000)]  # noqa: E731
    with pytest.raises(CorruptError, match="fewer bits"):
        decode()


@pytest.mark.parametrize("likely", [TOTAL - 15, TOTAL // 2, TOTAL // 16])
def test_an_honest_payload_has_the_bits_that_its_symbols_cost(likely):
    rows = np.full((3, 16), (TOTAL - likely) // 15, np.uint32)
    rows[:, 5] = TOTAL - 15 * rows[0, 0]
    columns = np.full((3000, 3), 5, np.uint16)
    columns[::701] = 9
    encoder = Encoder(3)
    for column in columns:
        encoder.encode(column, rows)
    decoder = Decoder(encoder.finish())
    for column in columns:
        assert (decoder.decode(rows) == column).all()
    decoder.finish()
