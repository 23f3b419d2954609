"""What the probe must catch, and when it looks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from slow_truth import Losses, bookkeeper, check_against_truth
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from workbench.dpsgd.bookkeeping.engine import BookkeepingEngine
from workbench.dpsgd.bookkeeping.expanded import (
    ExpandedTap,
    GroupNormTap,
    InstanceNormTap,
    PReLUTap,
)
from workbench.dpsgd.bookkeeping.probe import ProbeFailed

LAYERS: dict[type[ExpandedTap], Callable[[], nn.Module]] = {
    GroupNormTap: lambda: nn.GroupNorm(2, 4),
    InstanceNormTap: lambda: nn.InstanceNorm2d(4, affine=True),
    PReLUTap: lambda: nn.PReLU(4),
}
every_rule = pytest.mark.parametrize("rule", LAYERS, ids=lambda rule: rule.__name__)


class _Scaled(torch.autograd.Function):
    """The same number, with another gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None


def break_rule(
    rule: type[ExpandedTap], where: str, monkeypatch: pytest.MonkeyPatch, factor: float = 1.5
) -> None:
    """Let a rule compute what it should, with a gradient that is half as large again."""
    right = rule.compute

    def wrong(tap: ExpandedTap, x: Tensor, *copies: Tensor | None) -> Tensor:
        if where == "input":
            x = _Scaled.apply(x, factor)
        if where == "weights":
            copies = tuple(c if c is None else _Scaled.apply(c, factor) for c in copies)
        output = right(tap, x, *copies)
        return _Scaled.apply(output, factor) if where == "output" else output

    monkeypatch.setattr(rule, "compute", wrong)


def network(rule: type[ExpandedTap]) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), LAYERS[rule](), nn.ELU(), nn.Conv2d(4, 4, 3), nn.ELU(),
        nn.Flatten(), nn.Linear(144, 3),
    ).double()  # fmt: skip


def pictures(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((count, 1, 8, 8), generator=generator, dtype=torch.float64)


def losses_of(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).square().sum(1)


def step(engine: BookkeepingEngine, losses: Tensor) -> None:
    engine.accumulate(losses, np.arange(len(losses)))
    engine.release()


@every_rule
@pytest.mark.parametrize("where", ["output", "weights", "input"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_rule_of_copied_weights_that_gives_a_wrong_gradient_is_caught_at_the_first_step(
    rule: type[ExpandedTap], where: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(rule, where, monkeypatch)
    engine = bookkeeper(network(rule), 1.0)
    with pytest.raises(ProbeFailed, match="so no step is taken"):
        step(engine, losses_of(engine.model, pictures(count)))


@every_rule
def test_so_is_one_that_computes_another_output(
    rule: type[ExpandedTap], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = rule.compute
    monkeypatch.setattr(rule, "compute", lambda tap, x, *copies: 1.5 * right(tap, x, *copies))
    engine = bookkeeper(network(rule), 1.0)
    with pytest.raises(ProbeFailed, match="they differ most in layer"):
        step(engine, losses_of(engine.model, pictures(3)))


@every_rule
def test_so_is_one_under_autocast(rule: type[ExpandedTap], monkeypatch: pytest.MonkeyPatch) -> None:
    for factor in (1.0, 1.5):
        break_rule(rule, "weights", monkeypatch, factor)
        model = nn.Sequential(LAYERS[rule](), nn.Flatten(), nn.Linear(64, 3))
        engine = bookkeeper(model, 1.0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = losses_of(model, pictures(3).float().view(3, 4, 4, 4) - 0.5)
            if factor == 1.0:
                step(engine, losses)
            else:
                with pytest.raises(ProbeFailed, match="so no step is taken"):
                    step(engine, losses)


def _nodes(losses: Tensor) -> set[str]:
    seen, rest = set(), [losses.grad_fn]
    while rest:
        node = rest.pop()
        if node is not None and node not in seen:
            seen.add(node)
            rest += [before for before, _ in node.next_functions]
    return {node.name() for node in seen}


@every_rule
def test_where_nothing_is_probed_the_layer_costs_no_python_on_the_way_back(
    rule: type[ExpandedTap],
) -> None:
    engine = bookkeeper(network(rule), 1.0, probe_every=2)
    for probed in (True, False, True):
        losses = losses_of(engine.model, pictures(3))
        assert ("WitnessedBackward" in _nodes(losses)) == probed
        step(engine, losses)


def test_losses_that_wait_while_a_probe_falls_due_put_it_off_to_the_next_that_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = network(GroupNormTap)
    engine = bookkeeper(model, 1.0, probe_every=2)
    step(engine, losses_of(model, pictures(3)))
    break_rule(GroupNormTap, "weights", monkeypatch)
    waiting = [losses_of(model, pictures(3, seed)) for seed in range(2)]
    for losses in waiting:
        step(engine, losses)  # the second is due, but nobody knew at its forward pass
    with pytest.raises(ProbeFailed, match="so no step is taken"):
        step(engine, losses_of(model, pictures(3)))


class _Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block = nn.Sequential(
            nn.InstanceNorm2d(4, affine=True), nn.ELU(), nn.GroupNorm(2, 4), nn.PReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.block, self.stem(x), use_reentrant=False).flatten(1)


def test_checkpointed_layers_may_wait_and_run_again_in_a_chunk_that_is_probed_or_not() -> None:
    torch.manual_seed(0)
    model = _Checkpointed().double()
    engine = bookkeeper(model, 1.0, probe_every=2)
    waiting = [losses_of(model, pictures(3, seed)) for seed in range(4)]
    for losses in waiting:
        step(engine, losses)
    for seed in range(3):
        step(engine, losses_of(model, pictures(3, seed)))


@every_rule
def test_checkpointed_rules_are_asked_too(
    rule: type[ExpandedTap], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(rule, "weights", monkeypatch)
    model = _Checkpointed().double()
    engine = bookkeeper(model, 1.0)
    with pytest.raises(ProbeFailed, match="they differ most in layer block"):
        step(engine, losses_of(model, pictures(3)))


def _on(x: Tensor) -> Losses:
    return lambda model, records: losses_of(model, x[records])


@every_rule
@pytest.mark.parametrize("units", [[0, 1, 2, 3], [0, 0, 1, 1], [4, 7, 4, 7], [0, 1, 1, 1]])
def test_units_of_several_records_are_asked_with_all_of_them(
    rule: type[ExpandedTap], units: list[int]
) -> None:
    check_against_truth(network(rule), _on(pictures(4)), np.array(units))


def test_a_network_of_nothing_but_copied_weights_is_asked_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = nn.Sequential(nn.GroupNorm(1, 1), nn.ELU(), nn.PReLU(), nn.Flatten()).double()
    check_against_truth(model, _on(pictures(4)), np.arange(4))
    break_rule(PReLUTap, "input", monkeypatch)
    engine = bookkeeper(model, 1.0)
    with pytest.raises(ProbeFailed, match="they differ most in layer 0"):
        step(engine, losses_of(model, pictures(4)))
