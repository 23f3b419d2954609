import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

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


def test_auroc_of_a_single_class_is_not_a_number() -> None:
    found = scores("classification", torch.randn(5, 2), torch.zeros(5, dtype=torch.long))
    assert math.isnan(found["auroc"])
