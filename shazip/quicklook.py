"""A quick look at a block: is it worth running the network at all?

JPEGs, archives and encrypted data gain nothing from any model. Looking costs some milliseconds a megabyte, coding
a minute. A wrong yes costs compression, so every test must agree; a wrong no only costs time.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_MIN_SIZE = 4096  # below, the statistics say little and the network is quick
_MIN_ENTROPY = 7.9  # bits; JPEGs lie above
_MIN_RATIO = 0.985  # of what zlib makes of it
_STRIDES = (
    1,
    2,
    3,
    4,
    8,
)  # distances at which samples of sound, images and tables follow each other
_MAX_REPEATS = 0.01
_ANCHOR = 1 << 23  # one position in 2**9 is compared


def looks_incompressible(block: bytes) -> bool:
    """Return whether no model can be expected to gain a percent or two on `block`."""
    if len(block) < _MIN_SIZE:
        return False
    data = np.frombuffer(block, np.uint8)
    return (
        _entropy(data) >= _MIN_ENTROPY
        and all(_entropy(data[d:] - data[:-d]) >= _MIN_ENTROPY for d in _STRIDES)
        and len(zlib.compress(block, 1)) >= _MIN_RATIO * len(block)
        and _repeats(data) <= _MAX_REPEATS
    )


def _entropy(data: NDArray[np.uint8]) -> float:
    """Return the bits per byte that single bytes show, corrected for the sample's size (Miller 1955)."""
    counts = np.bincount(data, minlength=256)
    counts = counts[counts > 0]
    probs = counts / len(data)
    bias = (len(counts) - 1) / (2 * len(data) * np.log(2))
    return float(bias - (probs * np.log2(probs)).sum())


def _repeats(data: NDArray[np.uint8]) -> float:
    """Return the share of 8-byte strings seen before in the block: repeats too far apart for zlib's window."""
    low, high = (_words(data[offset:]) for offset in (0, 4))
    low = low[: len(high)]
    # Positions are chosen by content, so that both ends of a repeat are chosen or neither.
    chosen = (low * np.uint32(0x9E3779B1)) < _ANCHOR
    strings = low[chosen].astype(np.uint64) << np.uint64(32) | high[chosen]
    return 1 - len(np.unique(strings)) / max(len(strings), 1)


def _words(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the four bytes from each position on as one number."""
    wide = data.astype(np.uint32)
    return wide[:-3] | wide[1:-2] << 8 | wide[2:-1] << 16 | wide[3:] << 24
