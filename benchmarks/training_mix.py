"""Build the broad training texts and check that no measured file is in them.

`python -m benchmarks.training_mix SOURCES OUT --also canterbury.tar.xz` reads the sources by kind
(KINDS), cuts them into pieces, leaves out what it must, holds out validation texts and writes
OUT/KIND.train, OUT/valid/KIND.valid, OUT/valid/all.valid and OUT/manifest.json.

The sources carry no marks between documents, so a piece stands for one: it ends at the first blank
line after 4 KiB, or at the first line end after 8 KiB if no blank line comes before it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import corpus
from benchmarks.windows import Offsets, Windows

KINDS = {
    "markup": ("wikitext", "enwik8"),
    "plain": ("wikiplain", "wikiplain2"),
    "code": ("code",),
    "data": ("data",),
    "prose": ("prose",),
    "languages": ("languages",),
}
NOVELS = ("prose", "languages")  # kinds in which some sources are a tokeniser's output
PIECE, LONGEST = 1 << 12, 1 << 13  # where a piece may end, and where it ends at a line
SHARED = 300  # bytes in a row that a piece may not share with a measured file
WINDOW = 48  # bytes of the windows that are counted
LIMIT = 0.01  # of a measured file's distinct windows that may occur in the training texts
HELD = 64  # pieces of each kind that are held out, about 4 KiB each
IN_ALL = 4  # every fourth of them is in all.valid
EXAMPLES = 5  # passages of a measured file that are listed
COMMA, SPACED = re.compile(rb","), re.compile(rb" ,")


Piece = memoryview


@dataclass
class Kind:
    """The pieces of one kind: used, held out, left out for either reason."""

    train: list[Piece] = field(default_factory=list)
    valid: list[Piece] = field(default_factory=list)
    shared: list[Piece] = field(default_factory=list)
    tokenised: list[Piece] = field(default_factory=list)


def pieces(text: bytes) -> Iterator[int]:
    """Yield the end of each piece of a text in ascending order, the last one len(text)."""
    end = 0
    while end < len(text):
        blank = text.find(b"\n\n", end + PIECE, end + LONGEST)
        end = blank + 2 if blank >= 0 else text.find(b"\n", end + LONGEST) + 1 or len(text)
        yield end


def is_tokenised(piece: Piece) -> bool:
    """Whether most commas follow a space: words apart , as a tokeniser leaves them ."""
    commas = len(COMMA.findall(piece))
    return commas >= 10 and 2 * len(SPACED.findall(piece)) > commas


def sort_out(name: str, text: bytes, measured: Windows) -> Kind:
    """Sort the pieces of one kind; every piece that a window of `measured` touches is left out."""
    cuts = np.array([0, *pieces(text)])
    touched = touches(cuts, measured.hits(np.frombuffer(text, np.uint8)).offsets, measured.size)
    kind, kept, view = Kind(), [], memoryview(text)
    for start, end, shared in zip(cuts[:-1], cuts[1:], touched, strict=True):
        piece = view[start:end]
        if shared:
            kind.shared.append(piece)
        elif name in NOVELS and is_tokenised(piece):
            kind.tokenised.append(piece)
        else:
            kept.append(piece)
    hold_out(kept, kind)
    return kind


def touches(cuts: Offsets, starts: Offsets, size: int) -> NDArray[np.bool_]:
    """Return for each piece between `cuts` whether a run of `size` bytes from `starts` is in it."""
    change = np.zeros(len(cuts), np.intp)  # 1 at the first piece of a run, -1 behind its last
    np.add.at(change, np.searchsorted(cuts, starts, "right") - 1, 1)
    np.add.at(change, np.searchsorted(cuts, starts + size - 1, "right"), -1)
    return np.cumsum(change)[:-1] > 0


def hold_out(kept: Sequence[Piece], kind: Kind) -> None:
    """Share out `kept`: HELD pieces, evenly spread over the bytes, are held out.

    A place in a piece of more than 2 * LONGEST bytes (one long line) goes without.
    """
    ends = np.cumsum([0, *map(len, kept)])[1:]
    aims = (np.arange(HELD) + 0.5) * sum(map(len, kept)) / HELD
    chosen = set(np.searchsorted(ends, aims, "right").tolist())
    for index, piece in enumerate(kept):
        held = index in chosen and len(piece) <= 2 * LONGEST
        (kind.valid if held else kind.train).append(piece)


def measured_files(also: Sequence[Path]) -> dict[str, bytes]:
    """Return the benchmark's files and those of `also`, tar archives unpacked, by name."""
    files = {}
    for entry, made in corpus.make():
        if isinstance(made, str):
            raise SystemExit(f"training_mix: {made}")
        files[entry.name] = made.read_bytes()
    for path in also:
        files |= _unpacked(path) if ".tar" in path.suffixes else {path.name: path.read_bytes()}
    return files


def _unpacked(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        contents = ((member, tar.extractfile(member)) for member in tar if member.isfile())
        return {Path(member.name).name: file.read() for member, file in contents if file}


def write_kind(out: Path, name: str, kind: Kind) -> dict[str, Any]:
    """Write the texts of one kind and return their entry in the manifest."""
    train, valid = out / f"{name}.train", out / "valid" / f"{name}.valid"
    for path, found in ((train, kind.train), (valid, kind.valid)):
        with path.open("wb") as file:
            file.writelines(found)
    return {
        "train": described(train),
        "valid": described(valid),
        "pieces": {what: len(found) for what, found in vars(kind).items()},
        "left_out_bytes": {
            what: sum(map(len, found))
            for what, found in (("shared", kind.shared), ("tokenised", kind.tokenised))
        },
    }


def described(path: Path) -> dict[str, Any]:
    """Return a file's size and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def count(windows: Windows, texts: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Return for each measured file how many of its distinct windows are in the texts, by kind."""
    times = np.zeros((len(texts), len(windows)), np.int64)
    for row, path in zip(times, texts.values(), strict=True):
        row += np.bincount(windows.hits(np.fromfile(path, np.uint8)).windows, minlength=len(row))
    report = {}
    for name, own in windows.of.items():
        found = own[times[:, own].any(axis=0)]
        report[name] = {
            "windows": len(own),
            "found": len(found),
            "share": round(len(found) / max(len(own), 1), 6),
            "by_kind": dict(zip(texts, (times[:, found] > 0).sum(axis=1).tolist(), strict=True)),
            "most_often": examples(windows, found, times.sum(axis=0)[found]),
        }
    return report


def examples(windows: Windows, found: Offsets, times: Offsets) -> list[tuple[str, int]]:
    """Return the windows found most often, with how often, without those that overlap them."""
    listed: list[tuple[str, int]] = []
    for index in np.argsort(-times, kind="stable")[:1000]:
        text = windows.window(found[index]).decode(errors="replace")
        if len(listed) < EXAMPLES and not any(text[8:24] in other for other, _ in listed):
            listed.append((text, int(times[index])))
    return listed


def build(sources: Path, out: Path, measured: dict[str, bytes]) -> dict[str, Any]:
    """Write all texts and the manifest into `out`; return the manifest."""
    (out / "valid").mkdir(parents=True, exist_ok=True)
    kinds = write_kinds(sources, out, Windows(measured, SHARED))
    held = {f"{name}.valid": (out / "valid" / f"{name}.valid").read_bytes() for name in KINDS}
    counted = count(
        Windows(measured | held, WINDOW), {name: out / f"{name}.train" for name in KINDS}
    )
    manifest = {
        "kinds": kinds,
        "all.valid": described(out / "valid" / "all.valid"),
        "measured": {name: counted[name] for name in measured},
        "held_out": {name: counted[name] for name in held},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def write_kinds(sources: Path, out: Path, measured: Windows) -> dict[str, Any]:
    """Write the texts of every kind and return their entries in the manifest, by kind."""
    kinds = {}
    with (out / "valid" / "all.valid").open("wb") as every:
        for name, parts in KINDS.items():
            paths = [sources / f"{part}.train" for part in parts]
            kind = sort_out(name, b"".join(path.read_bytes() for path in paths), measured)
            every.writelines(kind.valid[::IN_ALL])
            kinds[name] = {"sources": {path.name: described(path) for path in paths}}
            kinds[name] |= write_kind(out, name, kind)
    return kinds


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, print a line for each measured file and return 1 when one has too much in common."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.training_mix", description=__doc__.split("\n")[0]
    )
    parser.add_argument("sources", type=Path, help="the folder with code.train, data.train, ...")
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument(
        "--also",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="measured too; tars by file",
    )
    given = parser.parse_args(arguments)
    manifest = build(given.sources, given.out, measured_files(given.also))
    for name, told in (manifest["measured"] | manifest["held_out"]).items():
        print(f"{name:15} {told['found']:6} of {told['windows']:7} windows, {told['share']:.2%}")
    over = [name for name, told in manifest["measured"].items() if told["share"] > LIMIT]
    if over:
        print(
            f"more than {LIMIT:.0%} of {', '.join(over)} is in the training texts", file=sys.stderr
        )
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
