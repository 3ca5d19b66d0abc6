"""Describes the machine that the figures come from."""

from __future__ import annotations

import platform
from pathlib import Path

from shazip import __version__
from shazip.cpus import available_cpus


def describe() -> dict[str, str]:
    """Return processor, cores, memory, system and versions."""
    return {
        "cpu": _cpu(),
        "cores": str(available_cpus()),
        "memory": _memory(),
        "system": _system(),
        "python": platform.python_version(),
        "shazip": __version__,
    }


def _cpu() -> str:
    return _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()


def _memory() -> str:
    kilobytes = _field(Path("/proc/meminfo"), "MemTotal").split(" ")[0]
    return f"{int(kilobytes) / 2**20:.0f} GiB memory" if kilobytes else "memory unknown"


def _system() -> str:
    name = _field(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"')
    return name or f"{platform.system()} {platform.release()}"


def _field(path: Path, name: str, separator: str = ":") -> str:
    """Return the value of the first line `name: value` in a file; empty if there is none."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return ""
