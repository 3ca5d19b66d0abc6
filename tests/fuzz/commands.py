"""Command lines of any flags: an exit code that is documented, one line for a failure, no loss."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import click
from cli_run import TEXT, fake_codec, shazip

from shazip.cli.main import cli
from shazip.cli.options import CodecOptions
from shazip.errors import ShazipError

from . import mutate

COMMANDS = ("compress", "decompress", "test", "info", "models", "vocabulary", "completion", "")
STRANGERS = ("--json", "--salvage", "-d", "-t", "-l", "-h", "-V", "--nonsense", "--", "-")
SLOW = {"--jobs", "--ray"}  # they begin processes
VALUES = {  # which the option accepts
    "-o": "new",
    "--lanes": "3",
    "--block-size": "64",
    "--frame-size": "100",
    "--memory-limit": "64MiB",
    "--max-output": "1MiB",
    "--range": "5-9",
    "--engine": "native",
    "-T": "1",
    "--size": "300",
    "--sample": "1kB",
}
NAMES = ("a", "a.shz", "bad.shz", "b.shz", "folder", "none", "-", "link", "\udcff", "x" * 300, "")
GOOD = ("a", "a.shz", "b.shz", "folder")
WORDS = ("0", "1", "64", "4k", "1MiB", "999999999999999999999", "-1", "0-10", "5-", "x", "native")
CODES = (0, 1, 2)
VERBOSE = {"-v", "-vv", "--verbose"}  # given twice they add tracebacks
QUIET = {"-q", "-qq", "--quiet"}


@cache
def options(command: str) -> tuple[click.Option, ...]:
    """Return the options of a command; of the empty name, those of gzip's habits."""
    found = cli.get_command(cli.make_context("shazip", [], resilient_parsing=True), command)
    assert found is not None
    return tuple(o for o in found.params if isinstance(o, click.Option) and not SLOW & {*o.opts})


def make(rng: Random) -> bytes:
    """Return the words of a command line as JSON."""
    command = rng.choice(COMMANDS)
    words = [command] if command else []
    known = options(command)
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 6)) if known else 0):
        words += _flag(rng, rng.choice(known))
    for _ in range(rng.randrange(3)):
        words.append(rng.choice(rng.choice((GOOD, GOOD, NAMES))))
    if rng.randrange(5) == 0:
        words.append(rng.choice(STRANGERS))
    if rng.randrange(8) == 0:
        rng.shuffle(words)
    if rng.randrange(10) == 0:
        words.append(mutate.data(rng, b"--memory-limit=4k").decode("utf-8", "surrogateescape"))
    return json.dumps(words).encode()


def _flag(rng: Random, option: click.Option) -> list[str]:
    """Return one of the option's names, with a value if it takes one."""
    names = [*option.opts, *option.secondary_opts]
    name = rng.choice(names)
    if option.is_flag or option.count:
        return [name]
    right = next((VALUES[each] for each in names if each in VALUES), "a")
    return [name, rng.choice((right, right, rng.choice(WORDS + NAMES)))]


def judge(case: bytes) -> bool:
    """Run the command line in a folder of its own; return whether it exits with 0."""
    words = [word.replace("\0", "") for word in json.loads(case)]
    with _folder() as folder:
        code, _, err = shazip(*words, stdin=TEXT)
        assert code in CODES, f"exit code {code}"
        assert "Traceback" not in err or VERBOSE & {*words}, err
        assert "(-vv shows where)" not in err, err  # an error that the program did not expect
        assert code == 0 or err or QUIET & {*words}, "a failure says nothing"
        _check_kept(folder)
    return code == 0


def _check_kept(folder: Path) -> None:
    """Raise unless the content of `a` is still in a file or in a whole archive."""
    codec = fake_codec(CodecOptions())
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        with contextlib.suppress(ShazipError):
            if data == TEXT or codec.decompress(data) == TEXT:
                break
    else:
        raise AssertionError("the content is lost")
    assert not list(folder.rglob(".shazip-*")), "a temporary file stays"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Enter a new folder with files to work on, with an engine that needs no model."""
    here, opened, before = Path.cwd(), CodecOptions.open, dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            os.chdir(folder)
            os.environ["SHAZIP_MODELS"] = str(folder / "models")
            CodecOptions.open = fake_codec  # type: ignore[method-assign]
            _fill(folder)
            yield folder
        finally:
            os.chdir(here)
            CodecOptions.open = opened  # type: ignore[method-assign]
            os.environ.clear()
            os.environ.update(before)


def _fill(folder: Path) -> None:
    packed = fake_codec(CodecOptions()).compress(TEXT)
    (folder / "a").write_bytes(TEXT)
    (folder / "b.shz").write_bytes(packed)
    (folder / "a.shz").write_bytes(packed)
    (folder / "bad.shz").write_bytes(packed[:-9] + b"?" + packed[-8:])
    (folder / "link").symlink_to("a")
    (folder / "folder").mkdir()
    (folder / "folder" / "c").write_bytes(TEXT[:9])
