import re

import numpy as np

from workbench.figures.page import Picture, Section, Table, draw_page
from workbench.figures.predictions import PredictionNumbers, draw_predictions
from workbench.figures.theme import png
from workbench.figures.training_curves import (
    curves,
    draw_scores,
    draw_training,
    training_numbers,
)
from workbench.runs.events import Event
from workbench.training.events import Step, Validated


def told(epsilon: float, loss: float | None) -> list[Event]:
    steps = [Step(step=s, total=2, epsilon=epsilon * s, loss=loss, records=None) for s in (1, 2)]
    return [*steps, Validated(step=2, loss=0.4, scores={"auroc": 0.9, "mcc": 0.5})]


def test_curves_hold_what_the_events_said() -> None:
    numbers = training_numbers(told(1.5, 0.7))
    assert numbers.loss == ([1.0, 2.0], [0.7, 0.7])
    assert numbers.epsilon == ([1.0, 2.0], [1.5, 3.0])
    assert numbers.score == ([2.0], [0.9])
    assert numbers.score_name == "auroc"


def test_a_run_without_privacy_has_no_epsilon_and_a_private_one_no_training_loss() -> None:
    assert training_numbers(told(float("inf"), 0.7)).epsilon == ([], [])
    assert training_numbers(told(1.0, None)).loss == ([], [])


def test_the_figure_shows_the_curves_in_their_order() -> None:
    numbers = training_numbers(told(1.5, 0.7))
    figure = draw_training(numbers)
    for trace, (x, y) in zip(figure.data, curves(numbers), strict=True):
        assert (list(trace.x), list(trace.y)) == (x, y)
    assert figure.layout.yaxis2.title.text == "AUROC (0 to 1)"


def test_a_page_holds_everything_and_asks_nobody() -> None:
    blank = np.zeros((2, 8, 8), dtype=np.uint8)
    numbers = PredictionNumbers(blank, blank, {"plain": blank, "private": blank})
    parts = (
        Picture(figure=draw_predictions(numbers), shows="masks"),
        Picture(figure=draw_scores({"a": training_numbers(told(1.0, None))}), shows="curves"),
        Table(columns=("name", "value"), rows=(("a < b", "1"),)),
    )
    page = draw_page("Title & more", "Lead.", [Section(title="One", parts=parts)])
    assert "Title &amp; more" in page
    assert "a &lt; b" in page
    assert 'alt="masks"' in page
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(https?:)?//', markup)
    assert '"showSendToCloud": false' in page


def test_predictions_are_a_picture() -> None:
    blank = np.zeros((1, 8, 8), dtype=np.uint8)
    content = png(draw_predictions(PredictionNumbers(blank, blank, {"plain": blank})))
    assert content.startswith(b"\x89PNG")
