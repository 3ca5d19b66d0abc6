"""Packs what a bare machine needs into a folder of bounded size, and unpacks it there."""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.context import RECIPE

MANIFEST, WHEELS, WEIGHTS = "manifest.json", "wheels", "weights.safetensors"
LIMIT = 45_000_000  # bytes; the checkout, which goes along, has 16 million
PIECE = 1 << 21  # bytes of a text that are compressed alone, so that it is known what fits
# What shazip needs besides torch and NumPy, and what building its native module needs.
NEEDED = ("click", "constriction", "platformdirs", "safetensors", "wcwidth")
BUILDING = (
    *("scikit-build-core", "nanobind", "hatch-fancy-pypi-readme"),
    *("hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers"),
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
KEPT = ("peak", "steps", "jitter")  # settings of a run that a recipe records


@dataclass(frozen=True)
class Source:
    """What is to be packed: texts with weights, a held-out text, a run or float weights."""

    trained: Path
    valid: Path
    texts: tuple[tuple[Path, float], ...] = ()  # none: those of the run
    python: str | None = None  # wheels for this version, such as 3.12; none without


def pack(source: Source, folder: Path, limit: int = LIMIT) -> int:
    """Fill `folder`; return its size in bytes, which is at most `limit`.

    Raises ValueError if weights and wheels leave no room for the texts.
    """
    from shazip.training.checkpoint import save_weights
    from shazip.training.export import read_trained

    folder.mkdir(parents=True)
    trained = read_trained(source.trained)
    texts = source.texts or tuple((corpus.path, corpus.weight) for corpus in trained.corpora)
    if not texts:
        raise ValueError(f"{source.trained} names no texts: give some")
    save_weights(trained.network, trained.vocabulary, folder / WEIGHTS, trained.record)
    if source.python:
        fetch_wheels(source.python, folder / WHEELS)
    (folder / "texts").mkdir()
    with lzma.open(folder / "texts" / f"{source.valid.name}.xz", "wb") as file:
        file.write(source.valid.read_bytes())
    recipe = {
        "texts": [{"name": path.name, "weight": weight} for path, weight in texts],
        "valid": source.valid.name,
        "weights": WEIGHTS,
        "settings": _settings(source.trained),
    }
    (folder / RECIPE).write_text(json.dumps(recipe, indent=1) + "\n")
    _pack_texts(texts, folder / "texts", limit - _size(folder) - 100 * len(texts) - 10_000)
    (folder / MANIFEST).write_text(json.dumps(_hashes(folder), indent=1) + "\n")
    return _size(folder)


def _settings(path: Path) -> dict[str, Any]:
    """Return the settings of a run that its continuation begins with; none for weights alone."""
    if path.suffix == ".safetensors":
        return {}
    from shazip.training.checkpoint import load_checkpoint
    from shazip.training.files import trained_file

    config, _ = load_checkpoint(trained_file(path))
    found = {**asdict(config.schedule), "steps": config.steps, "jitter": config.jitter}
    return {name: found[name] for name in KEPT if name in found}


def _pack_texts(texts: tuple[tuple[Path, float], ...], folder: Path, room: int) -> None:
    total = sum(weight for _, weight in texts)
    for path, weight in texts:
        packed = pack_text(path, folder / f"{path.name}.xz", round(room * weight / total))
        if not packed:
            raise ValueError(f"{room} bytes have no room for {path.name}")


def pack_text(path: Path, target: Path, room: int) -> int:
    """Write pieces from all over a text, in random order, while they fit; return their bytes."""
    text = np.memmap(path, np.uint8, "r")
    packed, starts = 0, np.arange(0, len(text), PIECE)
    with target.open("wb") as file:
        for start in np.random.default_rng(0).permutation(starts):
            piece = text[start : start + PIECE].tobytes()
            stream = lzma.compress(piece)
            if len(stream) > room:
                break
            packed, room = packed + len(piece), room - len(stream)
            file.write(stream)
    return packed


def fetch_wheels(python: str, folder: Path) -> None:
    """Download wheels for another machine's Python. Raises ValueError if pip cannot."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    done = subprocess.run([*command, *NEEDED, *BUILDING], capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"pip could not fetch the wheels: {done.stderr.strip()[-500:]}")


def unpack(bundle: Path, work: Path) -> dict[str, int]:
    """Unpack the texts into `work`; return their sizes. Raises ValueError for changed files."""
    wanted = json.loads((bundle / MANIFEST).read_text())
    found = {name: digest for name, digest in _hashes(bundle).items() if name in wanted}
    if changed := sorted(name for name in wanted if wanted[name] != found.get(name)):
        raise ValueError(f"{bundle}: {', '.join(changed)} missing or not as packed")
    (work / "texts").mkdir(parents=True, exist_ok=True)
    sizes = {}
    for path in sorted((bundle / "texts").glob("*.xz")):
        target = work / "texts" / path.stem
        if not target.exists():
            new = target.with_suffix(".new")
            with lzma.open(path) as source, new.open("wb") as file:
                shutil.copyfileobj(source, file)
            new.replace(target)
        sizes[path.stem] = target.stat().st_size
    return sizes


def _hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
