"""Chooses by content: each block's model, a network or none, and the contexts of a frame.

block -> share of foreign bytes -> sample -> encode_block with each candidate -> the smallest

Candidates are numbers: first the networks, 0 being the default model, last the model without
layers, which is several times as fast. The rule sees the blocks of a part of the input and nothing
else, so pipes, files, threads and jobs give the same archive. docs/choice.md has its figures.
"""

from __future__ import annotations

from collections.abc import Callable

from shazip.quicklook import looks_incompressible

SMALL = 1 << 16  # bytes; smaller blocks are judged by their bytes alone
PIECE = 512  # bytes of a sample that lie together; each has a lane of its own
_SAMPLE_SHARE = 256  # a sample is this part of its block
_PIECES = range(2, 9)

# Shares of foreign bytes, in 256ths: text in any language has none, machine code, images and
# tables of numbers have 100 and more.
_FOREIGN_IN_SMALL = 32
_FOREIGN = 96

# A network must pay for its time: first by 3 % of a sample, by 8 % if the frame is to end, which
# costs headers and the tables that mixing has filled. A sample is coded with empty tables, so it
# flatters networks by some percent.
_PAYS = 97  # percent
_PAYS_A_FRAME = 92
_PAYS_NO_MORE = 103

_CONTROL = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\n\f\r")
_NOT_CONTROL = bytes(byte for byte in range(256) if byte not in _CONTROL)


class Choice:
    """The candidate for each block of a stream, which depends on the one before."""

    def __init__(self, try_out: Callable[[int, bytes], int], networks: int = 1) -> None:
        """Choose by `try_out(candidate, sample)`, the size of the sample coded by a candidate.

        There are `networks` of them before the candidate without layers.
        """
        self._try_out = try_out
        self._plain = networks
        self._current: int | None = None

    def next(self, block: bytes) -> int:
        """Return the candidate for the next block of the stream."""
        if self._current is None:
            self._current = self._first(block)
        elif len(block) >= SMALL:
            self._current = self._again(block, self._current)
        return self._current

    def _first(self, block: bytes) -> int:
        foreign = 256 * foreign_bytes(block)
        if len(block) < SMALL:
            return self._plain if foreign > _FOREIGN_IN_SMALL * len(block) else 0
        if foreign > _FOREIGN * len(block):
            return self._plain
        sizes, best = self._tried(block)
        return best if 100 * sizes[best] < _PAYS * sizes[self._plain] else self._plain

    def _again(self, block: bytes, current: int) -> int:
        if 256 * foreign_bytes(block) > _FOREIGN * len(block):
            # A block that is stored as it is needs no model.
            return current if looks_incompressible(block) else self._plain
        sizes, best = self._tried(block)
        if 100 * sizes[best] < _PAYS_A_FRAME * sizes[current]:
            return best
        return (
            self._plain if 100 * sizes[current] >= _PAYS_NO_MORE * sizes[self._plain] else current
        )

    def _tried(self, block: bytes) -> tuple[list[int], int]:
        """Return each candidate's size of a sample, and the network with the smallest."""
        pieces = sample(block)
        sizes = [self._try_out(candidate, pieces) for candidate in range(self._plain + 1)]
        return sizes, min(range(self._plain), key=sizes.__getitem__)


def contexts_for(block: bytes) -> str:
    """Return the set of mixing's contexts for a frame that begins with a block."""
    foreign = 256 * foreign_bytes(block) > _FOREIGN_IN_SMALL * len(block)
    return "binary" if foreign else "text"


def sample(block: bytes) -> bytes:
    """Return pieces of PIECE bytes from places all over a block of SMALL bytes or more."""
    count = len(block) // (_SAMPLE_SHARE * PIECE)
    count = min(max(count, _PIECES[0]), _PIECES[-1])
    part = len(block) // count
    starts = range((part - PIECE) // 2, count * part, part)
    return b"".join(block[start : start + PIECE] for start in starts)


def foreign_bytes(block: bytes) -> int:
    """Return how many bytes text would not have: control characters, and what is not UTF-8."""
    kept = len(block.decode("utf-8", "ignore").encode("utf-8"))
    return len(block) - kept + len(block.translate(None, _NOT_CONTROL))
