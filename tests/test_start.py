"""The first moments of a process: refused interpreters, interrupts while modules are imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

SUB_INTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
options = {"isolated": False} if sys.version_info[:2] == (3, 12) else {}
options = {"config": "legacy"} if sys.version_info >= (3, 13) else options
sub = interpreters.create(**options)
interpreters.run_string(sub, '''
try:
    import shazip
except ImportError as error:
    print(error)
''')
"""

INTERRUPTED = """
import os, signal, sys
place = sys.argv.pop(1)
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == place:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from shazip.entry import main
main()
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_a_sub_interpreter_is_refused_in_one_sentence():
    done = python(SUB_INTERPRETER)
    sentence = "shazip runs in Python's main interpreter only, not in a sub-interpreter\n"
    assert (done.stdout, done.stderr) == (sentence, "")


def test_python_without_its_global_lock_is_refused_in_one_sentence():
    done = python("import sys; sys._is_gil_enabled = lambda: False; import shazip")
    last = done.stderr.splitlines()[-1]
    sentence = "shazip needs Python's global lock: start Python with PYTHON_GIL=1"
    assert (done.returncode, last) == (1, f"ImportError: {sentence}")


def test_python_with_its_global_lock_switched_on_is_accepted():
    done = python("import sys; sys._is_gil_enabled = lambda: True; import shazip; print('in')")
    assert (done.returncode, done.stdout) == (0, "in\n")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("module", ["shazip.cli.main", "click", "shazip.cli.report", "typing"])
def test_an_interrupt_while_the_command_is_imported_ends_it_quietly(module):
    done = python(INTERRUPTED, module, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_while_a_subcommand_is_imported_ends_it_with_130():
    done = python(INTERRUPTED, "shazip.cli.files", "compress", "--help")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_that_is_ignored_stays_ignored_from_the_start():
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + INTERRUPTED
    done = python(code, "shazip.cli.main", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("shazip ")
