"""The quick look stores what no model compresses, and nothing else."""

import bz2
import lzma
import zlib
from pathlib import Path

import numpy as np
import pytest

from shazip import quicklook
from shazip.quicklook import looks_incompressible

RNG = np.random.default_rng(1)
TEXT = Path(__file__).read_bytes() * 40
NOISE = RNG.bytes(1 << 20)


def little(values, dtype):
    return np.asarray(values).astype(dtype).tobytes()


INCOMPRESSIBLE = {
    "noise": NOISE,
    "4 kB of noise": NOISE[:4096],
    "noise and a short tail of text": NOISE + TEXT[:1000],
    "xz": lzma.compress(RNG.integers(0, 60, 200_000).astype(np.uint8).tobytes()),
    "bzip2": bz2.compress(RNG.integers(0, 60, 200_000).astype(np.uint8).tobytes()),
    "deflate": zlib.compress(little(RNG.normal(size=50_000) * 40, np.int8)),
}

WALK = np.cumsum(RNG.integers(-300, 301, 1 << 19))
COMPRESSIBLE = {
    "text": TEXT,
    "one byte": bytes(10_000),
    "hexadecimal noise": NOISE[:50_000].hex().encode(),
    "all bytes in turn": bytes(range(256)) * 100,
    "half noise, half text": NOISE[:500_000] + TEXT[:500_000],
    "two megabytes, one of them text": NOISE + TEXT[: 1 << 20] + NOISE,
    "noise, repeated out of zlib's sight": NOISE[: 1 << 19] * 2,
    "noise, repeated from megabyte to megabyte": NOISE * 2,
    "32 kB of noise again and again": NOISE[: 1 << 15] * 32,
    "16-bit sound": little(WALK, "<i2"),
    "loud 16-bit sound": little(
        np.sin(np.arange(1 << 18) / 20) * 30_000 + WALK[: 1 << 18] % 99, "<i2"
    ),
    "8-bit samples that wrap": little(np.cumsum(RNG.integers(-8, 9, 1 << 20)), np.uint8),
    "pixels": little(np.cumsum(RNG.integers(-9, 10, (1 << 18, 3)), axis=0), np.uint8),
    "sorted numbers": little(np.sort(RNG.integers(0, 2**32, 1 << 18)), "<u4"),
    "floats": little(RNG.normal(size=1 << 18), "<f4"),
    "doubles": little(RNG.normal(size=1 << 17), "<f8"),
    "a byte in four constant": little(RNG.integers(0, 2**24, 1 << 18), "<u4"),
}


@pytest.mark.parametrize("block", INCOMPRESSIBLE.values(), ids=INCOMPRESSIBLE.keys())
def test_incompressible_data_is_recognised(block):
    assert looks_incompressible(block)


@pytest.mark.parametrize("block", COMPRESSIBLE.values(), ids=COMPRESSIBLE.keys())
def test_compressible_data_is_left_to_the_network(block):
    assert not looks_incompressible(block)


def test_small_blocks_are_left_to_the_network():
    assert not looks_incompressible(b"")
    assert not looks_incompressible(NOISE[:4095])


def test_large_blocks_are_looked_at_in_pieces(monkeypatch):
    sizes = []
    looks_random = quicklook._looks_random
    monkeypatch.setattr(
        quicklook, "_looks_random", lambda piece: sizes.append(len(piece)) or looks_random(piece)
    )
    assert looks_incompressible(NOISE + RNG.bytes(5))
    assert sizes == [1 << 20, 5]
