import json
import time
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end
from PIL import Image

from workbench.__main__ import main
from workbench.accounting.gaussian import gaussian_epsilon
from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.config import AttackConfig
from workbench.attacks.defence import Defence
from workbench.attacks.events import Posed, Reconstructing
from workbench.attacks.run import attack, knowledge_of, observed, work
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_to_json
from workbench.runs.events import Finished, Started, from_message, to_message
from workbench.runs.store import Store

QUICK = {"model": "cnn", "size": 32, "seconds": 5.0}
KEYS = {
    "psnr", "ssim", "ncc", "psnr_body", "baseline_psnr", "baseline_ssim", "floor_psnr",
    "floor_ssim", "epsilon_one_step", "seconds", "restarts", "chosen_by", "mask", "model",
    "attack", "noise_multiplier", "max_grad_norm", "parameters", "pixels", "threat",
}  # fmt: skip


def case_of(config: AttackConfig) -> Case:
    return make_case(config, end(slices_of(config)))


@pytest.mark.usefixtures("counted_time")
def test_an_attack_is_a_stream_of_events_that_ends_with_scores() -> None:
    events = list(attack(AttackConfig(**QUICK)))
    started, posed, *frames, finished = events
    assert isinstance(started, Started)
    assert isinstance(posed, Posed)
    assert isinstance(finished, Finished)
    assert all(isinstance(frame, Reconstructing) for frame in frames)
    assert {frame.target for frame in frames} == {"record", "floor"}
    done = [frame.progress[0] for frame in frames]
    assert done == sorted(done)
    assert all(frame.progress[1] == 10.0 for frame in frames)
    assert set(finished.result) >= KEYS
    assert finished.result["psnr"] > finished.result["baseline_psnr"] + 5
    assert finished.result["psnr"] > finished.result["floor_psnr"] + 5
    names = {"truth", "reconstruction", "floor", "baseline", "mask", "history"}
    assert names <= set(finished.arrays)
    assert finished.arrays["reconstruction"].shape == (1, 32, 32)


@pytest.mark.usefixtures("counted_time")
def test_every_event_survives_the_way_to_another_process() -> None:
    for event in work(config_to_json(AttackConfig(**QUICK)), Attempt.alone("attack")):
        again = from_message(to_message(event))
        assert type(again) is type(event)
        assert again.progress == event.progress


@pytest.mark.usefixtures("counted_time")
def test_the_truth_is_in_no_event_of_the_attack_itself() -> None:
    events = list(attack(AttackConfig(**QUICK, noise_multiplier=1.0, floor=False)))
    truth = next(event for event in events if isinstance(event, Posed)).truth
    frames = [event for event in events if isinstance(event, Reconstructing)]
    assert frames
    assert all(np.abs(frame.image - truth).mean() > 0.05 for frame in frames)


@pytest.mark.usefixtures("counted_time")
def test_noise_is_drawn_anew_and_time_goes_on_from_draw_to_draw() -> None:
    config = AttackConfig(
        model="cnn", size=16, seconds=1.0, noise_multiplier=0.01, draws=3, bounds=False
    )
    events = list(attack(config))
    frames = [event for event in events if isinstance(event, Reconstructing)]
    done = [frame.progress[0] for frame in frames]
    assert done == sorted(done)
    assert {frame.before for frame in frames} == {0.0, 1.0, 2.0, 3.0}
    assert all(frame.total == 4.0 for frame in frames)
    assert {frame.before for frame in frames if frame.target == "floor"} == {3.0}
    assert isinstance(events[-1], Finished)


def test_every_draw_is_another_and_the_same_every_time() -> None:
    config = AttackConfig(model="mlp", size=16, noise_multiplier=1.0)
    case = case_of(config)
    draws = [[observed(config, case, draw) for draw in range(3)] for _ in range(2)]
    for one, again in zip(*draws, strict=True):
        assert all(torch.equal(one.gradients[n], again.gradients[n]) for n in one.gradients)
    first, second, third = (next(iter(one.gradients.values())) for one in draws[0])
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"local_steps": 1, "sites": 1, "batch_size": 1, "clipping": None}),
        ({"local_steps": 3, "local_rate": 0.2}, {"local_steps": 3, "local_rate": 0.2}),
        ({"image": "phantoms", "batch": 2, "sites": 2}, {"sites": 2, "batch_size": 4}),
        ({"noise_multiplier": 1.0, "max_grad_norm": 0.5}, {"clipping": 0.5, "noise": 0.5}),
        ({"noise_multiplier": 1.0, "server": "eavesdropper"}, {"clipping": None, "noise": 0.0}),
        ({"defence": "prune:0.2"}, {"defence": Defence("prune", 0.2)}),
    ],
)
def test_the_attacker_sees_what_the_config_says(
    settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    image = "phantom-liver:patients=2,slices=2" if settings.get("image") else "CT_small"
    config = AttackConfig(model="mlp", size=16, **{**settings, "image": image})
    seen = observed(config, case_of(config))
    assert {name: getattr(seen, name) for name in expected} == expected


def test_several_rounds_are_seen() -> None:
    config = AttackConfig(model="mlp", size=16, rounds=3)
    assert len(observed(config, case_of(config)).further) == 2


@pytest.mark.parametrize(("mask", "told"), [("known", True), ("unknown", False)])
def test_masks_are_told_or_not(mask: str, told: bool) -> None:
    config = AttackConfig(model="mlp", size=16, mask=mask)  # type: ignore[arg-type]
    assert (knowledge_of(config, case_of(config)).targets is not None) == told


def test_a_malicious_server_without_slices_draws_some_and_reads_the_batch_off() -> None:
    config = AttackConfig(
        image="phantom-liver:patients=3,slices=2", model="cnn", size=16, batch=2, sites=2,
        attack="imprint", server="malicious", seconds=2.0, floor=False,
    )  # fmt: skip
    events = list(attack(config))
    started = next(event for event in events if isinstance(event, Started))
    assert "changes the network" in started.facts["threat"]
    assert "synthetic slices" in started.facts["threat"]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.result["psnr"] > 40
    assert finished.arrays["reconstruction"].shape == (4, 16, 16)


@pytest.mark.usefixtures("counted_time")
def test_the_floor_can_be_left_out() -> None:
    *_, finished = attack(AttackConfig(**QUICK, floor=False))
    assert isinstance(finished, Finished)
    assert finished.result["floor_psnr"] is None
    assert "floor" not in finished.arrays


def test_epsilon_is_that_of_one_gaussian_release() -> None:
    config = AttackConfig(model="mlp", attack="analytic", size=16, noise_multiplier=2.0)
    *_, finished = attack(config)
    assert isinstance(finished, Finished)
    assert finished.result["epsilon_one_step"] == gaussian_epsilon(2.0, 1, 1e-5)


@pytest.mark.usefixtures("counted_time")
def test_the_epsilon_of_several_releases_is_theirs_together() -> None:
    noisy = {**QUICK, "noise_multiplier": 2.0, "local_steps": 3, "rounds": 2, "floor": False}
    *_, finished = attack(AttackConfig(**noisy, bounds=False))
    assert isinstance(finished, Finished)
    assert finished.result["releases"] == 6
    assert finished.result["epsilon_releases"] == gaussian_epsilon(2.0, 6, 1e-5)


def test_stopping_takes_less_than_a_second() -> None:
    events = attack(AttackConfig(size=64, seconds=500))
    for event in events:
        if isinstance(event, Reconstructing):
            break
    began = time.monotonic()
    events.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    status = main(["attack", *words])
    out, err = capsys.readouterr()
    return status, json.loads(out.splitlines()[-1]) if out and status == 0 else None, err


def test_the_command_recovers_a_slice_exactly_and_records_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, result, err = command(
        capsys, "--image", "CT_small", "--model", "mlp", "--attack", "analytic", "--json"
    )
    assert status == 0
    assert set(result) >= KEYS | {"run", "reconstruction"}
    assert result["psnr"] > 60
    assert result["epsilon_one_step"] == "inf"
    assert result["mask"] == "thresholded"
    assert "Mask thresholded" in err
    with Image.open(result["reconstruction"]) as sheet:
        assert sheet.width > sheet.height
    record = Store().record(result["run"])
    assert record.status == "finished"
    assert Store().arrays(result["run"])["reconstruction"].shape == (1, 64, 64)


def test_the_command_tells_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "mlp", "--attack", "analytic", "--size", "16", "--noise-multiplier", "1"]
    assert main(["attack", *words]) == 0
    out = capsys.readouterr().out
    assert "noise multiplier 1" in out
    assert "epsilon 4.38" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--attack", "magic"), "two-stage or analytic"),
        (("--seconds", "0"), "above 0"),
        (("--batch", "3"), "has 1 slice"),
        (("--size", "40"), "multiple of 16"),
        (("--attack", "analytic"), "starts with a linear layer"),
        (("--image", "nowhere.dcm"), "nowhere.dcm"),
        (("--model", "nothing"), "no model 'nothing'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = command(capsys, *words, "--json")
    assert status == 2
    assert sentence in err
    assert "Traceback" not in err
