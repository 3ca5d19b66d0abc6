"""What holds for all tests."""

import os
import signal
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)

# `python -m pytest` looks into the root first, where the source folder shazip/ lacks the compiled
# module: tests of the native engine would be skipped. benchmarks/ is found there all the same.
sys.path[:] = [*(path for path in sys.path if path not in ("", ROOT)), ROOT]

# Beside other workers torch's threads would mostly wait for each other; tests of threads set them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Started in the background (nohup, `&` in a script), pytest would hand ignored signals on to the
# processes that tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
