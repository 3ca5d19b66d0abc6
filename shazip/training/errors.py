"""What can go wrong in training; a ShazipError, so that the command line reports it in one line."""

from __future__ import annotations

from shazip.errors import ShazipError


class TrainingError(ShazipError):
    """Training cannot begin or go on: wrong files, a foreign checkpoint, a diverging loss."""
