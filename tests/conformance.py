"""Write cases for native/conformance.cpp: models, columns of symbols, checksums of the frequencies.

python tests/conformance.py FOLDER
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from oracles.network import OraclePredictor
from random_models import CONFIGS, KINDS, random_model

from shazip.model.file import IntegerModel

TYPES = ("int8", "uint8", "int16", "uint16", "int32")  # as native/tensors.hpp numbers them


def number(value: int) -> bytes:
    return struct.pack("<q", value)


def numbers(values: tuple[int, ...]) -> bytes:
    return number(len(values)) + b"".join(map(number, values))


def octets(data: bytes) -> bytes:
    return number(len(data)) + data


def words(column: np.ndarray) -> bytes:
    return number(len(column)) + column.astype("<u2").tobytes()


def pack_model(model: IntegerModel) -> bytes:
    """Return the configuration and all tensors."""
    c = model.config
    parts = [number(n) for n in (c.width, c.boom_width, c.layers, c.window, c.heads, c.vocabulary)]
    parts += [numbers(c.attention), number(len(model.tensors))]
    for name, tensor in model.tensors.items():
        parts += [octets(name.encode()), number(TYPES.index(str(tensor.dtype)))]
        parts += [numbers(tensor.shape), octets(tensor.tobytes())]
    return b"".join(parts)


def pack_case(model: IntegerModel, lanes: int, steps: int) -> bytes:
    """Return a case of two blocks: the live lanes fall, then all live again."""
    rng = np.random.default_rng(1)
    live = [lanes - i * lanes // (steps // 2 + 1) for i in range(steps // 2)]
    live += [lanes] * (steps - len(live))
    columns = [rng.integers(0, model.config.vocabulary, n, np.uint16) for n in live]
    predictor = OraclePredictor(model, lanes)
    checksum = 0
    for column in columns:
        checksum = zlib.crc32(predictor.predict(len(column)).astype("<u4").tobytes(), checksum)
        predictor.update(column)
    cases = [number(lanes), number(steps), *(words(c) for c in columns)]
    return pack_model(model) + b"".join(cases) + number(checksum)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in CONFIGS.items():
        for kind in KINDS:
            model = random_model(11, config, kind)
            small = config.width < 500
            case = pack_case(model, 5 if small else 2, 30 if small else 3)
            (folder / f"{name.replace(' ', '-')}-{kind}.case").write_bytes(case)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
