"""Layers whose few weights are given to every record in a copy of its own.

Ordinary autograd then finds every record's gradient by itself, at the price of the ordinary one,
and no line of Python runs in the backward pass.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.tap import Tap


class ExpandedTap(Tap):
    """A tap that hands the layer's operation one copy of the weights per record."""

    rule = "instantiated, by the layer's own backward pass"

    def run(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self.takes(x):
            return self.original(x, *args, **kwargs)
        self.recorder.open()
        if type(x) is not Tensor:
            x = x.as_subclass(Tensor)
        if not torch.is_autocast_enabled(x.device.type):
            return self.compute(x, *self._copies(x))
        with torch.autocast(x.device.type, enabled=False):
            x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
            return self.compute(x, *self._copies(x))

    def takes(self, x: Tensor) -> bool:
        """Whether there is anything to book."""
        return x.shape[0] > 0

    @abstractmethod
    def compute(self, x: Tensor, *copies: Tensor | None) -> Tensor:
        """The layer's output.

        Args:
            x: ``(B, ...)``.
            copies: of weight and bias, ``(B * C,)`` each, or ``None``.
        """

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
        records, channels = x.shape[:2]
        output = torch.group_norm(
            x.reshape(1, records * channels, *x.shape[2:]),
            records * self.layer.num_groups,
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
            x.reshape(1, x.shape[0] * x.shape[1], *x.shape[2:]),
            weight, bias, None, None, True, 0.0, self.layer.eps, torch.backends.cudnn.enabled,
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
