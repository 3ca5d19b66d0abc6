"""The command line itself: help, version, usage errors, what is imported."""

import subprocess
import sys

import pytest
from cli_run import TEXT, fake_codec, shazip

from shazip import __version__
from shazip.cli.main import COMMANDS
from shazip.cli.options import CodecOptions

FILE_COMMANDS = ["compress", "decompress", "test", "info"]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_goes_to_standard_output(flag):
    code, out, err = shazip(flag)
    assert (code, err) == (0, "")
    assert all(command in out.decode() for command in FILE_COMMANDS)


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_goes_to_standard_output(flag):
    assert shazip(flag) == (0, f"shazip {__version__}\n".encode(), "")


@pytest.mark.parametrize("name", [*FILE_COMMANDS, "models", "eval"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help(name, flag):
    code, out, err = shazip(name, flag)
    assert (code, err) == (0, "")
    assert out.decode().startswith(f"Usage: shazip {name} [OPTIONS] [")


@pytest.mark.parametrize("name", FILE_COMMANDS)
def test_the_file_commands_share_their_flags(name):
    out = shazip(name, "--help").out.decode()
    for flag in ("-c, --stdout", "-o, --output", "--rm / -k, --keep", "-f, --force", "-q", "-v"):
        assert flag in out


def test_a_command_that_lacks_a_package_says_which(monkeypatch, tmp_path):
    (tmp_path / "needy.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "fly", ("needy:fly", "Fly."))
    assert b"Fly." in shazip("--help").out
    error = "shazip: needs no_such_package, which is not installed\n"
    assert shazip("fly") == (1, b"", error)


@pytest.mark.parametrize(
    ("arguments", "mistake", "command"),
    [
        (["--nonsense"], "No such option", "shazip"),
        (["compres"], "No such command or file 'compres'. Did you mean 'compress'?", "shazip"),
        (["-0", "a"], "No such option", "shazip"),
        (["-c", "-o", "x", "a"], "exclude each other", "shazip"),
        (["compress", "--nonsense"], "No such option", "shazip compress"),
        (["compress", "-S", ".x", "a"], "No such option", "shazip compress"),
        (["compress", "-0", "a"], "No such option", "shazip compress"),
        (["compress", "-n", "a"], "No such option", "shazip compress"),
        (["compress", "-o"], "requires an argument", "shazip"),  # click does not say where
        (["compress", "-o", "x", "-c", "a"], "exclude each other", "shazip compress"),
        (["compress", "-o", "x", "a", "b"], "-o takes one input, not 2", "shazip compress"),
        (["decompress", "-o", "x", "a", "b"], "-o takes one input", "shazip decompress"),
        (["compress", "--verify", "-c", "a"], "--verify needs", "shazip compress"),
        (["compress", "--verify"], "--verify needs", "shazip compress"),
        (["compress", "--lanes", "0", "a"], "--lanes", "shazip compress"),
        (["compress", "--lanes", "many", "a"], "--lanes", "shazip compress"),
        (["compress", "--threads", "-1", "a"], "--threads", "shazip compress"),
        (["compress", "--engine", "steam", "a"], "--engine", "shazip compress"),
        (["compress", "--block-size", "huge", "a"], "--block-size", "shazip compress"),
        (["compress", "--block-size", "1000", "a"], "power of two", "shazip compress"),
        (["compress", "--memory-limit", "0", "a"], "--memory-limit", "shazip compress"),
        (["test", "-o", "x", "a"], "this command writes nothing", "shazip test"),
        (["test", "--rm", "a"], "this command writes nothing", "shazip test"),
        (["info", "--rm", "a"], "this command writes nothing", "shazip info"),
    ],
)
def test_a_usage_error_is_two_lines_and_2(monkeypatch, tmp_path, arguments, mistake, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CodecOptions, "open", CodecOptions.open)
    (tmp_path / "a").write_bytes(TEXT)
    code, out, err = shazip(*arguments)
    first, second = err.splitlines()
    assert (code, out) == (2, b"")
    assert first.startswith("shazip: ")
    assert mistake in first
    assert second == f"Try '{command} --help' for help."
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_test_and_info_accept_c_and_k_without_effect(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    (tmp_path / "a").write_bytes(TEXT)
    shazip("compress", "a")
    assert shazip("test", "-c", "-k", "a.shz") == (0, b"", "")
    assert shazip("info", "-c", "-k", "a.shz").code == 0


def test_the_environment_changes_nothing(monkeypatch):
    for name in ("SHAZIP", "SHAZIP_OPT", "SHAZIP_DEFAULTS", "SHAZIP_COMPRESS_FORCE"):
        monkeypatch.setenv(name, "--nonsense")
    monkeypatch.setenv("_SHAZIP_COMPLETE", "bash_source")
    assert shazip("--version").code == 0


def test_the_package_can_be_run():
    command = [sys.executable, "-m", "shazip", "info", "missing"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    error = "shazip: missing: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", error)


def modules_after(*arguments: str) -> set[str]:
    """The modules that a process has loaded when this command line is done."""
    code = (
        "import sys; from shazip.cli.main import run; code = run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.split())


HEAVY = {
    "numpy",
    "torch",
    "constriction",
    "safetensors",
    "matplotlib",
    "asyncio",
    "json",
    "hashlib",
}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([name, "--help"] for name in FILE_COMMANDS)],
)
def test_help_and_version_load_nothing_heavy(arguments):
    assert not modules_after(*arguments) & HEAVY


def test_info_loads_neither_numpy_nor_a_model(monkeypatch, tmp_path):
    monkeypatch.setattr(CodecOptions, "open", fake_codec)
    (tmp_path / "a").write_bytes(TEXT)
    shazip("compress", tmp_path / "a")
    loaded = modules_after("info", "-v", str(tmp_path / "a.shz"))
    assert not loaded & {"numpy", "torch", "constriction", "safetensors"}
    assert "shazip.frames" in loaded
    assert not loaded & {"shazip.archive", "shazip.codec", "shazip.model.file"}
