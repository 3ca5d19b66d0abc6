"""benchmarks.paper: its networks are of equal size, and its Transformer is one."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from benchmarks import paper  # noqa: E402
from benchmarks.transformer import TransformerConfig  # noqa: E402
from shazip.training.network.architecture import new_network, parameters  # noqa: E402


@pytest.fixture
def transformer():
    torch.manual_seed(1)
    return new_network(TransformerConfig(16, 2, 2, 8)).eval()


def symbols(steps: int) -> torch.Tensor:
    return torch.randint(256, (steps, 3), generator=torch.Generator().manual_seed(0))


def test_networks_are_of_about_equal_size():
    for name, sizes in paper.NETWORKS.items():
        with torch.device("meta"):
            network = new_network(paper.fitted(sizes, 250_000, 256))
        assert parameters(network)[1] == pytest.approx(250_000, rel=0.15), name


def test_the_transformer_sees_no_future(transformer):
    text = symbols(8)
    other = text.clone()
    other[5] += 1
    other %= 256
    for network in (transformer, transformer.train()):
        found = [network(t, network.start(3))[0] for t in (text, other)]
        torch.testing.assert_close(found[0][:5], found[1][:5])
        assert not torch.allclose(found[0][5:], found[1][5:])


def test_the_transformer_carries_past_symbols(transformer):
    text = symbols(16)
    whole, last = transformer(text, transformer.start(3))
    state, pieces = transformer.start(3), []
    for piece in text.split(4):
        logits, state = transformer(piece, state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces), whole)
    assert torch.equal(state[0].memory, last[0].memory)
    alone, _ = transformer(text[4:8], transformer.start(3))
    assert not torch.allclose(whole[4:8], alone)


def test_a_small_study_writes_its_report(tmp_path):
    train, valid = tmp_path / "train", tmp_path / "valid"
    train.write_bytes(b"the same words come again and again. " * 4000)
    valid.write_bytes(b"again and again the same words come. " * 20)
    sizes = ["--bytes", "256", "--parameters", "3000", "--lanes", "2", "--steps", "8"]
    few = ["--window", "8", "--few", "Transformer"]
    arguments = [str(train), str(valid), *sizes, *few, "-o", str(tmp_path / "out")]
    assert paper.main(arguments) == 0
    found = json.loads((tmp_path / "out" / "paper.json").read_text())
    assert [network["name"] for network in found["networks"]] == few[3::2]
    assert all(0 < network["bpb"] < 9 for network in found["networks"])
    assert all(len(network["curve"]) == 10 for network in found["networks"])
    table = (tmp_path / "out" / "paper.md").read_text()
    assert "| Transformer | " in table
    assert "Transformer-XL" in table
    assert paper.main(["--render", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "paper.md").read_text() == table


def test_the_published_report_is_that_of_its_figures():
    if not (paper.RESULTS / "paper.json").exists():
        pytest.skip("not measured yet")
    found = json.loads((paper.RESULTS / "paper.json").read_text())
    assert (paper.RESULTS / "paper.md").read_text() == paper.report(found)


def test_too_little_text_is_refused(tmp_path):
    (tmp_path / "text").write_bytes(b"short")
    with pytest.raises(SystemExit, match="too little text"):
        paper.main([str(tmp_path / "text")] * 2)
