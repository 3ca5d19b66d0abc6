"""What the networks of benchmarks.tokenisation are worth behind mixing: sizes of real archives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.mixing_train import TEXTS, train_own
from shazip import Codec
from shazip.engines import open_engine
from shazip.model import file as modelfile
from shazip.model.vocabulary import Vocabulary
from shazip.training.export import Trained, to_integer
from shazip.training.network.trainable import Trainable
from shazip.training.settings import Corpus

ROUNDS = 12  # of learning start values, over 26 kB of each text on average


def archives(
    network: Trainable, vocabulary: Vocabulary, corpus: Corpus, text: NDArray[np.uint8]
) -> dict[str, Any]:
    """Return the sizes (bytes) of the archives of `text`, by the network alone and mixed.

    The start values of mixing that mean a model's own symbols are learned for each alike.
    """
    model = to_integer(Trained(network, vocabulary, {}, (corpus,)), None, "study")
    texts = [read()[-size:] for _, size, read in TEXTS]
    rows = train_own(open_engine(model, threads=1), texts, ROUNDS)
    model = modelfile.changed(model, rows, metadata=model.metadata)
    alone, mixed = (len(Codec(model, mix=mix).compress(text)) for mix in (False, True))
    return {"archive_alone": alone, "archive": mixed}
