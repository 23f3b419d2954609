"""What an attack on the membership of a finished model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from workbench.errors import BadInput, check_choice, check_range
from workbench.training.config import TrainConfig
from workbench.training.members import Coins, coins_of

if TYPE_CHECKING:
    from workbench.models.losses import Task

SIGNALS: Final[Mapping[str, Task]] = {
    "logit": "classification",
    "loss": "segmentation",
    "dice": "segmentation",
}
"""What is read off a network, and for which task; the first one of a task is its default."""

FEWEST: Final = 4
"""References at least: with two, every unit has one stranger's signal, and no spread."""


@dataclass(frozen=True, kw_only=True)
class MembershipConfig:
    """A target, references that were trained in the same way, and how they are compared.

    Every unit that may train threw a fair coin for the target (``TrainConfig.members``). The
    references train on complementary halves of the same units, so that half of them trained on
    each. All are trainings like any other: **the ledger charges each of them**, so an audit on
    patients' pictures costs as many trainings as there are models.

    Args:
        train: the target's training. Without ``members`` coins are thrown for patients, or for
            what its privacy protects, from its seed.
        run: instead of it, a finished training of the workspace whose members were decided by
            coins. Exactly one of the two is given.
        references: how many, even, >= 4.
        signal: what is read off the networks: ``"logit"`` of the true class's probability;
            for masks ``"loss"``, the log-odds of exp(-training loss), or ``"dice"``, those of the
            soft Dice overlap of the foreground. ``None`` takes the first that fits the task.
        offline_a: a of RMIA, in [0, 1].
        delta: at which epsilon is bounded from below, in (0, 1); ``None`` takes the target's own,
            or 1e-5 where it has none.
        confidence: of all intervals and bounds, in (0, 1).

    Raises:
        BadInput: a value is out of its range, or both or neither of ``train`` and ``run`` stand.
    """

    train: TrainConfig | None = None
    run: str | None = None
    references: int = FEWEST
    signal: str | None = None
    offline_a: float = 0.3
    delta: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if (self.train is None) == (self.run is None):
            given = "both" if self.run else "neither"
            raise BadInput(
                f"Give either a training or a finished run to attack, not {given}.", field="run"
            )
        check_range(
            "references",
            self.references,
            f"[{FEWEST}, inf)",
            hint="a unit needs references that trained on it and such that did not",
        )
        if self.references % 2:
            raise BadInput(
                f"References come in pairs of complementary halves; take {self.references - 1} "
                f"or {self.references + 1} of them, not {self.references}.",
                field="references",
            )
        check_range("offline_a", self.offline_a, "[0, 1]")
        check_range("confidence", self.confidence, "(0, 1)")
        if self.delta is not None:
            check_range("delta", self.delta, "(0, 1)")
        if self.signal is not None:
            check_choice("signal", self.signal, tuple(SIGNALS))
        if self.train is not None and self.train.task is not None:
            self.signal_for(self.train.task)

    def signal_for(self, task: Task) -> str:
        """The signal to read off networks of this task.

        Raises:
            BadInput: the one that was asked for is of another task.
        """
        fitting = [name for name, of in SIGNALS.items() if of == task]
        if self.signal is not None and self.signal not in fitting:
            raise BadInput(
                f"A network for {task} has no signal {self.signal}; choose {' or '.join(fitting)}.",
                field="signal",
            )
        return self.signal or fitting[0]


def with_coins(train: TrainConfig) -> TrainConfig:
    """The training with members decided by coins, if they are not already."""
    if train.members is not None:
        return train
    unit = train.privacy.unit if train.privacy else "patient"
    return replace(train, members=str(Coins(unit=unit, seed=train.seed, half=0)))


def references_of(target: TrainConfig, count: int) -> list[TrainConfig]:
    """The trainings of the references: other coins than the target's, in complementary pairs.

    Args:
        target: its members are decided by coins.
        count: how many, even.
    """
    assert target.members is not None
    coins = coins_of(target.members)
    # The target's own complement is left out: it would tell who the members are.
    first = coins.half - coins.half % 2 + 2
    return [
        replace(
            target,
            members=str(replace(coins, half=first + number)),
            seed=target.seed + 1 + number,
        )
        for number in range(count)
    ]
