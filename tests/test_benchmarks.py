"""The published figures: their files, the README's table, and the commands that make them."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import corpus, determinism, frames, run
from benchmarks.standins import constriction as standin
from shazip.archive import Codec, info
from shazip.model.file import read_metadata
from shazip.model.record import was_trained_on

ROOT = Path(__file__).resolve().parent.parent


def test_the_readme_shows_the_published_results():
    readme = (ROOT / "README.md").read_text()
    published = run.RESULTS / "results.json"
    text = run.section(run.Results.loads(published.read_text())) if published.exists() else ""
    assert run.with_section(readme, text, run.BEGIN, run.END) == readme, (
        "run python -m benchmarks.run --render"
    )


def test_the_tables_beside_the_results_are_theirs():
    if not (run.RESULTS / "results.json").exists():
        pytest.skip("nothing is published yet")
    results = run.Results.loads((run.RESULTS / "results.json").read_text())
    assert (run.RESULTS / "tables.md").read_text() == run.document(results)


PICTURE = re.compile(r"(?:\]\(|src=\"|srcset=\")(.*?)[)\"]")


def test_a_page_shows_every_picture():
    pages = [page.read_text() for page in [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")]]
    shown = {name.split("/")[-1] for page in pages for name in PICTURE.findall(page)}
    found = [*ROOT.glob("benchmarks/**/*.svg"), *ROOT.glob("benchmarks/**/*.png")]
    assert found
    assert {path.name for path in found} - shown == set()


def test_the_page_names_every_command_and_there_is_no_other_way_in():
    page = (ROOT / "benchmarks" / "README.md").read_text()
    files = [path for path in (ROOT / "benchmarks").iterdir() if path.is_file()]
    commands = [path.stem for path in files if "__main__" in path.read_text()]
    commands.remove("one_archive")  # benchmarks.determinism hands its path to other Pythons
    assert [name for name in commands if f"`python -m benchmarks.{name}" not in page] == []
    assert [path.name for path in files if path.is_symlink() or path.stat().st_mode & 0o111] == []


def test_only_what_stands_between_the_marks_is_replaced():
    readme = f"a\n{run.BEGIN}old\n{run.END}z\n"
    marks = run.BEGIN, run.END
    assert run.with_section(readme, "new\n", *marks) == f"a\n{run.BEGIN}new\n{run.END}z\n"
    with pytest.raises(SystemExit, match="lacks the lines"):
        run.with_section("a\n", "new\n", *marks)


@pytest.mark.parametrize("name", ["enwik8.valid", "dpkg.log"])
def test_a_file_kept_in_the_repository_is_made_and_checked(tmp_path, name):
    ((entry, path),) = corpus.make(tmp_path, (name,))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    assert path.stat().st_size == entry.size


def test_a_changed_source_is_refused(tmp_path, monkeypatch):
    other = corpus.Corpus("x", "a source", "none", 3, "00", lambda: b"abc")
    monkeypatch.setattr(corpus, "FILES", (other,))
    ((_, reason),) = corpus.make(tmp_path)
    assert reason == "x: its source now holds other bytes (a source)"
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_cannot_be_had_is_told_and_the_others_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    names = ("pango.h", "dpkg.log")
    made = {entry.name: found for entry, found in corpus.make(tmp_path, names)}
    assert "needs apt-get, which is not on the PATH" in made["pango.h"]
    assert isinstance(made["dpkg.log"], Path)


def test_every_file_is_named_once_with_licence_and_hash():
    files = corpus.FILES
    assert len({entry.name for entry in files}) == len(files) == 7
    assert all(len(entry.sha256) == 64 and entry.licence and entry.what for entry in files)


def test_no_published_model_was_trained_on_a_file_of_the_benchmark():
    for path in (ROOT / "models").glob("*/*.safetensors"):
        if path.stem != path.parent.name:
            continue  # weights to go on from, no model
        metadata = read_metadata(path)
        seen = [f.name for f in corpus.FILES if was_trained_on(metadata, f.sha256)]
        assert seen == [], path


@pytest.mark.parametrize("page", ["README.md", "docs/frames.md"])
def test_pages_show_what_frames_cost_as_it_was_measured(page):
    assert frames.RESULT.read_text() in (ROOT / page).read_text()


def test_sizes_of_frames_are_those_of_archives(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "BLOCK_SIZE", 512)
    text = (ROOT / "tests" / "data" / "wikipedia.xml").read_bytes()[:4500]
    (tmp_path / "text").write_bytes(text)
    sizes = (len(text), 2048, 512)
    starts = frames.starts(tmp_path / "text", "tiny", len(text), sizes)
    assert len(starts) == 9  # those of the smallest frames
    assert sum(start.size for start in starts) < 2.5 * len(text)
    blocks = {start.offset: frames.block_sizes(start) for start in starts}
    codec = Codec("tiny", block_size=512)
    for size in sizes:
        sink = io.BytesIO()
        codec.compress_stream(io.BytesIO(text), sink, frame_size=size)
        found, index = frames.archive_size(blocks, len(text), size)
        assert (found, index) == (len(sink.getvalue()), info(sink.getvalue()).index_size)


@pytest.mark.parametrize(
    ("found", "equal"), [(["aa", "aa"], True), (["aa", "ab"], False), (["aa", ""], False)]
)
def test_the_determinism_report_fails_unless_all_hashes_are_equal(
    found, equal, tmp_path, monkeypatch, capsys
):
    answers = iter(found)
    monkeypatch.setattr(determinism, "attempt", lambda *a: (next(answers), "a reason"))
    chosen = [determinism.Setting(f"setting {n}") for n in range(len(found))]
    assert determinism.compare(chosen, {}, tmp_path) is equal
    assert len(capsys.readouterr().out.splitlines()) == len(found)


@pytest.mark.parametrize("count", [0, 1, 2, 700])
@pytest.mark.parametrize("sharpness", [0, 1, 30])
def test_the_stand_in_gives_the_words_of_constriction(count, sharpness):
    import constriction

    rng = np.random.default_rng(count)
    weights = rng.random((count, 256)) ** sharpness
    weights = np.floor(weights / weights.sum(1, keepdims=True) * (2**24 - 256))
    weights[:, 7] += 2**24 - 256 - weights.sum(1)
    weights, symbols = weights.astype(np.float32), rng.integers(0, 256, count, np.int32)
    words = []
    for module in (constriction, standin):
        family = module.stream.model.Categorical(perfect=False)
        encoder = module.stream.queue.RangeEncoder()
        if count:
            encoder.encode(symbols, family, weights)
        words.append(encoder.get_compressed())
    assert words[0].tolist() == words[1].tolist()
    decoder = standin.stream.queue.RangeDecoder(words[0])
    assert decoder.decode(family, weights).tolist() == symbols.tolist()
    assert decoder.maybe_exhausted()


def test_the_bits_of_a_word_fall_on_its_pieces():
    np = pytest.importorskip("numpy")
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    from benchmarks.tokenisation import piece_shares
    from shazip.model.vocabulary import Vocabulary

    vocabulary = Vocabulary.learned([(b" ", b"t"), (b" t", b"h"), (b"a", b"t")])
    symbols = vocabulary.parse(b"x that, the, 12")  # " th" "at" "," " th" "e" ...
    costs = np.zeros(len(symbols))
    costs[1:3], costs[4:6] = (3.0, 1.0), (5.0, 2.0)
    assert piece_shares(vocabulary, symbols, costs) == [4.0, 1.5, 0, 0, 0, 0, 0, 0, 5.5]
