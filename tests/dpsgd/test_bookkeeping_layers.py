"""Every layer rule against one backward pass per unit, in float64, with clipping active."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from slow_truth import bookkeeper, check_against_truth
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.recorder import Strategy
from workbench.errors import BadInput

STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["auto", "instantiate", "ghost"])
ALL_UNITS = [
    [0, 1, 2, 3],  # a record each
    [7, 4, 7, 4],  # two views, one after the other
    [0, 0, 1, 1],  # two slices of each patient
    [5, 5, 2, 5],  # as many as there are
    [3],
]
UNITS = st.sampled_from(ALL_UNITS).map(np.array)
quick = settings(max_examples=30, deadline=None)


def drawn(*shape: int, seed: int) -> Tensor:
    """Numbers around one: sums of them do not cancel, so relative errors mean something."""
    generator = torch.Generator().manual_seed(seed)
    return 1 + 0.5 * torch.randn(shape, dtype=torch.float64, generator=generator)


def check_layer(
    layer: nn.Module, x: Tensor, units: np.ndarray, strategy: Strategy, *, seed: int
) -> None:
    """Losses that weigh and bend the outputs, each record its own way."""
    layer = layer.double()
    with torch.no_grad():
        out = layer(x)
        for number, parameter in enumerate(layer.parameters()):
            parameter.copy_(drawn(*parameter.shape, seed=seed + number))
    slope = drawn(*out.shape, seed=seed + 77)

    def losses(model: nn.Module, records: Tensor) -> Tensor:
        bent = model(x[records]) * slope[records]
        return (bent + 0.3 * bent.square()).flatten(1).sum(1)

    check_against_truth(layer, losses, units, strategy=strategy)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """A convolution and the shape of one record."""
    dimensions = draw(st.integers(1, 3))
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimensions - 1]
    groups = draw(st.integers(1, 2))
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    padding: Any = draw(st.one_of(st.integers(0, 2), st.sampled_from(["same", "valid"])))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    size = draw(st.integers(dilation * (kernel - 1) + 2, dilation * (kernel - 1) + 4))
    layer = kind(
        groups * draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 3)),
        kernel,
        stride=1 if padding == "same" else draw(st.integers(1, 3)),
        padding=min(padding, size - 1) if isinstance(padding, int) else padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
        padding_mode=mode,
    )
    return layer, (layer.in_channels, *[size] * dimensions)


@st.composite
def transposed(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """A transposed convolution and the shape of one record."""
    dimensions = draw(st.integers(1, 3))
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[dimensions - 1]
    groups = draw(st.integers(1, 2))
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2))
    layer = kind(
        groups * draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 3)),
        kernel,
        stride=stride,
        padding=draw(st.integers(0, (dilation * (kernel - 1)) // 2)),
        # As large as the dilation allows: then it may reach or pass the stride.
        output_padding=draw(st.integers(0, max(stride, dilation) - 1)),
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    return layer, (layer.in_channels, *[draw(st.integers(2, 4))] * dimensions)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(case=convolutions(), units=UNITS, strategy=STRATEGIES, seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_convolutions(
    case: tuple[nn.Module, tuple[int, ...]], units: np.ndarray, strategy: Strategy, seed: int
) -> None:
    layer, shape = case
    check_layer(layer, drawn(len(units), *shape, seed=seed), units, strategy, seed=seed)


@given(case=transposed(), units=UNITS, strategy=STRATEGIES, seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_transposed_convolutions(
    case: tuple[nn.Module, tuple[int, ...]], units: np.ndarray, strategy: Strategy, seed: int
) -> None:
    layer, shape = case
    check_layer(layer, drawn(len(units), *shape, seed=seed), units, strategy, seed=seed)


@pytest.mark.parametrize("units", ALL_UNITS, ids=str)
@pytest.mark.parametrize("strategy", ["auto", "instantiate", "ghost"])
def test_a_wide_convolution_takes_its_grouped_call_and_its_pixel_products(
    units: list[int], strategy: Strategy
) -> None:
    layer = nn.Conv2d(16, 24, 3, padding=1)
    check_layer(layer, drawn(len(units), 16, 6, 5, seed=1), np.array(units), strategy, seed=1)


def test_a_transposed_convolution_that_is_told_its_output_size() -> None:
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2).double()
    x = drawn(3, 2, 4, 4, seed=0)

    def losses(model: nn.Module, records: Tensor) -> Tensor:
        wide, narrow = model(x[records], output_size=[10, 10]), model(x[records])
        return wide.square().flatten(1).sum(1) + narrow.flatten(1).sum(1)

    check_against_truth(layer, losses, np.arange(3))


@given(
    units=UNITS,
    strategy=STRATEGIES,
    inner=st.lists(st.integers(1, 4), max_size=2),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
@quick
def test_linear_layers_with_any_dimensions_between(
    units: np.ndarray,
    strategy: Strategy,
    inner: list[int],
    sizes: tuple[int, int],
    bias: bool,
    seed: int,
) -> None:
    x = drawn(len(units), *inner, sizes[0], seed=seed)
    check_layer(nn.Linear(*sizes, bias=bias), x, units, strategy, seed=seed)


@given(
    units=UNITS,
    dimensions=st.integers(0, 3),
    groups=st.integers(1, 3),
    each=st.integers(1, 3),
    seed=st.integers(0, 99),
)
@quick
def test_group_norm(units: np.ndarray, dimensions: int, groups: int, each: int, seed: int) -> None:
    assume(each > 1 or dimensions > 0)  # one number alone is always normalised to 0
    x = drawn(len(units), groups * each, *[3] * dimensions, seed=seed)
    check_layer(nn.GroupNorm(groups, groups * each), x, units, "auto", seed=seed)


@given(
    units=UNITS,
    dimensions=st.integers(1, 3),
    channels=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@quick
def test_instance_norm(units: np.ndarray, dimensions: int, channels: int, seed: int) -> None:
    kind = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[dimensions - 1]
    x = drawn(len(units), channels, *[3] * dimensions, seed=seed)
    check_layer(kind(channels, affine=True), x, units, "auto", seed=seed)


@given(
    units=UNITS,
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    normalised=st.integers(1, 3),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
@quick
def test_layer_norm(
    units: np.ndarray, shape: list[int], normalised: int, bias: bool, seed: int
) -> None:
    assume(np.prod(shape[-normalised:]) > 1)  # one number alone is always normalised to 0
    layer = nn.LayerNorm(shape[-normalised:], bias=bias)
    check_layer(layer, drawn(len(units), *shape, seed=seed), units, "auto", seed=seed)


@given(
    units=UNITS,
    strategy=STRATEGIES,
    words=st.lists(st.integers(1, 4), max_size=2),
    padding=st.sampled_from([None, 0, 2]),
    seed=st.integers(0, 99),
)
@quick
def test_embeddings(
    units: np.ndarray, strategy: Strategy, words: list[int], padding: int | None, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 5, (len(units), *words), generator=generator)
    check_layer(nn.Embedding(5, 3, padding_idx=padding), x, units, strategy, seed=seed)


@given(
    units=UNITS,
    channels=st.integers(1, 4),
    shared=st.booleans(),
    dimensions=st.integers(0, 3),
    seed=st.integers(0, 99),
)
@quick
def test_prelu_with_one_slope_or_one_per_channel(
    units: np.ndarray, channels: int, shared: bool, dimensions: int, seed: int
) -> None:
    x = drawn(len(units), channels, *[2] * dimensions, seed=seed)
    check_layer(nn.PReLU(1 if shared else channels), x, units, "auto", seed=seed)


FROZEN: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.Conv2d(4, 3, 3), (4, 5, 5)),
    (lambda: nn.ConvTranspose2d(4, 3, 3), (4, 5, 5)),
    (lambda: nn.Linear(4, 3), (4,)),
    (lambda: nn.GroupNorm(2, 4), (4, 3)),
    (lambda: nn.InstanceNorm1d(4, affine=True), (4, 3)),
    (lambda: nn.LayerNorm(4), (2, 4)),
]


@pytest.mark.parametrize("which", ["weight", "bias"])
@pytest.mark.parametrize(("make", "shape"), FROZEN, ids=[str(make()) for make, _ in FROZEN])
@pytest.mark.parametrize("strategy", ["instantiate", "ghost"])
def test_a_layer_of_which_one_half_is_frozen(
    make: Callable[[], nn.Module], shape: tuple[int, ...], which: str, strategy: Strategy
) -> None:
    layer = make()
    layer.get_parameter(which).requires_grad_(False)
    check_layer(layer, drawn(4, *shape, seed=3), np.arange(4), strategy, seed=3)


@pytest.mark.parametrize(
    "option", [{"max_norm": 1.0}, {"scale_grad_by_freq": True}, {"sparse": True}]
)
def test_embeddings_that_mix_records_are_refused_in_words(option: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"Layer .* {next(iter(option))} mixes records"):
        bookkeeper(nn.Sequential(nn.Embedding(5, 3, **option)), 1.0)
