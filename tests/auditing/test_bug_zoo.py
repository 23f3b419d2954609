"""Every planted bug is caught by the test that was made for it, and no other room is alarmed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest
from probe_cases import bench, caught, claim, sat

from workbench.auditing.finding import Finding
from workbench.auditing.probes import every
from workbench.auditing.trainings.catalogue import training_named
from workbench.auditing.zoo.catalogue import BUGS
from workbench.errors import BadInput

CLAIM = claim(steps=40)
SENSITIVITY, NOISE, SAMPLER = {"sensitivity"}, {"noise"}, {"sampler"}

CAUGHT_BY: dict[str, tuple[set[str], set[str]]] = {
    # bug: tests that must catch it, and rooms that may be alarmed
    "noise-5-percent-low": ({"noise-variance", "noise-everywhere"}, NOISE),
    "noise-20-percent-low": ({"noise-variance", "noise-everywhere", "noise-tails"}, NOISE),
    "noise-over-batch": ({"noise-variance", "noise-tails"}, NOISE),
    "noise-before-clipping": ({"noise-variance", "noise-everywhere"}, NOISE | {"bookkeeping"}),
    "clip-batch-mean": (
        {"sensitivity-canary", "sensitivity-antipodal", "canary-level"},
        SENSITIVITY | {"finiteness", "bookkeeping"},
    ),
    "clip-batch-sum": ({"sensitivity-antipodal"}, SENSITIVITY | {"finiteness"}),
    "clip-per-layer": ({"sensitivity-natural", "sensitivity-huge-loss"}, SENSITIVITY),
    "same-noise-every-step": ({"noise-steps"}, NOISE),
    "shuffle-as-poisson": ({"epoch-repeats", "batch-spread"}, SAMPLER),
    "half-the-steps-charged": ({"steps-charged"}, {"bookkeeping"}),
    "half-the-rate-claimed": ({"inclusion-rate"}, SAMPLER),
    "seed-published": ({"noise-fresh"}, NOISE),
    "batch-norm": ({"sensitivity-extreme"}, SENSITIVITY | {"finiteness"}),
    "ghost-reflect-padding": ({"sensitivity-extreme"}, SENSITIVITY),
    "divide-by-drawn-batch": ({"divisor-constant"}, {"bookkeeping", "noise"}),
    "nan-passes": ({"finite-nan", "finite-infinity"}, {"finiteness"}),
}


@cache
def findings_of(name: str) -> tuple[Finding, ...]:
    training = BUGS[name].load() if name in BUGS else training_named(name)
    transcript = sat(training, CLAIM, nulls=600)
    return (*every.sat(training, bench(), CLAIM), *every.read(transcript, CLAIM))


def test_every_bug_of_the_catalogue_is_expected_here() -> None:
    assert set(CAUGHT_BY) == set(BUGS)


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_caught_by_its_test(name: str) -> None:
    wanted, rooms = CAUGHT_BY[name]
    found = findings_of(name)
    assert wanted <= caught(found)
    assert {finding.room for finding in found if finding.test in caught(found)} <= rooms


@pytest.mark.parametrize("name", ["bookkeeping", "opacus", "opacus-ghost"])
def test_a_right_engine_is_not_caught(name: str) -> None:
    assert not caught(findings_of(name))


def measured(name: str, test: str) -> float:
    return next(finding.measured for finding in findings_of(name) if finding.test == test)


def test_clips_are_wrong_by_as_much_as_theory_says() -> None:
    # Ten parameters of the network, each clipped to the whole norm; the canaries' is an eleventh.
    parameters = len(list(bench().network.parameters()))
    assert measured("clip-per-layer", "sensitivity-huge-loss") == pytest.approx(
        parameters**0.5, rel=0.01
    )
    assert measured("clip-batch-sum", "sensitivity-antipodal") == pytest.approx(2, abs=0.05)


def test_the_noise_is_as_much_too_small_as_the_name_says() -> None:
    assert measured("noise-5-percent-low", "noise-variance") == pytest.approx(0.95, abs=0.01)
    assert measured("noise-20-percent-low", "noise-variance") == pytest.approx(0.8, abs=0.01)


def test_a_network_in_which_a_bug_cannot_be_planted_is_refused() -> None:
    from dataclasses import replace

    from torch import nn

    plain = replace(bench(), network=nn.Sequential(nn.Flatten(), nn.Linear(256, 2)))
    for name in ("batch-norm", "ghost-reflect-padding"):
        with pytest.raises(BadInput, match="no layer that the bug could be planted in"):
            BUGS[name].load()(plain.exam(plain.kept))


def test_every_bug_says_what_people_do_without_loading_torch() -> None:
    for name, bug in BUGS.items():
        assert bug.name == name
        assert bug.says.endswith(".")
        assert not bug.title.endswith(".")
    code = "import sys, workbench.auditing.zoo.catalogue; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
