"""``workbench train``: train one network, with or without privacy."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench.dpsgd.engine_names import ENGINES

if TYPE_CHECKING:
    from workbench.dpsgd.processes import Processes
    from workbench.runs.store import Store

HELP = "train a network, with differential privacy if a budget or a noise is given"

SETTINGS = (
    "data", "model", "task", "image_size", "steps", "sample_rate", "learning_rate", "schedule",
    "optimizer", "ema_decay", "weight_standardisation", "pretrained", "trainable",
    "augmentation_multiplicity", "patients", "members", "seed", "split_seed", "device", "precision",
    "engine", "surgery", "target_epsilon", "noise_multiplier", "delta", "max_grad_norm", "unit",
    "noise",
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser, *, of_a_study: bool = False) -> None:
    """The settings of ``TrainConfig`` and ``PrivacyConfig``; what is left out takes its default.

    A study chooses budget, noise and seed itself, and is resumed by starting it again.
    """
    what = parser.add_argument_group("what to train")
    what.add_argument("--data", help="built-in name or path (phantom-liver)")
    what.add_argument("--model", help="unet, cnn, resnet9, resnet18, ... or module:function")
    what.add_argument("--task", choices=("segmentation", "classification"))
    what.add_argument("--image-size", type=int, help="side in pixels that slices are resized to")
    how = parser.add_argument_group("how")
    how.add_argument("--steps", type=int)
    how.add_argument("--sample-rate", type=float, help="chance of each unit to enter a step")
    how.add_argument("--learning-rate", type=float)
    how.add_argument("--optimizer", choices=("adam", "sgd"))
    how.add_argument("--schedule", choices=("cosine", "constant"), help="of the learning rate")
    how.add_argument("--ema-decay", type=float, help="keep a moving average of the weights (0)")
    how.add_argument(
        "--weight-standardisation",
        action="store_true",
        default=None,
        help="keep mean 0 and norm 1 in the filters in front of a normalisation",
    )
    how.add_argument("--pretrained", metavar="RUN", help="begin from the weights of this run")
    how.add_argument(
        "--trainable", choices=("all", "last-block", "head"), help="part that is trained (all)"
    )
    how.add_argument("--augmentation-multiplicity", type=int, help="moved views of each slice")
    how.add_argument("--patients", type=int, help="train on so many of the patients (all)")
    how.add_argument(
        "--members", metavar="COINS", help="who trains, as in 'patient coins 7, half 0' (all)"
    )
    how.add_argument("--split-seed", type=int, help="draws the patients who validate (0)")
    if not of_a_study:
        how.add_argument("--seed", type=int, help="of weights and sampling (0)")
    how.add_argument("--device", choices=("cpu", "cuda"))
    how.add_argument("--precision", choices=("float32", "bfloat16"), help="of the two passes")
    how.add_argument("--engine", choices=ENGINES, help="how per-record gradients are taken")
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


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Train here and now, recording the run; progress goes to standard error.

    Under ``torchrun`` the first process records and speaks, the others compute and return nothing.
    """
    from workbench.cli.threads import one_thread
    from workbench.dpsgd.processes import joined
    from workbench.runs.configs import config_to_json
    from workbench.runs.store import Store

    one_thread()
    store = Store(args.out)
    if args.resume is None:
        config = config_to_json(config_of(args))
    else:
        config = store.record(args.resume).config
    with joined(config["device"]) as processes:
        return (_lead if processes.first else _follow)(args.resume, config, store, processes)


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


def config_of(args: argparse.Namespace) -> Any:
    """The ``TrainConfig`` that the words on the command line stand for.

    Raises:
        BadInput: a value is out of range, or privacy settings stand without budget or noise.
    """
    from workbench.training.config import train_config

    return train_config(**{name: value for name, value in vars(args).items() if name in SETTINGS})


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
