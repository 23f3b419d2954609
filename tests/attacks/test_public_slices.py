from pathlib import Path

import numpy as np
import pytest
import torch
from attack_cases import end, picture

from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.config import AttackConfig
from workbench.attacks.public import MOST, Public, held
from workbench.attacks.run import knowledge_of
from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet


def cohort(patients: int, each: int, *, split: bool = False, masks: bool = True) -> SliceSet:
    """Slices whose first pixel tells the patient's number."""
    images = np.stack([picture(16, seed) for seed in range(patients * each)])[:, None]
    numbers = np.repeat(np.arange(patients), each)
    images[:, 0, 0, 0] = numbers / 1000
    return SliceSet(
        name="cohort",
        images=images,
        patients=numbers.astype(str),
        masks=(images > 0.6).astype(np.uint8) if masks else None,
        split=np.where(numbers % 2, "train", "val") if split else None,
    )


def case_of(slices: SliceSet, **settings: object) -> tuple[AttackConfig, Case]:
    config = AttackConfig(image="cohort", size=16, model="mlp", **settings)  # type: ignore[arg-type]
    return config, make_case(config, slices)


def owners(public: Public) -> list[int]:
    return [round(float(value) * 1000) for value in public.images[:, 0, 0, 0]]


def test_by_default_an_attacker_holds_nothing() -> None:
    config, case = case_of(cohort(3, 2))
    assert end(held(config, case)) is None
    knowledge = knowledge_of(config, case)
    assert knowledge.public is None
    assert knowledge.public_targets is None


def test_others_are_the_slices_of_all_patients_but_the_attacked() -> None:
    slices = cohort(4, 3)
    config, case = case_of(slices, public="others", index=4)
    public = end(held(config, case))
    assert owners(public) == [0, 0, 0, 2, 2, 2, 3, 3, 3]
    np.testing.assert_array_equal(public.targets, slices.masks[slices.patients != "1"])
    knowledge = knowledge_of(config, case, public)
    assert knowledge.public is public.images
    assert knowledge.public_targets is public.targets


def test_no_patient_of_a_batch_or_of_another_site_is_among_the_others() -> None:
    config, case = case_of(cohort(6, 2), public="others", index=1, batch=2, sites=2)
    assert set(owners(end(held(config, case)))) == {3, 4, 5}


def test_training_slices_come_first() -> None:
    config, case = case_of(cohort(6, 2, split=True), public="others", index=0)
    assert owners(end(held(config, case))) == [1, 1, 3, 3, 5, 5, 2, 2, 4, 4]


def test_of_a_large_set_at_most_so_many_are_held_from_all_over_it() -> None:
    config, case = case_of(cohort(130, 4, split=True), public="others")
    public = end(held(config, case))
    assert len(public.images) == len(public.targets) == MOST
    assert all(owner % 2 for owner in owners(public)), "there are enough training slices"
    assert len(set(owners(public))) == 65


def test_where_masks_are_thresholded_those_of_the_others_are_too() -> None:
    config, case = case_of(cohort(3, 2, masks=False), public="others", task="segmentation")
    public = end(held(config, case))
    assert torch.equal(public.targets, (public.images > 0.7).long())


def test_a_lone_patient_has_no_others() -> None:
    config, case = case_of(cohort(1, 3), public="others")
    with pytest.raises(BadInput, match="set public to phantoms") as refused:
        end(held(config, case))
    assert refused.value.field == "public"


@pytest.mark.slow
def test_phantoms_are_people_that_no_set_draws(workspace: Path) -> None:
    config = AttackConfig(image="CT_small", model="mlp", size=16, public="phantoms")
    case = make_case(config, end(slices_of(config)))
    public = end(held(config, case))
    assert public.images.shape == (128, 1, 16, 16)
    assert public.images.dtype == torch.float32
    assert 0 <= float(public.images.min()) < float(public.images.max()) <= 1
    assert torch.equal(public.targets, (public.images > 0.7).long()), "as those of CT_small"
    known = end(slices_of(AttackConfig(image="phantom-liver:patients=8,slices=4", size=16)))
    gaps = np.abs(public.images.numpy()[:, None] - known.images[None]).mean(axis=(2, 3, 4))
    assert gaps.min() > 0.005
