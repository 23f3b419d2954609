"""The trainings of a membership attack: which there are, and which are finished."""

from __future__ import annotations

from workbench.auditing.membership.config import MembershipConfig, references_of, with_coins
from workbench.errors import BadInput
from workbench.runs.configs import config_from_json, config_key
from workbench.runs.record import RunRecord
from workbench.runs.store import Store
from workbench.training.config import TrainConfig


def trainings_of(config: MembershipConfig, store: Store) -> list[TrainConfig]:
    """The target's training and then the references'.

    Args:
        config: of the attack.
        store: that knows the run, where a finished one is attacked.

    Raises:
        BadInput: the run is unknown, no finished training, or its members were not decided by
            coins.
    """
    if config.run is not None:
        target = _of_run(config.run, store)
    else:
        assert config.train is not None
        target = with_coins(config.train)
    return [target, *references_of(target, config.references)]


def study_of(target: TrainConfig) -> str:
    """The name that the trainings around a target share: more references go on with the same."""
    return f"membership-{config_key(target)}"


def finished(config: MembershipConfig, store: Store) -> list[RunRecord | None]:
    """The finished run of each training; ``None`` where there is none yet.

    A run that a budget ended early is none: a network that learned less is no reference.

    Raises:
        BadInput: as :func:`trainings_of`.
    """
    trainings = trainings_of(config, store)
    study = study_of(trainings[0])
    found = [_complete(store.finished(study, config_key(each))) for each in trainings]
    return found if config.run is None else [store.record(config.run), *found[1:]]


def _complete(record: RunRecord | None) -> RunRecord | None:
    return None if record is None or (record.result or {}).get("stopped") else record


def _of_run(run: str, store: Store) -> TrainConfig:
    try:
        record = store.record(run)
    except BadInput as error:
        raise BadInput(error.message, field="run") from None
    if record.kind != "train" or record.status != "finished":
        raise BadInput(
            f"Run {run} is not a finished training; 'workbench runs list' names those that are.",
            field="run",
        )
    config = config_from_json(TrainConfig, record.config)
    if config.members is None:
        raise BadInput(
            f"Run {run} trained on everybody who could: no coin decided who is a member, and an "
            "attack would have no fair strangers; train with members 'patient coins 0, half 0'.",
            field="run",
        )
    return config
