"""What a user may set, with its defaults and limits; standard library only, so that help is quick.

Coding -> header of a frame (predictor.py), and the defaults of Codec and of the command line.
"""

from __future__ import annotations

from dataclasses import dataclass

from shazip.container import MAX_BLOCK_BITS

BLOCK_SIZE = 1 << 20
MEMORY_LIMIT = 1 << 30


@dataclass(frozen=True)
class Coding:
    """What decides the bytes of an archive besides its model; raises ValueError if impossible."""

    lanes: int | None = None  # None: by the size of the first block (lanes.py)
    block_size: int = BLOCK_SIZE  # bytes coded at a time
    mix: bool = True  # context mixing, or the network alone

    def __post_init__(self) -> None:
        if self.lanes is not None and self.lanes < 1:
            raise ValueError(f"lanes is {self.lanes}, must be at least 1")
        if self.block_size not in [1 << bits for bits in range(MAX_BLOCK_BITS + 1)]:
            raise ValueError(f"block_size is {self.block_size}, must be a power of two up to 2**28")
