"""Learns a vocabulary from texts: byte-pair merges within pieces (Sennrich 2016, section 3.2).

The `tokenizers` package finds the merges; afterwards they are data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from shazip.model.parse import PIECE
from shazip.model.vocabulary import MAX_STRING, Vocabulary
from shazip.training.data import segments
from shazip.training.settings import Corpus


def learn_vocabulary(corpora: Sequence[Corpus], size: int, sample: int) -> Vocabulary:
    """Return a vocabulary of `size` strings, learned on `sample` bytes of the corpora.

    Each contributes in proportion to its weight, in segments spread evenly over it.
    """
    # Latin-1 maps each byte to one character, so that every text is valid.
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE.decode("latin-1")), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=[chr(byte) for byte in range(256)],
        max_token_length=MAX_STRING,
        show_progress=False,
    )
    texts = (segment.tobytes().decode("latin-1") for segment in segments(corpora, sample))
    tokenizer.train_from_iterator(texts, trainer)
    return Vocabulary.learned(_merges(tokenizer))


def _merges(tokenizer: Tokenizer) -> list[tuple[bytes, bytes]]:
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(left.encode("latin-1"), right.encode("latin-1")) for left, right in pairs]
