"""A network under Opacus whose per-record gradients are booked, not materialised."""

from __future__ import annotations

from opacus.grad_sample.gsm_base import AbstractGradSampleHooks, AbstractGradSampleModule
from torch import nn

from workbench.dpsgd.bookkeeping.recorder import Recorder
from workbench.errors import BadInput


class BookkeepingHooks(AbstractGradSampleHooks):
    """Taps a network without wrapping it (Opacus' ``wrap_model=False``).

    Args:
        m: the network.
        batch_first: records must lie along the first dimension.
        loss_reduction: ``"mean"`` or ``"sum"``: how the loss joins its records.

    Attributes:
        recorder: keeps the books.

    Raises:
        BadInput: the network cannot be trained record by record.
    """

    def __init__(
        self, m: nn.Module, *, batch_first: bool = True, loss_reduction: str = "mean"
    ) -> None:
        if not batch_first:
            raise BadInput(
                "Book-keeping needs records along the first dimension; "
                "set batch_first=True or choose grad_sample_mode='hooks'.",
                field="batch_first",
            )
        super().__init__(m, batch_first=batch_first, loss_reduction=loss_reduction)
        self.recorder = Recorder(m)

    def remove_hooks(self) -> None:
        """Give the network back as it was."""
        self.recorder.remove()

    def set_grad_sample_to_none(self) -> None:
        """Forget gradients that were booked and not yet clipped."""
        super().set_grad_sample_to_none()
        self.recorder.close()


class BookkeepingModule(BookkeepingHooks, AbstractGradSampleModule):
    """The wrapper that Opacus' users know as ``GradSampleModule``."""

    def __init__(
        self, m: nn.Module, *, batch_first: bool = True, loss_reduction: str = "mean"
    ) -> None:
        nn.Module.__init__(self)
        BookkeepingHooks.__init__(self, m, batch_first=batch_first, loss_reduction=loss_reduction)
        self.grad_accumulation_hook = None
