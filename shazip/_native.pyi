# Made by tests/stubs.py from the compiled module.

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

class Pool:
    def __init__(self, threads: int) -> None: ...
    @property
    def threads(self) -> int: ...
    def fix_ranks(self, ranks: int) -> None: ...

class Network:
    def __init__(
        self,
        *,
        width: int,
        boom_width: int,
        layers: int,
        attention: Sequence[int],
        window: int,
        heads: int,
        vocabulary: int,
        tensors: dict[str, NDArray[Any]],
        threads: int,
        variant: str = "",
    ) -> None: ...
    @property
    def variant(self) -> str: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def threads(self) -> int: ...
    @property
    def size(self) -> int: ...
    def state_size(self, arg: int, /) -> int: ...

class Predictor:
    def __init__(self, network: Network, lanes: int) -> None: ...
    def predict(self, live: int) -> NDArray[numpy.uint32]: ...
    def logits(self, live: int) -> NDArray[numpy.int16]: ...
    def update(self, column: NDArray[numpy.uint16]) -> None: ...
    def products_only(self, live: int, memory: bool = True) -> None: ...
    def count_costs(self, on: bool) -> None: ...
    def costs(self) -> list[list[int]]: ...

class Vocabulary:
    def __init__(
        self, singles: Sequence[int], merges: Sequence[tuple[int, int]], results: Sequence[int]
    ) -> None: ...
    def parse(self, data: NDArray[numpy.uint8]) -> NDArray[numpy.uint16]: ...

def variants() -> list[str]: ...
def first_half(freqs: NDArray[numpy.uint32], firsts: int) -> NDArray[numpy.uint32]: ...
def second_half(
    freqs: NDArray[numpy.uint32], firsts: int, column: NDArray[numpy.uint16]
) -> NDArray[numpy.uint32]: ...

class Mixer:
    def __init__(
        self,
        *,
        lanes: int,
        table_bits: int,
        history_bits: int,
        contexts: int,
        strings: Sequence[bytes],
        parser: Vocabulary,
        start: bytes,
        pool: Pool,
    ) -> None: ...
    @property
    def lanes(self) -> int: ...
    def first(self, freqs: NDArray[numpy.uint32]) -> NDArray[numpy.uint32]: ...
    def second(self, firsts: NDArray[numpy.uint16]) -> NDArray[numpy.uint32]: ...
    def update(self, column: NDArray[numpy.uint16]) -> None: ...
    def learned(self) -> bytes: ...

def mixer_size(
    lanes: int, table_bits: int, history_bits: int, symbol_bits: int, contexts: int
) -> int: ...
def lstm_forward(
    inputs: NDArray[numpy.int16],
    rows: NDArray[numpy.int64] | None,
    h: NDArray[numpy.float32],
    c: NDArray[numpy.float32],
    w_state: NDArray[numpy.float32],
    bias: NDArray[numpy.float32],
    limits: tuple[float, float, float, float],
    gates: NDArray[numpy.float32],
    cells: NDArray[numpy.float32],
    out: NDArray[numpy.float32],
    before: NDArray[numpy.int16],
) -> None: ...
def lstm_backward(
    d_out: NDArray[numpy.float32],
    d_cell: NDArray[numpy.float32],
    rows: NDArray[numpy.int64] | None,
    c: NDArray[numpy.float32],
    w_state: NDArray[numpy.float32],
    gates: NDArray[numpy.float32],
    cells: NDArray[numpy.float32],
    d_gates: NDArray[numpy.int16],
    sums: NDArray[numpy.float32],
    d_h: NDArray[numpy.float32],
    d_c: NDArray[numpy.float32],
) -> None: ...
def boom_forward(wide: NDArray[numpy.int16], scale: float, out: NDArray[numpy.float32]) -> None: ...
def boom_backward(
    d_out: NDArray[numpy.float32],
    wide: NDArray[numpy.int16],
    scale: float,
    d_wide: NDArray[numpy.int16],
) -> None: ...
