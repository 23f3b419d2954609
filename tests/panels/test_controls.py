import re
from pathlib import Path

import pytest
import traitlets as T
from fakes import SmallModel

import workbench.panels.parts as parts
from workbench.panels.parts.bind import bind_field, bind_guarantee, bind_run_bar
from workbench.panels.parts.controls import Choice, NumberField, PushButton, TextField, Toggle
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.run_bar import RunBar
from workbench.panels.parts.states import STATES
from workbench.panels.parts.words import More, Statement, Table
from workbench.runs.events import Finished, Started

FOLDER = Path(parts.__path__[0])


def test_a_number_starts_inside_its_range() -> None:
    with pytest.raises(ValueError, match="does not lie between"):
        NumberField("Noise", 2, 0, 1)


def test_a_choice_offers_only_what_it_knows() -> None:
    choice = Choice("Model", {"unet": "U-Net", "mlp": "small MLP"})
    assert choice.value == "unet"
    with pytest.raises(T.TraitError, match="not one of"):
        choice.value = "gpt"


def test_new_options_keep_the_chosen_one_where_they_can() -> None:
    choice = Choice("Model", ["a", "b", "c"], "b")
    choice.offer(["b", "d"])
    assert choice.value == "b"
    choice.offer(["x", "y"])
    assert choice.value == "x"


def test_a_choice_needs_options() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Choice("Model", [])


def test_a_button_that_is_off_does_nothing() -> None:
    clicks: list[int] = []
    button = PushButton("Fill", lambda: clicks.append(1))
    button.click()
    button.disabled = True
    button.click()
    assert clicks == [1]


def test_a_folded_section_opens_when_something_in_it_is_wrong() -> None:
    inside = NumberField("Steps", 1, 0, 2)
    more = More([inside])
    assert not more.head.unfolded
    inside.error = "too few"
    assert more.head.unfolded


def test_control_and_choice_follow_each_other() -> None:
    model = SmallModel()
    field = bind_field(NumberField("Noise", 0, 0, 1), model, "noise")
    field.value = 0.5
    assert model.noise == 0.5
    model.noise = 0.25
    assert field.value == 0.25


def test_the_sentence_stands_under_the_control_concerned() -> None:
    model = SmallModel(noise=None)
    field = bind_field(
        NumberField("Epsilon", 1, 0, 9), model, "epsilon", to_control=lambda value: value or 1.0
    )
    other = bind_field(TextField("Path"), model, "path")
    model.noise = 0.1
    field.value = 2.0
    assert field.error == "Give noise or epsilon, not both."
    assert other.error == ""
    model.noise = None
    assert field.error == ""


def test_what_was_mistyped_blocks_the_start() -> None:
    model = SmallModel()
    field = bind_field(NumberField("Noise", 0, 0, 1), model, "noise")
    bar = bind_run_bar(model)
    field.complaint = "Noise must lie between 0 and 1."
    assert not bar.enabled("start")
    field.complaint = ""
    assert bar.enabled("start")


def test_controls_rest_while_something_runs_unless_they_may_not() -> None:
    model = SmallModel()
    resting = bind_field(NumberField("Noise", 0, 0, 1), model, "noise")
    awake = bind_field(TextField("Path"), model, "path", while_busy=True)
    model.start()
    assert resting.disabled
    assert not awake.disabled
    model.apply(Batch([Started(), Finished(result={})]))
    assert not resting.disabled


ENABLED = {
    "idle": {"start"}, "starting": {"stop"}, "waiting": {"stop"}, "running": {"pause", "stop"},
    "paused": {"go_on", "stop"}, "finished": {"start"}, "failed": {"start"}, "cancelled": {"start"},
}  # fmt: skip


@pytest.mark.parametrize("status", STATES)
def test_buttons_follow_the_state_and_nothing_else(status: str) -> None:
    pressed: list[str] = []
    names = ("start", "pause", "go_on", "stop")
    bar = RunBar({name: lambda name=name: pressed.append(name) for name in names})
    bar.status = status
    for name in names:
        bar.press(name)
    assert set(pressed) == ENABLED[status]


def test_the_run_bar_shows_what_the_model_says() -> None:
    model = SmallModel()
    bar = bind_run_bar(model, start_label="Train")
    bar.press("start")
    assert bar.status == "starting"
    model.complain("No room.", "DiskFull")
    assert (bar.message, bar.details) == ("No room.", "DiskFull")


def test_the_guarantee_is_a_sentence_with_a_tone() -> None:
    model = SmallModel()
    line = bind_guarantee(model)
    model.guarantee, model.tone = "(8, 1e-3)-DP per patient", "private"
    assert (line.text, line.tone) == ("(8, 1e-3)-DP per patient", "private")


@pytest.mark.parametrize(
    "part",
    [Toggle("Fail"), TextField("Path"), Statement("x"), Table(["a"], [["1"]]), RunBar()],
    ids=lambda part: type(part).__name__,
)
def test_every_part_brings_its_own_script_and_style(part: object) -> None:
    state = part.get_state()  # type: ignore[attr-defined]
    assert "export default { render }" in state["_esm"]
    assert ".wb" in state["_css"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_key_press_in_a_part_reaches_the_notebook(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""[^a-zA-Z]make\(\s*["'](input|select|button|summary|textarea)""", text)
    for line in text.splitlines():
        assert "tabindex" not in line or "focusable" in line, line


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_part_asks_another_machine(path: Path) -> None:
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest", path.read_text(encoding="utf-8"))
