"""Kinds of settings: the notation of each on a command line, and its range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of value: `parse` reads it and raises ValueError; a tuple is checked by element."""

    metavar: str
    parse: Callable[[str], Any]
    range: str = ""  # completes "must be"
    holds: Callable[[Any], bool] = lambda value: True

    def read(self, text: str) -> Any:
        """Return the value in `text`. Raises ValueError for another form and out of the range."""
        try:
            value = self.parse(text)
        except ValueError:
            raise ValueError(f"{text!r} is not of the form {self.metavar}") from None
        if not self.accepts(value):
            raise ValueError(f"{text} must be {self.range}")
        return value

    def accepts(self, value: Any) -> bool:
        """Return whether a value, or every element of a tuple, is in the range."""
        return all(map(self.holds, value if isinstance(value, tuple) else [value]))


@dataclass(frozen=True)
class About:
    """The purpose of a setting, for people."""

    kind: Kind
    help: str
    flag: str = ""  # its name on the command line, if not the field's
    shown: str = ""  # its default in words, if not the field's
    fixed: bool = False  # a resumed run keeps it


def one_of(*names: str) -> Kind:
    """Return the kind of a choice among `names`."""
    return Kind("|".join(names), str, f"one of {', '.join(names)}", names.__contains__)


def _list(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: () if text == "-" else tuple(map(parse, text.split(",")))


COUNT = Kind("N", int, "at least 1", lambda n: n >= 1)
SEED = Kind("N", int, "at least 0", lambda n: n >= 0)
SIZE = Kind("SIZE", int, "at least 1 byte", lambda n: n >= 1)
LENGTH = Kind("SIZE", int, "at least 0 bytes", lambda n: n >= 0)
PART = Kind("PART", float, "from 0 to 1", lambda x: 0 <= x <= 1)
SHARE = Kind("PART", float, "at least 0 and below 1", lambda x: 0 <= x < 1)
POSITIVE = Kind("X", float, "above 0", lambda x: x > 0)
NOT_NEGATIVE = Kind("X", float, "at least 0", lambda x: x >= 0)
PARTS = Kind("PART[,PART]...", _list(float), PART.range, PART.holds)
BETAS = Kind("B,B", _list(float), SHARE.range, SHARE.holds)
LAYERS = Kind("N[,N]...", _list(int), SEED.range, SEED.holds)
FLAG = Kind("", bool)
NAME = Kind("NAME", str)
PATH = Kind("FILE", str)


def setting(default: Any, kind: Kind, help: str, **more: Any) -> Any:
    """Return the dataclass field of a setting; MISSING means that it has no default."""
    return field(default=default, metadata={"about": About(kind, help, **more)})


def check(group: Any) -> None:
    """Raise ValueError, naming setting and range, if a value of this dataclass is out of range."""
    for each in fields(group):
        about: About | None = each.metadata.get("about")
        value = getattr(group, each.name)
        if about and not about.kind.accepts(value):
            raise ValueError(f"{about.flag or each.name} is {value}, must be {about.kind.range}")
