"""What a study cannot ask for: settings that contradict each other, one sentence for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.exploring.axes import PRIVATE_ONLY, PROMISES

if TYPE_CHECKING:
    from workbench.exploring.config import ExploreConfig
    from workbench.training.config import TrainConfig


def check_budgets(config: ExploreConfig) -> None:
    """The budgets are above 0, each once, and given in one way only.

    Raises:
        BadInput: they are not.
    """
    budgets = config.epsilons
    varied = {*config.axes, *config.ranges}
    instead = varied & {"noise_multiplier", "target_epsilon"}
    if not budgets and not instead:
        raise BadInput("Name at least one epsilon to explore.", field="epsilons")
    wrong = [epsilon for epsilon in budgets if not epsilon > 0]
    if wrong:
        raise BadInput(
            f"Every epsilon must be above 0, not {wrong[0]:g}; inf trains without privacy.",
            field="epsilons",
        )
    if len(set(budgets)) < len(budgets):
        raise BadInput("An epsilon stands twice in the list; name each once.", field="epsilons")
    if "noise_multiplier" in varied and math.inf in budgets:
        raise BadInput(
            "An epsilon of infinity trains without noise, and a noise multiplier asks for "
            "some; explore one of the two.",
            field="epsilons",
        )
    if len(instead) + bool(budgets) > 1:
        raise BadInput(
            "Explore epsilons or noise multipliers, by values or in a range, not two of "
            "these at once: each follows from the other.",
            field="epsilons",
        )
    idle = sorted(varied & PRIVATE_ONLY)
    if budgets == (math.inf,) and idle:
        raise BadInput(
            f"{idle[0]} changes nothing in trainings without privacy; name a finite epsilon, "
            "or leave it out.",
            field=idle[0],
        )


def check_search(config: ExploreConfig) -> None:
    """A grid has values only; any other search has something to choose, and an end.

    Raises:
        BadInput: they have not.
    """
    if config.search == "grid":
        if config.ranges:
            name = next(iter(config.ranges))
            raise BadInput(
                f"A grid needs the values of {name}; a range is for a random or Bayesian search.",
                field=name,
            )
        return
    search = {"random": "random", "bayesian": "Bayesian"}[config.search]
    free = {*config.axes, *config.ranges} - (PROMISES if search == "Bayesian" else set())
    weakest = sorted(config.ranges.keys() & PROMISES)
    if weakest and search == "Bayesian":
        raise BadInput(
            f"A Bayesian search of {weakest[0]} would only find that less privacy scores higher; "
            "name values, each of which is searched by itself.",
            field=weakest[0],
        )
    if not free:
        raise BadInput(f"A {search} search needs axes or ranges to draw from.", field="axes")
    if config.runs is None:
        raise BadInput(
            f"A {search} search goes on for ever; say after how many runs it ends.", field="runs"
        )


def check_pretraining(config: ExploreConfig, first: TrainConfig) -> None:
    """A pre-training learns from nobody who would have to be protected, and fits the study.

    Raises:
        BadInput: it is private, has a beginning of its own, looks at other than drawn patients,
            or trains another network than the study does.
    """
    from workbench.imaging.load import TARGETS

    if first.privacy is not None:
        raise BadInput(
            "A pre-training looks at drawn patients, whom nobody needs to protect; leave its "
            "privacy settings out.",
            field="pretraining",
        )
    if first.data.partition(":")[0] not in TARGETS:
        raise BadInput(
            f"A pre-training learns from drawn patients ({', '.join(TARGETS)}), not from "
            f"{first.data}: nothing protects whom it learns from.",
            field="pretraining",
        )
    if first.pretrained is not None or config.train.pretrained is not None:
        raise BadInput(
            "A study begins from its pre-training or from a finished run, and a pre-training from "
            "drawn weights; leave out pretrained, or the pre-training.",
            field="pretrained",
        )
    models = config.axes.get("model", (config.train.model,))
    other = [model for model in models if model != first.model]
    if other:
        raise BadInput(
            f"The pre-training trains {first.model}, whose weights do not fit {other[0]}; leave "
            "the pre-training out, or train the same network.",
            field="model",
        )
