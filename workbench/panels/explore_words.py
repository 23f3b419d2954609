"""A study in words and table rows: how much work it is, who pays for it, what it found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from workbench.accounting.guarantee import round_up
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.trial import Trial
from workbench.figures.frontier_curves import Curve
from workbench.panels.ledger_reading import Together
from workbench.panels.parts.words import Tone
from workbench.panels.train_words import SCORE_WORDS
from workbench.runs.configs import config_to_json
from workbench.runs.record import RunRecord

_PACE = (
    "data", "patients", "model", "image_size", "sample_rate", "augmentation_multiplicity", "device",
)  # fmt: skip
"""What decides how long a step takes, apart from privacy."""

_MARKS = ("●", "■", "◆", "▲", "✕", "✚")
"""The marks of the figure's curves, in the order of ``figures.theme.MARKERS``."""


def how_long(
    config: ExploreConfig,
    finished: Iterable[Explored],
    records: Iterable[RunRecord],
    *,
    at_once: int | None,
) -> str:
    """The number of trainings, and their time where such trainings were finished here before.

    Args:
        config: the study.
        finished: trainings of it that are there already.
        records: trainings recorded here, to learn the pace from.
        at_once: trainings at the same time; ``None`` where a scheduler elsewhere decides, and
            nobody knows how fast.
    """
    done = {_where(one) for one in finished}
    trials, unknown = config.trials(), config.search == "bayesian"
    left = [trial.config for trial in trials if _where(trial) not in done]
    left += [config.train] * max(0, config.size - len(done)) if unknown else []
    if not left:
        return f"all {config.size} trainings of this study are finished"
    many = "on the scheduler's workers" if at_once is None else f"{at_once} at a time"
    said = f"{config.size} trainings, {many}"
    if done:
        said += f"; {len(done)} finished already"
    if at_once is None:
        return said
    pace = _seconds_per_step(config, records)
    if not pace:
        return f"{said}; how long is known after the first"
    slowest = max(pace.values())
    seconds = sum(one.steps * pace.get(one.privacy is not None, slowest) for one in left)
    return f"{said}; {_roughly(seconds / at_once)}"


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


def run_rows(
    curves: Sequence[Curve],
    running: Mapping[str, float],
    places: Mapping[str, tuple[float, int]],
) -> list[tuple[str, list[str]]]:
    """Runs at work, then one row for each point that is drawn, each with the run's id.

    Args:
        curves: of the figure; where there are several, a last column has their marks.
        running: runs at work to their share done.
        places: of these, budget and seed.
    """
    several = len(curves) > 1
    rows = [
        (run, [_epsilon(places[run][0]), str(places[run][1]), f"{100 * share:.0f} %",
               *([""] if several else [])])
        for run, share in running.items()
    ]  # fmt: skip
    listed = set(running)
    for at, curve in enumerate(curves):
        for place in filter(None, [*curve.places, curve.without]):
            for point in place.points:
                if point.run not in listed:  # without privacy it may be part of several curves
                    listed.add(point.run)
                    mark = [_MARKS[at % len(_MARKS)]] if several else []
                    cells = [_epsilon(place.epsilon), str(point.seed), f"{point.score:.3f}", *mark]
                    rows.append((point.run, cells))
    return rows


def run_columns(curves: Sequence[Curve], metric: str) -> list[str]:
    """The heads of these rows."""
    return ["ε", "seed", SCORE_WORDS.get(metric, metric), *(["mark"] if len(curves) > 1 else [])]


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
    if math.isnan(epsilon):
        return "?"
    return "∞" if math.isinf(epsilon) else f"{epsilon:.3g}"


def _where(one: Trial | Explored) -> tuple[Any, ...]:
    """A place on all axes; the epsilon is none of them where it follows from the noise."""
    follows = one.choices.get("noise_multiplier") is not None
    return None if follows else one.epsilon, one.seed, tuple(sorted(one.choices.items()))


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
