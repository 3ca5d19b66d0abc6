"""A Look as the page carries it: a deflated blob of JSON and byte planes, in base64.

    blob = size of the JSON (uint32, little-endian) | JSON | planes in the order of JSON's "planes"

assets/decode.js reads it. Bits are coarse there: a byte q stands for 48 (q / 255)**2 bits.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shazip.trace import Trace
from shazip.view.look import Look
from shazip.view.summary import along, costliest_lines, costliest_words, kinds

MOST_BITS = 48  # two halves of 24
_COARSE = (45, 28, 28, 28, 28)  # steps of the bits of likeliest symbols, up to half of MOST_BITS
UNKNOWN = 255  # nothing is likely in a stored block

Planes = dict[str, bytes]


def quantised(
    bits: NDArray[np.float64], steps: int = 255, most: float = MOST_BITS
) -> NDArray[np.uint8]:
    """Return numbers q up to `steps` of the same shape: most (q / steps)**2 is near `bits`."""
    return np.asarray(np.rint(steps * np.sqrt(np.clip(bits, 0, most) / most)), np.uint8)


def packed(look: Look, most: int) -> bytes:
    """Return the blob as base64, with as many of the likeliest symbols as fit into `most` bytes.

    They cost most; without any, the blob has the size that it has.
    """
    facts = _facts(look)
    for likeliest in range(look.trace.likeliest.shape[1], 0, -1):
        blob = pack(look, facts, likeliest)
        if len(blob) <= most:
            return blob
    return pack(look, facts, 0)


def pack(look: Look, facts: dict[str, Any], likeliest: int) -> bytes:
    """Return the blob with so many of the likeliest symbols, as base64."""
    planes = _planes(look, likeliest)
    sizes = {name: len(plane) for name, plane in planes.items()}
    # ASCII: the text of a hostile name cannot end the script element, nor can base64 of it.
    head = json.dumps({**facts, "likeliest": likeliest, "planes": sizes}).encode("ascii")
    raw = len(head).to_bytes(4, "little") + head + b"".join(planes.values())
    deflater = zlib.compressobj(9, wbits=-15)
    return base64.b64encode(deflater.compress(raw) + deflater.flush())


def _planes(look: Look, likeliest: int) -> Planes:
    trace = look.trace
    bits = quantised(trace.bits)
    planes = {"text": look.data, "bits": bits.tobytes()}
    if look.mixed:  # as a difference it deflates well
        planes["network"] = (quantised(trace.network) - bits).tobytes()
    if len(trace.starts) < len(look.data):
        sizes = np.diff(trace.starts, append=len(look.data))
        planes["sizes"] = sizes.astype(np.uint8).tobytes()
    if likeliest:
        planes.update(_likeliest(trace, likeliest))
    return planes


def _likeliest(trace: Trace, count: int) -> Planes:
    planes = {}
    if len(trace.strings) > 256:
        planes["stringSizes"] = bytes(map(len, trace.strings))
        planes["strings"] = b"".join(trace.strings)
    for rank in range(count):
        symbols, bits = trace.likeliest[:, rank], trace.likeliest_bits[:, rank]
        known = np.isfinite(bits)
        coarse = quantised(np.where(known, bits, 0), _COARSE[rank], MOST_BITS / 2)
        planes[f"low{rank}"] = (symbols & 255).astype(np.uint8).tobytes()
        if len(trace.strings) > 256:
            planes[f"high{rank}"] = (symbols >> 8).astype(np.uint8).tobytes()
        planes[f"likely{rank}"] = np.where(known, coarse, UNKNOWN).astype(np.uint8).tobytes()
    return planes


def _facts(look: Look) -> dict[str, Any]:
    trace, data = look.trace, look.data
    costs = (
        {"network": trace.network, "mixing": trace.bits} if look.mixed else {"network": trace.bits}
    )
    return {
        "name": look.name,
        "mostBits": MOST_BITS,
        "coarse": _COARSE,
        "models": look.models,
        "mixed": look.mixed,
        "archive": look.archive_size,
        "bits": round(float(trace.bits.sum()), 1),
        "networkBits": round(float(trace.network.sum()), 1),
        "symbols": len(trace.starts),
        "kinds": kinds(data, trace.bits),
        "words": costliest_words(data, trace.bits),
        "lines": costliest_lines(data, trace.bits),
        "along": along(data, costs),
    }
