"""What ``workbench explore`` understands of the words after it: the study that they describe."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from workbench.cli.train_options import SETTINGS, pretraining_of, settings_of
from workbench.errors import BadInput

V = TypeVar("V")

BUDGET = ("runs", "minutes", "metric")
OF_THE_STUDY = ("recipe", "from_scratch", "epsilons", "seeds", "axis", "range", "search")


def study_arguments(parser: argparse.ArgumentParser) -> None:
    """What is compared, how it is searched, and how long."""
    what = parser.add_argument_group("the study")
    what.add_argument("--study", metavar="STUDY", help="go on with a study by its name")
    what.add_argument("--epsilons", help="budgets, comma-separated (1,3,8,inf)")
    what.add_argument("--seeds", type=int, help="runs at each point (2)")
    what.add_argument(
        "--axis", action="append", metavar="NAME=V,V", help="values of another setting to compare"
    )
    what.add_argument(
        "--range", action="append", metavar="NAME=LOW:HIGH", help="or a range to draw it from"
    )
    what.add_argument(
        "--search",
        choices=("grid", "random", "bayesian"),
        help="all combinations, drawn, or proposed from the scores so far",
    )
    what.add_argument("--runs", type=int, help="trainings at most")
    what.add_argument("--minutes", type=float, help="after which no further training begins")
    what.add_argument("--metric", help="dice, auroc, hausdorff95, ...")
    what.add_argument("--at-once", type=int, help="trainings at the same time (one a worker)")
    what.add_argument(
        "--scheduler", metavar="ADDRESS", help="train on the workers of this Dask scheduler"
    )
    what.add_argument(
        "--export", metavar="DIR", type=Path, help="write a report, figures and all numbers here"
    )


def study_of(args: argparse.Namespace) -> Any:
    """The ``ExploreConfig`` that the words stand for.

    Raises:
        BadInput: a word cannot be read, or a setting is out of its range.
    """
    from workbench.exploring.config import ExploreConfig
    from workbench.exploring.recipes import FIRST_STUDY, recipe

    chosen = FIRST_STUDY if args.recipe is None else recipe(args.recipe)
    axes, ranges = _varied(args, chosen)
    epsilons = _epsilons(args, chosen.study.epsilons, {*axes, *ranges})
    # The base needs some budget to be a private config; every run puts its own in its place.
    base = next((epsilon for epsilon in epsilons if 0 < epsilon < math.inf), 1.0)
    return ExploreConfig(
        train=_training(args, chosen, base),
        epsilons=epsilons,
        seeds=chosen.study.seeds if args.seeds is None else args.seeds,
        axes=axes,
        ranges=ranges,
        search=args.search or chosen.study.search or "grid",
        runs=chosen.study.runs if args.runs is None else args.runs,
        minutes=args.minutes,
        metric=args.metric or chosen.study.metric,
        pretraining=pretraining_of(args, chosen),
    )


def recalled_study(args: argparse.Namespace, store: Any) -> Any:
    """The study that ``--study`` names, with the budget and metric that stand beside it.

    Raises:
        BadInput: there is no such study, or other settings stand beside its name.
    """
    from workbench.exploring.study_file import recalled

    config = recalled(args.study, store)
    given = [name for name in (*OF_THE_STUDY, *SETTINGS) if getattr(args, name, None) is not None]
    if given:
        raise BadInput(
            f"{args.study} has its settings already; leave out {given[0].replace('_', '-')}, or "
            "begin a new study without --study.",
            field=given[0],
        )
    asked = {name: getattr(args, name) for name in BUDGET}
    return replace(config, **{name: value for name, value in asked.items() if value is not None})


def _varied(args: argparse.Namespace, chosen: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Axes and ranges of the recipe, but for those that the words vary or settle."""
    axes = _once([_axis(words) for words in args.axis or ()])
    ranges = _once([_range(words) for words in args.range or ()])
    said = {*axes, *ranges, *(name for name, value in vars(args).items() if value is not None)}
    of_recipe = [
        {name: value for name, value in given.items() if name not in said}
        for given in (chosen.study.axes, chosen.study.ranges)
    ]
    return of_recipe[0] | axes, of_recipe[1] | ranges


def _training(args: argparse.Namespace, chosen: Any, base: float) -> Any:
    from workbench.exploring.recipes import FIRST_STUDY
    from workbench.training.config import train_config

    settings = settings_of(args, chosen)
    if chosen is FIRST_STUDY and settings["data"] != chosen.train["data"]:
        # So small are its own patients; those of others stay as they are.
        settings["image_size"] = args.image_size
    return train_config(**{**settings, "target_epsilon": base})


def _epsilons(
    args: argparse.Namespace, of_recipe: tuple[float, ...], varied: set[str]
) -> tuple[float, ...]:
    if args.epsilons is not None:
        return _numbers(args.epsilons)
    if varied & {"noise_multiplier", "target_epsilon"}:
        return ()
    return of_recipe


def _numbers(given: Any) -> tuple[float, ...]:
    words = given if isinstance(given, list) else str(given).split(",")
    try:
        return tuple(float(word) for word in words)
    except (TypeError, ValueError):
        raise BadInput(
            f"Epsilons must be numbers with commas between them, such as 1,3,inf, not {given!r}.",
            field="epsilons",
        ) from None


def _once(named: list[tuple[str, V]]) -> dict[str, V]:
    names = [name for name, _ in named]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{name} is given twice; name all its values at once.", field=name)
    return dict(named)


def _axis(words: str) -> tuple[str, tuple[Any, ...]]:
    name, _, values = words.partition("=")
    name = name.strip().replace("-", "_")
    return name, tuple(_value(name, value.strip()) for value in values.split(",") if value.strip())


def _range(words: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = words.partition("=")
    try:
        low, high = (float(end) for end in ends.split(":"))
        return name.strip().replace("-", "_"), (low, high)
    except ValueError:
        raise BadInput(
            f"A range is written NAME=LOW:HIGH, such as learning_rate=1e-4:1e-2, not {words!r}.",
            field="range",
        ) from None


def _value(name: str, word: str) -> Any:
    """A word as the axis has it; what does not fit is refused by the study itself."""
    from workbench.exploring.axes import AXES

    kind = AXES[name].kind if name in AXES else str
    if kind is bool:
        return {"true": True, "false": False}.get(word.lower(), word)
    try:
        return word if kind is str else float(word)
    except ValueError:
        return word
