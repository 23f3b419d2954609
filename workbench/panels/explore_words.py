"""A study in words and table rows: how much work it is, who pays for it, what it found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from workbench.accounting.guarantee import round_up
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.panels.ledger_reading import Together
from workbench.panels.parts.words import Tone
from workbench.panels.train_words import SCORE_WORDS
from workbench.runs.configs import config_to_json
from workbench.runs.record import RunRecord

RUN_COLUMNS = ("ε", "seed", "score", "noise", "run")
WORKING_COLUMNS = ("at work", "ε", "seed", "done")

_PACE = ("data", "model", "image_size", "sample_rate", "augmentation_multiplicity", "device")
"""What decides how long a step takes, apart from privacy."""


def how_long(
    config: ExploreConfig,
    finished: Iterable[Explored],
    records: Iterable[RunRecord],
    *,
    at_once: int,
) -> str:
    """The number of trainings, and their time where such trainings were finished here before.

    Args:
        config: the study.
        finished: trainings of it that are there already.
        records: trainings recorded here, to learn the pace from.
        at_once: trainings at the same time.
    """
    done = {(one.epsilon, one.seed) for one in finished}
    trials = config.trials()
    left = [trial for trial in trials if (trial.epsilon, trial.seed) not in done]
    if not left:
        return f"all {len(trials)} trainings of this study are finished"
    said = f"{len(trials)} trainings, {at_once} at a time"
    if done:
        said += f"; {len(done)} finished already"
    pace = _seconds_per_step(config, records)
    if not pace:
        return f"{said}; how long is known after the first"
    slowest = max(pace.values())
    steps = sum(pace.get(math.isfinite(trial.epsilon), slowest) for trial in left)
    return f"{said}; {_roughly(steps * config.train.steps / at_once)}"


def paid_by(
    data: str, unit: str, private: int, charged: Together | None = None
) -> tuple[str, Tone]:
    """Who pays for looking at all these runs and how much, and the tone to say it in.

    Args:
        data: that they were trained on.
        unit: that each of them protects.
        private: how many of them do.
        charged: what the ledger says of them; ``None`` where that is not known.
    """
    if data.partition(":")[0] in ("phantom-liver", "phantom-lesion"):
        said = "These runs cost nobody anything: the patients are drawn."
        if charged is not None:
            said += f" Of real ones the ledger would say: {_sum(charged, private)}."
        return said, "quiet"
    if charged is not None:
        bare = _bare(charged.bare)
        said = f"{_sum(charged, private, source=' (ledger)')}.{bare}"
        return f"{said[0].upper()}{said[1:]}", "open" if bare else "private"
    if private < 2:
        return "", "quiet"
    return (
        f"All {private} private runs looked at the same {unit}s: seeing them together costs more "
        "than the ε of any one of them.",
        "quiet",
    )


def run_rows(explored: Iterable[Explored]) -> list[list[str]]:
    """One row for each finished run, in the order of epsilon and seed."""
    return [
        [_epsilon(one.epsilon), str(one.seed), f"{one.score:.3f}",
         f"{one.noise_multiplier:.2f}", f"…{one.run[-6:]}"]
        for one in sorted(explored, key=lambda one: (one.epsilon, one.seed))
    ]  # fmt: skip


def score_words(explored: Sequence[Explored]) -> str:
    """The name of the score, as it is written."""
    return SCORE_WORDS.get(explored[0].score_name, "score") if explored else "score"


def working_rows(
    running: Mapping[str, float], places: Mapping[str, tuple[float, int]]
) -> list[list[str]]:
    """One row for each run at work."""
    return [
        [
            f"…{run[-6:]}",
            _epsilon(places[run][0]),
            str(places[run][1]),
            f"{100 * share:.0f} %",
        ]
        for run, share in running.items()
    ]


def _sum(charged: Together, private: int, *, source: str = "") -> str:
    """``"all 6 private runs together: ε = 9.70 per patient at δ = 0.001"``."""
    whole = charged.private == private
    runs = f"all {private} private runs together" if private > 1 else "the private run"
    if not whole:
        runs = f"the {charged.private} of {private} private runs that were charged"
    epsilon, delta = round_up(charged.epsilon), f"{charged.delta:g}"
    said = f"{runs}: ε = {epsilon} per patient at δ = {delta}{source}"
    every = round_up(charged.all_epsilon)
    if not charged.others or every == epsilon:  # those that were stopped at once add nothing
        return said
    others = "1 other run" if charged.others == 1 else f"{charged.others} other runs"
    return f"{said}; with {others} on these data {every}"


def _bare(count: int) -> str:
    if not count:
        return ""
    runs = "The run" if count == 1 else f"The {count} runs"
    return (
        f" {runs} without privacy cannot be counted: whoever has seen the results is promised "
        "nothing."
    )


def _epsilon(epsilon: float) -> str:
    return "∞" if math.isinf(epsilon) else f"{epsilon:g}"


def _seconds_per_step(config: ExploreConfig, records: Iterable[RunRecord]) -> dict[bool, float]:
    """Wall time of a step with everything around it, of private and of other trainings."""
    wanted = _pace_of(config_to_json(config.train))
    known: dict[bool, list[float]] = {}
    for record in records:
        if record.status == "finished" and record.finished and _pace_of(record.config) == wanted:
            seconds = (record.finished - record.created).total_seconds()
            private = record.config["privacy"] is not None
            known.setdefault(private, []).append(seconds / record.config["steps"])
    return {private: median(paces) for private, paces in known.items()}


def _pace_of(config: Mapping[str, Any]) -> list[Any]:
    return [config.get(name) for name in _PACE]


def _roughly(seconds: float) -> str:
    if seconds < 55:
        return f"about {max(5, math.ceil(seconds / 5) * 5)} s"
    if seconds < 3300:
        return f"about {math.ceil(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
