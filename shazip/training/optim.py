"""What turns gradients into weights: AdamW, LAMB with a minimum trust ratio, averaging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shazip.training.model import Network


@dataclass(frozen=True)
class OptimiserConfig:
    """Everything but the learning rate, which the schedule sets before every update."""

    lamb: bool = False  # LAMB with a minimum trust ratio instead of AdamW
    betas: tuple[float, float] = (0.9, 0.99)
    epsilon: float = 1e-9
    weight_decay: float = 0.01  # of matrices; vectors have none
    minimum_trust: float = 0.25
    clip: float = 1.0  # largest norm of the whole gradient
    average: float = 0.995  # of the averaged weights: how much stays at every update


def build(network: Network, config: OptimiserConfig) -> torch.optim.Optimizer:
    """Return the optimiser of all parameters of `network`."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if config.lamb:
        return Lamb(groups, config.betas, config.epsilon, config.minimum_trust)
    return torch.optim.AdamW(groups, 0.0, config.betas, config.epsilon, fused=True)


class Lamb(torch.optim.Optimizer):
    """LAMB (You et al. 2020, algorithm 2) with its trust ratio clamped from below (Merity 2019)."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        betas: tuple[float, float] = (0.9, 0.99),
        epsilon: float = 1e-9,
        minimum_trust: float = 0.25,
        lr: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {"betas": betas, "epsilon": epsilon, "minimum_trust": minimum_trust}
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, **settings})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Make one update from the gradients."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, group)

    def _update(self, param: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(param), torch.zeros_like(param)
        state["step"] += 1
        first, second = group["betas"]
        mean = state["mean"].lerp_(gradient, 1 - first)
        square = state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (square / (1 - second ** state["step"])).sqrt_().add_(group["epsilon"])
        step = (mean / (1 - first ** state["step"])).div_(root)
        step.add_(param, alpha=group["weight_decay"])
        trust = _trust(param, step).clamp_(min=group["minimum_trust"])
        param.sub_(step.mul_(trust * group["lr"]))


def _trust(param: Tensor, step: Tensor) -> Tensor:
    weight, length = param.norm(), step.norm()
    defined = (weight > 0) & (length > 0)
    return torch.where(defined, weight / length, torch.ones_like(weight))


class Average:
    """Exponential moving average of the weights of `network`, kept in a second one, `average`."""

    def __init__(self, network: Network, average: Network, keep: float) -> None:
        self.source, self.average, self.keep = network, average.requires_grad_(False), keep
        self.average.load_state_dict(self.source.state_dict())

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move towards the present weights; faster early on, so that the start is forgotten."""
        share = max(1 - self.keep, 1 / (updates + 10))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.source.parameters()), share)
