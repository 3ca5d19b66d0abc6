"""What gzip, xz and zstd do and what shazip does: arguments, exit code and outputs, row by row."""

from __future__ import annotations

import re

import pytest
from cli_run import TEXT, fake_codec, files_in, shazip

from shazip.cli.options import CodecOptions


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with files of all kinds, and an engine that needs no model."""
    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    assert shazip("a", "-o", "b.shz").code == 0
    packed = (tmp_path / "b.shz").read_bytes()
    (tmp_path / "cut.shz").write_bytes(packed[:-1])
    (tmp_path / "flipped.shz").write_bytes(packed[:60] + bytes([packed[60] ^ 1]) + packed[61:])
    (tmp_path / "junk.shz").write_bytes(packed + b"junk")
    (tmp_path / "two.shz").write_bytes(packed * 2)
    (tmp_path / "other.shz").write_bytes(TEXT)
    (tmp_path / "other").write_bytes(packed)
    (tmp_path / "none").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "c").write_bytes(TEXT)
    (tmp_path / "link").symlink_to("a")
    return tmp_path


ANY, NOTHING = rb"[\s\S]+", rb""
PACKED, ORIGINAL = rb"\xf5shz[\s\S]+", re.escape(TEXT)

# matter: (arguments, exit code, standard output, standard error)
ROWS = {
    "compress": ("compress a", 0, NOTHING, ""),
    "compress to stdout": ("-c a", 0, PACKED, ""),
    "decompress": ("decompress -c b.shz", 0, ORIGINAL, ""),
    "decompress by flag": ("-dc b.shz", 0, ORIGINAL, ""),
    "decompress by tar": ("compress -dc b.shz", 0, ORIGINAL, ""),
    "test is silent": ("test b.shz", 0, NOTHING, ""),
    "test by flag, in words": ("-tv b.shz", 0, NOTHING, r"shazip: b\.shz: ok, 504 bytes.*\n"),
    "list": ("info b.shz", 0, ANY, ""),
    "list by flag": ("-l b.shz", 0, ANY, ""),
    "-o": ("a -o c.shz", 0, NOTHING, ""),
    "-o with -c": ("a -c -o c.shz", 2, NOTHING, "exclude each other"),
    "-o with two inputs": ("a none -o c.shz", 2, NOTHING, "-o takes one input"),
    "-v": ("-v a", 0, NOTHING, r"shazip: a: 504 -> \d+ bytes.*\n"),
    "-q": ("-q missing", 1, NOTHING, "shazip: missing: .*\n"),
    "-qq": ("-qq missing", 1, NOTHING, ""),
    "no -S": ("-S .x a", 2, NOTHING, "No such option"),
    "no -n": ("-n a", 2, NOTHING, "No such option"),
    "level 1": ("-1c a", 0, PACKED, ""),
    "level 9": ("compress -9 -c a", 0, PACKED, ""),
    "levels in a cluster": ("-c9k a", 0, PACKED, ""),
    "no level 0": ("-0 a", 2, NOTHING, "No such option"),
    "threads": ("-T 2 -c a", 0, PACKED, ""),
    "-r": ("-r folder", 0, NOTHING, ""),
    "help": ("--help", 0, ANY, ""),
    "version": ("-V", 0, rb"shazip .*\n", ""),
    "--": ("-c -- a", 0, PACKED, ""),
    "output exists": ("a -o b.shz", 1, NOTHING, r"shazip: b\.shz: .*exists.*\n"),
    "output exists, -f": ("-f a -o b.shz", 0, NOTHING, ""),
    "already compressed": ("b.shz", 1, NOTHING, "already has the suffix"),
    "already compressed, -f": ("-fc b.shz", 0, PACKED, ""),
    "unknown suffix": ("-d other", 1, NOTHING, "unknown suffix; use -o or -c"),
    "missing file, goes on": ("-c missing a", 1, PACKED, "shazip: missing: No such file .*\n"),
    "directory": ("folder", 1, NOTHING, "shazip: folder: .*directory.*\n"),
    "symlink": ("link", 1, NOTHING, "shazip: link: .*link.*\n"),
    "symlink, -c": ("-c link", 0, PACKED, ""),
    "not our format": ("-dc other.shz", 1, NOTHING, r"not a \.shz file"),
    "not our format, no pass-through": ("-dfc other.shz", 1, NOTHING, r"not a \.shz file"),
    "truncated": ("-t cut.shz", 1, NOTHING, r"shazip: cut\.shz: truncated: .*\n"),
    "corrupt": ("-t flipped.shz", 1, NOTHING, r"shazip: flipped\.shz: .*checksum.*\n"),
    "memory limit": ("-t --memory-limit 1k b.shz", 1, NOTHING, "asks for .* the limit is 1024"),
    "trailing junk": ("-t junk.shz", 1, NOTHING, r"shazip: junk\.shz: .*\n"),
    "concatenated files": ("-dc two.shz", 0, ORIGINAL * 2, ""),
    "empty input": ("-c none", 0, PACKED, ""),
    "usage error": ("--nonsense", 2, NOTHING, r"shazip: No such option.*\nTry .* for help\.\n"),
}


@pytest.mark.parametrize("matter", ROWS)
def test_every_row_of_the_table(matter):
    arguments, code, out, err = ROWS[matter]
    found = shazip(*arguments.split())
    assert found.code == code, found.err
    assert re.fullmatch(out, found.out)
    if not err or err.endswith(("\n", r"\n")):
        assert re.fullmatch(err, found.err), found.err
    else:
        assert re.search(err, found.err), found.err


def test_the_source_is_kept_and_rm_removes_it(folder):
    before = files_in(folder)
    assert shazip("a", "-k").code == 0
    assert files_in(folder) == sorted([*before, "a.shz"])
    assert shazip("-f", "--rm", "a").code == 0
    assert files_in(folder) == sorted({*before, "a.shz"} - {"a"})


@pytest.mark.parametrize("arguments", [[], ["-"], ["compress"]])
def test_without_a_file_standard_input_goes_to_standard_output(arguments):
    assert shazip(*arguments, stdin=TEXT) == shazip("-c", "a")


def test_mode_and_times_are_copied(folder):
    (folder / "a").chmod(0o640)
    assert shazip("a").code == 0
    source, archive = (folder / "a").stat(), (folder / "a.shz").stat()
    assert (source.st_mode, source.st_mtime_ns) == (archive.st_mode, archive.st_mtime_ns)


@pytest.mark.parametrize("name", ["cut.shz", "flipped.shz", "junk.shz", "other.shz"])
def test_nothing_appears_under_the_final_name_of_what_fails(folder, name):
    before = files_in(folder)
    assert shazip("-d", name).code == 1
    assert files_in(folder) == before
