"""Whatever layout inputs and gradients have in memory, the books are the same."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from laid_out import FORMS, ORDERS, STANDARD, Between, Form, fresh, shuffled, spatial
from slow_truth import bookkeeper, flat_gradient, truth
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping.recorder import Strategy
from workbench.dpsgd.bookkeeping.strides import standard

STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["auto", "instantiate", "ghost"])
CLOSE = {torch.float64: 1e-10, torch.float32: 1e-4}
Made = tuple[nn.Module, tuple[int, ...]]
"""A layer and the shape of one record."""


class _Scaled(nn.Module):
    """A weight of its own behind a normalisation: no rule knows it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        normed = F.instance_norm(x, eps=0.1) + x
        return (normed.flatten(2) * self.scale).view(x.shape)


def _convolution(draw: st.DrawFn, dimensions: int) -> Made:
    groups, kernel = draw(st.integers(1, 2)), draw(st.sampled_from([1, 3]))
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimensions - 1]
    sizes = draw(st.tuples(st.integers(1, 2), st.integers(1, 5)))
    inputs, outputs = groups * sizes[0], groups * sizes[1]
    step = draw(st.integers(1, 2))
    layer = kind(inputs, outputs, kernel, stride=step, padding=kernel // 2, groups=groups)
    return layer, (inputs, *draw(spatial(dimensions)))


def _transposed(draw: st.DrawFn, dimensions: int) -> Made:
    groups, step = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[dimensions - 1]
    sizes = draw(st.tuples(st.integers(1, 2), st.integers(1, 5)))
    inputs, outputs = groups * sizes[0], groups * sizes[1]
    layer = kind(inputs, outputs, draw(st.integers(1, 2)), stride=step, groups=groups)
    return layer, (inputs, *draw(spatial(dimensions)))


def _instance_norm(draw: st.DrawFn, dimensions: int) -> Made:
    kind = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[dimensions - 1]
    channels, sizes = draw(st.sampled_from([1, 3])), draw(spatial(dimensions))
    assume(np.prod(sizes) > 1)
    return kind(channels, eps=0.1, affine=True), (channels, *sizes)


def _group_norm(draw: st.DrawFn, dimensions: int) -> Made:
    groups, each, sizes = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 3)),
        draw(spatial(dimensions)),
    )
    assume(each * np.prod(sizes) > 1)
    return nn.GroupNorm(groups, groups * each, eps=0.1), (groups * each, *sizes)


def _layer_norm(draw: st.DrawFn, dimensions: int) -> Made:
    shape = (draw(st.integers(1, 3)), *draw(spatial(dimensions)))
    normalised = shape[-draw(st.integers(1, len(shape))) :]
    assume(np.prod(normalised) > 1)
    return nn.LayerNorm(normalised, eps=0.1), shape


def _prelu(draw: st.DrawFn, dimensions: int) -> Made:
    channels = draw(st.integers(1, 3))
    return nn.PReLU(draw(st.sampled_from([1, channels]))), (channels, *draw(spatial(dimensions)))


def _linear(draw: st.DrawFn, dimensions: int) -> Made:
    shape = draw(spatial(dimensions))
    return nn.Linear(shape[-1], draw(st.integers(1, 4))), shape


def _sampled(draw: st.DrawFn, dimensions: int) -> Made:
    shape = draw(spatial(dimensions))
    return nn.RMSNorm(shape[-1], eps=0.1), shape


def _functional(draw: st.DrawFn, dimensions: int) -> Made:
    channels, sizes = draw(st.sampled_from([1, 3])), draw(spatial(dimensions))
    assume(np.prod(sizes) > 1)
    return _Scaled(channels), (channels, *sizes)


RULES: list[Callable[[st.DrawFn, int], Made]] = [
    _convolution, _transposed, _instance_norm, _group_norm, _layer_norm, _prelu, _linear,
    _sampled, _functional,
]  # fmt: skip


@st.composite
def _made(draw: st.DrawFn, rule: Callable[[st.DrawFn, int], Made]) -> Made:
    return rule(draw, draw(st.sampled_from([1, 2, 2, 3])))


def check(
    model: Between,
    x: Tensor,
    pull: Tensor,
    strategy: Strategy,
    *,
    probe_every: int,
    dtype: torch.dtype,
) -> None:
    """Norms and clipped sum equal those of one record after the other, just made, in float64."""
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(shuffled(*parameter.shape, seed=number))
    units, losses = np.arange(len(x)), model.losses(x, pull)
    expected = truth(model.plainly(), losses, units)
    model.to(dtype)
    engine = bookkeeper(model, expected.max_grad_norm, strategy=strategy, probe_every=probe_every)
    engine.accumulate(losses(model, torch.arange(len(x))), units)
    engine.release()
    size = max(float(expected.total.norm()), expected.max_grad_norm)
    assert (flat_gradient(model).double() - expected.total).norm() <= CLOSE[dtype] * size
    assert torch.allclose(engine.last_norms, expected.norms, rtol=CLOSE[dtype], atol=1e-12)


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.removeprefix("_"))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_rule_books_the_same_in_every_layout(
    rule: Callable[[st.DrawFn, int], Made], dtype: torch.dtype, data: st.DataObject
) -> None:
    layer, shape = data.draw(_made(rule))
    records, width = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([0, shape[-1]]))
    model = Between(layer, width, data.draw(FORMS), data.draw(FORMS))
    x = shuffled(records, *shape, seed=data.draw(st.integers(0, 99)))
    with torch.no_grad():
        outputs = layer(x.float()).shape
    pull = model.after.levelled(shuffled(*outputs, seed=records))
    strategy, probe_every = data.draw(STRATEGIES), data.draw(st.integers(0, 1))
    check(model, x, pull, strategy, probe_every=probe_every, dtype=dtype)


@pytest.mark.parametrize("records", [1, 2])
@pytest.mark.parametrize(
    "make",
    [lambda: nn.InstanceNorm2d(3, eps=0.1, affine=True), lambda: nn.GroupNorm(3, 3, eps=0.1),
     lambda: _Scaled(3)],
    ids=["InstanceNorm2d", "GroupNorm", "no rule"],
)  # fmt: skip
def test_normalisations_between_every_two_layouts(
    make: Callable[[], nn.Module], records: int
) -> None:
    forms = [Form(order=order, odd=odd) for order in ORDERS for odd in (None, 1, 3)]
    x, pull = (shuffled(records, 3, 4, 5, seed=seed) for seed in range(2))
    for before, after in itertools.product(forms, forms):
        model = Between(make(), 5, before, after)
        check(model, x, pull, "auto", probe_every=1, dtype=torch.float64)


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@given(
    before=FORMS,
    after=FORMS,
    shape=st.tuples(st.integers(1, 4), *[st.sampled_from([1, 3])] * 2),
    strategy=STRATEGIES,
)
@settings(max_examples=40, deadline=None)
def test_so_do_embeddings(
    dtype: torch.dtype, before: Form, after: Form, shape: tuple[int, ...], strategy: Strategy
) -> None:
    words = torch.arange(int(np.prod(shape))).reshape(shape) % 5
    pull = after.levelled(shuffled(*shape, 3, seed=1))
    model = Between(nn.Embedding(5, 3), 0, before, after)
    check(model, words, pull, strategy, probe_every=1, dtype=dtype)


@pytest.mark.parametrize("weights", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("records", [1, 2])
@pytest.mark.parametrize("norm", [nn.InstanceNorm2d, lambda n, affine: nn.GroupNorm(2, n)])
def test_a_network_that_is_fed_a_picture_of_odd_strides(
    norm: Callable[..., nn.Module], records: int, weights: torch.memory_format
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), norm(8, affine=True), nn.ELU(),
        nn.ConvTranspose2d(8, 1, 2, stride=2),
    ).double()  # fmt: skip
    plain = [fresh(p) for p in model.parameters()]
    x = shuffled(records, 1, 16, 16, seed=0)
    odd = x.as_strided(x.shape, (256, 1, 16, 1))

    def losses(model: nn.Module, records: Tensor) -> Tensor:
        return model(odd if len(records) == len(odd) else x[records]).square().flatten(1).sum(1)

    expected = truth(model, losses, np.arange(records))
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=weights)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), plain, strict=True))
    engine = bookkeeper(model, expected.max_grad_norm)
    engine.accumulate(losses(model, torch.arange(records)), np.arange(records))
    engine.release()
    assert torch.allclose(engine.last_norms, expected.norms, rtol=1e-10)
    assert torch.allclose(flat_gradient(model), expected.total, atol=1e-10)


@given(form=FORMS, shape=st.lists(st.sampled_from([1, 2, 3]), max_size=5))
def test_the_standard_layout_has_the_numbers_and_the_strides_of_a_fresh_tensor(
    form: Form, shape: list[int]
) -> None:
    x = shuffled(*shape, seed=0)
    x = form.lay(form.levelled(x)) if shape else x
    assert torch.equal(standard(x), x)
    assert standard(x).stride() == fresh(x).stride()
    assert standard(fresh(x)).data_ptr() != x.data_ptr()


def test_nothing_is_copied_where_nothing_is_to_be_done() -> None:
    x = torch.rand(2, 1, 4, 4)
    assert standard(x) is x
    odd = x[:1].as_strided((1, 1, 4, 4), (7, 1, 4, 1))
    assert standard(odd).data_ptr() == x.data_ptr()
    assert STANDARD.lay(x).stride() == x.stride()
