"""Make a folder in which shazip runs on AArch64 under qemu-user: `python -m benchmarks.aarch64 F`.

Prints the command that starts Python there, for benchmarks.determinism. Needs Debian, qemu-user,
g++-aarch64-linux-gnu, cmake and nanobind. Debian's Python and its libraries are fetched with
apt-get from lists of the folder's own, NumPy and the rest with pip; nothing is installed.
constriction has no wheel for this processor: standins/constriction.py takes its place.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = ("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib")
PACKAGES = (
    *(*PYTHON, "libpython3.11-dev", "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1"),
    *("libffi8", "libbz2-1.0", "liblzma5", "libssl3", "libcrypt1"),
)
WHEELS = ("numpy", "safetensors", "click")
PLATFORMS = [f"manylinux{version}_aarch64" for version in ("2014", "_2_17", "_2_27", "_2_28")]
SOURCES = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    " http://deb.debian.org/debian bookworm main\n"
)
APT = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
Dir::State "{folder}/apt/state";
Dir::State::status "{folder}/apt/status";
Dir::Cache "{folder}/apt/cache";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::sourcelist "{folder}/apt/sources.list";
"""


def main(arguments: list[str] | None = None) -> int:
    """Complete the folder, build the compiled module, and print the command."""
    parser = argparse.ArgumentParser("python -m benchmarks.aarch64", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args(arguments).folder.resolve()
    root, site = folder / "root", folder / "site"
    if not (root / "usr/bin/python3.11").exists():
        unpack_debian(folder, root)
    if not (site / "numpy").exists():
        fetch_wheels(site)
    build(folder / "build", root)
    copy_shazip(folder / "build", site)
    print(f"env PYTHONPATH={site} qemu-aarch64 -L {root} {root}/usr/bin/python3.11")
    return 0


def unpack_debian(folder: Path, root: Path) -> None:
    """Fetch Debian's packages for AArch64 and unpack them into `root`."""
    for name in ("apt/state/lists/partial", "apt/cache/archives/partial", "debs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "apt/status").touch()
    (folder / "apt/sources.list").write_text(SOURCES)
    (folder / "apt/conf").write_text(APT.format(folder=folder))
    environment = {**os.environ, "APT_CONFIG": str(folder / "apt/conf")}
    run("apt-get", "update", "-qq", env=environment)
    run("apt-get", "download", "-qq", *PACKAGES, env=environment, cwd=folder / "debs")
    for deb in sorted((folder / "debs").glob("*.deb")):
        run("dpkg", "-x", deb, root)


def fetch_wheels(site: Path) -> None:
    """Fetch shazip's requirements for AArch64 into `site`."""
    tags = [part for name in PLATFORMS for part in ("--platform", name)]
    pip = (sys.executable, "-m", "pip", "install", "-q", "--target", site)
    run(*pip, *tags, "--python-version", "3.11", "--only-binary=:all:", *WHEELS)


def build(folder: Path, root: Path) -> None:
    """Cross-compile the native engine against the headers in `root`."""
    include = root / "usr/include"
    given = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_CXX_COMPILER": "aarch64-linux-gnu-g++",
        "CMAKE_CXX_FLAGS": f"-I{include}",
        "Python_EXECUTABLE": sys.executable,
        "Python_INCLUDE_DIR": include / "python3.11",
    }
    settings = [f"-D{name}={value}" for name, value in given.items()]
    run("cmake", "-S", HERE.parent / "native", "-B", folder, *settings)
    run("cmake", "--build", folder)


def copy_shazip(built: Path, site: Path) -> None:
    """Put this repository's package, its compiled module and the stand-in into `site`."""
    shutil.rmtree(site / "shazip", ignore_errors=True)
    shutil.copytree(
        HERE.parent / "shazip", site / "shazip", ignore=shutil.ignore_patterns("_native*.so")
    )
    (module,) = built.glob("_native*.so")
    shutil.copyfile(module, site / "shazip" / "_native.cpython-311-aarch64-linux-gnu.so")
    shutil.copyfile(HERE / "standins" / "constriction.py", site / "constriction.py")


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run a command with its output on standard error."""
    done = subprocess.run(command, stdout=sys.stderr, env=env, cwd=cwd)
    if done.returncode:
        raise SystemExit(f"benchmarks.aarch64: {command[0]} failed")


if __name__ == "__main__":
    sys.exit(main())
