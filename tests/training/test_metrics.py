import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from workbench.models.losses import Task
from workbench.training.calibration import calibration_error
from workbench.training.hausdorff import hausdorff95
from workbench.training.metrics import dice, scores


@given(st.integers(0, 1000))
def test_dice_is_twice_the_overlap_over_the_sum(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.random((3, 1, 8, 8)) < 0.4
    said = generator.random((3, 1, 8, 8)) < 0.4
    each = [2 * (t & s).sum() / (t.sum() + s.sum()) for t, s in zip(truth, said, strict=True)]
    logits = torch.from_numpy(np.where(said, 1.0, -1.0))
    assert dice(logits, torch.from_numpy(truth)) == pytest.approx(np.mean(each), abs=1e-6)


def test_a_slice_without_organ_counts_as_right_when_none_is_predicted() -> None:
    empty = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    assert dice(torch.full((1, 1, 8, 8), -5.0), empty) == 1.0
    assert dice(torch.full((1, 1, 8, 8), 5.0), empty) == 0.0


def test_dice_of_several_classes_is_their_mean() -> None:
    truth = torch.tensor([[[[0, 1], [1, 2]]]], dtype=torch.uint8)
    logits = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [2, 2]]]), 3).movedim(-1, 1) * 9.0
    assert dice(logits, truth) == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-6)


def test_classification_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    logits = torch.from_numpy(generator.normal(size=(60, 2)))
    found = scores("classification", logits, torch.from_numpy(labels))
    ranked = logits.softmax(dim=1)[:, 1].numpy()
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, ranked))
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(labels, logits.argmax(dim=1).numpy())
    )


def test_the_global_dice_weighs_slices_by_their_outlines() -> None:
    truth, said = np.zeros((2, 1, 8, 8), np.int64), np.zeros((2, 1, 8, 8), np.int64)
    truth[0, 0, :4], said[0, 0, :4] = 1, 1  # 32 pixels, all found
    truth[1, 0, 0, 0] = 1  # one pixel, missed
    logits = torch.from_numpy(np.where(said, 5.0, -5.0))
    found = scores("segmentation", logits, torch.from_numpy(truth))
    assert found["dice"] == pytest.approx(0.5)
    assert found["dice_global"] == pytest.approx(2 * 32 / (33 + 32))


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_the_global_dice_is_scikit_learns_f1_score_over_all_pixels(
    seed: int, classes: int, count: int
) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, (count, 1, 6, 7))
    logits = torch.from_numpy(generator.normal(size=(count, classes, 6, 7)))
    found = scores("segmentation", logits, torch.from_numpy(truth))["dice_global"]
    of_all = f1_score(
        truth.ravel(),
        logits.argmax(dim=1).numpy().ravel(),
        labels=range(1, classes),
        average="macro",
        zero_division=1.0,
    )
    assert found == pytest.approx(of_all)


def outline(seed: int, empty: float) -> np.ndarray:
    """Six slices with ragged blobs, some of them empty, some at the border; (6, 1, 20, 24)."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:20, :24]
    masks = []
    for _ in range(6):
        row, column, radius = generator.uniform((0, 0, 1), (20, 24, 9))
        mask = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        mask ^= generator.random(mask.shape) < 0.03
        masks.append(mask & (generator.random() > empty))
    return np.array(masks)[:, None]


@given(st.integers(0, 10_000), st.sampled_from([None, (0.7, 2.5)]))
@settings(max_examples=25, deadline=None)
def test_the_hausdorff_distance_is_monais_wherever_both_outlines_exist(
    seed: int, spacing: tuple[float, float] | None
) -> None:
    truth, said = outline(seed, 0.2), outline(seed + 10_000, 0.2)
    found = hausdorff95(said[:, 0], truth[:, 0], spacing)
    both = said.any(axis=(1, 2, 3)) & truth.any(axis=(1, 2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own, about its own next version
        wanted = compute_hausdorff_distance(
            *(torch.from_numpy(np.concatenate([~m, m], axis=1)) for m in (said, truth)),
            percentile=95,
            spacing=spacing,
        )[:, 0].numpy()
    np.testing.assert_allclose(found[both], wanted[both], rtol=1e-5, atol=1e-5)


def test_an_outline_that_is_missing_or_invented_is_as_far_away_as_the_picture_allows() -> None:
    masks = np.zeros((3, 30, 40), bool)
    masks[:2, 3:9, 4:9] = True
    nothing = np.zeros_like(masks)
    found = hausdorff95(nothing, masks)
    assert found[:2].tolist() == [50.0, 50.0]
    assert hausdorff95(masks, nothing, (2.0, 2.0))[0] == 100.0
    assert math.isnan(found[2])  # nothing there and nothing found: no distance


def test_slices_without_any_outline_are_left_out_of_the_mean_distance() -> None:
    truth = torch.zeros(3, 1, 30, 40, dtype=torch.uint8)
    truth[0, 0, 10:20, 10:20] = 1
    logits = torch.roll(truth, 3, dims=3).float() * 2 - 1
    found = scores("segmentation", logits, truth)
    assert found["hausdorff95"] == pytest.approx(3.0)
    apart = scores("segmentation", logits, truth, spacing_mm=(1.0, 0.5))
    assert apart["hausdorff95"] == pytest.approx(1.5)
    empty = scores("segmentation", torch.full((3, 1, 30, 40), -1.0), 0 * truth)
    assert math.isnan(empty["hausdorff95"])


def test_the_distance_of_several_classes_is_the_mean_over_those_that_are_there() -> None:
    truth = torch.zeros(1, 1, 20, 20, dtype=torch.uint8)
    truth[0, 0, 2:8, 2:8], truth[0, 0, 12:16, 12:16] = 1, 2
    moved = truth.clone()
    moved[0, 0, 2:8, 2:8] = 0
    moved[0, 0, 2:8, 4:10] = 1
    logits = torch.nn.functional.one_hot(moved[:, 0].long(), 4).movedim(-1, 1) * 9.0
    # Class 1 moved by two pixels, class 2 not at all, class 3 is nowhere.
    assert scores("segmentation", logits, truth)["hausdorff95"] == pytest.approx(1.0)


def slow_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    total = 0.0
    for low, high in pairwise(np.linspace(0, 1, bins + 1)):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            total += gap * inside.sum() / len(confidence)
    return total


@given(st.integers(0, 10_000), st.integers(1, 400))
def test_the_calibration_error_is_that_of_its_definition(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.01, 1, count)
    right = generator.random(count) < confidence**2
    expected = slow_calibration_error(confidence, right, 15)
    assert calibration_error(confidence, right) == pytest.approx(expected, abs=1e-12)


def test_who_is_right_as_often_as_he_believes_has_no_calibration_error() -> None:
    confidence = np.repeat([0.6, 0.8], 10)
    right = np.array([True] * 6 + [False] * 4 + [True] * 8 + [False] * 2)
    assert calibration_error(confidence, right) == pytest.approx(0, abs=1e-12)
    assert calibration_error(np.ones(4), np.zeros(4, bool)) == 1.0
    assert calibration_error(np.ones(4), np.ones(4, bool)) == 0.0


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_calibration_is_of_the_most_probable_class(task: Task) -> None:
    # 90 % sure of the wrong class everywhere.
    logit = math.log(0.9 / 0.1)
    if task == "segmentation":
        outputs, targets = torch.full((2, 1, 4, 4), -logit), torch.ones(2, 1, 4, 4)
    else:
        outputs, targets = torch.tensor([[logit, 0.0]] * 3), torch.ones(3, dtype=torch.long)
    assert scores(task, outputs, targets)["ece"] == pytest.approx(0.9, abs=1e-6)


def test_a_mask_in_two_channels_is_scored_as_in_one() -> None:
    one = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    truth = torch.from_numpy(outline(3, 0.0)[:4, :, :12, :12].astype(np.uint8))
    two = torch.cat([torch.zeros_like(one), one], dim=1)
    alone, both = (scores("segmentation", o, truth) for o in (one, two))
    assert alone == pytest.approx(both, abs=1e-6)


def test_auroc_of_a_single_class_is_not_a_number() -> None:
    found = scores("classification", torch.randn(5, 2), torch.zeros(5, dtype=torch.long))
    assert math.isnan(found["auroc"])
