"""Sizes, ranges and times as people write them; standard library only, so that help is quick."""

from __future__ import annotations

import re

Range = tuple[int, int | None]  # from this byte on and up to, not including, that one or the end

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DECIMAL_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_NAMES = ("B", "kB", "MB", "GB", "TB")


def parse_size(text: str) -> int:
    """Bytes in `65536`, `64KiB` or `64k` (powers of 1024), `64kB` (powers of 1000).

    Raises ValueError for other texts and for 0.
    """
    match = re.fullmatch(r"([0-9]+) ?([kmgt]?)(ib|b)?", text.strip().lower())
    size = int(match[1]) * _unit(match[2], match[3]) if match else 0
    if size < 1:
        raise ValueError(f"{text!r} is not a size such as 65536, 64KiB or 1GiB")
    return size


def _unit(letter: str, ending: str | None) -> int:
    return _DECIMAL_UNITS[letter] if letter and ending == "b" else _UNITS[letter]


def parse_ranges(text: str) -> tuple[Range, ...]:
    """Ranges in `10MiB-12MiB,5@100`; `10MiB-` has no end. Raises ValueError for other texts."""
    return tuple(_range(part.strip()) for part in text.split(","))


def _range(text: str) -> Range:
    if match := re.fullmatch(r"([^-@]+)-([^-@]*)", text):
        start, stop = _position(match[1]), _position(match[2]) if match[2].strip() else None
    elif match := re.fullmatch(r"([^-@]+)@([^-@]+)", text):
        start = _position(match[2])
        stop = start + _position(match[1])
    else:
        raise ValueError(f"{text!r} is not a range such as 10MiB-12MiB or 2MiB@10MiB")
    if stop is not None and stop < start:
        raise ValueError(f"{text!r} ends before it begins")
    return start, stop


def _position(text: str) -> int:
    return 0 if text.strip() == "0" else parse_size(text)


def amount(size: float) -> str:
    """`size` bytes with two or three digits and a unit: 950 B, 84 kB, 1.2 MB."""
    power = 0
    while size >= 999.5 and power < len(_NAMES) - 1:
        size /= 1000
        power += 1
    digits = 1 if power and size < 9.95 else 0
    return f"{size:.{digits}f} {_NAMES[power]}"


def duration(seconds: float) -> str:
    """`seconds` as 3:12 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(number: int, noun: str) -> str:
    """`1 block`, `2 blocks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
