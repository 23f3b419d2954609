"""An attacker who knows every record but one, and all that this one may be.

The prior-aware attack of Hayes, Mahloujifar, Balle 2023: the attacker saw each noisy gradient,
computes the weights at which it was taken, subtracts what the known records gave, and scores every
candidate by the likelihood of what is left. No attacker with this prior does better against a
mechanism whose noise is Gaussian, except by knowing when the unknown record took part.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from workbench.auditing.exam import Exam, Records
from workbench.models.losses import record_losses

Weights = dict[str, Tensor]


class Watcher:
    """Remembers the weights at which each gradient of an exam was taken.

    Args:
        exam: that a training is about to sit, with ``whole``.
    """

    def __init__(self, exam: Exam) -> None:
        self._exam = exam
        self.weights = [self._now()]
        exam.watch = lambda taken: self.weights.append(self._now())

    def _now(self) -> Weights:
        return {n: p.detach().clone() for n, p in self._exam.network.named_parameters()}


def log_likelihoods(
    exam: Exam, weights: list[Weights], known: Records, visits: np.ndarray, candidates: Records
) -> np.ndarray:
    """How well every candidate explains what a training released, up to a constant.

    Args:
        exam: after the training, with the gradients of all its steps; its noise is not zero.
        weights: at which each step's gradient was taken.
        known: records of slices that the attacker knows.
        visits: bool ``(T, K)``, in which step each of them took part, which is known, too.
        candidates: N slices, one of which was among the records as well.

    Returns:
        float64 ``(N,)``.
    """
    variance = exam.noise_multiplier**2
    scale = exam.expected_units / exam.max_grad_norm
    rate = exam.sample_rate
    absent = np.log1p(-rate) if rate < 1 else -np.inf
    scores = np.zeros(len(candidates))
    for at, released, came in zip(weights, exam.released, visits, strict=False):
        theirs = clipped(exam, at, known)[torch.from_numpy(came)].sum(dim=0)
        noisy = torch.cat([released[f"network.{name}"].flatten() for name in at]).double()
        left = noisy * scale - theirs
        each = clipped(exam, at, candidates)
        ratios = (each @ left - each.square().sum(dim=1) / 2) / variance
        scores += np.logaddexp(absent, np.log(rate) + ratios.numpy())
    return scores


def clipped(exam: Exam, weights: Weights, records: Records) -> Tensor:
    """Each record's gradient at these weights, clipped, over the clipping norm.

    By torch.func, record by record: nothing of the engines that are audited.

    Returns:
        float64 ``(N, P)``, parameters in the order of ``weights``.
    """

    def loss(at: Weights, image: Tensor, target: Tensor) -> Tensor:
        outputs = functional_call(exam.network, at, (image[None],))
        return record_losses(exam.task, outputs, target[None])[0]

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(weights, records.images, records.targets)
    flat = torch.cat([gradients[name].flatten(1) for name in weights], dim=1).double()
    norms = flat.norm(dim=1, keepdim=True) / exam.max_grad_norm
    return flat / (exam.max_grad_norm * norms.clamp(min=1))
