"""Every entrance takes any buffer for its bytes, and refuses all else with TypeError."""

import array
import io
import mmap
from ctypes import c_uint16

import numpy as np
import pytest
from fake import codec

import shazip
from shazip.compressor import Compressor, Decompressor
from shazip.file import ShazipFile
from shazip.streams import as_bytes, read_full, write_full

CODEC = codec()
GRID = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def mapped(data: bytes) -> mmap.mmap:
    """Return anonymous memory that holds `data`."""
    memory = mmap.mmap(-1, len(data))
    memory.write(data)
    return memory


BUFFERS = {
    "bytes": (b"some bytes", b"some bytes"),
    "bytearray": (bytearray(b"some bytes"), b"some bytes"),
    "memoryview": (memoryview(b"some bytes"), b"some bytes"),
    "strided": (memoryview(b"some bytes")[::2], b"sm ye"),
    "reversed": (memoryview(b"some bytes")[::-1], b"setyb emos"),
    "array of words": (array.array("H", [1, 2]), array.array("H", [1, 2]).tobytes()),
    "ctypes": (c_uint16(258), bytes(c_uint16(258))),
    "mmap": (mapped(b"mapped"), b"mapped"),
    "numpy": (np.array([1], np.uint8), b"\x01"),
    "numpy of floats": (np.array([1.5]), np.array([1.5]).tobytes()),
    "numpy, big-endian": (np.array([1], ">u2"), b"\x00\x01"),
    "numpy, three dimensions": (GRID, bytes(range(24))),
    "numpy, transposed": (GRID.T, GRID.T.tobytes()),
    "numpy, a number": (np.array(7, np.uint8), b"\x07"),
    "numpy, empty": (np.empty((0, 3), np.uint8), b""),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_is_its_bytes_at_every_entrance(name, tmp_path):
    buffer, content = BUFFERS[name]
    packed = CODEC.compress(content)
    assert CODEC.compress(buffer) == packed
    compressor = Compressor(CODEC)
    assert compressor.compress(buffer) + compressor.flush() == packed
    with shazip.open(tmp_path / "a.shz", "wb", codec=CODEC) as file:
        assert file.write(buffer) == len(content)
    assert (tmp_path / "a.shz").read_bytes() == packed


def test_pieces_of_other_types_are_appended_never_added():
    compressor = Compressor(CODEC)
    start = compressor.compress(b"a") + compressor.compress(np.array([1], np.uint8))
    assert CODEC.decompress(start + compressor.flush()) == b"a\x01"


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)])
def test_an_archive_may_be_any_buffer(kind):
    packed = CODEC.compress(b"content")
    assert CODEC.decompress(kind(packed)) == b"content"
    assert shazip.info(kind(packed)).original_size == 7
    decompressor = Decompressor(CODEC)
    first = decompressor.decompress(kind(packed[:9]))
    assert first + decompressor.decompress(kind(packed[9:] + b"rest")) == b"content"
    assert decompressor.unused_data == b"rest"


@pytest.mark.parametrize("wrong", [None, "text", 5, 2.5, [1, 2], [1.5]], ids=repr)
@pytest.mark.parametrize(
    "entrance",
    [
        CODEC.compress,
        CODEC.decompress,
        shazip.compress,
        shazip.decompress,
        lambda data: Compressor(CODEC).compress(data),
        lambda data: Decompressor(CODEC).decompress(data),
        lambda data: ShazipFile(io.BytesIO(), "wb", codec=CODEC).write(data),
        as_bytes,
    ],
)
def test_what_is_no_buffer_is_a_type_error(entrance, wrong):
    kind = type(wrong).__name__
    with pytest.raises(TypeError, match=f"bytes-like object is required, not '{kind}'"):
        entrance(wrong)


@pytest.mark.parametrize("wrong", [None, 5, [1.5]], ids=repr)
def test_info_takes_a_path_a_file_or_a_buffer(wrong):
    with pytest.raises(TypeError, match="bytes-like object"):
        shazip.info(wrong)


def test_a_text_file_is_no_source():
    with pytest.raises(TypeError, match="binary mode"):
        CODEC.compress_stream(io.StringIO("text"), io.BytesIO())


@pytest.mark.parametrize("wrong", [None, 5, "name"], ids=repr)
def test_what_is_no_file_is_neither_source_nor_sink(wrong):
    with pytest.raises(TypeError, match=r"a file with read\(\) is required"):
        CODEC.compress_stream(wrong, io.BytesIO())
    with pytest.raises(TypeError, match=r"a file with write\(\) is required"):
        CODEC.compress_stream(io.BytesIO(), wrong)
    with pytest.raises(TypeError, match=r"a file with read\(\) is required"):
        CODEC.decompress_stream(wrong, None)
    with pytest.raises(TypeError, match="mode is 5, must be a string"):
        shazip.open("a.shz", 5)


class Waiting(io.RawIOBase):
    """A descriptor that does not wait, with nothing to give and no room."""

    def read(self, size=-1):
        return None

    def write(self, data):
        return None


def test_what_does_not_wait_is_an_error_of_the_system_not_an_end():
    with pytest.raises(BlockingIOError):
        read_full(Waiting(), 5)
    with pytest.raises(BlockingIOError):
        write_full(Waiting(), b"data")


def test_a_sink_need_not_count():
    class Sink:
        content = b""

        def write(self, data):
            self.content += bytes(data)

    sink = Sink()
    CODEC.compress_stream(io.BytesIO(b"content"), sink)
    assert CODEC.decompress(sink.content) == b"content"
