"""An informed attacker names slices as often as the noise allows, and never beyond the bound."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.accounting.reconstruction import identification_bound
from workbench.auditing.exam import Exam
from workbench.auditing.probes.bench import chosen
from workbench.auditing.robustness.config import MatchingConfig
from workbench.auditing.robustness.informed import clipped
from workbench.auditing.robustness.matching import KNOWN, match, riddle_of
from workbench.auditing.trainings.catalogue import training_named
from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.runs.events import Finished, Progress

SETTINGS = {"size": 16, "candidates": 8, "trials": 20, "steps": 2}


@pytest.fixture
def blobs(tmp_path: Path) -> str:
    """Sixteen slices with labels, none like another."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (16, 16, 16), dtype=np.uint8)
    path = tmp_path / "blobs.npz"
    np.savez(path, images=images, labels=np.arange(16) // 2 % 2, patient=np.arange(16))
    return str(path)


def matched(data: str, **settings: object) -> Finished:
    events = list(match(MatchingConfig(**{**SETTINGS, "data": data, **settings})))  # type: ignore[arg-type]
    assert sum(isinstance(event, Progress) for event in events) >= SETTINGS["trials"]  # type: ignore[operator]
    last = events[-1]
    assert isinstance(last, Finished)
    return last


@pytest.mark.parametrize("settings", [{}, {"sample_rate": 0.99, "engine": "opacus"}])
def test_with_hardly_any_noise_nearly_every_slice_is_named(
    blobs: str, settings: dict[str, object]
) -> None:
    result = matched(blobs, noise_multiplier=1e-3, **settings).result
    assert result["identification"]["correct"] >= 18
    assert result["attribute"]["correct"] >= 18
    assert result["verdict"] == "no violation found"


def test_with_much_noise_naming_is_guessing(blobs: str) -> None:
    last = matched(blobs, noise_multiplier=1e3, trials=60)
    found = last.result["identification"]
    assert found["success"] < 0.35  # of 60 guesses one in eight is right; one audit in 10,000 fails
    assert found["bound"] == pytest.approx(1 / 8, abs=1e-3)
    assert last.result["attribute"]["bound"] == pytest.approx(
        last.result["attribute"]["kappa"], abs=2e-3
    )


def test_bounds_are_those_of_the_claim(blobs: str) -> None:
    last = matched(blobs, noise_multiplier=2.0)
    claim = MatchingConfig(noise_multiplier=2.0, steps=2).claim
    for row in (last.result["identification"], last.result["attribute"]):
        (bound,) = identification_bound([claim.mechanism], np.array([row["kappa"]]))
        assert row["bound"] == pytest.approx(bound)
        assert row["low"] <= row["success"] <= row["high"]
    assert (np.diff(last.arrays["gammas"]) > 0).all()
    assert (last.arrays["gammas"] >= last.arrays["kappas"]).all()


def test_the_attacker_computes_what_the_engine_clips(blobs: str) -> None:
    config = MatchingConfig(data=blobs, size=16, candidates=8, max_grad_norm=0.1)
    riddle = riddle_of(config, load(blobs, size=16), "classification")
    for number in range(3):
        one = chosen(riddle.candidates, np.arange(8) == number)
        exam = Exam(
            records=one,
            network=copy.deepcopy(riddle.network),
            coordinates=1,
            task="classification",
            sample_rate=1.0,
            noise_multiplier=0.0,
            max_grad_norm=0.1,
            steps=1,
            expected_units=1,
            whole=True,
        )
        weights = {n: p.detach().clone() for n, p in exam.network.named_parameters()}
        training_named("bookkeeping")(exam)
        engine = torch.cat([exam.released[0][f"network.{name}"].flatten() for name in weights])
        own = clipped(exam, weights, one)[0]
        assert torch.allclose(own * 0.1, engine.double(), atol=1e-6)
        assert own.norm() == pytest.approx(1.0, abs=1e-6)


def test_too_few_slices_are_told_in_a_sentence(blobs: str) -> None:
    with pytest.raises(BadInput, match=f"9 candidates beside {KNOWN} known ones need 17; ask for"):
        list(match(MatchingConfig(data=blobs, size=16, candidates=9)))


@pytest.mark.parametrize(
    "settings", [{"candidates": 1}, {"trials": 3}, {"noise_multiplier": 0}, {"engine": "none"}]
)
def test_values_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        MatchingConfig(**settings)  # type: ignore[arg-type]
