"""Command lines of any flags: an exit code that is documented, one line for a failure, no loss."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from cli_run import TEXT, fake_codec, shazip

from shazip.cli.options import CodecOptions
from shazip.errors import ShazipError

from . import mutate

COMMANDS = ("compress", "decompress", "test", "info", "models", "vocabulary", "completion", "")
FLAGS = (
    *("-c", "-k", "--rm", "-f", "-q", "-qq", "-v", "-vv", "-r", "-d", "-t", "-l", "--", "-h"),
    *("--no-mix", "--verify", "--salvage", "--json", "--list", "--default", "-V"),
)
VALUES = (
    *("-o", "-T", "-m", "--lanes", "--block-size", "--frame-size", "--memory-limit"),
    *("--max-output", "--range", "--engine", "--device", "--remove", "--install"),
)
NAMES = ("a", "a.shz", "bad.shz", "b.shz", "folder", "none", "-", "link", "\udcff", "x" * 300, "")
GOOD = ("a", "a.shz", "b.shz", "folder")
WORDS = ("0", "1", "64", "4k", "1MiB", "999999999999999999999", "-1", "0-10", "5-", "x", "native")
CODES = (0, 1, 2)


def make(rng: Random) -> bytes:
    """Return the words of a command line as JSON."""
    words = [rng.choice(COMMANDS)] if rng.randrange(8) else []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 6))):
        if rng.randrange(2):
            words.append(rng.choice(FLAGS))
        else:
            words += [rng.choice(VALUES), rng.choice(WORDS + NAMES)]
    for _ in range(rng.randrange(3)):
        words.append(rng.choice(rng.choice((NAMES, GOOD))))
    if rng.randrange(5) == 0:
        rng.shuffle(words)
    if rng.randrange(10) == 0:
        words.append(mutate.data(rng, b"--memory-limit=4k").decode("utf-8", "surrogateescape"))
    return json.dumps([word for word in words if word or rng.randrange(4)]).encode()


def judge(case: bytes) -> bool:
    """Run the command line in a folder of its own; return whether it exits with 0."""
    words = [word.replace("\0", "") for word in json.loads(case)]
    with _folder() as folder:
        code, _, err = shazip(*words, stdin=TEXT)
        assert code in CODES, f"exit code {code}"
        assert "Traceback" not in err or "-vv" in words, err
        assert "(-vv shows where)" not in err, err  # an error that the program did not expect
        assert code == 0 or err or "-qq" in words or words.count("-q") > 1, "a failure says nothing"
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
