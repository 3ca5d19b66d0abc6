"""Makes a bare machine ready, with what the bundle brings and nothing fetched."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.bundle import WHEELS, unpack
from benchmarks.gpu.context import Context
from benchmarks.gpu.worker import FailedError

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
NEEDED = ("numpy", "torch", "click", "constriction", "platformdirs", "safetensors", "wcwidth")
MODULE = "shazip._native"


def set_up(context: Context) -> dict[str, Any]:
    """Check Python and torch, install wheels, build the native module, unpack the texts.

    Raises FailedError in one sentence for what cannot be helped here.
    """
    start = time.perf_counter()
    check(context.device)
    site = use_site(context.work)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    wheels = sorted((context.bundle / WHEELS).glob("*.whl"))
    if missing and wheels:
        _pip(site, "--no-index", *map(str, wheels))
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise FailedError(f"not installed, and no wheels in the bundle: {', '.join(missing)}")
    built = importlib.util.find_spec(MODULE) is None
    if built:
        _pip(site, "--no-build-isolation", "--no-index", str(ROOT))
    texts = unpack(context.bundle, context.work)
    found = {"texts": texts, "built": built, "setup_seconds": time.perf_counter() - start}
    return {**machine(), **found}


def check(device: str) -> None:
    """Raise FailedError unless Python is new enough and torch is there, with CUDA if wanted."""
    if sys.version_info[:2] < OLDEST:
        raise FailedError(f"Python {platform.python_version()}, needed is 3.11 or newer")
    if importlib.util.find_spec("torch") is None:
        raise FailedError("torch is not installed, and is too large for a bundle")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise FailedError(f"torch {torch.__version__} finds no CUDA device")


def machine() -> dict[str, Any]:
    """Return what the figures were made on."""
    import torch

    from shazip.bench.machine import describe

    found: dict[str, Any] = {**describe(), "torch": torch.__version__, "gpu": None}
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        found["gpu"] = {"name": gpu.name, "memory": gpu.total_memory, "cuda": torch.version.cuda}
    return found


def use_site(work: Path) -> Path:
    """Let this process and its children find what is installed in `work`; return the folder."""
    site = work / "site"
    if str(site) not in sys.path:
        sys.path.insert(0, str(site))  # before the checkout, which has no compiled module
    os.environ["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT)])
    importlib.invalidate_caches()
    return site


def _pip(site: Path, *arguments: str) -> None:
    options = ("install", "-q", "--no-deps", "--upgrade", "--target", str(site))
    command = [sys.executable, "-m", "pip", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise FailedError(f"pip failed: {(done.stderr or done.stdout).strip()[-800:]}")
    importlib.invalidate_caches()
