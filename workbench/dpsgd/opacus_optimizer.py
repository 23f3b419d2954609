"""Opacus' optimizer on top of the books: clipping is ours, everything around it is Opacus'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from opacus.optimizers import DPOptimizer
from opacus.optimizers.optimizer import _check_processed_flag, _mark_as_processed
from torch import Tensor

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.recorder import Recorder
from workbench.dpsgd.noise import NoiseSource
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput


class BookkeepingOptimizer(DPOptimizer):
    """``DPOptimizer`` that finds its clipped sums in the books instead of ``p.grad_sample``.

    Virtual batches, step hooks, schedulers of noise and clipping, and Opacus' own noise work as
    they do in Opacus.

    Args:
        recorder: keeps the books of the network whose parameters are optimised.
        stream: where secure noise comes from; ``None`` takes Opacus' noise.
        options: what ``DPOptimizer`` takes.
    """

    def __init__(
        self, *, recorder: Recorder, stream: RandomStream | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._recorder, self._stream = recorder, stream
        self._drawing: _Drawing | None = None
        if stream is not None:
            recorder.on_open = self._begin_noise

    @property
    def accumulated_iterations(self) -> int:
        """One: several backward passes between two steps are refused."""
        return 1

    def clip_and_accumulate(self) -> None:
        """Clip what was booked since the last call and add it to ``p.summed_grad``.

        Raises:
            BadInput: there was more than one backward pass, or one that left out a parameter.
        """
        chunks = self._recorder.take()
        if len(chunks) > 1:
            raise BadInput(
                "Poisson sampling is not compatible with several backward passes in one step; "
                "call optimizer.step() after each, or use Opacus' BatchMemoryManager."
            )
        sums = self._sums()
        for chunk in chunks:
            self._add(chunk, sums)

    def pre_step(self, closure: Callable[[], float] | None = None) -> bool:
        """As in Opacus: clip; unless a virtual batch goes on, add noise, scale and account."""
        self.clip_and_accumulate()
        if self._check_skip_next_step():
            self._is_last_step_skipped = True
            return False
        self.add_noise()
        self.scale_grad()
        if self.step_hook:
            self.step_hook(self)
        self._is_last_step_skipped = False
        return True

    def zero_grad(self, set_to_none: bool = False) -> None:
        """As in Opacus: what was booked and not yet clipped is forgotten, too."""
        self._recorder.close()
        super().zero_grad(set_to_none)

    @torch.no_grad()
    def add_noise(self) -> None:
        """Opacus' noise; in secure mode ours, on a grid, drawn while the network computed."""
        if self._stream is None:
            super().add_noise()
            return
        noisy = self._noise()
        for parameter, part in zip(
            self._recorder.parameters, noisy.split(self._sizes()), strict=True
        ):
            parameter.grad = part.view_as(parameter)

    @torch.no_grad()
    def _add(self, chunk: Chunk, sums: list[Tensor]) -> None:
        missing = sorted(set(range(len(sums))) - chunk.parameters)
        if missing:
            raise BadInput(
                f"No gradient reaches parameter {self._recorder.names[missing[0]]}: nothing that "
                "leads to the loss uses it; use it, or freeze it with requires_grad_(False).",
                field="module",
            )
        assert chunk.layout is not None
        # Of a mean loss every record's own gradient is B times what comes back.
        scale = chunk.layout.records if self.loss_reduction == "mean" else 1
        norms = chunk.norms() * scale
        weights = chunk.clip(norms, self.max_grad_norm, sums[0].dtype)
        chunk.add(weights * scale, sums)

    def _sums(self) -> list[Tensor]:
        """One ``(P,)`` per parameter; ``p.summed_grad`` looks at the same memory."""
        parameters: list[Any] = self._recorder.parameters
        if parameters[0].summed_grad is None:
            flat = parameters[0].new_zeros(sum(self._sizes())).detach()
            for parameter, part in zip(parameters, flat.split(self._sizes()), strict=True):
                parameter.summed_grad = part.view_as(parameter)
        return [p.summed_grad.view(-1) for p in parameters]

    def _noise(self) -> Tensor:
        """The clipped sums with secure noise, rounded to the public grid, ``(P,)``."""
        parameters: list[Any] = self._recorder.parameters
        for parameter in parameters:
            _check_processed_flag(parameter.summed_grad)
        self._begin_noise()
        assert self._drawing is not None
        drawing, self._drawing = self._drawing, None
        drawing.source.wait()
        if drawing.std != self._std():  # a scheduler changed it meanwhile
            self._begin_noise()
            return self._noise()
        for parameter, part in zip(parameters, drawing.flat.split(self._sizes()), strict=True):
            part += parameter.summed_grad.view(-1)
            _mark_as_processed(parameter.summed_grad)
        drawing.source.snap(drawing.flat)
        return drawing.flat

    def _begin_noise(self) -> bool:
        if self._drawing is None and self._stream is not None:
            like = self._recorder.parameters[0]
            flat = torch.empty(sum(self._sizes()), dtype=like.dtype, device=like.device)
            self._drawing = _Drawing(self._stream, self._std(), flat)
        return False  # no probe: there are no per-record losses to ask

    def _std(self) -> float:
        return float(self.noise_multiplier * self.max_grad_norm)

    def _sizes(self) -> list[int]:
        return [p.numel() for p in self._recorder.parameters]


class _Drawing:
    """Noise of one size that is being drawn into a buffer."""

    def __init__(self, stream: RandomStream, std: float, flat: Tensor) -> None:
        self.std, self.flat = std, flat
        self.source = NoiseSource(stream, std)
        self.source.begin(flat)
