"""The bounds of one attack: what they say, of whom, and that attacks keep to them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch, end
from scipy.special import ndtr, ndtri

from workbench.attacks.bounds.bound import Bound
from workbench.attacks.bounds.bounds import bounds_of, clip_factor, prior_variance
from workbench.attacks.bounds.linear_law import joined_psnr, linear_law
from workbench.attacks.bounds.rero import identification, identification_curve
from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.config import AttackConfig
from workbench.attacks.observation import observe
from workbench.attacks.run import observed
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.runs.events import Progress, to_json


def cased(discs: str, **settings: Any) -> tuple[AttackConfig, Case]:
    config = AttackConfig(
        **{"image": discs, "size": 32, "model": "cnn", "task": "classification", **settings}
    )
    return config, make_case(config, end(slices_of(config)))


def reckoned(discs: str, **settings: Any) -> Mapping[str, Bound]:
    config, case = cased(discs, **settings)
    found: Mapping[str, Bound] = end(bounds_of(config, case, observed(config, case)))
    return found


def test_each_bound_says_whom_it_binds(discs: str) -> None:
    found = reckoned(discs, noise_multiplier=0.01)
    assert set(found) == {"rero", "linear", "crlb"}
    assert not found["rero"].beaten_by_prior
    assert found["linear"].beaten_by_prior
    assert found["crlb"].beaten_by_prior
    assert "48 equally likely slices" in found["rero"].assumption
    for bound in found.values():
        assert bound.assumption.endswith(".")
        assert str(bound).startswith(bound.name)
    json.dumps(to_json({name: bound.summary() for name, bound in found.items()}), allow_nan=False)


@pytest.mark.parametrize("noise", [None, 0.0])
def test_without_noise_nothing_is_bounded_and_nothing_reckoned(
    discs: str, noise: float | None
) -> None:
    config, case = cased(discs, noise_multiplier=noise)
    assert not list(bounds_of(config, case, observed(config, case)))
    found = reckoned(discs, noise_multiplier=noise)
    assert found["rero"].value == 1
    assert math.isinf(found["linear"].value)
    assert found["linear"].number is None
    assert "crlb" not in found


def test_the_estimate_tells_how_far_it_is_and_can_be_left_out(discs: str) -> None:
    config, case = cased(discs, noise_multiplier=1.0)
    events = list(bounds_of(config, case, observed(config, case)))
    assert events
    assert all(isinstance(event, Progress) for event in events)
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] <= events[-1].total
    assert "crlb" not in reckoned(discs, noise_multiplier=1.0, bounds=False)


def test_more_noise_binds_tighter_down_to_what_was_known_before(discs: str) -> None:
    little, much = (reckoned(discs, noise_multiplier=noise) for noise in (1e-3, 1e3))
    for name in ("rero", "linear", "crlb"):
        assert much[name].value < little[name].value
    _, case = cased(discs)
    known = -10 * math.log10(prior_variance(case))
    assert much["linear"].value == pytest.approx(known, abs=0.05)
    assert much["crlb"].value == pytest.approx(known, abs=0.05)
    assert much["rero"].value == pytest.approx(1 / 48, rel=0.01)


@pytest.mark.parametrize("settings", [{"rounds": 4}, {"local_steps": 4}])
def test_four_releases_are_one_at_half_the_noise(discs: str, settings: dict[str, int]) -> None:
    four = reckoned(discs, noise_multiplier=0.5, bounds=False, **settings)
    one = reckoned(discs, noise_multiplier=0.25, bounds=False)
    assert four["rero"].value == pytest.approx(one["rero"].value)
    assert four["linear"].value == pytest.approx(one["linear"].value)


def test_an_eavesdropper_who_is_told_less_has_the_same_bounds(discs: str) -> None:
    honest, other = (
        reckoned(discs, noise_multiplier=0.01, server=server)
        for server in ("honest", "eavesdropper")
    )
    for name in ("rero", "linear", "crlb"):
        assert other[name].value == pytest.approx(honest[name].value)


def test_the_clip_factor_is_that_of_the_shared_gradient(discs: str) -> None:
    config, case = cased(discs, max_grad_norm=0.01)
    images = torch.from_numpy(case.slices.images[case.chosen])
    plain, clipped = (
        observe(
            case.network, case.task, images, case.targets, noise_multiplier=noise,
            max_grad_norm=0.01, stream=SeededStream(0, 1),
        ).norm
        for noise in (None, 0.0)
    )  # fmt: skip
    assert clip_factor(config, case) == pytest.approx(clipped / plain, rel=1e-5)
    assert clip_factor(cased(discs, max_grad_norm=1e6)[0], case) == 1


def test_the_linear_law_has_the_published_values() -> None:
    """A slice of 64 x 64 with mean square 0.2, without a prior."""
    truth = np.full((1, 64, 64), math.sqrt(0.2))
    for noise, psnr in ((1e-4, 50.9), (1e-3, 30.9), (1e-2, 10.9)):
        bound = linear_law(noise, truth, releases=1, prior_variance=1e9, clip_factor=0.5)
        assert bound.value == pytest.approx(psnr, abs=0.05)


def test_a_prior_joins_as_another_measurement() -> None:
    assert joined_psnr(0.1, 0.1) == pytest.approx(-10 * math.log10(0.05))
    assert joined_psnr(1e-4, 1e9) == pytest.approx(40)


def test_naming_the_slice_has_the_closed_form_and_rises_from_guessing() -> None:
    bound = identification(1.0, 4, 100)
    assert bound.value == pytest.approx(float(ndtr(ndtri(0.01) + 2)))
    curve = identification_curve(2.0, 1, np.array([0.01, 0.1, 0.5]))
    assert (np.diff(curve) > 0).all()
    with pytest.raises(BadInput, match="two candidates"):
        identification(1.0, 1, 1)


def test_an_attacker_who_holds_every_candidate_names_the_slice_no_more_often() -> None:
    """The nearest of eight known gradients, at noise where this is neither sure nor hopeless."""
    candidates, draws, noise = 8, 150, 0.4
    network = build("cnn", size=16, classes=2, task="classification", seed=0)
    images, _ = batch(16, candidates, "classification")
    targets = torch.zeros(candidates, dtype=torch.long)

    def shared(record: int, sigma: float, draw: int = 0) -> np.ndarray:
        seen = observe(
            network, "classification", images[[record]], targets[[record]], noise_multiplier=sigma,
            max_grad_norm=0.05, stream=SeededStream(0, 1, draw),
        )  # fmt: skip
        return torch.cat([part.flatten() for part in seen.gradients.values()]).double().numpy()

    known = np.stack([shared(record, 0.0) for record in range(candidates)])
    named = []
    for draw in range(draws):
        true = draw % candidates
        gaps = ((known - shared(true, noise, draw)) ** 2).sum(axis=1)
        named.append(gaps.argmin() == true)
    rate, limit = float(np.mean(named)), identification(noise, 1, candidates).value
    assert rate <= limit + 4 * math.sqrt(limit * (1 - limit) / draws)
    assert rate > 1 / candidates


def test_the_bound_is_nearly_reached_where_gradients_have_nothing_in_common() -> None:
    """Records whose clipped gradients are axes of length C: the worst that slices could be."""
    candidates, draws, random = 16, 20_000, np.random.default_rng(0)
    for noise in (0.5, 1.0):
        outputs = noise * random.standard_normal((draws, candidates))
        outputs[:, 0] += 1
        rate = float((outputs.argmax(axis=1) == 0).mean())
        limit = identification(noise, 1, candidates).value
        assert 0.75 * limit < rate < limit
