"""Which module is booked by which rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from opacus.grad_sample import GradSampleModule
from torch import nn
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.spectral_norm import SpectralNorm

from workbench.dpsgd.bookkeeping.convolution import ConvolutionTap
from workbench.dpsgd.bookkeeping.embedding import EmbeddingTap
from workbench.dpsgd.bookkeeping.expanded import GroupNormTap, InstanceNormTap, PReLUTap
from workbench.dpsgd.bookkeeping.fallback import FunctionalTap, SamplerTap
from workbench.dpsgd.bookkeeping.layer_norm import LayerNormTap
from workbench.dpsgd.bookkeeping.linear import LinearTap
from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.errors import BadInput

RULES: dict[type[nn.Module], type[Tap]] = {
    nn.Linear: LinearTap,
    nn.Conv1d: ConvolutionTap,
    nn.Conv2d: ConvolutionTap,
    nn.Conv3d: ConvolutionTap,
    nn.ConvTranspose1d: ConvolutionTap,
    nn.ConvTranspose2d: ConvolutionTap,
    nn.ConvTranspose3d: ConvolutionTap,
    nn.GroupNorm: GroupNormTap,
    nn.InstanceNorm1d: InstanceNormTap,
    nn.InstanceNorm2d: InstanceNormTap,
    nn.InstanceNorm3d: InstanceNormTap,
    nn.LayerNorm: LayerNormTap,
    nn.Embedding: EmbeddingTap,
    nn.PReLU: PReLUTap,
}
"""By exact type: a subclass may compute anything, so it is no business of these rules."""


class Planned(NamedTuple):
    """A module, its dotted name and the kind of tap for it."""

    name: str
    module: nn.Module
    tap: type[Tap]


def planned(model: nn.Module) -> list[Planned]:
    """Divide a network into modules that are booked one by one.

    Every trained parameter is in one of them, unless nothing ever calls the module that holds it.

    Raises:
        BadInput: a module cannot be booked by any rule.
    """
    for name, module in model.named_modules():
        if any(p.requires_grad for p in module.parameters()):
            _check(name, module)
    return list(_planned("", model, set()))


def _planned(name: str, module: nn.Module, seen: set[nn.Module]) -> Iterator[Planned]:
    if module in seen or not any(p.requires_grad for p in module.parameters()):
        return
    seen.add(module)
    if type(module) in RULES and _is_as_made(module):
        yield Planned(name, module, RULES[type(module)])
    elif _holds_parameters(module):
        sampled = type(module) in GradSampleModule.GRAD_SAMPLERS and type(module) not in RULES
        yield Planned(name, module, SamplerTap if sampled else FunctionalTap)
    else:
        for child_name, child in module.named_children():
            yield from _planned(f"{name}.{child_name}" if name else child_name, child, seen)


def _is_as_made(module: nn.Module) -> bool:
    """Whether nothing replaced the layer's forward pass or recomputes its weights."""
    return "forward" not in module.__dict__ and set(module._parameters) <= {"weight", "bias"}


def _holds_parameters(module: nn.Module) -> bool:
    """Whether parameters are used in the module's own forward pass.

    A parameter that a child holds too is the child's: some modules know it by a second name.
    """
    below = {p for child in module.children() for p in child.parameters()}
    held = (nn.ParameterList, nn.ParameterDict)
    return (
        is_parametrized(module)
        or any(p is not None and p not in below for p in module._parameters.values())
        or any(isinstance(child, held) for child in module.children())
    )


def _check(name: str, module: nn.Module) -> None:
    """Refuse, in words, what can be recognised as impossible."""
    problem = ""
    if isinstance(module, nn.Embedding):
        for option in ("max_norm", "scale_grad_by_freq", "sparse"):
            if getattr(module, option):
                problem = f"{option} mixes records or changes weights outside of the gradient"
    if isinstance(module, nn.modules.instancenorm._InstanceNorm) and module.track_running_stats:
        problem = "it keeps running statistics of private records"
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        problem = "it mixes the records of a batch"
    if isinstance(module, nn.RNNBase):
        problem = "its time steps cannot be seen from outside; take Opacus' DPLSTM, DPGRU or DPRNN"
    if any(isinstance(hook, SpectralNorm) for hook in module._forward_pre_hooks.values()):
        problem = "its spectral norm changes with every forward pass"
    if problem:
        raise BadInput(
            f"Layer {name or 'the network itself'} ({type(module).__name__}) cannot be trained "
            f"record by record: {problem}.",
            field="model",
        )
