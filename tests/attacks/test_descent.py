from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, rosen, rosen_der
from torch import Tensor

from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Measured, adam, half_cosine, lbfgs


@pytest.fixture(autouse=True)
def _counted(counted_time: None) -> None:
    """The clock goes on by 10 ms whenever it is read."""


def rosenbrock(candidate: Candidate) -> Measured:
    x = candidate.images.flatten()
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    return Measured(value, float(value.detach()))


def started(values: list[float]) -> list[Tensor]:
    return [torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=2, max_size=6))
def test_lbfgs_gets_where_scipys_gets(start: list[float]) -> None:
    *_, last = lbfgs(started(start), rosenbrock, Clock(4), worthwhile=lambda objective: 0.0)
    theirs = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", tol=1e-14)
    # Both may end in the other of the two valleys that there are from four dimensions on.
    assert last.objective < max(theirs.fun, 1e-10) * 1.1 or last.objective < 4.5
    assert last.objective == pytest.approx(
        rosen(last.candidate.images.flatten().numpy()), abs=1e-12
    )


def test_lbfgs_never_goes_uphill_and_tells_the_point_that_it_measured() -> None:
    guesses = list(
        lbfgs(started([-1.2, 1.0]), rosenbrock, Clock(4), worthwhile=lambda objective: 0.0)
    )
    objectives = [guess.objective for guess in guesses]
    assert objectives == sorted(objectives, reverse=True)
    for guess in guesses:
        assert rosenbrock(guess.candidate).objective == guess.objective
    assert objectives[-1] < 1e-12


def test_lbfgs_measures_no_point_twice() -> None:
    seen: list[tuple[float, ...]] = []

    def counted(candidate: Candidate) -> Measured:
        seen.append(tuple(candidate.images.flatten().tolist()))
        return rosenbrock(candidate)

    list(lbfgs(started([-1.2, 1.0]), counted, Clock(4), worthwhile=lambda objective: 0.0))
    assert len(seen) == len(set(seen)) > 20


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_how_lbfgs_goes_does_not_depend_on_the_objectives_scale(scale: float) -> None:
    def scaled(candidate: Candidate) -> Measured:
        measured = rosenbrock(candidate)
        return Measured(scale * measured.descended, measured.objective)

    *_, last = lbfgs(started([-1.2, 1.0]), scaled, Clock(4), worthwhile=lambda objective: 0.0)
    assert last.objective < 1e-8


def test_lbfgs_ends_where_a_dozen_steps_are_not_worth_it() -> None:
    eager = list(lbfgs(started([-1.2, 1.0]), rosenbrock, Clock(4), worthwhile=lambda o: 1e9))
    assert len(eager) == 13


def test_lbfgs_ends_with_its_time() -> None:
    clock = Clock(0.5)
    list(lbfgs(started([-1.2, 1.0]), rosenbrock, clock, worthwhile=lambda objective: 0.0))
    assert clock.elapsed < 0.6


def square(candidate: Candidate, share: float) -> Measured:
    del share
    value = ((candidate.images - torch.tensor([-1.0, 0.25, 2.0])) ** 2).sum()
    return Measured(value, float(value.detach()))


def test_adam_stays_in_the_box_and_finds_the_best_point_of_it() -> None:
    guesses = list(
        adam(
            [torch.full((1, 1, 1, 3), 0.5)], square, Clock(4),
            learning_rates=[0.1], signed=False, decayed=True,
        )
    )  # fmt: skip
    for guess in guesses:
        assert 0 <= guess.candidate.images.min() <= guess.candidate.images.max() <= 1
    np.testing.assert_allclose(guesses[-1].candidate.images.flatten(), [0, 0.25, 1], atol=0.01)


def test_signed_adam_begins_with_steps_of_its_learning_rate_in_every_pixel() -> None:
    steps = adam(
        [torch.full((1, 1, 1, 3), 0.5)], square, Clock(4),
        learning_rates=[0.1], signed=True, decayed=False,
    )  # fmt: skip
    first, second = itertools.islice(steps, 2)
    moved = (second.candidate.images - first.candidate.images).flatten()
    np.testing.assert_allclose(moved, [-0.1, -0.1, 0.1], rtol=1e-4)


def test_adam_ends_where_the_gradient_is_no_number() -> None:
    def broken(candidate: Candidate, share: float) -> Measured:
        del share
        value = torch.sqrt(candidate.images - 0.5).sum()
        return Measured(value, float(value.detach()))

    guesses = list(
        adam(
            [torch.full((1, 1, 1, 3), 0.4)], broken, Clock(1),
            learning_rates=[0.1], signed=False, decayed=False,
        )
    )  # fmt: skip
    assert len(guesses) == 1
    assert math.isnan(guesses[0].objective)


def test_the_learning_rate_goes_down_along_half_a_cosine() -> None:
    assert [half_cosine(share) for share in (0.0, 1.0, 2.0)] == [1.0, 0.0, 0.0]
    assert half_cosine(1 / 3) == pytest.approx(0.75)
