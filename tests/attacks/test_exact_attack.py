from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods import exact as home
from workbench.attacks.methods.exact import exact
from workbench.attacks.scoring.score import score
from workbench.errors import BadInput


def small(activation: Callable[[], nn.Module] = nn.ELU) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), activation(), nn.Flatten(),
        nn.Linear(512, 8), activation(), nn.Linear(8, 2),
    )  # fmt: skip


def carry_out(case: Any, seconds: float = 10, seed: int = 0) -> Any:
    return end(exact(case.observation, case.knowledge, seconds=seconds, restarts=1, seed=seed))


@pytest.mark.usefixtures("counted_time")
def test_it_reaches_the_last_digit_that_was_shared(seen: Callable[..., Any]) -> None:
    case = seen(network=small())
    found = carry_out(case)
    assert found.objective < 1e-11
    assert score(case.truth[0], found.images[0]).psnr > 80
    assert found.labels.tolist() == [0]


@pytest.mark.usefixtures("counted_time")
def test_it_goes_on_where_the_search_has_left_off(
    seen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The search gets a fiftieth of its usual time, and stops far from the answer.
    monkeypatch.setattr(home, "SEARCH_SHARE", 0.01)
    case = seen(network=small(nn.Sigmoid))
    found = carry_out(case, seconds=40)
    objectives = found.objective_history[:, 1]
    assert found.objective < 1e-6 * objectives[: len(objectives) // 4].min()
    assert score(case.truth[0], found.images[0]).psnr > 60


@pytest.mark.usefixtures("counted_time")
def test_it_is_never_worse_than_the_search_by_its_own_objective(seen: Callable[..., Any]) -> None:
    case = seen(network=small(nn.ReLU))
    found = carry_out(case, seconds=5)
    assert found.objective <= np.nanmin(found.objective_history[:, 1])


@pytest.mark.usefixtures("counted_time")
def test_labels_need_not_be_told(seen: Callable[..., Any]) -> None:
    case = seen(network=small())
    untold = case._replace(knowledge=Knowledge(network=case.knowledge.network, size=16))
    assert carry_out(untold, seconds=5).labels.tolist() == [0]


@pytest.mark.usefixtures("counted_time")
def test_frames_go_on_through_both_stages(seen: Callable[..., Any]) -> None:
    case = seen(network=small(nn.ReLU))
    frames = list(exact(case.observation, case.knowledge, seconds=5, restarts=1, seed=0))
    assert {frame.budget for frame in frames} == {5}
    assert "solving for every pixel" in {frame.stage for frame in frames}
    times = [frame.seconds for frame in frames if frame.stage == "solving for every pixel"]
    assert times == sorted(times)


def test_large_slices_are_refused(seen: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="32 x 32 pixels, not 48") as error:
        carry_out(seen("cnn", 48))
    assert error.value.field == "size"
