"""The published figures and their data: `python -m benchmarks.NAME`, see README.md."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `python -m` looks into the root first, where the source folder shazip/ lacks the compiled module.
sys.path[:] = [*(path for path in sys.path if path not in ("", str(ROOT))), str(ROOT)]
