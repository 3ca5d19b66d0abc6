"""The contracts between model, engine and coder; the predictor of a frame and its memory.

first -> coder -> second -> coder -> update -> first ...
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shazip.choice import contexts_for
from shazip.container import Header
from shazip.errors import FormatError
from shazip.halves import Halves
from shazip.lanes import block_lanes
from shazip.model.arithmetic import ARITHMETIC_VERSION
from shazip.settings import CONTEXTS, Coding

if TYPE_CHECKING:
    from shazip.engines.mixing import Mixer
    from shazip.model.file import IntegerModel
    from shazip.model.vocabulary import Vocabulary

# Bytes for each of a block's that are alive at once. Encoding: original, symbols of 2 bytes in both
# orders, the coder's words, two copies of those at the end. Decoding: payload, symbols in both
# orders, original in pieces and whole.
_BLOCK_COPIES = 7
# Bytes for each symbol of a lane's row: frequencies, mixed ones, weights, and those pending.
_ROW_SIZE = 4 * 4


class Predictor(Protocol):
    """A model with its state, for one frame: predicts a symbol of V = A * B in two halves.

    `first`, `second` and `update` take turns; `second` may be repeated for other first halves, and
    the last call has those that came. Frequencies are C-contiguous, each is at least 1,
    each row sums to 2**24.
    """

    row: NDArray[np.uint32]  # the network's own row (live, V), from `first` to `update`

    @property
    def vocabulary(self) -> Vocabulary:
        """The strings of the symbols."""

    def first(self, live: int) -> NDArray[np.uint32]:
        """Return frequencies (live, A) of the next symbols' first halves in lanes 0..live-1."""

    def second(self, firsts: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Return frequencies (live, B) of their second halves, given the first ones (live,)."""

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came in those lanes: first * B + second."""


class Network(Protocol):
    """A network with its state: `predict` and `update` alternate."""

    def predict(self, live: int) -> NDArray[np.uint32]:
        """Return frequencies (live, V) of the next symbols, as a Predictor's but whole."""

    def logits(self, live: int) -> NDArray[np.int16]:
        """Return logits (live, V) in steps of 1/32 instead of frequencies."""

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came."""


class Engine(Protocol):
    """One implementation of the exact arithmetic, with a model."""

    @property
    def name(self) -> str:
        """Its name on the command line: native, torch."""

    @property
    def model(self) -> IntegerModel:
        """The model whose probabilities it computes."""

    @property
    def pool(self) -> object | None:
        """Its threads, shared with mixing; None if mixing cannot use them."""

    def predictor(self, lanes: int) -> Network:
        """Return a network with so many lanes in its start state."""

    def prober(self, lanes: int) -> Network:
        """Return such a network for a probe, which has few lanes and must be quick."""

    def state_size(self, lanes: int) -> int:
        """Return the bytes that such a network allocates."""


class Mixed:
    """The network's prediction, adjusted by the statistics of this frame so far."""

    def __init__(self, network: Network, mixer: Mixer, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._network = network
        self._mixer = mixer
        self.row: NDArray[np.uint32]

    def first(self, live: int) -> NDArray[np.uint32]:
        """Return mixed frequencies (live, A) of first halves."""
        self.row = self._network.predict(live)
        return self._mixer.first(self.row)

    def second(self, firsts: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Return mixed frequencies (live, B) of second halves."""
        return self._mixer.second(firsts)

    def update(self, column: NDArray[np.uint16]) -> None:
        """Take the symbols (live,) that came."""
        self._network.update(column)
        self._mixer.update(column)


def open_predictor(engine: Engine, header: Header, threads: int | None = None) -> Predictor:
    """Return the predictor of a frame with this header, in its start state."""
    network, vocabulary = engine.predictor(header.lanes), engine.model.vocabulary
    if not header.mixing_version:
        return Halves(network, vocabulary)
    from shazip.compiled import new_pool
    from shazip.engines.mixing import Mixer

    # Mixing uses the network's threads if it can: others would compete for the processors.
    pool = engine.pool or new_pool(threads)
    table_size, history_size = 1 << header.table_bits, 1 << header.history_bits
    mixer = Mixer(
        header.lanes,
        table_size=table_size,
        history_size=history_size,
        vocabulary=vocabulary,
        own=engine.model.mixing,
        contexts=CONTEXTS[header.contexts],
        pool=pool,
    )
    return Mixed(network, mixer, vocabulary)


def new_header(model: IntegerModel, first_block: bytes, coding: Coding) -> Header:
    """Return the header of a frame with this first block."""
    lanes = block_lanes(len(first_block), coding.lanes, coding.large_lanes)
    block_bits = coding.block_size.bit_length() - 1
    network = Header(model.id, lanes, block_bits, ARITHMETIC_VERSION, model.vocabulary.bits)
    if not coding.mix:
        return network
    from shazip.engines.mixing import MIXING_VERSION, sizes_for

    table_bits, history_bits = sizes_for(len(first_block))
    return replace(
        network,
        mixing_version=MIXING_VERSION,
        table_bits=table_bits,
        history_bits=history_bits,
        contexts=CONTEXTS.index(coding.contexts or contexts_for(first_block)),
    )


def check_supported(header: Header) -> None:
    """Raise FormatError if this program cannot compute the header's probabilities."""
    if header.arithmetic_version != ARITHMETIC_VERSION:
        raise FormatError(
            f"arithmetic version {header.arithmetic_version}, "
            f"this shazip computes {ARITHMETIC_VERSION}"
        )
    if header.mixing_version:
        from shazip.engines.mixing import MIXING_VERSION, check_sizes

        if header.mixing_version != MIXING_VERSION:
            raise FormatError(
                f"mixing version {header.mixing_version}, this shazip computes {MIXING_VERSION}"
            )
        if header.contexts >= len(CONTEXTS):
            raise FormatError(f"mixing with an unknown set of contexts, number {header.contexts}")
        check_sizes(header.table_bits, header.history_bits)


def check_vocabulary(engine: Engine, header: Header) -> None:
    """Raise FormatError unless the engine's model has as many symbols as the header says."""
    found = engine.model.vocabulary.bits
    if header.symbol_bits != found:
        raise FormatError(
            f"a vocabulary of {1 << header.symbol_bits} symbols, "
            f"model {engine.model.id.hex()} has {1 << found}"
        )


def least_memory(header: Header) -> int:
    """Return the least number of bytes that any predictor needs for a frame with this header."""
    tables = (1 << header.table_bits) + (1 << header.history_bits) if header.mixing_version else 0
    return block_memory(header) + tables


def block_memory(header: Header) -> int:
    """Return the bytes that coding needs besides the predictor's."""
    return (_BLOCK_COPIES << header.block_bits) + (_ROW_SIZE * header.lanes << header.symbol_bits)


def predictor_memory(engine: Engine, header: Header) -> int:
    """Return the bytes that a predictor for this header takes: its model and its state."""
    size = engine.model.memory + engine.state_size(header.lanes)
    if header.mixing_version:
        from shazip.engines.mixing import memory_size

        sizes = header.table_bits, header.history_bits, header.lanes, header.symbol_bits
        size += memory_size(*sizes, header.contexts)
    return size
