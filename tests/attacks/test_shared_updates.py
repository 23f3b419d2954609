"""Updates after several local steps, several rounds, sums over sites, and who is told what."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn

from workbench.attacks.defence import defence
from workbench.attacks.observation import LONGEST_MOVE, Observation, observe, observe_nobody
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import build
from workbench.models.losses import record_losses

C, SIZE = 0.3, 16


def network() -> nn.Module:
    return build("unet-small", size=SIZE, classes=2, task="segmentation", seed=0)


def share(records: int = 1, seed: int = 0, **settings: Any) -> Observation:
    images, targets = batch(SIZE, records, "segmentation")
    told = {"noise_multiplier": None, "max_grad_norm": C, "stream": SeededStream(seed)} | settings
    return observe(network(), "segmentation", images, targets, **told)


def by_opacus(model: nn.Module, records: int) -> dict[str, Tensor]:
    """The clipped mean gradient as Opacus computes it, without noise."""
    images, targets = batch(SIZE, records, "segmentation")
    wrapped = GradSampleModule(copy.deepcopy(model), loss_reduction="mean")
    optimizer = DPOptimizer(
        torch.optim.SGD(wrapped.parameters(), lr=1.0),
        noise_multiplier=0.0, max_grad_norm=C, expected_batch_size=records,
    )  # fmt: skip
    # Its hooks want an input that requires gradients.
    outputs = wrapped(images.requires_grad_())
    record_losses("segmentation", outputs, targets).mean().backward()
    optimizer.pre_step()
    return {n.removeprefix("_module."): p.grad for n, p in wrapped.named_parameters()}


def flat(gradients: Mapping[str, Tensor]) -> np.ndarray:
    return torch.cat([g.flatten() for g in gradients.values()]).double().numpy()


def at(parameters: Mapping[str, Tensor]) -> nn.Module:
    model = network()
    model.load_state_dict(dict(parameters))
    return model


def descend(model: nn.Module, gradients: Mapping[str, Tensor], rate: float) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter -= rate * gradients[name]


@pytest.mark.parametrize("records", [1, 3])
def test_before_noise_the_gradient_is_that_of_opacus(records: int) -> None:
    ours, theirs = share(records, noise_multiplier=0.0), by_opacus(network(), records)
    for name, gradient in ours.gradients.items():
        assert float((gradient - theirs[name]).abs().max()) <= 1e-7


def test_noise_is_the_only_difference_to_opacus() -> None:
    stream, model = SeededStream(5), network()
    noisy = flat(share(2, noise_multiplier=0.7, stream=stream).gradients)
    noise = (noisy - flat(by_opacus(model, 2))) * 2 / (0.7 * C)
    assert abs(noise.mean()) < 5 / math.sqrt(noise.size)
    assert noise.std() == pytest.approx(1, abs=5 / math.sqrt(2 * noise.size))


@pytest.mark.parametrize("steps", [2, 4])
def test_an_update_is_what_that_many_steps_on_the_batch_make_of_the_weights(steps: int) -> None:
    seen = share(2, local_steps=steps, local_rate=0.05)
    images, targets = batch(SIZE, 2, "segmentation")
    model = network().double()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for _ in range(steps):
        loss = record_losses("segmentation", model(images.double()), targets).mean()
        descend(model, _named(model, loss), 0.05)
    moved = {n: (before[n] - p.detach()) / (0.05 * steps) for n, p in model.named_parameters()}
    assert np.linalg.norm(flat(seen.gradients) - flat(moved)) < 1e-4 * np.linalg.norm(flat(moved))
    assert (seen.local_steps, seen.local_rate) == (steps, 0.05)


def _named(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    named = dict(model.named_parameters())
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def test_an_update_differs_from_the_gradient_and_one_step_is_it() -> None:
    gradient, one = share(), share(local_steps=1, local_rate=0.3)
    assert all(torch.equal(gradient.gradients[n], one.gradients[n]) for n in gradient.gradients)
    four = flat(share(local_steps=4, local_rate=0.3).gradients)
    apart = np.linalg.norm(four - flat(gradient.gradients))
    assert apart > 0.1 * gradient.norm


def test_every_private_local_step_clips() -> None:
    seen = share(local_steps=3, noise_multiplier=0.0, local_rate=0.01)
    assert seen.norm <= C * (1 + 1e-4)
    assert seen.norm > 0.9 * C


def test_after_several_private_steps_noise_has_the_size_that_the_attacker_is_told() -> None:
    settings = {"local_steps": 4, "local_rate": 0.001}
    noisy, clean = (share(2, noise_multiplier=s, **settings) for s in (0.5, 0.0))
    assert noisy.noise == pytest.approx(0.5 * C / 2 / math.sqrt(4))
    # The weights that the steps go through differ too, by noise at a small rate.
    noise = flat(noisy.gradients) - flat(clean.gradients)
    assert noise.std() == pytest.approx(noisy.noise, rel=0.02)


def test_a_sum_over_sites_is_the_gradient_of_all_their_records() -> None:
    together, summed = share(4, noise_multiplier=0.0), share(4, noise_multiplier=0.0, sites=2)
    np.testing.assert_allclose(flat(summed.gradients), flat(together.gradients), atol=1e-7)
    assert (summed.batch_size, summed.sites) == (4, 2)


def test_the_sites_noise_adds_up_to_that_of_one() -> None:
    noisy, clean = (share(4, noise_multiplier=s, sites=4) for s in (2.0, 0.0))
    noise = flat(noisy.gradients) - flat(clean.gradients)
    assert noisy.noise == pytest.approx(2.0 * C / 4)
    assert noise.std() == pytest.approx(noisy.noise, rel=0.01)


def test_after_several_steps_it_matters_who_steps_with_whom() -> None:
    whole = share(4, local_steps=3, local_rate=0.2)
    split = share(4, local_steps=3, local_rate=0.2, sites=2)
    assert np.abs(flat(whole.gradients) - flat(split.gradients)).max() > 1e-5


@pytest.mark.parametrize("noise_multiplier", [None, 0.0, 1.0])
def test_the_next_round_is_seen_at_weights_that_the_shared_gradient_leads_to(
    noise_multiplier: float | None,
) -> None:
    first = share(rounds=3, local_rate=0.1, noise_multiplier=noise_multiplier)
    assert len(first.further) == 2
    model = at(first.parameters)
    for earlier, later in zip((first, *first.further), first.further, strict=False):
        descend(model, earlier.gradients, 0.1 * min(1.0, LONGEST_MOVE / earlier.norm))
        named = dict(model.named_parameters())
        assert all(torch.allclose(later.parameters[n], named[n], atol=1e-7) for n in named)
        assert later.further == ()


def test_every_round_shares_the_gradient_of_its_weights() -> None:
    second = share(2, rounds=2, noise_multiplier=0.0).further[0]
    theirs = by_opacus(at(second.parameters), 2)
    np.testing.assert_allclose(flat(second.gradients), flat(theirs), atol=1e-7)


def test_each_round_has_noise_of_its_own() -> None:
    first = share(rounds=2, noise_multiplier=5.0)
    one, two = flat(first.gradients), flat(first.further[0].gradients)
    assert abs(one @ two) < 0.05 * np.linalg.norm(one) * np.linalg.norm(two)


def test_who_reads_the_wire_sees_the_same_and_is_told_less() -> None:
    told = share(noise_multiplier=1.0, rounds=2)
    reader = share(noise_multiplier=1.0, rounds=2, mechanism_told=False)
    for one, other in zip((told, *told.further), (reader, *reader.further), strict=True):
        assert all(torch.equal(one.gradients[n], other.gradients[n]) for n in one.gradients)
        assert (one.clipping, one.noise) == (C, C)
        assert (other.clipping, other.noise) == (None, 0.0)


@pytest.mark.parametrize(
    "settings",
    [{"local_steps": 3}, {"rounds": 3}, {"sites": 2}, {"noise_multiplier": 1.0, "local_steps": 2}],
)
def test_sharing_leaves_the_network_as_it_was(settings: dict[str, Any]) -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    images, targets = batch(SIZE, 2, "segmentation")
    told = {"noise_multiplier": None, "max_grad_norm": C, "stream": SeededStream(0)} | settings
    observe(model, "segmentation", images, targets, **told)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_nobodys_gradient_goes_the_same_way() -> None:
    seen = share(2, rounds=2, sites=2, defence=defence("prune:0.25"))
    nobody = observe_nobody(seen, stream=SeededStream(3))
    for one, other in zip((seen, *seen.further), (nobody, *nobody.further), strict=True):
        assert one.gradients.keys() == other.gradients.keys()
        values, noise = flat(one.gradients), flat(other.gradients)
        assert abs(values @ noise) < 0.05 * np.linalg.norm(values) * np.linalg.norm(noise)
        # Two sites keep a quarter each, of different values where there is nothing but noise.
        assert np.count_nonzero(noise) == pytest.approx((1 - 0.75**2) * noise.size, rel=0.02)


def test_the_defence_is_told_and_applied_at_every_site() -> None:
    chosen = defence("prune:0.1")
    seen = share(2, sites=2, defence=chosen)
    size = flat(seen.gradients).size
    assert seen.defence == chosen
    assert round(0.1 * size) <= np.count_nonzero(flat(seen.gradients)) <= 2 * round(0.1 * size)
