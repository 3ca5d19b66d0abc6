"""The golden archives: what each holds, what is wrong with the bad ones; run it to write them anew.

A change of format, arithmetic, mixing or the tiny model changes them: then CHANGELOG "Format" says
so in the same commit.
"""

from __future__ import annotations

import io
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

from shazip import (
    Codec,
    CorruptError,
    FormatError,
    ModelError,
    TruncatedError,
)
from shazip.container import INDEX_MAGIC
from shazip.index import pack_entry, pack_index
from shazip.model import store as modelstore

FOLDER = Path(__file__).parent / "golden"
TEXT = (Path(__file__).parent / "data" / "wikipedia.xml").read_bytes()[:4096]
WORDS = FOLDER.parent / "data" / "words.safetensors"  # 512 symbols
NOISE = random.Random(1).randbytes(4096)
HEADER_BODY = 29  # bytes that the header's own checksum covers


@dataclass(frozen=True)
class Good:
    """`content`, and the settings that make the archive; stored blocks lie between coded ones."""

    content: bytes
    lanes: int = 4
    mix: bool = True
    contexts: str | None = None
    block_size: int = 4096
    model: str | Path = "tiny"
    frame_size: int | None = None

    def make(self, engine: str | None = None) -> bytes:
        """Return the archive, made now."""
        codec = Codec(
            self.model,
            engine=engine,
            lanes=self.lanes,
            mix=self.mix,
            contexts=self.contexts,
            block_size=self.block_size,
        )
        sink = io.BytesIO()
        codec.compress_stream(io.BytesIO(self.content), sink, frame_size=self.frame_size)
        return sink.getvalue()


GOOD = {
    "mixed": Good(TEXT),
    "few-contexts": Good(TEXT, contexts="few", model="none"),
    "network-alone": Good(TEXT, lanes=3, mix=False, block_size=1024),
    "stored-between-coded": Good(TEXT + NOISE + TEXT[:1000]),
    "strings-mixed": Good(TEXT, model=WORDS),
    "strings-alone": Good(TEXT, lanes=3, mix=False, block_size=1024, model=WORDS),
    "strings-few": Good(b"fewer symbols than lanes", lanes=20, mix=False, model=WORDS),
    "frames": Good(TEXT + NOISE, block_size=1024, frame_size=3000),  # and an index
    "one-byte": Good(b"x", lanes=1),
    "empty": Good(b"", lanes=1),
}


def with_header(packed: bytes, offset: int, value: bytes) -> bytes:
    """Return `packed` with other bytes in its header, whose checksum holds again."""
    body = packed[:offset] + value + packed[offset + len(value) : HEADER_BODY]
    return body + zlib.crc32(body).to_bytes(4, "little") + packed[HEADER_BODY + 4 :]


def bad(packed: bytes, framed: bytes) -> dict[str, tuple[bytes, type[Exception]]]:
    """Return archives made from two good ones, with the error that each must raise.

    `packed` is one frame, `framed` three and an index.
    """
    index = framed.rindex(INDEX_MAGIC)
    flipped = bytearray(packed)
    flipped[100] ^= 1
    end = bytearray(packed)
    end[-1] ^= 1
    block = packed[:34] + b"\xff\xff" + packed[36:]
    return {
        "bad-payload-bit": (bytes(flipped), CorruptError),
        "bad-end-mark": (bytes(end), CorruptError),
        "bad-block-size": (block, CorruptError),  # 64 KiB, under a checksum that does not hold
        "bad-truncated": (packed[:-1], TruncatedError),
        "bad-junk-behind": (packed + b"junk", FormatError),
        "bad-reserved-bit": (with_header(packed, 10, b"\x8c"), FormatError),
        "bad-lanes-huge": (with_header(packed, 11, b"\xff\xff"), FormatError),
        "bad-index-lies": (framed[:index] + pack_index(pack_entry(99, 99)), CorruptError),
        "bad-index-bit": (framed[:-1] + bytes([framed[-1] ^ 1]), CorruptError),
        "bad-index-truncated": (framed[:-1], TruncatedError),
        "bad-index-alone": (framed[index:], FormatError),
        "unsupported-format": (packed[:4] + b"\x63" + packed[5:], FormatError),
        "unsupported-arithmetic": (with_header(packed, 5, b"\x63"), FormatError),
        "unsupported-mixing": (with_header(packed, 6, b"\x63"), FormatError),
        "unsupported-contexts": (with_header(packed, 9, b"\x63"), FormatError),
        "unsupported-model": (with_header(packed, 13, bytes(16)), ModelError),
    }


def read_good() -> tuple[bytes, bytes]:
    """Return the archives that `bad` takes."""
    packed, framed = ((FOLDER / f"good-{name}.shz").read_bytes() for name in ("mixed", "frames"))
    return packed, framed


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, good in GOOD.items():
        (FOLDER / f"good-{name}.shz").write_bytes(good.make())
    for name, (packed, _) in bad(*read_good()).items():
        (FOLDER / f"{name}.shz").write_bytes(packed)
    print(f"{FOLDER}: model {modelstore.find('tiny').id.hex()}")


if __name__ == "__main__":
    main()
