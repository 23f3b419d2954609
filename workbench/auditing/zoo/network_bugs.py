"""Networks for which a correct engine computes something else than one record's gradient."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from workbench.auditing.exam import Exam, Training
from workbench.auditing.trainings.reference import Parts, engine_named, reference
from workbench.auditing.zoo.open_engine import by_hand
from workbench.errors import BadInput


def batch_norm() -> Training:
    """BatchNorm in the place of GroupNorm."""
    return _after(_normalise_batches, reference(Parts(engine=by_hand())))


def ghost_reflect_padding() -> Training:
    """Opacus' ghost clipping of a network with reflect padding."""
    return _after(_reflect, reference(Parts(engine=engine_named("opacus-ghost"))))


def _after(change: Callable[[nn.Module], int], training: Training) -> Training:
    def train(exam: Exam) -> None:
        if not change(exam.network):
            raise BadInput(
                "This network has no layer that the bug could be planted in; "
                "choose a convolutional network with normalisation, like cnn.",
                field="network",
            )
        training(exam)

    return train


def _normalise_batches(network: nn.Module) -> int:
    """BatchNorm in the place of GroupNorm, frozen, as if that made it harmless."""
    changed = 0
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.GroupNorm):
                setattr(parent, name, nn.BatchNorm2d(layer.num_channels, affine=False))
                changed += 1
    return changed


def _reflect(network: nn.Module) -> int:
    """Every padded convolution continues a picture by its mirror image."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.padding != (0, 0)]
    for layer in layers:
        layer.padding_mode = "reflect"
    return len(layers)
