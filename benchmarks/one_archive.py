"""What benchmarks.determinism has each Python do, by this file's path: make and decode an archive.

Without arguments it prints what this Python's shazip has. JOB (JSON: model, mix, engine, variant,
device, threads) and FOLDER make it print the hash of the archive of FOLDER/original.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
from pathlib import Path
from typing import Any

# An odd number of lanes, and several blocks, so that one block's state continues in the next.
LANES, BLOCK_SIZE = 5, 4096


def tell() -> None:
    """Print engines, variants, versions and whether there is a GPU, as JSON."""
    from shazip import engines

    names = engines.available()
    known: dict[str, Any] = {"engines": names, "variants": [], "cuda": False, "torch": ""}
    known |= {"machine": platform.machine(), "python": platform.python_version()}
    if "native" in names:
        from shazip.engines.native import variants

        known["variants"] = variants()
    if "torch" in names:
        import torch

        known |= {"cuda": torch.cuda.is_available(), "torch": torch.__version__}
    print(json.dumps(known))


def run_job(job: dict[str, Any], folder: Path) -> None:
    """Print the archive's hash; write it if there is none yet, else decode the one there."""
    original = (folder / "original").read_bytes()
    codec = _codec(job)
    packed = codec.compress(original)
    if len(packed) > len(original):
        raise SystemExit("a stored archive proves nothing; take data that the model compresses")
    first = folder / "first.shz"
    if not first.exists():
        first.write_bytes(packed)
    sink = io.BytesIO()
    codec.decompress_stream(io.BytesIO(first.read_bytes()), sink)
    if sink.getvalue() != original:
        raise SystemExit("other bytes came back")
    print(hashlib.sha256(packed).hexdigest())


def _codec(job: dict[str, Any]) -> Any:
    from shazip.archive import Codec

    return Codec(
        job["model"],
        engine=_engine(job),
        device=job.get("device"),
        threads=job.get("threads"),
        mix=job["mix"],
        lanes=LANES,
        block_size=BLOCK_SIZE,
    )


def _engine(job: dict[str, Any]) -> Any:
    """Return the name of the engine wanted, or a native engine with a variant forced."""
    if not job.get("variant"):
        return job.get("engine")
    from shazip.engines.native import NativeEngine
    from shazip.model import file as modelfile

    model = modelfile.load(job["model"])
    return NativeEngine(model, job.get("threads"), variant=job["variant"])


if __name__ == "__main__":
    if sys.argv[1:]:
        run_job(json.loads(sys.argv[1]), Path(sys.argv[2]))
    else:
        tell()
