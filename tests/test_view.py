"""`shazip view`: the page loads nothing and runs nothing that it shows; its figures are true."""

import base64
import hashlib
import lzma

import numpy as np
import pytest
from cli_run import TEXT, shazip
from fake import FakeEngine
from looks import HOSTILE, Elements, data_of, made_look, opened

from shazip import Codec
from shazip.settings import Coding
from shazip.trace import Tracer, joined
from shazip.view import summary
from shazip.view.look import Viewer
from shazip.view.pack import MOST_BITS, packed, quantised
from shazip.view.page import MOST_SIZE, page
from shazip.view.terminal import lines

NOISE = np.random.default_rng(3).bytes(20_000)


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_only_the_pages_own_script_and_style_may_run():
    elements = Elements(page(made_look(TEXT)))
    (policy,) = (
        value for _, name, value in elements.attributes if name == "content" and "default" in value
    )
    data, script = elements.contents["script"]
    (style,) = elements.contents["style"]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src '{digest(script)}'",
        f"style-src '{digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert opened(data.encode())


def test_the_page_asks_for_nothing_and_has_no_handlers_in_its_markup():
    elements = Elements(page(made_look(TEXT)))
    names = {name for _, name, _ in elements.attributes}
    assert not names & {"src", "href", "srcset", "action", "style"}
    assert not [name for name in names if name.startswith("on")]
    assert "://" not in elements.contents["script"][1]


def test_scripts_never_make_markup_of_text():
    script = Elements(page(made_look(TEXT))).contents["script"][1]
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval",
        "Function(",
    ):
        assert way not in script


def test_nothing_of_a_file_is_in_the_page_but_in_base64():
    plain = page(made_look(TEXT))
    hostile = page(made_look(HOSTILE.encode() * 9, name=HOSTILE))
    assert plain.replace(data_of(plain), b"") == hostile.replace(data_of(hostile), b"")
    assert set(data_of(hostile)) <= set(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
    )
    facts, planes = opened(data_of(hostile))
    assert facts["name"] == HOSTILE
    assert planes["text"].tobytes() == HOSTILE.encode() * 9


@pytest.mark.parametrize(
    "data", [NOISE, TEXT * 40, b"\0" * 8192, b"a\n" * 5000], ids=["noise", "text", "zeros", "lines"]
)
def test_a_page_has_at_most_12_bytes_for_each_byte_of_file(data):
    """The costs are random, which no deflation makes smaller, so some pages keep fewer symbols."""
    made = page(made_look(data))
    assert len(made) <= MOST_SIZE * len(data)
    facts, _ = opened(data_of(made))
    assert facts["likeliest"] in (range(3) if data == NOISE else range(6))


def test_the_page_of_an_empty_file_is_small():
    assert len(page(made_look(b""))) < 60_000


def test_planes_hold_what_the_trace_says():
    look = made_look(TEXT)
    facts, planes = opened(packed(look, 1 << 20))
    assert facts["bits"] == pytest.approx(look.trace.bits.sum(), abs=0.1)
    for name, bits in (("bits", look.trace.bits), ("network", look.trace.network)):
        plane = planes[name] if name == "bits" else planes[name] + planes["bits"]
        np.testing.assert_array_equal(plane, quantised(bits))
    for rank in range(5):
        np.testing.assert_array_equal(planes[f"low{rank}"], look.trace.likeliest[:, rank])


def test_a_quantum_is_near_the_bits_that_it_stands_for():
    bits = np.linspace(0, MOST_BITS, 10_000)
    found = MOST_BITS * (quantised(bits) / 255.0) ** 2
    assert (np.abs(found - bits) <= 0.001 + np.sqrt(bits * MOST_BITS) / 255).all()


def test_kinds_of_bytes_share_all_bits():
    bits = np.arange(256.0)
    found = {kind["name"]: kind for kind in summary.kinds(bytes(range(256)), bits)}
    assert sum(kind["count"] for kind in found.values()) == 256
    assert sum(kind["bits"] for kind in found.values()) == bits.sum()
    assert found["digits"] == {"name": "digits", "count": 10, "bits": sum(range(48, 58))}
    assert found["letters"]["count"] == 52
    assert found["UTF-8"]["count"] == 128


def test_words_and_lines_are_ranked_by_all_that_they_cost():
    data = b"ab cde ab\nab\n\nxyz\n"
    bits = np.ones(len(data))
    assert summary.costliest_words(data, bits) == [[0, 2, 3, 6], [3, 3, 1, 3], [14, 3, 1, 3]]
    assert summary.costliest_lines(data, bits) == [[0, 10, 1, 10], [14, 4, 4, 4], [10, 3, 2, 3]]


def test_curves_along_the_file_sum_to_what_it_costs():
    data = TEXT * 20 + NOISE[:5000]
    bits = np.random.default_rng(0).random(len(data))
    found = summary.along(data, {"network": bits})
    lengths = [min(found["step"], len(data) - at) for at in range(0, len(data), found["step"])]
    cost = {name: np.dot(curve, lengths) for name, curve in found["curves"].items()}
    assert cost["network"] == pytest.approx(bits.sum(), rel=1e-3)
    packed = lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)
    assert cost["xz"] == pytest.approx(8 * len(packed), rel=1e-3)
    assert np.mean(found["curves"]["xz"][-4:]) > 7.5  # noise is as costly as it is
    assert np.mean(found["curves"]["xz"][3:8]) < 0.2  # repetitions are not


def viewer(**settings) -> Viewer:
    codec = Codec(engine=FakeEngine(), mix=False, **settings)
    return Viewer(codec, likeliest=2)


def test_an_archive_is_looked_at_as_it_was_coded():
    packed = Codec(engine=FakeEngine(), mix=False, lanes=3, block_size=256).compress(TEXT)
    found = viewer().look("a.shz", packed)
    _, wanted = Tracer(FakeEngine(), Coding(3, 256, mix=False), likeliest=2).trace(TEXT)
    assert (found.data, found.archive_size, found.mixed) == (TEXT, len(packed), False)
    np.testing.assert_array_equal(found.trace.bits, wanted.bits)
    np.testing.assert_array_equal(found.trace.likeliest, wanted.likeliest)
    assert not np.array_equal(wanted.bits, viewer().look("a", TEXT).trace.bits)


def test_frames_are_looked_at_one_after_the_other():
    codec = Codec(engine=FakeEngine(), mix=False)
    found = viewer().look("a.shz", codec.compress(TEXT) + codec.compress(TEXT[:99]))
    alone = [viewer().look("a", data).trace for data in (TEXT, TEXT[:99])]
    np.testing.assert_array_equal(found.trace.bits, joined(alone).bits)
    assert found.trace.starts.tolist() == list(range(len(TEXT) + 99))


def test_texts_of_different_vocabularies_get_one():
    one, other = made_look(b"ab").trace, made_look(b"ab").trace
    longer = type(other)(**{**vars(other), "strings": (*other.strings, b"\xff\xff")})
    found = joined([one, longer])
    assert found.strings == longer.strings
    np.testing.assert_array_equal(found.likeliest[2:], longer.likeliest)


def test_the_terminal_gets_no_controls_but_our_colours():
    data = b"a\tb\x1b]0;owned\x07\r\n\xff\xe2\x80\xae\xc2\x9b31m end"
    shown = "".join(lines(made_look(data, name="\x1b[2J\u202e")))
    for code in ("\x1b[48;2;", "\x1b[38;2;", "\x1b[0m"):
        shown = shown.replace(code, "")
    assert all(char.isprintable() or char == "\n" for char in shown)
    for mark in ("⟨U+001B⟩", "⟨U+202E⟩", "⟨FF⟩", "⟨U+009B⟩", "→", "↵", "⟨U+000D⟩"):
        assert mark in shown


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current directory with the file `a`."""
    pytest.importorskip("shazip._native")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    return tmp_path


def test_view_writes_a_page(folder):
    code, out, err = shazip("view", "-m", "tiny", "a")
    assert (code, out) == (0, b"")
    made = (folder / "a.html").read_bytes()
    assert err == f"shazip: a.html: {len(made)} bytes\n"
    facts, planes = opened(data_of(made))
    assert (facts["name"], facts["models"], facts["mixed"]) == ("a", ["tiny"], True)
    assert facts["networkBits"] > facts["bits"]
    assert planes["text"].tobytes() == TEXT


def test_view_overwrites_only_if_told(folder):
    (folder / "p").write_bytes(b"mine")
    assert shazip("view", "-m", "tiny", "-o", "p", "a").err == (
        "shazip: p: already exists; use -f to overwrite\n"
    )
    assert (folder / "p").read_bytes() == b"mine"
    assert shazip("view", "-m", "tiny", "-q", "-f", "-o", "p", "a") == (0, b"", "")
    assert (folder / "p").read_bytes().startswith(b"<!doctype html>")


def test_view_text_goes_to_standard_output(folder):
    code, out, err = shazip("view", "--text", "--no-mix", "-m", "tiny", "a")
    assert (code, err) == (0, "")
    assert b"\x1b[48;2;" in out
    assert "a: 504 bytes" in out.decode()
    assert shazip("view", "--text", "-o", "p", "a").code == 2
