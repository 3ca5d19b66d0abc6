"""Parses bytes into symbols in plain Python: the rule of docs/format.md, "Parse", as an oracle.

The native module does the same in C++; this file replaces it where it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

MAX_PIECE = 64  # bytes

# Bytes beyond ASCII are letters, so that words of all scripts are pieces.
LETTERS = rb"[A-Za-z\x80-\xff]+"
_WHITE = rb"\t-\r\x20"
PIECE = rb"\x20?(?:%s|[0-9]+|[^A-Za-z0-9\x80-\xff%s]+)|[%s]+" % (LETTERS, _WHITE, _WHITE)
_PIECE = re.compile(PIECE)


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield the pieces of `data`: a word, a number or signs, with one space before; white space."""
    start = 0
    while start < len(data):
        found = _PIECE.match(data, start, start + MAX_PIECE)
        assert found is not None
        end = found.end()
        if end == start + MAX_PIECE:
            # If the limit would cut a UTF-8 character, the piece ends before it.
            while end > start + MAX_PIECE - 3 and data[end : end + 1] and data[end] & 0xC0 == 0x80:
                end -= 1
        yield data[start:end]
        start = end


def merge(piece: bytes, ranks: Mapping[tuple[bytes, bytes], int]) -> list[bytes]:
    """Return the strings of `piece`: merge the pair of lowest rank as long as there is one."""
    strings = [piece[i : i + 1] for i in range(len(piece))]
    while len(strings) > 1:
        pairs = [ranks.get(pair, len(ranks)) for pair in pairwise(strings)]
        best = min(pairs)
        if best == len(ranks):
            break
        at = pairs.index(best)
        strings[at : at + 2] = [strings[at] + strings[at + 1]]
    return strings
