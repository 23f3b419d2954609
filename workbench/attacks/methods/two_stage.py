"""The optimisation attack: search for an image that would have shared the observed gradient.

Here it is decided how: what is looked for, where each attempt begins, by which recipe it goes on,
and whether there is another. The recipes stand in files of their own.
"""

from __future__ import annotations

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import targets_for
from workbench.attacks.methods.kinked import kinked
from workbench.attacks.methods.smooth import smooth
from workbench.attacks.methods.start import starting_images
from workbench.attacks.methods.unknown_mask import joint
from workbench.attacks.observation import Observation
from workbench.attacks.search.matching import has_kinks
from workbench.attacks.search.search import Attack, Search

SOLVED = 1e-4
"""Squared distance over squared norm above which an attempt that stalls has found nothing."""

WORTHWHILE_SHARE = 0.2
"""Of the time, that must be left for one more attempt than was asked for."""


def two_stage(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Look for the images behind a gradient, and for their masks where they are not told.

    Args:
        observation: the gradient and how it was made.
        knowledge: of network, size, and masks or labels; the label of one record is inferred where
            it is not told. Slices of other people, where some are held, are where attempts begin.
        seconds: for all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned. Where no noise was
            added and the last attempt stalls early, there are more.
        seed: of the starting images.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: labels are needed, and neither known nor to be inferred.
    """
    if knowledge.targets is None and observation.loss == "segmentation":
        return (
            yield from joint(observation, knowledge, seconds=seconds, restarts=restarts, seed=seed)
        )
    targets = targets_for(observation, knowledge)
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    search = Search(shape, seconds)
    attempt = 0
    while attempt < restarts or _stalled(search, observation):
        search.begin()
        start = starting_images(observation, knowledge, targets, attempt, seed)
        recipe = kinked if has_kinks(knowledge.network) else smooth
        left = max(seconds - search.clock.elapsed, 1e-9) / max(restarts - attempt, 1)
        yield from recipe(search, observation, knowledge, targets, start, left)
        yield search.done()
        attempt += 1
    return search.result(labels=targets if targets.ndim == 1 else None)


def _stalled(search: Search, observation: Observation) -> bool:
    """Whether there is time for another attempt, and something to be gained by it."""
    left = 1 - search.clock.share
    return not observation.noise and left > WORTHWHILE_SHARE and search.best.objective > SOLVED
