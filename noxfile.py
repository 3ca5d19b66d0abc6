"""The steps of .ci/run: `nox` runs all, `nox -s tests` one, `nox --list` names them.

Sessions run in the environment of nox itself: pip install -c constraints.txt ".[dev,bench]"
"""

import shutil
import tarfile
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.stop_on_first_error = True
CPP = ("*.cpp", "*.hpp")
SDIST = {"LICENSE", "PKG-INFO", "examples", "models", "native", "pyproject.toml", "shazip"}
BIOME = "@biomejs/biome@2.3.11"  # formats and lints scripts and styles; biome.json


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting and types of Python and C++; scripts and style of the page."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = sorted(str(path) for kind in CPP for path in Path("native").rglob(kind))
    session.run("clang-format", "--dry-run", "--Werror", *sources)
    session.run("mypy", "--strict", "shazip")
    if shutil.which("npx"):
        session.run("npx", "--yes", BIOME, "check", "shazip/view/assets", external=True)
    else:
        session.warn("npx is missing, so the page's scripts and style were not checked")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, against the installed package: `nox -s tests -- tests/test_file.py`."""
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def sanitize(session: nox.Session) -> None:
    """The native engine under the address and undefined-behaviour sanitizers."""
    session.run("native/sanitize")


@nox.session
def race(session: nox.Session) -> None:
    """Network and mixing under the thread sanitizer."""
    session.run("native/race")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile inputs for a minute; `nox -s fuzz -- archives --seconds 3600` for longer."""
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site of the documentation in build/site; a warning is an error."""
    session.run("python", "-P", "-m", "mkdocs", "build", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def package(session: nox.Session) -> None:
    """The wheel and the sdist in dist/, as an index would take them."""
    (sdist,), (wheel,) = (list(Path("dist").glob(kind)) for kind in ("*.tar.gz", "*.whl"))
    session.run("twine", "check", "--strict", str(sdist), str(wheel))
    with tarfile.open(sdist) as archive:
        found = {name.split("/")[1] for name in archive.getnames() if not name.endswith(".md")}
    if found != SDIST:
        session.error(f"the sdist lacks {SDIST - found} or has too much: {found - SDIST}")
    with zipfile.ZipFile(wheel) as archive:
        if not any(name.endswith("man1/shazip.1") for name in archive.namelist()):
            session.error("the wheel has no manual page")
    if shutil.which("auditwheel"):
        session.run("auditwheel", "show", str(wheel))


@nox.session
def bench(session: nox.Session) -> None:
    """The quick benchmark."""
    session.run("python", "-m", "benchmarks.run", "--quick")
