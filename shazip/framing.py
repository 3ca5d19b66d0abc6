"""Blocks become a frame and come back: headers, checksums, stored blocks, the predictor they share.

blocks -> FrameEncoder -> header, block headers with payloads (codec.py), end mark -> FrameDecoder
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from shazip.codec import decode_block, encode_block
from shazip.container import (
    HEADER_SIZE,
    START_SIZE,
    BlockHeader,
    Header,
    Kind,
    block_header_size,
    check_end_mark,
    check_start,
    end_mark_size,
    is_index,
    pack_block_header,
    pack_end_mark,
    pack_header,
    parse_block_header,
    parse_header,
    parse_kind,
)
from shazip.errors import (
    CorruptError,
    FormatError,
    ModelError,
    TruncatedError,
    again,
    clear_locals,
)
from shazip.index import INDEX_START_SIZE, INDEX_TAIL_SIZE, parse_index_rest, parse_index_start
from shazip.predictor import Predictor
from shazip.quicklook import looks_incompressible
from shazip.streams import OutputLimit, Progress


class FrameEncoder:
    """Makes one frame: `header` first, `block` for each block, `end` last."""

    def __init__(self, header: Header, open_predictor: Callable[[Header], Predictor]) -> None:
        self._header = header
        self._open_predictor = open_predictor
        self._predictor: Predictor | None = None
        self._checksum = 0  # of all blocks so far
        self._size = 0
        self.blocks = 0

    @property
    def model_id(self) -> bytes:
        """The model that codes the frame."""
        return self._header.model_id

    def header(self) -> bytes:
        """Return the frame's header."""
        return pack_header(self._header)

    def block(self, block: bytes, progress: Progress | None = None) -> bytes:
        """Return `block`, 1 to 2**block_bits bytes, as block header and payload."""
        self._checksum = zlib.crc32(block, self._checksum)
        self._size += len(block)
        self.blocks += 1
        coded = None if looks_incompressible(block) else self._encode(block, progress)
        if coded is None:
            self._predictor = None
        kind = Kind.STORED if coded is None else Kind.CODED
        symbols, payload = coded or (0, block)
        sizes = (len(block), symbols, len(payload))
        found = BlockHeader(kind, *sizes, zlib.crc32(payload), self._checksum)
        return pack_block_header(found, self._header) + payload

    def end(self) -> bytes:
        """Return the end mark; the predictor's memory is free."""
        self._predictor = None
        return pack_end_mark(self._size)

    def _encode(self, block: bytes, progress: Progress | None) -> tuple[int, bytes] | None:
        if self._predictor is None:
            self._predictor = self._open_predictor(self._header)
        return encode_block(block, self._header.lanes, self._predictor, progress)


class FrameDecoder:
    """Reads one frame or index: the caller reads `needed` bytes and passes them to `feed`.

    A piece shorter than `needed` marks the end of the archive. After the end mark `eof` is true and
    `needed` is 0. `admit` may refuse the header before anything is allocated, `limit` a block
    before it is decoded. The end mark and any
    error free the predictor and its memory.
    """

    def __init__(
        self,
        admit: Callable[[Header], None],
        open_predictor: Callable[[Header], Predictor],
        limit: OutputLimit | None = None,
    ) -> None:
        self._admit = admit
        self._open_predictor = open_predictor
        self._limit = limit or OutputLimit()
        self._progress: Progress | None = None
        self._predictor: Predictor | None = None
        self._failure: Exception | None = None
        self._checksum = 0  # of all blocks so far
        self.needed = START_SIZE
        # A plain function: a method bound to this object would keep the object alive.
        self._take: Callable[[FrameDecoder, bytes], bytes] = FrameDecoder._start
        self._seen = b""  # the beginning of the structure whose rest is needed
        self.size = 0
        self.blocks = 0
        self.eof = False
        self.entries: bytes | None = None  # of an index

    def feed(self, piece: bytes, progress: Progress | None = None) -> bytes:
        """Take the next `needed` bytes of the frame; return the block they complete or b""."""
        if self._failure is not None:
            raise again(self._failure)
        self._progress = progress
        try:
            return self._take(self, piece)
        except BaseException as error:
            self.needed = 0
            self._predictor = None
            self._failure = again(error)
            clear_locals(error)
            raise

    def _start(self, piece: bytes) -> bytes:
        check_start(piece, first=not is_index(piece))
        if is_index(piece):
            self._await(INDEX_START_SIZE - START_SIZE, FrameDecoder._index, piece)
        else:
            self._await(HEADER_SIZE - START_SIZE, FrameDecoder._header, piece)
        return b""

    def _index(self, piece: bytes) -> bytes:
        size = parse_index_start(self._seen + piece)
        self._await(size + INDEX_TAIL_SIZE, FrameDecoder._index_rest)
        return b""

    def _index_rest(self, piece: bytes) -> bytes:
        self.entries = parse_index_rest(piece, self.needed - INDEX_TAIL_SIZE)
        self.needed = 0
        self.eof = True
        return b""

    def _header(self, piece: bytes) -> bytes:
        self._frame = parse_header(self._seen + piece)
        self._admit(self._frame)
        self._await(1, FrameDecoder._kind)
        return b""

    def _kind(self, piece: bytes) -> bytes:
        if parse_kind(piece) is Kind.END:
            self._await(end_mark_size(self.size) - 1, FrameDecoder._end, piece)
        else:
            self._await(block_header_size(self._frame) - 1, FrameDecoder._block_header, piece)
        return b""

    def _block_header(self, piece: bytes) -> bytes:
        self._block = parse_block_header(self._seen + piece, self._frame)
        self._limit.take(self._block.original_size)
        self._await(self._block.payload_size, FrameDecoder._payload)
        return b""

    def _payload(self, piece: bytes) -> bytes:
        content = self._original(self._block, self._frame, piece)
        self.size += len(content)
        self.blocks += 1
        self._await(1, FrameDecoder._kind)
        return content

    def _end(self, piece: bytes) -> bytes:
        check_end_mark(self._seen + piece, self.size)
        self._predictor = None
        self.needed = 0
        self.eof = True
        return b""

    def _await(
        self, needed: int, take: Callable[[FrameDecoder, bytes], bytes], seen: bytes = b""
    ) -> None:
        self.needed, self._take, self._seen = needed, take, seen

    def _original(self, block: BlockHeader, header: Header, payload: bytes) -> bytes:
        """Return the original bytes of `block`, checked."""
        if self.blocks == 0 and block.original_size < header.lanes:
            raise FormatError(f"{header.lanes} lanes for a first block of {block.original_size}")
        if len(payload) < block.payload_size:
            raise TruncatedError(
                f"truncated: the payload ends after {len(payload)} of {block.payload_size}"
            )
        if zlib.crc32(payload) != block.payload_checksum:
            raise CorruptError("the payload's checksum does not match")
        return self._in_place(block, header, self._decode(block, header, payload))

    def _in_place(self, block: BlockHeader, header: Header, content: bytes) -> bytes:
        """Return `content` if its checksum, going on from the blocks before, is the block's."""
        self._checksum = zlib.crc32(content, self._checksum)
        if self._checksum == block.original_checksum:
            return content
        if block.kind is Kind.STORED:
            raise CorruptError("the blocks before this one are others, or in another order")
        raise _other_probabilities(header)

    def _decode(self, block: BlockHeader, header: Header, payload: bytes) -> bytes:
        if block.kind is Kind.STORED:
            self._predictor = None
            return payload
        if self._predictor is None:
            self._predictor = self._open_predictor(header)
        sizes = (block.symbols, block.original_size, header.lanes)
        try:
            return decode_block(payload, *sizes, self._predictor, self._progress)
        except CorruptError:
            # The payload's checksum holds, so these are the words that the encoder wrote.
            raise _other_probabilities(header) from None


def _other_probabilities(header: Header) -> ModelError:
    return ModelError(
        f"the payload is intact, but model {header.model_id.hex()} decodes it to other bytes: "
        "this engine computes other probabilities than the one that compressed"
    )
