"""Engines by name: the same gradient from each, at different prices."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.engine import BookkeepingEngine
from workbench.dpsgd.engine_names import ENGINES
from workbench.dpsgd.gradients import GradientEngine
from workbench.dpsgd.opacus_engine import Mode, OpacusEngine
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput, check_choice

_MODES: dict[str, Mode] = {
    "opacus": "hooks",
    "opacus-functorch": "functorch",
    "opacus-ew": "ew",
    "opacus-ghost": "ghost",
}


def make_engine(
    name: str,
    model: nn.Module,
    *,
    max_grad_norm: float,
    noise_multiplier: float,
    expected_units: float,
    stream: RandomStream,
    reduce: Callable[[Tensor], None] | None = None,
    guarded: bool = True,
) -> GradientEngine:
    """Make the engine of this name for a network.

    Args:
        name: a key of ``ENGINES``.
        model: the network, fit for per-record gradients (``models.fitness``).
        max_grad_norm: C, > 0.
        noise_multiplier: sigma, >= 0.
        expected_units: sample rate times number of units, > 0.
        stream: where the noise comes from.
        reduce: adds up the noisy sums of several processes in place; with bookkeeping only.
        guarded: as in :class:`OpacusEngine`; audits alone say ``False``.

    Raises:
        BadInput: there is no such engine, or it cannot take this network or several processes.
    """
    check_choice("engine", name, tuple(ENGINES))
    if name == "bookkeeping":
        return BookkeepingEngine(
            model,
            max_grad_norm=max_grad_norm,
            noise_multiplier=noise_multiplier,
            expected_units=expected_units,
            stream=stream,
            reduce=reduce,
        )
    if reduce is not None:
        raise BadInput(
            f"The engine {name} runs in one process only; choose bookkeeping for several.",
            field="engine",
        )
    return OpacusEngine(
        model,
        max_grad_norm=max_grad_norm,
        noise_multiplier=noise_multiplier,
        expected_units=expected_units,
        stream=stream,
        mode=_MODES[name],
        guarded=guarded,
    )
