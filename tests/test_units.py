"""Sizes, ranges and times as people write them."""

import pytest

from shazip.units import amount, duration, parse_ranges, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("65536", 65536),
        ("64k", 65536),
        ("64K", 65536),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("64kB", 64000),
        ("3M", 3 << 20),
        ("2GiB", 2 << 30),
        ("2GB", 2 * 10**9),
        ("1T", 1 << 40),
        ("7B", 7),
    ],
)
def test_sizes_may_have_units(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5M", "k", "1 kk", "1x", "1e3", "٣"])
def test_other_sizes_are_refused(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (950, "950 B"),
        (999.4, "999 B"),
        (1000, "1.0 kB"),
        (9940, "9.9 kB"),
        (9960, "10 kB"),
        (84_000, "84 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (10**15, "1000 TB"),
    ],
)
def test_amounts_have_a_unit(size, text):
    assert amount(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (192, "3:12"), (3723, "1:02:03")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("0-5", ((0, 5),)),
        ("1k-2KiB, 3@1k", ((1024, 2048), (1024, 1027))),
        ("7-", ((7, None),)),
        ("4-4", ((4, 4),)),
    ],
)
def test_ranges(text, ranges):
    assert parse_ranges(text) == ranges


@pytest.mark.parametrize("text", ["", "5", "-5", "a-b", "5-4", "1-2-3", "1@2@3", "1-2,"])
def test_other_ranges_are_refused(text):
    with pytest.raises(ValueError, match=r"is not a (range|size)|ends before it begins"):
        parse_ranges(text)
