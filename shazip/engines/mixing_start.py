"""The start values of mixing: those shipped for bytes, adapted to other vocabularies.

Rows of weights that a node picks mean a model's own strings. For other symbols than bytes all nodes
at a depth start alike, from the mean of the bytes' nodes at that part of the tree (docs/mixing.md,
"Start values"); a model's file may bring its own.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shazip.errors import ModelError

INPUTS, SETS = 64, 6
SET_ROWS = (
    80,
    256,
    2048,
    2048,
    2048,
)  # of the sets behind the first, which has a row for each node
HASH_ROWS = 2048  # of the second final mixer; the first has a row for each node
BYTES = 256

# Optional tensors of a model file: rows for each of its nodes (V, INPUTS) and (V, SETS), int16.
OWN_WEIGHTS, OWN_FINAL_WEIGHTS = "mixing.weights", "mixing.final_weights"

Weights = NDArray[np.int16]

FILE = Path(__file__).with_name("mixing.bin")
# BLAKE2b, 16 bytes.
DIGEST = "cbbd9b0a9ac9ea3044310926fd156805"


@cache
def shipped() -> bytes:
    """Return the start values for bytes; raise ModelError if the package's file is damaged."""
    data = zlib.decompress(FILE.read_bytes())
    if digest(data) != DIGEST:
        raise ModelError(f"{FILE} does not hold the start values of this version's mixing")
    return data


def digest(data: bytes) -> str:
    """Return the digest of start values, in hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def for_symbols(
    symbols: int, own: Mapping[str, NDArray[np.int16]] | None = None, start: bytes | None = None
) -> bytes:
    """Return the start values for a vocabulary of so many symbols.

    `own` has a model's rows by the names above; `start` takes the place of what is shipped.
    """
    rest, by_node, by_others, finals, by_last = parts(shipped() if start is None else start)
    own = own or {}
    pieces = (
        own[OWN_WEIGHTS] if OWN_WEIGHTS in own else spread(by_node, symbols),
        by_others,
        own[OWN_FINAL_WEIGHTS] if OWN_FINAL_WEIGHTS in own else spread(finals, symbols),
        by_last,
    )
    return b"".join([rest, *(piece.astype("<i2").tobytes() for piece in pieces)])


def parts(start: bytes, symbols: int = BYTES) -> tuple[bytes, Weights, Weights, Weights, Weights]:
    """Cut start values: all before the weights, then weights and final weights by node and others.

    Four arrays (rows, INPUTS), (rows, INPUTS), (rows, SETS), (rows, SETS).
    """
    shapes = (symbols, INPUTS), (sum(SET_ROWS), INPUTS), (symbols, SETS), (HASH_ROWS, SETS)
    at = len(start) - 2 * sum(rows * width for rows, width in shapes)
    rest, arrays = start[:at], []
    for rows, width in shapes:
        piece = np.frombuffer(start, "<i2", rows * width, at).reshape(rows, width)
        arrays.append(piece.astype(np.int16))
        at += 2 * rows * width
    by_node, by_others, finals, by_last = arrays
    return rest, by_node, by_others, finals, by_last


def own_rows(start: bytes, symbols: int) -> dict[str, Weights]:
    """Return what a model's file may hold of the start values for its symbols."""
    _, by_node, _, finals, _ = parts(start, symbols)
    return {OWN_WEIGHTS: by_node, OWN_FINAL_WEIGHTS: finals}


def spread(rows: NDArray[np.int16], symbols: int) -> NDArray[np.int16]:
    """Return rows (symbols, n) for the nodes of another tree from those (256, n) of the bytes'.

    Each is the mean, halves rounded up, of the rows of 8 * depth // bits.
    """
    if symbols == BYTES:
        return rows
    bits = symbols.bit_length() - 1
    others = np.zeros((symbols, rows.shape[1]), np.int16)
    for depth in range(bits):
        count = 1 << 8 * depth // bits
        total = rows[count : 2 * count].sum(axis=0, dtype=np.int64)
        others[1 << depth : 2 << depth] = (2 * total + count) // (2 * count)
    return others
