"""How a training goes: loss, score and epsilon over steps, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.theme import PALETTE, TEMPLATE, make_figure, style
from workbench.runs.events import Event
from workbench.training.events import MAIN_SCORE, Step, Validated

SCORE_TITLES = {
    "dice": "Dice (0 to 1)",
    "dice_global": "Dice of all slices as one (0 to 1)",
    "hausdorff95": "Hausdorff 95 (mm or pixels)",
    "auroc": "AUROC (0 to 1)",
    "balanced_accuracy": "balanced accuracy (0 to 1)",
    "mcc": "MCC (-1 to 1)",
    "ece": "calibration error (0 to 1)",
}

Curve = tuple[list[float], list[float]]


class TrainingNumbers(NamedTuple):
    """Curves of one training, each as steps and values.

    Attributes:
        loss: training loss, empty in a private run.
        validation_loss: mean loss on the validation patients.
        score: the main score on the validation patients.
        epsilon: budget spent; empty where nothing is private.
        score_name: ``"dice"`` or ``"auroc"``.
    """

    loss: Curve
    validation_loss: Curve
    score: Curve
    epsilon: Curve
    score_name: str


def training_numbers(events: Iterable[Event]) -> TrainingNumbers:
    """Pick the curves out of a run's events."""
    numbers = TrainingNumbers(([], []), ([], []), ([], []), ([], []), "dice")
    for event in events:
        numbers = with_event(numbers, event)
    return numbers


def with_event(numbers: TrainingNumbers, event: Event) -> TrainingNumbers:
    """The curves with one more event; the lists are extended in place."""
    if isinstance(event, Step):
        if event.loss is not None:
            _add(numbers.loss, event.step, event.loss)
        if math.isfinite(event.epsilon):
            _add(numbers.epsilon, event.step, event.epsilon)
    elif isinstance(event, Validated):
        name = next(name for name in MAIN_SCORE.values() if name in event.scores)
        _add(numbers.validation_loss, event.step, event.loss)
        _add(numbers.score, event.step, event.scores[name])
        return numbers._replace(score_name=name)
    return numbers


def draw_training(numbers: TrainingNumbers, *, height: int = 250) -> go.Figure:
    """Three small charts over the same steps."""
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.09)
    looks = (
        (1, "training", PALETTE["sky"], "lines"),
        (1, "validation", PALETTE["blue"], "lines+markers"),
        (2, "validation", PALETTE["green"], "lines+markers"),
        (3, "spent", PALETTE["vermillion"], "lines"),
    )
    for (column, name, colour, mode), (x, y) in zip(looks, curves(numbers), strict=True):
        trace = go.Scatter(x=x, y=y, name=name, mode=mode, showlegend=column == 1)
        trace.update(line={"color": colour, "width": 2}, marker={"size": 5})
        figure.add_trace(trace, row=1, col=column)
    figure.update_layout(template=TEMPLATE, height=height, hovermode="x")
    figure.update_xaxes(title_text="steps", rangemode="tozero")
    titles = ("loss", SCORE_TITLES[numbers.score_name], "epsilon spent")
    for column, title in enumerate(titles, start=1):
        figure.update_yaxes(title_text=title, col=column, rangemode="tozero")
    return figure


def curves(numbers: TrainingNumbers) -> list[Curve]:
    """The curves in the order of the figure's traces, to update a live figure with."""
    return [numbers.loss, numbers.validation_loss, numbers.score, numbers.epsilon]


def _add(curve: Curve, step: float, value: float) -> None:
    curve[0].append(float(step))
    curve[1].append(float(value))


def draw_scores(runs: Mapping[str, TrainingNumbers], *, height: int = 320) -> go.Figure:
    """The scores of several trainings over the same steps, by their names."""
    title = SCORE_TITLES[next(iter(runs.values())).score_name]
    figure = make_figure(x_title="steps", y_title=f"validation {title}", height=height)
    for index, (name, numbers) in enumerate(runs.items()):
        x, y = numbers.score
        figure.add_trace(go.Scatter(x=x, y=y, name=name, mode="lines+markers", **style(index)))
    figure.update_yaxes(range=[0, 1])
    return figure
