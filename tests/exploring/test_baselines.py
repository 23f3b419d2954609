"""What needs no network: the mean mask and chance, held against the metrics of trainings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from workbench.errors import BadInput
from workbench.exploring.baselines import (
    CHANCE,
    MEAN_MASK,
    baselines,
    baselines_of,
    constant_dice,
    constant_global_dice,
    constant_hausdorff,
    mean_mask,
)
from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.imaging.splits import train_val
from workbench.training.config import TrainConfig
from workbench.training.metrics import dice, global_dice, hausdorff


def masked(masks: np.ndarray, classes: int = 2) -> SliceSet:
    count = len(masks)
    return SliceSet(
        name="drawn",
        images=np.zeros((count, 1, *masks.shape[1:]), np.float32),
        masks=masks[:, None].astype(np.uint8),
        patients=np.arange(count).astype(str),
        classes=tuple(f"class {at}" for at in range(classes)),
    )


def labelled(labels: np.ndarray, classes: int) -> SliceSet:
    return SliceSet(
        name="drawn",
        images=np.zeros((len(labels), 1, 4, 4), np.float32),
        labels=labels.astype(np.int64),
        patients=np.arange(len(labels)).astype(str),
        classes=tuple(f"class {at}" for at in range(classes)),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_one_mask_for_all_is_counted_like_a_networks_masks(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    truths = random.integers(0, classes, (5, 6, 6)) * random.integers(0, 2, (5, 1, 1))
    said = random.integers(0, classes, (6, 6))
    logits = torch.eye(classes)[torch.as_tensor(said)].permute(2, 0, 1).expand(5, -1, -1, -1)
    targets, slices = torch.as_tensor(truths[:, None]), masked(truths, classes)
    assert constant_dice(said, slices) == pytest.approx(dice(logits, targets), abs=1e-6)
    everything = global_dice(logits, targets)
    assert constant_global_dice(said, slices) == pytest.approx(everything, abs=1e-6)
    expected = hausdorff(logits, targets)
    assert constant_hausdorff(said, slices) == pytest.approx(expected, nan_ok=True)


def test_the_mean_mask_of_equal_masks_is_that_mask() -> None:
    truths = np.zeros((4, 8, 8), int)
    truths[:, 2:5, 3:6] = 1
    assert (mean_mask(masked(truths)) == truths[0]).all()
    assert constant_dice(mean_mask(masked(truths)), masked(truths)) == 1


def test_the_cut_fits_the_training_slices_at_least_as_well_as_one_half(discs: str) -> None:
    slices = load(discs)
    assert slices.masks is not None
    half = (slices.masks[:, 0] > 0).mean(axis=0) >= 0.5
    assert constant_dice(mean_mask(slices), slices) >= constant_dice(half.astype(int), slices)


def test_the_mean_mask_never_sees_the_validation_patients() -> None:
    left, right = np.zeros((3, 8, 8), int), np.zeros((3, 8, 8), int)
    left[:, :, :4], right[:, :, 4:] = 1, 1
    [found] = baselines(masked(left), masked(right), "segmentation", "dice")
    assert (found.name, found.value) == (MEAN_MASK, 0)


@pytest.mark.parametrize("metric", ["auroc", "mcc", "balanced_accuracy"])
def test_chance_is_what_blind_labels_get(metric: str) -> None:
    random = np.random.default_rng(0)
    labels, blind = random.integers(0, 2, 100_000), random.random(100_000)
    said = (blind > 0.5).astype(int)
    measured = {
        "auroc": roc_auc_score(labels, blind),
        "mcc": matthews_corrcoef(labels, said),
        "balanced_accuracy": np.mean([(said[labels == c] == c).mean() for c in (0, 1)]),
    }[metric]
    slices = labelled(labels, 2)
    [found] = baselines(slices, slices, "classification", metric)
    assert found.name == CHANCE
    assert found.value == pytest.approx(measured, abs=0.02)


def test_with_more_classes_blind_labels_are_right_more_rarely() -> None:
    slices = labelled(np.arange(9) % 3, 3)
    [found] = baselines(slices, slices, "classification", "balanced_accuracy")
    assert found.value == pytest.approx(1 / 3)


def test_a_calibration_error_has_no_baseline() -> None:
    slices = labelled(np.arange(8) % 2, 2)
    assert baselines(slices, slices, "classification", "ece") == ()


def test_of_a_training_they_are_those_of_its_data_and_split(discs: str) -> None:
    config = TrainConfig(data=discs, split_seed=3)
    train, validation = train_val(load(discs), seed=3)
    [expected] = baselines(train, validation, "segmentation", "dice")
    assert baselines_of(config, "dice") == (expected,)
    assert 0.3 < expected.value < 0.9


def test_slices_without_masks_are_refused() -> None:
    slices = labelled(np.arange(4) % 2, 2)
    with pytest.raises(BadInput, match="has no masks"):
        baselines(slices, slices, "segmentation", "dice")
