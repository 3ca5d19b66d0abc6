"""Lanes: contiguous slices of a block, coded side by side; the batch axis of every engine.

The coder sees a block time-major: step 0 of every lane, then step 1 of every lane, and so on.
Longer lanes come first, so the lanes that still have a byte at a step are always a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shazip.settings import LARGE_LANES

# (lanes, first block from this size on). More lanes are faster, but each starts cold and has less
# of its own past at hand. Extra bits of mixing: 16 kB in 2, 4 lanes 0.8, 1.1 %; 64 kB in 2, 4, 8
# lanes 0.9, 1.2, 1.9 %; 492 kB in 8, 16, 32 lanes 0.6, 1.0, 1.4 % (benchmarks/log/mixing.md).
_DEFAULTS = ((LARGE_LANES, 1 << 18), (4, 1 << 16), (2, 1 << 15))


def default_lanes(first_block_size: int) -> int:
    """Return the default lanes of a frame whose first block has so many bytes."""
    return next((lanes for lanes, size in _DEFAULTS if first_block_size >= size), 1)


def block_lanes(first_block_size: int, wanted: int | None = None, large: int = LARGE_LANES) -> int:
    """Return the lanes of a frame: `wanted` or the default, reduced so that no lane is empty.

    `large` replaces the default of large blocks; the others' change in proportion.
    """
    default = default_lanes(first_block_size) * large // LARGE_LANES
    return max(1, min(wanted or default, first_block_size))


def columns(size: int, lanes: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each step's column in the time-major order of a block."""
    whole = size - size % lanes
    for start in range(0, whole, lanes):
        yield start, start + lanes
    if whole < size:
        yield whole, size  # one more step of the longer lanes


def interleave(data: NDArray[Any], lanes: int) -> NDArray[Any]:
    """Return a block's symbols (n,) in time-major order (n,)."""
    symbols = np.empty_like(data)
    longer, others = _lanes(data, lanes)
    grid, last = _steps(symbols, lanes)
    grid[:, : len(longer)] = longer[:, :-1].T
    grid[:, len(longer) :] = others.T
    last[:] = longer[:, -1]
    return symbols


def deinterleave(symbols: NDArray[Any], lanes: int) -> NDArray[Any]:
    """Return a block's symbols (n,) from their time-major order (n,)."""
    data = np.empty_like(symbols)
    longer, others = _lanes(data, lanes)
    grid, last = _steps(symbols, lanes)
    longer[:, :-1] = grid[:, : len(longer)].T
    others[:] = grid[:, len(longer) :].T
    longer[:, -1] = last
    return data


def _lanes(data: NDArray[Any], lanes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return views of the longer lanes (longer, steps + 1) and of the others (others, steps)."""
    steps, longer = divmod(len(data), lanes)
    border = longer * (steps + 1)
    return (
        data[:border].reshape(longer, steps + 1),
        data[border:].reshape(lanes - longer, steps),
    )


def _steps(symbols: NDArray[Any], lanes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return views of the steps of all lanes (steps, lanes) and of the longer lanes' last one."""
    steps = len(symbols) // lanes
    return symbols[: steps * lanes].reshape(steps, lanes), symbols[steps * lanes :]
