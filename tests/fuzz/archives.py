"""Hostile archives, read by every interface with the native engine."""

from __future__ import annotations

import contextlib
import io
import os
from functools import cache
from random import Random

from random_models import random_model

import shazip
from shazip.archive import Codec
from shazip.container import HEADER_SIZE, MODEL_ID_SIZE
from shazip.engines import open_unproved
from shazip.errors import ShazipError
from shazip.model.config import NetworkConfig
from shazip.salvage import salvage

from . import mutate, structure

MEMORY = 1 << 26
TEXT = b"Neural compressors win every benchmark and are used by nobody. " * 4
MIXED = TEXT[:90] + Random(0).randbytes(100) + TEXT[:50]
CONTENTS = (TEXT, MIXED[:100], MIXED[100:200], MIXED[200:])  # of all frames of the seeds
BYTES = NetworkConfig(16, 32, 1, (0,), 8, 1)
STRINGS = NetworkConfig(16, 32, 1, (0,), 8, 1, 512)
SETTINGS = (
    {"mix": False, "lanes": 3},
    {"mix": True, "lanes": 2, "block_size": 64},
    {"mix": True},
)


@cache
def codecs() -> tuple[Codec, ...]:
    """Return codecs with a model of bytes and with one of strings."""
    models = [random_model(1, config) for config in (BYTES, STRINGS)]
    engines = [open_unproved(model, "native", threads=1) for model in models]
    return tuple(
        Codec(engine=engine, memory_limit=MEMORY, **settings)
        for engine in engines
        for settings in SETTINGS
    )


@cache
def seeds() -> tuple[bytes, ...]:
    """Return good archives: of several blocks, frames, kinds of blocks, and an empty one."""
    found = [codecs()[0].compress(b"")]
    for codec in codecs():
        found.append(codec.compress(TEXT))
        framed = io.BytesIO()
        codec.compress_stream(io.BytesIO(MIXED), framed, frame_size=100)
        found.append(framed.getvalue())
    return tuple(found)


def make(rng: Random) -> bytes:
    """Return an archive with damage that checksums show, or that none shows."""
    packed = rng.choice(seeds())
    if rng.randrange(3) == 0:
        return mutate.data(rng, packed)
    frames = structure.take_apart(packed)
    at = rng.randrange(len(frames))
    frames[at] = structure.damaged(rng, frames[at])
    return b"".join(frame.pack() for frame in frames)


def judge(case: bytes) -> bool:
    """Read the archive in every way; return whether it was accepted."""
    codec = _codec(case)
    content = _content(codec, case)
    _inspect(case, content)
    sink = io.BytesIO()
    saved = salvage(codec, io.BytesIO(case), sink)
    if content is None:
        _read_to_the_error(codec, case)
        return False
    assert _is_true(content), "the content is none that was ever compressed"
    assert not saved.losses
    assert sink.getvalue() == content
    with shazip.open(io.BytesIO(case), codec=codec) as file:
        assert file.read() == content
        middle = len(content) // 2
        file.seek(middle)
        assert file.read() == content[middle:]
    return True


def _is_true(content: bytes) -> bool:
    """Return whether the content is that of whole frames of the seeds, one after another."""
    while content:
        frame = next((each for each in CONTENTS if content.startswith(each)), None)
        if frame is None:
            return False
        content = content[len(frame) :]
    return True


def _codec(case: bytes) -> Codec:
    """Return the codec that has the model of the first frame."""
    model = case[HEADER_SIZE - 4 - MODEL_ID_SIZE : HEADER_SIZE - 4]
    return next((codec for codec in codecs() if codec.model.id == model), codecs()[0])


def _content(codec: Codec, case: bytes) -> bytes | None:
    try:
        return codec.decompress(case)
    except ShazipError:
        return None


def _inspect(case: bytes, content: bytes | None) -> None:
    try:
        info = shazip.info(case)
    except ShazipError:
        assert content is None
        return
    assert content is None or info.original_size == len(content)


def _read_to_the_error(codec: Codec, case: bytes) -> None:
    """Read what decompress refuses; a file must not end as if it were whole."""
    try:
        with shazip.open(io.BytesIO(case), codec=codec) as file:
            while file.read(50):
                pass
    except ShazipError:
        pass
    else:
        raise AssertionError("open reads what decompress refuses")
    with (
        contextlib.suppress(ShazipError),
        shazip.open(io.BytesIO(case), codec=codec) as file,
    ):
        file.seek(0, os.SEEK_END)
