"""Compare a few training settings: `python -m benchmarks.settings FOLDER`.

Each setting trains a small network (width 192) once, with one thread; everything but the setting
named is as in the first run. FOLDER holds enwik8.train (XML and markup), wikitext.train (markup),
wikiplain.train (plain text) and enwik8.valid. The curves go to log/settings/*.jsonl, the results
as a table to standard output; `shazip plot` draws them. What exists already is not run again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

LOG = Path(__file__).resolve().parent / "log" / "settings"
MOSTLY_MARKUP = ("enwik8.train=0.4", "wikitext.train=0.5", "wikiplain.train=0.1")
MOSTLY_PLAIN = ("enwik8.train=0.1", "wikitext.train=0.1", "wikiplain.train=0.8")
VALID_SIZE = 1 << 16  # bytes of enwik8.valid
FIRST = {
    "--width": "192",
    "--boom-width": "768",
    "--window": "256",
    "--lanes": "16",
    "--steps": "64",
    "--peak": "4e-3",
    "--warmup": "20000",
    "--threads": "1",
    "--quantise-last": "0",
    "--log-updates": "10",
    "--valid-seconds": "1e9",
}
CHANGES = {
    "first": {},
    "rate-2e-3": {"--peak": "2e-3"},
    "rate-8e-3": {"--peak": "8e-3"},
    "lanes-8-steps-128": {"--lanes": "8", "--steps": "128"},
    "lanes-32-steps-64": {"--lanes": "32"},
    "lamb-4e-3": {"--optimiser": "lamb"},
    "lamb-8e-3": {"--optimiser": "lamb", "--peak": "8e-3"},
    "boom-384": {"--boom-width": "384"},
    "mostly-plain": {"texts": " ".join(MOSTLY_PLAIN)},
}


def main() -> int:
    """Train the settings without a curve, and print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks.settings", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--total", default="200kB", help="bytes that each run sees")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    wishes = parser.parse_args()
    LOG.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(wishes.jobs) as pool:
        list(pool.map(partial(train, wishes.folder, wishes.total), CHANGES))
    print(table())
    return 0


def train(folder: Path, total: str, name: str) -> None:
    """Make the curve of one setting, if it is not there."""
    target = LOG / f"{name}.jsonl"
    if target.exists():
        return
    changes = dict(CHANGES[name])
    texts = changes.pop("texts", " ".join(MOSTLY_MARKUP)).split()
    with tempfile.TemporaryDirectory() as run:
        valid = Path(run) / "valid"
        valid.write_bytes((folder / "enwik8.valid").read_bytes()[:VALID_SIZE])
        flags = {**FIRST, **changes, "--total": total, "--valid": str(valid)}
        command = [sys.executable, "-m", "shazip", "train", "-q", *(f"{folder / t}" for t in texts)]
        command += [part for flag in flags.items() for part in flag]
        subprocess.run([*command, "-o", f"{run}/run"], check=True)
        shutil.copyfile(f"{run}/run/metrics.jsonl", target)


def table() -> str:
    """Return the results as Markdown, in the order of CHANGES."""
    rows = [
        "| setting | updates | bpb at the end, valid | average | seconds |",
        "|---|--:|--:|--:|--:|",
    ]
    for name in CHANGES:
        lines = [json.loads(line) for line in (LOG / f"{name}.jsonl").read_text().splitlines()]
        valid = next(line["valid"] for line in reversed(lines) if "valid" in line)
        average = next(line["valid_average"] for line in reversed(lines) if "valid_average" in line)
        last = lines[-1]
        rows.append(
            f"| {name} | {last['updates']} | {valid:.3f} | {average:.3f} | {last['seconds']:.0f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
