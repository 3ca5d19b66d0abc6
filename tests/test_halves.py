"""Halves of symbols: every symbol splits and comes back; a network's row becomes two exact rows."""

from itertools import pairwise

import numpy as np
import pytest
from fake import CountingPredictor
from hypothesis import given
from hypothesis import strategies as st

from shazip import halves
from shazip.errors import ShazipError
from shazip.halves import Halves, first_half, join, second_half, split
from shazip.model.vocabulary import BYTES

BITS = (8, 9, 10)
TOTAL = 2**24


def rows(seed: int, live: int, bits: int, sharpness: float) -> np.ndarray:
    """Frequencies (live, V): each at least 1, rows summing to the total."""
    symbols = 1 << bits
    weights = np.exp(sharpness * np.random.default_rng(seed).standard_normal((live, symbols)))
    freqs = 1 + np.floor(weights / weights.sum(1, keepdims=True) * (TOTAL - symbols))
    freqs[:, -1] += TOTAL - freqs.sum(1)
    return freqs.astype(np.uint32)


def exactly(freqs: list[int], firsts: int, first: int) -> list[int]:
    """The second half's row in whole numbers, as docs/format.md has it."""
    size = len(freqs) // firsts
    part = freqs[first * size : (first + 1) * size]
    ends = [sum(part[:i]) * (TOTAL - size) // sum(part) for i in range(size + 1)]
    return [1 + after - before for before, after in pairwise(ends)]


@pytest.mark.parametrize(("bits", "shape"), [(8, (16, 16)), (9, (16, 32)), (10, (32, 32))])
def test_every_symbol_splits_into_its_halves_and_comes_back(bits, shape):
    symbols = np.arange(1 << bits, dtype=np.uint16)
    firsts, seconds = split(symbols, bits)
    assert (firsts.max() + 1, seconds.max() + 1) == shape
    assert firsts.dtype == seconds.dtype == np.uint16
    assert np.array_equal(firsts * shape[1] + seconds, symbols)
    assert np.array_equal(join(firsts, seconds, bits), symbols)


@pytest.mark.parametrize("bits", BITS)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from([0.0, 1.0, 5.0, 30.0]))
def test_compiled_rows_are_those_in_whole_numbers_and_in_numpy(bits, seed, live, sharpness):
    native = pytest.importorskip("shazip._native")
    freqs, count = rows(seed, live, bits, sharpness), 1 << bits // 2
    column = np.random.default_rng(seed).integers(0, count, live).astype(np.uint16)
    firsts, seconds = first_half(freqs, count), second_half(freqs, count, column)
    assert (seconds >= 1).all()
    assert (seconds.sum(1, dtype=np.int64) == TOTAL).all()
    assert firsts.tolist() == [[sum(group) for group in np.split(row, count)] for row in freqs]
    assert seconds.tolist() == [
        exactly(row, count, first)
        for row, first in zip(freqs.tolist(), column.tolist(), strict=True)
    ]
    assert np.array_equal(native.first_half(freqs, count), firsts)
    assert np.array_equal(native.second_half(freqs, count, column), seconds)


def test_halves_cost_what_the_whole_symbol_costs():
    freqs = rows(1, 500, 8, 3.0)
    symbols = np.array([np.random.default_rng(2).choice(256, p=row / TOTAL) for row in freqs])
    firsts, seconds = split(symbols.astype(np.uint16), 8)
    at = np.arange(500)
    chosen = first_half(freqs, 16)[at, firsts] / TOTAL * second_half(freqs, 16, firsts)[at, seconds]
    whole = -np.log2(freqs[at, symbols] / TOTAL).sum()
    assert -np.log2(chosen / TOTAL).sum() == pytest.approx(whole, rel=1e-4)


def test_without_the_compiled_module_numpy_makes_the_same_rows(monkeypatch):
    def found() -> list[list[int]]:
        predictor = Halves(CountingPredictor(3, 32), BYTES)
        seen = []
        for symbol in b"halves":
            column = np.full(3, symbol, np.uint16)
            seen += [predictor.first(3).tolist(), predictor.second(column >> 4).tolist()]
            predictor.update(column)
        return seen

    def missing():
        raise ShazipError("not built")

    fast = found()
    monkeypatch.setattr(halves, "load_module", missing)
    assert found() == fast


def test_columns_that_do_not_fit_the_rows_are_refused():
    native = pytest.importorskip("shazip._native")
    freqs = rows(1, 2, 8, 1.0)
    with pytest.raises(ValueError, match="for each row"):
        native.second_half(freqs, 16, np.zeros(3, np.uint16))
    with pytest.raises(ValueError, match="range"):
        native.second_half(freqs, 16, np.array([1, 16], np.uint16))
    with pytest.raises(ValueError, match="parts"):
        native.first_half(freqs, 17)
