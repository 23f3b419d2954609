"""Without what libraries say of every training of their own."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_OF_EVERY_TRAINING = (
    "Secure RNG turned off",
    # Hooks on a first layer see no gradient of the input; they do not need it.
    "Full backward hook is firing",
    # Opacus with torch.func on a layer whose input are whole numbers.
    "In CPU autocast, but the target dtype is not supported",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Let warnings pass that are the same for every training, right or wrong."""
    # Opacus warns of a first draw that is empty, which a probe brings about on purpose.
    loader = logging.getLogger("opacus.data_loader")
    level = loader.level
    loader.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in _OF_EVERY_TRAINING:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        loader.setLevel(level)
