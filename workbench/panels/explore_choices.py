"""The choices of the explore panel: a recipe, or every setting by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final, get_args, get_type_hints

import traitlets as T

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.recipes import FIRST_STUDY, Recipe, recipe, recipe_names
from workbench.exploring.scores import ALL_METRICS, METRICS
from workbench.panels.explore_axes import read_varied, written
from workbench.panels.parts.model import PanelModel
from workbench.panels.training_choices import DRAWN, TrainingChoices
from workbench.training.config import PrivacyConfig, TrainConfig

SEARCHES: Final[tuple[str, ...]] = get_args(get_type_hints(ExploreConfig)["search"])
OWN: Final = ""
"""The recipe of whoever has chosen settings by themselves."""

_OF_PRIVACY: Final = ("delta", "max_grad_norm", "unit")
_FIRST: Final = FIRST_STUDY.settings


def _line(epsilons: Iterable[float]) -> str:
    """Budgets as a person types them."""
    return ", ".join(f"{epsilon:g}" for epsilon in epsilons)


class ExploreChoices(TrainingChoices):
    """A grid of trainings, or a search.

    Attributes:
        recipe: whose settings these are; empty where they are those of no recipe.
        epsilons: budgets as typed; ``inf`` trains without privacy.
        seeds: trainings at each budget.
        metric: score that is shown and searched for.
        varied: other settings that vary, as typed (:mod:`workbench.panels.explore_axes`).
        search: how points are chosen.
        runs, minutes: after which the study ends; ``None`` for no such end.
        pretrains: whether the recipe's training on drawn patients comes first.
        scheduler: address of a Dask scheduler whose workers train; empty for this machine, or for
            that of ``WORKBENCH_SCHEDULER``.
    """

    data = T.Unicode(str(_FIRST["data"])).tag(param=True)
    model = T.Unicode(str(_FIRST["model"])).tag(param=True)
    steps = T.Int(_FIRST["steps"]).tag(param=True)
    sample_rate = T.Float(_FIRST["sample_rate"]).tag(param=True)
    learning_rate = T.Float(_FIRST["learning_rate"]).tag(param=True)
    ema_decay = T.Float(_FIRST["ema_decay"]).tag(param=True)
    weight_standardisation = T.Bool(_FIRST["weight_standardisation"]).tag(param=True)
    image_size = T.Int(_FIRST["image_size"], allow_none=True).tag(param=True)
    delta = T.Float(_FIRST["delta"]).tag(param=True)
    max_grad_norm = T.Float(_FIRST["max_grad_norm"]).tag(param=True)
    recipe = T.Enum([OWN, *recipe_names()], OWN).tag(param=True)
    epsilons = T.Unicode(_line(FIRST_STUDY.study.epsilons)).tag(param=True)
    seeds = T.Int(FIRST_STUDY.study.seeds).tag(param=True)
    metric = T.Enum(ALL_METRICS, "dice").tag(param=True)
    varied = T.Unicode("").tag(param=True)
    search = T.Enum(SEARCHES, "grid").tag(param=True)
    runs = T.Int(None, allow_none=True).tag(param=True)
    minutes = T.Float(None, allow_none=True).tag(param=True)
    pretrains = T.Bool(False).tag(param=True)
    scheduler = T.Unicode("").tag(param=True)

    def __init__(self, **params: Any) -> None:
        self._beginning: TrainConfig | None = None
        self._of_recipe: dict[str, Any] = {}
        self._together = self._changed_together = False
        super().__init__(**self._with_recipe(params))
        self._remember_recipe(params)

    def set(self, **params: Any) -> None:
        """Set choices by name; a recipe brings its settings, unless they are given too."""
        with self.lock:
            if self._together:  # a control that follows says what it was told
                PanelModel.set(self, **params)
                return
            self._together, self._changed_together = True, False
            try:
                super().set(**self._with_recipe(params))
                self._remember_recipe(params)
            finally:
                self._together = False
            if self._changed_together:
                self.guarded(self.check)

    def recheck(self, name: str) -> None:
        """As in the base; of many choices that change together only the last state is checked.

        Another metric is another look at the same study, so nothing is looked up for it.
        """
        if self._together or name == "metric":
            self.accept(name)
            self._changed_together |= name != "metric"
        else:
            super().recheck(name)

    @property
    def first(self) -> TrainConfig | None:
        """The training on drawn patients that comes first; ``None`` where none does."""
        return self._beginning if self.pretrains else None

    @property
    def can_pretrain(self) -> bool:
        """Whether the last recipe has such a training."""
        return self._beginning is not None

    @property
    def metrics_offered(self) -> tuple[str, ...]:
        """The metrics of the task; all of them where it is not known yet."""
        return METRICS[self.learns] if self.learns else ALL_METRICS

    def config(self) -> ExploreConfig:
        """The study that the choices describe.

        Raises:
            BadInput: a choice is out of range, or they do not go together.
        """
        epsilons = read_epsilons(self.epsilons)
        # The base must be private to carry delta, unit and norm; each run puts its own budget in.
        budget = next((epsilon for epsilon in epsilons if 0 < epsilon < math.inf), 1.0)
        privacy = PrivacyConfig(
            target_epsilon=budget, **{name: getattr(self, name) for name in _OF_PRIVACY}
        )
        train = self.training(privacy)
        axes, ranges = read_varied(self.varied, train)
        return ExploreConfig(
            train=train,
            epsilons=epsilons,
            seeds=self.seeds,
            axes=axes,
            ranges=ranges,
            search=self.search,  # type: ignore[arg-type]  # the trait knows no other
            runs=self.runs,
            minutes=self.minutes,
            metric=self.metric if self.learns else None,
            pretraining=self.first,
        )

    def leave_recipe(self) -> None:
        """Say that the settings are those of no recipe any more, where one was changed."""
        if self.recipe and any(getattr(self, n) != v for n, v in self._of_recipe.items()):
            self._of_recipe = {}
            self.recipe = OWN

    def _with_recipe(self, params: dict[str, Any]) -> dict[str, Any]:
        """The settings of the recipe among the choices, and a metric that fits the task."""
        if params.get("recipe"):
            params = {**self._settings(recipe(params["recipe"]), params), **params}
        task = self._learns(params.get("data", self.data), params.get("task", self.task))
        if task and params.get("metric", self.metric) not in METRICS[task]:
            params = {**params, "metric": METRICS[task][0]}
        return params

    def _settings(self, chosen: Recipe, params: dict[str, Any]) -> dict[str, Any]:
        config, privacy = (
            TrainConfig(**chosen.train),
            PrivacyConfig(**{**chosen.privacy, "target_epsilon": 1.0}),
        )
        names = {one.name for one in fields(TrainConfig)} - {"privacy", "seed", "data", "task"}
        study = chosen.study
        found = {name: getattr(config, name) for name in names}
        found |= {name: getattr(privacy, name) for name in _OF_PRIVACY}
        found |= self._data_for(chosen, params.get("data", self.data))
        found |= {
            "varied": written(study.axes, study.ranges),
            "search": study.search or "grid",
            "runs": study.runs,
            "pretrains": chosen.first is not None,
            "epsilons": _line(study.epsilons),
            "seeds": study.seeds,
        }
        return found | ({"metric": study.metric} if study.metric else {})

    def _data_for(self, chosen: Recipe, data: str) -> dict[str, Any]:
        """The recipe's own data, or those chosen before, or phantoms for its task."""
        task = chosen.train.get("task")
        own = chosen.train.get("data", data)
        if own in DRAWN and task and DRAWN[own].task != task:
            own = next(name for name, one in DRAWN.items() if one.task == task)
        return {"data": own, "task": None if own in DRAWN else task}

    def _remember_recipe(self, params: dict[str, Any]) -> None:
        if not params.get("recipe"):
            return
        chosen = recipe(params["recipe"])
        self._beginning = chosen.first
        kept = {"data", "task", "epsilons", "seeds", "metric", "runs", "minutes"}
        settings = self._settings(chosen, params)
        self._of_recipe = {name: v for name, v in settings.items() if name not in kept}


def read_epsilons(text: str) -> tuple[float, ...]:
    """Budgets from a line of numbers.

    Raises:
        BadInput: a word is no number.
    """
    try:
        return tuple(float(word.replace("∞", "inf")) for word in text.replace(",", " ").split())
    except ValueError:
        raise BadInput(
            f"Epsilons must be numbers with commas between them, such as 1, 3, inf, not {text!r}.",
            field="epsilons",
        ) from None
