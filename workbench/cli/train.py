"""``workbench train``: train one network, with or without privacy."""

from __future__ import annotations

import argparse
from typing import Any

HELP = "train a network, with differential privacy if a budget or a noise is given"

SETTINGS = (
    "data", "model", "task", "image_size", "steps", "sample_rate", "learning_rate", "optimizer",
    "augmentation_multiplicity", "seed", "device", "engine", "surgery", "target_epsilon",
    "noise_multiplier", "delta", "max_grad_norm", "unit", "noise",
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser, *, of_a_study: bool = False) -> None:
    """The settings of ``TrainConfig`` and ``PrivacyConfig``; what is left out takes its default.

    A study chooses budget, noise and seed itself, and is resumed by starting it again.
    """
    what = parser.add_argument_group("what to train")
    what.add_argument("--data", help="built-in name or path (phantom-liver)")
    what.add_argument("--model", help="unet, unet-batchnorm, cnn, resnet9, mlp or module:function")
    what.add_argument("--task", choices=("segmentation", "classification"))
    what.add_argument("--image-size", type=int, help="side in pixels that slices are resized to")
    how = parser.add_argument_group("how")
    how.add_argument("--steps", type=int)
    how.add_argument("--sample-rate", type=float, help="chance of each unit to enter a step")
    how.add_argument("--learning-rate", type=float)
    how.add_argument("--optimizer", choices=("adam", "sgd"))
    how.add_argument("--augmentation-multiplicity", type=int, help="moved views of each slice")
    if not of_a_study:
        how.add_argument("--seed", type=int)
    how.add_argument("--device", choices=("cpu", "cuda"))
    how.add_argument("--engine", choices=("opacus",))
    how.add_argument(
        "--no-surgery",
        dest="surgery",
        action="store_false",
        default=None,
        help="refuse a network with layers that break per-record privacy, instead of mending it",
    )
    privacy = parser.add_argument_group("privacy")
    if not of_a_study:
        privacy.add_argument("--target-epsilon", type=float, help="train privately, at this budget")
        privacy.add_argument("--noise-multiplier", type=float, help="or with this noise")
    privacy.add_argument("--delta", type=float)
    privacy.add_argument("--max-grad-norm", type=float, help="clipping norm")
    privacy.add_argument("--unit", choices=("patient", "slice"), help="what is protected")
    privacy.add_argument(
        "--noise", choices=("secure", "seeded"), help="seeded can be repeated and protects nobody"
    )
    if not of_a_study:
        parser.add_argument(
            "--resume", metavar="RUN", help="go on with a run at its last checkpoint"
        )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train here and now, recording the run; progress goes to standard error."""
    from workbench.cli.progress import narrate
    from workbench.cli.threads import one_thread
    from workbench.runs.configs import config_to_json
    from workbench.runs.inline import drive
    from workbench.runs.store import Store
    from workbench.runs.work import outcome

    one_thread()
    config = config_to_json(config_of(args)) if args.resume is None else None
    store = Store(args.out)
    checkpoint = None
    if config is None:
        record = store.record(args.resume)
        config, name = record.config, record.id
        checkpoint = store.reopen(name)
    else:
        name = store.open("train", config)
    events = drive(
        "workbench.training.loop:work", config, run=name, store=store, checkpoint=checkpoint
    )
    last = narrate(events, _say)
    return {"run": name, **outcome(last)}


def config_of(args: argparse.Namespace) -> Any:
    """The ``TrainConfig`` that the words on the command line stand for.

    Raises:
        BadInput: a value is out of range, or privacy settings stand without budget or noise.
    """
    from workbench.training.config import train_config

    return train_config(**{name: value for name, value in vars(args).items() if name in SETTINGS})


def tell(result: dict[str, Any]) -> str:
    """The result for a person."""
    names = ("dice", "auroc", "balanced_accuracy", "mcc")
    scores = ", ".join(f"{name} {result[name]:.3f}" for name in names if name in result)
    return f"Run {result['run']}: {scores} on the validation patients.\n{result['guarantee']}"


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
