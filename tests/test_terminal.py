"""Columns of a terminal: wide characters take two, combining ones none."""

import io

import pytest

from shazip.terminal import columns, cut, width


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("日本", 4), ("ü", 1), ("u\u0308", 1), ("👍", 2)]
)
def test_the_width_of_text(text, size):
    assert width(text) == size


@pytest.mark.parametrize(
    ("text", "size", "left"),
    [
        ("abc", 2, "ab"),
        ("日本", 3, "日"),
        ("日本", 4, "日本"),
        ("a\u0308b", 1, "a\u0308"),
        ("日", 0, ""),
    ],
)
def test_text_is_cut_to_columns(text, size, left):
    assert cut(text, size) == left


def test_what_is_no_terminal_has_80_columns():
    assert columns(io.StringIO()) == 80
