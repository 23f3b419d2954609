"""What the scores and budgets of a study mean: baselines, and the odds of an attacker."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from workbench.accounting.attacker import Odds, odds
from workbench.accounting.mechanism import Mechanism
from workbench.exploring.baselines import Baseline, baselines_of
from workbench.exploring.events import Explored
from workbench.exploring.price import run_mechanism
from workbench.exploring.study_price import as_it_went
from workbench.runs.store import Store
from workbench.training.config import TrainConfig


class Meaning(NamedTuple):
    """What is known beside the scores.

    Attributes:
        metric: that the baselines are of.
        baselines: what needs no network.
        odds: by finite budget, against who sees one training of it.
    """

    metric: str = ""
    baselines: tuple[Baseline, ...] = ()
    odds: dict[float, Odds] = {}  # noqa: RUF012  # it is never changed


def meanings(
    explored: Iterable[Explored],
    train: TrainConfig,
    metric: str,
    store: Store,
    before: Meaning,
) -> Iterator[Meaning]:
    """What the study means, more and more of it: first the odds, then the baselines.

    Args:
        explored: finished trainings that are shown.
        train: of any of them.
        metric: that is shown.
        store: where they are recorded.
        before: what was known, which stands until it is replaced.

    Raises:
        BadInput: the data cannot be read any more.
    """
    released = released_by(explored, store)
    known = Meaning() if before.metric != metric else before
    found = {epsilon: each for epsilon, each in before.odds.items() if epsilon in released}
    for epsilon, mechanisms in sorted(released.items()):
        found[epsilon] = worst_odds(mechanisms)
        yield Meaning(known.metric, known.baselines, dict(found))
    yield Meaning(metric, baselines_of(train, metric), found)


def released_by(explored: Iterable[Explored], store: Store) -> dict[float, set[Mechanism]]:
    """By finite budget the mechanisms that its trainings ran: noise, rate and steps counted.

    Args:
        explored: finished trainings.
        store: where they are recorded.
    """
    found: dict[float, set[Mechanism]] = {}
    for one in explored:
        if math.isfinite(one.epsilon):
            went = as_it_went(one.run, store)
            mechanism = run_mechanism(*went) if went else None
            if mechanism is not None:
                found.setdefault(one.epsilon, set()).add(mechanism)
    return found


def worst_odds(mechanisms: Collection[Mechanism]) -> Odds:
    """The attacker's best odds against any one of these trainings; may take a second each."""
    each = [odds([mechanism]) for mechanism in mechanisms]
    return Odds(*(max(values) for values in zip(*each, strict=True)))
