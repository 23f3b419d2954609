"""Training and validation slices are of different people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet
from workbench.imaging.splits import train_val

MakeSet = Callable[..., SliceSet]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    patients=st.integers(2, 30),
    slices=st.integers(1, 4),
    seed=st.integers(0, 1000),
    fraction=st.floats(0.01, 0.99),
)
def test_every_slice_is_in_one_part_and_no_patient_in_both(
    make_set: MakeSet, patients: int, slices: int, seed: int, fraction: float
) -> None:
    train, val = train_val(make_set(patients, slices), seed=seed, fraction=fraction)
    assert len(train) + len(val) == patients * slices
    assert not set(train.patients) & set(val.patients)
    assert train.patient_count >= 1
    assert val.patient_count >= 1


def test_same_seed_draws_the_same_patients_and_another_seed_others(make_set: MakeSet) -> None:
    slices = make_set(40, 1)
    first, again, other = (set(train_val(slices, seed=seed)[1].patients) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 6


def test_the_sets_own_split_is_used_and_test_slices_are_left_out(make_set: MakeSet) -> None:
    split = np.repeat(["train", "train", "val", "test"], 3)
    train, val = train_val(make_set(split=split), seed=0)
    assert set(train.patients) == {"p0", "p1"}
    assert set(val.patients) == {"p2"}


def test_without_a_validation_part_it_is_drawn_from_the_training_part(make_set: MakeSet) -> None:
    split = np.repeat(["train", "train", "train", "test"], 3)
    train, val = train_val(make_set(split=split), seed=0)
    assert set(train.patients) | set(val.patients) == {"p0", "p1", "p2"}


def test_one_patient_only_is_refused(make_set: MakeSet) -> None:
    with pytest.raises(BadInput, match="all slices are of one patient"):
        train_val(make_set(1, 5), seed=0)


def test_a_patient_on_both_sides_is_refused(make_set: MakeSet) -> None:
    split = np.array(["train", "val", "train"] * 4)
    with pytest.raises(BadInput, match="patient p0 is in both"):
        train_val(make_set(split=split), seed=0)


def test_a_fraction_outside_zero_to_one_is_refused(make_set: MakeSet) -> None:
    with pytest.raises(BadInput, match="fraction must lie between 0 and 1"):
        train_val(make_set(), seed=0, fraction=1.0)


@pytest.mark.parametrize("split", [None, np.repeat(["train"] * 16 + ["val"] * 4, 2)])
def test_fewer_patients_are_a_part_of_more_and_the_same_ones_validate(
    make_set: MakeSet, split: np.ndarray | None
) -> None:
    slices = make_set(20, 2, split=split)
    everyone, validating = train_val(slices, seed=5)
    before: set[str] = set()
    for count in (1, 4, 9, everyone.patient_count):
        train, val = train_val(slices, seed=5, patients=count)
        drawn = set(train.patients.tolist())
        assert len(drawn) == count
        assert len(train) == 2 * count  # with all their slices
        assert before < drawn
        assert val.patients.tolist() == validating.patients.tolist()
        before = drawn
    assert before == set(everyone.patients.tolist())


def test_another_split_seed_draws_other_patients_to_train_on(make_set: MakeSet) -> None:
    split = np.repeat(["train"] * 36 + ["val"] * 4, 1)
    slices = make_set(40, 1, split=split)
    one, other = (set(train_val(slices, seed=s, patients=9)[0].patients) for s in (1, 2))
    assert one != other


def test_more_patients_than_there_are_is_refused(make_set: MakeSet) -> None:
    with pytest.raises(BadInput, match="there are 17 patients to train on, not 18") as refused:
        train_val(make_set(20, 1), seed=0, patients=18)
    assert refused.value.field == "patients"


def test_slices_cut_out_of_a_set_keep_their_patients(make_set: MakeSet) -> None:
    slices = make_set(3, 2, labels=np.array([0, 1, 0, 1, 0, 1]))
    one = slices[-1]
    assert one.patients.tolist() == ["p2"]
    assert one.labels is not None
    assert one.labels.tolist() == [1]
    assert slices.subset(slices.labels == 1).patient_count == 3
