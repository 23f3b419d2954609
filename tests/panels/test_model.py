import logging
import subprocess
import sys
import time

import numpy as np
import pytest
import traitlets as T
from fakes import FakeJob, SmallModel

from workbench.errors import BadInput
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import STATES
from workbench.runs.events import Cancelled, Failed, Finished, Progress, Started


@pytest.fixture
def model() -> SmallModel:
    return SmallModel()


def started(model: SmallModel) -> FakeJob:
    model.start()
    return model.jobs[-1]


def tell(model: SmallModel, *events: object) -> None:
    model.apply(Batch(events))  # type: ignore[arg-type]


def test_unknown_choices_are_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match="did you mean epsilon"):
        SmallModel(epsilom=3.0)
    with pytest.raises(TypeError, match="it knows"):
        SmallModel().set(zzz=1)


def test_a_run_goes_through_its_states(model: SmallModel) -> None:
    seen: list[str] = []
    model.observe(lambda change: seen.append(change["new"]), "status")
    job = started(model)
    assert model.run == job.run
    tell(model, Started())
    model.pause()
    model.go_on()
    tell(model, Finished(result={}))
    assert seen == ["starting", "running", "paused", "running", "finished"]
    assert job.asked == ["pause", "go_on"]
    assert set(seen) <= set(STATES)


def test_a_job_without_a_free_worker_is_waiting(model: SmallModel) -> None:
    model.status_of_next = "waiting"
    started(model)
    assert model.status == "waiting"
    tell(model, Started())
    assert model.status == "running"


def test_stop_asks_the_job_and_says_so_until_the_job_has_ended(model: SmallModel) -> None:
    job = started(model)
    tell(model, Started())
    model.stop()
    tell(model, Progress(done=1, total=2, doing="one more"))
    assert (job.asked, model.doing, model.status) == (["cancel"], "stopping …", "running")
    tell(model, Cancelled())
    assert (model.doing, model.status) == ("", "cancelled")


def test_a_job_that_holds_by_itself_is_shown_as_paused_with_its_reason(model: SmallModel) -> None:
    job = started(model)
    tell(model, Started())
    job.status = "paused"
    tell(model, Progress(done=1, total=2, doing="The disk is full."))
    assert (model.status, model.doing) == ("paused", "The disk is full.")
    job.status = "running"
    tell(model, Progress(done=2, total=2, doing=""))
    assert model.status == "running"


def test_a_second_start_while_busy_does_nothing(model: SmallModel) -> None:
    started(model)
    model.start()
    assert len(model.jobs) == 1


def test_batches_of_the_run_before_are_not_mixed_in(model: SmallModel) -> None:
    first = started(model)
    tell(model, Finished(result={}))
    started(model)
    first.tell(Failed(message="too late"))
    time.sleep(0.3)
    assert model.status == "starting"
    assert model.message == ""


def test_a_failure_names_its_control_and_stands_in_the_strip(model: SmallModel) -> None:
    started(model)
    tell(model, Failed(message="Epsilon is too small.", field="epsilon"))
    assert model.status == "failed"
    assert model.errors == {"epsilon": "Epsilon is too small."}
    assert model.message == "Epsilon is too small."
    model.start()
    assert model.errors == {}
    assert model.message == ""


def test_a_refused_start_puts_the_sentence_under_the_control(model: SmallModel) -> None:
    model.path = "elsewhere"
    model.start()
    assert model.errors == {"path": "There is no elsewhere."}
    assert model.status == "idle"


def test_choices_that_do_not_go_together_are_said_at_once_and_forgiven_at_once(
    model: SmallModel,
) -> None:
    model.choose("epsilon", 3.0)
    assert "epsilon" in model.errors
    model.choose("noise", None)
    assert model.errors == {}


def test_a_value_of_the_wrong_type_blocks_the_start_until_it_is_right(model: SmallModel) -> None:
    model.choose("noise", "much")
    assert model.blocked
    assert "noise" in model.errors
    model.start()
    assert model.jobs == []
    model.choose("noise", 0.0)
    assert not model.blocked
    assert model.errors == {}


def test_other_choices_do_not_hide_a_refused_one(model: SmallModel) -> None:
    model.choose("noise", "much")
    model.choose("path", "there")
    assert "noise" in model.errors


def test_time_left_follows_the_progress(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("workbench.panels.parts.model.time.time", lambda: now[0])
    started(model)
    tell(model, Started(), Progress(done=0, total=100, doing=""))
    now[0] += 10
    tell(model, Progress(done=20, total=100, doing=""))
    assert model.left_s == pytest.approx(40)
    model.pause()
    now[0] += 1000
    model.go_on()
    now[0] += 10
    tell(model, Progress(done=40, total=100, doing=""))
    assert model.left_s == pytest.approx(30)
    tell(model, Finished(result={}))
    assert model.elapsed_s == pytest.approx(20)
    assert model.left_s == -1


def test_unexpected_errors_are_shown_logged_and_raised_in_tests(
    model: SmallModel, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("one over nothing")

    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
        model.guard(broken)()
    assert "went wrong" in model.message
    assert model.details == "ZeroDivisionError: one over nothing"
    assert "one over nothing" in caplog.text


def test_unexpected_errors_outside_tests_stay_in_the_strip(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert not model.guarded(lambda: 1 / 0)
    assert model.message


def test_bad_input_without_a_control_goes_to_the_strip(model: SmallModel) -> None:
    def refuse() -> None:
        raise BadInput("No such thing.")

    assert not model.guarded(refuse)
    assert model.message == "No such thing."


def test_attach_returns_the_living_panel_of_that_name() -> None:
    first = SmallModel.attach("a", noise=0.5)
    again = SmallModel.attach("a", noise=0.25)
    other = SmallModel.attach("b")
    assert again is first
    assert again.noise == 0.25
    assert other is not first
    first.start()
    assert SmallModel.attach("a", noise=1.0).noise == 0.25, "a run in progress keeps its choices"
    first.close()
    other.close()
    assert SmallModel.attach("a") is not first


def test_each_kind_of_panel_has_its_own_names() -> None:
    class Other(PanelModel):
        pass

    assert Other.attach("a") is not SmallModel.attach("a")
    assert isinstance(Other.attach("a"), Other)


def test_the_first_picture_arrives_through_the_pump(model: SmallModel) -> None:
    class Watching(SmallModel):
        best = T.Float()

        def take(self, batch: Batch) -> None:
            last = batch.last(Progress)
            if last is not None:
                self.best = last.done

    watching = Watching()
    job = started(watching)
    job.tell(Started(), *(Progress(done=n, total=50, doing="") for n in range(51)))
    job.tell(Finished(result={}, arrays={"x": np.zeros(2)}))
    end = time.monotonic() + 10
    while watching.status != "finished" and time.monotonic() < end:
        time.sleep(0.02)
    assert (watching.status, watching.best) == ("finished", 50)
    watching.close()


def test_models_know_no_widgets() -> None:
    code = "import sys, workbench.panels.parts.model; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
