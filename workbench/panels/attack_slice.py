"""The slice that is about to be attacked, got in the background so that no control waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.imaging.hounsfield import Window
from workbench.panels.attack_scene import mosaic

if TYPE_CHECKING:
    from workbench.imaging.sliceset import SliceSet

PHANTOM: Final = "phantom-liver:patients=4,slices=8,seed=1"
SLICES: Final = {
    "CT_small": "CT_small, one real CT slice",
    PHANTOM: "phantom-liver, drawn CT slices",
}
"""Built-in slices and their words in the list."""

_LOG = logging.getLogger(__name__)


class Preview(NamedTuple):
    """The slices that are about to be attacked.

    Attributes:
        picture: float32 ``(H, W)``, several slices side by side.
        window: of its grey values; ``None`` where they are no HU.
        words: which slice of which set.
    """

    picture: np.ndarray
    window: Window | None
    words: str


def previewed(slices: SliceSet, index: int, batch: int) -> Preview | None:
    """What the stage shows before anything runs; ``None`` where there is no such slice."""
    chosen = slices.images[index : index + batch, 0]
    if len(chosen) < batch:
        return None
    last = len(slices) - 1
    words = f"{slices.name}, slice {index} of 0 to {last}" if last else f"{slices.name}, one slice"
    return Preview(mosaic(chosen), slices.window, words)


def check_number(slices: SliceSet, config: AttackConfig) -> None:
    """Refuse slices that the set does not have.

    Raises:
        BadInput: the sentence says how many there are.
    """
    last = len(slices) - 1
    if config.index > last:
        has = f"numbers 0 to {last}" if last else "one slice, number 0"
        raise BadInput(
            f"{slices.name} has {has}, not {config.index}; choose another number.", field="index"
        )
    if config.index + config.batch > last + 1:
        left = last + 1 - config.index
        raise BadInput(
            f"From number {config.index} on {slices.name} has {left} "
            f"slice{'s' if left > 1 else ''}, not {config.batch}; choose a smaller batch.",
            field="batch",
        )


class Peek:
    """The newest slices that were asked for, or the sentence that says why there are none.

    Args:
        ready: called without arguments, from another thread, when an answer has come.
    """

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._wanted: tuple[str, int] | None = None
        self._answer: SliceSet | BadInput | None = None
        self._lock = threading.Lock()

    def ask(self, image: str, size: int) -> None:
        """Get these slices unless they are here or on their way; returns at once."""
        with self._lock:
            if self._wanted == (image, size):
                return
            self._wanted, self._answer = (image, size), None
        threading.Thread(
            target=self._get, args=(image, size), name="slices to attack", daemon=True
        ).start()

    def answer(self, image: str, size: int) -> SliceSet | BadInput | None:
        """The slices, or why there are none; ``None`` where that is not known yet."""
        with self._lock:
            return self._answer if self._wanted == (image, size) else None

    def _get(self, image: str, size: int) -> None:
        answer = _load(image, size)
        with self._lock:
            if self._wanted != (image, size):
                return  # somebody has chosen another slice meanwhile
            self._answer = answer
        if answer is not None:
            self._ready()


def _load(image: str, size: int) -> SliceSet | BadInput | None:
    """The same slices that the attack will load; errors other than input are left to it."""
    from workbench.imaging.load import load  # a second or two, which the notebook need not wait

    try:
        return load(image, size=size)
    except BadInput as error:
        field = {"data": "image", "image_size": "size"}.get(error.field or "", "image")
        return BadInput(error.message, field=field)
    except Exception:
        _LOG.exception("%s could not be shown before the attack", image)
        return None
