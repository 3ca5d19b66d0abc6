"""`shazip` by the names that fingers know from gzip: flags instead of commands, folders, tar."""

import os
import subprocess

import pytest
from cli_run import TEXT, command, files_in, shazip

pytestmark = pytest.mark.usefixtures("folder")


def test_a_file_alone_is_compressed_and_kept(folder):
    assert shazip("a") == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz"]
    assert shazip("test", "a.shz") == (0, b"", "")


@pytest.mark.parametrize("flag", ["-d", "--decompress", "--uncompress"])
def test_d_decompresses(folder, packed, flag):
    (folder / "a").unlink()
    assert shazip(flag, "a.shz") == (0, b"", "")
    assert (folder / "a").read_bytes() == TEXT


@pytest.mark.parametrize(
    "arguments",
    [
        ["-dc", "a.shz"],
        ["a.shz", "-cd"],
        ["-d", "-o", "-", "a.shz"],
        ["decompress", "-dc", "a.shz"],
    ],
)
def test_flags_come_in_clusters_and_anywhere(packed, arguments):
    assert shazip(*arguments) == (0, TEXT, "")


@pytest.mark.parametrize("flag", ["-t", "--test"])
def test_t_decodes_and_writes_nothing(folder, packed, flag):
    assert shazip(flag, "a.shz") == (0, b"", "")
    assert "ok, 504 bytes" in shazip("-tv", "a.shz").err
    (folder / "a.shz").write_bytes(packed[:-2])
    code, out, err = shazip(flag, "a.shz")
    assert (code, out) == (1, b"")
    assert err.startswith("shazip: a.shz: truncated: ")
    assert files_in(folder) == ["a", "a.shz"]


@pytest.mark.parametrize("flag", ["-l", "--list"])
def test_l_is_info(packed, flag):
    assert shazip(flag, "a.shz") == shazip("info", "a.shz")
    assert shazip("-lv", "a.shz") == shazip("info", "-v", "a.shz")


def test_without_anything_standard_input_goes_to_standard_output(packed):
    assert shazip(stdin=TEXT) == (0, packed, "")
    assert shazip("-d", stdin=packed) == (0, TEXT, "")
    assert shazip("-c", stdin=TEXT) == (0, packed, "")


def test_capital_t_is_the_number_of_threads():
    assert shazip("-T", "2", "-c", "a").code == 0
    assert shazip("compress", "-T2", "-c", "a").code == 0
    assert "--threads" in shazip("-T", "0", "a").err


def test_the_last_of_several_modes_counts(packed):
    assert shazip("-t", "-dc", "a.shz") == (0, TEXT, "")


def test_a_command_that_is_misspelled_is_no_file(folder):
    code, out, err = shazip("compres", "a")
    assert (code, out) == (2, b"")
    assert err.splitlines()[0] == (
        "shazip: No such command or file 'compres'. Did you mean 'compress'?"
    )
    (folder / "compres").write_bytes(TEXT)
    assert shazip("compres").code == 0
    assert shazip("nothing") == (1, b"", "shazip: nothing: No such file or directory\n")


def test_a_file_that_is_called_like_a_command_needs_a_path(folder):
    (folder / "test").write_bytes(TEXT)
    assert shazip("./test").code == 0
    assert shazip("--", "test", "-f").code == 1  # -f is a missing file here
    assert files_in(folder) == ["a", "test", "test.shz"]


# Folders


@pytest.fixture
def tree(folder):
    """A folder `t` with files, an archive, a link and a folder inside."""
    (folder / "t" / "deep").mkdir(parents=True)
    for name in ("t/b", "t/deep/c"):
        (folder / name).write_bytes(TEXT)
    (folder / "t" / "link").symlink_to(folder / "a")
    assert shazip("-o", "t/old.shz", "a").code == 0
    return folder / "t"


def test_r_compresses_what_a_folder_holds(folder, tree):
    assert shazip("-r", "t", "a") == (0, b"", "")
    assert files_in(tree) == ["b", "b.shz", "deep", "link", "old.shz"]
    assert files_in(tree / "deep") == ["c", "c.shz"]
    assert (folder / "a.shz").exists()


@pytest.mark.parametrize("arguments", [["-dr", "t"], ["decompress", "-r", "t/"]])
def test_r_decompresses_the_archives_in_a_folder(tree, arguments):
    (tree / "deep" / "x.tshz").write_bytes((tree / "old.shz").read_bytes())
    assert shazip(*arguments) == (0, b"", "")
    assert files_in(tree) == ["b", "deep", "link", "old", "old.shz"]
    assert files_in(tree / "deep") == ["c", "x.tar", "x.tshz"]


def test_r_tests_and_lists_the_archives_in_a_folder(tree):
    assert shazip("-tr", "t") == (0, b"", "")
    assert shazip("test", "-rv", "t").err.count("ok, 504") == 1
    assert shazip("-lr", "t").out.decode().splitlines()[1].endswith("t/old.shz")
    assert shazip("info", "-r", "t").out == shazip("-rl", "t").out


def test_a_folder_without_r_is_refused(tree):
    assert shazip("t") == (1, b"", "shazip: t: Is a directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_reported_and_the_others_are_done(folder, tree):
    (tree / "deep").chmod(0)
    code, _, err = shazip("-r", "t")
    (tree / "deep").chmod(0o700)
    assert (code, err) == (1, "shazip: t/deep: Permission denied\n")
    assert (tree / "b.shz").exists()


def test_o_and_r_exclude_each_other(tree):
    code, _, err = shazip("-r", "-o", "x", "t")
    assert (code, err.splitlines()[0]) == (2, "shazip: -o takes one input, not a folder's.")


# Names


def test_tshz_is_short_for_tar_shz(folder, packed):
    (folder / "a.shz").rename(folder / "b.tshz")
    assert shazip("-d", "b.tshz") == (0, b"", "")
    assert (folder / "b.tar").read_bytes() == TEXT
    code, _, err = shazip("b.tshz")
    assert (code, err) == (
        1,
        "shazip: b.tshz: already has the suffix .tshz; use -f to compress it\n",
    )
    (folder / "b.tshz").rename(folder / ".tshz")
    assert "unknown suffix" in shazip("-d", ".tshz").err


@pytest.mark.parametrize("program", [[], ["compress"]])
def test_tar_needs_no_command(folder, program):
    line = " ".join(command(*program))
    subprocess.run(["tar", "-I", line, "-cf", "a.tshz", "a"], check=True)
    (folder / "a").unlink()
    subprocess.run(["tar", "-I", line, "-xf", "a.tshz"], check=True)
    assert (folder / "a").read_bytes() == TEXT


def test_a_file_with_other_names_is_not_removed_unless_f(folder):
    os.link("a", "b")
    error = "shazip: a: has 1 other hard link; use -f to remove this name\n"
    assert shazip("--rm", "a") == (1, b"", error)
    assert files_in(folder) == ["a", "b"]
    assert shazip("a") == (0, b"", "")
    assert shazip("-f", "--rm", "a") == (0, b"", "")
    assert files_in(folder) == ["a.shz", "b"]
    os.link("a.shz", "c.shz")
    (folder / "b").unlink()
    assert shazip("-d", "--rm", "a.shz").code == 1
    assert files_in(folder) == ["a.shz", "c.shz"]


def test_too_much_memory_for_compression_names_the_flags(folder):
    (folder / "big").write_bytes(TEXT * 100)
    code, out, err = shazip("--lanes", "30000", "--memory-limit", "16MiB", "-c", "big")
    assert (code, out) == (1, b"")
    assert "30000 lanes and blocks of 1048576 bytes need more memory" in err
    assert "use fewer --lanes, a smaller --block-size or a larger --memory-limit" in err
