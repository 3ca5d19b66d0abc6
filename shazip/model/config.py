"""The sizes of a network, shared by training and every engine; standard library only."""

from __future__ import annotations

from dataclasses import dataclass

ALPHABET = 256  # single bytes: the vocabulary of a byte model


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a SHA-RNN; they fix the shape of every tensor.

    Without layers there is no network: logits are constant, the other sizes are 1.
    """

    width: int = 384  # of the embedding, the residual stream and the LSTM
    boom_width: int = 1536  # a multiple of width; the chunks are summed
    layers: int = 2
    attention: tuple[int, ...] = (0,)  # indices of the layers that have attention
    window: int = 512  # steps that attention sees, the current one included
    heads: int = 1
    vocabulary: int = ALPHABET  # symbols: V

    def __post_init__(self) -> None:
        sizes = ("width", "boom_width", "window", "heads", "vocabulary")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be at least 1")
        if self.layers < 0:
            raise ValueError(f"layers is {self.layers}, must be at least 0")
        if not self.layers and any(getattr(self, name) > 1 for name in sizes[:-1]):
            raise ValueError("without layers the other sizes are 1")
        if self.boom_width % self.width:
            raise ValueError(f"boom_width {self.boom_width} is no multiple of width {self.width}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.attention != tuple(sorted(set(self.attention))):
            raise ValueError(f"attention {self.attention} must rise without repeats")
        if any(not 0 <= layer < self.layers for layer in self.attention):
            raise ValueError(
                f"attention {self.attention} names a layer outside 0..{self.layers - 1}"
            )

    @property
    def parameters(self) -> int:
        """The float network's parameters as papers count them: embedding tied, gates folded."""
        if not self.layers:
            return self.vocabulary
        width, boom = self.width, self.boom_width
        norm = 2 * width
        lstm = 2 * 4 * width * width + 4 * width
        layer = lstm + (width + 1) * boom + 3 * norm
        attention = (width + 1) * width + 3 * norm + 3 * width
        output = self.vocabulary * (width + 1)
        return output + self.layers * layer + len(self.attention) * attention
