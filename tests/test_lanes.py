"""Lanes are contiguous slices, and time-major order is theirs, step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shazip.lanes import columns, default_lanes, deinterleave, interleave

BLOCK_AND_LANES = st.integers(1, 300).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(1, size))
)


def block(size):
    return np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)


def slices(data, lanes):
    """Cut `data` as docs/format.md says, in plain Python."""
    steps, longer = divmod(len(data), lanes)
    sizes = [steps + 1] * longer + [steps] * (lanes - longer)
    starts = [sum(sizes[:lane]) for lane in range(lanes)]
    return [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]


@given(BLOCK_AND_LANES)
def test_columns_hold_one_symbol_of_each_live_lane(case):
    size, lanes = case
    data = block(size).tolist()
    symbols = interleave(block(size), lanes)
    cut = slices(data, lanes)
    for step, (start, stop) in enumerate(columns(size, lanes)):
        assert symbols[start:stop].tolist() == [lane[step] for lane in cut if step < len(lane)]


@given(BLOCK_AND_LANES)
def test_live_lanes_are_a_prefix(case):
    size, lanes = case
    live = [stop - start for start, stop in columns(size, lanes)]
    assert live == sorted(live, reverse=True)
    assert sum(live) == size
    assert max(live) == lanes
    assert len(live) == -(-size // lanes)


@given(BLOCK_AND_LANES)
def test_deinterleave_is_the_inverse_of_interleave(case):
    size, lanes = case
    data = block(size)
    assert np.array_equal(deinterleave(interleave(data, lanes), lanes), data)


def test_a_later_block_may_be_shorter_than_the_lanes():
    data = block(3)
    assert list(columns(3, 8)) == [(0, 3)]
    assert np.array_equal(interleave(data, 8), data)
    assert np.array_equal(deinterleave(data, 8), data)


@pytest.mark.parametrize(
    ("size", "lanes"),
    [
        (0, 1),
        (1, 1),
        (32767, 1),
        (32768, 2),
        (65535, 2),
        (65536, 4),
        (262143, 4),
        (262144, 8),
        (2**28, 8),
    ],
)
def test_default_lanes_are_those_of_the_documentation(size, lanes):
    assert default_lanes(size) == lanes
