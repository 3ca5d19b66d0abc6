"""Compress what comes in pieces, and read an archive piece by piece: python examples/stream.py"""

import tempfile
from pathlib import Path

import shazip

PIECES = [f"message {number}: all is well\n".encode() for number in range(100)]

# Blocks are small here, so that several fill up; the default is 1 MiB.
codec = shazip.Codec(block_size=1024)
compressor = shazip.Compressor(codec)
packed = b"".join(compressor.compress(piece) for piece in PIECES) + compressor.flush()

decompressor = shazip.Decompressor(codec)
content = b""
for at in range(0, len(packed), 100):
    content += decompressor.decompress(packed[at : at + 100])
assert decompressor.eof
assert content == b"".join(PIECES)

# The same through a file, line by line.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "log.shz")
    with shazip.open(path, "wb", codec=codec) as file:
        file.writelines(PIECES)
    with shazip.open(path, "rt", encoding="utf-8", codec=codec) as file:
        last = list(file)[-1]
print(f"{len(content)} bytes became {len(packed)}; the last line is {last!r}")
