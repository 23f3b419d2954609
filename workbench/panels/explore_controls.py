"""The choices on the left of the explore panel: recipe, data, budgets; the rest folded away."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W

from workbench.exploring.recipes import recipe, recipe_names
from workbench.panels.explore_axes import EXAMPLE
from workbench.panels.explore_choices import OWN, SEARCHES
from workbench.panels.explore_model import ExploreModel
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Field, NumberField, TextField, Toggle
from workbench.panels.parts.words import More, Statement
from workbench.panels.train_words import SCORE_WORDS
from workbench.panels.training_controls import (
    data_controls,
    mechanism_controls,
    model_control,
    number,
    optimisation_controls,
    task_control,
    unit_control,
)

_NONE: Final = "none"
_SEARCH_WORDS: Final = {
    "grid": "every combination",
    "random": "drawn at random",
    "bayesian": "what promises most",
}


def explore_controls(model: ExploreModel) -> list[W.Widget]:
    """All controls, from top to bottom."""
    plan = Statement()

    def say(_change: Any = None) -> None:
        plan.text = model.plan

    say()
    model.observe(say, "plan")
    # Controls begin with their value: a page that is slow may miss one that is set right after.
    grid = TextField(
        "Epsilons", model.epsilons, placeholder="1, 3, 8, inf", help="inf trains without privacy"
    )
    return [
        _recipe(model),
        *data_controls(model),
        bind_field(grid, model, "epsilons"),
        number(model, "Seeds", "seeds", 1, 50, whole=True),
        plan,
        _metric(model),
        AlsoShow(model),
        More([model_control(model), number(model, "Steps", "steps", 1, 100_000, whole=True),
              *optimisation_controls(model), _pretrains(model)], "Training"),
        More([unit_control(model), number(model, "Delta", "delta", 1e-12, 0.5),
              *mechanism_controls(model)], "Privacy"),
        More(_search(model), "Search"),
        task_control(model),
    ]  # fmt: skip


class AlsoShow(W.VBox):
    """Other studies whose curves can be added; gone while there are none."""

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        super().__init__()
        model.observe(model.guard(self._offer), "offered")
        self._offer()

    def _offer(self, _change: Any = None) -> None:
        toggles = [self._toggle(study, words) for study, words in self.model.offered.items()]
        self.children = [More(toggles, f"Also show ({len(toggles)})")] if toggles else []
        self.layout.display = "" if toggles else "none"

    def _toggle(self, study: str, words: str) -> Toggle:
        toggle = Toggle(words, study in self.model.beside)

        def turned(change: Any) -> None:
            self.model.show_beside(study, bool(change["new"]))

        toggle.observe(self.model.guard(turned), "value")
        return toggle


def _recipe(model: ExploreModel) -> Field:
    own = {OWN or _NONE: "own settings"}
    names = {name: name for name in recipe_names()}
    control = Choice("Recipe", {**own, **names}, model.recipe or _NONE)

    def explain(_change: Any = None) -> None:
        control.help = recipe(model.recipe).description if model.recipe else ""

    explain()
    model.observe(explain, "recipe")
    return bind_field(
        control, model, "recipe",
        to_model=lambda name: OWN if name == _NONE else name,
        to_control=lambda name: name or _NONE,
    )  # fmt: skip


def _metric(model: ExploreModel) -> Field:
    """Score on the vertical axis; nothing is trained anew for another one."""

    def options() -> dict[str, str]:
        return {name: SCORE_WORDS.get(name, name) for name in model.metrics_shown}

    control = Choice("Score", options(), model.metric)

    def offer(_change: Any = None) -> None:
        control.offer(options(), model.metric)

    model.observe(offer, ["data", "task", "explored", "metric"])
    return bind_field(control, model, "metric", while_busy=True)


def _pretrains(model: ExploreModel) -> Field:
    control = Toggle(
        "Pre-train on drawn patients", model.pretrains,
        help="first and once, as the recipe says; free",
    )  # fmt: skip

    def follow(_change: Any = None) -> None:
        control.layout.display = "" if model.can_pretrain else "none"

    follow()
    model.observe(follow, ["recipe", "pretrains"])
    return bind_field(control, model, "pretrains")


def _search(model: ExploreModel) -> list[W.Widget]:
    varied = TextField(
        "Also vary", placeholder=EXAMPLE,
        help="names as in the recipes; several with ; between them; low .. high for a range",
    )  # fmt: skip
    searches = {name: _SEARCH_WORDS.get(name, name) for name in SEARCHES}
    return [
        bind_field(varied, model, "varied"),
        bind_field(Choice("Tries", searches, model.search), model, "search"),
        _limit(model, "Trainings at most", "runs", whole=True),
        _limit(model, "Minutes at most", "minutes", whole=False),
        _scheduler(model),
    ]


def _scheduler(model: ExploreModel) -> Field:
    control = TextField(
        "Scheduler", model.scheduler, placeholder="tls://host:8786",
        help="address of Dask; its workers train. Empty: this machine, or WORKBENCH_SCHEDULER",
    )  # fmt: skip
    return bind_field(control, model, "scheduler", to_model=str.strip)


def _limit(model: ExploreModel, label: str, name: str, *, whole: bool) -> Field:
    control = NumberField(
        label, getattr(model, name) or 0, 0, 10**6, whole=whole, slider=False, help="0: no limit"
    )
    return bind_field(
        control, model, name,
        to_model=lambda value: (int(value) if whole else float(value)) or None,
        to_control=lambda value: float(value or 0),
    )  # fmt: skip
