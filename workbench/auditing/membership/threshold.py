"""The loss threshold: who fits better is guessed to have trained."""

from __future__ import annotations

import numpy as np

from workbench.auditing.membership.signals import Signals


def loss_threshold(signals: Signals) -> np.ndarray:
    """The target's signal itself (Yeom et al. 2018); needs no references.

    Returns:
        float ``(U,)``, higher for units more likely to have trained.
    """
    return signals.target
