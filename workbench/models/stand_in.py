"""A copy of a network, and noise in place of patients, to see what the network does."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from workbench.errors import BadInput
from workbench.models.parameters import lazy_layer
from workbench.models.surgery import copied

_SEED = 0
_MOST_RECORDS = 4


def unfit(what: str) -> BadInput:
    """The refusal of a network; ``what`` names what it does and what to do."""
    return BadInput(f"The network cannot be trained privately: {what}.", field="model")


def stand_in(model: nn.Module) -> nn.Module:
    """A copy in training mode, the same each time, that says something wherever it can.

    Trainable parameters that are constant, such as a last layer of zeros, are moved a little: a
    network that says nothing shows nothing, and training would move them too.

    Raises:
        BadInput: the network cannot be copied.
    """
    network = copied(model).train()
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad and _is_constant(parameter):
                step = torch.randn(parameter.shape, generator=generator)
                parameter.add_(step.to(parameter), alpha=0.1)
    return network


def noise(model: nn.Module, example: Tensor) -> list[Tensor]:
    """A batch, the same with its first record changed, and the same with its second changed.

    Args:
        model: says which dtype and device it takes.
        example: ``(B, ...)``; only its shape is used, of at most four records.

    Returns:
        Three tensors of the example's shape with values in [0, 1].

    Raises:
        BadInput: the example has fewer than two records.
    """
    if example.ndim < 2 or len(example) < 2:
        raise BadInput(
            f"An example holds at least two records, (B, 1, H, W), not {tuple(example.shape)}.",
            field="example",
        )
    shape = (min(len(example), _MOST_RECORDS), *example.shape[1:])
    generator = torch.Generator().manual_seed(_SEED)
    # The changed records spread wider, so that they also move a batch's minimum and maximum.
    batches = [0.25 + 0.5 * torch.rand(shape, generator=generator)]
    for place in range(2):
        batches.append(batches[0].clone())
        batches[-1][place] = torch.rand(shape[1:], generator=generator)
    weights = (each for each in model.parameters() if each.is_floating_point())
    like = next(weights, example if example.is_floating_point() else batches[0])
    return [batch.to(dtype=like.dtype, device=like.device) for batch in batches]


def answer(network: nn.Module, batch: Tensor) -> Tensor:
    """What a network says of a batch, drawing the same random numbers every time.

    Raises:
        BadInput: it fails, or does not give one finite tensor with a row per record.
    """
    _seed(batch.device)
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            said = network(batch)
    except Exception as error:  # whatever a person's own forward raises
        raise failed("fails on", batch, error) from None
    if not isinstance(said, Tensor) or said.shape[:1] != batch.shape[:1]:
        given = f"shape {tuple(said.shape)}" if isinstance(said, Tensor) else type(said).__name__
        raise unfit(
            f"for a batch of {len(batch)} it gives {given}; "
            "let forward return one tensor of logits whose first axis is the records"
        )
    if not said.isfinite().all():
        raise unfit(
            f"it gives values that are not finite for noise of shape {tuple(batch.shape)} in "
            "[0, 1]; check its weights and divisions"
        )
    return said


def numbers_drawn(device: torch.device) -> bool:
    """Whether the last :func:`answer` drew from the global random generators."""
    left = _generators(device)
    _seed(device)
    return left != _generators(device)


def failed(what: str, batch: Tensor, error: Exception) -> BadInput:
    """The refusal of a network that raised an error of its own on a batch."""
    line = next(iter(str(error).splitlines()), "").rstrip(".")
    return BadInput(
        f"The network {what} images of shape {tuple(batch.shape)} "
        f"({type(error).__name__}{': ' * bool(line)}{line}); "
        "take another image size, or mend its forward.",
        field="model",
    )


def materialised(model: nn.Module, example: Tensor | None) -> nn.Module:
    """The network itself, or where layers wait for a first input (lazy ones) a copy that had one.

    Args:
        model: the network; it is not changed.
        example: the shape of that input, as in :func:`noise`.

    Raises:
        BadInput: there is a lazy layer and no example, or the network fails on it.
    """
    lazy = lazy_layer(model)
    if not lazy:
        return model
    if example is None:
        raise BadInput(
            f"Layer {lazy} has no weights before its first input; give it its sizes, "
            "or show the network an example first.",
            field="model",
        )
    ready = copied(model)
    with generators_kept(model):
        answer(ready.eval(), noise(model, example)[0])
    known = dict(ready.named_modules())
    for place, original in model.named_modules():
        layer = known[place]
        layer.training = original.training
        for name, buffer in original.named_buffers(recurse=False):
            if not is_lazy(buffer):  # what the layer had before it saw noise
                setattr(layer, name, buffer.clone())
    return ready


@contextmanager
def generators_kept(model: nn.Module) -> Iterator[None]:
    """Give the global random generators of Python, NumPy and torch back as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = {each.device.index for each in model.parameters() if each.is_cuda}
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def _is_constant(parameter: Tensor) -> bool:
    flat = parameter.flatten()
    # The first few decide nearly always, and many networks have millions.
    return all(bool((part == flat[:1]).all()) for part in (flat[:64], flat))


def _generators(device: torch.device) -> tuple[object, ...]:
    numpy = np.random.get_state(legacy=False)
    states = [torch.default_generator.get_state()]
    if device.type == "cuda":
        states.append(torch.cuda.default_generators[device.index or 0].get_state())
    return (random.getstate(), repr(numpy), *(state.numpy().tobytes() for state in states))


def _seed(device: torch.device) -> None:
    random.seed(_SEED)
    np.random.seed(_SEED)
    # torch.manual_seed would also set the generators of devices that the network does not use.
    torch.default_generator.manual_seed(_SEED)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(_SEED)
