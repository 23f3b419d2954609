"""Whether a network treats every record by itself, and making it so.

DP-SGD clips each record's own gradient. A layer that mixes the records of a batch (BatchNorm) has
no such gradient, and a layer that keeps statistics of its input carries private data in a buffer
that no noise was added to. Known layers are found by what they are, unknown ones by what they do
in a trial (``models.trial``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils import parametrizations
from torch.nn.utils.spectral_norm import SpectralNorm

from workbench.models.parameters import kept_aside, refuse_outsiders, refuse_weightless
from workbench.models.stand_in import materialised, unfit
from workbench.models.surgery import Replacement, copied, replacement_for
from workbench.models.trial import try_out


@dataclass(frozen=True)
class Finding:
    """One layer that breaks per-record privacy.

    Attributes:
        layer: its dotted name in the network.
        problem: what it does, in words.
        replacement: what replaced it, in words; empty where nothing safe can.
    """

    layer: str
    problem: str
    replacement: str = ""

    def __str__(self) -> str:
        cure = f"replaced by {self.replacement}" if self.replacement else "cannot be replaced"
        return f"{self.layer}: {self.problem}; {cure}"


def make_fit(
    model: nn.Module, *, surgery: bool = True, example: Tensor | None = None
) -> tuple[nn.Module, list[Finding]]:
    """A network whose every layer treats records one by one.

    Args:
        model: any network; it is not changed.
        surgery: whether layers may be replaced.
        example: ``(B, 1, H, W)`` with B at least 2, as the network will be fed. Only its shape is
            used: the network is tried on noise of that shape, which finds what its layers' types
            do not tell. Without one, layers with buffers that are not known are refused, and
            records mixed inside a ``forward`` stay unseen.

    Returns:
        The network itself where nothing had to change; else a changed copy, in which replaced
        layers keep their affine weights and lazy layers have their first weights. And what was
        found.

    Raises:
        BadInput: a layer breaks privacy and may not, or cannot, be replaced; a parameter is not
            where it is looked for, or no gradient reaches it; the network fails on the example.
    """
    refuse_weightless(model)
    model = materialised(model, example)
    found = list(_findings(model, tried=example is not None))
    _refuse_stuck([finding for finding, _, _ in found], surgery=surgery)
    if found:
        model = copied(model, {old: new.layer for _, old, new in found if new})
    refuse_outsiders(model)
    if example is not None:
        try_out(model, example)
    return model, [finding for finding, _, _ in found]


def _findings(
    model: nn.Module, *, tried: bool
) -> Iterator[tuple[Finding, nn.Module, Replacement | None]]:
    for name, layer in _all_layers(model):
        if problem := _problem(layer, tried=tried):
            new = replacement_for(layer)
            where = name.split(".parametrizations")[0] or "the network itself"
            yield Finding(where, problem, new.words if new else ""), layer, new


def _all_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    seen: set[nn.Module] = set()
    yield from model.named_modules(memo=seen)
    for place, aside in kept_aside(model):
        if isinstance(aside, nn.Module):
            yield from aside.named_modules(memo=seen, prefix=place)


def _problem(layer: nn.Module, *, tried: bool) -> str:
    kind = type(layer).__name__
    if isinstance(layer, _BatchNorm):
        return f"{kind} mixes the records of a batch"
    if isinstance(layer, _InstanceNorm) and layer.track_running_stats:
        return f"{kind} keeps running statistics of private records"
    if _is_spectral(layer):
        return (
            "spectral_norm moves its estimate of the weight's norm on in every forward pass, so "
            "the weight depends on how many passes the draws took, and between a record and the "
            "trained parameter stands a computation that per-record engines do not follow"
        )
    kept = [name for name, _ in layer.named_buffers(recurse=False)]
    if kept and not tried:
        return (
            f"{kind} keeps buffers ({', '.join(kept)}), and only a trial on an example input shows "
            "whether records change them"
        )
    return ""


def _is_spectral(layer: nn.Module) -> bool:
    hooks = layer._forward_pre_hooks.values()
    return isinstance(layer, parametrizations._SpectralNorm) or any(
        isinstance(hook, SpectralNorm) for hook in hooks
    )


def _refuse_stuck(findings: list[Finding], *, surgery: bool) -> None:
    for found in findings:
        if not found.replacement:
            raise unfit(f"{found.layer} ({found.problem}); take a network without it")
        if not surgery:
            raise unfit(
                f"{found.layer} ({found.problem}) and replacing layers is switched off; "
                "allow surgery"
            )
