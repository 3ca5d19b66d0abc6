"""benchmarks.mixing_trial: mixing alone over given frequencies."""

import json

import numpy as np
import pytest

from benchmarks import mixing_trial
from benchmarks.mixing_files import FILES

pytest.importorskip("shazip._native")

RECORDS = np.tile(np.arange(1, 14, dtype=np.uint16), 200)


def test_what_repeats_costs_little():
    found = mixing_trial.trial(RECORDS, None, "few")
    assert found["bytes"] < len(RECORDS) / 20
    assert found["microseconds"] > 0


def test_the_networks_frequencies_count():
    sure = np.ones((len(RECORDS), 256), np.uint32)
    sure[np.arange(len(RECORDS)), RECORDS] = 2**24 - 255
    assert (
        mixing_trial.trial(RECORDS, sure, "text")["bytes"]
        < mixing_trial.trial(RECORDS, None, "text")["bytes"] / 2
    )


def test_a_row_shows_the_change():
    kept = {"bytes": 1000, "microseconds": 5.0}
    line = mixing_trial.row("x", {"bytes": 990, "microseconds": 4.5}, kept).split()
    assert line == ["x", "990", "1000", "-1.00%", "4.50", "5.00"]


def test_the_kept_results_are_of_these_files():
    assert set(json.loads(mixing_trial.RESULTS.read_text())) == set(FILES)
