"""`shazip eval RUN`: the float network and its exact model side by side, with any window."""

from __future__ import annotations

import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from checkpoints import load_network  # noqa: E402
from cli_run import shazip  # noqa: E402

from shazip.cli.main import run  # noqa: E402
from shazip.engines import open_unproved  # noqa: E402
from shazip.model import file as modelfile  # noqa: E402
from shazip.model.vocabulary import BYTES  # noqa: E402
from shazip.training.evaluate import bits, bits_per_byte  # noqa: E402
from shazip.training.files import is_trained  # noqa: E402
from shazip.training.parallel import Workers  # noqa: E402
from shazip.training.side_by_side import exact_bits  # noqa: E402

WORDS = b"the same words come again and again. "
TRAINED = "--lanes 4 --steps 16 --threads 1 --peak 0.01 --warmup 100 --float32 --quantise-last 0"
SIZES = "--width 16 --boom-width 32 --window 8"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of both architectures, a text of another size than they were trained on."""
    folder = tmp_path_factory.mktemp("eval")
    (folder / "text").write_bytes(WORDS * 400)
    (folder / "test").write_bytes(WORDS[::-1] + WORDS * 20)
    begin = f"train {folder}/text {TRAINED} --total 6400 -o {folder}"
    assert run(f"{begin}/sha {SIZES}".split()) == 0
    assert run(f"{begin}/awd --architecture awd-lstm --width 8 --hidden 16".split()) == 0
    assert run(["export", str(folder / "sha"), "-o", str(folder / "exact.safetensors")]) == 0
    command = ["export", str(folder / "awd"), "--float", "-o", str(folder / "float.safetensors")]
    assert run(command) == 0
    return folder


def rows(*arguments) -> list[list[str]]:
    code, out, err = shazip("eval", *map(str, arguments))
    assert (code, err) == (0, "")
    return [line.split() for line in out.decode().splitlines()[1:]]


def bpb(row: list[str]) -> float:
    return float(row[2])


def test_float_and_exact_stand_side_by_side(folder):
    test = folder / "test"
    one, other = rows(folder / "sha", test)
    assert one[6] == "float"
    assert other[6] in ("native", "torch")
    assert one[0] == other[0] == str(test.stat().st_size)
    assert bpb(one) == pytest.approx(bpb(other), abs=0.05)
    assert bpb(one) < 6


def test_a_checkpoint_is_measured_as_its_run(folder):
    assert [row[:6] for row in rows(folder / "sha" / "checkpoint.pt", folder / "test")] == [
        row[:6] for row in rows(folder / "sha", folder / "test")
    ]


def test_every_byte_counts_whatever_the_lanes(folder):
    network = load_network(folder / "sha" / "checkpoint.pt").eval()
    text = np.fromfile(folder / "test", np.uint8)[:101]
    with Workers(1) as workers, Workers(3) as three:
        cost = functools.partial(bits, network, BYTES)
        whole = cost(text, 1, workers)
        assert whole == pytest.approx(101 * bits_per_byte(network, BYTES, text, 1, workers))
        assert cost(text, 7, workers) == pytest.approx(cost(text, 7, three))
        apart = [cost(text[at : at + 51], 1, workers) for at in (0, 51)]
        assert cost(text, 2, workers) == pytest.approx(sum(apart))


def test_the_window_is_a_parameter_at_test_time(folder):
    seen = {
        window: [bpb(row) for row in rows(folder / "sha", folder / "test", "--window", window)]
        for window in (1, 8, 300)
    }
    assert seen[8] == [bpb(row) for row in rows(folder / "sha", folder / "test")]
    assert len({tuple(found) for found in seen.values()}) == 3
    for one, other in seen.values():
        assert one == pytest.approx(other, abs=0.05)


def test_a_model_file_can_have_another_window_too(folder):
    model, test = folder / "exact.safetensors", folder / "test"
    own = rows("--no-mix", "--lanes", 1, model, test)
    assert rows("--no-mix", "--lanes", 1, "--window", 8, model, test) == own
    (other,) = rows("--no-mix", "--lanes", 1, "--window", 2, model, test)
    assert bpb(other) != bpb(own[0])


def test_another_window_keeps_the_end_of_the_start_memory(folder):
    model = modelfile.load(folder / "exact.safetensors")
    memory = model.tensors["start.memory"]
    assert memory.shape[1] > 1
    short = modelfile.with_window(model, 2)
    assert np.array_equal(short.tensors["start.memory"], memory[:, -1:])
    text = np.fromfile(folder / "test", np.uint8)[:40]
    engines = [open_unproved(short, name) for name in ("native", "torch")]
    assert exact_bits(engines[0], text, 3) == exact_bits(engines[1], text, 3)


def test_a_baseline_has_no_exact_row(folder):
    for source in ("awd", "float.safetensors"):
        (row,) = rows(folder / source, folder / "test")
        assert row[6] == "float"
        assert bpb(row) < 8


def test_what_cannot_be_measured_says_so_in_one_line(folder):
    code, out, err = shazip("eval", folder / "awd", "--window", "5", folder / "test")
    assert (code, out) == (2, b"")
    assert err.splitlines()[0] == "shazip: an awd-lstm has no window."
    code, _, err = shazip("eval", "-m", "tiny", folder / "sha", folder / "test")
    assert code == 2
    assert "give either -m" in err
    code, _, err = shazip("eval", folder / "sha", folder / "none")
    assert code == 1
    assert err == f"shazip: {folder}/none: No such file or directory\n"


def test_only_what_training_left_is_taken_for_it(folder, tmp_path):
    assert is_trained(folder / "sha")
    assert is_trained(folder / "float.safetensors")
    for name in (tmp_path, folder / "exact.safetensors", folder / "text", tmp_path / "none"):
        assert not is_trained(name)


def test_an_empty_file_costs_nothing(folder, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert [row[:3] for row in rows(folder / "sha", tmp_path / "empty")] == [["0", "0", "-"]] * 2
