"""The exception of training; a ShazipError, which the command line reports in one line."""

from __future__ import annotations

from shazip.errors import ShazipError


class TrainingError(ShazipError):
    """Training cannot begin or continue: wrong files, a foreign checkpoint, a diverging loss."""
