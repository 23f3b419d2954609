"""The audit panel around jobs that compute nothing: probes, a verdict, predictions, the zoo."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes import FakeJob
from recorded_audit import CLAIM, EPSILON, PROBES, arrays, audited, probe
from recorded_matching import WORDS as MATCHED_WORDS
from recorded_matching import matched
from recorded_membership import STRENGTHS, WORDS, attacked

from workbench.auditing.config import AuditConfig
from workbench.auditing.events import Probed
from workbench.auditing.robustness.config import MatchingConfig
from workbench.auditing.zoo.catalogue import BUGS
from workbench.auditing.zoo.tried import NO_BUG, Tried
from workbench.figures.audit_page import CAUGHT, PASSED
from workbench.panels import audit_model
from workbench.panels.audit import AuditPanel
from workbench.panels.audit_choices import PREDICT_FIRST
from workbench.panels.audit_model import MATCH_WORK, WORK, ZOO_WORK, AuditModel
from workbench.panels.audit_rero import INVITE
from workbench.panels.audit_words import NETWORKS, PREDICTIONS, caught_in, judged
from workbench.panels.parts.controls import Choice
from workbench.panels.parts.words import More
from workbench.runs.events import Cancelled, Event, Failed, Finished, Started, to_json
from workbench.runs.store import Store

Begun = list[tuple[str, dict[str, Any], FakeJob]]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    jobs: Begun = []

    def start(work: str, config: dict[str, Any], **_: Any) -> FakeJob:
        jobs.append((work, config, FakeJob(f"fake-{len(jobs)}")))
        return jobs[-1][2]

    monkeypatch.setattr(audit_model, "start", start)
    monkeypatch.setattr("workbench.panels.audit.warm", lambda *modules: None)
    return jobs


@pytest.fixture
def panel(begun: Begun) -> Iterator[AuditPanel]:
    made = AuditPanel(name="test")
    yield made
    made.model.close()


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def probed(test: str, *, caught: bool = False) -> Probed:
    return Probed(**probe(test, caught=caught))


def finished(caught: str | None = None, **changes: Any) -> Finished:
    return Finished(result=to_json(audited(caught, **changes)), arrays=arrays())


def run(panel: AuditPanel, begun: Begun, *events: Event) -> None:
    panel.run_bar.press("start")
    begun[-1][2].tell(Started(), *events)
    until(lambda: panel.model.status not in ("starting", "running", "waiting"))


def tried(bug: str, *by: str) -> Tried:
    return Tried(
        bug=bug, title=BUGS[bug].title if bug in BUGS else "No bug", verdict="", says="",
        caught_by=by, p_values={}, rooms={test: room for test, (room, *_) in PROBES.items()},
        epsilons={}, epsilon_claimed=EPSILON, seconds=1.0,
    )  # fmt: skip


# What is chosen.


def test_the_panel_audits_what_it_shows(panel: AuditPanel, begun: Begun) -> None:
    panel.model.set(engine="opacus-ghost", noise_multiplier=2.0, unit="patient", canaries=500)
    panel.run_bar.press("start")
    work, config, _ = begun[0]
    assert work == WORK
    asked = AuditConfig(**config)
    assert (asked.engine, asked.noise_multiplier, asked.canaries) == ("opacus-ghost", 2.0, 500)
    assert asked.claim.unit == "patient"
    assert asked.claim.delta == 1e-5


def test_every_choice_of_an_audit_can_be_made_in_the_panel_or_is_left_out_on_purpose() -> None:
    left_out = {"task", "noise", "adjacency", "members", "accept", "confidence", "level"}
    own = {"predict", "prediction"}
    offered = set(AuditModel().params()) - own
    assert offered == set(AuditConfig.__dataclass_fields__) - left_out


def test_the_networks_that_are_offered_exist() -> None:
    from workbench.auditing.networks import REFLECTING
    from workbench.models.catalogue import CATALOGUE

    assert set(NETWORKS) == {*CATALOGUE, REFLECTING}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("noise_multiplier", 0.0, "Noise multiplier must be above 0, not 0"),
        ("sample_rate", 1.5, "Sample rate must be above 0 and at most 1, not 1.5"),
        ("canaries", 1, "Canaries must be 2 or more, not 1"),
    ],
)
def test_what_is_wrong_stands_under_its_control_and_starts_nothing(
    panel: AuditPanel, begun: Begun, name: str, value: Any, sentence: str
) -> None:
    panel.model.choose(name, value)
    assert sentence in panel.model.errors[name]
    panel.run_bar.press("start")
    assert begun == []


def test_a_refusal_of_the_audit_itself_stands_under_its_control(
    panel: AuditPanel, begun: Begun
) -> None:
    sentence = "12 canaries cannot falsify this claim; 40 are needed."
    run(panel, begun, Failed(message=sentence, field="canaries"))
    assert panel.model.errors["canaries"] == sentence


def test_the_claim_is_one_sentence_and_follows_the_choices(panel: AuditPanel) -> None:
    until(lambda: "(4.77, 1e-05)-DP per slice" in panel.guarantee.text)
    panel.model.set(unit="patient", noise_multiplier=2.0)
    until(lambda: "per patient" in panel.guarantee.text)
    assert "(4.77" not in panel.guarantee.text
    assert panel.guarantee.tone == "quiet"


# What is seen of an audit.


def test_probes_appear_one_after_another(panel: AuditPanel, begun: Begun) -> None:
    table = panel.stage.views["Verdict"].probes.tests
    panel.run_bar.press("start")
    for count, test in enumerate(PROBES, 1):
        begun[0][2].tell(*([Started()] if count == 1 else []), probed(test))
        until(lambda count=count: len(table.rows) == count)
    said = [f"{test.replace('-', ' ')}: {says}" for test, (_, _, says, _) in PROBES.items()]
    assert [row[1] for row in table.rows] == said
    assert panel.model.status == "running"


def test_what_is_caught_stands_first_by_mark_and_word(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, *map(probed, PROBES), finished("batch-dispersion"))
    rows = panel.stage.views["Probes"].tests.rows
    assert rows[0] == [CAUGHT, f"batch dispersion: {PROBES['batch-dispersion'][2]}", "0"]
    assert {row[0] for row in rows[1:]} == {PASSED}


def test_an_audit_without_a_finding_says_what_it_would_have_noticed(
    panel: AuditPanel, begun: Begun
) -> None:
    run(panel, begun, finished())
    verdict = panel.stage.verdict
    assert verdict.message == ""
    assert verdict.done == (
        "No violation found; this test would have noticed 5 % too little noise with probability "
        "0.94."
    )
    until(lambda: panel.guarantee.text.endswith("No violation found."))
    assert panel.guarantee.tone == "quiet", "nothing is proven, so nothing gets a tick"
    ladder = panel.stage.views["Verdict"].ladder
    assert EPSILON in {x for trace in ladder.data for x in trace.x}


def test_a_falsified_claim_alarms(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, finished("per-step"))
    assert panel.stage.verdict.message == "Claim falsified by per-step."
    assert panel.stage.verdict.done == ""
    until(lambda: panel.guarantee.text.endswith("Claim falsified."))
    assert panel.guarantee.tone == "void"


def test_the_verdict_is_not_said_of_another_claim(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, finished("per-step"))
    until(lambda: "falsified" in panel.guarantee.text)
    panel.model.set(noise_multiplier=3.0)
    until(lambda: "falsified" not in panel.guarantee.text)


def test_figures_are_drawn_when_they_are_looked_at(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, finished())
    for name in ("Trade-off", "Noise and sampling"):
        view = panel.stage.views[name]
        assert view.curve is None
        panel.stage.turn_to(name)
        assert any(len(trace.x) > 10 for trace in view.curve.data)


def test_a_new_audit_forgets_the_one_before(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, *map(probed, PROBES), finished("per-step"))
    until(lambda: panel.stage.verdict.message != "")
    panel.run_bar.press("start")
    until(lambda: panel.stage.verdict.message == "")
    verdict = panel.stage.views["Verdict"]
    assert list(verdict.children) == [verdict.probes]
    assert verdict.probes.tests.rows == []
    begun[-1][2].tell(Cancelled())
    until(lambda: panel.model.status == "cancelled")


# A bug, and a prediction.


def test_a_chosen_bug_says_what_people_do(panel: AuditPanel) -> None:
    panel.model.set(bug="shuffle-as-poisson")
    shown = " ".join(text for text in _texts(panel) if text)
    assert BUGS["shuffle-as-poisson"].says in shown


def test_who_wants_to_predict_first_is_asked_before_anything_runs(
    panel: AuditPanel, begun: Begun
) -> None:
    panel.model.set(bug="shuffle-as-poisson", predict=True)
    panel.run_bar.press("start")
    assert begun == []
    assert panel.model.errors == {"prediction": PREDICT_FIRST}
    panel.model.choose("prediction", "sampler")
    assert panel.model.errors == {}
    run(panel, begun, finished("batch-dispersion", bug="shuffle-as-poisson"))
    assert panel.stage.verdict.message.endswith(
        "You predicted the sampler. Right: caught by the sampler."
    )


def test_without_a_bug_nothing_needs_to_be_predicted(panel: AuditPanel, begun: Begun) -> None:
    panel.model.set(predict=True)
    panel.run_bar.press("start")
    assert len(begun) == 1


def test_another_bug_takes_the_prediction_back(panel: AuditPanel) -> None:
    panel.model.set(bug="shuffle-as-poisson")
    panel.model.set(prediction="sampler")
    panel.model.set(bug="batch-norm")
    assert panel.model.prediction == ""


@pytest.mark.parametrize(
    ("caught", "room"),
    [("per-step", "canaries"), ("nan-voxel", "finiteness"), ("noise-variance", "noise"),
     (None, "nothing")],
)  # fmt: skip
def test_a_prediction_is_right_where_a_test_of_its_room_caught_the_bug(
    caught: str | None, room: str
) -> None:
    result = audited(caught)
    assert [name for name in PREDICTIONS if caught_in(result).is_right(name)] == [room]
    assert "Right" in judged(room, result)
    wrong = next(name for name in PREDICTIONS if name != room)
    assert "Not quite" in judged(wrong, result)


# The zoo.


def test_the_zoo_fills_its_table_and_leaves_the_audit_alone(
    panel: AuditPanel, begun: Begun
) -> None:
    run(panel, begun, finished())
    zoo = panel.stage.views["Bug zoo"]
    zoo.button.click()
    work, _, job = begun[-1]
    assert work == ZOO_WORK
    job.tell(Started(), tried(NO_BUG), tried("batch-norm", "sensitivity-natural", "per-step"))
    until(lambda: len(zoo.table.rows) == 2)
    marks = dict(zip(zoo.table.columns, zoo.table.rows[1], strict=True))
    caught = {name for name, mark in marks.items() if "caught" in mark}
    assert caught == {"sensitivity", "step by step"}
    assert not any("caught" in mark for mark in zoo.table.rows[0])
    assert zoo.words.text == "1 of 1 bugs caught."
    job.tell(Finished(result={"rows": []}))
    until(lambda: panel.model.status == "finished")
    assert panel.model.result["verdict"] == "no violation found"


def test_a_missed_bug_and_a_false_alarm_are_said(panel: AuditPanel, begun: Begun) -> None:
    zoo = panel.stage.views["Bug zoo"]
    zoo.button.click()
    begun[-1][2].tell(Started(), tried(NO_BUG, "per-step"), tried("batch-norm"))
    until(lambda: len(zoo.table.rows) == 2)
    assert zoo.table.rows[1][0].endswith("(missed)")
    assert zoo.words.text.startswith("0 of 1 bugs caught. The correct code was called broken")


def test_a_row_of_the_zoo_is_taken_over_as_a_bug_to_try(panel: AuditPanel, begun: Begun) -> None:
    panel.stage.views["Bug zoo"].button.click()
    begun[-1][2].tell(Started(), tried("batch-norm", "per-step"), Finished(result={}))
    until(lambda: panel.model.status == "finished")
    panel.stage.views["Bug zoo"].table.on_pick(0)
    assert panel.model.bug == "batch-norm"


# Reconstruction.


def reconstructed(panel: AuditPanel, begun: Begun, correct: int = 3, **claim: Any) -> Any:
    """Its view, in front, once an attack is over."""
    panel.stage.turn_to("Reconstruction")
    view = panel.stage.views["Reconstruction"]
    view.button.click()
    result, curve = matched(correct, **claim)
    begun[-1][2].tell(Started(), Finished(result=result, arrays=curve))
    until(lambda: panel.model.status == "finished" and view.curve and bool(marks(view)))
    return view


def marks(view: Any) -> list[str]:
    return [trace.name for trace in view.curve.data if trace.mode == "markers"]


def test_the_bound_of_the_claim_is_shown_at_once_and_follows_it(panel: AuditPanel) -> None:
    view = panel.stage.views["Reconstruction"]
    assert view.curve is None, "nobody looks, so nothing is reckoned"
    panel.stage.turn_to("Reconstruction")
    until(lambda: view.curve is not None)
    before = max(view.curve.data[1].y[:-1])
    panel.model.set(noise_multiplier=4.0)
    until(lambda: max(view.curve.data[1].y[:-1]) < before)
    assert marks(view) == []


def test_slices_are_named_at_the_noise_rate_and_steps_that_are_chosen(
    panel: AuditPanel, begun: Begun
) -> None:
    panel.model.set(engine="opacus", noise_multiplier=0.7, sample_rate=0.5, steps=7, size=16)
    panel.stage.views["Reconstruction"].button.click()
    work, config, job = begun[-1]
    assert work == MATCH_WORK
    assert MatchingConfig(**config) == MatchingConfig(
        engine="opacus", noise_multiplier=0.7, sample_rate=0.5, steps=7, size=16
    )
    assert panel.stage.views["Reconstruction"].button.disabled
    panel.model.stop()
    assert job.asked == ["cancel"]


def test_a_finished_attack_shows_points_sentences_and_leaves_the_audit_alone(
    panel: AuditPanel, begun: Begun
) -> None:
    run(panel, begun, finished())
    view = reconstructed(panel, begun)
    assert marks(view) == ["which of 64 slices: 3 of 100", "its class: 40 of 100"]
    until(lambda: view.words.text.startswith("No violation"))
    assert view.words.text == " ".join(["No violation found.", *MATCHED_WORDS])
    assert view.words.tone == "quiet"
    assert panel.model.result["verdict"] == "no violation found"


def test_what_was_measured_is_not_shown_of_another_claim(panel: AuditPanel, begun: Begun) -> None:
    view = reconstructed(panel, begun)
    panel.model.set(steps=100)
    until(lambda: not marks(view) and view.words.text == INVITE)
    panel.model.set(steps=200)
    until(lambda: bool(marks(view)) and MATCHED_WORDS[0] in view.words.text)


def test_an_attacker_above_the_bound_alarms(panel: AuditPanel, begun: Begun) -> None:
    view = reconstructed(panel, begun, correct=60)
    until(lambda: view.words.text.startswith("Claim falsified."))
    assert view.words.tone == "void"
    assert marks(view)[0].endswith("above the bound")


def test_a_claim_that_an_audit_falsified_bounds_no_attacker(
    panel: AuditPanel, begun: Begun
) -> None:
    run(panel, begun, finished("per-step"))
    panel.stage.turn_to("Reconstruction")
    view = panel.stage.views["Reconstruction"]
    until(lambda: view.curve is not None and "falsified" in view.words.text)
    assert len(view.curve.data[1].x) == 0


# Membership, and the ethics card.


def test_membership_says_that_a_failed_attack_proves_nothing_where_none_was_made(
    panel: AuditPanel,
) -> None:
    panel.stage.turn_to("Membership")
    shown = panel.stage.views["Membership"]
    assert list(shown.children) == [shown.words]
    assert "A failed attack proves nothing" in shown.words.text


def test_a_finished_attack_on_membership_is_shown_with_its_words(
    panel: AuditPanel, workspace: Any
) -> None:
    store = Store(workspace)
    result, scores = attacked(units=2000)
    run_id = store.open("membership", {})
    store.append(run_id, Finished(result=result, arrays=scores))
    panel.stage.turn_to("Membership")
    view = panel.stage.views["Membership"]
    until(lambda: len(view.table.rows) == len(STRENGTHS))
    assert view.table.rows[-1][0] == "RMIA"
    assert view.table.rows[-1][2].endswith("\N{NO-BREAK SPACE}%")
    assert view.table.rows[-1][3].startswith("("), "too few strangers to rely on"
    assert view.words.text == " ".join(WORDS)
    assert {trace.name for trace in view.curve.data} >= {"RMIA", "blind guess"}


def test_the_ethics_card_is_that_of_the_claim(panel: AuditPanel) -> None:
    view = panel.stage.views["Ethics card"]
    assert view.card.value == "", "nobody looks, so nothing is reckoned"
    panel.stage.turn_to("Ethics card")
    until(lambda: "667 of 1,000" in view.card.value)
    panel.model.set(noise_multiplier=2.0, sample_rate=0.1)
    until(lambda: "644 of 1,000" in view.card.value)


def test_a_falsified_claim_has_no_ethics_card(panel: AuditPanel, begun: Begun) -> None:
    run(panel, begun, finished("per-step"))
    panel.stage.turn_to("Ethics card")
    view = panel.stage.views["Ethics card"]
    until(lambda: "falsified" in view.words.text)
    assert view.card.value == ""


def test_the_ethics_card_of_a_finished_training(panel: AuditPanel, workspace: Any) -> None:
    private = {"target_epsilon": None, "noise": "secure"}
    run_id = _trained(Store(workspace), private)
    seeded = _trained(Store(workspace), private | {"noise": "seeded"})
    panel.stage.turn_to("Ethics card")
    view = panel.stage.views["Ethics card"]
    offered = [name for name, _ in view.run.options]
    assert run_id in offered
    assert seeded not in offered, "its noise can be repeated, so nothing bounds an attacker"
    view.run.value = run_id
    until(lambda: "Did this patient take part?" in view.card.value)


def _trained(store: Store, privacy: dict[str, Any]) -> str:
    run_id = store.open("train", {"steps": 200, "privacy": privacy})
    result = {**CLAIM, "unit": "patient", "epsilon": EPSILON}
    store.append(run_id, Finished(result=result))
    return run_id


# The house.


def test_the_panel_opens_without_torch() -> None:
    code = (
        "import sys; from workbench.panels import audit; audit.warm = lambda *m: None\n"
        "audit.AuditPanel(name='x').model.reckoning.join(60)\n"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_controls_rest_while_an_audit_runs(panel: AuditPanel, begun: Begun) -> None:
    panel.run_bar.press("start")
    fields = [one for one in _inside(panel) if isinstance(one, Choice) and one.label == "Engine"]
    assert fields[0].disabled
    assert panel.stage.views["Bug zoo"].button.disabled


def _inside(widget: Any) -> list[Any]:
    parts = [part for child in getattr(widget, "children", ()) for part in _inside(child)]
    return [widget, *parts, *([widget.head] if isinstance(widget, More) else [])]


def _texts(panel: AuditPanel) -> list[str]:
    return [getattr(part, "text", "") for part in _inside(panel)]
