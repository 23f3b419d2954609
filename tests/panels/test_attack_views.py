import numpy as np
import pytest
from attack_events import FACTS, TRUTH, control, finished, posed, seen, until

from workbench.attacks.config import AttackConfig
from workbench.panels.attack import AttackPanel
from workbench.panels.attack_row import FLOOR
from workbench.panels.attack_scene import Scene, advance, floor_of
from workbench.panels.attack_stage import VIEWS
from workbench.panels.parts.controls import Choice
from workbench.runs.events import Finished, Started
from workbench.runs.store import Store

TIME, NOISE = VIEWS.index("Over time"), VIEWS.index("Under noise")


def run_one(panel: AttackPanel, begun: list) -> None:
    panel.model.start()
    begun[-1][1].tell(Started(facts=FACTS), posed(), seen(1.0), finished())
    until(lambda: panel.model.status == "finished")


def run_row(panel: AttackPanel, begun: list) -> None:
    panel.stage.row.fill.click()
    for place in range(6):
        until(lambda wanted=place: len(begun) > wanted)
        config, job = begun[place]
        end = finished()
        noisy = {"noise_multiplier": config.noise_multiplier, "psnr": 30.0 - place}
        floor = {"floor_psnr": 9.5} if config.floor else {}
        events = [Started(facts=FACTS), posed(), seen(2.0)]
        if config.floor:
            events.append(seen(1.0, target="floor", image=np.full_like(TRUTH, 0.5)))
        job.tell(*events, Finished(result={**end.result, **noisy, **floor}, arrays=end.arrays))
    until(lambda: panel.model.status == "finished")


# What a scene keeps for the views.


def test_a_scene_keeps_the_course_of_both_attacks() -> None:
    gap = {"objective": 0.25}
    events = [
        Started(facts=FACTS),
        posed(),
        seen(0.5),
        seen(1.0, **gap),
        seen(1.5, objective=np.nan),
    ]
    scene = advance(Scene(config=AttackConfig()), events)
    assert scene.gaps == ((0.5, 0.5), (1.0, 0.25)), "what is undefined is left out"
    assert [seconds for seconds, _ in scene.psnrs] == [1.5], "the newest of a batch is scored"
    scene = advance(scene, [seen(0.7, target="floor")])
    assert scene.floor_gaps == ((0.7, 0.5),)
    assert len(scene.psnrs) == 1
    assert scene.floor_psnrs == ((0.7, scene.floor_score.psnr),)


def test_the_floor_is_a_scene_without_a_patient() -> None:
    scene = advance(Scene(config=AttackConfig()), [posed(), seen(1.0)])
    assert floor_of(scene) is None
    grey = np.full_like(TRUTH, 0.5)
    floor = floor_of(advance(scene, [seen(1.0, target="floor", image=grey)]))
    assert floor.pure_noise
    np.testing.assert_array_equal(floor.now.images, grey)


def test_a_recovered_mask_follows_its_slice() -> None:
    truth = np.concatenate([TRUTH, 1 - TRUTH])
    masks = np.stack([np.zeros((32, 32)), np.ones((32, 32))]).astype(np.float32)
    event = seen(1, image=truth[::-1], mask=masks[::-1])
    scene = advance(Scene(config=AttackConfig(batch=2)), [posed(truth), event])
    np.testing.assert_array_equal(scene.now.mask, masks)


# The views.


def test_the_error_map_lies_beside_truth_and_reconstruction(
    panel: AttackPanel, begun: list
) -> None:
    compared = panel.stage.pictures.compared
    assert compared.truth
    assert not compared.error, "nothing came back yet"
    panel.model.start()
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0))
    until(lambda: compared.error)
    assert compared.unit == "HU"
    assert compared.span == 500
    assert np.frombuffer(compared.error, np.int8).min() >= 0, "the picture was only brighter"


def test_a_mask_that_was_found_is_laid_over_the_picture(panel: AttackPanel, begun: list) -> None:
    panel.model.start()
    mask = np.ones((1, 32, 32), np.float32)
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0, mask=mask))
    until(lambda: panel.stage.view.after)
    assert panel.stage.view.mask_name == "mask that it found"
    assert set(panel.stage.view.masks) == {255}


def test_curves_are_drawn_when_somebody_looks(panel: AttackPanel, begun: list) -> None:
    run_one(panel, begun)
    curves = panel.stage.time.curves
    assert len(curves.data[0].x) == 0
    panel.stage.tabs.selected_index = TIME
    assert list(curves.data[3].y) == pytest.approx([0.5])
    assert curves.layout.xaxis.range == (0, 15)
    assert "gap of gradients" in panel.stage.time.words.text


def test_the_row_ends_with_the_floor_and_its_curve_has_one(panel: AttackPanel, begun: list) -> None:
    run_row(panel, begun)
    row = panel.stage.row
    assert list(row.pictures.present) == [True] * 7
    assert row.pictures.titles[FLOOR] == "floor"
    assert row.pictures.captions[FLOOR][1] == "no slice"
    assert [round(y) for y in row.curve.data[0].y] == [30, 29, 28, 27, 26, 25]
    assert list(row.curve.data[1].y) == [9.5, 9.5]
    row.pictures.chosen = FLOOR
    assert panel.stage.view.after_caption == "from noise alone"
    assert panel.stage.pictures.scores.rows[1][0] == "same attack on pure noise: this is it"


def test_a_new_row_empties_the_floor_of_the_old_one(panel: AttackPanel, begun: list) -> None:
    run_row(panel, begun)
    begun.clear()
    panel.stage.row.fill.click()
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0))
    until(lambda: panel.stage.row.pictures.present[0])
    assert panel.model.scenes.keys() == {0, 1, 2, 3, 4, 5}


# The folded sections.


def heads(panel: AttackPanel) -> list[str]:
    choices = panel.children[1].children[0].children
    return [part.head.label for part in choices if hasattr(part, "head")]


def test_folded_sections_say_what_is_chosen_inside(panel: AttackPanel) -> None:
    assert heads(panel) == [
        "Network: own layers, untrained", "Attacker: mask known", "Sharing: one gradient", "More",
    ]  # fmt: skip
    panel.model.set(activation="relu", server="malicious", local_steps=4, defence="sign")
    network, attacker, sharing, _ = heads(panel)
    assert (network, attacker) == ("Network: ReLU, untrained", "Attacker: malicious server")
    assert sharing == "Sharing: update of 4 steps, sign"


def test_an_empty_choice_is_none_in_the_config(panel: AttackPanel) -> None:
    activation, defence = control(panel, "Activation"), control(panel, "Defence")
    assert isinstance(activation, Choice)
    activation.value = "gelu"
    assert panel.model.activation == "gelu"
    activation.value = ""
    assert panel.model.config().activation is None
    panel.model.defence = "prune:0.3"
    assert defence.value == "prune:0.3", "a value from a program stays in the list"


def test_masks_are_asked_of_segmentation_and_labels_of_classification(panel: AttackPanel) -> None:
    mask, labels = control(panel, "Masks"), control(panel, "Labels")
    assert (mask.layout.display, labels.layout.display) == ("", "none")
    panel.model.model = "cnn"
    assert (mask.layout.display, labels.layout.display) == ("none", "")


def test_finished_trainings_of_the_network_are_offered_as_weights(panel: AttackPanel) -> None:
    weights = control(panel, "Weights")
    assert isinstance(weights, Choice)
    assert weights.help == "no finished training of this network here"
    store = Store()
    run = store.open("train", {"model": "cnn", "data": "phantom-lesion", "steps": 9})
    store.append(run, Finished(result={"steps": 9}))
    panel.model.model = "cnn"
    assert [name for name, _ in weights.options] == ["", run]
    weights.value = run
    assert panel.model.config().trained == run
    assert heads(panel)[0] == "Network: own layers, trained"
    panel.model.worst_case()
    assert weights.value == ""
