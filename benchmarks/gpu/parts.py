"""Large files as parts of at most 16 MB with a checksum: some machines give back no larger ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

PART_SIZE = 16_000_000
INDEX = "parts.json"


def split(paths: list[Path], folder: Path, size: int = PART_SIZE) -> list[Path]:
    """Write the files as parts of at most `size` bytes and their index; return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    index, written = {}, []
    for path in paths:
        content = path.read_bytes()
        names = []
        for number, start in enumerate(range(0, len(content), size)):
            names.append(f"{path.name}.{number:03}")
            (folder / names[-1]).write_bytes(content[start : start + size])
        index[path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "parts": names}
        written += [folder / name for name in names]
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
    return [*written, folder / INDEX]


def join(folder: Path, target: Path) -> list[Path]:
    """Put the files together again in `target`; return them.

    Raises ValueError, before any file is written, if a part is missing or has changed.
    """
    contents = {name: _join(folder, name, entry) for name, entry in index(folder).items()}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (target / name).write_bytes(content)
    return [target / name for name in contents]


def index(folder: Path) -> dict[str, dict[str, object]]:
    """Return the entry of each file that the folder has in parts; none without an index."""
    path = folder / INDEX
    return json.loads(path.read_text()) if path.exists() else {}


def _join(folder: Path, name: str, entry: dict[str, object]) -> bytes:
    parts = [folder / str(part) for part in entry["parts"]]  # type: ignore[attr-defined]
    if missing := [part.name for part in parts if not part.exists()]:
        raise ValueError(f"{folder} lacks {', '.join(missing)}")
    content = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ValueError(f"the parts of {name} in {folder} do not have its checksum")
    return content
