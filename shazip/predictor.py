"""The one interface between model and coder, and the predictor that combines network and context mixing.

predict -> freqs -> coder -> update -> predict ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shazip.container import Header
from shazip.errors import FormatError

if TYPE_CHECKING:
    from shazip.mixing import Mixer
    from shazip.modelfile import IntegerModel


ARITHMETIC_VERSION = 1

# Bytes for each lane's rows: frequencies, weights and what waits to be coded.
_ROW_SIZE = 4096
# Copies of a block that are alive at once: payload, symbols in time-major order, original.
_BLOCK_COPIES = 3


class Predictor(Protocol):
    """A model with its state, for one frame; `predict` and `update` alternate strictly, with the same live lanes."""

    def predict(self, live: int) -> NDArray[np.uint32]:
        """Return frequencies (live, 256) of the next symbol in lanes 0..live-1: each >= 1, rows summing to 2**24."""

    def update(self, column: NDArray[np.uint8]) -> None:
        """Take the symbols (live,) that came."""


class Engine(Protocol):
    """One implementation of the exact arithmetic, with a model loaded."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> IntegerModel: ...

    def predictor(self, lanes: int) -> Predictor:
        """Return a network in its start state."""

    def state_size(self, lanes: int) -> int:
        """Return the bytes that a predictor of so many lanes allocates."""


class Mixed:
    """The network's prediction, refined by what this frame has shown so far."""

    def __init__(self, network: Predictor, mixer: Mixer) -> None:
        self._network = network
        self._mixer = mixer

    def predict(self, live: int) -> NDArray[np.uint32]:
        """Return mixed frequencies (live, 256)."""
        return self._mixer.mix(self._network.predict(live))

    def update(self, column: NDArray[np.uint8]) -> None:
        """Take the symbols (live,) that came."""
        self._network.update(column)
        self._mixer.update(column)


def open_predictor(engine: Engine, header: Header, threads: int | None = None) -> Predictor:
    """Return the predictor that a frame with this header needs, in its start state."""
    network = engine.predictor(header.lanes)
    if not header.mixing_version:
        return network
    from shazip.mixing import Mixer

    mixer = Mixer(
        header.lanes,
        table_size=1 << header.table_bits,
        history_size=1 << header.history_bits,
        threads=threads,
    )
    return Mixed(network, mixer)


def mixing_fields(first_block_size: int) -> dict[str, int]:
    """Return the header's fields for a frame with mixing whose first block has so many bytes."""
    from shazip.mixing import MIXING_VERSION, sizes_for

    table_bits, history_bits = sizes_for(first_block_size)
    return {
        "mixing_version": MIXING_VERSION,
        "table_bits": table_bits,
        "history_bits": history_bits,
    }


def refuse_unknown_versions(header: Header) -> None:
    """Raise FormatError if this program computes other probabilities than the header asks for."""
    if header.arithmetic_version != ARITHMETIC_VERSION:
        raise FormatError(
            f"arithmetic version {header.arithmetic_version}, this shazip computes {ARITHMETIC_VERSION}"
        )
    if header.mixing_version:
        from shazip.mixing import MIXING_VERSION

        if header.mixing_version != MIXING_VERSION:
            raise FormatError(
                f"mixing version {header.mixing_version}, this shazip computes {MIXING_VERSION}"
            )


def memory_size(header: Header) -> int:
    """Return the bytes that a frame needs beside the network: blocks, rows, tables; known from the header alone."""
    size = (_BLOCK_COPIES << header.block_bits) + _ROW_SIZE * header.lanes
    if header.mixing_version:
        size += (1 << header.table_bits) + (1 << header.history_bits)
    return size
