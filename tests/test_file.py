"""shazip.open and ShazipFile behave as the stdlib's lzma.open and LZMAFile do."""

import io

import pytest
from fake import codec

import shazip
from shazip.errors import CorruptError, TruncatedError
from shazip.file import ShazipFile

TEXT = "Höchste Zeit, daß sich was ändert.\nZweite Zeile\r\n" * 20
DATA = TEXT.encode()
CODEC = codec(block_size=256, lanes=3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "text.shz"


def write(path, data=DATA):
    with shazip.open(path, "wb", codec=CODEC) as file:
        assert file.write(data) == len(data)
    return path


def test_what_is_written_is_read(path):
    write(path)
    assert path.read_bytes() == CODEC.compress(DATA)
    for given in (path, str(path)):
        with shazip.open(given, codec=CODEC) as file:
            assert file.read() == DATA


def test_writing_in_pieces_makes_no_difference(path):
    with shazip.open(path, "w", codec=CODEC) as file:
        for i in range(0, len(DATA), 7):
            file.write(memoryview(DATA)[i : i + 7])
    assert path.read_bytes() == CODEC.compress(DATA)


def test_text_mode_encodes_and_decodes(path):
    with shazip.open(path, "wt", codec=CODEC, encoding="latin-1", newline="") as file:
        file.write(TEXT)
    assert CODEC.decompress(path.read_bytes()) == TEXT.encode("latin-1")
    with shazip.open(path, "rt", codec=CODEC, encoding="latin-1", newline="") as file:
        assert file.read() == TEXT
    with shazip.open(path, "rt", codec=CODEC, encoding="latin-1") as file:
        assert [line.rstrip("\n") for line in file] == TEXT.splitlines()


def test_reading_in_pieces(path):
    with shazip.open(write(path), codec=CODEC) as file:
        assert file.read(0) == b""
        assert file.read(10) == DATA[:10]
        assert file.peek()[:5] == DATA[10:15]
        assert file.read1(300) == DATA[10:256]
        assert file.readline() == DATA[256:].split(b"\n")[0] + b"\n"
        buffer = bytearray(20)
        rest = DATA[256:].split(b"\n", 1)[1]
        assert file.readinto(buffer) == 20
        assert buffer == rest[:20]
        assert file.read(None) == rest[20:]
        assert file.read() == file.read(5) == file.read1() == file.peek() == b""


def test_lines_are_iterated(path):
    with shazip.open(write(path), codec=CODEC) as file:
        assert list(file) == DATA.splitlines(keepends=True)


def test_joined_archives_are_one_file(path):
    path.write_bytes(CODEC.compress(DATA) + CODEC.compress(b"") + CODEC.compress(b"end"))
    with shazip.open(path, codec=CODEC) as file:
        assert file.read() == DATA + b"end"


def test_a_file_object_is_left_open():
    beneath = io.BytesIO()
    with shazip.open(beneath, "w", codec=CODEC) as file:
        file.write(DATA)
    assert not beneath.closed
    beneath.seek(0)
    with shazip.open(beneath, codec=CODEC) as file:
        assert file.read() == DATA
    assert not beneath.closed


def test_an_empty_archive_is_written_without_a_write(path):
    shazip.open(path, "w", codec=CODEC).close()
    assert path.read_bytes() == CODEC.compress(b"")


@pytest.mark.parametrize("mode", ["", "rw", "rbt", "tb", "br", "rr", "U", "wx", "rtt"])
def test_other_modes_are_refused(path, mode):
    with pytest.raises(ValueError, match="mode"):
        shazip.open(path, mode, codec=CODEC)
    assert not path.exists()


def test_settings_that_do_not_belong_together_are_refused(path):
    with pytest.raises(ValueError, match="text mode"):
        shazip.open(path, "rb", codec=CODEC, encoding="utf-8")
    with pytest.raises(ValueError, match="model"):
        shazip.open(path, "w", codec=CODEC, model="other")


def test_the_operating_systems_errors_are_its_own(path):
    with pytest.raises(FileNotFoundError):
        shazip.open(path, codec=CODEC)
    write(path)
    with pytest.raises(FileExistsError):
        shazip.open(path, "x", codec=CODEC)
    assert path.read_bytes() == CODEC.compress(DATA)


def test_a_file_is_read_or_written(path):
    with shazip.open(path, "x", codec=CODEC) as file:
        assert (file.writable(), file.readable(), file.seekable()) == (True, False, False)
        for call in (file.read, file.read1, file.peek, file.readline, lambda: file.seek(0)):
            with pytest.raises(io.UnsupportedOperation):
                call()
    with shazip.open(path, codec=CODEC) as file:
        assert (file.writable(), file.readable(), file.seekable()) == (False, True, True)
        assert file.name == str(path)
        assert file.mode == "rb"
        assert file.fileno() > 0
        for call in (lambda: file.write(b"x"), file.truncate):
            with pytest.raises(io.UnsupportedOperation):
                call()


def test_a_closed_file_is_closed(path):
    file = shazip.open(write(path), codec=CODEC)
    assert not file.closed
    file.close()
    file.close()
    assert file.closed
    for call in (file.read, file.readable, file.writable, file.fileno, lambda: file.write(b"")):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_damage_does_not_look_like_the_end(path):
    packed = bytearray(CODEC.compress(DATA))
    packed[-1] ^= 1
    path.write_bytes(packed)
    with shazip.open(path, codec=CODEC) as file:
        for _ in range(2):
            with pytest.raises(CorruptError):
                file.read()
    path.write_bytes(CODEC.compress(DATA)[:-1])
    with shazip.open(path, codec=CODEC) as file, pytest.raises(EOFError) as error:
        file.read()
    assert error.type is TruncatedError


def test_a_failed_flush_still_closes_the_file(path):
    file = ShazipFile(path, "w", codec=CODEC)
    beneath = file._file
    file._compressor.flush()
    with pytest.raises(ValueError, match="flushed"):
        file.close()
    assert beneath.closed
    assert file.closed


def test_appending_adds_a_frame(path):
    write(path)
    for mode in ("a", "ab"):
        with shazip.open(path, mode, codec=CODEC) as file:
            file.write(b"more")
    with shazip.open(path, "at", codec=CODEC, encoding="utf-8") as file:
        file.write("Ende")
    assert CODEC.decompress(path.read_bytes()) == DATA + b"moremoreEnde"
    assert len(shazip.info(path).frames) == 4
    with shazip.open(path.with_name("new.shz"), "a", codec=CODEC) as file:
        file.write(b"first")
    assert CODEC.decompress(path.with_name("new.shz").read_bytes()) == b"first"


def test_paths_may_be_bytes(path):
    name = str(path).encode()
    with shazip.open(name, "wb", codec=CODEC) as file:
        assert file.name == str(path)
        file.write(DATA)
    with shazip.open(name, codec=CODEC) as file:
        assert file.read() == DATA


@pytest.mark.parametrize("wrong", [None, 5, [1.5]], ids=repr)
def test_what_is_neither_path_nor_file_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="must be a path or a file object"):
        shazip.open(wrong)


def test_the_repr_names_file_and_mode(path):
    file = ShazipFile(path, "w", codec=CODEC)
    assert repr(file) == f"<ShazipFile name={str(path)!r} mode='wb'>"
    file.close()
    assert repr(file) == "<ShazipFile closed>"
