"""The examples of the pages run: all Python blocks of a page as one program, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/python.md", "docs/hooks.md"]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page, tmp_path):
    program = "\n".join(blocks(page, "python"))
    assert "shazip" in program
    (tmp_path / "docs").mkdir()  # what the page on hooks archives
    (tmp_path / "docs" / "page.md").write_text("# A page\n")
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_magic_of_the_page_on_hooks_is_found(tmp_path):
    import shazip

    (tmp_path / "notes.txt.shz").write_bytes(shazip.compress(b"notes"))
    (command,) = blocks("docs/hooks.md", "sh")
    script = command.replace("$(python ", f"$({sys.executable} -P ")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    expected = re.search(r"prints `([^`]*)`", (ROOT / "docs" / "hooks.md").read_text())[1]
    assert done.stdout.split() == expected.split()


def test_the_map_names_every_file_of_the_package():
    page = (ROOT / "docs" / "architecture.md").read_text()
    names = set(re.findall(r"[\w.]+\.(?:py|cpp|hpp)", page))
    missing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shazip").rglob("*.py")
        if path.name not in names and path.parent.name != "hooks"
    }
    assert missing == set()


def test_the_map_names_only_what_exists():
    page = (ROOT / "docs" / "architecture.md").read_text()
    names = re.findall(r"`([\w./]+\.(?:py|cpp|hpp|md))`", page)
    folders = ("shazip", "native", "tests", "docs", "benchmarks")
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")}
    there |= {path.name for path in ROOT.iterdir()}
    assert {name for name in names if name.split("/")[-1] not in there} == set()
