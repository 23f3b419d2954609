"""What the store knows of a study: which of its trainings are finished, and on which data."""

from __future__ import annotations

from dataclasses import replace

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.scores import all_groups, all_scores, score_of
from workbench.exploring.trial import Trial
from workbench.imaging.load import TARGETS, load
from workbench.runs.configs import config_key, values_key
from workbench.runs.record import ALIVE, RunRecord
from workbench.runs.store import Store
from workbench.training.config import TrainConfig


class Found:
    """The recorded trainings of one study, as they stand now.

    Args:
        study: its name.
        store: where they are recorded.

    Attributes:
        records: those that are finished, in the order in which they were begun.
        fingerprint: of the data that the study began with; ``None`` before it has.
    """

    def __init__(self, study: str, store: Store) -> None:
        records = store.list("train", study)
        finished = [record for record in records if record.status == "finished"]
        self.fingerprint = next((r.fingerprint for r in finished if r.fingerprint), None)
        # Of data that were changed for a while there may be finished trainings, which do not count.
        self.records = [r for r in finished if r.fingerprint in (None, self.fingerprint)]
        self._finished = {values_key(record.config): record for record in self.records}
        at_work = [record for record in records if record.status in ALIVE]
        self._at_work = {values_key(record.config): record for record in at_work}

    def finished(self, trial: Trial) -> RunRecord | None:
        """The newest finished run of this training."""
        return self._finished.get(config_key(trial.config))

    def at_work(self, trial: Trial) -> RunRecord | None:
        """The run of this training that somebody computes at this moment."""
        return self._at_work.get(config_key(trial.config))


def finished_trials(
    config: ExploreConfig, found: Found, begun: str | None
) -> list[tuple[Trial, RunRecord]]:
    """What is finished of a study, in the order in which it tries things.

    Args:
        config: the study.
        found: its recorded trainings.
        begun: run of the pre-training; ``None`` where there is none.
    """
    if config.search == "bayesian":
        tried = [config.trial_of(record.config) for record in found.records]
        keys = {config_key(trial.config): trial for trial in tried if trial is not None}
        trials = [trial for trial in keys.values() if trial.config.pretrained == begun]
    else:
        trials = [trial.begun_from(begun) for trial in config.trials()]
    records = [(trial, found.finished(trial)) for trial in trials]
    return [(trial, record) for trial, record in records if record is not None]


def explored_from(trial: Trial, record: RunRecord, metric: str | None = None) -> Explored:
    """What a finished run says about its place in the study.

    Raises:
        BadInput: it was not measured by this metric.
    """
    result = record.result or {}
    name, score = score_of(result, metric)
    by_noise = trial.epsilon != trial.epsilon
    return Explored(
        epsilon=float(result["epsilon"]) if by_noise else trial.epsilon,
        seed=trial.seed,
        run=record.id,
        score=score,
        score_name=name,
        noise_multiplier=result["noise_multiplier"],
        guarantee=result["guarantee"],
        scores=all_scores(result),
        groups=all_groups(result),
        choices=trial.choices,
    )


def check_same_data(study: str, began_with: str | None, now: str | None) -> None:
    """Refuse to mix trainings on different data in one study.

    Args:
        study: its name.
        began_with: fingerprint of the data of its first training; ``None`` where not known.
        now: fingerprint of the data as they are; ``None`` where not known.

    Raises:
        BadInput: they differ.
    """
    if began_with and now and began_with != now:
        raise BadInput(
            f"The data of {study} have changed since it began (fingerprint {began_with[:12]}, now "
            f"{now[:12]}); put the old data back, or give the new ones another name and explore "
            "these. Finished trainings are kept as they are.",
            field="data",
        )


def fingerprint_now(train: TrainConfig) -> str | None:
    """Fingerprint of the data as a training would see them now; ``None`` for drawn patients.

    Raises:
        BadInput: the data cannot be read.
    """
    if train.data.partition(":")[0] in TARGETS:
        return None
    slices = load(train.data, size=train.image_size)
    if (train.task or slices.task) == "segmentation":
        return replace(slices, labels=None).fingerprint
    return replace(slices, masks=None).fingerprint
