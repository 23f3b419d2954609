"""A ``PrivacyEngine`` to swap in for Opacus': same calls, less time and memory.

``from workbench.dpsgd.opacus_citizen import PrivacyEngine`` instead of ``from opacus import
PrivacyEngine``, and nothing else changes. Accountants, schedulers, the Poisson loader, virtual
batches, step hooks and checkpoints are Opacus' own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from opacus import PrivacyEngine as OpacusPrivacyEngine
from opacus.grad_sample.gsm_base import AbstractGradSampleHooks, AbstractGradSampleModule
from opacus.optimizers import DPOptimizer
from opacus.utils.uniform_sampler import UniformWithReplacementSampler
from torch import nn, optim
from torch.utils.data import DataLoader

from workbench.dpsgd.bookkeeping.recorder import Recorder
from workbench.dpsgd.opacus_module import BookkeepingHooks, BookkeepingModule
from workbench.dpsgd.opacus_optimizer import BookkeepingOptimizer
from workbench.dpsgd.randomness import RandomStream, SecureStream
from workbench.errors import BadInput

BOOKKEEPING = "bookkeeping"


class PrivacyEngine(OpacusPrivacyEngine):
    """Opacus' ``PrivacyEngine`` with ``grad_sample_mode="bookkeeping"`` unless told otherwise.

    Args:
        accountant: as in Opacus.
        secure_mode: draw records and noise from a stream cipher that is keyed by the operating
            system; needs no other package. Noise then lies on a public grid.
    """

    def __init__(self, *, accountant: str = "prv", secure_mode: bool = False) -> None:
        if not secure_mode:
            super().__init__(accountant=accountant)
        else:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Secure RNG turned off")
                super().__init__(accountant=accountant)
        self.secure_mode = secure_mode
        self._recorder: Recorder | None = None

    def make_private(
        self,
        *,
        module: nn.Module,
        optimizer: optim.Optimizer,
        data_loader: DataLoader,
        noise_multiplier: float,
        max_grad_norm: float | list[float],
        poisson_sampling: bool = True,
        clipping: str = "flat",
        grad_sample_mode: str = BOOKKEEPING,
        **options: Any,
    ) -> Any:
        """As Opacus' ``make_private``, all of whose arguments it takes.

        Raises:
            BadInput: the sampling is not Poisson, a trained parameter is not in the optimizer, or
                book-keeping cannot do what is asked.
        """
        self._check(module, optimizer, poisson_sampling, clipping, grad_sample_mode)
        return super().make_private(
            module=module,
            optimizer=optimizer,
            data_loader=data_loader,
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            poisson_sampling=poisson_sampling,
            clipping=clipping,
            grad_sample_mode=grad_sample_mode,
            **options,
        )

    def make_private_with_epsilon(
        self, *, grad_sample_mode: str = BOOKKEEPING, **options: Any
    ) -> Any:
        """As Opacus' ``make_private_with_epsilon``, all of whose arguments it takes."""
        return super().make_private_with_epsilon(grad_sample_mode=grad_sample_mode, **options)

    def _check(
        self,
        module: nn.Module,
        optimizer: optim.Optimizer,
        poisson_sampling: bool,
        clipping: str,
        grad_sample_mode: str,
    ) -> None:
        if not poisson_sampling:
            raise BadInput(
                "The accountants assume Poisson sampling, so poisson_sampling=False would promise "
                "what is not kept; leave it at True.",
                field="poisson_sampling",
            )
        optimised = {p for group in optimizer.param_groups for p in group["params"]}
        for name, parameter in module.named_parameters():
            if parameter.requires_grad and parameter not in optimised:
                raise BadInput(
                    f"Parameter {name} is trained but not in the optimizer, so that its gradient "
                    "would count for clipping in vain; add it or freeze it.",
                    field="optimizer",
                )
        if grad_sample_mode == BOOKKEEPING and clipping != "flat":
            raise BadInput(
                f"Book-keeping clips whole gradients (clipping='flat'), not {clipping!r}; "
                "choose grad_sample_mode='hooks'.",
                field="clipping",
            )
        if grad_sample_mode != BOOKKEEPING and self.secure_mode:
            raise BadInput(
                f"Secure noise comes with book-keeping, not with {grad_sample_mode!r}; "
                "leave grad_sample_mode at 'bookkeeping'.",
                field="grad_sample_mode",
            )

    def _prepare_model(
        self,
        module: nn.Module,
        *,
        batch_first: bool = True,
        max_grad_norm: float | list[float] = 1.0,
        loss_reduction: str = "mean",
        grad_sample_mode: str = BOOKKEEPING,
        wrap_model: bool = True,
    ) -> AbstractGradSampleModule | AbstractGradSampleHooks:
        if grad_sample_mode != BOOKKEEPING:
            return super()._prepare_model(
                module,
                batch_first=batch_first,
                max_grad_norm=max_grad_norm,
                loss_reduction=loss_reduction,
                grad_sample_mode=grad_sample_mode,
                wrap_model=wrap_model,
            )
        self.validate(module=module, optimizer=None, data_loader=None)
        tapped = self._known(module, loss_reduction)
        if tapped is None:
            kind = BookkeepingModule if wrap_model else BookkeepingHooks
            tapped = kind(module, batch_first=batch_first, loss_reduction=loss_reduction)
        self._recorder = tapped.recorder
        return tapped

    @staticmethod
    def _known(module: nn.Module, loss_reduction: str) -> BookkeepingModule | None:
        """The module itself if it is tapped already, in the same way."""
        if not isinstance(module, AbstractGradSampleModule):
            return None
        if isinstance(module, BookkeepingModule) and module.loss_reduction == loss_reduction:
            return module
        raise BadInput(
            f"The network was made private before in another way ({type(module).__name__}); "
            "pass the network itself.",
            field="module",
        )

    def _prepare_optimizer(
        self,
        *,
        optimizer: optim.Optimizer,
        distributed: bool = False,
        clipping: str = "flat",
        noise_generator: Any = None,
        grad_sample_mode: str = BOOKKEEPING,
        **options: Any,
    ) -> DPOptimizer:
        if grad_sample_mode != BOOKKEEPING:
            return super()._prepare_optimizer(
                optimizer=optimizer,
                distributed=distributed,
                clipping=clipping,
                noise_generator=noise_generator,
                grad_sample_mode=grad_sample_mode,
                **options,
            )
        if distributed:
            raise BadInput(
                "Book-keeping under Opacus runs in one process; "
                "choose grad_sample_mode='hooks' for several.",
                field="module",
            )
        assert self._recorder is not None
        if isinstance(optimizer, DPOptimizer):
            optimizer = optimizer.original_optimizer
        return BookkeepingOptimizer(
            recorder=self._recorder,
            stream=SecureStream() if self.secure_mode else None,
            optimizer=optimizer,
            generator=noise_generator,
            **options,
        )

    def _prepare_data_loader(self, data_loader: DataLoader, **options: Any) -> DataLoader:
        loader = super()._prepare_data_loader(data_loader, **options)
        return _securely_drawn(loader, SecureStream()) if self.secure_mode else loader


class _SecureSampler(UniformWithReplacementSampler):
    """Opacus' Poisson sampler, drawing from a secure stream."""

    def __init__(self, sampler: UniformWithReplacementSampler, stream: RandomStream) -> None:
        super().__init__(
            num_samples=sampler.num_samples, sample_rate=sampler.sample_rate, steps=sampler.steps
        )
        self._stream = stream

    def __iter__(self) -> Iterator[list[int]]:
        for _ in range(self.steps):
            drawn = self._stream.uniform(self.num_samples) < self.sample_rate
            yield drawn.nonzero()[0].tolist()


def _securely_drawn(loader: DataLoader, stream: RandomStream) -> DataLoader:
    """The same loader with another source of its draws."""
    sampler: Any = loader.batch_sampler
    return DataLoader(
        loader.dataset,
        batch_sampler=_SecureSampler(sampler, stream),
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )
