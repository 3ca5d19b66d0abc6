"""The bits of every byte: they are the coder's, and inside a symbol they follow the chain rule."""

import math
from itertools import pairwise

import numpy as np
import pytest
from cli_run import TEXT, shazip
from fake import FakeEngine, counting
from random_models import CONFIGS, random_model

from shazip import Codec, info
from shazip.cli.options import CodecOptions
from shazip.codec import encode_block
from shazip.coder import Encoder
from shazip.container import HEADER_SIZE, block_header_size, end_mark_size
from shazip.engines import open_unproved
from shazip.halves import Halves, split
from shazip.lanes import columns, interleave
from shazip.model.vocabulary import BYTES, Vocabulary
from shazip.rows import Prefixes, Rows, prefix_bits
from shazip.settings import Coding
from shazip.trace import Tracer, _Counting

CHAIN = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"e", b"r"), (b"\xff", b"\xff")]
PAIRS = [(bytes([a]), bytes([b])) for a in b"acdefghi" for b in range(60, 160)][: 256 - len(CHAIN)]
VOCABULARY = Vocabulary.learned(CHAIN + PAIRS)


class RandomNetwork:
    """Uneven rows of any number of symbols, other ones at each step."""

    def __init__(self, symbols: int) -> None:
        self.symbols = symbols
        self.rng = np.random.default_rng(symbols)

    def predict(self, live):
        """Return frequencies (live, V)."""
        weights = self.rng.random((live, self.symbols)) ** 9
        total = weights.sum(axis=1, keepdims=True)
        freqs = 1 + (weights * (2**24 - self.symbols) / total).astype(np.int64)
        freqs[:, 0] += 2**24 - freqs.sum(axis=1)
        return freqs.astype(np.uint32)

    def update(self, column):
        pass


def words(bits: float) -> int:
    """Return the bytes of the 32-bit words that hold so many bits."""
    return 4 * math.ceil(bits / 32)


def whole_rows(predictor, live: int) -> np.ndarray:
    """Return the masses (live, V) of a step, asked for one first half after the other."""
    firsts = predictor.first(live).astype(np.uint64)
    seconds = [predictor.second(np.full(live, half, np.uint16)) for half in range(firsts.shape[1])]
    return (firsts[:, :, None] * np.stack(seconds, axis=1)).reshape(live, -1)


@pytest.mark.parametrize("vocabulary", [BYTES, VOCABULARY], ids=["bytes", "symbols"])
def test_a_byte_costs_the_share_of_the_symbols_that_go_on_with_it(vocabulary):
    column = np.array([vocabulary.numbers.get(s, 7) for s in (b" the", b"er", b"\xff\xff", b"x")])
    column = column.astype(np.uint16)
    masses = whole_rows(Halves(RandomNetwork(vocabulary.size), vocabulary), len(column))
    predictor = Halves(RandomNetwork(vocabulary.size), vocabulary)
    found = Rows(predictor, Prefixes(vocabulary), len(column)).byte_bits(column)
    for lane, symbol in enumerate(column):
        string, row = vocabulary.strings[symbol], masses[lane]
        shares = [
            sum(int(m) for m, other in zip(row, vocabulary.strings, strict=True)
                if other.startswith(string[:size]))
            for size in range(len(string))
        ] + [int(row[symbol])]  # fmt: skip
        wanted = [math.log2(a / b) for a, b in pairwise(shares)]
        assert shares[0] == 2**48
        np.testing.assert_allclose(found[lane, : len(string)], wanted, atol=1e-9)
        assert not found[lane, len(string) :].any()


@pytest.mark.parametrize("vocabulary", [BYTES, VOCABULARY], ids=["bytes", "symbols"])
@pytest.mark.parametrize("count", [1, 5])
def test_the_likeliest_symbols_are_those_of_the_whole_row(vocabulary, count):
    masses = whole_rows(Halves(RandomNetwork(vocabulary.size), vocabulary), 3)
    rows = Rows(Halves(RandomNetwork(vocabulary.size), vocabulary), Prefixes(vocabulary), 3)
    symbols, bits = rows.likeliest(count)
    best = np.sort(masses, axis=1)[:, ::-1][:, :count]
    np.testing.assert_array_equal(np.take_along_axis(masses, symbols.astype(int), 1), best)
    np.testing.assert_allclose(bits, 48 - np.log2(best.astype(float)))


def test_the_bytes_of_symbols_sum_to_the_payload_within_a_word():
    data = TEXT + b" the other \xff\xff\xff" * 30
    symbols = interleave(VOCABULARY.parse(data), 3)
    bits = VOCABULARY.size.bit_length() - 1
    encoder, predictor, found = Encoder(3), Halves(RandomNetwork(VOCABULARY.size), VOCABULARY), []
    for start, stop in columns(len(symbols), 3):
        firsts, seconds = split(symbols[start:stop], bits)
        encoder.encode(firsts, predictor.first(stop - start))
        encoder.encode(seconds, predictor.second(firsts))
    traced = Halves(RandomNetwork(VOCABULARY.size), VOCABULARY)
    total = _Counting(traced, Prefixes(VOCABULARY), VOCABULARY, 0, found)(symbols, 3)
    assert total == pytest.approx(found[0].bits.sum())
    assert len(found[0].bits) == len(data)
    assert len(encoder.finish()) - words(total) in (0, 4)


@pytest.mark.parametrize(("symbols", "mix"), [(256, True), (256, False), (512, True), (1024, True)])
@pytest.mark.parametrize("likeliest", [0, 5])
def test_bytes_sum_to_the_payload_of_the_archive_within_a_word(symbols, mix, likeliest):
    pytest.importorskip("shazip._native")
    data = TEXT * 3 + b"\x00\x01\x02" * 50
    if symbols == 256:
        engine = CodecOptions(model="tiny").open_engine()
    else:
        engine = open_unproved(random_model(1, CONFIGS[f"{symbols} symbols"]), "native")
    found = info(Codec(engine=engine, mix=mix, lanes=2).compress(data))
    assert not found.stored_blocks
    structures = block_header_size(found.frames[0].header) + end_mark_size(len(data))
    payload = found.compressed_size - HEADER_SIZE - structures
    tracer = Tracer(engine, Coding(2, mix=mix), likeliest=likeliest)
    measured, trace = tracer.trace(data)
    assert measured.bits == pytest.approx(trace.bits.sum())
    assert payload - words(trace.bits.sum()) in (0, 4)
    assert trace.network.sum() > trace.bits.sum() * (1.05 if mix else 0.999)
    assert (len(trace.starts) < len(data)) == (symbols > 256)


def test_a_traced_byte_costs_what_the_coder_pays_for_it():
    """The counting predictor gives one byte after the other, so each prefix has its own payload."""
    data = TEXT[:200]
    _, trace = Tracer(FakeEngine(), Coding(1, mix=False)).trace(data)
    for size in (80, 120, 200):
        _, payload = encode_block(data[:size], 1, counting(1))
        assert len(payload) - words(trace.bits[:size].sum()) in (0, 4)


def test_stored_blocks_cost_eight_bits_a_byte_and_drop_the_state():
    noise = np.random.default_rng(0).bytes(4096)
    coding = Coding(1, 4096, mix=False)
    measured, trace = Tracer(FakeEngine(), coding, likeliest=2).trace(noise + TEXT)
    _, alone = Tracer(FakeEngine(), coding, likeliest=2).trace(TEXT)
    assert measured.stored == 1
    assert (trace.bits[:4096] == 8).all()
    assert np.isinf(trace.likeliest_bits[:4096]).all()
    np.testing.assert_array_equal(trace.bits[4096:], alone.bits)
    np.testing.assert_array_equal(trace.likeliest[4096:], alone.likeliest)


def test_an_empty_text_has_an_empty_trace():
    measured, trace = Tracer(FakeEngine(), Coding(mix=False)).trace(b"")
    assert (measured.bits, len(trace.bits), len(trace.starts)) == (0, 0, 0)


def test_prefixes_have_no_mass_beyond_their_symbols():
    """A row of ones: log2 counts the symbols that begin alike."""
    masses = np.ones((1, VOCABULARY.size), np.uint64)
    column = np.array([VOCABULARY.numbers[b" the"]], np.uint16)
    (bits,) = prefix_bits(masses, Prefixes(VOCABULARY), column)
    np.testing.assert_allclose(bits, [math.log2(VOCABULARY.size / 2), 1, 0, 0])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current directory with the file `a`, and the fake engine."""
    monkeypatch.setattr(CodecOptions, "open_engine", lambda self, window=None: FakeEngine())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    return tmp_path


def test_eval_writes_the_bits_of_every_byte(folder):
    code, out, err = shazip("eval", "--no-mix", "--per-byte", "out.npy", "a")
    assert (code, err) == (0, "")
    bits = np.load("out.npy")
    assert (bits.dtype, bits.shape) == (np.float64, (len(TEXT),))
    assert int(out.split()[11]) == math.ceil(bits.sum() / 8)


def test_eval_overwrites_only_if_told(folder):
    (folder / "out.npy").write_bytes(b"mine")
    code, _, err = shazip("eval", "--no-mix", "--per-byte", "out.npy", "a")
    assert (code, err) == (1, "shazip: out.npy: already exists; use -f to overwrite\n")
    assert (folder / "out.npy").read_bytes() == b"mine"
    assert shazip("eval", "--no-mix", "-f", "--per-byte", "out.npy", "a").code == 0
    assert len(np.load("out.npy")) == len(TEXT)


def test_eval_takes_one_file_for_the_bits_of_every_byte(folder):
    code, _, err = shazip("eval", "--no-mix", "--per-byte", "out.npy", "a", "a")
    assert code == 2
    assert "--per-byte takes one FILE" in err
