"""Layers whose few weights are given to every record in a copy of its own.

Ordinary autograd then finds every record's gradient by itself, at the price of the ordinary one,
and no line of Python runs in the backward pass, unless the chunk is to be probed.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.dpsgd.bookkeeping.witness import Witnessed, must_repeat


class ExpandedTap(Tap):
    """A tap that hands the layer's operation one copy of the weights per record."""

    rule = "instantiated, by the layer's own backward pass"

    def run(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self.takes(x):
            return self.original(x, *args, **kwargs)
        probed = self.recorder.open().probed
        if type(x) is not Tensor:
            x = x.as_subclass(Tensor)
        if not torch.is_autocast_enabled(x.device.type):
            return self._booked(x, probed=probed)
        with torch.autocast(x.device.type, enabled=False):
            return self._booked(in_full(x), probed=probed)

    def takes(self, x: Tensor) -> bool:
        """Whether there is anything to book."""
        return x.shape[0] > 0

    def own(self, x: Tensor) -> Tensor:
        """What the layer itself computes, in the type of its weights."""
        kind = next(p.dtype for p in self.layer._parameters.values() if p is not None)
        return self.original(x.to(kind))

    @abstractmethod
    def compute(self, x: Tensor, *copies: Tensor | None) -> Tensor:
        """The layer's output.

        Args:
            x: ``(B, ...)``, contiguous.
            copies: of weight and bias, ``(B * C,)`` each, or ``None``.
        """

    def _booked(self, x: Tensor, *, probed: bool) -> Tensor:
        x = x.contiguous()
        copies = self._copies(x)
        if probed or must_repeat():
            return Witnessed.apply(self, x, *copies)
        return self.compute(x, *copies)

    def _copies(self, x: Tensor) -> list[Tensor | None]:
        copies: list[Tensor | None] = []
        for name, parameter in self.layer._parameters.items():
            if parameter is None:
                copies.append(None)
                continue
            own = parameter.detach()
            own = own if own.dtype == x.dtype else own.to(x.dtype)
            copy = own.expand(x.shape[0], -1).contiguous().view(-1)
            if name in self.numbers:
                self.recorder.expect(self, self.numbers[name], copy.requires_grad_(), x.shape[0])
            copies.append(copy)
        return copies


class GroupNormTap(ExpandedTap):
    """The rule for ``nn.GroupNorm``: B records of C channels are one record of B * C channels."""

    layer: nn.GroupNorm

    def compute(self, x: Tensor, *copies: Tensor | None) -> Tensor:
        weight, bias = copies
        output = torch.group_norm(
            _one_record(x),
            x.shape[0] * self.layer.num_groups,
            weight,
            bias,
            self.layer.eps,
            torch.backends.cudnn.enabled,
        )
        # An ordinary view could be changed in place by the next layer at a price only.
        return torch.ops.aten._unsafe_view.default(output, x.shape)


class InstanceNormTap(ExpandedTap):
    """The rule for ``nn.InstanceNorm1d`` to ``3d`` without running statistics."""

    layer: nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d

    def takes(self, x: Tensor) -> bool:
        # What the layer refuses, it refuses in its own words.
        unbatched = x.dim() == self.layer._get_no_batch_dim()
        return x.shape[0] > 0 and not unbatched and x.shape[2:].numel() > 1

    def compute(self, x: Tensor, *copies: Tensor | None) -> Tensor:
        weight, bias = copies
        output = torch.batch_norm(
            _one_record(x), weight, bias, None, None, True, 0.0, self.layer.eps,
            torch.backends.cudnn.enabled,
        )  # fmt: skip
        return torch.ops.aten._unsafe_view.default(output, x.shape)


class PReLUTap(ExpandedTap):
    """The rule for ``nn.PReLU`` with one slope or one per channel."""

    layer: nn.PReLU

    def compute(self, x: Tensor, *copies: Tensor | None) -> Tensor:
        (slopes,) = copies
        assert slopes is not None
        shape = [1] * x.dim()
        shape[0] = x.shape[0]
        shape[1:2] = [slopes.numel() // x.shape[0]] if x.dim() > 1 else []
        return torch.ops.aten._prelu_kernel.default(x, slopes.view(shape))


def _one_record(x: Tensor) -> Tensor:
    """All channels of all records side by side: ``(B, C, *spatial)`` to ``(1, B * C, L)``."""
    # One dimension, for in two torch's batch_norm backward takes a channels-last (1, C, H, W) with
    # an odd first stride, as views of gradients are, for a contiguous one: numbers change places.
    return x.view(1, x.shape[0] * x.shape[1], x.shape[2:].numel())
