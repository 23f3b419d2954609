"""A second opinion on every epsilon that is reported: Google's dp-accounting."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from workbench.accounting.mechanism import Mechanism

_LARGEST = 100.0
"""Above this epsilon nothing is promised any more, and dp-accounting takes seconds or overflows."""


@lru_cache(maxsize=256)
def reference_epsilon(mechanism: Mechanism, delta: float, about: float, grid: float) -> float:
    """What dp-accounting 0.6 says (PLD, pessimistic, connect the dots); 0 where it is not asked.

    Args:
        mechanism: of one unit, ``group`` 1.
        delta: in (0, 1).
        about: the epsilon that was found here.
        grid: privacy losses are rounded to multiples of this.
    """
    trivial = mechanism.noise_multiplier == 0 or mechanism.steps == 0 or mechanism.sample_rate == 1
    if trivial or about > _LARGEST:
        return 0.0
    from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism

    with np.errstate(all="ignore"):
        step = from_gaussian_mechanism(
            mechanism.noise_multiplier,
            sampling_prob=mechanism.sample_rate,
            value_discretization_interval=grid,
        )
        said = float(step.self_compose(mechanism.steps).get_epsilon_for_delta(delta))
    return said if math.isfinite(said) else 0.0
