"""What can go wrong, one class each; every other module raises these.

    ShazipError
    |-- FormatError        no .shz file, a version this program does not know, junk after a frame
    |-- TruncatedError     the archive ends too early (also an EOFError, as in the standard library)
    |-- CorruptError       a check of a header, a payload or the whole content fails
    |-- ModelError         the model is missing, refused, or gives other probabilities than before
    `-- MemoryLimitError   the archive asks for more memory than the limit allows

Mistakes in a call stay TypeError and ValueError; the operating system's errors stay OSError.
"""

from __future__ import annotations


class ShazipError(Exception):
    """Anything wrong with an archive or a model; the base of all errors here."""


class FormatError(ShazipError):
    """The bytes are no archive that this version of shazip knows."""


class TruncatedError(ShazipError, EOFError):
    """The archive ends before its end mark."""


class CorruptError(ShazipError):
    """The archive was damaged: a check fails."""


class ModelError(ShazipError):
    """The model is missing, refused, or gives other probabilities than the compressor had."""


class MemoryLimitError(ShazipError):
    """The archive asks for more memory than the limit allows."""
