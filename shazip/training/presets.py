"""Presets of `shazip train`: values of settings by name; the paper's include its recipe.

Those named `paper` follow the published code of each paper for enwik8: Smerity/sha-rnn (Merity
2019), salesforce/awd-lstm-lm (Merity 2018, arXiv 1803.08240). One epoch is 90 MB there.
"""

from __future__ import annotations

from typing import Any

from shazip.training.errors import TrainingError

Values = dict[str, Any]

EPOCH = 90_000_000  # bytes of enwik8 in its training part
PUBLISHED: Values = {
    "clip": 0.25,
    "weight_decay": 1.2e-6,
    "epsilon": 1e-6,
    "betas": (0.9, 0.999),
    "decay": 0.0,
    "quantise_last": 0.0,
    "jitter": 0.05,  # theirs: 5 % of the windows half as long, the rest normal, deviation 5
    "drop_input": 0.1,
    "dropout": 0.1,
}
PAPER: Values = {
    **PUBLISHED,
    "width": 1024,
    "boom_width": 4096,
    "layers": 4,
    "attention": (2,),
    "window": 5000,
    "kind": "lamb",
    "minimum_trust": 0.25,
    "peak": 2e-3,
    "lanes": 16,
    "steps": 1024,
    "warmup": 800 * 16 * 1024,  # 800 updates
    "total": (32 + 5) * EPOCH,
    "drops": (32 / 37,),  # the second phase, at half the rate
    "drop_output": 0.1,
}
AWD_LSTM_PAPER: Values = {
    **PUBLISHED,
    "width": 400,
    "hidden": 1840,
    "layers": 3,
    "kind": "adamw",
    "peak": 1e-3,
    "lanes": 128,
    "steps": 200,
    "warmup": 0,
    "total": 50 * EPOCH,
    "drops": (25 / 50, 35 / 50),
    "drop_factor": 0.1,
    "drop_output": 0.4,
    "drop_weights": 0.2,
}

PRESETS: dict[str, dict[str, Values]] = {
    "sha-rnn": {
        "tiny": {"width": 64, "boom_width": 256, "layers": 2, "attention": (0,), "window": 128},
        "small": {"width": 192, "boom_width": 768, "layers": 2, "attention": (0,), "window": 512},
        "base": {"width": 384, "boom_width": 1536, "layers": 2, "attention": (0,), "window": 512},
        "large": {"width": 640, "boom_width": 2560, "layers": 3, "attention": (1,), "window": 1024},
        "paper": PAPER,
        "paper-full": {**PAPER, "attention": (0, 1, 2, 3)},
    },
    # About as many parameters as the SHA-RNN of the same name.
    "awd-lstm": {
        "tiny": {"width": 32, "hidden": 88, "layers": 3},
        "small": {"width": 96, "hidden": 256, "layers": 3},
        "base": {"width": 192, "hidden": 512, "layers": 3},
        "large": {"width": 384, "hidden": 976, "layers": 3},
        "paper": AWD_LSTM_PAPER,
    },
}


def preset(architecture: str, name: str) -> Values:
    """Return a preset's values. Raises TrainingError if the architecture has none of that name."""
    if name not in PRESETS[architecture]:
        known = ", ".join(PRESETS[architecture])
        raise TrainingError(f"{architecture} has no preset {name}, only {known}")
    return dict(PRESETS[architecture][name])
