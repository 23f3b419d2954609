"""Scores of one group of validation patients at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from workbench.imaging.keeping import keep
from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.runs.events import Finished
from workbench.training.config import TrainConfig
from workbench.training.events import Validated
from workbench.training.loop import train
from workbench.training.metrics import dice, scores
from workbench.training.subgroups import group_scores, groupings


def made(count: int, **fields: Any) -> SliceSet:
    values = {
        "name": "made up",
        "images": np.zeros((count, 1, 8, 8), np.float32),
        "patients": np.arange(count).astype(str),
    }
    return SliceSet(**(values | fields))


def with_areas(areas: list[int], patients: list[str]) -> SliceSet:
    masks = np.array([np.arange(64).reshape(1, 8, 8) < area for area in areas], np.uint8)
    return made(len(areas), masks=masks, patients=np.array(patients))


def test_patients_with_masks_are_sorted_into_thirds_by_their_mean_area() -> None:
    # "b" has the largest and the smallest slice; its mean is in the middle.
    areas, patients = [10, 60, 1, 20, 31, 40, 50, 5], ["a", "b", "b", "c", "d", "e", "f", "f"]
    of = groupings("segmentation", with_areas(areas, patients))["size"]
    third = dict(zip(patients, of.tolist(), strict=True))
    assert {name for name, group in third.items() if group == "smallest third"} == {"a", "c"}
    assert {name for name, group in third.items() if group == "middle third"} == {"b", "f"}
    assert {name for name, group in third.items() if group == "largest third"} == {"d", "e"}


def test_fewer_than_six_patients_are_not_sorted_by_size() -> None:
    assert groupings("segmentation", with_areas([1, 2, 3, 4, 5], list("abcde"))) == {}


def test_a_grouping_of_which_one_group_validates_is_left_out() -> None:
    slices = made(3, groups={"scanner": np.array(["GE", "GE", ""]), "sex": np.array(list("fmf"))})
    assert list(groupings("classification", slices)) == ["sex"]


def test_dice_of_a_group_is_the_mean_over_its_slices() -> None:
    slices = with_areas([8, 16, 24, 32, 40, 48, 56, 64], list("abcdefgh"))
    assert slices.masks is not None
    targets = torch.from_numpy(slices.masks)
    logits = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sorted_by = {"site": np.array(list("nnnsssss"))}
    found = group_scores("segmentation", logits, targets, replace(slices, groups=sorted_by))
    assert found["site: n"]["dice"] == pytest.approx(dice(logits[:3], targets[:3]))
    assert found["site: s"]["dice"] == pytest.approx(dice(logits[3:], targets[3:]))
    assert found["site: s"]["count"] == found["site: s"]["patients"] == 5
    assert [name for name in found if name.startswith("size")] == [
        "size: smallest third", "size: middle third", "size: largest third",
    ]  # fmt: skip
    whole = scores("segmentation", logits, targets)["dice"]
    weighted = sum(one["dice"] * one["count"] for name, one in found.items() if "site" in name)
    assert weighted / 8 == pytest.approx(whole)


def x_rays() -> tuple[SliceSet, torch.Tensor, torch.Tensor]:
    """Forty X-rays: healthy, virus, bacteria; two scanners with all classes each."""
    generator = np.random.default_rng(1)
    causes = np.repeat(["normal", "virus", "bacteria"], (20, 8, 12))
    labels = (causes != "normal").astype(int)
    scanner = np.where(generator.random(40) < 0.5, "new", "old")
    logits = generator.normal(size=(40, 2))
    logits[:, 1] += np.where(causes == "bacteria", 2.0, 0.0)
    groups = {"cause": causes, "scanner": scanner}
    slices = made(40, labels=labels, classes=("normal", "ill"), groups=groups)
    return slices, torch.from_numpy(logits), torch.from_numpy(labels)


def test_a_group_of_one_class_is_ranked_against_everybody_of_the_others() -> None:
    slices, logits, labels = x_rays()
    assert slices.labels is not None
    found = group_scores("classification", logits, labels, slices)
    ranked, cause = logits.softmax(1)[:, 1].numpy(), slices.groups["cause"]
    for group in ("virus", "bacteria"):
        against = (cause == group) | (slices.labels == 0)
        wanted = roc_auc_score(slices.labels[against], ranked[against])
        assert found[f"cause: {group}"]["auroc"] == pytest.approx(wanted)
        recall = float((logits.argmax(1).numpy()[cause == group] == 1).mean())
        assert found[f"cause: {group}"]["balanced_accuracy"] == pytest.approx(recall)
        assert "mcc" not in found[f"cause: {group}"]
    assert found["cause: bacteria"]["auroc"] > found["cause: virus"]["auroc"]
    everybody = scores("classification", logits, labels)["auroc"]
    assert found["cause: normal"]["auroc"] == pytest.approx(everybody)


def test_a_group_with_all_classes_is_ranked_within_itself() -> None:
    slices, logits, labels = x_rays()
    found = group_scores("classification", logits, labels, slices)
    inside = torch.from_numpy(slices.groups["scanner"] == "new")
    wanted = scores("classification", logits[inside], labels[inside])
    assert {name: found["scanner: new"][name] for name in wanted} == pytest.approx(wanted)


def test_a_finished_training_holds_the_scores_of_its_groups(discs: str) -> None:
    slices = load(discs)
    site = np.where(slices.patients.astype(int) < 6, "north", "south")
    split = np.where(slices.patients.astype(int) % 3 == 0, "train", "val")
    data = str(keep(replace(slices, groups={"site": site}, split=split)))
    events = list(train(TrainConfig(data=data, steps=2, sample_rate=0.5, model="unet-small")))
    assert isinstance(events[-1], Finished)
    groups = events[-1].result["groups"]
    assert set(groups) == {
        "site: north", "site: south",
        "size: smallest third", "size: middle third", "size: largest third",
    }  # fmt: skip
    assert groups["site: north"]["count"] == groups["site: south"]["count"] == 16
    assert groups["site: north"]["patients"] == 4
    both = (groups["site: north"]["dice"] + groups["site: south"]["dice"]) / 2
    assert both == pytest.approx(events[-1].result["dice"])
    assert events[-1].result["distance_unit"] == "pixels"
    looks = [event for event in events if isinstance(event, Validated)]
    assert [bool(look.groups) for look in looks] == [False] * (len(looks) - 1) + [True]
