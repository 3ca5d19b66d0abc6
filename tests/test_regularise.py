"""Dropouts, penalties and NT-ASGD: what AWD-LSTM (Merity 2017) brought."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from shazip.training.network.regularise import (  # noqa: E402
    Dropout,
    drop_connect,
    drop_rows,
    penalty,
)
from shazip.training.optim import Average, build  # noqa: E402
from shazip.training.settings import OptimiserConfig, Regularisation  # noqa: E402

X = torch.arange(1.0, 25.0).reshape(4, 2, 3)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_locked_dropout_has_one_mask_for_all_steps():
    many = torch.ones(50, 4, 30)
    locked = Dropout(0.4, locked=True)(many, generator())
    assert torch.equal(locked, locked[:1].expand_as(locked))
    free = Dropout(0.4)(many, generator())
    assert not torch.equal(free[0], free[1])
    assert free.mean() == pytest.approx(1, abs=0.05)


def test_without_training_nothing_is_dropped():
    assert Dropout(0.9).eval()(X, None) is X


def test_dropped_symbols_are_whole_rows():
    rows = drop_rows(torch.ones(200, 3), 0.5, generator())
    assert set(rows.sum(1).tolist()) == {0.0, 6.0}


def test_dropped_connections_are_single_weights():
    weights = drop_connect(torch.ones(100, 100), 0.2, generator())
    assert (weights == 0).float().mean() == pytest.approx(0.2, abs=0.02)
    assert set(weights.unique().tolist()) == {0.0, 1.25}


def test_penalties_are_those_of_the_paper():
    wishes = Regularisation(activation=2.0, slowness=3.0)
    raw, dropped = X, X * 2
    by_hand = 2 * (dropped**2).sum() / 24 + 3 * ((raw[1:] - raw[:-1]) ** 2).sum() / 18
    # Eight symbols: the trainer divides by their number.
    torch.testing.assert_close(penalty(wishes, raw, dropped), 8 * by_hand)
    assert not Regularisation().penalises


@pytest.mark.parametrize("wrong", [{"drop_input": 1.0}, {"drop_weights": -0.1}, {"activation": -1}])
def test_impossible_parts_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Regularisation(**wrong)


def averaged(measurements: dict[int, float], updates: int, patience: int) -> tuple[float, int]:
    """Let the one weight be the update's number; return its average, and when that began."""
    source, kept = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    average = Average(source, kept, OptimiserConfig(kind="nt-asgd", patience=patience))
    for update in range(1, updates + 1):
        with torch.no_grad():
            source.weight.fill_(update)
        average.update(update)
        if update in measurements:
            average.measure(measurements[update], update)
    return float(kept.weight.detach()), average.since


def test_averaging_waits_for_a_non_monotonic_measurement():
    falling = {2: 3.0, 4: 2.0, 6: 1.0}
    assert averaged(falling, 10, 1) == (10.0, None)
    # The fourth is worse than the best of those that are two measurements older.
    bumpy = {2: 2.0, 4: 2.5, 6: 2.4, 8: 2.3}
    value, since = averaged(bumpy, 10, 2)
    assert since == 8
    assert value == pytest.approx((8 + 9 + 10) / 3)


def test_sgd_steps_along_the_gradient():
    linear = torch.nn.Linear(2, 1)
    before = linear.weight.detach().clone()
    optimiser = build(linear, OptimiserConfig(kind="nt-asgd", weight_decay=0.5))
    for group in optimiser.param_groups:
        group["lr"] = 0.1
    linear.weight.grad = torch.tensor([[1.0, 2.0]])
    optimiser.step()
    expected = before - 0.1 * (torch.tensor([[1.0, 2.0]]) + 0.5 * before)
    torch.testing.assert_close(linear.weight.detach(), expected)
