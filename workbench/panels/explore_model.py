"""What the explore panel knows: the study at work, what it has found, and what that means."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import traitlets as T

from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored, TrialFailed, UnderWay
from workbench.exploring.job import SweepJob
from workbench.exploring.meaning import Meaning, meanings
from workbench.exploring.scores import ALL_METRICS
from workbench.panels.explore_beside import finished_of, studies_beside, study_names
from workbench.panels.explore_choices import ExploreChoices
from workbench.panels.explore_words import how_long, paid_by
from workbench.panels.ledger_reading import Together, together
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.model import Job
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import BUSY
from workbench.panels.training_choices import DRAWN
from workbench.runs.cluster import WORKERS
from workbench.runs.store import Store


class ExploreModel(ExploreChoices):
    """A study and its trainings.

    Attributes:
        budgets: the finite ones as numbers.
        plan: how many trainings that makes and how long they may take, in words.
        explored: what is finished, by run id.
        failures: what could not be finished.
        running: runs at work to their share done.
        selected: id of the run that is opened; empty for none.
        offered: names of other studies that can be shown beside this one, by id.
        beside: finished trainings of those that are, by id of the study.
        meaning: baselines and the attacker's odds, as far as they are computed.
        names: of the studies that are shown, by id.
        sent: what was last sent to the attack panel, in words.
    """

    budgets: T.List[float] = T.List()
    plan = T.Unicode()
    explored = T.Dict()
    failures: T.List[Any] = T.List()
    running = T.Dict()
    selected = T.Unicode()
    offered = T.Dict()
    beside = T.Dict()
    meaning: T.Any = T.Any(Meaning())
    sent = T.Unicode()

    def __init__(self, **params: Any) -> None:
        self.store = Store()
        self.ledger = Ledger(self.store.root)
        self.looking = Latest("ledger of the study")
        self.thinking = Latest("meaning of the study")
        self._priced: frozenset[str] = frozenset()
        self._places: dict[str, tuple[float, int]] = {}
        self._known: dict[str, ExploreConfig] = {}
        self._study = ""
        self.names: dict[str, str] = {}
        self._trainings = 0
        super().__init__(**params)
        self.observe(self.guard(lambda _change: self._ask_meaning()), "metric")
        self.guarded(self.check)

    # The study, and those beside it.

    @property
    def study_name(self) -> str:
        """What the study is called in the figure."""
        return self.names.get(self._study, "")

    @property
    def shown(self) -> dict[str, Explored]:
        """Every training that has a point, by run id."""
        others = [one for runs in self.beside.values() for one in runs.items()]
        return {**dict(others), **self.explored}

    @property
    def metrics_shown(self) -> tuple[str, ...]:
        """The metrics that can be drawn: those that were measured, or else those of the task."""
        measured = {name for one in self.explored.values() for name in one.scores}
        there = tuple(name for name in ALL_METRICS if name in measured)
        return there or self.metrics_offered

    def study_of(self, run: str) -> dict[str, Explored]:
        """All finished trainings of the study that a run belongs to, by run id."""
        return next((runs for runs in self.beside.values() if run in runs), dict(self.explored))

    def check(self) -> None:
        """Look up what of this study is there already, and how much is left to do."""
        self.leave_recipe()
        if not self.data or self.status in BUSY:
            return
        config = self.config()
        self.budgets = [epsilon for epsilon in config.epsilons if math.isfinite(epsilon)]
        if config.study != self._study:
            self._turn_to(config)
        self.explored = finished_of(config, self.store)
        self._metric_that_is_there()
        self._say_plan(config)
        if not self.explored or self.explored.keys() != self._priced:
            self._say_price(None)
        self._ask_price()
        self._ask_meaning()

    def show_beside(self, study: str, shown: bool) -> None:
        """Add the curves of another study, or take them away."""
        with self.lock:
            kept = {other: runs for other, runs in self.beside.items() if other != study}
            added = {study: finished_of(self._known[study], self.store)} if shown else {}
            self._name_shown({**kept, **added})
            self.beside = {**kept, **added}
            if self.selected not in self.shown:
                self.selected = ""
            self._ask_meaning()

    def open_run(self, run: str) -> None:
        """Open a training that is shown."""
        with self.lock:
            if run in self.shown:
                self.selected = run

    def send_to_attack(self, run: str) -> None:
        """Give the attack panel of this kernel the noise and clipping norm of a training.

        Args:
            run: id of a finished training; one without privacy sends "no noise".

        Raises:
            BadInput: the attack panel is at work, or there is no such run.
        """
        from workbench.panels.attack_model import AttackModel

        result = self.store.record(run).result or {}
        private = result.get("unit") is not None
        attack = AttackModel.attach("main")
        if attack.status in BUSY:
            raise BadInput("The Attack panel is at work; stop it, or wait until it has ended.")
        clipping = {"max_grad_norm": result["max_grad_norm"]} if private else {}
        attack.set(noise_multiplier=result["noise_multiplier"] if private else None, **clipping)
        self.sent = _sent(result) if private else "The Attack panel now attacks without noise."

    # The job.

    def launch(self) -> Job:
        """Carry on with what is not finished."""
        return SweepJob(self.config(), self.store, scheduler=self.scheduler or None)

    def clear(self) -> None:
        """Finished runs stay: the same study goes on, another one is looked up anew."""
        self.running, self.failures, self._trainings = {}, [], 0

    def take(self, batch: Batch) -> None:
        """Finished runs into the curve, running ones into their list."""
        found = {one.run: one for one in batch.all(Explored)}
        if found:
            self.explored = {**self.explored, **found}
            self._metric_that_is_there()
            self._ask_price()
            self._ask_meaning()
        failed = batch.all(TrialFailed)
        if failed:
            self.failures = [*self.failures, *failed]
        under_way = batch.last(UnderWay)
        if under_way is not None:
            self.running, self._trainings = dict(under_way.running), round(under_way.total)
        if self._trainings:
            self.doing = f"{len(self.explored)} of {self._trainings} trainings finished"
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
            epsilon = float(privacy["target_epsilon"] or math.nan) if privacy else math.inf
            self._places[run] = (epsilon, int(config["seed"]))
        return self._places[run]

    # What is said and worked out about it.

    def _turn_to(self, config: ExploreConfig) -> None:
        """Another study: what was opened, shown beside it and known of it is out of date."""
        self._study, self.selected, self.sent = config.study, "", ""
        self.meaning = Meaning()
        others = studies_beside(config, self.store)
        self._known = {config.study: config, **others}
        names = study_names(self._known, axes=True)
        beside = {study: runs for study, runs in self.beside.items() if study in others}
        self._name_shown(beside)
        self.beside = beside
        self.offered = {study: names[study] for study in others}

    def _name_shown(self, beside: Collection[str]) -> None:
        """Short names: only what is shown together needs to be told apart."""
        self.names = study_names({study: self._known[study] for study in (self._study, *beside)})

    def _metric_that_is_there(self) -> None:
        """Where the task is not known before, the first training says what is measured."""
        first = next(iter(self.explored.values()), None)
        if first is not None and self.metric not in (first.score_name, *first.scores):
            self.metric = first.score_name

    def _say_plan(self, config: ExploreConfig) -> None:
        records = self.store.list("train")
        at_once = None if self.scheduler else WORKERS
        self.plan = how_long(config, self.explored.values(), records, at_once=at_once)

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

    def _ask_meaning(self) -> None:
        """Baselines and odds, in the background.

        Own data are not read before a training has read them. Phantoms are: they are then drawn
        while a person still reads, and the first training finds them on the disk.
        """
        runs = self.shown
        config = self._known.get(self._study)
        if config is None or not (runs or self.data in DRAWN):
            self.meaning = Meaning()
            return
        metric = self.metric
        self.thinking.ask(self.guard(lambda: self._work_out(runs, config, metric)))

    def _work_out(self, runs: dict[str, Explored], config: ExploreConfig, metric: str) -> None:
        before = self.meaning
        for meaning in meanings(runs.values(), config.train, metric, self.store, before):
            with self.lock:
                if self.thinking.superseded:
                    return
                self.meaning = meaning


def _failed(failures: list[TrialFailed]) -> str:
    trainings = "One training" if len(failures) == 1 else f"{len(failures)} trainings"
    return f"{trainings} could not be finished; start again to repeat only these."


def _sent(result: Mapping[str, Any]) -> str:
    return (
        f"The Attack panel now has noise multiplier {result['noise_multiplier']:.3g} and clipping "
        f"norm {result['max_grad_norm']:g}."
    )
