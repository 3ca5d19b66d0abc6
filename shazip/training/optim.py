"""Optimisers and the average of the weights: AdamW, LAMB with a minimum trust ratio, NT-ASGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from shazip.training.settings import NT_ASGD, OptimiserConfig

Module = TypeVar("Module", bound=nn.Module)


def build(network: nn.Module, config: OptimiserConfig) -> torch.optim.Optimizer:
    """Return the optimiser of all parameters of `network`."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if config.kind == "lamb":
        return Lamb(groups, config.betas, config.epsilon, config.minimum_trust)
    if config.kind == NT_ASGD:
        return torch.optim.SGD(groups, 0.0)
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


class Average(Generic[Module]):
    """The averaged weights of `network`, kept in a second network, `average`.

    An exponential moving average. For NT-ASGD: the weights themselves until `measure` finds no more
    improvement, then their mean since that moment (Merity 2017, algorithm 1).
    """

    def __init__(self, network: Module, average: Module, config: OptimiserConfig) -> None:
        self.source, self.average, self.config = network, average.requires_grad_(False), config
        self.average.load_state_dict(self.source.state_dict())
        self.since: int | None = None  # update at which NT-ASGD began to average
        self.measured: list[float] = []  # validations, for NT-ASGD

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move towards the weights after so many `updates`."""
        share = self._share(updates)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.source.parameters()), share)

    def measure(self, bpb: float, updates: int) -> None:
        """Record a validation; begin to average if none of the last `patience` was better."""
        before = self.measured[: -self.config.patience]
        if self.since is None and before and bpb > min(before):
            self.since = updates
        self.measured.append(bpb)

    def _share(self, updates: int) -> float:
        if self.config.kind != NT_ASGD:
            # Faster in the beginning, to forget the random start.
            return max(1 - self.config.average, 1 / (updates + 10))
        return 1.0 if self.since is None else 1 / (updates - self.since + 1)
