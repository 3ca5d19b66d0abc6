"""`shazip train` on the command line."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from shazip.cli.main import run as shazip
from shazip.texts.corpora import KNOWN, Known
from shazip.training import metrics
from shazip.training.checkpoint import load_checkpoint
from shazip.training.settings import AwdLstmConfig, Corpus

NETWORK = ["--width", "16", "--boom-width", "32", "--window", "8"]
SMALL = [*NETWORK, "--lanes", "4", "--steps", "12", "--threads", "1"]


@pytest.fixture
def text(tmp_path) -> str:
    path = tmp_path / "text"
    path.write_bytes(b"the same words come again and again. " * 200)
    return str(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "run"


def test_a_run_begins_and_is_resumed_longer(text, folder, capsys):
    begin = ["train", "-v", f"{text}=2", text, "-o", str(folder), *SMALL, "--total", "480"]
    assert shazip([*begin, "--peak", "0.01", "--valid", text, "--log-updates", "1"]) == 0
    resume = ["train", "--resume", str(folder), "--total", "960", "--decay", "0.25"]
    assert shazip(resume) == 0
    config, state = load_checkpoint(folder / "checkpoint.pt")
    assert (state["done"], config.schedule.total, config.schedule.decay) == (960, 960, 0.25)
    assert [corpus.weight for corpus in config.corpora] == [2, 1]
    assert config.schedule.peak == 0.01
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *others, done, last = captured.err.splitlines()
    assert first.startswith(f"shazip: {folder}: sha-rnn, ")
    assert any("width=16 boom_width=32" in line for line in others)
    assert any("lanes=4 steps=12" in line for line in others)
    assert re.fullmatch(
        rf"shazip: {folder}: 480 B in 10 updates, \d\.\d{{3}} bits per byte; "
        rf"next: shazip export {folder} -o run.safetensors",
        done,
    )
    assert last.startswith(f"shazip: {folder}: 960 B in 20 updates, ")
    assert json.loads((folder / "config.json").read_text())["schedule"]["total"] == 960
    assert any("valid_average" in line for line in metrics.read(folder / "metrics.jsonl"))


@pytest.mark.parametrize("name", ["enwik8", "any"])
def test_a_corpus_is_checked_and_split(name, folder, tmp_path, monkeypatch):
    content = bytes(range(200)) * 10
    sha1 = hashlib.sha1(content).hexdigest()
    monkeypatch.setitem(KNOWN, "enwik8", Known("enwik8", len(content), sha1, ""))
    (tmp_path / "e8").write_bytes(content)
    begin = ["train", "--corpus", name, str(tmp_path / "e8"), "-o", str(folder), *SMALL]
    assert shazip([*begin, "--total", "48"]) == 0
    assert shazip(["train", "--resume", str(folder), "--total", "96"]) == 0
    config, state = load_checkpoint(folder / "checkpoint.pt")
    assert config.corpora == (Corpus(tmp_path / "e8", part="train"),)
    assert state["feed"]["hashes"] == [hashlib.sha256(content[:1800]).hexdigest()]
    lines = [line for line in metrics.read(folder / "metrics.jsonl") if "bpb" not in line]
    assert [line["bytes"] for line in lines] == [48] * 4 + [96] * 4
    sizes = [line.get("valid_bytes") or line["test_bytes"] for line in lines]
    assert sizes == [100] * 8
    assert {"valid", "valid_average", "test", "test_average"} < set().union(*lines)


CORPUS = {
    "wrong size": ("enwik8", b"x" * 99, "has 99 bytes, enwik8 has 100,000,000"),
    "too small for its split": ("any", b"x" * 30, "has 30 bytes, too few to split"),
    "a folder": ("enwik8", None, "Is a directory"),
}


@pytest.mark.parametrize(("name", "content", "message"), CORPUS.values(), ids=CORPUS.keys())
def test_a_wrong_corpus_is_refused_in_one_line(name, content, message, folder, tmp_path, capsys):
    path = tmp_path / "e8"
    path.mkdir() if content is None else path.write_bytes(content)
    begin = ["train", "--corpus", name, str(path), "-o", str(folder), *SMALL, "--total", "48"]
    assert shazip(begin) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert message in line
    assert not (folder / "checkpoint.pt").exists()


USAGE = {
    "two texts of one corpus": "-o {run} --corpus any {text} {text} --total 100kB",
    "unknown corpus": "-o {run} --corpus enwik7 {text} --total 100kB",
    "corpus when resumed": "--resume {run} --corpus any",
    "neither new nor resumed": "{text}",
    "new and resumed": "-o {run} --resume {run}",
    "no text": "-o {run} --total 100kB",
    "no total": "-o {run} {text}",
    "bad weight": "-o {run} {text}=much --total 100kB",
    "bad layers": "-o {run} {text} --total 100kB --attention one",
    "impossible sizes": "-o {run} {text} --total 100kB --width 16 --boom-width 17",
    "texts when resumed": "--resume {run} {text}",
    "sizes of another architecture": "-o {run} {text} --total 100kB --hidden 16",
    "bad betas": "-o {run} {text} --total 100kB --betas 0.9",
    "bad drops": "-o {run} {text} --total 100kB --drops half",
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE.keys())
def test_usage_errors_exit_with_2(arguments, text, folder, capsys):
    assert shazip(["train", *arguments.format(text=text, run=folder).split()]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert not folder.exists()


@pytest.mark.parametrize("arguments", ["-o {run} {run}/none --total 100kB", "--resume {run}"])
def test_missing_files_exit_with_1_and_one_line(arguments, folder, capsys):
    assert shazip(["train", *arguments.format(run=folder).split()]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_save_and_stop(text, folder, number):
    command = [sys.executable, "-m", "shazip", "train", text, "-o", str(folder), *SMALL]
    command += ["--total", "1GB", "--log-updates", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = folder / "metrics.jsonl"
    while process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert error.startswith(f"shazip: {folder}: stopped after ")
    assert error.endswith(f"next: shazip train --resume {folder}\n")
    _, state = load_checkpoint(folder / "checkpoint.pt")
    assert state["updates"] == len(list(metrics.read(log))) > 0


@pytest.mark.parametrize(
    "other",
    ["--width 32", "--attention -", "--preset tiny", "--optimiser lamb", "--architecture awd-lstm"],
)
def test_a_run_keeps_its_configuration(other, text, folder, capsys):
    assert shazip(["train", text, "-o", str(folder), *SMALL, "--total", "48"]) == 0
    before = (folder / "checkpoint.pt").read_bytes()
    capsys.readouterr()
    assert shazip(["train", "--resume", str(folder), "--total", "960", *other.split()]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("shazip: a run keeps its ")
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_the_same_configuration_may_be_given_again(text, folder):
    assert shazip(["train", text, "-o", str(folder), *SMALL, "--total", "48"]) == 0
    assert shazip(["train", "--resume", str(folder), *SMALL, "--total", "96"]) == 0
    assert load_checkpoint(folder / "checkpoint.pt")[1]["done"] == 96


def test_awd_lstm_is_trained_but_never_exported(text, folder, capsys):
    sizes = ["--preset", "tiny", "--hidden", "12", "--lanes", "4", "--steps", "12"]
    command = ["train", text, "-o", str(folder), "--architecture", "awd-lstm", *sizes]
    assert shazip([*command, "--total", "96", "--threads", "1", "--drop-weights", "0.5"]) == 0
    config, _ = load_checkpoint(folder / "checkpoint.pt")
    assert config.network == AwdLstmConfig(width=32, hidden=12, layers=3)
    assert config.regularisation.drop_weights == 0.5
    assert capsys.readouterr().err.endswith(f"; next: shazip eval {folder} FILE\n")
    assert shazip(["export", str(folder), "-o", str(folder / "model")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "shazip: only a sha-rnn becomes an exact model, not an awd-lstm"
    assert not (folder / "model").exists()


def test_awd_lstm_has_no_full_preset(text, folder, capsys):
    command = ["train", text, "-o", str(folder), "--architecture", "awd-lstm"]
    assert shazip([*command, "--preset", "paper-full"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("shazip: awd-lstm has no preset paper-full, only tiny")


def test_a_folder_of_parts_is_measured_by_its_words(tmp_path):
    """A stand-in of WikiText's form: perplexity is the text's bits shared out over its words."""
    lines = b" the same words come again .\n \n"
    for part, count in (("train", 60), ("valid", 4), ("test", 3)):
        (tmp_path / f"wiki.{part}.tokens").write_bytes(lines * count)
    begin = ["train", "--corpus", "any", str(tmp_path), "-o", str(tmp_path / "run"), *SMALL]
    assert shazip([*begin, "--total", "96"]) == 0
    written = {
        key: value
        for line in metrics.read(tmp_path / "run" / "metrics.jsonl")
        for key, value in line.items()
    }
    words = 4 * 8  # six words and two ends of lines
    assert written["valid_bytes"] == 4 * len(lines)
    perplexity = 2 ** (written["valid_average"] * written["valid_bytes"] / words)
    assert written["valid_average_perplexity"] == pytest.approx(perplexity, rel=1e-3)
    assert written["test_perplexity"] > 1
