"""The index behind the last frame: written, passed over, checked, never believed over frames."""

import io

import pytest
from fake import codec

import shazip
from shazip.container import INDEX_MAGIC
from shazip.errors import CorruptError, FormatError, ShazipError, TruncatedError
from shazip.index import MAX_ENTRIES_SIZE, pack_entry, pack_index, parse_entries

DATA = b"".join(bytes([65 + run % 21]) * 13 for run in range(62)) + b"end"
CODEC = codec(block_size=64)


def framed(data=DATA, size=100, **settings) -> bytes:
    sink = io.BytesIO()
    codec(block_size=64, **settings).compress_stream(io.BytesIO(data), sink, frame_size=size)
    return sink.getvalue()


PACKED = framed()
INDEX = PACKED.rindex(INDEX_MAGIC)
SIZES = [(frame.compressed_size, frame.original_size) for frame in shazip.info(PACKED).frames]


LIES = [
    pytest.param([(c, o + 1) for c, o in SIZES], id="other contents"),
    pytest.param([SIZES[0], *SIZES], id="a frame too many"),
    pytest.param([(2**62, 100), *SIZES[1:]], id="beyond the start"),
    pytest.param([(0, 5), *SIZES], id="an empty frame"),
    pytest.param([(SIZES[0][0] + 1, 100), (SIZES[1][0] - 1, 100), *SIZES[2:]], id="overlapping"),
    pytest.param([(sum(c for c, _ in SIZES), sum(o for _, o in SIZES))], id="all in one"),
    pytest.param([(c, 2**63) for c, _ in SIZES], id="contents that overflow"),
]


def with_index(sizes) -> bytes:
    """Return the archive with an intact index of other sizes."""
    return PACKED[:INDEX] + pack_index(b"".join(pack_entry(*pair) for pair in sizes))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 100, 405, 808])
def test_frames_of_any_size_give_the_content_back(size):
    packed = framed(size=size)
    info = shazip.info(packed)
    assert [frame.original_size for frame in info.frames[:-1]] == [size] * (len(info.frames) - 1)
    assert info.original_size == len(DATA)
    assert info.compressed_size == len(packed)
    assert CODEC.decompress(packed) == DATA


@pytest.mark.parametrize(("data", "size"), [(DATA, len(DATA)), (DATA, 2**40), (b"", 5)])
def test_one_frame_has_no_index(data, size):
    assert framed(data, size) == CODEC.compress(data)


def test_an_index_in_the_middle_is_passed_over():
    assert CODEC.decompress(PACKED + PACKED) == DATA * 2
    assert CODEC.decompress(PACKED + CODEC.compress(b"x") + PACKED) == DATA + b"x" + DATA
    assert shazip.info(PACKED + PACKED).compressed_size == 2 * len(PACKED)


@pytest.mark.parametrize("size", [0, -1])
def test_impossible_frame_sizes_are_refused(size):
    with pytest.raises(ValueError, match="frame_size"):
        framed(size=size)


def test_a_decompressor_takes_an_index_for_a_frame_without_content():
    rest, content = PACKED, b""
    while rest:
        decompressor = shazip.Decompressor(CODEC)
        content += decompressor.decompress(rest)
        assert decompressor.eof
        rest = decompressor.unused_data
    assert content == DATA


@pytest.mark.parametrize("archive", [PACKED, PACKED + PACKED, CODEC.compress(DATA) + PACKED])
def test_the_index_says_where_the_frames_lie(archive):
    index = shazip.Index.read(io.BytesIO(archive))
    assert index.failure is None
    assert index.original_size == shazip.info(archive).original_size
    for span in index.frames:
        frame = archive[span.offset : span.offset + span.compressed_size]
        assert CODEC.decompress(frame) == (DATA * 2)[span.start :][: span.original_size]


def test_an_index_is_used_without_a_look_at_the_payloads():
    class Counting(io.BytesIO):
        total = 0

        def read(self, size=-1, /):
            piece = super().read(size)
            Counting.total += len(piece)
            return piece

    archive = framed(DATA * 40, 16000)
    shazip.Index.read(Counting(archive))
    assert Counting.total < 400 < len(archive) // 10


@pytest.mark.parametrize("sizes", LIES)
def test_an_index_that_lies_is_found_out(sizes):
    archive = with_index(sizes)
    index = shazip.Index.read(io.BytesIO(archive))
    assert [(span.compressed_size, span.original_size) for span in index.frames] == SIZES
    assert isinstance(index.failure, CorruptError)
    with shazip.open(io.BytesIO(archive), codec=CODEC) as file:
        file.seek(350)
        assert file.read(80) == DATA[350:430]
    for read in (shazip.info, CODEC.decompress):
        with pytest.raises(CorruptError, match="index"):
            read(archive)


def test_an_index_that_covers_the_last_frames_only_is_one():
    archive = CODEC.compress(b"before") + PACKED
    assert CODEC.decompress(archive) == b"before" + DATA


@pytest.mark.parametrize("cut", range(INDEX + 1, len(PACKED)))
def test_every_cut_in_the_index_is_reported(cut):
    for read in (shazip.info, CODEC.decompress):
        with pytest.raises(TruncatedError):
            read(PACKED[:cut])


@pytest.mark.parametrize("at", range(INDEX, len(PACKED)))
@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_in_the_index_is_found(at, bit):
    damaged = bytearray(PACKED)
    damaged[at] ^= 1 << bit
    for read in (shazip.info, CODEC.decompress):
        with pytest.raises((FormatError, CorruptError)):
            read(bytes(damaged))
    index = shazip.Index.read(io.BytesIO(damaged))
    assert [(span.compressed_size, span.original_size) for span in index.frames] == SIZES


def test_an_index_is_no_archive():
    for read in (shazip.info, CODEC.decompress):
        with pytest.raises(FormatError, match=r"not a \.shz"):
            read(PACKED[INDEX:])


@pytest.mark.parametrize("size", [0, MAX_ENTRIES_SIZE + 1, 2**32 - 1])
def test_an_index_beyond_all_need_is_refused_unread(size):
    import struct
    import zlib

    start = struct.pack("<4sBI", INDEX_MAGIC, PACKED[INDEX + 4], size)
    hostile = PACKED[:INDEX] + start + struct.pack("<I", zlib.crc32(start))
    with pytest.raises(FormatError, match=f"{size} bytes of entries"):
        CODEC.decompress(hostile)


@pytest.mark.parametrize("entries", [b"\x80", b"\x01", b"\x01\x01\x01", b"\xff" * 12 + b"\x00\x00"])
def test_entries_that_are_none_are_refused(entries):
    with pytest.raises(ShazipError):
        parse_entries(entries)
    with pytest.raises(ShazipError):
        CODEC.decompress(PACKED[:INDEX] + pack_index(entries))


def test_an_index_is_a_ten_thousandth_at_most():
    entries = pack_entry(12_345_678, 1 << 24) * 64
    assert len(pack_index(entries)) < (64 << 24) / 10_000
