"""Vocabularies: what is one, and how bytes are parsed into symbols and come back."""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shazip.errors import ShazipError
from shazip.model import parse
from shazip.model.vocabulary import BYTES, Vocabulary

WORDS = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"i", b"n"), (b"\n", b"\n"), (b" ", b"in")]
SMALL = Vocabulary.learned(WORDS)


@st.composite
def vocabularies(draw) -> Vocabulary:
    """Merges of strings that earlier merges made, over a few bytes."""
    numbers = random.Random(draw(st.integers(0, 2**32)))
    strings, merges = [bytes([byte]) for byte in b" \nabzAZ09.,\x00\xc3\xa9\xff"], []
    for _ in range(draw(st.integers(0, 60))):
        pair = (numbers.choice(strings), numbers.choice(strings))
        if len(pair[0] + pair[1]) <= 16:
            merges.append(pair)
            strings.append(pair[0] + pair[1])
    return Vocabulary.learned(merges)


texts = st.one_of(
    st.binary(max_size=300),
    st.text(" \nabzAZ09.,é", max_size=300).map(str.encode),
    st.tuples(
        st.sampled_from([b"a", b"ab", b" ", b"\xc3\xa9", b"\xff", b"A"]), st.integers(0, 200)
    ).map(lambda pair: pair[0] * pair[1]),
)


@given(vocabularies(), texts)
def test_any_bytes_come_back(vocabulary, data):
    symbols = vocabulary.parse(data)
    assert symbols.dtype == np.uint16
    assert vocabulary.join(symbols) == data
    assert vocabulary.lengths[symbols].sum() == len(data)


@given(vocabularies(), texts)
@settings(max_examples=300)
def test_the_native_parse_is_the_one_in_plain_python(vocabulary, data):
    assert vocabulary.parse(data).tolist() == vocabulary._parse_slowly(data)


@given(texts)
def test_pieces_are_the_data_and_bounded(data):
    found = list(parse.pieces(data))
    assert b"".join(found) == data
    assert all(1 <= len(piece) <= parse.MAX_PIECE for piece in found)


def test_words_numbers_and_signs_have_the_space_before_them():
    text = "if getURLOf(x12) ==  [[HTML é]]:\n\n    return".encode()
    assert list(parse.pieces(text)) == [
        *(b"if", b" getURLOf", b"(", b"x", b"12", b")", b" ==", b"  ", b"[["),
        *(b"HTML", b" \xc3\xa9", b"]]:", b"\n\n    ", b"return"),
    ]


def test_a_long_piece_ends_before_a_character_of_utf8():
    assert len(next(parse.pieces("é".encode() * 100))) == 64
    assert len(next(parse.pieces(b"a" + "é".encode() * 100))) == 63


def test_merges_learned_earlier_come_first():
    assert [SMALL.strings[s] for s in SMALL.parse(b" the thin")] == [b" the", b" ", b"th", b"in"]


def test_numbers_are_places_among_the_sorted_strings():
    assert list(SMALL.strings) == sorted(SMALL.strings)
    assert SMALL.strings[SMALL.numbers[b" the"]] == b" the"
    assert BYTES.parse(b"\x00a\xff").tolist() == [0, 97, 255]


@given(vocabularies())
def test_tensors_and_files_give_the_vocabulary_back(vocabulary):
    assert Vocabulary.from_tensors(vocabulary.tensors()) == vocabulary
    assert Vocabulary.from_plain(json.loads(vocabulary.pack())) == vocabulary


TENSORS = SMALL.tensors()
ENDS, MERGES = TENSORS["vocabulary.ends"], TENSORS["vocabulary.merges"]
SWAPPED = np.frombuffer(b"\1\0" + TENSORS["vocabulary.bytes"].tobytes()[2:], np.uint8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ends": ENDS[::-1]}, "ends do not rise"),
        ({"ends": np.append(ENDS[:-1], ENDS[-2])}, "ends do not rise"),
        ({"ends": ENDS[:-1]}, "ends do not rise"),
        ({"bytes": TENSORS["vocabulary.bytes"][:-1]}, "ends do not rise"),
        ({"bytes": SWAPPED}, "strings do not rise"),
        ({"merges": MERGES[:-1]}, "do not make"),
        ({"merges": np.vstack([MERGES, [[1, 2]]])}, "do not make"),
        ({"merges": np.vstack([MERGES, [[1, len(ENDS)]]])}, "names a symbol"),
    ],
)
def test_tensors_of_no_vocabulary_are_refused(change, words):
    changed = {f"vocabulary.{name}": value for name, value in change.items()}
    with pytest.raises(ValueError, match=words):
        Vocabulary.from_tensors({**TENSORS, **changed})


def test_long_strings_and_missing_bytes_are_refused():
    with pytest.raises(ValueError, match="1 to 16 bytes"):
        Vocabulary.learned([(b"a" * n, b"a") for n in range(1, 17)])
    with pytest.raises(ValueError, match="single bytes"):
        Vocabulary((*BYTES.strings[:-1], b"\xff\xff"), ((255, 255),))
    with pytest.raises(ValueError, match="255 strings"):
        Vocabulary(BYTES.strings[1:])


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"merges": [[1, 2]]}', b"\xff"])
def test_other_files_are_refused_by_name(tmp_path, content):
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(ShazipError, match=r"other\.json"):
        Vocabulary.read(tmp_path / "other.json")


def test_a_vocabulary_that_has_parsed_is_pickled():
    vocabulary = Vocabulary.learned([(b"a", b"b")])
    vocabulary.parse(b"abab")
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary
    assert again.parse(b"abab").tolist() == vocabulary.parse(b"abab").tolist()
