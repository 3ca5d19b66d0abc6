"""AWD-LSTM, the baseline: it is torch's LSTMs with tied embeddings, trained like the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from checkpoints import load_network  # noqa: E402

from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.training import metrics, run  # noqa: E402
from shazip.training.checkpoint import load_checkpoint  # noqa: E402
from shazip.training.errors import TrainingError  # noqa: E402
from shazip.training.network.architecture import new_network, parameters  # noqa: E402
from shazip.training.network.awd_lstm import AwdLstm  # noqa: E402
from shazip.training.network.sha_rnn import Network  # noqa: E402
from shazip.training.settings import (  # noqa: E402
    CHECKPOINT,
    METRICS,
    AwdLstmConfig,
    Corpus,
    OptimiserConfig,
    Regularisation,
    RunConfig,
    Schedule,
    TrainConfig,
)

SIZES = AwdLstmConfig(width=6, hidden=10, layers=3)
SHA = NetworkConfig(width=16, boom_width=32, layers=2, attention=(0,), window=8)
ALL = Regularisation(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
WINDOW = 4 * 12


def text(steps: int, lanes: int) -> torch.Tensor:
    return torch.randint(256, (steps, lanes), generator=torch.Generator().manual_seed(2))


def test_awd_lstm_is_torchs_lstms_with_a_tied_embedding():
    torch.manual_seed(5)
    net, symbols = AwdLstm(SIZES).double(), text(9, 2)
    logits, state = net(symbols, net.start(2))
    x = net.embedding[symbols]
    for layer, after in zip(net.layers, state, strict=True):
        theirs = torch.nn.LSTM(x.shape[2], after.h.shape[1]).double()
        with torch.no_grad():
            theirs.weight_ih_l0.copy_(layer.w_input)
            theirs.weight_hh_l0.copy_(layer.w_state)
            theirs.bias_ih_l0.copy_(layer.bias)
            theirs.bias_hh_l0.zero_()
        x, (h, c) = theirs(x)
        torch.testing.assert_close(after.h, h[0])
        torch.testing.assert_close(after.c, c[0])
    torch.testing.assert_close(logits, x @ net.embedding.T + net.bias)


def test_carrying_the_state_changes_nothing():
    net, symbols = AwdLstm(SIZES).double(), text(9, 2)
    whole, _ = net(symbols, net.start(2))
    state, pieces = net.start(2), []
    for window in symbols.split([4, 5]):
        logits, state = net(window, state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces), whole)


@pytest.mark.parametrize("sizes", [SIZES, SHA], ids=["awd-lstm", "sha-rnn"])
def test_every_dropout_draws_from_the_generator_alone(sizes):
    symbols = text(6, 2)
    for part in ("drop_symbols", "drop_input", "drop_output", "drop_weights"):
        torch.manual_seed(1)
        net = new_network(sizes, 0.0, replace(Regularisation(), **{part: 0.5}))

        def logits(seed, net=net):
            return net(symbols, net.start(2), torch.Generator().manual_seed(seed))[0]

        assert torch.equal(logits(1), logits(1))
        assert not torch.equal(logits(1), logits(2))
        net.eval()
        assert torch.equal(logits(1), logits(2))


def test_parameters_fold_as_quantise_folds():
    with torch.device("meta"):
        network = Network(SHA)
    trained, folded = parameters(network)
    assert trained == sum(p.numel() for p in network.parameters())
    gates_and_layer = 3 * 16 + 2 * 16 * 16 + 2 * 16
    assert trained - folded == gates_and_layer - 16
    assert parameters(AwdLstm(SIZES))[0] == parameters(AwdLstm(SIZES))[1]


@pytest.fixture
def corpus(tmp_path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(b"the same words come again and again. " * 200)
    return path


def config(corpus: Path, updates: int = 6, **changes) -> TrainConfig:
    schedule = Schedule(total=updates * WINDOW, peak=1e-2, warmup=2 * WINDOW)
    given = {"network": SIZES, "lanes": 4, "steps": 12, "bfloat16": False, **changes}
    return TrainConfig((Corpus(corpus),), schedule, **given)


NT_ASGD = OptimiserConfig(kind="nt-asgd", interval=1, patience=1, clip=0.25)
VARIANTS = {
    "adamw": {},
    "everything dropped": {"dropout": 0.2, "regularisation": ALL, "threads": 2},
    "sha-rnn, everything dropped": {"network": SHA, "dropout": 0.2, "regularisation": ALL},
    "nt-asgd": {"optimiser": NT_ASGD},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_resuming_is_bit_for_bit_the_same(tmp_path, corpus, variant):
    around = RunConfig(valid=corpus, valid_size=200)
    whole = run.begin(config(corpus, **variant), tmp_path / "whole", around)
    calls = iter(range(100))
    half = run.begin(
        config(corpus, **variant), tmp_path / "half", around, stop=lambda: next(calls) == 3
    )
    assert half.updates == 3
    resumed = run.resume(tmp_path / "half", around)
    for mine, other in zip(resumed.networks, whole.networks, strict=True):
        for name, tensor in mine.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name])
    assert resumed.average.since == whole.average.since


def test_nt_asgd_learns_and_averages(tmp_path, corpus):
    optimiser = OptimiserConfig(kind="nt-asgd", interval=5, patience=1, clip=0.25)
    settings = config(corpus, updates=150, optimiser=optimiser)
    settings = replace(settings, schedule=replace(settings.schedule, peak=20.0))
    trainer = run.begin(settings, tmp_path / "run", RunConfig(valid=corpus, log_updates=10))
    lines = [line for line in metrics.read(tmp_path / "run" / METRICS) if "bpb" in line]
    assert lines[-1]["bpb"] < lines[0]["bpb"] - 1
    assert trainer.average.since is not None


def test_nt_asgd_needs_something_to_go_by(tmp_path, corpus):
    with pytest.raises(TrainingError, match="validate"):
        run.begin(config(corpus, optimiser=NT_ASGD), tmp_path / "run", RunConfig())


def test_penalties_are_no_part_of_the_reported_loss(tmp_path, corpus):
    lines = []
    for index, penalty in enumerate((0.0, 100.0)):
        wishes = Regularisation(activation=penalty, slowness=penalty)
        folder = tmp_path / str(index)
        run.begin(config(corpus, 2, regularisation=wishes), folder, RunConfig(log_updates=1))
        lines.append([line["bpb"] for line in metrics.read(folder / METRICS)])
    assert lines[0][0] == lines[1][0]  # before the first update
    assert lines[0][1] != lines[1][1]


def test_checkpoints_know_their_architecture(tmp_path, corpus):
    written = config(corpus, updates=1, regularisation=ALL)
    run.begin(written, tmp_path / "run", RunConfig())
    path = tmp_path / "run" / CHECKPOINT
    assert load_checkpoint(path)[0] == written
    assert isinstance(load_network(path), AwdLstm)
