"""`import shazip` gives what __all__ names, typed, and loads nothing that is not needed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import shazip

ROOT = Path(__file__).parent.parent


def test_everything_in_all_can_be_imported_and_nothing_else_is_public():
    for name in shazip.__all__:
        assert getattr(shazip, name).__name__ == name
    assert shazip.__all__ == sorted(set(shazip.__all__), key=shazip.__all__.index)
    assert set(shazip.__all__) <= set(dir(shazip))
    assert set(shazip._MODULES) == set(shazip.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        shazip.nothing  # noqa: B018


def test_the_version_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert shazip.__version__ == project["version"]


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "shazip" / "py.typed").exists()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("shazip.FormatError, shazip.info", {"numpy", "constriction", "safetensors", "torch"}),
        ("shazip.Codec()", {"torch", "safetensors", "shazip.engines.mixing", "shazip.engines"}),
    ],
)
def test_modules_are_loaded_on_first_use(code, absent):
    script = f"import sys, shazip\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not absent & set(run.stdout.split())
