"""The float network against a literal transcription of its equations."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from oracles.float_network import Lane  # noqa: E402

from shazip.model.config import NetworkConfig  # noqa: E402
from shazip.training.network import kernels  # noqa: E402
from shazip.training.network.lstm import lstm  # noqa: E402
from shazip.training.network.sha_rnn import Boom, Network  # noqa: E402

CONFIGS = {
    "no attention": NetworkConfig(8, 16, 2, (), 4, 1),
    "one head": NetworkConfig(8, 16, 2, (0,), 4, 1),
    "two heads": NetworkConfig(8, 32, 2, (0,), 4, 2),
    "attention everywhere": NetworkConfig(8, 8, 3, (0, 1, 2), 5, 4),
    "window of one step": NetworkConfig(8, 16, 1, (0,), 1, 1),
}


def network(config: NetworkConfig) -> Network:
    torch.manual_seed(7)
    net = Network(config).double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return net


def text(steps: int, lanes: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (steps, lanes)))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_network_follows_the_equations(config):
    net, symbols = network(config), text(13, 3)
    logits, _ = net(symbols, net.start(3))
    weights = {name: t.detach().numpy() for name, t in net.state_dict().items()}
    for number in range(3):
        lane = Lane(config, weights)
        expected = [lane.step(int(symbol)) for symbol in symbols[:, number]]
        np.testing.assert_allclose(logits[:, number].detach(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("cuts", [[1] * 13, [5, 8], [2, 10, 1]], ids=str)
def test_windows_change_nothing(config, cuts):
    net, symbols = network(config), text(13, 2)
    whole, last = net(symbols, net.start(2))
    state, pieces = net.start(2), []
    for window in symbols.split(cuts):
        logits, state = net(window, state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-11, atol=1e-11)
    for mine, other in zip(state, last, strict=True):
        torch.testing.assert_close(mine.c, other.c)
        if mine.memory is not None:
            assert mine.memory.shape[1] == config.window - 1
            torch.testing.assert_close(mine.memory, other.memory)


def test_only_the_last_window_steps_are_seen():
    config = NetworkConfig(8, 16, 1, (0,), 4, 1)
    net = network(config)
    new = torch.randn(6, 1, 8, dtype=torch.float64)
    query = torch.randn(1, 1, 8, dtype=torch.float64)

    def attend(memory):
        return net.layers[0].attention(query, memory[-1:], memory[:-1].transpose(0, 1))[0]

    changed = new.clone()
    changed[1] += 1  # the fifth step from the end
    torch.testing.assert_close(attend(changed), attend(new), rtol=0, atol=0)
    changed[2] += 1
    assert not torch.equal(attend(changed), attend(new))


def test_lstm_has_the_right_gradients():
    torch.manual_seed(3)

    def random(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    def run(x, h, c, *weights):
        out, (_, cell) = lstm(x, (h, c), *weights)
        return out, cell

    inputs = (random(4, 2, 3), random(2, 3), random(2, 3), random(12, 3), random(12, 3), random(12))
    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_rows_stand_for_the_inputs_that_they_pick(bfloat16):
    torch.manual_seed(3)
    x, w_input, w_state, bias = (torch.randn(*s) for s in ((7, 5), (80, 5), (80, 20), (80,)))
    wanted, rows = [x, w_input, w_state, bias], torch.randint(7, (6, 4))
    state = torch.randn(4, 20).tanh(), torch.randn(4, 20)
    results = []
    for picked in (False, True):
        leaves = [t.clone().requires_grad_() for t in wanted]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            first = F.embedding(rows, leaves[0]) if picked else leaves[0]
            out, _ = lstm(first, state, *leaves[1:], rows=None if picked else rows)
        results.append([out, *torch.autograd.grad(out.square().sum(), leaves)])
    for mine, expected in zip(*results, strict=True):
        assert (mine - expected).norm() < (0.02 if bfloat16 else 1e-5) * expected.norm()


def with_and_without_kernels(monkeypatch, run, leaves):
    """Return what `run` returns, and its gradients, by the module's kernels and by torch alone."""
    if kernels.kernels() is None:
        pytest.skip("the processor does not multiply bfloat16")
    results = []
    for module in (kernels.kernels(), None):
        monkeypatch.setattr(kernels, "kernels", lambda module=module: module)
        fresh = [leaf.detach().clone().requires_grad_() for leaf in leaves]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = run(*fresh)
        gradients = torch.autograd.grad(sum(out.square().sum() for out in outputs), fresh)
        results.append([*outputs, *gradients])
    return zip(*results, strict=True)


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize(("lanes", "width"), [(1, 24), (9, 37), (8, 64)])
def test_the_kernels_of_an_lstm_are_torchs_operations(monkeypatch, lanes, width, limited):
    torch.manual_seed(3)
    sizes = (7, lanes, 11), (4 * width, 11), (4 * width, width), (4 * width,)
    leaves = [torch.randn(*size) * size[-1] ** -0.5 for size in sizes]
    state = torch.randn(lanes, width).tanh(), torch.randn(lanes, width)

    def run(h, c, x, *weights):
        out, (_, cell) = lstm(x, (h, c), *weights, limited=limited)
        return out, cell

    for mine, expected in with_and_without_kernels(monkeypatch, run, [*state, *leaves]):
        assert (mine - expected).norm() < 0.02 * expected.norm()


def test_the_kernels_of_boom_are_torchs_operations(monkeypatch):
    torch.manual_seed(3)
    boom = Boom(NetworkConfig(20, 60, 1, (), 4, 1))

    def run(x, weight, bias):
        return (
            torch.func.functional_call(boom, {"linear.weight": weight, "linear.bias": bias}, x),
        )

    leaves = [torch.randn(5, 3, 20), *boom.parameters()]
    for mine, expected in with_and_without_kernels(monkeypatch, run, leaves):
        assert (mine - expected).norm() < 0.02 * expected.norm()


def test_bfloat16_products_change_the_loss_only_slightly():
    net, symbols = network(CONFIGS["one head"]).float(), text(40, 4)
    exact, _ = net(symbols, net.start(4))
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _ = net(symbols, net.start(4))
    assert rounded.dtype == torch.float32
    assert (exact - rounded).abs().mean() < 0.1


def test_dropout_draws_from_the_generator_alone():
    torch.manual_seed(1)
    net = Network(CONFIGS["one head"], dropout=0.5)
    symbols = text(6, 2)

    def run(seed):
        return net(symbols, net.start(2), torch.Generator().manual_seed(seed))[0]

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    assert torch.equal(net.eval()(symbols, net.start(2))[0], run(3))


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"boom_width": 100}, {"heads": 5}, {"attention": (2,)}, {"attention": (1, 0)}],
    ids=str,
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NetworkConfig(**wrong)
