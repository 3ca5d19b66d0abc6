"""Writes shazip/_native.pyi, the types of the compiled module: python -P tests/stubs.py."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
STUB = ROOT / "shazip" / "_native.pyi"
HEAD = "# Made by tests/stubs.py from the compiled module.\n\n"


def made() -> str:
    """Return the stub of the installed module, formatted, without the layouts of arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "_native.pyi"
        stubgen = [sys.executable, "-P", "-m", "nanobind.stubgen", "-q", "-D", "-m"]
        subprocess.run([*stubgen, "shazip._native", "-o", str(path)], check=True)
        text = re.sub(r"Annotated\[(NDArray\[[\w.]+\]), dict\(.*?\)\]", r"\1", path.read_text())
        text = text.replace("from typing import Annotated", "from typing import Any")
        text = text.replace("tensors: dict,", "tensors: dict[str, NDArray[Any]],")
        path.write_text(HEAD + text)
        config = ["--config", str(ROOT / "pyproject.toml")]
        subprocess.run(["ruff", "format", "-q", *config, str(path)], check=True)
        subprocess.run(["ruff", "check", "-q", "--fix", *config, str(path)], check=True)
        return path.read_text()


if __name__ == "__main__":
    STUB.write_text(made())
