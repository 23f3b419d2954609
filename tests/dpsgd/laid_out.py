"""Tensors in every layout that torch allows, and networks that hand them to a layer."""

import copy
import itertools
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from slow_truth import Losses
from torch import Tensor, nn

ORDERS = {
    "contiguous": lambda axes: axes,
    "channels last": lambda axes: [axes[0], *axes[2:], *axes[1:2]],
    "transposed": lambda axes: [*axes[:-2], *reversed(axes[-2:])],
    "records inside": lambda axes: [*axes[1:], axes[0]],
}


@dataclass(frozen=True)
class Form:
    """How a tensor lies in memory.

    Attributes:
        order: of the axes, the slowest first.
        gap: whether every second number belongs to something else.
        odd: the stride of axes of size 1, where it may be any number.
        flat: an axis (not the first) along which the numbers are the same, and stored once.
    """

    order: str = "contiguous"
    gap: bool = False
    odd: int | None = None
    flat: int | None = None

    def levelled(self, x: Tensor) -> Tensor:
        """The first numbers along the flat axis instead of all others."""
        if self.flat is None or x.dim() < 2:
            return x
        return x.narrow(1 + self.flat % (x.dim() - 1), 0, 1).expand_as(x)

    def lay(self, x: Tensor) -> Tensor:
        """The same numbers in this form."""
        axes = ORDERS[self.order](list(range(x.dim())))
        laid = fresh(x.permute(axes))
        laid = torch.stack([laid, laid + 1], -1)[..., 0] if self.gap else laid
        laid = laid.permute([axes.index(axis) for axis in range(x.dim())])
        if self.odd is not None:
            sizes = zip(laid.shape, laid.stride(), strict=True)
            strides = [self.odd if size == 1 else stride for size, stride in sizes]
            laid = laid.as_strided(laid.shape, strides)
        levelled = self.levelled(laid)
        return levelled if torch.equal(levelled, x) else laid


STANDARD = Form()
FORMS = st.builds(
    Form,
    order=st.sampled_from(list(ORDERS)),
    gap=st.booleans(),
    odd=st.sampled_from([None, 0, 1, 2, 3, 4096]),
    flat=st.sampled_from([None, None, 0, 1, 2]),
)


def fresh(x: Tensor) -> Tensor:
    """A tensor that was just made."""
    return torch.empty(x.shape, dtype=x.dtype).copy_(x)


class _Laid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, form: Form) -> Tensor:
        return form.lay(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return fresh(grad), None


class _Pulled(torch.autograd.Function):
    """A loss per record whose gradient comes in a form of our choice."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, pull: Tensor, form: Form) -> Tensor:
        ctx.pull, ctx.form = pull, form
        return (out * pull).flatten(1).sum(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.form.lay(ctx.pull * grad.view(-1, *[1] * (ctx.pull.dim() - 1))), None, None


class Between(nn.Module):
    """A layer between an input and an output gradient of drawn forms.

    Args:
        layer: the layer.
        width: size of the last axis of its input; 0 hands the input in as it is, otherwise a
            linear layer lies before, whose gradient tells whether that of the input is right.
        before: form of the input.
        after: form of the output's gradient.
    """

    def __init__(self, layer: nn.Module, width: int, before: Form, after: Form) -> None:
        super().__init__()
        self.first = nn.Linear(width, width, bias=False) if width else nn.Identity()
        self.layer, self.before, self.after = layer, before, after

    def forward(self, x: Tensor) -> Tensor:
        x = self.before.levelled(self.first(x))
        return self.layer(_Laid.apply(x, self.before))

    def losses(self, x: Tensor, pull: Tensor) -> Losses:
        """Losses of a network of this kind, each record with a pull of its own."""

        def losses(model: nn.Module, records: Tensor) -> Tensor:
            assert isinstance(model, Between)
            own, type_ = pull[records], next(model.parameters()).dtype
            given = x[records].to(type_) if x.is_floating_point() else x[records]
            return _Pulled.apply(model(given), own.to(type_), model.after)

        return losses

    def plainly(self) -> "Between":
        """A copy in float64 in which every tensor is as if just made."""
        plain = copy.deepcopy(self).double()
        plain.before = _Fresh(flat=self.before.flat)
        plain.after = STANDARD
        return plain


class _Fresh(Form):
    """Levelled alike, but every number is stored."""

    def lay(self, x: Tensor) -> Tensor:
        return fresh(x)


def shuffled(*shape: int, seed: int) -> Tensor:
    """Numbers from 0.5 to 1.5, no two of them alike: norms and normalisations stay well-posed."""
    generator = torch.Generator().manual_seed(seed)
    count = torch.Size(shape).numel()
    numbers = 0.5 + (torch.randperm(count, generator=generator) + 0.5) / count
    return numbers.float().double().view(shape)


def spatial(dimensions: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Sizes of the axes behind the channels; many of them 1."""
    sizes = itertools.product([1, 1, 2, 5], repeat=dimensions)
    return st.sampled_from(sorted(sizes))
