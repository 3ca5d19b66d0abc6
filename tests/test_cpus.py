"""Processors are counted as the container allows, which cores and affinity do not tell."""

import os

import pytest

from shazip import cpus


@pytest.fixture
def groups(tmp_path):
    """A folder of control groups, and a function that puts this process into some."""

    def join(*lines: str) -> int | None:
        (tmp_path / "self").write_text("".join(f"{line}\n" for line in lines))
        return cpus.quota(tmp_path, tmp_path / "self")

    return tmp_path, join


def test_a_quota_of_version_2_counts_wherever_it_is_set(groups):
    folder, join = groups
    (folder / "pod" / "box").mkdir(parents=True)
    assert join("0::/pod/box") is None
    (folder / "pod" / "box" / "cpu.max").write_text("max 100000\n")
    assert join("0::/pod/box") is None
    (folder / "pod" / "cpu.max").write_text("250000 100000\n")
    assert join("0::/pod/box") == 3
    (folder / "pod" / "box" / "cpu.max").write_text("50000 100000\n")
    assert join("0::/pod/box") == 1


def test_a_quota_of_version_1(groups):
    folder, join = groups
    box = folder / "cpu" / "box"
    box.mkdir(parents=True)
    for quota, found in ((-1, None), (400_000, 4)):
        (box / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (box / "cpu.cfs_period_us").write_text("100000\n")
        assert join("5:memory:/other", "4:cpu,cpuacct:/box") == found


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cpus.quota(tmp_path, tmp_path / "none") is None


def test_the_smaller_of_quota_and_affinity_counts(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    for quota, count in ((None, 8), (3, 3), (16, 8)):
        monkeypatch.setattr(cpus, "quota", lambda quota=quota: quota)
        assert cpus.available_cpus() == count
