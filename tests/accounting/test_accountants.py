"""The accountants side by side, and ours in Opacus' hands."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus import PrivacyEngine
from opacus.accountants import RDPAccountant, create_accountant, registry
from opacus.accountants.utils import get_noise_multiplier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from workbench.accounting.accountants import ACCOUNTANTS, APPROXIMATE, epsilon_by
from workbench.accounting.comparison import compare
from workbench.accounting.curve import epsilon_curves
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.opacus_accountant import PLDAccountant, register
from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput

SETTING = {"noise_multiplier": 1.0, "sample_rate": 0.05, "steps": 500, "delta": 1e-5}


def by(name: str, **changed: float) -> float:
    return epsilon_by(name, **{**SETTING, **changed})  # type: ignore[arg-type]


@pytest.fixture
def registered() -> Iterator[None]:
    register()
    yield
    registry._ACCOUNTANTS.pop("pld")


@pytest.mark.parametrize(
    ("name", "epsilon"), [("pld", 7.524), ("prv", 7.534), ("rdp", 8.297), ("gdp", 6.858)]
)
def test_every_accountant_gives_its_published_value(name: str, epsilon: float) -> None:
    assert by(name) == pytest.approx(epsilon, abs=5e-4)


@given(
    noise_multiplier=st.floats(0.5, 10),
    sample_rate=st.floats(1e-3, 0.3),
    steps=st.integers(1, 2000),
    delta=st.floats(1e-8, 1e-3),
)
@settings(max_examples=8, deadline=None)
def test_renyi_is_above_pld_and_prv_within_its_error(
    noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> None:
    setting = {
        "noise_multiplier": noise_multiplier,
        "sample_rate": sample_rate,
        "steps": steps,
        "delta": delta,
    }
    pld = by("pld", **setting)
    assert by("rdp", **setting) >= pld
    assert pld - 1e-3 <= by("prv", **setting) <= pld + 0.025


def test_the_central_limit_is_an_approximation_and_may_be_far_too_small() -> None:
    assert {"gdp"} == APPROXIMATE
    rare = {"noise_multiplier": 0.5, "sample_rate": 0.01, "steps": 100}
    assert by("gdp", **rare) < 0.5 * by("pld", **rare)


def test_at_full_batch_all_agree_with_the_closed_form() -> None:
    full = {"noise_multiplier": 20.0, "sample_rate": 1.0, "steps": 100}
    assert by("pld", **full) == by("gdp", **full) == pytest.approx(1.9931, abs=1e-4)
    assert by("prv", **full) == pytest.approx(1.9931, abs=0.011)
    assert by("rdp", **full) > 1.9931


@pytest.mark.parametrize("name", ACCOUNTANTS)
def test_no_steps_cost_nothing_and_no_noise_costs_everything(name: str) -> None:
    assert by(name, steps=0) == 0
    assert by(name, noise_multiplier=0) == math.inf


def test_an_unknown_accountant_is_refused() -> None:
    with pytest.raises(BadInput, match="must be pld, prv, rdp or gdp, not 'moments'") as refused:
        by("moments")
    assert refused.value.field == "accountant"


@pytest.mark.parametrize(
    "setting",
    [
        {"noise_multiplier": 0.5, "sample_rate": 0.2, "steps": 5000},  # 3.9 GB, then MemoryError
        {"noise_multiplier": 1e-3},
        {"steps": 10**6, "sample_rate": 0.01},
        {"delta": 1e-14},
    ],
)
def test_prv_is_refused_where_it_would_fail(setting: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="PRV accountant cannot do this setting .*; use pld"):
        by("prv", **setting)


@pytest.mark.parametrize("noise", [1e-9, 1e-3, 0.03, 1e6])
def test_extreme_noise_gives_a_number_or_infinity(noise: float) -> None:
    for name in ("pld", "rdp", "gdp"):
        assert by(name, noise_multiplier=noise) >= 0


def test_a_comparison_goes_on_without_those_that_cannot() -> None:
    found = compare(Mechanism(noise_multiplier=1e-2, sample_rate=0.05, steps=500), 1e-5)
    assert list(found.bounds) == ["pld", "rdp"]
    assert found.approximations == {}
    assert set(found.missing) == {"prv", "gdp"}
    assert all(sentence.endswith(".") for sentence in found.missing.values())


def test_a_comparison_with_one_that_cannot_is_refused() -> None:
    tiny = Mechanism(noise_multiplier=1e-2, sample_rate=0.05, steps=500)
    with pytest.raises(BadInput, match="PRV"):
        compare(tiny, 1e-5, accountants=("prv",))
    with pytest.raises(BadInput, match="must be"):
        compare(tiny, 1e-5, accountants=("pld", "moments"))


def test_curves_end_where_the_accountants_end() -> None:
    found = epsilon_curves(1.0, 0.05, 500, 1e-5, points=9)
    assert set(found.curves) == set(ACCOUNTANTS)
    assert found.missing == {}
    for name, (steps, epsilons) in found.curves.items():
        assert (steps[0], steps[-1]) == (1, 500)
        assert np.all(np.diff(steps) > 0)
        assert np.all(np.diff(epsilons) > 0)
        assert epsilons[-1] == pytest.approx(by(name), rel=1e-4)


def test_a_curve_that_cannot_be_is_left_out_with_its_reason() -> None:
    found = epsilon_curves(0.1, 0.05, 500, 1e-5, points=4)
    assert set(found.curves) == {"pld", "rdp", "gdp"}
    assert "PRV" in found.missing["prv"]
    assert len(epsilon_curves(1.0, 0.05, 1, 1e-5, accountants=("pld",)).curves["pld"][0]) == 1


def test_opacus_finds_our_accountant_once_it_is_registered(registered: None) -> None:
    register()  # a second time does no harm
    assert isinstance(create_accountant("pld"), PLDAccountant)
    assert PLDAccountant.mechanism() == "pld"


@pytest.mark.filterwarnings("ignore:Optimal order")
def test_opacus_calibrates_with_it_and_needs_less_noise_than_with_renyi(registered: None) -> None:
    asked = {"target_epsilon": 3.0, "target_delta": 1e-5, "sample_rate": 0.05, "steps": 500}
    noise = get_noise_multiplier(**asked, accountant="pld")
    assert noise < get_noise_multiplier(**asked, accountant="rdp")
    spent = epsilon_spent(noise_multiplier=noise, sample_rate=0.05, steps=500, delta=1e-5)
    assert 3.0 - 0.01 <= spent <= 3.0


def test_it_keeps_its_history_as_opacus_accountants_do() -> None:
    ours, theirs = PLDAccountant(), RDPAccountant()
    for noise, rate, steps in ((1.0, 0.05, 3), (2.0, 0.05, 2), (1.0, 0.05, 1)):
        for _ in range(steps):
            ours.step(noise_multiplier=noise, sample_rate=rate)
            theirs.step(noise_multiplier=noise, sample_rate=rate)
    assert ours.history == theirs.history
    assert len(ours) == 6
    assert ours.get_epsilon(1e-5) < theirs.get_epsilon(1e-5)
    copy = PLDAccountant()
    copy.load_state_dict(ours.state_dict())
    assert copy.get_epsilon(1e-5) == ours.get_epsilon(1e-5)
    with pytest.raises(ValueError, match="rdp"):
        copy.load_state_dict(theirs.state_dict())
    assert PLDAccountant().get_epsilon(1e-5) == 0
    with pytest.raises(BadInput, match="Sample rate"):
        copy.step(noise_multiplier=1.0, sample_rate=1.5)


@pytest.mark.filterwarnings("ignore")  # Opacus warns of its generator and of backward hooks
def test_a_privacy_engine_counts_its_steps_with_it(registered: None) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    loader = DataLoader(TensorDataset(torch.rand(40, 4), torch.arange(40) % 2), batch_size=8)
    engine = PrivacyEngine(accountant="pld")
    model, optimizer, loader = engine.make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        data_loader=loader,
        noise_multiplier=1.5,
        max_grad_norm=1.0,
    )
    for records, targets in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(records), targets).backward()
        optimizer.step()
    assert isinstance(engine.accountant, PLDAccountant)
    assert len(engine.accountant) == 5
    assert engine.get_epsilon(1e-3) == epsilon_spent(
        noise_multiplier=1.5, sample_rate=0.2, steps=5, delta=1e-3
    )
