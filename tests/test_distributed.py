"""Several processes train as one would, end together, and lose no checkpoint."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from shazip.cli.main import run as shazip
from shazip.training import metrics
from shazip.training.checkpoint import load_checkpoint

TRAIN = ["-m", "shazip", "train"]
NETWORK = ["--width", "16", "--boom-width", "32", "--window", "8"]
LANES = ["--lanes", "8", "--steps", "12", "--threads", "1", "--float32"]
SETTINGS = [*NETWORK, *LANES, "--peak", "0.01", "--warmup", "200", "--log-updates", "1"]
LONGER = ["--total", str(20 * 8 * 12), "--log-updates", "1"]
HALF = 10 * 8 * 12  # bytes in ten updates
# Work is left to gloo's threads, and they then have to ask Python to let go of its tensors.
BUSY_TO_THE_END = """
import warnings
import torch.distributed as dist
from torch import nn, ones
from shazip.cli.main import main
from shazip.training.distributed import joined
warnings.simplefilter("ignore")
with joined() as group:
    network = group.wrap(nn.Linear(3, 3))
    for _ in range(50):
        dist.all_reduce(ones(100_000), async_op=True)
main(["--version"])
"""
LOCAL = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(b"the same words come again and again. " * 200)
    return path


def losses(folder: Path) -> list[float]:
    return [line["bpb"] for line in metrics.read(folder / "metrics.jsonl")]


def norms(folder: Path) -> list[float]:
    return [line["norm"] for line in metrics.read(folder / "metrics.jsonl")]


def torchrun(*arguments: object) -> None:
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    line = [sys.executable, *launch, *TRAIN, *map(str, arguments)]
    subprocess.run(line, env=LOCAL, timeout=300, check=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def one_of_two(rank: int, port: int, *line: object) -> subprocess.Popen[str]:
    """A process of a run of two, told what torchrun would tell it."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    python = [sys.executable, *map(str, line)]
    env = {**LOCAL, **place, "RANK": str(rank)}
    return subprocess.Popen(python, env=env, stderr=subprocess.PIPE, text=True)


def pair(*line: object) -> list[subprocess.Popen[str]]:
    port = free_port()
    return [one_of_two(rank, port, *line) for rank in range(2)]


def wait_for(path: Path, processes: list[subprocess.Popen[str]]) -> None:
    while not (path.exists() and path.stat().st_size):
        if any(process.poll() is not None for process in processes):
            pytest.fail(f"ended early: {[process.communicate() for process in processes]}")
        time.sleep(0.02)


def ends(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit code and standard error of each."""
    errors = [process.communicate(timeout=120)[1] for process in processes]
    return [(p.returncode, error) for p, error in zip(processes, errors, strict=True)]


def test_two_processes_train_as_one(tmp_path, text):
    one, two, alone = (tmp_path / name for name in ("one", "two", "alone"))
    assert shazip(["train", str(text), "-o", str(one), *SETTINGS, "--total", str(HALF)]) == 0
    assert shazip(["train", "--resume", str(one), *LONGER]) == 0
    assert len(losses(one)) == 20

    torchrun(text, "-o", two, *SETTINGS, "--total", HALF)
    assert losses(two) == pytest.approx(losses(one)[:10], rel=1e-5)
    shutil.copytree(two, alone)
    # The gradients of several threads are summed in another way than those of one.
    torchrun("--resume", two, *LONGER, "--threads", 2)
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    # Neither AdamW nor a clipped gradient would show that it is as a whole too large.
    assert norms(two) == pytest.approx(norms(one), rel=1e-4)

    assert shazip(["train", "--resume", str(alone), *LONGER]) == 0
    assert losses(alone) == pytest.approx(losses(one), rel=1e-5)


def test_a_lost_process_ends_the_other_with_one_line_and_a_checkpoint(tmp_path, text):
    run = tmp_path / "run"
    processes = pair(*TRAIN, text, "-o", run, *SETTINGS, "--total", "1GB", "--save-seconds", "0.05")
    wait_for(run / "checkpoint.pt", processes)
    processes[1].kill()
    (code, error), _ = ends(processes)
    line = "shazip: process 0 of 2 lost another process; the last checkpoint is kept\n"
    assert (code, error) == (1, line)
    assert load_checkpoint(run / "checkpoint.pt")[1]["updates"] > 0


def test_a_signal_to_one_process_ends_all_after_the_same_update(tmp_path, text):
    run = tmp_path / "run"
    processes = pair(*TRAIN, text, "-o", run, *SETTINGS, "--total", "1GB", "--valid", text)
    wait_for(run / "metrics.jsonl", processes)
    processes[1].send_signal(signal.SIGTERM)
    (code, line), other = ends(processes)
    assert (code, other) == (0, (143, ""))
    assert f"next: shazip train --resume {run}\n" in line  # process 0 speaks for all
    assert load_checkpoint(run / "checkpoint.pt")[1]["updates"] == len(losses(run))


def test_a_process_that_waits_for_the_others_can_be_ended(tmp_path, text):
    port = free_port()
    process = one_of_two(0, port, *TRAIN, text, "-o", tmp_path / "run", *SETTINGS, "--total", HALF)
    with socket.socket() as caller:
        while process.poll() is None and caller.connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_what_goes_wrong_in_all_is_reported_by_one(tmp_path, text):
    processes = pair(*TRAIN, text, "-o", tmp_path / "run", *SETTINGS, "--lanes", 1, "--total", HALF)
    line = "shazip: 1 lanes are too few for 2 processes with 1 threads each\n"
    assert ends(processes) == [(1, line), (1, "")]


def test_threads_that_are_still_busy_do_not_abort_a_process_at_its_end():
    assert ends(pair("-c", BUSY_TO_THE_END)) == [(0, ""), (0, "")]


def test_a_half_told_process_is_refused(tmp_path, text, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    assert shazip(["train", str(text), "-o", str(tmp_path / "run"), "--total", "100"]) == 1
    assert capsys.readouterr().err == (
        "shazip: RANK is not a number; several processes need torchrun\n"
    )
