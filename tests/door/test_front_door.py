"""What a notebook or a script can do in a line."""

import numpy as np
import pytest

import workbench as wb
from workbench.attacks.scoring.score import score
from workbench.errors import BadInput


def test_three_lines_train_and_say_what_is_promised(discs: str) -> None:
    run = wb.train(wb.load(discs), steps=2, sample_rate=0.3, target_epsilon=8, delta=1e-3)
    assert 0 <= run.scores["dice"] <= 1
    assert run.guarantee.private
    assert run.guarantee.unit == "patient"
    assert run.guarantee.epsilon <= 8


def test_what_a_linear_layer_shares_is_the_slice_itself(discs: str) -> None:
    slices = wb.load(discs)
    seen = wb.observe("mlp", slices, index=3)
    back = wb.attack(seen, method="analytic")
    assert score(slices.images[3, 0], back.images[0]).psnr > 60
    assert wb.compare(slices, back, index=3).data.startswith(b"\x89PNG")


def test_with_noise_the_same_attack_brings_nothing_back(discs: str) -> None:
    slices = wb.load(discs)
    seen = wb.observe("mlp", slices, noise_multiplier=1.0)
    back = wb.attack(seen, method="analytic")
    assert score(slices.images[0, 0], back.images[0]).psnr < 15


def test_the_gradient_of_a_trained_network_can_be_observed(discs: str) -> None:
    slices = wb.load(discs)
    run = wb.train(slices, steps=2, sample_rate=0.3, seed=1)
    trained, untrained = wb.observe(run, slices), wb.observe("unet", slices, seed=1)
    name = next(iter(trained.observation.parameters))
    assert not np.array_equal(
        trained.observation.parameters[name], untrained.observation.parameters[name]
    )


def test_weights_that_do_not_fit_the_slices_are_refused(discs: str) -> None:
    run = wb.train(discs, model="mlp", steps=1, sample_rate=0.3)
    with pytest.raises(BadInput, match="do not fit this network"):
        wb.observe(run, wb.phantoms(2, 1, 1, 16))


def test_an_unknown_setting_or_method_is_refused_by_name(discs: str) -> None:
    with pytest.raises(BadInput, match="Unknown setting setps"):
        wb.train(discs, setps=3)
    with pytest.raises(BadInput, match="not 'magic'"):
        wb.attack(wb.observe("mlp", wb.load(discs)), method="magic")
