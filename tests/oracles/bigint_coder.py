"""The range coder of docs/format.md on whole numbers of any size: no words, no carries.

The message is one number: `low` after the last symbol, rounded up. It only loses digits when it is
written down, so nothing of the bookkeeping that a real coder needs can go wrong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

PRECISION = 24
WORD = 1 << 32


def encode(symbols: Iterable[int], rows: Iterable[Sequence[int]]) -> list[int]:
    """Return the words that code `symbols`, each with its row of frequencies."""
    low, size, shifts = 0, 2**64 - 1, 0
    for symbol, row in zip(symbols, rows, strict=True):
        scale = size >> PRECISION
        low += scale * sum(row[:symbol])
        size = scale * row[symbol]
        if size < WORD:
            low, size, shifts = low * WORD, size * WORD, shifts + 1
    if not shifts and size == 2**64 - 1:
        return []  # no symbols
    point = (low + WORD - 1) // WORD
    words = [point // WORD**i % WORD for i in reversed(range(shifts + 1))]
    # Whatever follows, the number must stay below low + size.
    return words if point < (low + size) // WORD else [*words, 0]


def decode(words: Sequence[int], rows: Iterable[Sequence[int]]) -> list[int]:
    """Return the symbols that `words` code, one for each row of frequencies."""
    number = sum(word * WORD**i for i, word in enumerate(reversed(words)))
    digits = len(words)
    low, size, shifts = 0, 2**64 - 1, 0
    symbols = []
    for row in rows:
        scale = size >> PRECISION
        point = number * WORD ** (shifts + 2) // WORD**digits
        quantile = (point - low) // scale
        symbol = 0
        while sum(row[: symbol + 1]) <= quantile:
            symbol += 1
        symbols.append(symbol)
        low += scale * sum(row[:symbol])
        size = scale * row[symbol]
        if size < WORD:
            low, size, shifts = low * WORD, size * WORD, shifts + 1
    return symbols
