"""Write cases for native/conformance.cpp: models, columns of symbols, checksums of the frequencies.

python tests/conformance.py FOLDER [CASE...]
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from oracles.network import OraclePredictor
from random_models import CONFIGS, KINDS, random_model

from shazip.engines.mixing import Mixer
from shazip.engines.mixing_start import for_symbols
from shazip.halves import split
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


def pack_mixing(model: IntegerModel) -> bytes:
    """Return start values, strings and the parser's numbers (native/vocabulary.hpp)."""
    v = model.vocabulary
    singles = [v.numbers[bytes([byte])] for byte in range(256)]
    results = [v.numbers[v.strings[a] + v.strings[b]] for a, b in v.merges]
    columns = (singles, [part for pair in v.merges for part in pair], results)
    parts = [octets(for_symbols(v.size)), number(v.size), *map(octets, v.strings)]
    return b"".join([*parts, *(words(np.array(column, np.uint16)) for column in columns)])


def pack_case(model: IntegerModel, lanes: int, steps: int, mix: bool) -> bytes:
    """Return a case of two blocks: the live lanes fall, then all live again."""
    rng = np.random.default_rng(1)
    live = [lanes - i * lanes // (steps // 2 + 1) for i in range(steps // 2)]
    live += [lanes] * (steps - len(live))
    columns = [rng.integers(0, model.config.vocabulary, n, np.uint16) for n in live]
    predictor, vocabulary = OraclePredictor(model, lanes), model.vocabulary
    # Proved by its canary; tests/test_mixing.py compares it with its oracle, which is slow.
    mixer = Mixer(lanes, table_size=1 << 16, history_size=1 << 10, vocabulary=vocabulary)
    checksum = 0
    for column in columns:
        rows = [predictor.predict(len(column))]
        predictor.update(column)
        if mix:
            firsts, _ = split(column, vocabulary.bits)
            rows += [mixer.first(rows[0]), mixer.second(firsts)]
            mixer.update(column)
        for row in rows:
            checksum = zlib.crc32(np.asarray(row).astype("<u4").tobytes(), checksum)
    cases = [number(lanes), number(steps), *(words(c) for c in columns)]
    mixing = pack_mixing(model) if mix else octets(b"")
    return pack_model(model) + mixing + b"".join(cases) + number(checksum)


def main(folder: Path, wanted: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in CONFIGS.items():
        for kind in KINDS:
            case_name = f"{name.replace(' ', '-')}-{kind}"
            if wanted and case_name not in wanted:
                continue
            model = random_model(11, config, kind)
            small = config.width < 500
            case = pack_case(model, 5 if small else 2, 30 if small else 3, kind == "calm")
            (folder / f"{case_name}.case").write_bytes(case)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
