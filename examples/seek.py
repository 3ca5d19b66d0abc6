"""Read from the middle of a large archive: python examples/seek.py

Frames are found through the index at the archive's end; only those that are read are decoded.
"""

import tempfile
from pathlib import Path

import shazip

LINES = [f"line {number:06d}: all is well\n".encode() for number in range(2000)]
WIDTH = len(LINES[0])

with tempfile.TemporaryDirectory() as folder:
    text, archive = Path(folder, "log"), Path(folder, "log.shz")
    text.write_bytes(b"".join(LINES))
    with text.open("rb") as source, archive.open("wb") as sink:
        shazip.Codec().compress_stream(source, sink, frame_size=16384)

    print(f"{len(shazip.info(archive).frames)} frames")
    with shazip.open(archive) as file:
        file.seek(1500 * WIDTH)
        line = file.readline()
assert line == LINES[1500]
print(line.decode(), end="")
