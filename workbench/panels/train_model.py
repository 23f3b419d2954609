"""What the train panel knows: its choices, the training at work, and those recorded before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any, Final

import traitlets as T

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput, NothingToResume
from workbench.figures.training_curves import TrainingNumbers, training_numbers, with_event
from workbench.panels.budget import outlook
from workbench.panels.ledger_reading import together
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.model import Job
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import BUSY
from workbench.panels.train_words import promised, run_words, warned
from workbench.panels.training_choices import TrainingChoices
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.events import Cancelled, Checkpointed, Event, Failed, Finished, Started
from workbench.runs.jobs import attach, start
from workbench.runs.record import ALIVE, RunRecord
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.events import Preview, Step, Validated, Warned

WORK: Final = "workbench.training.loop:work"
_LISTED = 30


class TrainModel(TrainingChoices):
    """One training.

    Attributes:
        privacy: which of target epsilon and noise multiplier is given, or ``"none"``.
        noise: ``"secure"`` or ``"seeded"``.
        price: what the chosen budget or noise comes to, in words.
        outlook, outlook_tone: what that means for a patient, and its tone.
        facts: of the run on the stage.
        preview: the newest pictures; ``None`` before the first.
        validated: the newest scores.
        last_step: the newest step.
        result: of the finished run on the stage; ``None`` of any other.
        charged: what the ledger says once the run has ended, with the other runs on its patients.
        seen: counts changes of :attr:`numbers`.
        resumable: id of the run that may be gone on with; empty where there is none.
        recorded: ids of recorded trainings, the newest first, to words.
    """

    privacy = T.Enum(["target_epsilon", "noise_multiplier", "none"]).tag(param=True)
    target_epsilon = T.Float(8.0).tag(param=True)
    noise_multiplier = T.Float(1.0).tag(param=True)
    noise = T.Unicode("secure").tag(param=True)
    seed = T.Int(0).tag(param=True)
    price = T.Unicode()
    outlook = T.Unicode()
    outlook_tone = T.Unicode("quiet")
    facts = T.Dict()
    preview = T.Any()
    validated = T.Any()
    last_step = T.Any()
    result = T.Any()
    charged = T.Any()
    seen = T.Int(0)
    resumable = T.Unicode()
    recorded = T.Dict()

    def __init__(self, **params: Any) -> None:
        self.store = Store()
        self.ledger = Ledger(self.store.root)
        self.looking = Latest("ledger of the training")
        self.numbers: TrainingNumbers = training_numbers(())
        self._resume = ""
        self._found: Job | None = None
        noisy = "noise_multiplier" in params and "target_epsilon" not in params
        kind = "noise_multiplier" if noisy else "target_epsilon"
        super().__init__(**{"privacy": kind, **params})
        self.guarded(self.check)
        self.look_up()

    # The choices.

    def config(self) -> TrainConfig:
        """The training that the choices describe.

        Raises:
            BadInput: a choice is out of range, or they do not go together.
        """
        privacy = None
        if self.privacy != "none":
            privacy = PrivacyConfig(
                **{self.privacy: getattr(self, self.privacy)},
                delta=self.delta,
                max_grad_norm=self.max_grad_norm,
                unit=self.unit,  # type: ignore[arg-type]  # the config checks it
                noise=self.noise,  # type: ignore[arg-type]
            )
        return self.training(privacy, seed=self.seed)

    def check(self) -> None:
        """Say what the choices mean, or which of them is wrong."""
        if self.data:
            privacy = self.config().privacy
            ahead = outlook(privacy, sample_rate=self.sample_rate, steps=self.steps)
            self.price, self.outlook, self.outlook_tone = ahead

    # Running, going on, looking back.

    def launch(self) -> Job:
        """Start the training, or go on with the one asked for."""
        found, self._found = self._found, None
        if found is not None:
            return found
        resume, self._resume = self._resume, ""
        self.doing = "getting the slices"
        if not resume:
            return start(WORK, config_to_json(self.config()), kind="train", store=self.store)
        earlier = _until_checkpoint(list(self.store.events(resume)))
        job = start(WORK, None, kind="train", store=self.store, resume=resume)
        self.take(Batch(earlier))
        return job

    def go_on_with(self, run: str) -> None:
        """Take a stopped training up again at its last checkpoint."""
        with self.lock:
            if run and self.status not in BUSY:
                self._choose_as(self.store.record(run))
                self._resume = run
                self.start()

    def show(self, run: str) -> None:
        """Bring a recorded training back to the stage, with the choices it was made with.

        Args:
            run: its id, or the end of it where no other training's id ends so.

        Raises:
            BadInput: there is no such training.
        """
        with self.lock:
            if self.status in BUSY:
                return
            record = self._find(run)
            run = record.id
            self._choose_as(record)
            self._begin()
            self._found = attach(run)
            if self._found is None:
                self._look_back(record)
            else:
                self.guarded(self._launch)

    def look_up(self) -> None:
        """See which trainings are recorded, and whether the newest may be gone on with."""
        records = self.store.list("train")[::-1]
        self.recorded = {record.id: run_words(record) for record in records[:_LISTED]}
        alone = [record for record in records if record.study is None]
        self.resumable = ""
        if alone and alone[0].status in ("cancelled", "failed", "interrupted"):
            with suppress(NothingToResume, BadInput):
                self.store.checkpoint(alone[0].id)
                self.resumable = alone[0].id

    # What the events bring.

    def clear(self) -> None:
        """Empty the stage."""
        self.numbers = training_numbers(())
        self.facts, self.preview, self.validated, self.last_step = {}, None, None, None
        self.result = self.charged = None
        self.guarantee, self.tone, self.resumable = "", "quiet", ""
        self.seen += 1

    def take(self, batch: Batch) -> None:
        """Facts, curves and pictures; last the sentence that they come to."""
        started = batch.last(Started)
        if started is not None:
            self.facts = dict(started.facts)
        curves = [event for event in batch if isinstance(event, (Step, Validated))]
        for event in curves:
            self.numbers = with_event(self.numbers, event)
        self.preview = batch.last(Preview) or self.preview
        self.validated = batch.last(Validated) or self.validated
        self.last_step = step = batch.last(Step) or self.last_step
        self.seen += bool(curves)
        if step is not None:
            spent = "" if self.privacy == "none" else f", ε {round_up(step.epsilon)}"
            self.doing = f"step {step.step} of {step.total}{spent}"
        self._promise(batch)
        self._warn(batch)
        if batch.over:
            self.look_up()
            self._ask_charged()

    def _promise(self, batch: Batch) -> None:
        finished = batch.last(Finished)
        if finished is not None:
            self.result = dict(finished.result)
        ended = "finished" if finished else ""
        if batch.last(Cancelled) or batch.last(Failed):
            ended = "stopped"
        if self.facts:
            self.guarantee, self.tone = promised(self.facts, self.last_step, ended, self.result)

    def _warn(self, batch: Batch) -> None:
        """Warnings go on standing; why the budget ended the run comes last."""
        said = warned(self.message, batch.all(Warned))
        stopped = str((self.result or {}).get("stopped") or "")
        said = warned(said, [Warned(message=stopped)] if stopped else [])
        if said != self.message:
            self.complain(said)

    def _ask_charged(self) -> None:
        """Look up what the patients have spent with this run, if the ledger knows it."""
        run = self.run
        self.looking.ask(self.guard(lambda: self._look_up_charged(run)))

    def _look_up_charged(self, run: str) -> None:
        charged = together(self.ledger, {run} - {""})
        with self.lock:
            if run == self.run:
                self.charged = charged

    def _find(self, run: str) -> RunRecord:
        """The training of this id, or of which this is the end of the id."""
        ends = [record for record in self.store.list("train") if record.id.endswith(run)]
        record = ends[0] if run and len(ends) == 1 else self.store.record(run)
        if record.kind != "train":
            raise BadInput(f"Run {run} is no training but of kind {record.kind}.")
        return record

    def _choose_as(self, record: RunRecord) -> None:
        config = config_from_json(TrainConfig, record.config)
        own = {field.name for field in fields(TrainConfig)} - {"privacy"}
        choices = {name: getattr(config, name) for name in own}
        privacy = config.privacy
        if privacy is None:
            return self.set(**choices, privacy="none")
        target = privacy.target_epsilon is not None
        kind = "target_epsilon" if target else "noise_multiplier"
        for name in ("delta", "max_grad_norm", "unit", "noise", kind):
            choices[name] = getattr(privacy, name)
        return self.set(**choices, privacy=kind)

    def _look_back(self, record: RunRecord) -> None:
        events = list(self.store.events(record.id))
        self.job = None
        self.take(Batch(events))
        self.run = record.id
        self._ask_charged()
        self.done, self.total = record.progress or (0.0, 0.0)
        ended = {"finished": "finished", "failed": "failed"}.get(record.status, "cancelled")
        self._turn(ended)
        self.doing = f"run {record.id}"
        if record.finished is not None:
            self.elapsed_s = (record.finished - record.created).total_seconds()
        if record.status in ALIVE:
            self.complain("Another program is at work on this training; this is what it recorded.")
        elif record.status != "finished" and record.message:
            self.complain(record.message)


def _until_checkpoint(events: list[Event]) -> list[Event]:
    """What will not happen again when a run goes on from its last checkpoint."""
    marks = [at for at, event in enumerate(events) if isinstance(event, Checkpointed)]
    return events[: marks[-1] + 1] if marks else []
