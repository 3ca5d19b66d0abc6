"""What holds for all tests."""

import os
import signal
import sys
from pathlib import Path

# Tests import benchmarks/; behind all else, because the package to test may be the installed one.
sys.path.append(str(Path(__file__).resolve().parent.parent))

# Beside other workers torch's threads would mostly wait for each other; tests of threads set them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Started in the background (nohup, `&` in a script), pytest would hand ignored signals on to the
# processes that tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
