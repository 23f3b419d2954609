"""How sure somebody can be of one person, from what a guarantee or a test leaves to them."""

from __future__ import annotations

import math

from scipy.special import expit, logit

from workbench.errors import check_range


def worst_output_posterior(epsilon: float, prior: float = 0.5) -> float:
    """Belief that somebody took part after the worst output there could be.

    Lee, Clifton 2011 ("How Much Is Enough? Choosing epsilon for Differential Privacy"):
    1 / (1 + ((1 - p) / p) e^-epsilon). No output of a pure epsilon-DP mechanism leads beyond it,
    however rarely it comes; of an (epsilon, delta) one, this reads epsilon as if delta were 0.

    Args:
        epsilon: >= 0, or infinity.
        prior: belief before, in (0, 1).

    Returns:
        Between the prior and 1.

    Raises:
        BadInput: a value is out of its range.
    """
    check_range("prior", prior, "(0, 1)")
    if epsilon == math.inf:
        return 1.0
    check_range("epsilon", epsilon, "[0, inf)")
    return float(expit(logit(prior) + epsilon))


def predictive_value(found: float, false_alarms: float, prevalence: float) -> float:
    """Share of those that a test accuses who really took part (its positive predictive value).

    Bayes' rule at a chosen operating point: p t / (p t + (1 - p) f). It grows with ``found``, so
    that an upper bound on that is one on this, too.

    Args:
        found: true-positive rate t, in [0, 1].
        false_alarms: false-positive rate f, in (0, 1].
        prevalence: share p of those tested who took part, in (0, 1).

    Raises:
        BadInput: a value is out of its range.
    """
    check_range("found", found, "[0, 1]")
    check_range("false_alarms", false_alarms, "(0, 1]")
    check_range("prevalence", prevalence, "(0, 1)")
    right = prevalence * found
    return right / (right + (1 - prevalence) * false_alarms)
