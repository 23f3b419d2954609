"""What looking at recorded runs costs, and how that is told outside a panel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.selection.selection import CONDITIONS
from workbench.exploring.price import Price, price_of_runs, runs_words
from workbench.imaging.load import TARGETS
from workbench.runs.configs import config_from_json
from workbench.runs.store import Store
from workbench.training.config import TrainConfig

ADVICE: Final = (
    "Explore on phantoms or on public data, then train once on the private data: that costs what "
    "one run costs."
)
"""What to do instead of exploring on private data."""

FREE: Final = "The patients of this study are drawn: looking at it costs nobody anything."
"""What is said of phantoms."""


def price_of_study(runs: Collection[str], store: Store, ledger: Ledger) -> Price | None:
    """Price finished runs as they went: with the noise they were given and the steps they took.

    Args:
        runs: ids of finished trainings on the same data.
        store: where they are recorded.
        ledger: of the same workspace; it knows how many slices a patient has at most.

    Returns:
        ``None`` where no run was asked to be private. Takes a second or two.

    Raises:
        BadInput: a run is not recorded, or the ledger is damaged.
    """
    known = list(filter(None, (as_it_went(run, store) for run in sorted(runs))))
    if all(config.privacy is None for config, _ in known):
        return None
    return price_of_runs(known, largest_patient=_largest_patient(ledger, runs))


def drawn(data: str) -> bool:
    """Whether patients of data of this name are drawn, so that nobody pays for looking."""
    return data.partition(":")[0] in TARGETS


def price_facts(price: Price | None, *, free: bool = False) -> dict[str, Any] | None:
    """The price as values for JSON, every epsilon an upper bound.

    Args:
        price: of a study; ``None`` where no run was asked to be private.
        free: whether the patients are drawn.

    Returns:
        ``runs`` and ``unprotected`` runs, ``unit`` and ``delta``; ``one_run``, ``all_shown`` and
        ``winner`` (the cheapest selection with its conditions) as epsilons; the same three for a
        ``whole_patient`` where the unit is a slice; ``free``. ``None`` for no price.
    """
    if price is None:
        return None
    patient = price.whole_patient
    return {
        "runs": price.runs,
        "unprotected": price.bare,
        "unit": price.unit,
        "delta": price.delta,
        **_epsilons(price),
        "whole_patient": _epsilons(patient) if patient else None,
        "conditions": list(CONDITIONS) if price.winners else [],
        "free": free,
    }


def price_lines(price: Price | None, *, free: bool = False) -> list[str]:
    """The price as lines for a person; none where no run protects anybody.

    Args:
        price: of a study; ``None`` where no run was asked to be private.
        free: whether the patients are drawn.
    """
    least = price.cheapest_winner if price else None
    if price is None or least is None:
        return []
    would = "would cost real ones" if free else "costs"
    rows = [
        ("one run alone", price.dearest, "the dearest"),
        (f"{runs_words(price.runs)} shown", price.all_shown, "what the ledger charges"),
        ("only the winner", least.epsilon, f"{least.count}; only under the conditions below"),
    ]
    return [
        *([FREE] if free else []),
        f"What looking {would}, in epsilon per {price.unit} at delta {price.delta:g}:",
        *(f"  {what:<20} {round_up(epsilon):>8}  ({why})" for what, epsilon, why in rows),
        *filter(None, [price.for_patients]),
        f"The winner's price holds only if {'; '.join(CONDITIONS)}.",
        *([] if free else [ADVICE]),
    ]


def _epsilons(price: Price) -> dict[str, Any]:
    least = price.cheapest_winner
    return {
        "one_run": price.dearest,
        "all_shown": price.all_shown,
        "winner": {"epsilon": least.epsilon, "count": str(least.count)} if least else None,
    }


def as_it_went(run: str, store: Store) -> tuple[TrainConfig, float] | None:
    """A run's config with the steps that were counted, and its noise multiplier.

    Args:
        run: a finished training.
        store: where it is recorded.

    Returns:
        ``None`` where no step was taken.
    """
    record = store.record(run)
    config = config_from_json(TrainConfig, record.config)
    result = record.result or {}
    # A budget may have ended the run before the steps that its config asks for.
    steps = int(result.get("steps", config.steps))
    if steps == 0:
        return None
    return replace(config, steps=steps), float(result.get("noise_multiplier") or 0.0)


def _largest_patient(ledger: Ledger, runs: Collection[str]) -> int:
    for account in reversed(ledger.accounts()):
        charges = ledger.charges(account.fingerprints[0])
        groups = [charge.group for charge in charges if charge.run in runs]
        if groups:
            return max(groups)
    return 1
