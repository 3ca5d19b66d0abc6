"""Runs one command and reports its time and memory: `python launch.py REPORT COMMAND...`.

It stands between the benchmark and the command, because Linux adds the memory of the process that
starts a command to that command's peak. This process is as small as Python allows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def main(report: str, command: list[str]) -> int:
    """Write `seconds peak-bytes` to the file `report` and return the command's exit status."""
    start = time.perf_counter()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    status, peak = _wait(process)
    if status < 0:
        sys.stderr.write(f"killed by signal {-status}\n")
    with open(report, "w") as file:  # noqa: PTH123 (importing pathlib would double this process)
        file.write(f"{time.perf_counter() - start} {peak}")
    return status


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Return the exit status and the peak memory in bytes, 0 where the system reports none."""
    if not hasattr(os, "wait4"):
        return process.wait(), 0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts kilobytes, macOS bytes.
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
