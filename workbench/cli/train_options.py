"""What ``workbench train`` understands of the words after it, most of it ``explore`` too."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.dpsgd.engine_names import ENGINES
from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.exploring.recipes import Recipe
    from workbench.training.config import TrainConfig

SETTINGS = (
    "data", "model", "task", "image_size", "steps", "sample_rate", "learning_rate", "schedule",
    "optimizer", "ema_decay", "weight_standardisation", "pretrained", "trainable",
    "augmentation_multiplicity", "patients", "members", "seed", "split_seed", "device", "precision",
    "engine", "surgery", "target_epsilon", "noise_multiplier", "delta", "max_grad_norm", "unit",
    "noise",
)  # fmt: skip


def train_arguments(parser: argparse.ArgumentParser, *, of_a_study: bool = False) -> None:
    """The settings of ``TrainConfig`` and ``PrivacyConfig``; what is left out takes its default.

    A study chooses budget, noise and seed itself, and is resumed by starting it again.
    """
    what = parser.add_argument_group("what to train")
    what.add_argument(
        "--recipe", metavar="NAME", help="settings to begin from: liver-slices, ... or a file"
    )
    what.add_argument(
        "--from-scratch",
        action="store_true",
        default=None,
        help="leave out the recipe's training on phantoms",
    )
    what.add_argument("--data", help="built-in name or path")
    what.add_argument("--model", help="unet, cnn, resnet9, resnet18, ... or module:function")
    what.add_argument("--task", choices=("segmentation", "classification"))
    what.add_argument("--image-size", type=int, help="side in pixels that slices are resized to")
    how = parser.add_argument_group("how")
    how.add_argument("--steps", type=int)
    how.add_argument("--sample-rate", type=float, help="chance of each unit to enter a step")
    how.add_argument("--learning-rate", type=float)
    how.add_argument("--optimizer", choices=("adam", "sgd"))
    how.add_argument("--schedule", choices=("cosine", "constant"), help="of the learning rate")
    how.add_argument("--ema-decay", type=float, help="keep a moving average of the weights")
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


def training_of(args: argparse.Namespace) -> tuple[TrainConfig, TrainConfig | None]:
    """The training that the words stand for, and the pre-training that it begins from, if any.

    With a recipe it is a training of the study that the recipe describes.

    Raises:
        BadInput: there is no such recipe, a setting is missing or out of its range, or privacy
            settings stand without budget or noise.
    """
    from workbench.exploring.recipes import recipe
    from workbench.training.config import train_config

    if args.recipe is None:
        return train_config(**{name: getattr(args, name) for name in SETTINGS}), None
    chosen = recipe(args.recipe)
    _settle(args, chosen)
    return _of_recipe(args, chosen), pretraining_of(args, chosen)


def settings_of(args: argparse.Namespace, chosen: Recipe) -> dict[str, Any]:
    """The settings of the recipe, but for those that the words give.

    Raises:
        BadInput: neither of them names the data.
    """
    words = {name: getattr(args, name, None) for name in SETTINGS}
    given = {name: value for name, value in words.items() if value is not None}
    settings = {**chosen.settings, **given}
    if "data" not in settings:
        raise BadInput(
            f"The recipe {args.recipe} has no data of its own; name them with --data.",
            field="data",
        )
    return settings


def pretraining_of(args: argparse.Namespace, chosen: Recipe) -> TrainConfig | None:
    """The recipe's own, on the device of the others, unless the words begin elsewhere."""
    if args.from_scratch or args.pretrained is not None or chosen.first is None:
        return None
    return chosen.first if args.device is None else replace(chosen.first, device=args.device)


def _of_recipe(args: argparse.Namespace, chosen: Recipe) -> TrainConfig:
    """As its study trains at this budget, so that both mean the same by it."""
    from workbench.exploring.config import ExploreConfig
    from workbench.training.config import train_config

    settings = settings_of(args, chosen)
    free = args.target_epsilon == math.inf and args.noise_multiplier is None
    private = train_config(**settings | ({"target_epsilon": 1.0} if free else {}))
    study = ExploreConfig(train=private, pretraining=pretraining_of(args, chosen))
    return study.trial_at({"target_epsilon": math.inf} if free else {}, private.seed).config


def _settle(args: argparse.Namespace, chosen: Recipe) -> None:
    """One training has one value of each setting, where a study compares several.

    Raises:
        BadInput: the words leave one open.
    """
    if args.target_epsilon is None and args.noise_multiplier is None:
        raise BadInput(
            f"The recipe {args.recipe} leaves the budget open; name it with --target-epsilon (inf "
            "trains without privacy), or the noise with --noise-multiplier.",
            field="target_epsilon",
        )
    varied = {*chosen.study.axes, *chosen.study.ranges} - {"target_epsilon", "noise_multiplier"}
    for name in sorted(varied):
        if getattr(args, name) is None:
            raise BadInput(
                f"The recipe {args.recipe} compares several values of {name}; choose one with "
                f"--{name.replace('_', '-')}.",
                field=name,
            )
