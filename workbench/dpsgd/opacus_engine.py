"""The same mechanism by Opacus' ways to per-record gradients: to compare and to check with.

Opacus takes the per-record gradients and clips them; averaging over a unit's records, noise and
rounding are ours, so that every engine releases the same gradient from the same seed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from opacus.grad_sample import (
    AbstractGradSampleModule,
    GradSampleModule,
    GradSampleModuleExpandedWeights,
    GradSampleModuleFastGradientClipping,
)
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn

from workbench.dpsgd.gradients import LayerNote
from workbench.dpsgd.noisy_sum import NoisySum
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput

Mode = Literal["hooks", "functorch", "ew", "ghost"]
_RULES: dict[Mode, str] = {
    "hooks": "Opacus' sampler, or torch.func where it has none",
    "functorch": "Opacus by torch.func, record by record",
    "ew": "torch's expanded weights",
    "ghost": "Opacus' ghost clipping, two backward passes",
}
_HOOKED = {"hooks": "sampler computes wrong gradients", "ghost": "ghost clips with a wrong norm"}


class OpacusEngine:
    """Gradients of DP-SGD by Opacus (Abadi et al. 2016, Algorithm 1).

    The gradients of a unit's records are averaged, the average is clipped to ``max_grad_norm``
    once, the clipped gradients are added to noise of standard deviation
    ``noise_multiplier * max_grad_norm``, and the result is divided by ``expected_units``: a
    public number, never the number of units that were drawn. Units with a gradient that is not
    finite count as zero.

    Args:
        model: the network, fit for per-record gradients (``models.fitness``).
        max_grad_norm: C, > 0.
        noise_multiplier: sigma, >= 0.
        expected_units: sample rate times number of units, > 0.
        stream: where the noise comes from.
        mode: Opacus' way to the per-record gradients; ``"ghost"`` takes one record per unit.
        guarded: whether networks are refused whose gradients Opacus gets wrong. Only an audit,
            which shows what comes of it, has a use for ``False``.

    Raises:
        BadInput: Opacus cannot take this network this way.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        max_grad_norm: float,
        noise_multiplier: float,
        expected_units: float,
        stream: RandomStream,
        mode: Mode = "hooks",
        guarded: bool = True,
    ) -> None:
        if guarded:
            _check_padding(model, mode)
        self._mode: Mode = mode
        self._named = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._sum = NoisySum(
            list(self._named.values()),
            std=noise_multiplier * max_grad_norm,
            expected_units=expected_units,
            stream=stream,
        )
        self._clipping = DPOptimizer(
            torch.optim.SGD(self._named.values(), lr=1.0),
            noise_multiplier=0.0,
            max_grad_norm=max_grad_norm,
            expected_batch_size=None,
            loss_reduction="sum",
        )
        self._recorder = _recorder(model, mode, max_grad_norm)
        self.model: nn.Module = self._recorder

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        """Add the records of one chunk, as every engine does.

        Raises:
            BadInput: a parameter gets no gradient, or ghost clipping is given what it cannot do.
        """
        if len(losses) == 0:
            return
        self._sum.begin()
        with _quiet(), _in_words(self._mode):
            if self._mode == "ghost":
                self._clip_twice(losses, unit_of_record)
            else:
                self._clip_once(losses, unit_of_record)
        with torch.no_grad():
            for parameter, part in zip(self._named.values(), self._sum.parts(), strict=True):
                part += self._clipped(parameter).flatten()

    def release(self) -> None:
        self._sum.release()

    def describe(self) -> list[LayerNote]:
        """Which layer uses what."""
        return [
            LayerNote(
                layer=name,
                type=type(module).__name__,
                rule=_RULES[self._mode],
                parameters=sum(p.numel() for p in own),
            )
            for name, module in self._recorder._module.named_modules()
            if (own := [p for p in module.parameters(recurse=False) if p.requires_grad])
        ]

    def detach(self) -> None:
        self._recorder.to_standard_module()
        self._sum.forget()

    def _clip_once(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        losses.sum().backward()
        for name, parameter in self._named.items():
            parameter.grad = None  # neither clipped nor noisy
            if getattr(parameter, "grad_sample", None) is None:
                raise BadInput(
                    f"No gradient reaches parameter {name}: nothing that leads to the loss uses "
                    "it; use it, or freeze it with requires_grad_(False).",
                    field="model",
                )
        _average_by_unit(self._clipping.params, unit_of_record)
        self._clipping.clip_and_accumulate()
        for parameter in self._clipping.params:
            parameter.grad_sample = None

    def _clip_twice(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        if len(np.unique(unit_of_record)) < len(losses):
            raise BadInput(
                "Opacus' ghost clipping knows no units with several records; "
                "choose the engine bookkeeping or opacus.",
                field="engine",
            )
        assert isinstance(self._recorder, GradSampleModuleFastGradientClipping)
        self._forget_gradients()
        losses.sum().backward(retain_graph=True)
        self._forget_gradients()
        factors = self._recorder.get_clipping_coef().detach()
        factors = torch.where(torch.isfinite(factors), factors, 0.0).to(losses)
        self._recorder.disable_hooks()
        torch.where(factors > 0, factors * losses, 0.0).sum().backward()
        self._recorder.enable_hooks()
        for parameter in self._clipping.params:
            if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                self._forget_gradients()
                raise BadInput(
                    "Opacus' ghost clipping cannot leave out a record whose gradient is not a "
                    "number; choose another engine or remove the record.",
                    field="engine",
                )

    def _clipped(self, parameter: Any) -> Tensor:
        """The clipped sum of the chunk; nothing of it is left behind."""
        if self._mode == "ghost":
            clipped, parameter.grad = parameter.grad, None
        else:
            clipped, parameter.summed_grad = parameter.summed_grad, None
        return torch.zeros_like(parameter) if clipped is None else clipped

    def _forget_gradients(self) -> None:
        for parameter in self._named.values():
            parameter.grad = None


class _Expanded(GradSampleModuleExpandedWeights):
    """Opacus' wrapper around expanded weights, which says in words what it cannot do."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        with _in_words("ew"):
            return super().forward(_row_by_row(x), *args, **kwargs)


class _Hooked(GradSampleModule):
    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        with _in_words("hooks"):
            return super().forward(_row_by_row(x), *args, **kwargs)


class _Ghost(GradSampleModuleFastGradientClipping):
    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        with _in_words("ghost"):
            return super().forward(_row_by_row(x), *args, **kwargs)


def _row_by_row(x: Tensor) -> Tensor:
    """The same values laid out row by row, also where a channel's place in memory is ambiguous.

    Opacus 1.6 computes wrong gradients, and ghost clipping wrong norms, of convolutions whose
    input has its channels last in memory.
    """
    return x.flatten().view(x.shape)


def _recorder(model: nn.Module, mode: Mode, max_grad_norm: float) -> AbstractGradSampleModule:
    with _in_words(mode):
        if mode == "ew":
            return _Expanded(model, loss_reduction="sum")
        if mode == "ghost":
            return _Ghost(model, loss_reduction="sum", max_grad_norm=max_grad_norm)
        return _Hooked(model, loss_reduction="sum", force_functorch=mode == "functorch")


def _check_padding(model: nn.Module, mode: Mode) -> None:
    for name, layer in model.named_modules():
        if mode in _HOOKED and getattr(layer, "padding_mode", "zeros") != "zeros":
            raise BadInput(
                f"Layer {name} pads with {layer.padding_mode}, where Opacus' {_HOOKED[mode]}; "
                "choose the engine bookkeeping.",
                field="engine",
            )


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Hooks on a first layer see no gradient of the input; they do not need it.
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


@contextmanager
def _in_words(mode: Mode) -> Iterator[None]:
    """Say as a sentence about the engine what Opacus or torch say as an error of theirs."""
    try:
        yield
    except (NotImplementedError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        raise BadInput(
            f"Opacus ({mode}) cannot train this network record by record: {reason}; "
            "choose the engine bookkeeping.",
            field="engine",
        ) from error


def _average_by_unit(parameters: list[Any], unit_of_record: np.ndarray) -> None:
    """Replace per-record gradients ``(B, ...)`` by per-unit means; non-finite units become zero."""
    _, index, counts = np.unique(unit_of_record, return_inverse=True, return_counts=True)
    finite = torch.ones(len(counts), dtype=torch.bool)
    for parameter in parameters:
        means = parameter.grad_sample
        if len(counts) < len(index):
            shape = (len(counts), *means.shape[1:])
            places = torch.as_tensor(index, device=means.device)
            sums = means.new_zeros(shape).index_add_(0, places, means)
            means = sums / torch.as_tensor(counts).to(means).view(-1, *[1] * (means.ndim - 1))
        parameter.grad_sample = means
        finite &= torch.isfinite(means).flatten(1).all(dim=1).cpu()
    if not finite.all():
        for parameter in parameters:
            parameter.grad_sample[~finite.to(parameter.device)] = 0
