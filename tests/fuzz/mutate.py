"""Changes bytes and numbers as damage and malice do."""

from __future__ import annotations

from random import Random

_EDGES = (0, 1, 2, 3, 7, 8, 15, 16, 27, 28, 29, 31, 63, 127, 128, 255)


def number(rng: Random, bits: int) -> int:
    """Return a number below 2**bits: small, near a power of two, or any."""
    edge = 1 << rng.randrange(bits + 1)
    near = edge + rng.choice((-1, 0, 1))
    return rng.choice((rng.choice(_EDGES), near, rng.getrandbits(bits))) % (1 << bits)


def size(rng: Random, right: int, bits: int) -> int:
    """Return a number that is to pass for a size of `right`."""
    near = max(right + rng.choice((-4, -1, 1, 4)), 0)
    return rng.choice((right, right, near, number(rng, bits))) % (1 << bits)


def data(rng: Random, before: bytes) -> bytes:
    """Return bytes like `before`, with one or a few changes."""
    changed = bytearray(before)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        rng.choice((_flip, _set, _cut, _double, _insert, _truncate))(rng, changed)
    return bytes(changed)


def _place(rng: Random, changed: bytearray) -> int:
    return rng.randrange(len(changed)) if changed else 0


def _flip(rng: Random, changed: bytearray) -> None:
    if changed:
        changed[_place(rng, changed)] ^= 1 << rng.randrange(8)


def _set(rng: Random, changed: bytearray) -> None:
    if changed:
        changed[_place(rng, changed)] = rng.choice(_EDGES)


def _cut(rng: Random, changed: bytearray) -> None:
    start = _place(rng, changed)
    del changed[start : start + rng.choice((1, 4, 30))]


def _double(rng: Random, changed: bytearray) -> None:
    start = _place(rng, changed)
    piece = changed[start : start + rng.choice((1, 4, 30, 300))]
    at = _place(rng, changed)
    changed[at:at] = piece


def _insert(rng: Random, changed: bytearray) -> None:
    at = _place(rng, changed)
    changed[at:at] = rng.randbytes(rng.choice((1, 4, 30)))


def _truncate(rng: Random, changed: bytearray) -> None:
    del changed[_place(rng, changed) :]
