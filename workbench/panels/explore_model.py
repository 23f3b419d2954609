"""What the explore panel knows: the grid, the study at work, and what it has found so far."""

from __future__ import annotations

import math
from typing import Any, Final

import traitlets as T

from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialFailed, UnderWay
from workbench.exploring.job import SweepJob, finished_before
from workbench.panels.explore_words import how_long, paid_by
from workbench.panels.ledger_reading import Together, together
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.model import Job
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import BUSY
from workbench.panels.training_choices import TrainingChoices
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig

AT_ONCE: Final = 2


class ExploreModel(TrainingChoices):
    """A grid of trainings.

    Attributes:
        epsilons: budgets as typed; ``inf`` trains without privacy.
        seeds: trainings at each budget.
        budgets: the finite ones as numbers.
        plan: how many trainings that makes and how long they may take, in words.
        explored: what is finished, by run id.
        failures: what could not be finished.
        running: runs at work to their share done.
    """

    steps = T.Int(60).tag(param=True)
    epsilons = T.Unicode("1, 3, 8, inf").tag(param=True)
    seeds = T.Int(2).tag(param=True)
    budgets: T.List[float] = T.List()
    plan = T.Unicode()
    explored = T.Dict()
    failures: T.List[Any] = T.List()
    running = T.Dict()

    def __init__(self, **params: Any) -> None:
        self.store = Store()
        self.ledger = Ledger(self.store.root)
        self.looking = Latest("ledger of the study")
        self._priced: frozenset[str] = frozenset()
        self._places: dict[str, tuple[float, int]] = {}
        super().__init__(**params)
        self.guarded(self.check)

    def config(self) -> ExploreConfig:
        """The study that the choices describe.

        Raises:
            BadInput: a choice is out of range, or they do not go together.
        """
        epsilons = _numbers(self.epsilons)
        # The base must be private to carry delta, unit and norm; each run puts its own budget in.
        budget = next((epsilon for epsilon in epsilons if 0 < epsilon < math.inf), 1.0)
        privacy = PrivacyConfig(
            target_epsilon=budget,
            delta=self.delta,
            max_grad_norm=self.max_grad_norm,
            unit=self.unit,  # type: ignore[arg-type]  # the config checks it
        )
        return ExploreConfig(train=self.training(privacy), epsilons=epsilons, seeds=self.seeds)

    def check(self) -> None:
        """Look up what of this study is there already, and how much is left to do."""
        if not self.data or self.status in BUSY:
            return
        config = self.config()
        self.budgets = [epsilon for epsilon in config.epsilons if math.isfinite(epsilon)]
        self.explored = {one.run: one for one in finished_before(config, self.store)}
        self._say_plan(config)
        if not self.explored or self.explored.keys() != self._priced:
            self._say_price(None)
        self._ask_price()

    def launch(self) -> Job:
        """Carry on with what is not finished."""
        return SweepJob(self.config(), self.store, at_once=AT_ONCE)

    def clear(self) -> None:
        """Finished runs stay: the same study goes on, another one is looked up anew."""
        self.running, self.failures = {}, []

    def take(self, batch: Batch) -> None:
        """Finished runs into the curve, running ones into their list."""
        found = {one.run: one for one in batch.all(Explored)}
        if found:
            self.explored = {**self.explored, **found}
            self._ask_price()
        failed = batch.all(TrialFailed)
        if failed:
            self.failures = [*self.failures, *failed]
        under_way = batch.last(UnderWay)
        if under_way is not None:
            self.running = dict(under_way.running)
            self.doing = f"{len(self.explored)} of {under_way.total:.0f} trainings finished"
        if batch.over:
            self.running = {}
            self._ask_price()  # runs that were at work beside the last one have reported their end
            self._say_plan(self.config())
            if self.failures:
                self.complain(_failed(self.failures), self.failures[0].message)

    def place(self, run: str) -> tuple[float, int]:
        """Budget and seed of a run at work."""
        if run not in self._places:
            config = self.store.record(run).config
            privacy = config["privacy"]
            epsilon = float(privacy["target_epsilon"]) if privacy else math.inf
            self._places[run] = (epsilon, int(config["seed"]))
        return self._places[run]

    def _say_plan(self, config: ExploreConfig) -> None:
        records = self.store.list("train")
        self.plan = how_long(config, self.explored.values(), records, at_once=AT_ONCE)

    def _ask_price(self) -> None:
        """Look the finished runs up in the ledger; meanwhile what was said before stands."""
        runs = frozenset(self.explored)
        self.looking.ask(self.guard(lambda: self._look_up(runs)))

    def _look_up(self, runs: frozenset[str]) -> None:
        charged = together(self.ledger, runs)
        with self.lock:
            if not self.looking.superseded:
                self._priced = runs
                self._say_price(charged)

    def _say_price(self, charged: Together | None) -> None:
        private = [one for one in self.explored.values() if math.isfinite(one.epsilon)]
        self.guarantee, self.tone = paid_by(self.data, self.unit, len(private), charged)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word.replace("∞", "inf")) for word in text.replace(",", " ").split())
    except ValueError:
        raise BadInput(
            f"Epsilons must be numbers with commas between them, such as 1, 3, inf, not {text!r}.",
            field="epsilons",
        ) from None


def _failed(failures: list[TrialFailed]) -> str:
    trainings = "One training" if len(failures) == 1 else f"{len(failures)} trainings"
    return f"{trainings} could not be finished; start again to repeat only these."
