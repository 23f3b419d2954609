"""Which points of its axes a study tries, and in what order."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from workbench.exploring.axes import Value, drawn

if TYPE_CHECKING:
    from workbench.exploring.events import Explored
    from workbench.exploring.trial import Trial

Point = dict[str, Value]

_STREAM: Final = 5
"""Of the scrambling; fixed, so that the same study draws the same points."""


def grid(axes: Mapping[str, Sequence[Value]]) -> Iterator[Point]:
    """Every combination of values; the last axis changes fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def random(
    axes: Mapping[str, Sequence[Value]], ranges: Mapping[str, tuple[float, float]]
) -> Iterator[Point]:
    """Points without end, spread evenly over all axes at once (scrambled Halton sequence).

    The first points do not depend on how many are taken, so a study with a larger budget goes on
    where the smaller one ended (Bergstra and Bengio 2012 on why not a grid; Owen 2017 on the
    scrambling).

    Args:
        axes: values to choose from.
        ranges: lowest and highest value to draw between.
    """
    from scipy.stats import qmc

    names = sorted({*axes, *ranges})
    sequence = qmc.Halton(d=len(names), scramble=True, rng=_STREAM)
    while True:
        shares = dict(zip(names, sequence.random(1)[0].tolist(), strict=True))
        yield {
            name: axes[name][int(share * len(axes[name]))]
            if name in axes
            else drawn(name, ranges[name], share)
            for name, share in shares.items()
        }


class Proposer(Protocol):
    """Says what to train next."""

    def ask(self) -> Trial | None:
        """The next training; ``None`` where there is none left."""

    def again(self, trial: Trial) -> None:
        """A training was lost and shall be proposed once more, before all others."""

    def tell(self, explored: Explored) -> None:
        """A training has its score."""

    def __iter__(self) -> Iterator[Trial]:
        """What is known to be left; may be less than is left."""

    def __len__(self) -> int:
        """How many are left."""


class Listed:
    """A proposer whose trainings are known from the beginning, which has nothing to learn.

    Args:
        trials: in the order in which they shall be trained.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = deque(trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(list(self._trials))

    def __len__(self) -> int:
        return len(self._trials)

    def ask(self) -> Trial | None:
        """The next training; ``None`` where there is none left."""
        return self._trials.popleft() if self._trials else None

    def again(self, trial: Trial) -> None:
        """Put a training before all others."""
        self._trials.appendleft(trial)

    def tell(self, explored: Explored) -> None:
        """A score changes nothing in a list."""
