"""``workbench train``: train one network, with or without privacy."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING, Any

from workbench.cli.train_options import train_arguments, training_of
from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.dpsgd.processes import Processes
    from workbench.runs.store import Store
    from workbench.training.config import TrainConfig

HELP = "train a network, with differential privacy if a budget or a noise is given"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The settings of one training, or a recipe for them."""
    train_arguments(parser)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Train here and now, recording the run; progress goes to standard error.

    Under ``torchrun`` the first process records and speaks, the others compute and return nothing.
    """
    from workbench.cli.threads import one_thread
    from workbench.dpsgd.processes import joined
    from workbench.exploring.found import fingerprint_now
    from workbench.runs.configs import config_to_json
    from workbench.runs.store import Store

    one_thread()
    store = Store(args.out)
    first = None
    if args.resume is None:
        training, first = training_of(args)
        if first is not None:
            fingerprint_now(training)  # data that cannot be read are not found out minutes later
        config = config_to_json(training)
    else:
        config = _resumed(args, store)
    with joined(config["device"]) as processes:
        if first is not None:
            config["pretrained"] = _beginning(first, store, processes)
        return (_lead if processes.first else _follow)(args.resume, config, store, processes)


def _resumed(args: argparse.Namespace, store: Store) -> dict[str, Any]:
    if args.recipe is not None:
        raise BadInput(
            f"{args.resume} has its settings already; leave out the recipe, or begin a new run "
            "without --resume.",
            field="recipe",
        )
    return store.record(args.resume).config


def _beginning(first: TrainConfig, store: Store, processes: Processes) -> str:
    """The run of the pre-training, finished before or now.

    Of several processes one computes it, whichever is there first, and the others wait for its end.
    """
    from workbench.cli.explore_words import narrator
    from workbench.cli.progress import narrate
    from workbench.exploring.beginning import Beginning

    beginning, going = Beginning(first, store), threading.Event()
    going.set()
    say = narrator() if processes.first else lambda event: None
    try:
        last = narrate(beginning.events(going), say)
    finally:
        if beginning.job is not None:
            beginning.job.cancel()
    return last.run  # type: ignore[attr-defined]  # the last event is PretrainingDone


def _lead(
    resume: str | None, config: dict[str, Any], store: Store, processes: Processes
) -> dict[str, Any]:
    from workbench.cli.progress import narrate
    from workbench.runs.inline import drive
    from workbench.runs.work import outcome

    checkpoint = None if resume is None else store.reopen(resume)
    run = resume or store.open("train", config)
    processes.wait()
    work = "workbench.training.loop:work"
    last = narrate(drive(work, config, run=run, store=store, checkpoint=checkpoint), _say)
    return {"run": run, **outcome(last)}


def _follow(resume: str | None, config: dict[str, Any], store: Store, processes: Processes) -> None:
    from workbench.runs.attempt import Attempt
    from workbench.training.loop import work

    processes.wait()
    checkpoint = None if resume is None else store.checkpoint(resume)
    for _ in work(config, Attempt(run=resume or "", home=store.root, checkpoint=checkpoint)):
        pass


def tell(result: dict[str, Any]) -> str:
    """The result for a person."""
    from workbench.training.events import SCORES

    scores = ", ".join(f"{name} {float(result[name]):.3f}" for name in SCORES if name in result)
    said = (result["stopped"], result["guarantee"], result["whole_patient"])
    sentences = "\n".join(filter(None, said))
    return f"Run {result['run']}: {scores} on the validation patients.\n{sentences}"


def _say(event: Any) -> str | None:
    from workbench.accounting.guarantee import round_up
    from workbench.runs.events import Started
    from workbench.training.events import Validated

    if isinstance(event, Started):
        facts = event.facts
        changed = "".join(f"\n  {line}" for line in facts["surgery"])
        return (
            f"{facts['data']}: {facts['train_slices']} slices of {facts['train_patients']} "
            f"patients to train on, {facts['validation_slices']} of "
            f"{facts['validation_patients']} others to validate. "
            f"{facts['parameters']:,} parameters, noise multiplier "
            f"{facts['noise_multiplier']:.3g}.{changed}"
        )
    if isinstance(event, Validated):
        scores = ", ".join(f"{name} {value:.3f}" for name, value in event.scores.items())
        return f"step {event.step}: validation loss {event.loss:.3f}, {scores}"
    if hasattr(event, "epsilon") and event.step == event.total:
        return f"epsilon spent: {round_up(event.epsilon)}"
    return None
