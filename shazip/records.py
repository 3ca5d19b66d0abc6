"""The headers of an archive as records for programs; JSON takes them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shazip.container import FORMAT_VERSION, HEADER_SIZE, block_header_size
from shazip.frames import FrameInfo, Info


def record(archive: Info, name: str) -> dict[str, object]:
    """The JSON object of an archive: frame by frame what the headers say."""
    return {
        "name": name,
        **_sizes(archive),
        "bpb": archive.bpb,
        "index_size": archive.index_size,
        "frames": list(frame_records(archive)),
    }


def frame_records(archive: Info) -> Iterator[dict[str, Any]]:
    """The JSON object of each frame, with its blocks if their headers were kept."""
    start = 0
    for frame in archive.frames:
        blocks = list(block_records(frame, start))
        yield {
            "compressed_offset": frame.offset,
            "original_offset": start,
            **_sizes(frame),
            "block_size": 1 << frame.header.block_bits,
            "lanes": frame.header.lanes,
            "model": frame.header.model_id.hex(),
            "format": FORMAT_VERSION,
            "arithmetic": frame.header.arithmetic_version,
            "mixing": frame.header.mixing_version,
            **({"block_list": blocks} if blocks else {}),
        }
        start += frame.original_size


def block_records(frame: FrameInfo, start: int) -> Iterator[dict[str, Any]]:
    """The JSON object of each block of a frame whose content begins at `start`."""
    offset = frame.offset + HEADER_SIZE
    for block in frame.block_headers:
        size = block_header_size(frame.header) + block.payload_size
        yield {
            "compressed_offset": offset,
            "original_offset": start,
            "compressed_size": size,
            "original_size": block.original_size,
            "symbols": block.symbols,
            "kind": block.kind.name.lower(),
            "checksum": f"{block.original_checksum:08x}",
        }
        offset, start = offset + size, start + block.original_size


def _sizes(part: Info | FrameInfo) -> dict[str, Any]:
    return {
        "compressed_size": part.compressed_size,
        "original_size": part.original_size,
        "blocks": part.blocks,
        "stored_blocks": part.stored_blocks,
    }
