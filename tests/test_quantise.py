"""Quantisation: the integer model predicts what the float network predicts, nearly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shazip import engines
from shazip.model import file as modelfile
from shazip.model.config import NetworkConfig
from shazip.model.vocabulary import BYTES

torch = pytest.importorskip("torch")

from shazip.engines.torch import TorchEngine  # noqa: E402
from shazip.training.integer.grid import grids, set_grids  # noqa: E402
from shazip.training.integer.int8_products import fit_product, fit_steps, to_operand  # noqa: E402
from shazip.training.integer.quantise import fit_grids, quantise  # noqa: E402
from shazip.training.integer.start_state import cold_start, cost, places, record  # noqa: E402
from shazip.training.network.sha_rnn import Network  # noqa: E402

TEXT = np.fromfile(Path(__file__).parent / "data" / "wikipedia.xml", np.uint8)
CONFIG = NetworkConfig(24, 48, 2, (0, 1), 20, 2)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # these networks are too small for more
    yield
    torch.set_num_threads(threads)


def random_network(config: NetworkConfig, seed: int = 0) -> Network:
    """Return a network whose norms, gates and biases have left their first values."""
    torch.manual_seed(seed)
    network = Network(config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn_like(parameter)
            else:
                parameter *= 2
    return network


@pytest.fixture(scope="module")
def network():
    return random_network(CONFIG)


@pytest.fixture(scope="module")
def model(network):
    return quantise(network, BYTES, TEXT, name="t", training={"updates": 3})


def float_logits(network: Network, column: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        symbols = torch.from_numpy(column.astype(np.int64))
        return network.eval()(symbols, network.start(column.shape[1]))[0].double().numpy()


def on_its_grids(network: Network) -> Network:
    set_grids(network, fit_grids(network, TEXT))
    return network


def exact_logits(model, columns: np.ndarray) -> np.ndarray:
    cold = modelfile.build(model.config, {**model.tensors, **cold_start(model.config, 10)})
    predictor = TorchEngine(cold).predictor(columns.shape[1])
    rows = []
    for column in columns:
        predictor.update(column)
        rows.append(predictor.logits(columns.shape[1]) / 32)
    return np.stack(rows)


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        replace(CONFIG, heads=1, attention=(1,)),
        replace(CONFIG, attention=()),
        replace(CONFIG, layers=1, attention=(0,), window=1),
    ],
    ids=["every layer", "last layer", "none", "window one"],
)
def test_integer_logits_follow_the_float_networks(config):
    network = random_network(config, 1)
    columns = places(TEXT, 4, 60, 0.3)
    expected = float_logits(network, columns)
    found = exact_logits(quantise(network, BYTES, TEXT), columns)
    assert np.abs(found - expected).mean() < 0.05 * expected.std()
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.998


def test_the_model_passes_its_canary(model):
    engines.check_long(TorchEngine(model))


def test_name_and_training_record_are_kept(model):
    assert (model.name, model.metadata["training"]) == ("t", {"updates": 3})


def test_equal_networks_give_equal_models(model):
    again = quantise(random_network(CONFIG), BYTES, TEXT, name="t", training={"updates": 3})
    assert modelfile.pack(again) == modelfile.pack(model)


def test_quantising_leaves_the_network_alone(network, model):
    fresh = random_network(CONFIG).state_dict()
    assert all(torch.equal(fresh[name], t) for name, t in network.state_dict().items())


def test_a_recorded_state_goes_on_as_its_lane_would(model):
    predictor = TorchEngine(model).predictor(3)
    before, after = np.split(places(TEXT, 3, 60, 0.1), [45])
    for column in before:
        predictor.logits(3)
        predictor.update(column)
    start = record(predictor, CONFIG, 1)
    assert start["start.memory"].shape == (2, 19, 24)
    fresh = modelfile.build(CONFIG, {**model.tensors, **start})
    alone = TorchEngine(fresh).predictor(1)
    for column in after:
        assert np.array_equal(alone.logits(1)[0], predictor.logits(3)[1])
        alone.update(column[1:2])
        predictor.update(column)


def test_the_start_state_is_no_worse_than_zeros_where_it_was_chosen(model):
    cold = modelfile.build(model.config, {**model.tensors, **cold_start(model.config, 10)})
    trials = places(TEXT, 32, 64, 0.75)
    assert cost(model, trials) <= cost(cold, trials)


def test_extreme_networks_still_give_valid_models():
    network = random_network(CONFIG)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 30
    assert quantise(network, BYTES, TEXT).id


def test_a_network_of_zeros_gives_a_valid_model():
    network = Network(CONFIG)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert quantise(network, BYTES, TEXT).id


def test_too_little_text_is_refused(network):
    with pytest.raises(ValueError, match="are too few"):
        quantise(network, BYTES, TEXT[:100])


def test_a_fitted_product_is_close():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(500, 40, generator=generator) * torch.logspace(-2, 1, 40)
    weight = torch.randn(30, 40, generator=generator) / torch.logspace(-2, 1, 40)
    fit = fit_product(inputs, weight)
    exact = inputs @ weight.T
    found = to_operand(inputs, fit.steps) @ fit.weight.T * fit.row_steps + fit.bias
    assert (found - exact).std() < 0.02 * exact.std()
    assert (found - exact).mean(0).abs().max() < 1e-4
    assert fit.weight.abs().max() <= 127


def test_steps_cover_the_usual_range():
    inputs = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    steps = fit_steps(inputs, 1.0)
    assert ((inputs / steps).abs() <= 127).float().mean() > 0.995


def test_on_its_grids_the_network_gives_the_integer_models_logits():
    # Roundings that training leaves out flip some of those that it has: a part of the noise stays.
    network = random_network(CONFIG, 1)
    columns = places(TEXT, 4, 60, 0.3)
    expected = exact_logits(quantise(network, BYTES, TEXT), columns)
    apart = (float_logits(network, columns) - expected).var()
    assert (float_logits(on_its_grids(network), columns) - expected).var() < 0.7 * apart


def test_a_network_outside_the_formats_is_clamped_as_the_integer_model_clamps():
    network = random_network(CONFIG, 2)
    with torch.no_grad():
        for layer in network.layers:
            layer.boom.linear.bias += 20  # the Boom input ends at 16
            layer.lstm.bias[24:72] += 20  # what cells keep and add: they end at 64
    columns = places(TEXT, 4, 120, 0.3)
    expected = exact_logits(quantise(network, BYTES, TEXT), columns)
    apart = (float_logits(network, columns) - expected).var()
    assert (float_logits(on_its_grids(network), columns) - expected).var() < 0.05 * apart


def test_an_exported_network_keeps_the_grids_that_it_was_trained_on():
    network = on_its_grids(random_network(CONFIG))
    before = grids(network)
    with torch.no_grad():
        network.layers[0].boom.linear.weight *= 0.9
    tensors = quantise(network, BYTES, TEXT).tensors
    grid = network.layers[0].boom.grid
    shown = grid.weight(network.layers[0].boom.linear.weight) * grid.steps / grid.row_steps[:, None]
    assert np.array_equal(tensors["layers.0.boom.weight"], shown.detach().round().numpy())
    assert grids(network).keys() == before.keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in grids(network).items())


def test_a_network_without_its_grids_is_the_float_network_again():
    network, columns = random_network(CONFIG), places(TEXT, 4, 20, 0.3)
    before = float_logits(network, columns)
    set_grids(on_its_grids(network), {})
    assert np.array_equal(float_logits(network, columns), before)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_gradients_reach_every_parameter_through_the_grids(bfloat16):
    symbols = torch.from_numpy(places(TEXT, 4, 30, 0.3).astype(np.int64))
    found = []
    for network in (random_network(CONFIG), on_its_grids(random_network(CONFIG))):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, _ = network(symbols[:-1], network.start(4))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), symbols[1:].flatten())
        found.append(torch.autograd.grad(loss, list(network.parameters())))
    for plain, gridded in zip(*found, strict=True):
        assert torch.cosine_similarity(plain.flatten(), gridded.flatten(), 0) > 0.9
