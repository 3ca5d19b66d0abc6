"""The exceptions of shazip, raised by all other modules.

    ShazipError
    |-- FormatError        no .shz file, a version this program does not know, junk after a frame
    |-- TruncatedError     the archive ends too early (also an EOFError, as in the standard library)
    |-- CorruptError       a check of a header, a payload or the whole content fails
    |-- ModelError         the model is missing, refused, or gives other probabilities than before
    `-- MemoryLimitError   the archive asks for more memory than the limit allows

Mistakes in a call stay TypeError and ValueError; the operating system's errors stay OSError.
"""

from __future__ import annotations

import copy
import traceback


class ShazipError(Exception):
    """An archive or a model is wrong; the base of all errors here."""


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


class SlowWarning(RuntimeWarning):
    """The compiled module is missing, so that torch computes the same, slower."""


def again(error: BaseException) -> Exception:
    """Return the error that an object raises on its next use, after it failed with `error`.

    It is a copy. A raised error refers to the stack frames that it passed, and so to the failed
    object with all its memory.
    """
    if isinstance(error, ShazipError | OSError | MemoryError):
        return copy.copy(error)
    return ShazipError(f"stopped earlier by {type(error).__name__}; the rest is lost")


def clear_locals(error: BaseException) -> None:
    """Clear the locals of the finished stack frames that `error` passed, to free their memory.

    Its traceback stays.
    """
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__context__
