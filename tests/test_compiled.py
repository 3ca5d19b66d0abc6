"""The compiled module loads whole, whatever arrives meanwhile."""

import os
import signal

import pytest

from shazip import compiled


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_waits_until_the_module_is_loaded(monkeypatch):
    happened = []

    def load(name):
        os.kill(os.getpid(), signal.SIGTERM)
        happened.append("loaded")
        return name

    before = signal.signal(signal.SIGTERM, lambda number, frame: happened.append("signal"))
    monkeypatch.setattr(compiled.importlib, "import_module", load)
    try:
        assert compiled.load_module() == "shazip._native"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert happened == ["loaded", "signal"]
