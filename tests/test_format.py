"""docs/format.md says what the program does: its example and its tables, byte for byte."""

import re
from pathlib import Path

import numpy as np
import pytest

from shazip.container import (
    HEADER_SIZE,
    MAX_BLOCK_BITS,
    Header,
    block_header_size,
    end_mark_size,
)
from shazip.framing import FrameDecoder, FrameEncoder
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


def header(block_bits):
    return Header(bytes(range(16)), lanes=1, block_bits=block_bits, arithmetic_version=2)


def frame():
    encoder = FrameEncoder(header(4), lambda header: Halves(SureOfA(), BYTES))
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


def test_the_table_of_the_header_has_no_gaps():
    end = 0
    for offset, size, *_ in table("## 2. Header"):
        if offset:  # not one more line on the bits of a byte
            assert int(offset) == end
            end += int(size)
    assert end == HEADER_SIZE
    assert f"## 2. Header: {end} bytes" in PAGE


@pytest.mark.parametrize("block_bits", [0, 7, 8, 20, 24, MAX_BLOCK_BITS])
def test_the_table_of_the_block_header_has_its_sizes(block_bits):
    width = block_bits // 8 + 1
    assert 1 << block_bits < 1 << 8 * width
    sizes = [width if size == "w" else int(size) for size, *_ in table("## 3. Block header")]
    assert sum(sizes) == block_header_size(header(block_bits)) == 13 + 3 * width
    assert "## 3. Block header: 13 + 3 *w* bytes" in PAGE


def test_the_cost_of_a_frame_is_the_one_promised():
    one, most = (
        (HEADER_SIZE, block_header_size(header(bits)), end_mark_size(1 << bits))
        for bits in (20, MAX_BLOCK_BITS)
    )
    costs = re.search(r"costs (.*) = (\d+) bytes .*frame (\d+) bytes in all", PAGE, re.DOTALL)
    assert costs.groups() == (" + ".join(map(str, one)), str(sum(one)), str(HEADER_SIZE + 2))
    assert f"cost at most {sum(most)} bytes" in PAGE
    assert f"another {one[1]} (" in PAGE


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
