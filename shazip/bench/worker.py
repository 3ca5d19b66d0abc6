"""Calls a library once, in a process of its own: `worker.py NAME ACTION SOURCE TARGET PARTS...`.

It runs as a file, not as a module, so that the memory measured holds nothing of shazip.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

PPMD_ORDER, PPMD_MEMORY = 10, 256 << 20


def gzip(action: str, data: bytes) -> bytes:
    """gzip at level 9, without a time stamp."""
    module = import_module("gzip")
    if action == "compress":
        return bytes(module.compress(data, 9, mtime=0))
    return bytes(module.decompress(data))


def bzip2(action: str, data: bytes) -> bytes:
    """bzip2 with blocks of 900 kB."""
    module = import_module("bz2")
    return bytes(module.compress(data, 9) if action == "compress" else module.decompress(data))


def xz(action: str, data: bytes) -> bytes:
    """xz at preset 9, extreme."""
    module = import_module("lzma")
    if action == "compress":
        return bytes(module.compress(data, preset=9 | module.PRESET_EXTREME))
    return bytes(module.decompress(data))


def zstd(action: str, data: bytes) -> bytes:
    """zstd at level 22 with a checksum, as its command writes it by default."""
    module = import_module("zstandard")
    if action == "compress":
        return bytes(module.ZstdCompressor(level=22, write_checksum=True).compress(data))
    return bytes(module.ZstdDecompressor().decompress(data))


def brotli(action: str, data: bytes) -> bytes:
    """brotli at quality 11, window 2**24."""
    module = import_module("brotli")
    if action == "compress":
        return bytes(module.compress(data, quality=11, lgwin=24))
    return bytes(module.decompress(data))


def ppmd(action: str, data: bytes) -> bytes:
    """PPMd variant H, as in 7z; the original's size, needed to decode, comes first (8 bytes)."""
    module = import_module("pyppmd")
    if action == "compress":
        encoder = module.Ppmd7Encoder(PPMD_ORDER, PPMD_MEMORY)
        return len(data).to_bytes(8, "little") + bytes(encoder.encode(data) + encoder.flush())
    size = int.from_bytes(data[:8], "little")
    return bytes(module.Ppmd7Decoder(PPMD_ORDER, PPMD_MEMORY).decode(data[8:], size))


CODECS: dict[str, Callable[[str, bytes], bytes]] = {
    codec.__name__: codec for codec in (gzip, bzip2, xz, zstd, brotli, ppmd)
}


def program_size(parts: list[str]) -> int:
    """Return the bytes of the loaded libraries whose names start with one of `parts`, or 0."""
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        return 0
    loaded = {
        Path(line.split(maxsplit=5)[5]) for line in maps.read_text().splitlines() if "/" in line
    }
    return sum(path.stat().st_size for path in loaded if path.name.startswith(tuple(parts)))


def main(name: str, action: str, source: str, target: str, *parts: str) -> None:
    """Call the library; print the seconds it took and the size of its libraries as JSON."""
    data = Path(source).read_bytes()
    CODECS[name]("compress", b"")  # load what it needs
    start = time.perf_counter()
    result = CODECS[name](action, data)
    seconds = time.perf_counter() - start
    Path(target).write_bytes(result)
    json.dump({"seconds": seconds, "program": program_size(list(parts))}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
