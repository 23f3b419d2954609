"""The calibrated loss: how much better the target fits than others find it to be fitted."""

from __future__ import annotations

import numpy as np

from workbench.auditing.membership.signals import Signals


def calibrated_loss(signals: Signals) -> np.ndarray:
    """The target's signal without the mean of all references (Watson et al. 2022).

    As half of the references trained on a unit, the mean lies between what it gets as a member
    and what it gets as a stranger. The mean of those that did not train on it would rank units
    as :func:`workbench.auditing.membership.lira.lira_offline` does with few references.

    Returns:
        float ``(U,)``, higher for units more likely to have trained.
    """
    return signals.target - signals.references.mean(axis=0)
