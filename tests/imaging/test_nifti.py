"""NIfTI volumes and tasks of the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.imaging.hounsfield import SOFT_TISSUE
from workbench.imaging.load import load

SaveNifti = Callable[..., Path]


def marked() -> np.ndarray:
    """8 x 6 x 4 voxels (x to the right, y to the front, z up) of air, with four marks in HU."""
    values = np.full((8, 6, 4), -1000, np.int16)
    values[7, 3, 0] = 100  # right
    values[0, 3, 0] = 50  # left
    values[4, 5, 0] = 150  # front
    values[4, 0, 3] = 200  # back, top slice
    return values


def hu_of(path: Path | str) -> np.ndarray:
    return SOFT_TISSUE.to_hu(load(str(path)).images[:, 0])


def assert_radiological(hu: np.ndarray) -> None:
    assert hu.shape == (4, 6, 8)
    assert hu[0, 2, 0] == pytest.approx(100, abs=1e-3)
    assert hu[0, 2, 7] == pytest.approx(50, abs=1e-3)
    assert hu[0, 0, 3] == pytest.approx(150, abs=1e-3)
    assert hu[3, 5, 3] == pytest.approx(200, abs=1e-3)


def test_right_is_on_the_left_the_front_on_top_and_the_feet_come_first(
    tmp_path: Path, save_nifti: SaveNifti
) -> None:
    assert_radiological(hu_of(save_nifti(tmp_path / "a.nii.gz", marked())))


@pytest.mark.parametrize("flips", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
def test_however_the_voxels_are_stored_the_picture_is_the_same(
    tmp_path: Path, save_nifti: SaveNifti, flips: tuple[int, ...], order: tuple[int, ...]
) -> None:
    # Stored axis k runs along anatomical axis order[k], turned round where flips[k] is -1.
    values = marked().transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for stored, (axis, flip) in enumerate(zip(order, flips, strict=True)):
        affine[axis, stored] = flip
    assert_radiological(hu_of(save_nifti(tmp_path / "a.nii", values.copy(), affine)))


def test_a_mask_beside_the_image_keeps_only_slices_with_foreground(
    tmp_path: Path, save_nifti: SaveNifti
) -> None:
    mask = np.zeros((8, 6, 4), np.uint8)
    mask[7, 3, 1], mask[2, 2, 3] = 5, 2
    save_nifti(tmp_path / "case/ct.nii.gz", marked())
    save_nifti(tmp_path / "case/organs.nii.gz", mask)
    every = load(str(tmp_path / "case"))
    assert len(every) == 2
    assert every.classes == ("background", "foreground")
    one = load(f"{tmp_path / 'case'}#label=5")
    assert one.masks is not None
    assert one.masks.sum() == 1
    assert one.masks[0, 0, 2, 0] == 1
    assert one.classes == ("background", "label 5")
    assert len(load(f"{tmp_path / 'case'}#label=5+2")) == 2
    assert len(load(f"{tmp_path / 'case'}#mask=organs.nii.gz,label=2")) == 1


def test_a_folder_of_cases_is_a_patient_each(tmp_path: Path, save_nifti: SaveNifti) -> None:
    for case in ("a", "b"):
        save_nifti(tmp_path / case / "ct.nii.gz", marked())
        save_nifti(tmp_path / case / "liver_mask.nii.gz", np.ones((8, 6, 4), np.uint8))
    slices = load(str(tmp_path), size=16)
    assert slices.patient_count == 2
    assert slices.images.shape == (8, 1, 16, 16)
    assert slices.spacing_mm == (0.5, 0.5)


def test_several_masks_ask_which(tmp_path: Path, save_nifti: SaveNifti) -> None:
    save_nifti(tmp_path / "ct.nii.gz", marked())
    for name in ("liver_mask", "spleen_mask"):
        save_nifti(tmp_path / f"{name}.nii.gz", np.ones((8, 6, 4), np.uint8))
    with pytest.raises(BadInput, match="say which"):
        load(str(tmp_path))
    assert load(f"{tmp_path}#mask=spleen_mask.nii.gz").task == "segmentation"


def test_without_air_it_is_not_taken_for_ct(tmp_path: Path, save_nifti: SaveNifti) -> None:
    values = np.arange(8 * 6 * 4, dtype=np.int16).reshape(8, 6, 4)
    slices = load(str(save_nifti(tmp_path / "mr.nii.gz", values)))
    assert slices.window is None
    assert slices.images.max() == 1


def test_image_and_mask_of_different_size_are_refused(
    tmp_path: Path, save_nifti: SaveNifti
) -> None:
    save_nifti(tmp_path / "ct.nii.gz", marked())
    save_nifti(tmp_path / "seg.nii.gz", np.ones((8, 6, 5), np.uint8))
    with pytest.raises(BadInput, match=r"mask is 8 x 6 x 5 but the image ct.nii.gz is 8 x 6 x 4"):
        load(str(tmp_path))


def test_masks_without_foreground_or_without_the_label_are_refused(
    tmp_path: Path, save_nifti: SaveNifti
) -> None:
    save_nifti(tmp_path / "ct.nii.gz", marked())
    mask = np.zeros((8, 6, 4), np.uint8)
    save_nifti(tmp_path / "seg.nii.gz", mask)
    with pytest.raises(BadInput, match=r"no slice shows foreground; every value .* is 0"):
        load(str(tmp_path))
    mask[0, 0, 0] = 3
    save_nifti(tmp_path / "seg.nii.gz", mask)
    with pytest.raises(BadInput, match="no slice shows label 7; the masks hold 3"):
        load(f"{tmp_path}#label=7")


def test_voxels_that_are_not_numbers_are_refused(tmp_path: Path, save_nifti: SaveNifti) -> None:
    values = marked().astype(np.float32)
    values[3, 3, 2] = np.nan
    with pytest.raises(BadInput, match="slice 2 has pixels that are not numbers"):
        load(str(save_nifti(tmp_path / "ct.nii.gz", values)))


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz"])
@pytest.mark.parametrize("kept", [0.9, 0.5, 0.001, 0.0])
def test_a_truncated_volume_is_refused(
    tmp_path: Path, save_nifti: SaveNifti, name: str, kept: float
) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (32, 32, 8)).astype(np.int16)
    file = save_nifti(tmp_path / name, noise)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(BadInput, match="cut short or damaged"):
        load(str(file))


@pytest.fixture
def task(tmp_path: Path, save_nifti: SaveNifti) -> Path:
    """A Decathlon task of three patients, one of them stored head first."""
    folder = tmp_path / "Task03_Liver"
    rng = np.random.default_rng(0)
    for number in range(3):
        mask = np.zeros((12, 10, 6), np.uint8)
        mask[2:8, 2:8, 2:5] = 1
        mask[4:6, 4:6, 3] = 2
        affine = np.diag([-1.0, -1.0, -2.0 if number == 2 else 2.0, 1.0])
        hu = rng.integers(-1000, 300, mask.shape).astype(np.int16)
        save_nifti(folder / f"imagesTr/liver_{number}.nii.gz", hu, affine)
        save_nifti(folder / f"labelsTr/liver_{number}.nii.gz", mask, affine)
    (folder / "imagesTr/._liver_0.nii.gz").write_bytes(b"another system's leftovers")
    labels = {"0": "background", "1": "liver", "2": "cancer"}
    (folder / "dataset.json").write_text(
        json.dumps({"name": "LIVER", "modality": {"0": "CT"}, "labels": labels})
    )
    return folder


def test_a_decathlon_task_gives_patients_and_named_classes(task: Path) -> None:
    heard: list[tuple[float, float]] = []
    slices = load(str(task), progress=lambda done, total: heard.append((done, total)))
    assert slices.classes == ("background", "liver", "cancer")
    assert slices.patient_count == 3
    assert len(slices) == 9
    assert slices.window == SOFT_TISSUE
    assert slices.images.shape == (9, 1, 10, 12)
    assert slices.masks is not None
    assert [int(mask.max()) for mask in slices.masks] == [1, 2, 1, 1, 2, 1, 1, 2, 1]
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_a_decathlon_task_agrees_with_nibabels_canonical_volume(task: Path) -> None:
    slices = load(str(task))
    volume = nib.as_closest_canonical(nib.load(task / "imagesTr/liver_2.nii.gz"))
    hu = np.asarray(volume.dataobj)
    expected = np.stack([SOFT_TISSUE.show(hu[::-1, ::-1, z].T) for z in (1, 2, 3)])
    np.testing.assert_allclose(slices.images[6:, 0], expected)


def test_labels_of_a_decathlon_task_can_be_made_one_class(task: Path) -> None:
    slices = load(f"{task}#label=1+2", size=16)
    assert slices.classes == ("background", "liver+cancer")
    assert slices.masks is not None
    assert slices.masks.max() == 1


def test_a_decathlon_task_with_a_part_missing_is_refused(task: Path) -> None:
    (task / "labelsTr/liver_1.nii.gz").unlink()
    with pytest.raises(BadInput, match="no mask for liver_1"):
        load(str(task))
    (task / "dataset.json").write_text("{")
    with pytest.raises(BadInput, match="cannot be read as JSON"):
        load(str(task))
    (task / "dataset.json").write_text('{"labels": {"1": "liver"}}')
    (task / "imagesTr/liver_1.nii.gz").unlink()
    with pytest.raises(BadInput, match="must run from 0"):
        load(str(task))
    (task / "dataset.json").write_text('{"labels": {"0": "nothing", "1": "liver"}}')
    with pytest.raises(BadInput, match="label 2 has no name"):
        load(str(task))
    (task / "dataset.json").unlink()
    with pytest.raises(BadInput, match=r"dataset\.json is missing"):
        load(str(task))


def test_a_real_volume_shows_its_liver(shared_data: Path) -> None:
    case = shared_data / "abdomen-ct-volumes" / "case-a"
    slices = load(f"{case}#label=5")
    assert slices.masks is not None
    assert slices.window is not None
    assert (slices.height, slices.width) == (101, 122)
    assert slices.spacing_mm == pytest.approx((3.0, 3.0))
    liver = slices.masks == 1
    assert slices.window.to_hu(slices.images)[liver].mean() == pytest.approx(45, abs=3)
    # The liver lies on the patient's right: on the left of the picture.
    assert np.nonzero(liver)[3].mean() < slices.width / 2
