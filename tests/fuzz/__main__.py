"""`python -m tests.fuzz TARGET...`: makes and judges cases until the time is over.

A finding is written to tests/fuzz/found/, where tests/test_fuzz.py reads it from then on. The case
at work stands in build/fuzz/; after a crash of the process it is the finding.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import resource
import sys
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from . import TARGETS, target

FOUND = Path(__file__).parent / "found"
AT_WORK = Path("build/fuzz")
CASE_SECONDS = 300  # on a busy machine; a decoder that never ends is a finding
MEMORY = 1 << 31  # bytes of address space besides what a process begins with


def main() -> int:
    """Run the targets of a command line; return 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--seconds", type=float, default=15, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="another one makes other cases")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target is called {min(unknown)!r}")
    AT_WORK.mkdir(parents=True, exist_ok=True)
    names = options.targets or TARGETS
    findings = sum(run(name, options.seconds, options.seed) for name in names)
    return int(findings > 0)


def run(name: str, seconds: float, seed: int) -> int:
    """Judge cases of one target; return the number of findings."""
    module = target(name)
    at_work = AT_WORK / name
    module.make(Random(0))  # builds the seeds
    limit_memory()
    start, cases, accepted, findings = time.monotonic(), 0, 0, 0
    while time.monotonic() - start < seconds:
        case = module.make(Random(f"{seed} {cases}"))
        at_work.write_bytes(case)
        faulthandler.dump_traceback_later(CASE_SECONDS, exit=True, file=sys.__stderr__)
        try:
            accepted += module.judge(case)
        except Exception:
            findings += 1
            _keep(name, case)
        faulthandler.cancel_dump_traceback_later()
        cases += 1
    at_work.unlink(missing_ok=True)
    passed = time.monotonic() - start
    print(f"{name}: {cases} cases, {accepted} accepted, {findings} findings, {passed:.0f} s")
    return findings


def limit_memory() -> None:
    """Let an allocation far beyond every memory limit fail, which is a finding."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _keep(name: str, case: bytes) -> None:
    traceback.print_exc()
    path = FOUND / f"{name}-{hashlib.sha256(case).hexdigest()[:12]}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(case)
    print(f"{name}: a finding, kept as {path}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
