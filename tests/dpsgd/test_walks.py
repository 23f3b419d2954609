"""The way back of a convolution, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from workbench.dpsgd.bookkeeping import walks
from workbench.dpsgd.bookkeeping.patches import Geometry

Case = tuple[Tensor, Tensor, Tensor, Geometry, tuple[int, ...]]


@st.composite
def ways_back(draw: st.DrawFn) -> Case:
    """An input, weight, bias, geometry and output padding that torch takes."""

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(dimensions))

    dimensions, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    kernel, stride, dilation = each(1, 3), each(1, 3), each(1, 2)
    padding, places = each(0, 2), each(1, 5)
    rest = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    axes = zip(places, stride, padding, dilation, kernel, rest, strict=True)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + 1 + r > 0 for n, s, p, d, k, r in axes))
    inputs, outputs = groups * draw(st.integers(1, 3)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    x, weight, bias = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in (
            (draw(st.integers(1, 3)), inputs, *places), (inputs, outputs, *kernel),
            (outputs * groups,),
        )
    )  # fmt: skip
    return x, weight, bias, Geometry(kernel, stride, padding, dilation, groups), rest


@given(ways_back(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_way_back_is_the_transposed_convolution(case: Case, with_bias: bool) -> None:
    x, weight, bias, way, rest = case
    offset = bias if with_bias else None
    expected = torch.convolution(
        x, weight, offset, way.stride, way.padding, way.dilation, True, rest, way.groups
    )
    with torch.no_grad():
        result = walks.back(x, weight, offset, way, rest)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    assert result.is_contiguous()


def test_records_that_do_not_fit_into_one_block_give_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, weight, way = torch.rand(5, 3, 4, 4), torch.rand(3, 1, 3, 3), Geometry(
        (3, 3), (2, 2), (1, 1), (1, 1), 1
    )  # fmt: skip
    with torch.no_grad():
        expected = walks.back(x, weight, None, way, (1, 1))
        monkeypatch.setattr(walks, "_BLOCK", 2 * 9 * 16)
        torch.testing.assert_close(walks.back(x, weight, None, way, (1, 1)), expected)


def test_where_a_graph_is_wanted_there_is_one() -> None:
    x = torch.rand(2, 3, 4, 4, requires_grad=True)
    way = Geometry((3, 3), (1, 1), (1, 1), (1, 1), 1)
    walks.back(x, torch.rand(3, 1, 3, 3), None, way, (0, 0)).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
