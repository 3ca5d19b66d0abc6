"""Make one archive under every setting that could matter: `python -m benchmarks.determinism`.

Engines, instruction sets, threads, limits of ATen and MKL, hash seeds, locales, pipes; on request
other Pythons, with another torch or for another processor:

    python -m benchmarks.determinism --python other/bin/python
    python -m benchmarks.determinism --python 'qemu-aarch64 -L ROOT ROOT/usr/bin/python3.11'

Every setting also decodes the first archive. All hashes are equal, or it fails.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.corpus import make
from benchmarks.one_archive import BLOCK_SIZE, LANES
from shazip.model import store as modelstore

# By its path: another Python need not see this repository.
SCRIPT = str(Path(__file__).resolve().with_name("one_archive.py"))
SIZE = 12_000
CLI = ["-qf", "--lanes", str(LANES), "--block-size", str(BLOCK_SIZE)]


@dataclass(frozen=True)
class Setting:
    """One way to make the archive: a job for this script, or a command line."""

    label: str
    python: tuple[str, ...] = (sys.executable,)
    job: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    pipe: bool = False  # `shazip compress` between two pipes instead of the job


def settings(known: dict[str, Any]) -> Iterator[Setting]:
    """Yield the settings that this machine can imitate; `known` describes its Python."""
    yield Setting("as it comes")
    for threads in (2, 3):
        yield Setting(f"{threads} threads", job={"threads": threads})
    one = {"threads": 1}  # on a busy machine more would only wait for each other
    for variant in known["variants"]:
        yield Setting(f"native, {variant}", job=one | {"engine": "native", "variant": variant})
    yield Setting("between pipes", pipe=True)
    for name, value in _ENVIRONMENTS:
        yield Setting(f"{name}={value}", job=one, environment={name: value})
    if "torch" in known["engines"]:
        yield from _torch_settings(known["cuda"])


# Python and its libraries; neither may matter to the order of tensors, JSON or text.
_ENVIRONMENTS = (
    *(("PYTHONHASHSEED", "0"), ("PYTHONHASHSEED", "4242"), ("PYTHONOPTIMIZE", "2")),
    *(("LC_ALL", "C"), ("LC_ALL", "tr_TR.UTF-8"), ("PYTHONUTF8", "0"), ("OMP_NUM_THREADS", "3")),
)
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
_TORCH_ENVIRONMENTS = (
    *(("ATEN_CPU_CAPABILITY", "default"), ("ATEN_CPU_CAPABILITY", "avx2")),
    *(("MKL_CBWR", "COMPATIBLE"), ("MKL_CBWR", "AVX2"), ("ONEDNN_MAX_CPU_ISA", "SSE41")),
)


def _torch_settings(cuda: bool) -> Iterator[Setting]:
    one = {"engine": "torch", "threads": 1}
    yield Setting("torch, 1 thread", job=one)
    yield Setting("torch, 2 threads", job=one | {"threads": 2}, environment=PASSIVE)
    for name, value in _TORCH_ENVIRONMENTS:
        yield Setting(f"torch, {name}={value}", job=one, environment={name: value})
    if cuda:
        yield Setting("torch, cuda", job=one | {"device": "cuda"})


def elsewhere(python: Sequence[str], known: dict[str, Any]) -> Iterator[Setting]:
    """Yield the engines of another Python."""
    for engine in known["engines"]:
        for variant in known["variants"] if engine == "native" else [""]:
            label = f"{known['machine']}, Python {known['python']}, {engine} {variant}"
            label += f" {known['torch']}" if engine == "torch" else ""
            job = {"engine": engine, "variant": variant, "threads": 1}
            yield Setting(label.strip(), tuple(python), job)


def ask(python: Sequence[str]) -> dict[str, Any]:
    """Return a description of a Python's shazip: engines, variants, GPU, versions."""
    done = subprocess.run([*python, SCRIPT], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(python)}: {_last_line(done.stderr)}")
    known: dict[str, Any] = json.loads(done.stdout)
    return known


def attempt(setting: Setting, common: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Return the hash that a setting gives, or an empty string and the reason."""
    environment = {**os.environ, **setting.environment}
    command = [*setting.python, SCRIPT, json.dumps(common | setting.job), str(folder)]
    if setting.pipe:
        flags = [*CLI, "-m", common["model"], *([] if common["mix"] else ["--no-mix"])]
        command = [*setting.python, "-m", "shazip", "compress", *flags]
    data = (folder / "original").read_bytes()
    done = subprocess.run(command, input=data, capture_output=True, env=environment, cwd=folder)
    if done.returncode:
        return "", _last_line(done.stderr.decode(errors="replace"))
    if setting.pipe:
        return hashlib.sha256(done.stdout).hexdigest(), ""
    return done.stdout.decode().strip(), ""


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no word"


def compare(chosen: Sequence[Setting], common: dict[str, Any], folder: Path) -> bool:
    """Print a line for each setting; return whether all hashes are equal."""
    hashes = set()
    for setting in chosen:
        start = time.perf_counter()
        found, reason = attempt(setting, common, folder)
        hashes.add(found)
        print(f"{found or reason:64}  {time.perf_counter() - start:6.1f} s  {setting.label}")
        sys.stdout.flush()
    return len(hashes) == 1 and "" not in hashes


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m benchmarks.determinism", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("file", nargs="?", type=Path, help=f"its first {SIZE} bytes are taken")
    parser.add_argument("--python", action="append", default=[], help="another interpreter")
    parser.add_argument("-m", "--model", help="an installed model or a file")
    parser.add_argument("--no-mix", action="store_true", help="the network alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if hashes differ or a setting fails."""
    wishes = _parse(arguments)
    path = str(modelstore.find_path(wishes.model).resolve())
    chosen = list(settings(ask([sys.executable])))
    for python in wishes.python:
        chosen += elsewhere(shlex.split(python), ask(shlex.split(python)))
    with tempfile.TemporaryDirectory(prefix="shazip-determinism-") as name:
        (Path(name) / "original").write_bytes(_data(wishes.file))
        equal = compare(chosen, {"model": path, "mix": not wishes.no_mix}, Path(name))
    print(f"{len(chosen)} settings: " + ("all archives are equal" if equal else "NOT ALL EQUAL"))
    return 0 if equal else 1


def _data(file: Path | None) -> bytes:
    if file is None:
        ((_, made),) = make(names=("enwik8.valid",))
        if isinstance(made, str):
            raise SystemExit(f"{made}; name a FILE")
        file = made
    return file.read_bytes()[:SIZE]


if __name__ == "__main__":
    sys.exit(main())
