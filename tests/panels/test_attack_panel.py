import math

import numpy as np
import pytest
from attack_events import FACTS, TRUTH, control, finished, posed, seen, until
from fakes import FakeJob
from hypothesis import given
from hypothesis import strategies as st

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.attacks.config import AttackConfig
from workbench.attacks.run import attack
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.matching import _KINKED
from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build
from workbench.panels import attack_model
from workbench.panels.attack import AttackPanel
from workbench.panels.attack_methods import attacks_offered
from workbench.panels.attack_model import ATTACK, PREVIEW, AttackModel
from workbench.panels.attack_networks import NETWORKS, check_size
from workbench.panels.attack_row import RUNGS, InPlace, NoiseRow
from workbench.panels.attack_scene import FRAMES, Scene, advance, mosaic
from workbench.panels.attack_scores import chosen_by, score_rows
from workbench.panels.attack_slice import PHANTOM, SLICES, Peek
from workbench.panels.attack_words import noise_help, who_sees_what
from workbench.panels.parts.controls import Choice, NumberField, TextField
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.words import More
from workbench.runs.events import Cancelled, Event, Failed, Finished, Started

# The networks, as the panel knows them without torch.


def test_the_panel_knows_the_networks_as_they_are() -> None:
    assert set(NETWORKS) == set(CATALOGUE)
    for name, network in NETWORKS.items():
        built = build(name, size=32, classes=2, task=network.task, seed=0)
        assert network.divisor == CATALOGUE[name].divisor
        assert network.task == CATALOGUE[name].tasks[0]
        assert network.smooth != any(isinstance(layer, _KINKED) for layer in built.modules())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_analytic_attack_is_offered_where_it_works(name: str) -> None:
    config = AttackConfig(model=name, attack="analytic", size=32, seconds=1, floor=False)
    if "analytic" in attacks_offered(name):
        assert isinstance(list(attack(config))[-1], Finished)
    else:
        with pytest.raises(BadInput, match="starts with a linear layer"):
            list(attack(config))


@given(st.sampled_from(sorted(NETWORKS)), st.integers(16, 512))
def test_a_size_is_refused_exactly_where_the_network_refuses_it(name: str, size: int) -> None:
    if size % CATALOGUE[name].divisor == 0:
        check_size(name, size)
        return
    with pytest.raises(BadInput, match=f"not {size}") as refused:
        check_size(name, size)
    assert refused.value.field == "size"


# A scene: one attack as it is watched.


def test_a_scene_follows_the_attack_and_scores_what_it_shows() -> None:
    scene = advance(Scene(config=AttackConfig()), [Started(facts=FACTS), posed(), seen(0.2)])
    assert scene.score == mean_score(TRUTH, scene.now.images)
    scene = advance(scene, [seen(2.0, target="floor", image=np.full_like(TRUTH, 0.5))])
    assert scene.now.seconds == 0.2, "the floor does not replace the picture"
    assert scene.floor_score == mean_score(TRUTH, np.full_like(TRUTH, 0.5))
    scene = advance(scene, [finished()])
    assert scene.score.ssim == pytest.approx(1)
    assert scene.film[-1].seconds == 14.0


@given(st.lists(st.floats(0, 15), min_size=1, max_size=200))
def test_the_film_is_short_and_in_order(times: list[float]) -> None:
    frames = [seen(seconds) for seconds in sorted(times)]
    film = advance(Scene(config=AttackConfig()), [*frames, finished()]).film
    assert 2 <= len(film) <= FRAMES
    assert [shot.seconds for shot in film[:-1]] == sorted(shot.seconds for shot in film[:-1])


def test_the_film_spans_a_whole_attack() -> None:
    frames = [seen(seconds, image=TRUTH) for seconds in np.arange(0, 15, 0.15)]
    film = advance(Scene(config=AttackConfig()), frames).film
    assert len(film) == FRAMES - 1
    assert film[-1].seconds >= 12


def test_slices_of_a_batch_stand_in_the_order_of_the_truth() -> None:
    truth = np.concatenate([TRUTH, 1 - TRUTH, TRUTH**2])
    scene = advance(Scene(config=AttackConfig(batch=3)), [posed(truth), seen(1, image=truth[::-1])])
    np.testing.assert_array_equal(scene.now.images, truth)


@given(st.integers(1, 10), st.integers(1, 4), st.integers(1, 4))
def test_a_mosaic_holds_every_slice_once(count: int, height: int, width: int) -> None:
    images = np.arange(1, count * height * width + 1).reshape(count, height, width)
    picture = mosaic(images)
    side = math.ceil(count**0.5)
    assert picture.shape[1] == side * width
    for number, image in enumerate(images):
        row, column = number // side * height, number % side * width
        np.testing.assert_array_equal(picture[row : row + height, column : column + width], image)
    assert (picture > 0).sum() == images.size


# Words.


@pytest.mark.parametrize("noise", [1e-3, 0.1, 1.0])
def test_the_epsilon_beside_the_noise_is_that_of_one_release(noise: float) -> None:
    said = noise_help(AttackConfig(noise_multiplier=noise)).split()[2]
    exact = gaussian_epsilon(noise, 1, 1e-5)
    assert exact <= float(said) <= exact * 1.02


def test_without_noise_epsilon_is_infinite() -> None:
    assert "∞" in noise_help(AttackConfig())
    assert "∞" in noise_help(AttackConfig(noise_multiplier=0))


def test_the_foot_says_who_sees_what() -> None:
    plain, tone = who_sees_what(AttackConfig(), {})
    assert "untrained weights" in plain
    assert "the mask" in plain
    assert "Worst case" in plain
    assert tone == "open"
    noisy, tone = who_sees_what(AttackConfig(noise_multiplier=1.0), {})
    assert "ε = 4.38 (δ = 1e-5) for one release of many." in noisy
    assert "noise" in noisy
    assert tone == "void"
    assert "Worst case" not in who_sees_what(AttackConfig(batch=4), {})[0]
    assert "Worst case" not in who_sees_what(AttackConfig(model="unet-batchnorm"), {})[0]
    assert who_sees_what(AttackConfig(), FACTS)[0].startswith("A curious server.")


def test_scores_stand_beside_what_proves_nothing() -> None:
    assert [cells[1] for cells in score_rows(None)] == [""] * 4
    config = AttackConfig(floor=False, restarts=3)
    scene = advance(Scene(config=config), [Started(facts=FACTS), posed(), seen(1), finished()])
    rows = score_rows(scene)
    assert rows[0][1:] == ["> 155", "1.000", "1.000"]
    assert rows[1] == ["same attack on pure noise: not made", "", "", ""]
    assert rows[2:] == [
        ["mean image of others", "8.8", "0.11", "0.40"],
        ["flat grey", "10.6", "0.10", "0.00"],
    ]
    assert "among its attempts" in chosen_by(scene)
    assert "1e-6" in chosen_by(scene)


# The row.


def a_row(begun: list) -> tuple[NoiseRow, list[Event]]:
    configs = [AttackConfig(noise_multiplier=noise) for noise in RUNGS.values()]
    row = NoiseRow("row-1", configs, attack_model.begin)
    told: list[Event] = []
    row.subscribe(told.append)
    return row, told


def test_the_row_runs_two_at_a_time_until_all_places_are_filled(begun: list) -> None:
    _, told = a_row(begun)
    for number in range(6):
        assert len(begun) == min(6, number + 2)
        config, job = begun[number]
        assert config.noise_multiplier == list(RUNGS.values())[number]
        job.tell(Started(), seen(3.0), finished())
    assert isinstance(told[-1], Finished)
    places = [event.place for event in told if isinstance(event, InPlace)]
    assert sorted(set(places)) == [0, 1, 2, 3, 4, 5]
    shares = [event.done for event in told if isinstance(event, InPlace)]
    assert shares == sorted(shares)
    assert told[-2].progress == (6, 6)


def test_a_stopped_row_begins_nothing_more_and_ends_when_its_jobs_have(begun: list) -> None:
    row, told = a_row(begun)
    row.cancel()
    assert [job.asked for _, job in begun] == [["cancel"], ["cancel"]]
    begun[0][1].tell(Cancelled())
    assert not isinstance(told[-1], Cancelled)
    begun[1][1].tell(Cancelled())
    assert isinstance(told[-1], Cancelled)
    assert len(begun) == 2


def test_a_failure_ends_the_row_with_its_sentence(begun: list) -> None:
    _, told = a_row(begun)
    begun[0][1].tell(Failed(message="No such slice.", field="index"))
    assert begun[1][1].asked == ["cancel"]
    begun[1][1].tell(Cancelled())
    assert told[-1] == Failed(message="No such slice.", field="index")
    assert len([event for event in told if isinstance(event, Failed)]) == 1


def test_a_paused_row_stands_still(begun: list) -> None:
    row, _ = a_row(begun)
    row.pause()
    assert row.status == "paused"
    begun[0][1].tell(finished())
    assert len(begun) == 2
    row.go_on()
    assert len(begun) == 3
    assert begun[1][1].asked == ["pause", "go_on"]


def test_a_job_that_cannot_begin_is_told_and_not_lost() -> None:
    def begin(config: AttackConfig) -> FakeJob:
        raise BadInput("The disk is full.", field="image")

    told: list[Event] = []
    NoiseRow("row-2", [AttackConfig()], begin).subscribe(told.append)
    assert told == [Failed(message="The disk is full.", field="image")]


# The slice before the attack.


def test_the_slice_is_got_in_the_background_and_the_newest_wish_wins() -> None:
    answers: list[int] = []
    peek = Peek(lambda: answers.append(1))
    peek.ask("/nowhere/at-all.dcm", 64)
    peek.ask("CT_small", 64)
    until(lambda: peek.answer("CT_small", 64) is not None)
    assert peek.answer("/nowhere/at-all.dcm", 64) is None
    assert peek.answer("CT_small", 64).images.shape == (1, 1, 64, 64)


def test_the_built_in_slices_exist() -> None:
    assert "CT_small" in SLICES
    peek = Peek(lambda: None)
    peek.ask(PHANTOM, 32)
    until(lambda: peek.answer(PHANTOM, 32) is not None)
    assert len(peek.answer(PHANTOM, 32)) == 32


# The model.


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("size", 50, "multiple of 16"),
        ("index", 4, "one slice, number 0, not 4"),
        ("batch", 2, "has 1 slice, not 2"),
        ("seconds", 0.0, "above 0"),
        ("restarts", 0, "1 to 100"),
        ("delta", 1.5, "between 0 and 1"),
        ("noise_multiplier", -1.0, "0 or more"),
    ],
)
def test_bad_values_stand_under_their_control_and_start_nothing(
    model: AttackModel, begun: list, name: str, value: float, sentence: str
) -> None:
    states: list[str] = []
    model.observe(lambda change: states.append(change["new"]), "status")
    model.choose(name, value)
    until(lambda: sentence in model.errors.get(name, ""))
    assert list(model.errors) == [name]
    model.start()
    assert (begun, states) == ([], []), "controls neither blink nor lose what is being typed"
    assert sentence in model.errors[name]


def test_a_missing_file_is_said_under_the_slice(model: AttackModel) -> None:
    model.choose("image", "/nowhere/scan.dcm")
    until(lambda: "/nowhere/scan.dcm" in model.errors.get("image", ""))
    assert model.preview is None
    model.choose("image", "CT_small")
    until(lambda: model.preview is not None)
    assert model.errors == {}


def test_start_carries_out_what_is_chosen(model: AttackModel, begun: list) -> None:
    model.set(noise_multiplier=0.1, seed=3, restarts=2)
    model.start()
    expected = AttackConfig(noise_multiplier=0.1, seed=3, restarts=2, floor=False)
    assert begun[0][0] == expected
    assert model.chosen == ATTACK
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0), finished())
    until(lambda: model.status == "finished")
    assert model.scene.score.ssim == pytest.approx(1)
    assert model.guarantee.startswith("A curious server.")


def test_a_refused_start_keeps_the_results(model: AttackModel, begun: list) -> None:
    model.start()
    begun[0][1].tell(posed(), seen(1.0), finished())
    until(lambda: model.status == "finished")
    model.index = 7
    model.start()
    assert "index" in model.errors
    assert model.scenes[ATTACK].result is not None
    assert len(begun) == 1


def test_another_slice_is_shown_at_once_and_the_attack_can_be_shown_again(
    model: AttackModel, begun: list
) -> None:
    model.start()
    begun[0][1].tell(posed(), seen(1.0), finished())
    until(lambda: model.status == "finished")
    model.size = 32
    assert model.chosen == PREVIEW
    until(lambda: model.preview is not None and model.preview.picture.shape == (32, 32))
    model.show(ATTACK)
    assert model.scene.result is not None


def test_the_row_is_as_chosen_but_for_noise_and_time(model: AttackModel, begun: list) -> None:
    model.set(noise_multiplier=0.3, seed=5, floor=True, row_seconds=4.0)
    model.fill()
    assert model.chosen == 0
    for number in range(6):
        begun[number][1].tell(Started(facts=FACTS), posed(), seen(2.0), finished())
    until(lambda: model.status == "finished")
    assert [config.noise_multiplier for config, _ in begun] == list(RUNGS.values())
    assert {(c.seed, c.seconds) for c, _ in begun} == {(5, 4.0)}
    assert [config.floor for config, _ in begun] == [False] * 5 + [True], "the last has the floor"
    assert sorted(model.scenes) == [0, 1, 2, 3, 4, 5]
    model.start()
    assert sorted(model.scenes) == [ATTACK, 0, 1, 2, 3, 4, 5], "the row stays"


def test_the_newest_words_say_what_goes_on(model: AttackModel, begun: list) -> None:
    model.restarts = 3
    model.start()
    model.apply(Batch([Started(facts=FACTS), posed(), seen(1.0, restart=1)]))
    assert model.doing == "attempt 2 of 3: refining"
    model.apply(Batch([seen(1.0, target="floor", stage="searching")]))
    assert model.doing == "the same attack on pure noise: searching"


@pytest.mark.slow
def test_a_real_attack_goes_through_the_model(model: AttackModel, begun: list) -> None:
    model.set(size=32, seconds=2.0, floor=True)
    model.start()
    for event in attack(begun[0][0]):
        model.apply(Batch([event]))
    assert model.status == "finished"
    scene = model.scene
    assert scene.score.psnr == pytest.approx(scene.result["psnr"])
    assert scene.floor_score.ssim == pytest.approx(scene.result["floor_ssim"])
    assert scene.score.ssim > scene.floor_score.ssim
    assert [row[1] for row in score_rows(scene)].count("") == 0


# The panel.


def test_the_panel_takes_choices_and_refuses_others(begun: object) -> None:
    panel = AttackPanel(name="choices", image="CT_small", index=0, model="cnn", seconds=5.0)
    assert control(panel, "Model").value == "cnn"
    assert control(panel, "Time").value == 5
    with pytest.raises(TypeError, match="did you mean seconds"):
        AttackPanel(name="choices", second=5.0)
    again = AttackPanel(name="choices")
    assert again.model is panel.model
    assert control(again, "Time").value == 5
    panel.model.close()


def test_noise_is_none_until_the_gradient_is_clipped(panel: AttackPanel) -> None:
    shared, noise = control(panel, "The gradient is shared"), control(panel, "Noise multiplier σ")
    assert isinstance(noise, NumberField)
    assert noise.disabled
    shared.value = "noisy"
    assert panel.model.noise_multiplier == 0.1
    assert not noise.disabled
    noise.value = 1.0
    assert panel.model.noise_multiplier == 1.0
    assert noise.help == "ε = 4.38 at δ = 1e-5 for one release"
    noise.value = 0.0
    assert noise.help == "clipping alone: ε = ∞"
    shared.value = "plain"
    assert panel.model.noise_multiplier is None
    panel.model.noise_multiplier = 0.5
    assert (shared.value, noise.value) == ("noisy", 0.5)


def test_only_attacks_that_fit_the_model_are_offered(panel: AttackPanel) -> None:
    network, attack_choice = control(panel, "Model"), control(panel, "Attack")
    assert isinstance(attack_choice, Choice)
    assert "two-stage" in dict(attack_choice.options)
    assert "analytic" not in dict(attack_choice.options)
    network.value = "mlp"
    attack_choice.value = "analytic"
    assert panel.model.attack == "analytic"
    network.value = "cnn"
    assert panel.model.attack == "two-stage"
    panel.model.set(attack="analytic", model="mlp")
    assert attack_choice.value == "analytic"


def test_own_files_are_named_in_a_line_that_appears(panel: AttackPanel) -> None:
    known, path = control(panel, "Slice"), control(panel, "File or folder")
    assert isinstance(path, TextField)
    assert path.layout.display == "none"
    known.value = "own"
    assert path.layout.display == ""
    assert "Name a file" in path.error
    panel.model.start()
    assert panel.model.status == "idle"
    path.value = "/nowhere/x.npz"
    until(lambda: "/nowhere/x.npz" in path.error)
    known.value = "CT_small"
    assert panel.model.image == "CT_small"
    assert path.layout.display == "none"
    until(lambda: panel.model.preview is not None)
    assert (known.error, panel.model.errors) == ("", {})
    known.value = "own"
    assert panel.model.image == "/nowhere/x.npz"


def test_the_stage_shows_the_slice_then_the_attack_then_any_of_the_row(
    panel: AttackPanel, begun: list
) -> None:
    model, stage = panel.model, panel.stage
    assert stage.view.before
    assert not stage.view.after
    assert stage.view.caption == "CT_small, one slice"
    model.start()
    assert stage.row.fill.disabled
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0), finished())
    until(lambda: model.status == "finished")
    assert stage.view.after
    assert stage.view.value_unit == "HU"
    assert stage.view.after_caption == "reconstruction, no DP"
    assert stage.pictures.scores.rows[0][1] == "> 155"
    assert len(stage.view.film_captions) == 2
    assert stage.row.back.layout.display == "none"

    stage.row.fill.click()
    for number in range(1, 7):
        begun[number][1].tell(Started(facts=FACTS), posed(), seen(2.0), finished())
    until(lambda: model.status == "finished")
    assert stage.row.pictures.present == [True] * 6 + [False], "no attack told of its floor"
    assert [lines[:1] for lines in stage.row.pictures.captions] == [["exact"]] * 6 + [[]]
    assert stage.row.pictures.captions[5][1] == "ε = 4.38"
    stage.row.pictures.chosen = 4
    assert stage.view.after_caption == "reconstruction, σ = 0.1"
    stage.row.back.click()
    assert (model.chosen, stage.row.pictures.chosen) == (ATTACK, -1)
    assert stage.view.after_caption == "reconstruction, no DP"


def test_places_that_are_not_filled_cannot_be_chosen(panel: AttackPanel) -> None:
    panel.stage.row.pictures.chosen = 2
    assert panel.model.chosen == PREVIEW
    assert panel.stage.row.pictures.chosen == -1


def test_a_panel_built_anew_shows_the_same(panel: AttackPanel, begun: list) -> None:
    panel.model.start()
    begun[0][1].tell(Started(facts=FACTS), posed(), seen(1.0), finished())
    until(lambda: panel.model.status == "finished")
    again = AttackPanel(name="test")
    assert again.stage.view.after == panel.stage.view.after
    assert again.stage.view.film_captions == panel.stage.view.film_captions
    assert again.stage.pictures.scores.rows == panel.stage.pictures.scores.rows


def test_what_is_wrong_under_more_unfolds_it(panel: AttackPanel) -> None:
    more = [part for part in panel.children[1].children[0].children if isinstance(part, More)][-1]
    assert not more.head.unfolded
    panel.model.choose("size", 50)
    assert "multiple of 16" in control(panel, "Side of the slice").error
    assert more.head.unfolded
