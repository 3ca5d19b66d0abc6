"""Takes archives apart and puts them together again, with right checksums around wrong content."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from random import Random

from shazip import container
from shazip.container import BlockHeader, Header, Kind
from shazip.index import INDEX_START_SIZE, INDEX_TAIL_SIZE, pack_index, parse_index_start

from . import mutate


@dataclass(frozen=True)
class Frame:
    """One frame, or an index in place of one."""

    header: Header
    blocks: tuple[tuple[BlockHeader, bytes], ...] = ()
    total: int = 0
    entries: bytes | None = None

    def pack(self) -> bytes:
        """Return its bytes; all checksums but those of originals are right."""
        if self.entries is not None:
            return pack_index(self.entries)
        parts = [container.pack_header(self.header)]
        for block, payload in self.blocks:
            parts += [container.pack_block_header(block, self.header), payload]
        return b"".join(parts) + container.pack_end_mark(self.total)


def take_apart(packed: bytes) -> list[Frame]:
    """Return the frames and indexes of a good archive."""
    frames: list[Frame] = []
    while packed:
        if container.is_index(packed):
            end = INDEX_START_SIZE + parse_index_start(packed[:INDEX_START_SIZE])
            frames.append(replace(frames[0], entries=packed[INDEX_START_SIZE:end]))
            packed = packed[end + INDEX_TAIL_SIZE :]
        else:
            frame, packed = _frame(packed)
            frames.append(frame)
    return frames


def _frame(packed: bytes) -> tuple[Frame, bytes]:
    header = container.parse_header(packed)
    packed = packed[container.HEADER_SIZE :]
    blocks: list[tuple[BlockHeader, bytes]] = []
    while packed[0] != Kind.END:
        block = container.parse_block_header(packed, header)
        packed = packed[container.block_header_size(header) :]
        blocks.append((block, packed[: block.payload_size]))
        packed = packed[block.payload_size :]
    total = sum(block.original_size for block, _ in blocks)
    return Frame(header, tuple(blocks), total), packed[container.end_mark_size(total) :]


def damaged(rng: Random, frame: Frame) -> Frame:
    """Return `frame` with something wrong, which no checksum shows."""
    if frame.entries is not None:
        return replace(frame, entries=mutate.data(rng, frame.entries) or b"\0")
    choice = rng.randrange(6)
    if choice == 0:
        return replace(frame, header=_header(rng, frame.header))
    if choice == 1:
        return replace(frame, total=mutate.size(rng, frame.total, 64))
    if choice == 2:
        places = [rng.randrange(len(frame.blocks)) for _ in frame.blocks] if frame.blocks else []
        return replace(frame, blocks=tuple(frame.blocks[place] for place in places))
    if not frame.blocks:
        return frame
    blocks = list(frame.blocks)
    at = rng.randrange(len(blocks))
    blocks[at] = _block(rng, *blocks[at], frame.header)
    return replace(frame, blocks=tuple(blocks))


def _header(rng: Random, header: Header) -> Header:
    name, value = rng.choice(
        [
            ("lanes", mutate.size(rng, header.lanes, 16)),
            ("block_bits", mutate.number(rng, 5)),
            ("arithmetic_version", mutate.number(rng, 8)),
            ("symbol_bits", 8 + mutate.number(rng, 2)),
            ("mixing_version", mutate.number(rng, 8)),
            ("table_bits", mutate.number(rng, 5)),
            ("history_bits", mutate.number(rng, 5)),
            ("model_id", rng.randbytes(16)),
        ]
    )
    return replace(header, **{name: value})


def _block(
    rng: Random, block: BlockHeader, payload: bytes, header: Header
) -> tuple[BlockHeader, bytes]:
    width = 8 * (header.block_bits // 8 + 1)
    if rng.randrange(2):
        payload = mutate.data(rng, payload)[: (1 << width) - 1]
        payload += bytes(-len(payload) % 4 if rng.randrange(4) else 0)
    changed = replace(
        block,
        kind=rng.choice((block.kind, block.kind, block.kind, Kind.CODED, Kind.STORED)),
        original_size=mutate.size(rng, block.original_size, width),
        symbols=mutate.size(rng, block.symbols, width),
        payload_size=len(payload) if rng.randrange(8) else mutate.number(rng, width),
        payload_checksum=zlib.crc32(payload),
    )
    return changed, payload
