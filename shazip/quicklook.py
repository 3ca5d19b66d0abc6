"""Recognises blocks that no model compresses, before the network runs.

JPEGs, archives and encrypted data gain next to nothing from any model. Looking costs some 70 ms a
megabyte, coding a minute. A wrong yes costs compression, so all tests must agree; a wrong no only
costs time. The block header records the answer, so these rules may change at any time.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_MIN_SIZE = 4096  # below, the statistics say little and the network is quick
_PIECE = 1 << 20  # the statistics of larger blocks are taken piece by piece, to bound the memory
_MIN_ENTROPY = 7.9  # bits; photographs' JPEGs show 7.93 to 7.99, other archives 8.00
_MIN_RATIO = 0.98  # compressed by original; zlib gains up to 2 % on a photograph's JPEG
_STRIDES = (1, 2, 3, 4, 8)  # distances between the samples of sound, images and tables
_MAX_REPEATS = 0.01
_NEAR = 30000  # zlib sees repeats up to here


def looks_incompressible(block: bytes) -> bool:
    """Return whether any model is expected to gain no more than a few percent on `block`."""
    if len(block) < _MIN_SIZE:
        return False
    pieces = [block[i : i + _PIECE] for i in range(0, len(block), _PIECE)]
    return all(map(_looks_random, pieces)) and _far_repeats(pieces) <= _MAX_REPEATS


def _looks_random(piece: bytes) -> bool:
    if len(piece) < _MIN_SIZE:
        return True  # the end of a larger block, which the rest decides
    data = np.frombuffer(piece, np.uint8)
    return (
        _entropy(data) >= _MIN_ENTROPY
        and all(_entropy(data[d:] - data[:-d]) >= _MIN_ENTROPY for d in _STRIDES)
        and len(zlib.compress(piece, 1)) >= _MIN_RATIO * len(piece)
    )


def _entropy(data: NDArray[np.uint8]) -> float:
    """Return the order-0 entropy in bits per byte, corrected for the sample size (Miller 1955)."""
    counts = np.bincount(data, minlength=256)
    probs = counts[counts > 0] / len(data)
    bias = (len(probs) - 1) / (2 * len(data) * np.log(2))
    return float(bias - (probs * np.log2(probs)).sum())


def _far_repeats(pieces: list[bytes]) -> float:
    """Return the share of 8-byte strings last seen in this block, but too far away for zlib."""
    found = [_anchors(np.frombuffer(piece, np.uint8)) for piece in pieces]
    strings = np.concatenate([strings for strings, _ in found])
    places = np.concatenate([places + i * _PIECE for i, (_, places) in enumerate(found)])
    order = np.argsort(strings, kind="stable")
    again = strings[order][1:] == strings[order][:-1]
    far = np.diff(places[order]) > _NEAR
    return float(np.count_nonzero(again & far)) / max(len(places), 1)


def _anchors(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return some of the 8-byte strings in `data`, as numbers, and where they begin.

    They are chosen by their content, one in 512: a repeat is compared at both places or at neither.
    """
    words = _words(data)
    first, second = words[:-4], words[4:]
    places = np.flatnonzero(first * np.uint32(0x9E3779B1) < np.uint32(1 << 23))
    strings = first[places].astype(np.uint64) << np.uint64(32) | second[places]
    return strings, places


def _words(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the four bytes from each position on as one number, the first one lowest."""
    size = max(len(data) - 3, 0)
    words = np.zeros(size, np.uint32)
    for i in range(4):
        words |= data[i : i + size].astype(np.uint32) << np.uint32(8 * i)
    return words
