"""What the attacker holds: what left the patients' side, and what goes with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from workbench.attacks.blunting import blunted
from workbench.attacks.defence import Defence
from workbench.attacks.local_update import Recipe, local_update, weights_kept
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput
from workbench.models.losses import Loss, Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What was shared, and the public facts about how it was made.

    Attributes:
        gradients: by parameter name, float32, each of its parameter's shape. After several local
            steps: weights before minus weights after, over learning rate and number of steps, so
            that one step gives its gradient.
        parameters: the weights at the beginning, by name.
        buffers: of the network, by name.
        batch_size: B, the records behind the gradient, of all sites together, and the number it
            was divided by.
        loss: which of the losses of ``models.losses`` was used, or the person's own.
        local_steps: gradient steps behind the update; each uses all records of the site.
        local_rate: learning rate of those steps.
        sites: how many sites' gradients were added before anybody saw their sum.
        clipping: C, the L2 norm that each record's gradient was clipped to; ``None`` if it was not
            or the attacker is not told.
        noise: standard deviation of the noise in every coordinate of ``gradients``, >= 0; 0 where
            the attacker is not told.
        defence: what was done to the gradient before it was shared, beside clipping and noise.
        further: what was seen of the same records in other rounds.
    """

    gradients: Mapping[str, Tensor]
    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    batch_size: int
    loss: Task | Loss
    local_steps: int = 1
    local_rate: float = 0.1
    sites: int = 1
    clipping: float | None = None
    noise: float = 0.0
    defence: Defence | None = None
    further: tuple[Observation, ...] = ()

    @property
    def norm(self) -> float:
        """L2 norm of the whole gradient."""
        return _norm(self.gradients)


def refuse_not_numbers(gradients: Mapping[str, Tensor]) -> None:
    """Refuse a gradient with NaN or infinite values, which nothing can be read off.

    Raises:
        BadInput: naming the first such parameter.
    """
    for name, gradient in gradients.items():
        if not gradient.isfinite().all():
            raise BadInput(
                f"The gradient of {name} holds values that are not numbers; look at the loss and "
                "the weights that it was taken at.",
                field="gradients",
            )


LONGEST_MOVE = 1.0
"""L2 norm that the server clips a shared gradient to before it moves the weights along it: noise
of DP-SGD on one record, or signs, would leave no network to attack in the next round."""


def observe(
    model: nn.Module,
    task: Task | Loss,
    images: Tensor,
    targets: Tensor,
    *,
    noise_multiplier: float | None,
    max_grad_norm: float,
    stream: RandomStream,
    local_steps: int = 1,
    local_rate: float = 0.1,
    rounds: int = 1,
    sites: int = 1,
    defence: Defence | None = None,
    mechanism_told: bool = True,
) -> Observation:
    """Share gradients exactly as training makes them.

    Several sites: each computes on its own share of the records; their sum is seen, divided by
    the number of all records, and each adds its share of the noise, so that the sum holds the
    noise of one. Several rounds: the same records again, at the weights that the server makes of
    what was shared; it steps along it at ``local_rate``, its norm clipped to ``LONGEST_MOVE``.

    Args:
        model: the network, fit for per-record gradients; it is left as it was.
        task: which loss.
        images: float32 ``(B, 1, H, W)``, one site after the other.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        noise_multiplier: as in ``AttackConfig``; ``None`` neither clips nor adds noise. After
            several local steps each of them is a step of DP-SGD.
        max_grad_norm: C.
        stream: where the noise comes from.
        local_steps: gradient steps before a site shares, each on all of its records.
        local_rate: their learning rate.
        rounds: at how many weights; those after the first are the observation's ``further``.
        sites: a divisor of B.
        defence: what each site does to its gradient before it is shared.
        mechanism_told: whether the attacker knows clipping norm and noise.
    """
    recipe = Recipe(
        task=task, noise_multiplier=_of_one_site(noise_multiplier, sites),
        max_grad_norm=max_grad_norm, local_steps=local_steps, local_rate=local_rate,
    )  # fmt: skip
    seen: list[Observation] = []
    with weights_kept(model):
        for _ in range(rounds):
            gradients = _summed(
                [
                    blunted(local_update(model, x, y, recipe, stream), defence)
                    for x, y in zip(images.chunk(sites), targets.chunk(sites), strict=True)
                ]
            )
            seen.append(_observation(model, recipe, gradients, len(images), sites, defence))
            _move(model, gradients, local_rate * local_steps)
    if not mechanism_told:
        seen = [replace(one, clipping=None, noise=0.0) for one in seen]
    return replace(seen[0], further=tuple(seen[1:]))


def observe_nobody(observed: Observation, *, stream: RandomStream) -> Observation:
    """The same kind of gradient without any record in it: noise alone, in every round.

    Where noise was added to the observed gradient, this is the same noise. Where none was, or the
    attacker is not told of it, it is noise of the observed gradient's norm, so that an attacker
    cannot tell by the size. It goes through the same defence.
    """
    size = sum(gradient.numel() for gradient in observed.gradients.values())
    std = observed.noise or observed.norm / size**0.5
    # Each site's share goes through its own defence, so the sum of shares has the same noise.
    shares = observed.sites if observed.defence else 1
    noise = [
        blunted(_noise_like(observed.gradients, std * math.sqrt(shares), stream), observed.defence)
        for _ in range(shares)
    ]
    further = tuple(observe_nobody(other, stream=stream) for other in observed.further)
    return replace(observed, gradients=_summed(noise), further=further)


def _noise_like(
    gradients: Mapping[str, Tensor], std: float, stream: RandomStream
) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(stream.normal(gradient.numel()) * std).to(gradient).view_as(gradient)
        for name, gradient in gradients.items()
    }


def _of_one_site(noise_multiplier: float | None, sites: int) -> float | None:
    """Variances add up, so each site adds one over the root of their number."""
    return None if noise_multiplier is None else noise_multiplier / math.sqrt(sites)


def _summed(of_sites: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The sum over sites over their number: each was divided by its own records before."""
    if len(of_sites) == 1:
        return dict(of_sites[0])
    return {
        name: torch.stack([gradients[name] for gradients in of_sites]).mean(dim=0)
        for name in of_sites[0]
    }


@torch.no_grad()
def _move(model: nn.Module, gradients: Mapping[str, Tensor], rate: float) -> None:
    factor = rate * min(1.0, LONGEST_MOVE / max(_norm(gradients), 1e-30))
    for name, parameter in model.named_parameters():
        if name in gradients:
            parameter.sub_(gradients[name], alpha=factor)


def _observation(
    model: nn.Module,
    recipe: Recipe,
    gradients: Mapping[str, Tensor],
    records: int,
    sites: int,
    defence: Defence | None,
) -> Observation:
    sigma = (recipe.noise_multiplier or 0.0) * math.sqrt(sites)
    # The mean over local steps of independent noise is smaller by the root of their number.
    noise = sigma * recipe.max_grad_norm / records / math.sqrt(recipe.local_steps)
    return Observation(
        gradients=gradients,
        parameters={name: p.detach().clone() for name, p in model.named_parameters()},
        buffers={name: buffer.clone() for name, buffer in model.named_buffers()},
        batch_size=records,
        loss=recipe.task,
        local_steps=recipe.local_steps,
        local_rate=recipe.local_rate,
        sites=sites,
        clipping=None if recipe.noise_multiplier is None else recipe.max_grad_norm,
        noise=noise,
        defence=defence,
    )


def _norm(gradients: Mapping[str, Tensor]) -> float:
    return float(sum((g.double() ** 2).sum() for g in gradients.values()) ** 0.5)
