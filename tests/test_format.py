"""docs/format.md says what the program does: its example and its tables, byte for byte."""

import re
from pathlib import Path

import numpy as np

from shazip.codec import FrameDecoder, FrameEncoder
from shazip.container import BLOCK_HEADER_SIZE, HEADER_SIZE, MAX_BLOCK_BITS, Header, end_mark_size
from shazip.halves import Halves
from shazip.lanes import columns, default_lanes, interleave
from shazip.model.vocabulary import BYTES

PAGE = (Path(__file__).parent.parent / "docs" / "format.md").read_text()
BLOCKS = [b"aaaaaaaaaaaaaaab", b"shazip"]


class SureOfA:
    """The network of section 9."""

    def predict(self, live):
        row = np.ones((live, 256), np.uint32)
        row[:, ord("a")] = 2**24 - 255
        return row

    def update(self, column):
        pass


def dump():
    """Return the bytes of the example."""
    example = PAGE[PAGE.index("## 9. An example") :].split("```")[1]
    return b"".join(bytes.fromhex(line[:47]) for line in example.strip().splitlines())


def table(heading):
    """Yield the cells of each row of the first table under a heading."""
    section = PAGE[PAGE.index(heading) :]
    for line in section[section.index("|---") :].splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def frame():
    header = Header(bytes(range(16)), lanes=1, block_bits=4, arithmetic_version=2)
    encoder = FrameEncoder(header, lambda header: Halves(SureOfA(), BYTES))
    return encoder.header() + b"".join(map(encoder.block, BLOCKS)) + encoder.end()


def test_the_example_is_what_is_written():
    assert dump().hex(" ") == frame().hex(" ")


def test_the_example_is_read():
    decoder, data, content = (
        FrameDecoder(lambda h: None, lambda h: Halves(SureOfA(), BYTES)),
        dump(),
        b"",
    )
    while not decoder.eof:
        size = decoder.needed
        content += decoder.feed(data[:size])
        data = data[size:]
    assert content == b"".join(BLOCKS)
    assert data == b""


def test_the_tables_have_no_gaps():
    for heading, size in [("## 2. Header", HEADER_SIZE), ("## 3. Block", BLOCK_HEADER_SIZE)]:
        end = 0
        for offset, field_size, *_ in table(heading):
            assert int(offset) == end
            end += int(field_size)
        assert end == size
        assert f"{heading}" in PAGE
        assert re.search(rf"^{re.escape(heading)}.*: {size} bytes", PAGE, re.MULTILINE)


def test_the_cost_of_a_frame_is_the_one_promised():
    empty, one = end_mark_size(0), end_mark_size(2**MAX_BLOCK_BITS - 1)
    assert f"{HEADER_SIZE} + {BLOCK_HEADER_SIZE} + {one} = 69 bytes" in PAGE
    assert f"an empty frame has {HEADER_SIZE + empty} bytes" in PAGE


def test_default_lanes_are_those_of_the_table():
    rows = [(int(size.split()[0]), size.split()[1], int(lanes)) for size, lanes in table("## 5. L")]
    sizes = [(size << 10 if unit == "KiB" else size, lanes) for size, unit, lanes in rows]
    for i, (size, lanes) in enumerate(sizes):
        assert default_lanes(size) == lanes
        if i:
            assert default_lanes(size - 1) == sizes[i - 1][1]
    assert default_lanes(2**MAX_BLOCK_BITS) == sizes[-1][1]


def test_the_order_of_three_lanes_is_the_one_shown():
    symbols = bytes(interleave(np.frombuffer(b"abcdefgh", np.uint8), 3)).decode()
    order = " | ".join(" ".join(symbols[start:stop]) for start, stop in columns(8, 3))
    assert f"order    {order} " in PAGE
