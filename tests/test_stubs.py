"""shazip/_native.pyi has the types of the compiled module."""

from __future__ import annotations

import shutil

import pytest


def test_the_stub_is_that_of_the_module():
    pytest.importorskip("nanobind")
    native = pytest.importorskip("shazip._native")
    if not hasattr(native, "lstm_forward"):
        pytest.skip("this build has no kernels for training")
    if shutil.which("ruff") is None:
        pytest.skip("ruff formats the stub")
    from stubs import STUB, made

    assert STUB.read_text() == made(), "python -P tests/stubs.py writes it anew"
