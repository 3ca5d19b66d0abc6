"""A model's vocabulary: the byte strings of its symbols, and the parse into symbols.

    bytes -> parse -> symbols -> join -> bytes

A symbol's number is the place of its string among the sorted strings, so symbols that begin alike
share branches of the tree that the coder walks. docs/format.md, "Parse", has the rule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shazip.compiled import load_module
from shazip.errors import ShazipError
from shazip.model import parse as oracle

if TYPE_CHECKING:
    from shazip import _native

MAX_STRING = 16  # bytes
MAX_SIZE = 1 << 16  # symbols are uint16
_JOINED = 1 << 16  # symbols whose strings are joined at a time


@dataclass(frozen=True)
class Vocabulary:
    """Sorted strings, all single bytes among them, and the merges that make the longer ones.

    `merges` are pairs of symbols in the order of learning. Raises ValueError if the strings are not
    a vocabulary or the merges do not make them.
    """

    strings: tuple[bytes, ...]
    merges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        strings = self.strings
        if not 256 <= len(strings) <= MAX_SIZE:
            raise ValueError(
                f"{len(strings)} strings in a vocabulary, 256 to {MAX_SIZE} are wanted"
            )
        if any(a >= b for a, b in pairwise(strings)):
            raise ValueError("the vocabulary's strings do not rise")
        if not all(1 <= len(string) <= MAX_STRING for string in strings):
            raise ValueError(f"a string of the vocabulary has not 1 to {MAX_STRING} bytes")
        if not all(0 <= part < len(strings) for pair in self.merges for part in pair):
            raise ValueError("a merge names a symbol that the vocabulary lacks")
        made = {strings[left] + strings[right] for left, right in self.merges}
        if made | {bytes([byte]) for byte in range(256)} != set(strings):
            raise ValueError("single bytes and merges do not make the vocabulary's strings")

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickles take neither the compiled parser nor what else was made of the strings.
        return Vocabulary, (self.strings, self.merges)

    @classmethod
    def learned(cls, merges: Sequence[tuple[bytes, bytes]]) -> Vocabulary:
        """Return the vocabulary that `merges` of strings make, in the order given."""
        singles = (bytes([byte]) for byte in range(256))
        strings = tuple(sorted({*singles, *(left + right for left, right in merges)}))
        numbers = {string: number for number, string in enumerate(strings)}
        return cls(strings, tuple((numbers[left], numbers[right]) for left, right in merges))

    @property
    def size(self) -> int:
        """Symbols: V."""
        return len(self.strings)

    @property
    def bits(self) -> int:
        """Bits of a symbol's number: log2 V."""
        return (self.size - 1).bit_length()

    @cached_property
    def lengths(self) -> NDArray[np.uint8]:
        """Bytes of each symbol's string (V,)."""
        return np.array([len(string) for string in self.strings], np.uint8)

    @cached_property
    def numbers(self) -> Mapping[bytes, int]:
        """The symbol of each string."""
        return {string: number for number, string in enumerate(self.strings)}

    def parse(self, data: bytes | NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return the symbols of `data`, bytes or uint8 (n,); `join` turns them back."""
        array = np.frombuffer(data, np.uint8)
        if self.size == 256:
            return array.astype(np.uint16)
        if self.native is None:
            return np.array(self._parse_slowly(array.tobytes()), np.uint16)
        symbols: NDArray[np.uint16] = self.native.parse(np.ascontiguousarray(array))
        return symbols

    def join(self, symbols: NDArray[Any]) -> bytes:
        """Return the bytes that `symbols` (n,) stand for."""
        if self.size == 256:
            return symbols.astype(np.uint8).tobytes()
        # Piece by piece, because a list takes many times the memory of its symbols.
        starts = range(0, len(symbols), _JOINED)
        return b"".join([self._join(symbols[start : start + _JOINED]) for start in starts])

    def _join(self, symbols: NDArray[Any]) -> bytes:
        strings = self.strings
        return b"".join([strings[symbol] for symbol in symbols.tolist()])

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return its tensors in a model file: the strings' bytes, their ends, the merges."""
        return {
            "vocabulary.bytes": np.frombuffer(b"".join(self.strings), np.uint8),
            "vocabulary.ends": np.cumsum(self.lengths, dtype=np.int32),
            "vocabulary.merges": np.array(self.merges, np.uint16).reshape(-1, 2),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Vocabulary:
        """Return the vocabulary that `tensors` returned. Raises ValueError if they hold none."""
        data = tensors["vocabulary.bytes"].tobytes()
        ends = [0, *tensors["vocabulary.ends"].tolist()]
        if any(a >= b for a, b in pairwise(ends)) or ends[-1] != len(data):
            raise ValueError("the vocabulary's ends do not rise to the number of its bytes")
        merges = tensors["vocabulary.merges"].tolist()
        strings = tuple(data[start:end] for start, end in pairwise(ends))
        return cls(strings, tuple((left, right) for left, right in merges))

    def plain(self) -> dict[str, Any]:
        """Return the merges as JSON can hold them, each byte as the character of its number."""
        pairs = ((self.strings[left], self.strings[right]) for left, right in self.merges)
        return {"merges": [[a.decode("latin-1"), b.decode("latin-1")] for a, b in pairs]}

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Vocabulary:
        """Return the vocabulary that `plain` returned. Raises ValueError if it holds none."""
        try:
            pairs = [(a.encode("latin-1"), b.encode("latin-1")) for a, b in fields["merges"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it holds no vocabulary") from error
        return cls.learned(pairs)

    def pack(self) -> bytes:
        """Return the contents of a vocabulary's file: JSON, to be read by people too."""
        return (json.dumps(self.plain(), indent=0) + "\n").encode()

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Return the vocabulary in a file that `pack` filled. Raises ShazipError for others."""
        try:
            return cls.from_plain(json.loads(path.read_bytes()))
        except ValueError as error:
            raise ShazipError(f"{path}: {error}") from None

    @cached_property
    def native(self) -> _native.Vocabulary | None:
        """The compiled parse, or None where there is no compiled module."""
        try:
            module = load_module()
        except ShazipError:
            return None
        singles = [self.numbers[bytes([byte])] for byte in range(256)]
        results = [self.numbers[self.strings[a] + self.strings[b]] for a, b in self.merges]
        native: _native.Vocabulary = module.Vocabulary(singles, list(self.merges), results)
        return native

    def _parse_slowly(self, data: bytes) -> list[int]:
        ranks: dict[tuple[bytes, bytes], int] = {}
        for rank, (left, right) in enumerate(self.merges):
            ranks.setdefault((self.strings[left], self.strings[right]), rank)

        @lru_cache(1 << 16)
        def symbols(piece: bytes) -> list[int]:
            return [self.numbers[string] for string in oracle.merge(piece, ranks)]

        return [symbol for piece in oracle.pieces(data) for symbol in symbols(piece)]


BYTES = Vocabulary(tuple(bytes([byte]) for byte in range(256)))
