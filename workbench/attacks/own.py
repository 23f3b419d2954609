"""A person's own network, loss and slices, made ready to be attacked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.case import refuse_blank
from workbench.attacks.differentiable import refuse_not_differentiable
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.network import refuse_dropout
from workbench.attacks.observation import Observation, observe, refuse_not_numbers
from workbench.dpsgd.randomness import SecureStream
from workbench.errors import BadInput, check_range
from workbench.imaging.sliceset import SliceSet
from workbench.models.fitness import make_fit
from workbench.models.losses import Loss

NO_EVIDENCE = "This is not evidence of privacy: a stronger attacker may know more or try longer."


def own_gradient(
    model: nn.Module,
    loss: Loss,
    images: Tensor,
    targets: Tensor,
    *,
    noise_multiplier: float | None,
    max_grad_norm: float,
) -> tuple[Observation, Knowledge]:
    """Share the gradient of a person's own slices, and what an attacker knows beside it.

    Args:
        model: any module that treats records one by one.
        loss: from outputs and targets of one record to a scalar.
        images: float ``(B, 1, H, H)`` with values in [0, 1].
        targets: what the loss compares with, ``(B, ...)``; the attacker is told them.
        noise_multiplier: ``None`` shares the gradient as it is, 0 clips it, above 0 adds noise
            drawn from the operating system's entropy.
        max_grad_norm: L2 norm that each record's gradient is clipped to, > 0.

    Raises:
        BadInput: model, loss and slices do not fit together, or nothing can be read off.
    """
    images = torch.from_numpy(own_slices(images).images)
    if noise_multiplier is not None:
        check_range("noise_multiplier", noise_multiplier, "[0, inf)")
    check_range("max_grad_norm", max_grad_norm, "(0, inf)")
    if len(images) != len(targets):
        raise BadInput(
            f"There are {len(images)} images and {len(targets)} targets; give one for each.",
            field="batch",
        )
    _check_network(model, loss, images, targets)
    observation = observe(
        model, loss, images, targets, noise_multiplier=noise_multiplier,
        max_grad_norm=max_grad_norm, stream=SecureStream(),
    )  # fmt: skip
    _refuse_dead(observation.gradients)
    _warn_of_few_weights(observation, images.numel())
    return observation, _knowledge(model, images.shape[-1], targets)


def given_gradient(
    model: nn.Module, loss: Loss, gradients: Sequence[Tensor], targets: Tensor, *, size: int
) -> tuple[Observation, Knowledge]:
    """A gradient that was seen elsewhere, of slices that nobody here has.

    Args:
        model: at the weights at which the gradient was taken.
        loss: from outputs and targets of one record to a scalar.
        gradients: of the mean loss, one for each trained parameter, in their order.
        targets: of the records behind it, ``(B, ...)``.
        size: side of the slices in pixels, >= 16.

    Raises:
        BadInput: the gradients do not fit the parameters, or nothing can be read off.
    """
    check_range("size", size, "[16, 512]")
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    _check_gradients(gradients, named)
    _check_network(model, loss, torch.rand(len(targets), 1, size, size), targets)
    observation = Observation(
        gradients={n: g.detach().float() for n, g in zip(named, gradients, strict=True)},
        parameters={name: p.detach().clone() for name, p in model.named_parameters()},
        buffers={name: buffer.clone() for name, buffer in model.named_buffers()},
        batch_size=len(targets),
        loss=loss,
    )
    _refuse_dead(observation.gradients)
    _warn_of_few_weights(observation, len(targets) * size**2)
    return observation, _knowledge(model, size, targets)


def _knowledge(model: nn.Module, size: int, targets: Tensor) -> Knowledge:
    whole = not targets.is_floating_point()
    return Knowledge(
        network=model,
        size=size,
        targets=targets,
        classes=max(2, int(targets.max()) + 1) if whole else 2,
    )


def own_slices(images: Tensor) -> SliceSet:
    """A person's images as a set of slices, each of a patient of its own.

    Raises:
        BadInput: they are not float ``(B, 1, H, H)`` in [0, 1], or show nothing.
    """
    pixels = images.detach().cpu().numpy().astype(np.float32)
    slices = SliceSet(
        name="your images", images=pixels, patients=np.arange(len(pixels)).astype(str)
    )
    if slices.height != slices.width or slices.height < 16:
        raise BadInput(
            f"Images must be square, of at least 16 pixels a side, not {slices.height} x "
            f"{slices.width}.",
            field="batch",
        )
    refuse_blank(slices, np.arange(len(slices)))
    return slices


def _check_network(model: nn.Module, loss: Loss, images: Tensor, targets: Tensor) -> None:
    make_fit(model, surgery=False)
    refuse_dropout(model)
    try:
        with torch.no_grad():
            said = model(images[:1])
    except (RuntimeError, ValueError) as error:
        raise BadInput(
            f"The network cannot take images of {images.shape[-1]} x {images.shape[-1]} pixels "
            f"({str(error).splitlines()[0]}); give others.",
            field="batch",
        ) from None
    with torch.no_grad():
        value = _loss(loss, said, targets[:1])
    if value.numel() != 1:
        raise BadInput(
            f"The loss of one record must be a single number, not of shape {tuple(value.shape)}; "
            "average it over pixels and classes.",
            field="loss",
        )
    refuse_not_differentiable(model, loss, images.shape[-1], targets[:1])


def _loss(loss: Loss, said: Tensor, targets: Tensor) -> Tensor:
    try:
        return loss(said, targets)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise BadInput(
            f"The loss cannot compare what the network says, of shape {tuple(said.shape)}, with "
            f"targets of shape {tuple(targets.shape)} ({str(error).splitlines()[0]}).",
            field="loss",
        ) from None


def _check_gradients(gradients: Sequence[Tensor], named: Mapping[str, nn.Parameter]) -> None:
    if len(gradients) != len(named):
        raise BadInput(
            f"There are {len(gradients)} gradients for {len(named)} trained parameters; give one "
            "for each, in the order of model.parameters().",
            field="gradients",
        )
    for gradient, (name, parameter) in zip(gradients, named.items(), strict=True):
        if gradient.shape != parameter.shape:
            raise BadInput(
                f"The gradient of {name} has shape {tuple(gradient.shape)}, its parameter "
                f"{tuple(parameter.shape)}; give them in the order of model.parameters().",
                field="gradients",
            )
    refuse_not_numbers(dict(zip(named, gradients, strict=True)))


def _refuse_dead(gradients: Mapping[str, Tensor]) -> None:
    if not any(bool(gradient.any()) for gradient in gradients.values()):
        raise BadInput(
            "The gradient is zero everywhere (a saturated loss or dead units), so this one says "
            f"nothing of the slices. {NO_EVIDENCE}",
            field="model",
        )


def _warn_of_few_weights(observation: Observation, pixels: int) -> None:
    weights = sum(gradient.numel() for gradient in observation.gradients.values())
    if weights < pixels:
        warnings.warn(
            f"The gradient has {weights:,} values for {pixels:,} pixels, fewer equations than "
            f"unknowns, so the slices cannot come back exactly. {NO_EVIDENCE}",
            stacklevel=4,
        )
