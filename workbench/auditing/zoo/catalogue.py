"""Every bug that can be planted: what people do, why it is wrong, where it was seen."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a panel lists the bugs and loads no torch
    from workbench.auditing.exam import Training

_ZOO = "workbench.auditing.zoo"


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One mistake of the catalogue.

    Attributes:
        name: the key in ``BUGS``.
        title: what it is, in a few words.
        says: what people do and why it is wrong.
        home: ``"module:function"`` in this folder, a function without arguments that returns the
            broken training.
        example: where it was seen; empty where no source is known.
    """

    name: str
    title: str
    says: str
    home: str
    example: str = ""

    def load(self) -> Training:
        """The training with this bug; correct in everything else."""
        module, _, function = self.home.partition(":")
        made: Training = getattr(importlib.import_module(f"{_ZOO}.{module}"), function)()
        return made


_ALL = (
    Bug(
        name="noise-5-percent-low",
        title="Noise 5 % too small",
        says="The noise has 0.95 times the standard deviation that the accountant was told. "
        "Nothing looks different, but epsilon is larger than claimed.",
        home="noise_bugs:five_percent_low",
    ),
    Bug(
        name="noise-20-percent-low",
        title="Noise 20 % too small",
        says="The noise has 0.8 times the standard deviation that the accountant was told.",
        home="noise_bugs:twenty_percent_low",
    ),
    Bug(
        name="noise-over-batch",
        title="Noise divided by the batch size twice",
        says="The noise is scaled for a mean gradient but added to the sum, which is divided by "
        "the batch size once more; what is left protects almost nobody.",
        home="noise_bugs:over_batch",
        example="Tramèr et al. 2022 (arXiv 2202.12219): a batch-size factor in a published "
        "implementation that claimed epsilon 0.21 and was measured above 2.79.",
    ),
    Bug(
        name="noise-before-clipping",
        title="Noise before clipping",
        says="Noise is added to every record's gradient before it is clipped, and the clip takes "
        "nearly all of it off again.",
        home="noise_bugs:before_clipping",
    ),
    Bug(
        name="clip-batch-mean",
        title="Clipping the batch's mean",
        says="One clip_grad_norm_ on the mean gradient instead of one clip per record: a single "
        "record can turn the whole mean around.",
        home="clipping_bugs:batch_mean",
    ),
    Bug(
        name="clip-batch-sum",
        title="Clipping the batch's sum",
        says="The sum of all gradients is clipped to the norm. Canaries drown in the crowd and "
        "look very private, but one record can turn the sum from +C to -C: twice what is claimed.",
        home="clipping_bugs:batch_sum",
    ),
    Bug(
        name="clip-per-layer",
        title="Clipping each layer to the whole norm",
        says="Every layer's gradient is clipped to C, and C is what the accountant is told; all "
        "layers together can move by C times the root of their number.",
        home="clipping_bugs:per_layer",
    ),
    Bug(
        name="same-noise-every-step",
        title="The same noise in every step",
        says="The generator is made anew from the same seed in every step. The difference of two "
        "steps then holds no noise at all.",
        home="noise_bugs:same_every_step",
    ),
    Bug(
        name="shuffle-as-poisson",
        title="Shuffled batches, billed as Poisson",
        says="An ordinary shuffled loader shows every record exactly once an epoch, while the "
        "accountant assumes that each decides anew in every step.",
        home="sampling_bugs:shuffle",
        example="Opacus 1.6 accounts for Poisson sampling without a warning when "
        "poisson_sampling=False is passed; Annamalai et al. (arXiv 2411.10614) found up to four "
        "times the reported leak.",
    ),
    Bug(
        name="half-the-steps-charged",
        title="Half of the steps charged",
        says="Twice as many noisy gradients are released as the accountant counted.",
        home="sampling_bugs:half_the_steps_charged",
        example="Opacus' get_noise_multiplier(epochs=...) rounds the number of steps down; the "
        "steps that were taken are the ones to charge.",
    ),
    Bug(
        name="half-the-rate-claimed",
        title="Half of the sample rate claimed",
        says="Records take part twice as often as the accountant was told, and half of the "
        "amplification that it counts on is not there.",
        home="sampling_bugs:half_the_rate_claimed",
        example="Opacus issue 813: with a WeightedRandomSampler the sample rate is silently wrong.",
    ),
    Bug(
        name="seed-published",
        title="The noise's seed is published",
        says="A fixed seed makes the notebook repeatable, and the noise too: whoever reads the "
        "seed computes the noise and subtracts it.",
        home="noise_bugs:seed_published",
    ),
    Bug(
        name="batch-norm",
        title="BatchNorm left in the network",
        says="A record's activations are normalised with those of the whole batch, so its presence "
        "changes everybody's gradient; freezing the layer's weights does not help.",
        home="network_bugs:batch_norm",
    ),
    Bug(
        name="ghost-reflect-padding",
        title="Ghost clipping of reflected pictures",
        says="The norm of a gradient is computed as if pictures were continued by zeros, the "
        "gradient itself from pictures continued by their mirror image: the clip is by a wrong "
        "norm.",
        home="network_bugs:ghost_reflect_padding",
        example="Opacus 1.6, ghost clipping of convolutions with padding_mode='reflect'.",
    ),
    Bug(
        name="divide-by-drawn-batch",
        title="Dividing by the batch that was drawn",
        says="The noisy sum is divided by the number of records drawn, so the noise's size tells "
        "how many came, and one record more changes everybody's share.",
        home="clipping_bugs:drawn_batch",
    ),
    Bug(
        name="nan-passes",
        title="A gradient that is no number passes",
        says="One broken voxel makes its record's gradient NaN, clipping keeps it NaN, and so are "
        "all weights from then on: that this picture was among the data is certain.",
        home="clipping_bugs:nan_passes",
        example="Opacus 1.6: one NaN voxel makes all weights NaN.",
    ),
)

BUGS: dict[str, Bug] = {bug.name: bug for bug in _ALL}
"""Name to bug, in the order in which they are shown."""
