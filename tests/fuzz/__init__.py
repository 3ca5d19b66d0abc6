"""Fuzz targets: hostile archives, models, indexes and command lines, made from a seed.

python -m tests.fuzz TARGET --seconds 600

A case is a file's bytes. A target makes cases and judges them: shazip may refuse a case with one of
its own errors, or accept it by all of its interfaces alike; everything else is a finding.
"""

from __future__ import annotations

import importlib
from random import Random
from typing import Protocol, cast

TARGETS = ("archives", "index", "models", "commands")


class Target(Protocol):
    """A kind of hostile input."""

    def make(self, rng: Random) -> bytes:
        """Return a case."""

    def judge(self, case: bytes) -> bool:
        """Return whether shazip accepts the case. Raises for a finding."""


def target(name: str) -> Target:
    """Return the target called `name`, one of TARGETS."""
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
