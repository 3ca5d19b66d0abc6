"""What holds for all tests."""

import os
import signal
import sys
from pathlib import Path

import pytest

# Tests import benchmarks/; behind all else, because the package to test may be the installed one.
sys.path.append(str(Path(__file__).resolve().parent.parent))

# Beside other workers torch's threads would mostly wait for each other; tests of threads set them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Started in the background (nohup, `&` in a script), pytest would hand ignored signals on to the
# processes that tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current directory with the file `a`, and an engine that needs no model."""
    from cli_run import TEXT, fake_codec

    from shazip.cli.options import CodecOptions

    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    return tmp_path


@pytest.fixture
def packed(folder):
    """The archive `a.shz` beside `a`."""
    from cli_run import shazip

    assert shazip("compress", "a") == (0, b"", "")
    return (folder / "a.shz").read_bytes()
