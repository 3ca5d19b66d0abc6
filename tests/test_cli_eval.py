"""`shazip eval`: what it says is what compression achieves."""

import json

import numpy as np
import pytest
from cli_run import TEXT, DriftingEngine, fake_codec, shazip
from fake import CountingPredictor, FakeEngine, counting

from shazip import info
from shazip.cli.options import CodecOptions
from shazip.measure import Meter, frequency_bits
from shazip.settings import Coding

TITLES = ["original", "predicted", "bpb", "blocks", "stored"]
TITLES += ["lanes", "engine", "mixing", "model", "name"]


class LogitPredictor(CountingPredictor):
    """Counting in steps of 1/32 of a nat, so that the logits say the same as the frequencies."""

    def logits(self, live):
        """Return int16 (live, 256)."""
        super().predict(live)
        return np.rint(32 * np.log(self.counts[:live])).astype(np.int16)

    def predict(self, live):
        """Return frequencies (live, 256) of the same logits."""
        weights = np.exp(self.logits(live) / 32)
        bounds = np.zeros((live, 257))
        np.cumsum(weights, axis=1, out=bounds[:, 1:])
        bounds = (bounds / bounds[:, -1:] * (2**24 - 256)).astype(np.uint32)
        return 1 + np.diff(bounds)


class LogitEngine(FakeEngine):
    def predictor(self, lanes):
        """Return a predictor with logits."""
        return LogitPredictor(lanes, self.weight)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with the file `a`, and an engine with logits."""
    monkeypatch.setattr(CodecOptions, "open", lambda self: fake_codec(self, LogitEngine()))
    monkeypatch.setattr(CodecOptions, "open_engine", lambda self, window=None: LogitEngine())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT * 4)
    return tmp_path


def rows(*arguments, **keywords):
    code, out, err = shazip("eval", "--no-mix", *arguments, **keywords)
    assert (code, err) == (0, "")
    titles, *cells = (line.split() for line in out.decode().splitlines())
    assert titles == TITLES
    return [dict(zip(TITLES, row, strict=True)) for row in cells]


@pytest.mark.parametrize(
    "flags", [[], ["--lanes", "1"], ["--lanes", "7"], ["--block-size", "512"], ["--lanes", "3"]]
)
def test_the_archive_is_as_large_as_predicted(folder, flags):
    (row,) = rows(*flags, "a")
    shazip("compress", "--no-mix", *flags, "a")
    found = info("a.shz")
    assert int(row["blocks"]) == found.blocks
    assert int(row["lanes"]) == found.lanes
    predicted = int(row["predicted"])
    overhead = 64 + 32 * found.blocks
    assert 0 <= found.compressed_size - predicted <= 0.0005 * predicted + overhead


def test_the_row_names_what_was_measured(folder):
    (row,) = rows("--lanes", "2", "a")
    assert row["original"] == str(len(TEXT) * 4)
    assert row["stored"] == "0"
    assert (row["engine"], row["mixing"], row["model"]) == ("fake", "no", "fake")
    assert float(row["bpb"]) == pytest.approx(8 * int(row["predicted"]) / len(TEXT) / 4, abs=5e-3)


def test_incompressible_blocks_cost_their_bytes_and_drop_the_state(folder):
    noise = np.random.default_rng(0).bytes(4096)
    text = TEXT[:400]
    (folder / "b").write_bytes(noise + text)
    (mixed,) = rows("--block-size", "4k", "--lanes", "1", "b")
    (alone,) = rows("--block-size", "4k", "--lanes", "1", stdin=text)
    assert mixed["stored"] == "1"
    assert int(mixed["predicted"]) == 4096 + int(alone["predicted"])


def test_an_empty_file_costs_nothing():
    (row,) = rows(stdin=b"")
    assert (row["original"], row["predicted"], row["bpb"]) == ("0", "0", "-")


def test_several_files_share_table_and_engine(folder, monkeypatch):
    opened = []

    def open_engine(self, window=None):
        opened.append(self.model)
        return LogitEngine()

    monkeypatch.setattr(CodecOptions, "open_engine", open_engine)
    assert [row["name"] for row in rows("x.safetensors", "a", "a")] == ["a", "a"]
    assert opened == ["x.safetensors"]


def test_a_missing_file_is_reported_and_the_others_go_on(folder):
    code, out, err = shazip("eval", "--no-mix", "missing", "a")
    assert (code, err) == (1, "shazip: missing: No such file or directory\n")
    assert out.decode().split()[-1] == "a"


def test_frequencies_are_measured_exactly():
    bits = frequency_bits(counting(2), np.array([65, 66], np.uint16))
    assert bits == pytest.approx(16, abs=1e-4)


def test_an_engine_without_logits_is_our_own_mistake_and_still_one_line(monkeypatch):
    monkeypatch.setattr(CodecOptions, "open_engine", lambda self, window=None: DriftingEngine())
    code, _, err = shazip("eval", "--no-mix", "a")
    assert (code, err.count("\n")) == (1, 1)
    assert "AttributeError" in err
    assert "-vv" in err


def test_progress_counts_what_is_done(folder):
    seen = []
    meter = Meter(LogitEngine(), Coding(mix=False, lanes=1))
    with (folder / "a").open("rb") as file:
        found = meter.measure(file, lambda *pair: seen.append(pair))
    assert seen == sorted(seen)
    assert seen[-1][0] <= found.size


def test_json_has_the_numbers_of_the_row():
    title, cells = (line.split() for line in shazip("eval", "a").out.decode().splitlines())
    assert title == TITLES
    record = json.loads(shazip("eval", "--json", "a").out)
    assert [str(record[key]) for key in ("original_size", "predicted_size")] == cells[:2]
    assert f"{record['bpb']:.4f}" == cells[2]
    assert record["bits"] == record["bpb"] * record["original_size"]
    assert [record["engine"], record["model"], record["name"]] == [cells[6], *cells[8:]]
