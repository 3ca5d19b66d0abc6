"""The processors that this process may use: cores, affinity, and the quota of its container."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available_cpus() -> int:
    """Return the number of threads that can run at once, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, quota() or cores))


def quota(root: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return the processors that control groups allow, rounded up; None without a limit."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += [_v2(folder) for folder in _up(root, path)]
        elif "cpu" in controllers.split(","):
            limits += [_v1(folder) for folder in _up(root / "cpu", path)]
    found = [limit for limit in limits if limit is not None]
    return min(found) if found else None


def _up(root: Path, path: str) -> list[Path]:
    """Return the folder of a group and those of the groups around it, which limit it too."""
    group = root / path.lstrip("/")
    return [group, *(folder for folder in group.parents if folder.is_relative_to(root))]


def _v2(folder: Path) -> int | None:
    try:
        most, period = (folder / "cpu.max").read_text().split()
        return None if most == "max" else math.ceil(int(most) / int(period))
    except (OSError, ValueError):
        return None


def _v1(folder: Path) -> int | None:
    try:
        most = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return math.ceil(most / period) if most > 0 else None
    except (OSError, ValueError):
        return None
