"""Settings of coding with their defaults and limits; standard library only, so that help is quick.

Coding -> header of a frame (predictor.py), and the defaults of Codec and of the command line.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import SupportsIndex

from shazip.container import MAX_BLOCK_BITS, MAX_LANES

BLOCK_SIZE = 1 << 20
MEMORY_LIMIT = 1 << 30
MAX_THREADS = 1024
LARGE_LANES = 8
ENGINES = ("native", "torch")  # best first
CONTEXTS = ("text", "few", "binary")  # sets of mixing's contexts; a header has their number here


@dataclass(frozen=True)
class Coding:
    """The settings, besides the model, that decide the bytes of an archive.

    Raises ValueError for values outside the limits, TypeError for other types.
    """

    lanes: int | None = None  # None: by the size of the first block (lanes.py)
    block_size: int = BLOCK_SIZE  # bytes coded at a time
    mix: bool = True  # context mixing, or the network alone
    contexts: str | None = None  # of CONTEXTS, for mixing; None: by the first block
    large_lanes: int = LARGE_LANES  # the default of large blocks, to which others are in proportion

    def __post_init__(self) -> None:
        if self.lanes is not None:
            integer("lanes", self.lanes, 1, MAX_LANES)
        size = integer("block_size", self.block_size, 1, 1 << MAX_BLOCK_BITS)
        if size & (size - 1):
            raise ValueError(f"block_size is {size}, must be a power of two up to 2**28")
        if self.contexts not in (None, *CONTEXTS):
            raise ValueError(f"contexts is {self.contexts!r}, must be one of {', '.join(CONTEXTS)}")


def integer(name: str, value: SupportsIndex, least: int, most: int | None = None) -> int:
    """Return `value`, which an error calls `name`, if it is an integer from `least` to `most`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, must be an integer") from None
    if number < least:
        raise ValueError(f"{name} is {number}, must be at least {least}")
    if most is not None and number > most:
        raise ValueError(f"{name} is {number}, must be at most {most}")
    return number
