"""Lanes: contiguous slices of a block, coded side by side; the batch axis of every engine.

The coder sees a block time-major: step 0 of every lane, then step 1 of every lane, and so on. Longer lanes come first,
so the lanes that still have a byte at a step are always a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# From this many bytes on, so many lanes. More lanes are faster, and each one starts cold: 4 kB a lane keeps the loss
# below 1 %. Powers of two, so that rows fall into whole SIMD groups.
_DEFAULTS = ((1 << 18, 32), (1 << 17, 16), (1 << 16, 8), (1 << 14, 4), (1 << 13, 2))


def default_lanes(first_block_size: int) -> int:
    """Return how many lanes a frame gets whose first block has so many bytes."""
    return next((lanes for size, lanes in _DEFAULTS if first_block_size >= size), 1)


def lengths(size: int, lanes: int) -> list[int]:
    """Return the bytes in each lane of a block of `size` bytes, longer lanes first."""
    steps, longer = divmod(size, lanes)
    return [steps + (lane < longer) for lane in range(lanes)]


def columns(size: int, lanes: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each step's column in the time-major order of a block."""
    steps, longer = divmod(size, lanes)
    for start in range(0, steps * lanes, lanes):
        yield start, start + lanes
    if longer:
        yield steps * lanes, size


def interleave(data: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """Return a block's bytes (size,) in time-major order (size,)."""
    steps, longer = divmod(len(data), lanes)
    symbols = np.empty_like(data)
    long, short = _grids(data, steps, longer)
    grid = symbols[: steps * lanes].reshape(steps, lanes)
    grid[:, :longer] = long[:, :steps].T
    grid[:, longer:] = short.T
    symbols[steps * lanes :] = long[:, steps:].T.ravel()
    return symbols


def deinterleave(symbols: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """Return a block's bytes (size,) from their time-major order (size,)."""
    steps, longer = divmod(len(symbols), lanes)
    data = np.empty_like(symbols)
    long, short = _grids(data, steps, longer)
    grid = symbols[: steps * lanes].reshape(steps, lanes)
    long[:, :steps] = grid[:, :longer].T
    short[:] = grid[:, longer:].T
    long[:, steps:] = symbols[steps * lanes :].reshape(-1, 1)
    return data


def _grids(
    data: NDArray[np.uint8], steps: int, longer: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return views of `data`: the longer lanes (longer, steps + 1) and the others (others, steps)."""
    border = longer * (steps + 1)
    others = (len(data) - border) // steps if steps else 0
    return data[:border].reshape(longer, steps + 1), data[border:].reshape(others, steps)
