"""The package's metadata, examples, and what a build says."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TEXT = ROOT / "tests" / "data" / "wikipedia.xml"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def run(command: list[str | Path], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_an_example_runs(name, tmp_path):
    done = run([sys.executable, "-P", ROOT / "examples" / name], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_example_with_a_model_of_ones_own_runs(tmp_path):
    pytest.importorskip("torch")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [ROOT / "examples" / "own_model.sh", TEXT, "5kB"]
    done = run(command, cwd=tmp_path, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_compiler_one_sentence_says_so(tmp_path):
    cmake = shutil.which("cmake")
    assert cmake, "the dev extra installs cmake"
    environment = {**os.environ, "CXX": str(tmp_path / "missing")}
    done = run([cmake, "-S", ROOT / "native", "-B", tmp_path / "build"], env=environment)
    assert done.returncode == 1
    assert "shazip needs a C++17 compiler, and found none." in " ".join(done.stderr.split())


def test_the_repository_s_address_is_the_same_everywhere():
    address = PROJECT["project"]["urls"]["Homepage"]
    urls = [*PROJECT["project"]["urls"].values()]
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    urls += [item["replacement"].removeprefix("\\1") for item in hook["substitutions"]]
    raw = address.replace("github.com", "raw.githubusercontent.com")
    assert [url for url in urls if not url.startswith((address, raw))] == []


def test_the_page_of_the_package_has_no_relative_links():
    page = importlib.metadata.metadata("shazip").get_payload()
    assert "shazip.compress" in page
    assert re.findall(r"(?:\]\(|src=\"|srcset=\")(?!https?:|#)[^)\"]*", page) == []
    assert '<img alt="Bits per byte against speed" src="https://raw.githubusercontent.com/' in page


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_relative_links_of_a_page_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
