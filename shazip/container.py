"""The archive's outer structures, packed and parsed: header, block header, end mark (docs/format.md).

    frame = header | block* | end mark          block = block header | payload

Standard library only, so that `info` needs neither NumPy nor a model. Every parser takes the bytes that could be read;
fewer than the structure needs mean that the archive ends there. Multi-byte integers are little-endian.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from shazip.errors import CorruptError, FormatError, TruncatedError

MAGIC = b"\xf5shz"  # the byte F5 occurs in no UTF-8 text
FORMAT_VERSION = 1
MODEL_ID_SIZE = 16
HASH_SIZE = 4
MAX_BLOCK_BITS = 28

_CHECK = struct.Struct("<I")
_HEADER = struct.Struct(f"<4sBBBBBBI{MODEL_ID_SIZE}s")
_BLOCK = struct.Struct("<BIIII")

HEADER_SIZE = _HEADER.size + _CHECK.size
BLOCK_HEADER_SIZE = _BLOCK.size + _CHECK.size


class Kind(IntEnum):
    """The first byte of a block header or end mark; two kinds differ in at least two bits, so no single flip turns one into another."""

    CODED = 1
    STORED = 2
    END = 4


@dataclass(frozen=True)
class Header:
    """What a frame needs before its first block."""

    model_id: bytes
    lanes: int
    block_bits: int  # no block is larger than 2**block_bits bytes
    arithmetic_version: int
    mixing_version: int = 0  # 0: the network alone
    table_bits: int = 0  # log2 of the mixing tables' size in bytes
    history_bits: int = 0  # log2 of the mixing history's size in bytes


@dataclass(frozen=True)
class BlockHeader:
    """Sizes and checksums of one block."""

    kind: Kind
    original_size: int
    payload_size: int
    payload_checksum: int
    original_checksum: int


def pack_header(header: Header) -> bytes:
    """Return the HEADER_SIZE bytes that `parse_header` turns back into `header`."""
    body = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        header.arithmetic_version,
        header.mixing_version,
        header.table_bits,
        header.history_bits,
        header.block_bits,
        header.lanes,
        header.model_id,
    )
    return body + _CHECK.pack(zlib.crc32(body))


def parse_header(data: bytes) -> Header:
    """Return the header at the start of `data`; magic and version come before the checksum."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise FormatError("not a .shz file")
    if len(data) > len(MAGIC) and data[len(MAGIC)] != FORMAT_VERSION:
        # Another version may have another header, so its checksum says nothing here.
        raise FormatError(
            f"format version {data[len(MAGIC)]}, this shazip reads version {FORMAT_VERSION}"
        )
    _, _, arithmetic, mixing, table, history, block, lanes, model_id = _HEADER.unpack(
        _checked(data, HEADER_SIZE, "header")
    )
    header = Header(model_id, lanes, block, arithmetic, mixing, table, history)
    _refuse_nonsense(header)
    return header


def refuse_junk(data: bytes) -> None:
    """Raise FormatError if `data`, found after a frame, does not begin another one."""
    if not MAGIC.startswith(data[: len(MAGIC)]):
        raise FormatError("junk after the end of the archive")


def _refuse_nonsense(header: Header) -> None:
    if header.block_bits > MAX_BLOCK_BITS:
        # This also covers the byte's three upper bits, which are reserved.
        raise FormatError(
            f"block size 2**{header.block_bits}, at most 2**{MAX_BLOCK_BITS} is known"
        )
    if not 1 <= header.lanes <= 1 << header.block_bits:
        raise FormatError(f"{header.lanes} lanes for blocks of 2**{header.block_bits} bytes")
    if header.mixing_version == 0 and (header.table_bits or header.history_bits):
        raise FormatError("sizes for mixing in a header without mixing")


def pack_block_header(block: BlockHeader) -> bytes:
    """Return the BLOCK_HEADER_SIZE bytes that `parse_block_header` turns back into `block`."""
    body = _BLOCK.pack(
        block.kind,
        block.original_size,
        block.payload_size,
        block.payload_checksum,
        block.original_checksum,
    )
    return body + _CHECK.pack(zlib.crc32(body))


def parse_block_header(data: bytes, header: Header) -> BlockHeader:
    """Return the block header at the start of `data`, a block of the frame that `header` opens."""
    kind, *fields = _BLOCK.unpack(_checked(data, BLOCK_HEADER_SIZE, "block header"))
    block = BlockHeader(Kind(kind), *fields)
    if not 1 <= block.original_size <= 1 << header.block_bits:
        raise FormatError(
            f"a block of {block.original_size} bytes in a frame with blocks of 2**{header.block_bits}"
        )
    if not (_is_stored if block.kind is Kind.STORED else _is_coded)(block):
        raise FormatError(f"{block} contradicts itself")
    return block


def _is_stored(block: BlockHeader) -> bool:
    sizes = (block.original_size, block.original_checksum)
    return sizes == (block.payload_size, block.payload_checksum)


def _is_coded(block: BlockHeader) -> bool:
    return 0 < block.payload_size < block.original_size and block.payload_size % 4 == 0


def parse_kind(data: bytes) -> Kind:
    """Return the kind of the block or end mark whose first byte is `data`."""
    if not data:
        raise TruncatedError("archive ends without an end mark")
    try:
        return Kind(data[0])
    except ValueError:
        raise CorruptError(f"no block or end mark begins with the byte {data[0]}") from None


def pack_end_mark(total_size: int, content_hash: bytes) -> bytes:
    """Return the end mark of a frame that holds `total_size` original bytes."""
    size = bytearray()
    while total_size > 0x7F:
        size.append(total_size & 0x7F | 0x80)
        total_size >>= 7
    size.append(total_size)
    return bytes([Kind.END]) + size + content_hash


def end_mark_size(total_size: int) -> int:
    """Return the size of the end mark of a frame that holds `total_size` original bytes."""
    return len(pack_end_mark(total_size, bytes(HASH_SIZE)))


def check_end_mark(data: bytes, total_size: int, content_hash: bytes | None = None) -> None:
    """Compare the end mark `data` with the one that is due; the hash only if it is known."""
    wanted = pack_end_mark(total_size, content_hash or bytes(HASH_SIZE))
    if len(data) < len(wanted):
        raise TruncatedError(f"end mark ends after {len(data)} of {len(wanted)} bytes")
    if data[:-HASH_SIZE] != wanted[:-HASH_SIZE]:
        raise CorruptError(f"the blocks hold {total_size} bytes, the end mark says otherwise")
    if content_hash is not None and data[-HASH_SIZE:] != content_hash:
        raise CorruptError("the content's hash is not the one in the end mark")


def _checked(data: bytes, size: int, name: str) -> bytes:
    if len(data) < size:
        raise TruncatedError(f"{name} ends after {len(data)} of {size} bytes")
    body, check = data[: size - _CHECK.size], data[size - _CHECK.size : size]
    if _CHECK.pack(zlib.crc32(body)) != check:
        raise CorruptError(f"the {name}'s checksum does not match")
    return body
