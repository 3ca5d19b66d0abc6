"""Hostile inputs of every kind: what was found once, and a few new ones of each target."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz import TARGETS, __main__, target

FOUND = sorted((Path(__file__).parent / "fuzz" / "found").glob("*-*"))
CASES = 40


@pytest.mark.parametrize("name", TARGETS)
def test_cases_are_refused_or_accepted_by_all_interfaces_alike(name):
    module = target(name)
    accepted = sum(module.judge(module.make(Random(f"test {case}"))) for case in range(CASES))
    assert 0 < accepted < CASES


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_once_holds(path):
    target(path.name.partition("-")[0]).judge(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_makes_the_same_cases_again(name):
    module = target(name)
    made = [[module.make(Random(f"{case}")) for case in range(20)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 10


def test_a_finding_is_kept_and_counted(tmp_path, monkeypatch, capsys):
    def judge(case):
        raise IndexError(case)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "build" / "fuzz").mkdir(parents=True)
    monkeypatch.setattr(__main__, "FOUND", tmp_path)
    monkeypatch.setattr(__main__, "limit_memory", lambda: None)
    monkeypatch.setattr(target("index"), "judge", judge)
    assert __main__.run("index", 0.01, 0) >= 1
    kept = list(tmp_path.glob("index-*"))
    assert kept
    assert kept[0].read_bytes() == target("index").make(Random("0 0")) or len(kept) > 1
    assert "IndexError" in capsys.readouterr().err
