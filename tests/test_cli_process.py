"""What takes a process of its own: signals, pipes, terminals, full disks, closed descriptors."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest
from cli_run import TEXT, command, files_in, process, shazip

pytestmark = pytest.mark.usefixtures("folder")

FOREVER = 1  # seconds for each prediction


def wait_until(true, what):
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    pytest.fail(f"waited in vain for {what}")


def hidden(folder):
    return [name for name in files_in(folder) if name.startswith(".shazip-")]


def under_way(folder, *arguments):
    """A run that has opened its output and will not end by itself for a long time."""
    run = subprocess.Popen(command(*arguments, seconds=FOREVER), stderr=subprocess.PIPE)
    wait_until(lambda: hidden(folder), "the temporary file")
    return run


@pytest.mark.parametrize("flags", [[], ["--rm"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_source_and_nothing_else(folder, number, flags):
    run = under_way(folder, "compress", *flags, "a")
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (128 + number, b"")
    assert files_in(folder) == ["a"]
    assert (folder / "a").read_bytes() == TEXT


def test_a_signal_ends_a_run_that_waits_for_input(folder):
    line = command("compress", "-o", "x")
    run = subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: hidden(folder), "the temporary file")
    run.terminate()
    assert run.wait(timeout=60) == 143
    run.stdin.close()
    assert run.stderr.read() == b""
    run.stderr.close()
    assert files_in(folder) == ["a"]


def test_a_signal_while_decompressing_leaves_what_was_there(folder, packed):
    run = under_way(folder, "decompress", "-f", "--rm", "a.shz")
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=60) == 143
    run.stderr.close()
    assert files_in(folder) == ["a", "a.shz"]
    assert (folder / "a").read_bytes() == TEXT


def test_the_temporary_file_is_private_and_hidden_even_after_a_kill(folder):
    (folder / "a").chmod(0o644)
    run = under_way(folder, "compress", "--rm", "a")
    run.kill()
    run.communicate(timeout=60)
    left = hidden(folder)
    assert files_in(folder) == sorted(["a", *left])
    assert (folder / left[0]).stat().st_mode & 0o777 == 0o600


def test_a_second_signal_does_not_disturb_the_cleaning_up(folder):
    run = under_way(folder, "compress", "a")
    for _ in range(20):
        run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (130, b"")
    assert files_in(folder) == ["a"]


def test_a_run_in_the_background_goes_on_after_an_interrupt(folder):
    line = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command("compress", "a", seconds=0.002)]
    run = subprocess.Popen(line, stderr=subprocess.PIPE)
    wait_until(lambda: hidden(folder), "the temporary file")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, b"")
    assert files_in(folder) == ["a", "a.shz"]


@pytest.mark.parametrize("arguments", [["decompress", "-c", "a.shz"], ["info", *["a.shz"] * 2000]])
def test_a_reader_that_leaves_ends_the_run_quietly_with_141(folder, arguments):
    (folder / "big").write_bytes(os.urandom(1 << 18))
    shazip("compress", "-o", "a.shz", "big")
    run = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.read(10)
    run.stdout.close()
    assert run.stderr.read() == b""
    run.stderr.close()
    assert run.wait(timeout=60) == 141


def test_a_reader_that_was_never_there(packed):
    reading, writing = os.pipe()
    os.close(reading)
    for arguments in (["decompress", "-c", "a.shz"], ["info", "a.shz"], ["--help"], ["--version"]):
        assert process(*arguments, stdout=writing) == (141, b"", "")
    os.close(writing)


def test_pipes_of_any_length_stream(folder):
    text = os.urandom(1000) + TEXT * 20
    packed = process("compress", "--block-size", "4k", input=text)
    assert (packed.code, packed.err) == (0, "")
    assert process("decompress", input=packed.out) == (0, text, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_is_reported_with_the_systems_words(packed):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        for arguments in (
            ["compress", "-c", "a", "a"],
            ["decompress", "-c", "a.shz", "a.shz"],
            ["info", *["a.shz"] * 200],
            ["--version"],
        ):
            code, _, err = process(*arguments, stdout=full)
            assert (code, err) == (1, "shazip: (stdout): No space left on device\n")


@pytest.fixture
def small_disk(folder):
    """A mounted file system of some kB; only root can have one."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("size", [100_000, 66_000])
def test_a_full_disk_leaves_the_source_and_no_output(folder, small_disk, size):
    (folder / "big").write_bytes(os.urandom(size))
    code, out, err = shazip("compress", "--rm", "-o", small_disk / "big.shz", "big")
    assert (code, out) == (1, b"")
    assert err == f"shazip: {small_disk}/big.shz: No space left on device\n"
    assert files_in(small_disk) == []
    assert (folder / "big").stat().st_size == size


@pytest.mark.parametrize(
    ("closed", "arguments", "error"),
    [
        ("0<&-", "compress", "shazip: (stdin): Bad file descriptor\n"),
        ("1>&-", "compress -c a", "shazip: (stdout): Bad file descriptor\n"),
        ("1>&-", "info a.shz", "shazip: (stdout): Bad file descriptor\n"),
        ("0<&- 1>&-", "decompress -o b a.shz", ""),
        ("2>&-", "decompress -o b a.shz", ""),
    ],
)
def test_closed_descriptors_do_no_harm(folder, packed, closed, arguments, error):
    line = f'exec "$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", line, "sh", *command(*arguments.split())], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (1 if error else 0, error)
    if not error:
        assert (folder / "b").read_bytes() == TEXT


def test_an_input_that_is_written_to_is_not_its_own_output(folder, packed):
    with open("a", "ab") as output:  # noqa: PTH123
        code, _, err = process("compress", "-c", "a", stdout=output)
    assert (code, err) == (1, "shazip: a: input and output are the same file\n")
    assert (folder / "a").read_bytes() == TEXT


def test_a_fifo_is_read_with_c_or_o_only(folder, packed):
    os.mkfifo("fifo")
    error = "shazip: fifo: not a regular file; use -c or -o to read it\n"
    assert process("compress", "fifo") == (1, b"", error)
    for arguments in (["-c", "fifo"], ["-o", "x", "fifo"]):
        run = subprocess.Popen(command("compress", *arguments), stdout=subprocess.PIPE)
        (folder / "fifo").write_bytes(TEXT)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 0
        assert (out or (folder / "x").read_bytes()) == packed


def test_a_fifo_as_output_is_written_to(folder, packed):
    os.mkfifo("fifo")
    run = subprocess.Popen(command("decompress", "-o", "fifo", "a.shz"))
    assert (folder / "fifo").read_bytes() == TEXT
    assert run.wait(timeout=60) == 0


def test_process_substitution_works(packed):
    line = ["bash", "-c", 'exec "$@" <(cat a)', "bash", *command("compress", "-o", "x")]
    subprocess.run(line, check=True)
    assert shazip("decompress", "-c", "x").out == TEXT


def test_tar_uses_shazip_for_both_directions(folder):
    program = " ".join(command("compress"))
    subprocess.run(["tar", "-I", program, "-cf", "a.tar.shz", "a"], check=True)
    (folder / "a").unlink()
    subprocess.run(["tar", "-I", program, "-xf", "a.tar.shz"], check=True)
    assert (folder / "a").read_bytes() == TEXT


class Terminal:
    """A run whose three streams are one terminal, unless the shell redirects some of them."""

    def __init__(self, line, *arguments, seconds=0.0, columns=80):
        words = command(*arguments, seconds=seconds)
        self.run = pexpect.spawn(
            "sh", ["-c", f'"$@" {line}', "sh", *words], timeout=60, dimensions=(24, columns)
        )
        self.run.expect(pexpect.EOF)
        self.run.close()
        self.code = self.run.exitstatus
        self.screen = self.run.before.decode("latin-1")


def test_compressed_data_is_not_written_to_a_terminal(packed):
    for line, arguments in (("", ["compress", "-c", "a"]), ("< a", ["compress"])):
        terminal = Terminal(line, *arguments)
        assert terminal.code == 1
        assert "will not write compressed data to a terminal; use -f to force, or -o FILE" in (
            terminal.screen
        )
        assert terminal.screen.count("\n") == 1
    assert Terminal("", "compress", "-c", "a", "a").screen.count("\n") == 1
    forced = Terminal("", "compress", "-cf", "a")
    assert forced.code == 0
    assert "shz" in forced.screen


@pytest.mark.parametrize("name", ["decompress", "test", "info"])
def test_compressed_data_is_not_read_from_a_terminal(name):
    terminal = Terminal("", name)
    assert terminal.code == 1
    text = "shazip: (stdin): will not read compressed data from a terminal; use -f to force\r\n"
    assert terminal.screen == text


def test_text_goes_to_a_terminal(packed):
    assert Terminal("", "decompress", "-c", "a.shz").screen == TEXT.decode()


def test_an_existing_output_is_refused_on_a_terminal_without_asking(packed):
    terminal = Terminal("", "compress", "a")
    assert terminal.code == 1
    assert terminal.screen == "shazip: a.shz: already exists; use -f to overwrite\r\n"


def test_progress_is_drawn_on_a_terminal_and_wiped_out(folder):
    terminal = Terminal("", "compress", "-v", "a", seconds=0.002)
    assert terminal.code == 0
    lines = terminal.screen.split("\r")
    assert any("%  " in line and " bpb  " in line and "  eta 0:0" in line for line in lines)
    summary = next(line for line in lines if line.startswith("shazip: a: "))
    assert lines[lines.index(summary) - 1].strip() == ""


@pytest.mark.parametrize(("line", "flags"), [("", ["-q"]), ("2> err", [])])
def test_no_progress_when_quiet_or_not_on_a_terminal(folder, line, flags):
    terminal = Terminal(line, "compress", *flags, "a", seconds=0.001)
    assert (terminal.code, terminal.screen) == (0, "")
    assert not (folder / "err").exists() or (folder / "err").read_bytes() == b""


def test_progress_fits_a_narrow_terminal(folder):
    terminal = Terminal("", "compress", "a", seconds=0.002, columns=20)
    assert max(len(line) for line in terminal.screen.split("\r")) < 20
