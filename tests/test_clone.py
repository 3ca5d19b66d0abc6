"""A clone with the package installed: python finds the source folder first, and it works."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


def python(*arguments: str, folder: Path = ROOT, text: bool = True) -> Any:
    """Run python in a folder, by default the repository's root."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=text, check=False)


def test_the_source_folder_uses_the_installed_compiled_module():
    code = "import shazip; from shazip import engines; print(shazip.__file__, *engines.available())"
    done = python("-c", code)
    assert done.stderr == ""
    assert done.stdout.split()[:2] == [str(ROOT / "shazip" / "__init__.py"), "native"]


def test_the_example_of_the_readme_runs_in_the_root(tmp_path):
    text = (ROOT / "README.md").read_text()
    example = text.split("```python\n")[1].split("```")[0].replace("notes.txt", f"{tmp_path}/n")
    done = python("-c", example)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("bits per byte\n")


def test_the_module_runs_as_a_command_in_the_root():
    assert python("-m", "shazip", "models").stdout.count("wikipedia.safetensors") == 1


def test_without_a_compiled_module_the_message_names_cause_and_remedy(tmp_path):
    for name in ("shazip", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    code = (
        "import importlib.util as u; found = u.find_spec;"
        "import shazip; del shazip.__path__[1:];"
        "u.find_spec = lambda name: None if name == 'torch' else found(name);"
        "shazip.compress(b'a')"
    )
    done = python("-c", code, folder=tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("shazip.errors.ShazipError: no engine is installed: ")
    assert "pip install ." in last


def test_torch_in_the_place_of_the_compiled_module_is_told_once(tmp_path):
    pytest.importorskip("torch")
    for name in ("shazip", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "a").write_bytes(b"text" * 50)
    hide = "import shazip; del shazip.__path__[1:]; from shazip.cli.main import main;"
    for flags, lines in (([], 1), (["-q"], 0)):
        arguments = ["compress", "--no-mix", "-m", "tiny", "-cf", *flags, "a"]
        done = python("-c", f"{hide} main({arguments})", folder=tmp_path, text=False)
        assert done.returncode == 0
        assert done.stdout.startswith(b"\xf5shz")
        assert done.stderr.count(b"\n") == lines
    assert (
        b"pip install ."
        in python(
            "-c",
            f"{hide} main(['-cf', '--no-mix', '-m', 'tiny', 'a'])",
            folder=tmp_path,
            text=False,
        ).stderr
    )
