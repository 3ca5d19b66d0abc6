"""The archive's outer structures, packed and parsed: header, block header, end mark.

    frame = header | block* | end mark          block = block header | payload

docs/format.md gives every byte with its reason. Standard library only, so that `info` needs neither
NumPy nor a model. Parsers accept fewer bytes than a structure has and report the archive as
truncated.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from shazip.errors import CorruptError, FormatError, TruncatedError

MAGIC = b"\xf5shz"  # the byte F5 occurs in no UTF-8 text
INDEX_MAGIC = b"\xf5shi"
FORMAT_VERSION = 3
MODEL_ID_SIZE = 16
MAX_BLOCK_BITS = 28
MAX_LANES = 2**16 - 1
SYMBOL_BITS = range(8, 11)  # log2 of the symbols in a vocabulary
MAX_STRING = 16  # bytes that a symbol stands for

_CHECKSUM = struct.Struct("<I")
_HEADER = struct.Struct(f"<{len(MAGIC)}sBBBBBBBH{MODEL_ID_SIZE}s")
_BLOCK_CHECKSUMS = struct.Struct("<II")
_BITS_OF_BLOCK_BITS = 5  # in their byte; the vocabulary's size takes two more

START_SIZE = len(MAGIC) + 1  # magic and version, the same in every version of the format
HEADER_SIZE = _HEADER.size + _CHECKSUM.size


class Kind(IntEnum):
    """First byte of a block or end mark; any two differ in two bits, so one flip is noticed."""

    CODED = 1
    STORED = 2
    END = 4


@dataclass(frozen=True)
class Header:
    """The settings of a frame, which its blocks need."""

    model_id: bytes
    lanes: int
    block_bits: int  # no block is larger than 2**block_bits bytes
    arithmetic_version: int
    symbol_bits: int = 8  # log2 of the symbols in the model's vocabulary
    mixing_version: int = 0  # 0: the network alone
    table_bits: int = 0  # log2 of the mixing tables' size in bytes
    history_bits: int = 0  # log2 of the mixing history's size in bytes
    contexts: int = 0  # number of mixing's set of contexts


@dataclass(frozen=True)
class BlockHeader:
    """Sizes and checksums of one block."""

    kind: Kind
    original_size: int
    symbols: int  # that the payload codes; 0 in a stored block
    payload_size: int
    payload_checksum: int
    original_checksum: int  # of the frame's original bytes up to the end of this block


def pack_header(header: Header) -> bytes:
    """Return the HEADER_SIZE bytes that `parse_header` turns back into `header`."""
    body = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        header.arithmetic_version,
        header.mixing_version,
        header.table_bits,
        header.history_bits,
        header.contexts,
        header.block_bits | (header.symbol_bits - SYMBOL_BITS[0]) << _BITS_OF_BLOCK_BITS,
        header.lanes,
        header.model_id,
    )
    return body + _CHECKSUM.pack(zlib.crc32(body))


def parse_header(data: bytes) -> Header:
    """Return the header at the start of `data`; magic and version come before the checksum."""
    check_start(data)
    _, _, arithmetic, *mixing, bits, lanes, model_id = _HEADER.unpack(
        _checked(data, HEADER_SIZE, "header")
    )
    symbol_bits, block_bits = divmod(bits, 1 << _BITS_OF_BLOCK_BITS)
    symbol_bits += SYMBOL_BITS[0]
    header = Header(model_id, lanes, block_bits, arithmetic, symbol_bits, *mixing)
    if header.block_bits > MAX_BLOCK_BITS:
        raise FormatError(f"blocks of 2**{header.block_bits} bytes, at most 2**{MAX_BLOCK_BITS}")
    if header.symbol_bits not in SYMBOL_BITS:  # this covers the byte's last bit, too
        raise FormatError(f"a vocabulary of 2**{header.symbol_bits} symbols, not 2**8 to 2**10")
    if not 1 <= header.lanes <= 1 << header.block_bits:
        raise FormatError(f"{header.lanes} lanes for blocks of 2**{header.block_bits} bytes")
    if header.mixing_version == 0 and any(mixing):
        raise FormatError("a header without mixing gives sizes or contexts for mixing")
    return header


def check_start(data: bytes, *, first: bool = True) -> None:
    """Raise FormatError unless `data`, at the start of the archive or after a frame, begins one.

    After a frame an index may begin as well.
    """
    magic, version = data[: len(MAGIC)], data[len(MAGIC) : START_SIZE]
    if not (MAGIC.startswith(magic) or (INDEX_MAGIC.startswith(magic) and not first)):
        raise FormatError("not a .shz file" if first else "junk after the end of the archive")
    # Another version may have another header, so no checksum is checked before the version.
    if version not in (b"", bytes([FORMAT_VERSION])):
        raise FormatError(f"format version {version[0]}, this shazip reads {FORMAT_VERSION}")


def pack_block_header(block: BlockHeader, header: Header) -> bytes:
    """Return the bytes that `parse_block_header` turns back into `block`."""
    sizes = (block.original_size, block.symbols, block.payload_size)
    width = _size_width(header)
    body = bytes([block.kind]) + b"".join(size.to_bytes(width, "little") for size in sizes)
    body += _BLOCK_CHECKSUMS.pack(block.payload_checksum, block.original_checksum)
    return body + _CHECKSUM.pack(zlib.crc32(body))


def parse_block_header(data: bytes, header: Header) -> BlockHeader:
    """Return the block header at the start of `data`, in the frame that `header` opens."""
    body, width = _checked(data, block_header_size(header), "block header"), _size_width(header)
    starts = range(1, 1 + 3 * width, width)
    sizes = [int.from_bytes(body[start : start + width], "little") for start in starts]
    block = BlockHeader(Kind(body[0]), *sizes, *_BLOCK_CHECKSUMS.unpack(body[1 + 3 * width :]))
    if not 1 <= block.original_size <= 1 << header.block_bits:
        raise FormatError(f"{block.original_size} bytes in a block of 2**{header.block_bits}")
    if not (_is_stored if block.kind is Kind.STORED else _is_coded)(block):
        raise FormatError(
            f"a {block.kind.name.lower()} block of {block.original_size} bytes "
            f"with a payload of {block.payload_size}"
        )
    if block.symbols not in _symbols(block, header):
        raise FormatError(
            f"{block.symbols} symbols in a {block.kind.name.lower()} block of "
            f"{block.original_size} bytes, of a vocabulary of {1 << header.symbol_bits}"
        )
    return block


def block_header_size(header: Header) -> int:
    """Return the size of a block header in the frame that `header` opens."""
    return 1 + 3 * _size_width(header) + _BLOCK_CHECKSUMS.size + _CHECKSUM.size


def _size_width(header: Header) -> int:
    """Return the bytes that a size takes: as few as hold 2**block_bits."""
    return header.block_bits // 8 + 1


def _symbols(block: BlockHeader, header: Header) -> range:
    """Return how many symbols such a block may have."""
    if block.kind is Kind.STORED:
        return range(1)
    longest = 1 if header.symbol_bits == 8 else MAX_STRING
    return range(-(-block.original_size // longest), block.original_size + 1)


def _is_stored(block: BlockHeader) -> bool:
    return block.original_size == block.payload_size


def _is_coded(block: BlockHeader) -> bool:
    return 0 < block.payload_size < block.original_size and block.payload_size % 4 == 0


def parse_kind(data: bytes) -> Kind:
    """Return the kind of the block or end mark whose first byte is `data`."""
    if not data:
        raise TruncatedError("truncated: the archive ends without an end mark")
    try:
        return Kind(data[0])
    except ValueError:
        raise CorruptError(f"neither block nor end mark begins with the byte {data[0]}") from None


def pack_end_mark(total_size: int) -> bytes:
    """Return the end mark of a frame that holds `total_size` original bytes."""
    return bytes([Kind.END]) + pack_varint(total_size)


def pack_varint(number: int) -> bytes:
    """Return `number` in as few bytes as it takes, 7 bits each, lowest first, bit 7 for more."""
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def is_index(data: bytes) -> bool:
    """Return whether an index begins with `data`, the bytes after a frame."""
    return data[: len(INDEX_MAGIC)] == INDEX_MAGIC


def end_mark_size(total_size: int) -> int:
    """Return the size of the end mark of a frame that holds `total_size` original bytes."""
    return len(pack_end_mark(total_size))


def check_end_mark(data: bytes, total_size: int) -> None:
    """Raise unless `data` is the end mark of a frame that holds `total_size` original bytes."""
    due = pack_end_mark(total_size)
    if len(data) < len(due):
        raise TruncatedError(f"truncated: the end mark ends after {len(data)} of {len(due)} bytes")
    if data != due:
        raise CorruptError(f"the end mark has another size than the {total_size} bytes of blocks")


def _checked(data: bytes, size: int, name: str) -> bytes:
    """Return the structure at the start of `data` up to its checksum, which is checked."""
    if len(data) < size:
        raise TruncatedError(f"truncated: the {name} ends after {len(data)} of {size} bytes")
    body, checksum = data[: size - _CHECKSUM.size], data[size - _CHECKSUM.size : size]
    if _CHECKSUM.pack(zlib.crc32(body)) != checksum:
        raise CorruptError(f"the {name}'s checksum does not match")
    return body
