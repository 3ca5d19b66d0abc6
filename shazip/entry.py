"""The begin of the command: an interrupt ends it quietly while it still imports its modules."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` takes 15 ms to import


def main() -> None:
    """Run the command line of this process and leave it."""
    # Until process.py catches signals; Python's own handler would print a traceback.
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from shazip.cli.main import main as command

    command()
