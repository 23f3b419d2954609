"""Private gradients at nearly the price of ordinary ones: one forward and one backward pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.probe import Truth, compare, true_gradient
from workbench.dpsgd.bookkeeping.recorder import Recorder, Strategy
from workbench.dpsgd.gradients import LayerNote
from workbench.dpsgd.noisy_sum import NoisySum
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput


class BookkeepingEngine:
    """Gradients of DP-SGD by book-keeping (Bu et al. 2023), layer by layer the cheaper way.

    The gradients of a unit's records are averaged, the average is clipped to ``max_grad_norm``
    once and added to noise of standard deviation ``noise_multiplier * max_grad_norm``, and the
    result is divided by ``expected_units``: a public number, never the number of units drawn.
    Units with a gradient that is not finite count as zero.

    While the layers of ``model`` are in training mode, their forward passes are booked; otherwise
    the network is as it was. Gradients of single records are not kept after their chunk.

    Args:
        model: the network, fit for per-record gradients (``models.fitness``).
        max_grad_norm: C, > 0.
        noise_multiplier: sigma, >= 0.
        expected_units: sample rate times number of units, > 0.
        stream: where the noise comes from.
        reduce: adds up the noisy sums of several processes in place, ``(P,)``.
        strategy: ``"auto"``, or one way for all layers that have two: for tests.
        probe_every: every so many chunks, the first included, one unit's gradient is compared
            with plain autograd; 0 never does.

    Raises:
        BadInput: this network cannot be trained record by record.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        max_grad_norm: float,
        noise_multiplier: float,
        expected_units: float,
        stream: RandomStream,
        reduce: Callable[[Tensor], None] | None = None,
        strategy: Strategy = "auto",
        probe_every: int = 50,
    ) -> None:
        if not max_grad_norm > 0:
            raise BadInput(
                f"The clipping norm must be above 0, not {max_grad_norm:g}.", field="max_grad_norm"
            )
        self.model = model
        self._recorder = Recorder(model, strategy=strategy, on_open=self._opened)
        self._sum = NoisySum(
            self._recorder.parameters,
            std=noise_multiplier * max_grad_norm,
            expected_units=expected_units,
            stream=stream,
            reduce=reduce,
        )
        self._max_grad_norm = max_grad_norm
        self._probe_every = probe_every
        self._chunks = self._due = 0
        self._unreached: set[int] | None = set(range(len(self._recorder.parameters)))
        self._norms = torch.zeros(0, dtype=torch.float64)

    @property
    def last_norms(self) -> Tensor:
        """Norms of the last chunk's unit gradients before clipping, float64 ``(U,)``.

        In the order in which the units first appeared; they are private, and for audits only.
        """
        return self._norms

    def describe(self) -> list[LayerNote]:
        """Which layer uses what; what depends on shapes is known after the first chunk."""
        return self._recorder.describe()

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        """Add the records of one chunk, as every engine does.

        Raises:
            BadInput: the losses do not come from this network in training mode, or a layer does
                not treat records one by one.
            ProbeFailed: plain autograd found another gradient.
        """
        if len(losses) != len(unit_of_record) or losses.dim() != 1:
            raise BadInput(
                f"There are losses of shape {tuple(losses.shape)} for {len(unit_of_record)} "
                "records; give one loss per record."
            )
        if len(losses) == 0:
            return
        if not losses.requires_grad:
            raise BadInput("These losses lead back to no parameter; leave torch.no_grad().")
        chunk = self._recorder.open()
        chunk.layout = Layout.of(unit_of_record, losses.device)
        try:
            self._book(chunk, losses)
        finally:
            self._recorder.close()

    def release(self) -> None:
        """Write the noisy mean into ``parameter.grad`` and start afresh.

        Raises:
            BadInput: the first draw with records in it left a parameter without any gradient.
        """
        if self._unreached is not None and self._chunks:
            if self._unreached:
                self._sum.forget()
                name = self._recorder.names[min(self._unreached)]
                raise BadInput(
                    f"No gradient reaches parameter {name}: nothing that leads to the loss uses "
                    "it; use it, or freeze it with requires_grad_(False).",
                    field="model",
                )
            self._unreached = None
        self._sum.release()

    def detach(self) -> None:
        """Give the network back as it was."""
        self._recorder.remove()
        self._sum.forget()

    def _opened(self) -> bool:
        self._sum.begin()
        return self._probe_every > 0 and self._chunks >= self._due

    def _book(self, chunk: Chunk, losses: Tensor) -> None:
        layout, truth = chunk.layout_of(len(losses)), None
        if chunk.probed:
            unit = self._chunks % layout.units
            truth = true_gradient(self._recorder, losses, layout, unit)
        if truth is not None:
            self._due = (self._chunks // self._probe_every + 1) * self._probe_every
        with self._recorder.booking():
            losses.backward((1 / layout.counts).to(losses))
        self._recorder.settle()
        self._add(chunk, truth)
        self._chunks += 1
        if self._unreached is not None:
            self._unreached -= chunk.parameters

    @torch.no_grad()
    def _add(self, chunk: Chunk, truth: Truth | None) -> None:
        self._norms = chunk.norms()
        weights = chunk.clip(self._norms, self._max_grad_norm, self._sum.dtype)
        if truth is not None:
            compare(
                chunk,
                truth,
                norms=self._norms,
                weights=weights,
                max_grad_norm=self._max_grad_norm,
                names=self._recorder.names,
            )
        chunk.add(weights, self._sum.parts())
