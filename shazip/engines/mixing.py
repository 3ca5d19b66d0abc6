"""Context mixing: adjusts the network's prediction by the frame's statistics (docs/mixing.md).

network's row -> Mixer.first -> coder -> Mixer.second -> coder -> Mixer.update. The arithmetic is
in native/mixing/; this module holds what belongs to the mixing version: start values, sizes and
the canary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shazip.compiled import load_module
from shazip.engines.mixing_start import for_symbols
from shazip.errors import FormatError, ModelError
from shazip.halves import split
from shazip.model.vocabulary import BYTES, Vocabulary
from shazip.settings import CONTEXTS

if TYPE_CHECKING:
    from shazip import _native

MIXING_VERSION = 6
TABLE_BITS = range(16, 31)  # log2 of bytes: bit histories of all contexts
HISTORY_BITS = range(10, 31)  # log2 of bytes: the bytes coded so far, in all lanes

# Digests (BLAKE2b, 16 bytes) of all frequencies over the canary's probe, by set of contexts and
# number of symbols.
CANARY_DIGESTS = {
    "text": {
        256: "5516a8e2bb9edb574575b383d8ec8063",
        512: "2a125278661c9888c0f2282ef5397431",
        1024: "6e2c32a9e8139e2be461d1e6a42c14f7",
    },
    "few": {
        256: "dbd256079244f7983267a148f481286e",
        512: "26df0a00bdfc0d930416f3ca18bab38f",
        1024: "d57cfeb8864b8de6c9eedad64abd1630",
    },
    "binary": {
        256: "1a6037a0574f5423f7d010bb0ba37c7d",
        512: "23ad063486dc3e9b62548909fc5c80e8",
        1024: "2b895606f096f3be18d5db1274f785ae",
    },
}
_CANARY_STEPS, _CANARY_LANES = 64, 8


class Mixer:
    """The mixing of one frame; `first`, `second`, `update` take turns. Threads change no bit."""

    def __init__(
        self,
        lanes: int,
        *,
        table_size: int,
        history_size: int,
        vocabulary: Vocabulary = BYTES,
        own: Mapping[str, NDArray[np.int16]] | None = None,
        contexts: str = "text",
        pool: object = None,
    ) -> None:
        """Start with empty tables of these sizes in bytes, powers of two.

        `vocabulary` and `own` (mixing_start.py) are the model's; `pool` (compiled.py) has the
        threads, by default one; `contexts` is one of CONTEXTS. Raises FormatError for sizes
        outside TABLE_BITS and HISTORY_BITS, ModelError if this machine mixes other frequencies than
        it should.
        """
        bits = _bits(table_size), _bits(history_size)
        check_sizes(*bits)
        check_canary(vocabulary.size, contexts)
        self._native = open_native(
            lanes,
            *bits,
            vocabulary,
            for_symbols(vocabulary.size, own, contexts=contexts),
            contexts,
            pool,
        )

    def first(self, freqs: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Turn the network's frequencies (live, V) into mixed ones of first halves (live, A).

        Both: each at least 1, each row summing to 2**24.
        """
        mixed: NDArray[np.uint32] = self._native.first(freqs)
        return mixed

    def second(self, firsts: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Return mixed frequencies (live, B) of second halves behind the first ones (live,)."""
        mixed: NDArray[np.uint32] = self._native.second(firsts)
        return mixed

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came."""
        self._native.update(column)


def sizes_for(first_block_size: int) -> tuple[int, int]:
    """Return (table_bits, history_bits) of a frame whose first block has so many bytes.

    A byte touches at most 34 slots of 16 bytes, many of them again; with 128 to 256 bytes of table
    for each, few are lost. A first block of 1 MiB may have many others after it.
    """
    size_bits = max(first_block_size - 1, 1).bit_length()
    if size_bits >= 20:
        return 27, 23
    return max(size_bits + 7, 20), max(size_bits, 12)


def check_sizes(table_bits: int, history_bits: int) -> None:
    """Raise FormatError for sizes that no frame may ask for."""
    if table_bits not in TABLE_BITS:
        raise FormatError(f"mixing tables of 2**{table_bits} bytes, not 2**16 to 2**30")
    if history_bits not in HISTORY_BITS:
        raise FormatError(f"a mixing history of 2**{history_bits} bytes, not 2**10 to 2**30")


def memory_size(
    table_bits: int, history_bits: int, lanes: int, symbol_bits: int = 8, contexts: int = 0
) -> int:
    """Return the bytes that a Mixer allocates, for the set of contexts of this number.

    Raise FormatError for sizes out of range.
    """
    check_sizes(table_bits, history_bits)
    module = load_module()
    return int(module.mixer_size(lanes, table_bits, history_bits, symbol_bits, contexts))


@cache
def check_canary(symbols: int = BYTES.size, contexts: str = "text") -> None:
    """Mix a short probe, once; raise ModelError if this machine gets other frequencies."""
    found, wanted = canary_digest(symbols, contexts), CANARY_DIGESTS[contexts][symbols]
    if found != wanted:
        raise ModelError(f"mixing of {symbols} symbols gives {found} on its probe, not {wanted}")


def canary_digest(symbols: int = BYTES.size, contexts: str = "text") -> str:
    """Return the digest of all mixed frequencies over a probe of text and of arbitrary symbols."""
    vocabulary = probe_vocabulary(symbols)
    bits, sizes = symbols.bit_length() - 1, (TABLE_BITS[0], HISTORY_BITS[0])
    start = for_symbols(symbols, contexts=contexts)
    mixer = open_native(_CANARY_LANES, *sizes, vocabulary, start, contexts)
    text = vocabulary.parse(b"The quick brown fox, 1234\n" * 64)
    noise = np.arange(_CANARY_STEPS * _CANARY_LANES, dtype=np.uint32) * 2654435761 >> (32 - bits)
    digest = hashlib.blake2b(digest_size=16)
    for step in range(_CANARY_STEPS):
        live = _CANARY_LANES - step // 24
        column = text[5 * np.arange(live) + step].copy()
        column[live // 2 :: 4] = noise[step * _CANARY_LANES :][: len(column[live // 2 :: 4])]
        firsts, _ = split(column, bits)
        for freqs in (mixer.first(_probe_freqs(step, live, symbols)), mixer.second(firsts)):
            digest.update(freqs.astype("<u4").tobytes())
        mixer.update(column)
    return digest.hexdigest()


def probe_vocabulary(symbols: int) -> Vocabulary:
    """Return a made-up vocabulary: bytes, and pairs of bytes such as "ck", "ro" and "ox"."""
    merges = [
        (bytes([first]), bytes([(first + difference) % 256]))
        for difference in (8, -3, 9)[: symbols // 256 - 1]
        for first in range(256)
    ]
    return Vocabulary.learned(merges)


def _probe_freqs(step: int, live: int, symbols: int) -> NDArray[np.uint32]:
    """Return frequencies (live, V) of a made-up network: uneven, different in each lane."""
    numbers = np.arange(symbols, dtype=np.int64)
    lanes = np.arange(live, dtype=np.int64)[:, None]
    weights = 1 + (numbers * 37 + lanes * 11 + step * 101) % 251**2 % 4093
    scaled = 1 + weights * (2**24 - symbols) // weights.sum(axis=1, keepdims=True)
    scaled[:, 32] += 2**24 - scaled.sum(axis=1)
    freqs: NDArray[np.uint32] = scaled.astype(np.uint32)
    return freqs


def open_native(
    lanes: int,
    table_bits: int,
    history_bits: int,
    vocabulary: Vocabulary,
    start: bytes,
    contexts: str = "text",
    pool: object = None,
) -> _native.Mixer:
    """Return the compiled mixer, unproved."""
    library = load_module()
    mixer: _native.Mixer = library.Mixer(
        lanes=lanes,
        table_bits=table_bits,
        history_bits=history_bits,
        contexts=CONTEXTS.index(contexts),
        strings=list(vocabulary.strings),
        parser=vocabulary.native,
        start=start,
        pool=pool or library.Pool(1),
    )
    return mixer


def _bits(size: int) -> int:
    """Return log2 of a power of two, -1 of anything else."""
    return size.bit_length() - 1 if size > 0 and size & (size - 1) == 0 else -1
