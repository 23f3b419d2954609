"""The one buffer that leaves the patients' side: noise first, then the clipped sums on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from workbench.dpsgd.noise import NoiseSource
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput


class NoisySum:
    """Noise for all parameters, to which the units' clipped gradients are added.

    The noise is drawn before anything is added, so that the un-noised sum never stands alone. A
    fresh buffer is taken for every draw: gradients that were released before stay as they are,
    and nothing else refers to a buffer that is being filled.

    Args:
        parameters: what is trained; noise is drawn in this order.
        std: standard deviation of the noise in every coordinate of the sum, >= 0.
        expected_units: the released sum is divided by it, > 0.
        stream: where the noise comes from.
        reduce: adds up the sums of several processes, in place, before the sum is rounded.

    Raises:
        BadInput: the parameters are not all on one device, or a number is out of its range.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        *,
        std: float,
        expected_units: float,
        stream: RandomStream,
        reduce: Callable[[Tensor], None] | None = None,
    ) -> None:
        if not expected_units > 0:
            raise BadInput(
                f"The expected number of units must be above 0, not {expected_units:g}.",
                field="sample_rate",
            )
        self._parameters = list(parameters)
        self._sizes = [p.numel() for p in self._parameters]
        self._noise = NoiseSource(stream, std)
        self._expected_units = expected_units
        self._reduce = reduce
        self._flat: Tensor | None = None
        self._parts: list[Tensor] = []
        self._noisy = False
        _only_device(self._parameters)

    @property
    def dtype(self) -> torch.dtype:
        """float32, or float64 where the network computes in it."""
        double = any(p.dtype == torch.float64 for p in self._parameters)
        return torch.float64 if double else torch.float32

    def begin(self) -> None:
        """Start to draw the noise of a new sum in the background, unless one was begun."""
        if self._flat is None:
            self._flat = torch.empty(
                sum(self._sizes), dtype=self.dtype, device=_only_device(self._parameters)
            )
            self._noisy = False
            self._noise.begin(self._flat)

    @torch.no_grad()
    def parts(self) -> list[Tensor]:
        """The noisy sum so far, one ``(P,)`` per parameter, to add to in place."""
        flat = self._waited()
        if not self._parts:
            self._parts = list(flat.split(self._sizes))
        return self._parts

    @torch.no_grad()
    def release(self) -> None:
        """Write the noisy sum over ``expected_units`` into ``parameter.grad``; start afresh."""
        parts, flat = self.parts(), self._waited()
        if self._reduce is not None:
            self._reduce(flat)
        self._noise.snap(flat)
        flat /= self._expected_units
        for parameter, part in zip(self._parameters, parts, strict=True):
            gradient = part.view(parameter.shape)
            same = gradient.dtype == parameter.dtype
            parameter.grad = gradient if same else gradient.to(parameter.dtype)
        self._flat, self._parts = None, []

    def forget(self) -> None:
        """Drop a sum that was begun."""
        if self._flat is not None:
            self._waited()
            self._flat, self._parts = None, []

    def _waited(self) -> Tensor:
        self.begin()
        assert self._flat is not None
        if not self._noisy:
            self._noise.wait()
            self._noisy = True
        return self._flat


def _only_device(parameters: Sequence[nn.Parameter]) -> torch.device:
    devices = {p.device for p in parameters}
    if len(devices) != 1:
        raise BadInput(
            f"The network lies on {len(devices)} devices; private training needs it on one.",
            field="device",
        )
    return devices.pop()
