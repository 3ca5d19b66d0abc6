"""Measure on a GPU all that needs one, unattended, in pieces that resume:

    python -m benchmarks.gpu --pack BUNDLE --from RUN --valid FILE [--python 3.12] [TEXT=WEIGHT]...
    python -m benchmarks.gpu BUNDLE -o WORK --budget 560 --collect OUT     # on the GPU's machine
    python -m benchmarks.gpu --join OUT -o RUN TEXT=WEIGHT...              # at home

The first makes a folder of at most 45 MB: parts of the texts, a held-out text, float16 weights, and
with --python wheels for a machine without a network. The second, given this checkout and the
folder, does the pieces that fit into the budget and are not in WORK yet; the training takes the
rest. OUT receives the results, weights and the optimiser's state in files of at most 16 MB. The
third makes a run of them that `shazip train --resume` continues. --list names the pieces.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu import parts
from benchmarks.gpu.context import QUICK, Context, Scale
from benchmarks.gpu.pieces import Piece, Result, perform, pieces, read, run
from benchmarks.gpu.worker import FailedError, Worker

RESULTS = "results.json"
RETURNED = ("state.pt", "text-weights.safetensors")
SETUP = "setup"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for; return 0, or 1 if something failed."""
    wishes = parse(arguments)
    try:
        if wishes.list:
            for piece in pieces(QUICK if wishes.quick else Scale()):
                print(f"{piece.name:14} {piece.seconds:4.0f} s")
        elif wishes.pack:
            pack(wishes)
        elif wishes.join:
            join(wishes)
        else:
            return 0 if measure(wishes) else 1
    except (FailedError, ValueError, OSError) as error:
        tell(str(error))
        return 1
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    kind = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m benchmarks.gpu", None, __doc__, formatter_class=kind
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="BUNDLE | TEXT[=WEIGHT]...")
    add("-o", "--output", type=Path, default=Path("build/gpu"), help="WORK or RUN  [build/gpu]")
    add("--budget", type=float, default=560.0, help="seconds for this call  [560]")
    add("--collect", type=Path, metavar="OUT", help="write what is to come back, in parts")
    add("--device", default="cuda")
    add("--only", action="append", metavar="PIECE", help="leave out the others")
    add("--finish", action="store_true", help="end the training: let its rate fall")
    add("--quick", action="store_true", help="tiny sizes, for practice")
    add("--list", action="store_true", help="name the pieces and the seconds they may take")
    add("--pack", type=Path, metavar="BUNDLE")
    add("--from", dest="trained", type=Path, metavar="RUN", help="--pack: a run or float weights")
    add("--valid", type=Path, help="--pack: a held-out text")
    add("--python", metavar="VERSION", help="--pack: wheels for that Python")
    add("--limit", type=int, help="--pack: largest size in bytes")
    add("--join", type=Path, metavar="OUT")
    return parser.parse_args(arguments)


def tell(text: str) -> None:
    """Report on standard error at once."""
    print(text, file=sys.stderr, flush=True)


def pack(wishes: argparse.Namespace) -> None:
    """Make a bundle."""
    from benchmarks.gpu.bundle import LIMIT, Source
    from benchmarks.gpu.bundle import pack as fill

    if wishes.trained is None or wishes.valid is None:
        raise ValueError("--pack needs --from and --valid")
    texts = tuple(weighted(name) for name in wishes.names)
    source = Source(wishes.trained, wishes.valid, texts, wishes.python)
    tell(f"{wishes.pack}: {fill(source, wishes.pack, wishes.limit or LIMIT):,} bytes")


def weighted(name: str) -> tuple[Path, float]:
    """Return path and weight of TEXT[=WEIGHT]."""
    path, equals, weight = name.rpartition("=")
    return (Path(path).resolve(), float(weight)) if equals else (Path(name).resolve(), 1.0)


def measure(wishes: argparse.Namespace) -> bool:
    """Do the pieces that fit; return whether none failed."""
    if len(wishes.names) != 1:
        raise ValueError("needs one BUNDLE; --help shows how it is made")
    from benchmarks.gpu.bare import set_up

    end = time.time() + wishes.budget
    scale, work = (QUICK if wishes.quick else Scale()), wishes.output.resolve()
    bundle = Path(wishes.names[0]).resolve()
    context = Context(bundle, work, wishes.device, scale, end, wishes.finish)
    work.mkdir(parents=True, exist_ok=True)
    seed(context.bundle, work)
    (work / f"{SETUP}.json").write_text(json.dumps(set_up(context), indent=1) + "\n")
    todo = [p for p in pieces(scale) if wishes.only is None or p.name in wishes.only]
    worker = Worker(perform)
    try:
        sound = run(todo, context, worker.call, tell)
    finally:
        worker.close()
        if wishes.collect:
            collect(work, pieces(scale), wishes.collect)
    return sound


def seed(bundle: Path, work: Path) -> None:
    """Take over the results that a bundle brings from an earlier machine as `results.json`."""
    for name, result in read(bundle / RESULTS).items():
        if not (work / f"{name}.json").exists():
            (work / f"{name}.json").write_text(json.dumps(result) + "\n")


def collect(work: Path, known: Sequence[Piece], folder: Path) -> None:
    """Write all results as one file, and state and weights in parts."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {name: read(work / f"{name}.json") for name in (SETUP, *(p.name for p in known))}
    found: Result = {name: result for name, result in results.items() if result}
    (folder / RESULTS).write_text(json.dumps(found, indent=1) + "\n")
    parts.split([work / name for name in RETURNED if (work / name).exists()], folder)


def join(wishes: argparse.Namespace) -> None:
    """Make a run of what came back, which reads the texts named."""
    files = parts.join(wishes.join, wishes.output)
    if not files:
        raise ValueError(f"{wishes.join} holds no trained state")
    from benchmarks.gpu.state import restore
    from shazip.training.settings import Corpus

    texts = tuple(Corpus(*weighted(name)) for name in wishes.names)
    tell(f"{restore(wishes.output, wishes.output, texts)} is ready")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
