import math

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from workbench.accounting.composition import FINE
from workbench.accounting.gaussian import (
    gaussian_delta,
    gaussian_epsilon,
    gaussian_noise_multiplier,
)
from workbench.accounting.guarantee import Guarantee, round_up
from workbench.accounting.pld import (
    COARSE,
    REFINED,
    epsilon_for_drawing,
    epsilon_spent,
    noise_for,
)
from workbench.errors import BadInput


@pytest.mark.parametrize(
    ("noise_multiplier", "sample_rate", "steps", "delta"),
    [(1.0, 0.05, 500, 1e-5), (2.0, 0.1, 200, 1e-5), (0.7, 0.05, 300, 1e-3)],
)
def test_the_reported_epsilon_is_that_of_dp_accountings_pld(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> None:
    accountant = PLDAccountant()
    step = dp_event.PoissonSampledDpEvent(sample_rate, dp_event.GaussianDpEvent(noise_multiplier))
    accountant.compose(dp_event.SelfComposedDpEvent(step, steps))

    spent = epsilon_spent(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
    )

    assert spent == pytest.approx(accountant.get_epsilon(delta), abs=1e-6)


@given(noise_multiplier=st.floats(0.5, 5), sample_rate=st.floats(0.01, 0.5))
@settings(max_examples=5, deadline=None)
def test_what_is_reported_is_below_neither_computation(
    noise_multiplier: float, sample_rate: float
) -> None:
    setting = {"noise_multiplier": noise_multiplier, "sample_rate": sample_rate, "steps": 100}
    own = epsilon_for_drawing(**setting, delta=1e-5, grid=FINE)  # type: ignore[arg-type]
    accountant = PLDAccountant()
    step = dp_event.PoissonSampledDpEvent(sample_rate, dp_event.GaussianDpEvent(noise_multiplier))
    accountant.compose(dp_event.SelfComposedDpEvent(step, 100))
    reported = epsilon_spent(**setting, delta=1e-5)  # type: ignore[arg-type]
    assert reported >= own
    assert reported >= accountant.get_epsilon(1e-5) * (1 - 1e-12) or reported > 100
    assert reported == pytest.approx(own, rel=1e-4)


def test_at_full_batch_pld_and_the_closed_form_agree() -> None:
    accountant = PLDAccountant()
    accountant.compose(dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(20.0), 100))
    exact = epsilon_spent(noise_multiplier=20, sample_rate=1, steps=100, delta=1e-5)
    assert exact == pytest.approx(1.9931, abs=1e-4)
    assert exact == pytest.approx(accountant.get_epsilon(1e-5), abs=1e-3)


@given(
    noise_multiplier=st.floats(0.05, 50),
    sample_rate=st.floats(1e-5, 0.999),
    steps=st.integers(1, 100_000),
    delta=st.floats(1e-9, 1e-2),
)
@settings(max_examples=12, deadline=None)
def test_the_value_for_drawing_is_never_below_the_refined_nor_that_below_the_fine_one(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> None:
    setting = {
        "noise_multiplier": noise_multiplier,
        "sample_rate": sample_rate,
        "steps": steps,
        "delta": delta,
    }
    quick, refined, fine = (
        epsilon_for_drawing(**setting, grid=grid) for grid in (COARSE, REFINED, FINE)
    )
    assert quick >= refined >= fine
    assert fine <= gaussian_epsilon(noise_multiplier, steps, delta) * (1 + 1e-12)
    if sample_rate > 1e-3 and steps <= 10_000:
        assert quick == pytest.approx(fine, rel=0.02, abs=1e-3)


@given(
    noise_multiplier=st.floats(0.3, 50),
    sample_rate=st.floats(1e-4, 0.9),
    steps=st.integers(1, 10_000),
    delta=st.floats(1e-8, 1e-2),
    more=st.floats(1.02, 2),
)
@settings(max_examples=40, deadline=None)
def test_epsilon_falls_with_noise_and_delta_and_grows_with_rate_and_steps(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float, more: float
) -> None:
    def epsilon(**changed: float) -> float:
        setting = {
            "noise_multiplier": noise_multiplier,
            "sample_rate": sample_rate,
            "steps": steps,
            "delta": delta,
        }
        return epsilon_for_drawing(**{**setting, **changed})  # type: ignore[arg-type]

    here = epsilon() * (1 + 1e-6) + 1e-9
    assert epsilon(noise_multiplier=noise_multiplier * more) <= here
    assert epsilon(delta=delta * more) <= here
    assert epsilon(sample_rate=sample_rate / more) <= here
    assert epsilon(steps=max(1, int(steps / more))) <= here


@pytest.mark.parametrize("noise_multiplier", [1e-4, 3e-3, 0.05, 1e3])
@pytest.mark.parametrize("sample_rate", [1e-6, 0.05, 0.999999])
@pytest.mark.parametrize("steps", [1, 1000, 1_000_000])
def test_the_quick_answer_stands_any_setting_of_a_slider(
    noise_multiplier: float, sample_rate: float, steps: int
) -> None:
    setting = {"noise_multiplier": noise_multiplier, "sample_rate": sample_rate, "steps": steps}
    quick = epsilon_for_drawing(**setting, delta=1e-5)  # type: ignore[arg-type]
    assert 0 <= quick <= gaussian_epsilon(noise_multiplier, steps, 1e-5) * (1 + 1e-12)
    assert epsilon_for_drawing(**setting, delta=1e-5, grid=REFINED) <= quick  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("noise_multiplier", "sample_rate", "steps", "delta", "epsilon"),
    [
        # dp-accounting 0.6, PLD, connect the dots on a grid of 1e-4
        (1.0, 0.0128, 2000, 1e-5, 3.39811),
        (1.0, 0.05, 500, 1e-4, 6.47747),
        (2.0, 0.2, 300, 1e-4, 8.18295),
        (0.6, 0.001, 20_000, 1e-6, 3.74686),
        (0.3, 0.05, 500, 1e-5, 164.52700),
        (3.0, 0.05, 500, 1e-5, 1.52408),
        (10.0, 0.05, 500, 1e-5, 0.38870),
    ],
)
def test_epsilon_is_dp_accountings_to_five_digits(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float, epsilon: float
) -> None:
    spent = epsilon_spent(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
    )
    assert spent == pytest.approx(epsilon, rel=3e-5)


def test_nearly_full_sampling_costs_nearly_the_closed_form() -> None:
    spent = epsilon_spent(noise_multiplier=30, sample_rate=1 - 1e-9, steps=1000, delta=1e-5)
    assert spent == pytest.approx(gaussian_epsilon(30, 1000, 1e-5), rel=1e-4)


@given(st.floats(1e-3, 30), st.floats(1e-3, 30))
def test_more_noise_costs_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert gaussian_epsilon(high, 1, 1e-5) <= gaussian_epsilon(low, 1, 1e-5)


@given(mu=st.floats(0.05, 8), epsilon=st.floats(0.01, 20))
def test_the_closed_form_is_the_textbook_formula(mu: float, epsilon: float) -> None:
    textbook = norm.cdf(-epsilon / mu + mu / 2) - math.exp(epsilon) * norm.cdf(
        -epsilon / mu - mu / 2
    )
    assert gaussian_delta(epsilon, mu) == pytest.approx(textbook, abs=1e-12)


def test_tiny_noise_has_a_finite_huge_epsilon_and_no_noise_an_infinite_one() -> None:
    assert gaussian_epsilon(1e-4, 1, 1e-5) == pytest.approx(5.0e7, rel=1e-2)
    assert gaussian_epsilon(0, 1, 1e-5) == math.inf
    spent = epsilon_spent(noise_multiplier=1e-3, sample_rate=0.05, steps=300, delta=1e-3)
    assert math.isfinite(spent)


@pytest.mark.parametrize("target", [0.01, 1.0, 8.0, 1e9])
@pytest.mark.parametrize("sample_rate", [0.05, 1.0])
def test_calibrated_noise_meets_the_target_from_below(target: float, sample_rate: float) -> None:
    noise = noise_for(target_epsilon=target, sample_rate=sample_rate, steps=100, delta=1e-4)
    spent = epsilon_spent(noise_multiplier=noise, sample_rate=sample_rate, steps=100, delta=1e-4)
    assert 0.998 * target < spent <= target * (1 + 1e-9)


@given(
    noise_multiplier=st.floats(0.3, 30),
    sample_rate=st.floats(1e-3, 0.5),
    steps=st.integers(10, 10_000),
)
@settings(max_examples=15, deadline=None)
def test_quick_calibration_is_the_inverse_of_the_quick_answer(
    noise_multiplier: float, sample_rate: float, steps: int
) -> None:
    epsilon = epsilon_for_drawing(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=1e-5
    )
    assume(epsilon >= 0.01)
    noise = noise_for(
        target_epsilon=epsilon, sample_rate=sample_rate, steps=steps, delta=1e-5, exact=False
    )
    assert noise == pytest.approx(noise_multiplier, rel=1e-3)


def test_a_target_that_any_noise_keeps_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="No noise multiplier between 1e-8 and 1e8") as refused:
        noise_for(target_epsilon=8, sample_rate=1e-3, steps=1, delta=1e-2)
    assert refused.value.field == "target_epsilon"


def test_an_unreachable_target_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="No noise multiplier"):
        gaussian_noise_multiplier(1e18, 1, 1e-5)


@given(st.floats(0, 1e3))
def test_an_epsilon_is_never_shown_smaller_than_it_is(epsilon: float) -> None:
    assert float(round_up(epsilon)) >= epsilon - 1e-6


def test_a_guarantee_says_everything_it_rests_on() -> None:
    said = str(
        Guarantee(
            epsilon=7.9912,
            delta=1e-5,
            unit="patient",
            sampling="Poisson q = 0.05, 400 steps",
            assumptions=("n", "window"),
        )
    )
    assert said == (
        "(8.00, 1e-05)-DP per patient, add or remove one, Poisson q = 0.05, 400 steps, PLD; "
        "assumed public: n, window."
    )


def test_a_void_guarantee_promises_nothing() -> None:
    void = Guarantee.void("the noise was drawn from a seed")
    assert not void.private
    assert str(void) == "No privacy guarantee: the noise was drawn from a seed."
