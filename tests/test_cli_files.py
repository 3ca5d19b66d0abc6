"""`shazip compress`, `decompress` and `test`: what appears, what stays, what is refused."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from cli_run import TEXT, DriftingEngine, fake_codec, files_in, shazip

from shazip.cli.options import CodecOptions

pytestmark = pytest.mark.usefixtures("folder")


def test_compress_keeps_the_source_and_says_nothing(folder):
    assert shazip("compress", "a") == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz"]
    assert (folder / "a").read_bytes() == TEXT
    assert (folder / "a.shz").stat().st_size < len(TEXT)


@pytest.mark.parametrize("command", [["decompress"], ["compress", "-d"]])
def test_decompress_gives_the_file_back_and_keeps_the_archive(folder, packed, command):
    (folder / "a").unlink()
    assert shazip(*command, "a.shz") == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz"]
    assert (folder / "a").read_bytes() == TEXT


def test_flags_of_compression_are_accepted_with_d_since_tar_adds_it(packed):
    command = ["compress", "--lanes", "3", "--no-mix", "--block-size", "4k", "--verify", "-d"]
    assert shazip(*command, stdin=packed) == (0, TEXT, "")


def test_an_empty_file_round_trips(folder):
    (folder / "empty").touch()
    assert shazip("compress", "empty").code == 0
    assert (folder / "empty.shz").stat().st_size > 0
    assert shazip("decompress", "-c", "empty.shz") == (0, b"", "")


def test_lanes_and_block_size_reach_the_archive(folder):
    shazip("compress", "--lanes", "3", "--block-size", "256", "a")
    (line,) = shazip("info", "--json", "a.shz").out.splitlines()
    (frame,) = json.loads(line)["frames"]
    assert (frame["blocks"], frame["block_size"], frame["lanes"]) == (2, 256, 3)


def test_without_a_file_standard_input_goes_to_standard_output(packed):
    assert shazip("compress", stdin=TEXT) == (0, packed, "")
    assert shazip("decompress", stdin=packed) == (0, TEXT, "")


def test_a_dash_is_standard_input_to_standard_output(folder, packed):
    assert shazip("compress", "-", stdin=TEXT) == (0, packed, "")
    assert shazip("decompress", "-", stdin=packed) == (0, TEXT, "")
    assert shazip("test", "-", stdin=packed) == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz"]


def test_a_dash_among_files_leaves_the_files_to_themselves(folder, packed):
    result = shazip("compress", "-f", "a", "-", stdin=TEXT)
    assert result == (0, packed, "")
    assert files_in(folder) == ["a", "a.shz"]


def test_after_two_dashes_names_may_begin_with_a_dash(folder):
    (folder / "-c").write_bytes(TEXT)
    assert shazip("compress", "--", "-c") == (0, b"", "")
    assert shazip("decompress", "-f", "--", "-c.shz") == (0, b"", "")
    assert files_in(folder) == ["-c", "-c.shz", "a"]


def test_c_writes_to_standard_output_and_keeps_the_source_even_with_rm(folder, packed):
    assert shazip("compress", "-c", "--rm", "a") == (0, packed, "")
    assert shazip("decompress", "-c", "--rm", "a.shz") == (0, TEXT, "")
    assert files_in(folder) == ["a", "a.shz"]


def test_c_with_several_files_joins_them(folder):
    (folder / "b").write_bytes(b"second")
    joined = shazip("compress", "-c", "a", "b").out
    assert shazip("decompress", stdin=joined) == (0, TEXT + b"second", "")


def test_o_names_the_output(folder, packed):
    assert shazip("compress", "-o", "x", "a") == (0, b"", "")
    assert shazip("decompress", "-o", "y", "x") == (0, b"", "")
    assert shazip("compress", "-o", "z", stdin=TEXT) == (0, b"", "")
    assert shazip("compress", "-o", "-", "a") == (0, packed, "")
    assert (folder / "y").read_bytes() == TEXT
    assert (folder / "z").read_bytes() == packed


def test_rm_removes_the_source(folder, packed):
    assert shazip("compress", "-f", "--rm", "a") == (0, b"", "")
    assert files_in(folder) == ["a.shz"]
    assert shazip("decompress", "--rm", "a.shz") == (0, b"", "")
    assert files_in(folder) == ["a"]


@pytest.mark.parametrize("flags", [["-k"], ["--keep"], ["--rm", "-k"]])
def test_k_keeps_the_source_and_the_last_of_k_and_rm_counts(folder, flags):
    assert shazip("compress", *flags, "a").code == 0
    assert files_in(folder) == ["a", "a.shz"]


def test_rm_keeps_the_source_if_compression_fails(folder, packed):
    assert shazip("compress", "--rm", "a").code == 1
    assert (folder / "a").read_bytes() == TEXT


def test_extended_attributes_stay_with_the_source_as_with_gzip_and_xz(folder):
    try:
        os.setxattr(folder / "a", "user.colour", b"red")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes here")
    assert shazip("compress", "a").code == 0
    assert os.listxattr(folder / "a.shz") == []
    assert os.getxattr(folder / "a", "user.colour") == b"red"


def test_mode_and_times_are_copied_and_no_special_bits(folder):
    os.utime("a", ns=(10**18, 10**18 + 5000))
    (folder / "a").chmod(0o4640)
    shazip("compress", "a")
    status = (folder / "a.shz").stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_mtime_ns == 10**18 + 5000
    assert shazip("decompress", "-f", "a.shz").code == 0
    assert (folder / "a").stat().st_mtime_ns == 10**18 + 5000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_keeps_the_owner(folder):
    os.chown("a", 1234, 5678)
    shazip("compress", "a")
    status = (folder / "a.shz").stat()
    assert (status.st_uid, status.st_gid) == (1234, 5678)


def test_another_group_gets_no_more_than_everybody(folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    for mode, copied in ((0o640, 0o600), (0o664, 0o644), (0o755, 0o755), (0o770, 0o700)):
        (folder / "a").chmod(mode)
        assert shazip("compress", "-f", "a").code == 0
        assert stat.S_IMODE((folder / "a.shz").stat().st_mode) == copied


@pytest.mark.parametrize("flags", [[], ["-f"]])
def test_the_source_is_removed_last_of_all(folder, monkeypatch, flags):
    done = []

    def recorded(owner, name):
        function = getattr(owner, name)

        def call(*arguments, **keywords):
            done.append(name)
            return function(*arguments, **keywords)

        monkeypatch.setattr(owner, name, call)

    recorded(os, "fsync")
    recorded(os, "link")
    recorded(Path, "replace")
    recorded(Path, "unlink")
    assert shazip("compress", "--rm", *flags, "a") == (0, b"", "")
    assert done[:4] == ["fsync", "replace" if flags else "link", "fsync", "unlink"]


def test_what_comes_from_a_pipe_gets_the_mode_of_a_new_file(folder):
    (folder / "new").touch()
    shazip("compress", "-o", "x", stdin=TEXT)
    assert (folder / "x").stat().st_mode == (folder / "new").stat().st_mode


def test_an_existing_output_is_refused_without_a_question(folder):
    (folder / "a.shz").write_bytes(b"precious")
    refusal = "shazip: a.shz: already exists; use -f to overwrite\n"
    assert shazip("compress", "a") == (1, b"", refusal)
    assert shazip("compress", "-o", "a.shz", stdin=TEXT) == (1, b"", refusal)
    assert (folder / "a.shz").read_bytes() == b"precious"


def test_f_overwrites(folder, packed):
    (folder / "a.shz").write_bytes(b"worthless")
    assert shazip("compress", "-f", "a") == (0, b"", "")
    assert (folder / "a.shz").read_bytes() == packed


def test_a_target_that_appears_meanwhile_is_not_overwritten(folder, monkeypatch):
    def slow_codec(options):
        (folder / "a.shz").write_bytes(b"precious")
        return fake_codec(options)

    monkeypatch.setattr(CodecOptions, "open", slow_codec)
    assert shazip("compress", "a").err == "shazip: a.shz: already exists; use -f to overwrite\n"
    assert (folder / "a.shz").read_bytes() == b"precious"
    assert files_in(folder) == ["a", "a.shz"]


def test_a_file_system_without_hard_links_will_do(folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert shazip("compress", "a") == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz"]


@pytest.mark.parametrize("flags", [[], ["-f"]])
@pytest.mark.parametrize("name", ["a", "./a", "hard", "soft"])
def test_input_and_output_must_not_be_the_same_file(folder, flags, name):
    (folder / "hard").hardlink_to("a")
    (folder / "soft").symlink_to("a")
    error = "shazip: a: input and output are the same file\n"
    assert shazip("compress", *flags, "-o", name, "a") == (1, b"", error)
    assert (folder / "a").read_bytes() == TEXT


def test_f_writes_to_where_a_link_points(folder, packed):
    (folder / "real").write_bytes(b"old")
    (folder / "link").symlink_to("real")
    assert shazip("compress", "-o", "link", "a").code == 1
    assert shazip("compress", "-f", "-o", "link", "a").code == 0
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == packed


def test_a_dangling_link_is_an_existing_output(folder):
    (folder / "link").symlink_to("nowhere")
    assert "already exists" in shazip("compress", "-o", "link", "a").err
    assert shazip("compress", "-f", "-o", "link", "a").code == 0
    assert (folder / "nowhere").is_file()


def test_a_device_as_output_is_written_to_and_stays_one(folder):
    assert shazip("compress", "-o", "/dev/null", "a") == (0, b"", "")
    assert shazip("compress", "-f", "--rm", "-o", "/dev/null", "a") == (0, b"", "")
    assert Path("/dev/null").is_char_device()
    assert files_in(folder) == ["a"]


def test_a_directory_as_output_is_refused(folder):
    (folder / "d").mkdir()
    assert shazip("compress", "-f", "-o", "d", "a") == (1, b"", "shazip: d: Is a directory\n")
    assert shazip("compress", "-o", "no/x", "a").err == "shazip: no/x: No such file or directory\n"


def test_an_archive_is_not_compressed_again(folder, packed):
    error = "shazip: a.shz: already has the suffix .shz; use -f to compress it\n"
    for flags in ([], ["-c"], ["-o", "x"]):
        assert shazip("compress", *flags, "a.shz") == (1, b"", error)
    assert shazip("compress", "-f", "a.shz") == (0, b"", "")
    assert files_in(folder) == ["a", "a.shz", "a.shz.shz"]


@pytest.mark.parametrize("name", ["a.gz", ".shz", "a.SHZ", "ashz"])
def test_decompression_of_an_unknown_suffix_needs_a_name(folder, packed, name):
    (folder / name).write_bytes(packed)
    error = f"shazip: {name}: unknown suffix; use -o or -c\n"
    assert shazip("decompress", name) == (1, b"", error)
    assert shazip("decompress", "-f", name) == (1, b"", error)
    assert shazip("decompress", "-c", name) == (0, TEXT, "")
    assert shazip("decompress", "-o", "x", name) == (0, b"", "")


def test_when_a_file_fails_the_others_go_on(folder):
    (folder / "b").write_bytes(b"second")
    error = "shazip: missing: No such file or directory\n"
    assert shazip("compress", "a", "missing", "b") == (1, b"", error)
    assert files_in(folder) == ["a", "a.shz", "b", "b.shz"]


def test_an_empty_name_is_a_missing_file():
    assert shazip("compress", "") == (1, b"", "shazip: : No such file or directory\n")


@pytest.mark.parametrize("command", ["compress", "decompress", "test", "info"])
@pytest.mark.parametrize("flags", [[], ["-f"], ["-c"]])
def test_directories_are_refused(folder, command, flags):
    (folder / "d.x").mkdir()
    assert shazip(command, *flags, "d.x") == (1, b"", "shazip: d.x: Is a directory\n")


def test_links_are_refused_unless_f_or_c(folder, packed):
    (folder / "link").symlink_to("a")
    error = "shazip: link: is a symbolic link; use -f or -c to follow it\n"
    assert shazip("compress", "link") == (1, b"", error)
    assert shazip("compress", "-c", "link") == (0, packed, "")
    assert shazip("compress", "-f", "link") == (0, b"", "")
    assert not (folder / "link.shz").is_symlink()


def test_test_and_info_follow_links_since_they_only_read(folder, packed):
    (folder / "link").symlink_to("a.shz")
    assert shazip("test", "link") == (0, b"", "")
    assert shazip("info", "link").code == 0


def test_a_loop_of_links_is_the_systems_error(folder):
    (folder / "loop").symlink_to("loop")
    assert shazip("compress", "loop").err.startswith("shazip: loop: Too many levels")


def forbid(path, mode):
    """Take permissions away, unless the tests are run by somebody who needs none."""
    path.chmod(mode)
    if os.access(path, os.R_OK | os.W_OK):
        pytest.skip("permissions do not bind root")


def test_an_unreadable_file_is_reported(folder):
    forbid(folder / "a", 0)
    assert shazip("compress", "a") == (1, b"", "shazip: a: Permission denied\n")
    assert files_in(folder) == ["a"]


def test_an_unwritable_folder_is_reported(folder):
    forbid(folder, 0o500)
    assert shazip("compress", "a") == (1, b"", "shazip: a.shz: Permission denied\n")
    folder.chmod(0o700)


@pytest.mark.parametrize("command", ["decompress", "test", "info"])
@pytest.mark.parametrize("flags", [[], ["-f"], ["-f", "-c"]])
def test_anything_else_is_not_an_archive_and_never_passed_through(folder, command, flags):
    (folder / "b.shz").write_bytes(TEXT)
    assert shazip(command, *flags, "b.shz") == (1, b"", "shazip: b.shz: not a .shz file\n")
    assert files_in(folder) == ["a", "b.shz"]


def test_every_truncation_is_reported_and_leaves_no_file(folder, packed):
    messages = set()
    for size in range(len(packed)):
        (folder / "b.shz").write_bytes(packed[:size])
        code, out, err = shazip("decompress", "b.shz")
        assert (code, out) == (1, b"")
        messages.add(err)
    assert files_in(folder) == ["a", "a.shz", "b.shz"]
    assert all("ends" in message for message in messages)


def test_every_flipped_bit_is_reported_and_leaves_no_file(folder):
    packed = shazip("compress", stdin=TEXT[:80]).out
    for bit in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        (folder / "b.shz").write_bytes(damaged)
        code, out, err = shazip("decompress", "b.shz")
        assert (code, out, err.count("\n")) == (1, b"", 1), f"bit {bit}"
    assert files_in(folder) == ["a", "b.shz"]


def test_corruption_and_truncation_have_different_messages(folder, packed):
    (folder / "cut.shz").write_bytes(packed[:-10])
    (folder / "bad.shz").write_bytes(packed[:60] + b"#" + packed[61:])
    assert "ends" in shazip("test", "cut.shz").err
    assert "checksum" in shazip("test", "bad.shz").err


def test_a_failed_decompression_leaves_an_existing_file_alone(folder, packed):
    (folder / "a.shz").write_bytes(packed[:-1])
    assert shazip("decompress", "-f", "a.shz").code == 1
    assert (folder / "a").read_bytes() == TEXT


@pytest.mark.parametrize("command", ["decompress", "test", "info"])
def test_trailing_junk_is_an_error(folder, packed, command):
    (folder / "j.shz").write_bytes(packed + b"junk that is long enough to be seen")
    code, _, err = shazip(command, "j.shz")
    assert code == 1
    assert err.startswith("shazip: j.shz: ")
    assert files_in(folder) == ["a", "a.shz", "j.shz"]


def test_concatenated_archives_give_both_contents(folder, packed):
    (folder / "both.shz").write_bytes(packed + packed)
    assert shazip("decompress", "both.shz") == (0, b"", "")
    assert (folder / "both").read_bytes() == TEXT + TEXT
    assert shazip("test", "both.shz") == (0, b"", "")


def test_the_memory_limit_names_what_the_archive_asks_for(folder, packed):
    code, out, err = shazip("decompress", "--memory-limit", "64k", "-c", "a.shz")
    assert (code, out) == (1, b"")
    assert "asks for" in err
    assert "65536" in err
    assert shazip("compress", "--memory-limit", "64k", "-c", "a").code == 1


def test_test_writes_nothing_and_is_silent(folder, packed):
    (folder / "a").unlink()
    assert shazip("test", "a.shz") == (0, b"", "")
    assert files_in(folder) == ["a.shz"]


def test_v_prints_one_line_a_file(packed):
    size = len(packed)
    code, out, err = shazip("compress", "-f", "-v", "a")
    assert (code, out, err.count("\n")) == (0, b"", 1)
    assert err.startswith(f"shazip: a: {len(TEXT)} -> {size} bytes, {8 * size / len(TEXT):.3f} bpb")
    assert shazip("test", "-v", "a.shz").err == f"shazip: a.shz: ok, {len(TEXT)} bytes in 1 block\n"
    err = shazip("decompress", "-f", "-v", "a.shz").err
    assert err.startswith(f"shazip: a.shz: {size} -> {len(TEXT)} bytes")


def test_q_hides_warnings_and_qq_hides_errors(packed):
    assert shazip("compress", "-q", "no").err == "shazip: no: No such file or directory\n"
    assert shazip("compress", "-qq", "no") == (1, b"", "")
    assert shazip("compress", "-q", "-v", "-f", "a") == (0, b"", "")


def test_only_vv_shows_a_traceback(folder):
    (folder / "b.shz").write_bytes(TEXT)
    assert "Traceback" not in shazip("test", "-v", "b.shz").err
    err = shazip("test", "-vv", "b.shz").err
    assert err.startswith("Traceback")
    assert err.endswith("\nshazip: b.shz: not a .shz file\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"two\nlines", "two\\nlines"),
        (b"caf\xe9", "caf\\xe9"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"bell\x07\x1b[2J", "bell\\x07\\x1b[2J"),
        ("\u202egpj".encode(), "\\u202egpj"),
    ],
)
def test_odd_names_work_and_are_shown_on_one_line(folder, name, shown):
    path = os.fsdecode(name)
    (folder / path).write_bytes(TEXT)
    assert shazip("compress", path) == (0, b"", "")
    again = shazip("compress", path)
    assert again.err == f"shazip: {shown}.shz: already exists; use -f to overwrite\n"
    assert shown in shazip("info", f"{path}.shz").out.decode()
    assert shazip("decompress", "-c", f"{path}.shz").out == TEXT


def test_a_name_of_the_greatest_length_can_be_written(folder):
    name = "n" * 251
    (folder / name).write_bytes(TEXT)
    assert shazip("compress", name) == (0, b"", "")
    assert "File name too long" in shazip("compress", "-o", "n" * 256, "a").err


def test_verify_decodes_what_was_written(folder):
    assert shazip("compress", "--verify", "a") == (0, b"", "")
    assert shazip("compress", "--verify", "-o", "x", stdin=TEXT) == (0, b"", "")


@pytest.mark.parametrize("flag", ["--verify", "--rm"])
def test_verify_and_rm_refuse_an_archive_that_does_not_decode(folder, monkeypatch, flag):
    def open_codec(options):
        return fake_codec(options, DriftingEngine())

    monkeypatch.setattr(CodecOptions, "open", open_codec)
    code, out, err = shazip("compress", flag, "a")
    assert (code, out) == (1, b"")
    assert "probabilities" in err
    assert files_in(folder) == ["a"]


def changing_codec(folder, content):
    """A way to open codecs after whose compression the file `a` has another content."""

    def open_codec(options):
        codec = fake_codec(options)
        original = codec.compress_stream

        def compress_stream(source, sink, **keywords):
            summary = original(source, sink, **keywords)
            (folder / "a").write_bytes(content)
            return summary

        codec.compress_stream = compress_stream
        return codec

    return open_codec


def test_verify_needs_an_output_that_is_a_file():
    error = "shazip: a: --verify needs a file: this output cannot be read again\n"
    assert shazip("compress", "--verify", "-o", "/dev/null", "a") == (1, b"", error)


def test_a_file_system_without_modes_will_do(folder, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for name in ("fchmod", "fchown", "utime"):
        monkeypatch.setattr(os, name, refuse)
    assert shazip("compress", "a") == (0, b"", "")
    assert stat.S_IMODE((folder / "a.shz").stat().st_mode) == 0o600


def test_a_source_that_changes_meanwhile_is_told_of(folder, monkeypatch):
    monkeypatch.setattr(CodecOptions, "open", changing_codec(folder, TEXT + b"more"))
    warning = "shazip: a: warning: changed while it was read\n"
    assert shazip("compress", "a") == (0, b"", warning)
    assert shazip("compress", "-q", "-f", "a") == (0, b"", "")


@pytest.mark.parametrize("content", [TEXT + b"more", TEXT[:-1], b"", TEXT.swapcase()])
@pytest.mark.parametrize("flag", ["--verify", "--rm"])
def test_a_source_that_changes_meanwhile_is_not_removed(folder, monkeypatch, content, flag):
    monkeypatch.setattr(CodecOptions, "open", changing_codec(folder, content))
    code, out, err = shazip("compress", flag, "a")
    assert (code, out, err.count("\n")) == (1, b"", 1)
    assert files_in(folder) == ["a"]
    assert (folder / "a").read_bytes() == content


def test_a_source_that_vanishes_meanwhile_is_saved(folder, monkeypatch):
    def open_codec(options):
        (folder / "a").unlink(missing_ok=True)
        return fake_codec(options)

    monkeypatch.setattr(CodecOptions, "open", open_codec)
    assert shazip("compress", "a") == (0, b"", "")
    assert shazip("decompress", "-c", "a.shz").out == TEXT


def test_rm_keeps_the_source_if_the_folder_of_the_result_cannot_be_synced(folder, monkeypatch):
    sync = os.fsync

    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    done = shazip("compress", "--rm", "a")
    assert (done.code, done.err) == (
        1,
        "shazip: a: the result's folder could not be synced; not removed\n",
    )
    assert (folder / "a").read_bytes() == TEXT
