"""Checkpoints are as safe as archives: damage is reported, with the name of the file."""

from __future__ import annotations

import errno
import re
import resource
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from shazip.errors import ShazipError  # noqa: E402
from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.training import run, sealed  # noqa: E402
from shazip.training.checkpoint import UNSEALED, VERSION, load_checkpoint  # noqa: E402
from shazip.training.errors import TrainingError  # noqa: E402
from shazip.training.settings import (  # noqa: E402
    CHECKPOINT,
    Corpus,
    RunConfig,
    Schedule,
    TrainConfig,
)

SMALL = NetworkConfig(width=16, boom_width=16, layers=1, attention=(0,), window=4)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
    """The checkpoint of one update of a small network."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "text").write_bytes(b"the same words come again and again. " * 20)
    config = TrainConfig((Corpus(folder / "text"),), Schedule(32, 1e-2), SMALL, lanes=2, steps=16)
    run.begin(config, folder / "run", RunConfig())
    return (folder / "run" / CHECKPOINT).read_bytes()


@pytest.fixture
def path(tmp_path, written) -> Path:
    path = tmp_path / CHECKPOINT
    path.write_bytes(written)
    return path


@pytest.fixture
def unsealed(path) -> Path:
    """The same checkpoint as the version before wrote it, without a seal."""
    torch.save({**sealed.load(path)[0], "version": UNSEALED}, path)
    return path


def places(size: int, step: int) -> list[int]:
    """Return every place of the first and the last 64 bytes, and every `step`-th between them."""
    return [*range(64), *range(64, size - 64, step), *range(size - 64, size)]


def refused(path: Path) -> bool:
    """Return whether loading raises the one error there is, and it names the file."""
    try:
        load_checkpoint(path)
    except TrainingError as error:
        return str(path) in str(error)
    return False


def flip(path: Path, place: int) -> None:
    """Flip a bit of the byte at `place`; a second call brings it back."""
    with path.open("r+b") as file:
        file.seek(place)
        [byte] = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << place % 8]))


def equal(one: object, other: object) -> bool:
    """Return whether nested states are the same, bit for bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and one == other


def test_every_flipped_bit_is_reported(path, written):
    for place in places(len(written), 97):
        flip(path, place)
        assert refused(path), place
        flip(path, place)
    assert not refused(path)


def test_every_truncation_is_reported(path, written):
    for size in places(len(written), 997):
        path.write_bytes(written[:size])
        assert refused(path), size


@pytest.mark.parametrize("more", [b"\0", b"\0" * 512, sealed.MARK + bytes(32)])
def test_bytes_behind_the_seal_are_reported(path, written, more):
    path.write_bytes(written + more)
    assert refused(path)


def test_a_lost_seal_is_reported(path, written):
    path.write_bytes(written[: -len(sealed.MARK) - 32])
    with pytest.raises(TrainingError, match="checksum is missing"):
        load_checkpoint(path)


def test_a_checkpoint_without_a_seal_loads_as_before(path, unsealed, written):
    config, state = load_checkpoint(unsealed)
    path.write_bytes(written)
    assert VERSION == UNSEALED + 1
    assert load_checkpoint(path)[0] == config
    assert equal(load_checkpoint(path)[1], state)


def test_damage_to_an_unsealed_checkpoint_is_reported_or_changes_nothing(unsealed):
    state = load_checkpoint(unsealed)[1]
    found = {True: 0, False: 0}
    for place in places(unsealed.stat().st_size, 997):
        flip(unsealed, place)
        reported = refused(unsealed)
        found[reported] += 1
        assert reported or equal(load_checkpoint(unsealed)[1], state), place
        flip(unsealed, place)
    assert found[True] > found[False]


def test_damage_is_an_error_of_shazip():
    assert issubclass(TrainingError, ShazipError)


def test_a_missing_file_stays_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        load_checkpoint(tmp_path / "none")


def test_a_full_disk_names_the_checkpoint_and_keeps_the_last_one(path, written):
    content = {"large": torch.zeros(1 << 20)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            sealed.save(content, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_bytes() == written
    assert list(path.parent.iterdir()) == [path]
