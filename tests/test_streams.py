"""Files, pipes and raw files give the same archives, in bounded memory."""

import io
import os
import threading
import tracemalloc
from dataclasses import replace

import pytest
from fake import codec

from shazip.archive import info
from shazip.errors import CorruptError

TEXT = b"Happy families are all alike; every unhappy family is unhappy in its own way. Everything"
CODEC = codec()


class Dribble(io.RawIOBase):
    """A raw file that gives and takes a few bytes at a time."""

    def __init__(self, data=b""):
        self.left = data
        self.taken = bytearray()

    def readable(self):
        return True

    def read(self, size=-1):
        piece = self.left[: min(size, 7)]
        self.left = self.left[len(piece) :]
        return piece

    def write(self, data):
        self.taken += data[:5]
        return min(len(data), 5)


def test_streams_are_read_and_written_in_full_however_little_comes():
    data = TEXT * 50
    sink = Dribble()
    summary = codec(block_size=1024).compress_stream(Dribble(data), sink)
    assert bytes(sink.taken) == codec(block_size=1024).compress(data)
    assert (summary.original_size, summary.compressed_size) == (len(data), len(sink.taken))
    assert summary.blocks == 5
    content = Dribble()
    back = CODEC.decompress_stream(Dribble(bytes(sink.taken)), content)
    assert bytes(content.taken) == data
    assert back == replace(summary, models=())  # those that compressed
    assert info(Dribble(bytes(sink.taken))).original_size == len(data)


def test_a_pipe_gives_the_same_archive_as_a_file():
    data = TEXT * 100
    receiver, sender = os.pipe()

    def send():
        with os.fdopen(sender, "wb", buffering=0) as pipe:
            for i in range(0, len(data), 1000):
                pipe.write(data[i : i + 1000])

    thread = threading.Thread(target=send)
    thread.start()
    sink = io.BytesIO()
    with os.fdopen(receiver, "rb", buffering=0) as pipe:
        codec(block_size=1 << 12).compress_stream(pipe, sink)
    thread.join()
    assert sink.getvalue() == codec(block_size=1 << 12).compress(data)


def test_without_a_sink_an_archive_is_only_checked():
    packed = CODEC.compress(TEXT)
    assert CODEC.decompress_stream(io.BytesIO(packed), None).original_size == len(TEXT)
    with pytest.raises(CorruptError):
        CODEC.decompress_stream(io.BytesIO(packed[:-1] + b"x"), None)


def test_progress_rises_to_the_whole():
    data = TEXT * 60
    packed = codec(block_size=2048).compress(data)
    for run, source in [
        (codec(block_size=2048).compress_stream, data),
        (CODEC.decompress_stream, packed),
    ]:
        seen = []
        sink = io.BytesIO()
        run(io.BytesIO(source), sink, progress=lambda *done, seen=seen: seen.append(done))
        assert seen[-1] == (len(data), len(packed))
        assert len(seen) > len(data) // 300
        assert [archive for _, archive in seen] == sorted(archive for _, archive in seen)


class Endless(io.RawIOBase):
    """So many bytes of text, never in memory together."""

    def __init__(self, size):
        self.left = size

    def read(self, size=-1):
        size = min(size, self.left)
        self.left -= size
        return (TEXT * (size // len(TEXT) + 1))[:size]


class Nowhere(io.RawIOBase):
    def write(self, data):
        return len(data)


def peak_memory(size):
    run = codec(block_size=1 << 12, lanes=256)
    tracemalloc.start()
    run.compress_stream(Endless(size), Nowhere())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_length():
    peak_memory(1 << 13)
    assert peak_memory(1 << 15) < peak_memory(1 << 13) + (1 << 14)
