"""The start values of mixing: those shipped for bytes, adapted to other vocabularies.

Rows of weights that a node picks mean a model's own strings. For other symbols than bytes all nodes
at a depth start alike, from the mean of the bytes' nodes at that part of the tree (docs/mixing.md,
"Start values"); a model's file may bring its own.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shazip.errors import ModelError

BYTES = 256
HASH_ROWS = 2048  # of the second final mixer; the first has a row for each node
# Rows of the sets of weights behind the first, which has a row for each node.
SET_ROWS = (80, 256, 2048, 2048, 2048)


@dataclass(frozen=True)
class Contexts:
    """A set of contexts that a frame may use (docs/mixing.md, "Contexts")."""

    count: int
    sets: int  # of weights, the first ones
    digest: str  # of the shipped start values: BLAKE2b, 16 bytes

    @property
    def inputs(self) -> int:
        """Inputs of the mixer, padded to a multiple of 16."""
        return -(-(10 + 3 * self.count) // 16) * 16

    @property
    def set_rows(self) -> tuple[int, ...]:
        """Rows of the sets of weights behind the first."""
        return SET_ROWS[: self.sets - 1]


CONTEXTS = {
    "text": Contexts(17, 6, "cbbd9b0a9ac9ea3044310926fd156805"),
    "binary": Contexts(18, 6, "004f46bec07ac516a3c6bfc88c1849ef"),
    "few": Contexts(7, 4, "d973b138b1b180526f19c391227c8807"),
}

# Optional tensors of a model file: rows of the contexts of text for each of its nodes, (V, 64) and
# (V, 6), int16.
OWN_WEIGHTS, OWN_FINAL_WEIGHTS = "mixing.weights", "mixing.final_weights"

Weights = NDArray[np.int16]


@cache
def shipped(contexts: str = "text") -> bytes:
    """Return the start values for bytes; raise ModelError if the package's file is damaged."""
    path = file(contexts)
    data = zlib.decompress(path.read_bytes())
    if digest(data) != CONTEXTS[contexts].digest:
        raise ModelError(f"{path} does not hold the start values of this version's mixing")
    return data


def file(contexts: str) -> Path:
    """Return the package's file of start values for a set of contexts."""
    return Path(__file__).with_name(f"mixing-{contexts}.bin")


def digest(data: bytes) -> str:
    """Return the digest of start values, in hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def for_symbols(
    symbols: int,
    own: Mapping[str, NDArray[np.int16]] | None = None,
    start: bytes | None = None,
    contexts: str = "text",
) -> bytes:
    """Return the start values for a vocabulary of so many symbols.

    `own` has a model's rows by the names above, for the contexts of text; `start` takes the place
    of what is shipped.
    """
    start = shipped(contexts) if start is None else start
    rest, by_node, by_others, finals, by_last = parts(start, contexts=contexts)
    own = own if own and contexts == "text" else {}
    pieces = (
        own[OWN_WEIGHTS] if OWN_WEIGHTS in own else spread(by_node, symbols),
        by_others,
        own[OWN_FINAL_WEIGHTS] if OWN_FINAL_WEIGHTS in own else spread(finals, symbols),
        by_last,
    )
    return b"".join([rest, *(piece.astype("<i2").tobytes() for piece in pieces)])


def parts(
    start: bytes, symbols: int = BYTES, contexts: str = "text"
) -> tuple[bytes, Weights, Weights, Weights, Weights]:
    """Cut start values: all before the weights, then weights and final weights by node and others.

    Four arrays (rows, inputs), (rows, inputs), (rows, sets), (rows, sets).
    """
    inputs, sets = CONTEXTS[contexts].inputs, CONTEXTS[contexts].sets
    others = sum(CONTEXTS[contexts].set_rows)
    shapes = (symbols, inputs), (others, inputs), (symbols, sets), (HASH_ROWS, sets)
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
