"""What looking costs: one run of a study, all of them, or only the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.guarantee import Guarantee, Unit, round_up
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import REFINED
from workbench.accounting.selection.counts import KINDS, run_count
from workbench.accounting.selection.selection import CONDITIONS, Selection, select_best
from workbench.errors import check_range
from workbench.training.config import TrainConfig

LEDGER: str = (
    "The ledger charges every run by itself and in full before its first step, so this study is "
    "charged as if all its runs were shown; a selection lowers no charge."
)
"""How a study is charged."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a study has cost the people whose data it learned from, by what is shown of it.

    The ledger always charges the whole: each run reserves its own cost and settles it, and the
    runs of an account are composed. The price of the winner does not lower that. It may be quoted
    for the winner alone, and only where all of :data:`CONDITIONS` held from the start and no other
    run was ever shown to anyone, not even as a curve on this screen.

    Attributes:
        runs: that protect; as many are expected in each selection.
        bare: runs that protect nobody; their results are paid for by nothing in here.
        delta: of every epsilon.
        unit: what is protected.
        dearest: epsilon of the dearest run alone; 0 where no run protects.
        all_shown: epsilon of all runs composed; 0 where no run protects.
        winners: for each distribution of the number of runs, the cheapest one last.
        whole_patient: the same for the patient with the most slices; ``None`` where the unit is
            the patient, or where no patient has two slices.
    """

    runs: int
    bare: int
    delta: float
    unit: Unit
    dearest: float
    all_shown: float
    winners: tuple[Selection, ...]
    whole_patient: Price | None = None

    @property
    def one_guarantee(self) -> Guarantee:
        """The statement on one run, whichever it is."""
        return self._guarantee(self.dearest, "the dearest run alone")

    @property
    def all_guarantee(self) -> Guarantee:
        """The statement on all runs that protect, seen together."""
        return self._guarantee(self.all_shown, f"{runs_words(self.runs)} composed")

    @property
    def sentences(self) -> tuple[str, ...]:
        """The price in words, with what it rests on; every sentence can stand alone."""
        if not self.runs:
            return tuple(filter(None, [_bare(self.bare)]))
        said = [
            f"One run: {self.one_guarantee}",
            f"All shown: {self.all_guarantee}",
            *(f"Only the winner shown: {winner.guarantee}" for winner in self.winners),
            self.worth,
            f"The winner's price holds only if {'; '.join(CONDITIONS)}.",
            _bare(self.bare),
            self.for_patients,
            LEDGER,
        ]
        return tuple(filter(None, said))

    @property
    def cheapest_winner(self) -> Selection | None:
        """The selection that costs least; ``None`` where no run protects."""
        return min(self.winners, key=lambda winner: winner.epsilon, default=None)

    @property
    def worth(self) -> str:
        """Whether showing only the winner is cheaper at all, which with few runs it is not."""
        least = self.cheapest_winner
        if least is None or math.isinf(self.all_shown):
            return ""
        every, best = round_up(self.all_shown), round_up(least.epsilon)
        runs = runs_words(self.runs)
        if least.epsilon < self.all_shown:
            return (
                f"Showing only the winner would cost {best} at best, showing {runs} costs {every}."
            )
        return (
            f"Showing {runs} costs {every}, no more than showing only the winner of a random "
            f"number of runs ({best}): so few runs are not worth hiding."
        )

    @property
    def for_patients(self) -> str:
        """What prices per slice mean for the patient with the most; empty where it is the same."""
        patient = self.whole_patient
        least = patient.cheapest_winner if patient else None
        if patient is None or least is None:
            return ""
        return (
            f"For the patient with the most slices: {round_up(patient.dearest)} for one run, "
            f"{round_up(patient.all_shown)} for all, at best {round_up(least.epsilon)} for the "
            f"winner alone, at δ = {self.delta:g}."
        )

    def _guarantee(self, epsilon: float, what: str) -> Guarantee:
        return Guarantee(
            epsilon=epsilon,
            delta=self.delta,
            unit=self.unit,
            sampling=f"{what}, Poisson sampling",
            accountant="PLD",
            assumptions=("the settings of every run", *_public(self.unit)),
        )


def price_of_all(mechanisms: Sequence[Mechanism], delta: float, *, grid: float = REFINED) -> float:
    """Epsilon of showing all these runs, by composition of privacy loss distributions.

    Args:
        mechanisms: one for each run, of the same unit.
        delta: in (0, 1).
        grid: of the privacy loss, as for :func:`workbench.accounting.composition.composed_epsilon`.

    Returns:
        An upper bound with add-or-remove-one adjacency.
    """
    return composed_epsilon(mechanisms, delta, grid=grid)


def price(
    mechanisms: Sequence[Mechanism],
    *,
    delta: float,
    unit: Unit,
    bare: int = 0,
    largest_patient: int = 1,
    grid: float = REFINED,
) -> Price:
    """What runs on the same data cost; takes a second or two, mostly for the Poisson selection.

    Args:
        mechanisms: one for each run that protects, each of one unit.
        delta: in (0, 1).
        unit: what they protect.
        bare: how many further runs protect nobody, >= 0.
        largest_patient: slices of the patient with the most of them, >= 1; matters where slices
            are the unit.
        grid: of the privacy losses.

    Raises:
        BadInput: a value lies outside its range.
    """
    check_range("delta", delta, "(0, 1)")
    check_range("bare", bare, "[0, inf)")
    check_range("largest_patient", largest_patient, "[1, inf)")
    patient = None
    if unit == "slice" and largest_patient > 1 and mechanisms:
        grouped = [replace(each, group=each.group * largest_patient) for each in mechanisms]
        patient = price(grouped, delta=delta, unit="patient", bare=bare, grid=grid)
    return Price(
        runs=len(mechanisms),
        bare=bare,
        delta=delta,
        unit=unit,
        dearest=max((price_of_all([each], delta, grid=grid) for each in mechanisms), default=0.0),
        all_shown=price_of_all(mechanisms, delta, grid=grid),
        winners=_winners(mechanisms, delta, unit),
        whole_patient=patient,
    )


def price_of_runs(
    runs: Iterable[tuple[TrainConfig, float]], *, largest_patient: int = 1
) -> Price | None:
    """What finished runs of a study cost, from their configs and the noise they were given.

    Steps are those of the config; a run that its budget stopped earlier has cost less.

    Args:
        runs: config and noise multiplier of each, on the same data.
        largest_patient: training slices of the patient with the most of them, >= 1.

    Returns:
        ``None`` where no run was asked to be private, as there is no delta then. The smallest
        delta of any run is the delta of all. Where some runs protect slices and others patients,
        all are priced per patient, the one with the most slices.
    """
    known = list(runs)
    private = [config.privacy for config, _ in known if config.privacy is not None]
    if not private:
        return None
    units = {privacy.unit for privacy in private}
    unit: Unit = "patient" if len(units) > 1 else units.pop()
    mechanisms = [
        replace(one, group=largest_patient) if _unit(run[0]) != unit else one
        for run in known
        if (one := run_mechanism(*run)) is not None
    ]
    return price(
        mechanisms,
        delta=min(privacy.delta for privacy in private),
        unit=unit,
        bare=len(known) - len(mechanisms),
        largest_patient=largest_patient,
    )


def run_mechanism(config: TrainConfig, noise_multiplier: float) -> Mechanism | None:
    """What the accountant needs to know of a run; ``None`` where it protects nobody.

    Args:
        config: of the run.
        noise_multiplier: that it was trained with, >= 0.
    """
    privacy = config.privacy
    if privacy is None or privacy.noise == "seeded" or noise_multiplier == 0:
        return None
    return Mechanism(
        noise_multiplier=noise_multiplier, sample_rate=config.sample_rate, steps=config.steps
    )


def _unit(config: TrainConfig) -> Unit | None:
    return config.privacy.unit if config.privacy else None


def _winners(mechanisms: Sequence[Mechanism], delta: float, unit: Unit) -> tuple[Selection, ...]:
    if not mechanisms:
        return ()
    candidates = sorted(set(mechanisms))
    counts = [run_count(kind, len(mechanisms)) for kind in KINDS]
    found = [
        select_best(candidates, count, delta=delta, unit=unit, assumptions=_public(unit))
        for count in counts
    ]
    return tuple(sorted(found, key=lambda winner: winner.epsilon, reverse=True))


def _public(unit: Unit) -> tuple[str, ...]:
    return (
        f"the number of {unit}s",
        "the grey-value window",
        "the patients that a run validates on, whom that run does not protect",
    )


def runs_words(count: int) -> str:
    """``"the one run"``, ``"both runs"``, ``"all 8 runs"``."""
    return {1: "the one run", 2: "both runs"}.get(count, f"all {count} runs")


def _bare(count: int) -> str:
    if not count:
        return ""
    runs = "One run protects" if count == 1 else f"{count} runs protect"
    return f"{runs} nobody and cannot be counted: whoever has seen it all is promised nothing."
