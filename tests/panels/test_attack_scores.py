from attack_events import FACTS, finished, posed, seen

from workbench.attacks.bounds.bound import Bound
from workbench.attacks.config import AttackConfig
from workbench.panels.attack_scene import Scene, advance
from workbench.panels.attack_scores import BOUNDS, bound_rows, findings, score_rows
from workbench.runs.events import Finished, Started


def scene_with(**result: object) -> Scene:
    end = finished()
    known = Finished(result={**end.result, **result}, arrays=end.arrays)
    start = Scene(config=AttackConfig(noise_multiplier=1.0))
    return advance(start, [Started(facts=FACTS), posed(), seen(1.0), known])


def test_what_the_attacker_could_have_had_is_shown_once_it_is_known() -> None:
    assert len(score_rows(scene_with())) == 4
    rows = score_rows(scene_with(psnr_affine=21.26, oracle_psnr=23.04))
    assert [row[:2] for row in rows[1:3]] == [
        ["with brightness and contrast matched", "21.3"],
        ["best picture on the way (it cannot know)", "23.0"],
    ]


def test_the_rank_is_said_beside_that_of_pure_noise() -> None:
    said = findings(scene_with(rank=1, rank_of=519, floor_rank=212))
    assert said == (
        "Among 519 slices, the true one is the 1st most like this picture (pure noise: 212th)."
    )
    made_of = findings(scene_with(rank=12, rank_of=64, rank_among="the slice and 63 phantoms"))
    assert (
        made_of
        == "Among the slice and 63 phantoms, the true one is the 12th most like this picture."
    )
    assert "3rd" in findings(scene_with(rank=3, rank_of=9))


def test_masks_and_several_draws_are_said_only_where_there_are_any() -> None:
    assert findings(scene_with(mask_dice=None, psnr_draws=[9.0])) == ""
    said = findings(scene_with(mask_dice=0.913, psnr_draws=[9.8, 10.44, 9.9]))
    mask, draws = said.split(". 3", maxsplit=1)
    assert mask == "The mask it assumes overlaps the true one with Dice 0.91"
    assert draws == " draws of noise: 9.8 to 10.4 dB."


def test_bounds_say_for_whom_they_hold_and_whether_a_prior_beats_them() -> None:
    risk = Bound(name="risk", value=0.0923, unit="probability", assumption="Anybody.",
                 beaten_by_prior=False)  # fmt: skip
    law = Bound(name="law", value=-29.14, unit="dB", assumption="Unbiased.", beaten_by_prior=True)
    rows = bound_rows(scene_with(bounds={"rero": risk.summary(), "linear": law.summary()}))
    assert rows[0][1:] == ["9.2 %", "Anybody.", "no"]
    assert rows[1][1:] == ["−29.1 dB", "Unbiased.", "yes"]
    assert rows[2][1:] == ["–", "", ""], "not computed"


def test_without_noise_nothing_is_bounded() -> None:
    risk = Bound(name="risk", value=1.0, unit="probability", assumption="", beaten_by_prior=False)
    law = Bound(name="law", value=float("inf"), unit="dB", assumption="", beaten_by_prior=True)
    rows = bound_rows(scene_with(bounds={"rero": risk.summary(), "linear": law.summary()}))
    assert [row[1] for row in rows[:2]] == ["100 %", "∞ dB"]
    assert [row[1] for row in bound_rows(None)] == ["–"] * len(BOUNDS)
