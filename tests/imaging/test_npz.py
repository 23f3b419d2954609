"""NumPy archives in our own layout and in MedMNIST's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.imaging.readers.targets import class_labels
from workbench.imaging.recognition import file_marks
from workbench.imaging.sliceset import SliceSet

GREY = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
MASKS = (GREY % 2).astype(np.uint8)


def saved(folder: Path, **arrays: object) -> str:
    file = folder / "slices.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return str(file)


def test_our_own_layout_gives_everything_it_holds(tmp_path: Path) -> None:
    slices = load(
        saved(
            tmp_path, images=GREY, masks=MASKS, patient=[7, 7, 8, 9],
            split=["train", "train", "val", "test"], classes=["none", "liver"],
            spacing_mm=[1.0, 2.0], window=[-100, 200],
        )
    )  # fmt: skip
    np.testing.assert_allclose(slices.images[:, 0], GREY / 255.0, atol=1e-6)
    assert slices.patients.tolist() == ["7", "7", "8", "9"]
    assert slices.split is not None
    assert slices.split.tolist() == ["train", "train", "val", "test"]
    assert slices.classes == ("none", "liver")
    assert slices.spacing_mm == (1, 2)
    assert slices.window is not None
    assert slices.window.low == -100
    assert slices.task == "segmentation"


def test_a_folder_with_one_archive_and_its_papers_is_that_archive(tmp_path: Path) -> None:
    alone = saved(tmp_path, images=GREY)
    (tmp_path / "PROVENANCE.md").write_text("drawn")
    assert load(str(tmp_path)).fingerprint == load(alone).fingerprint
    assert file_marks(str(tmp_path)) == file_marks(alone)
    np.savez(tmp_path / "other.npz", images=GREY)
    with pytest.raises(BadInput, match="none of what can be read"):
        load(str(tmp_path))


def test_arrays_of_words_are_groups(tmp_path: Path) -> None:
    slices = load(
        saved(
            tmp_path, images=GREY, labels=[0, 0, 1, 1], patient=["a", "b", "c", "d"],
            sex=["f", "m", "f", ""], cause=["no", "no", "yes", "yes"], note=["same"] * 4,
            age=[70, 80, 70, 80], classes=["healthy", "ill"],
        )
    )  # fmt: skip
    assert {name: of.tolist() for name, of in slices.groups.items()} == {"sex": ["f", "m", "f", ""]}


def test_more_than_a_dozen_words_are_names_and_not_groups(tmp_path: Path) -> None:
    images = np.zeros((26, 8, 8), np.uint8)
    few, many = ([f"g{n % count}" for n in range(26)] for count in (12, 13))
    assert set(load(saved(tmp_path, images=images, few=few, many=many)).groups) == {"few"}


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(BadInput, match="sex has shape"):
        SliceSet(
            name="set", images=np.zeros((2, 1, 8, 8), np.float32), patients=np.array(["a", "b"]),
            groups={"sex": np.array(["f"])},
        )  # fmt: skip


def test_masks_of_0_and_255_and_a_channel_axis_are_understood(tmp_path: Path) -> None:
    images, masks = (GREY / 255.0)[..., None], MASKS[:, None] * 255
    slices = load(saved(tmp_path, images=images, masks=masks))
    assert slices.images.dtype == np.float32
    assert slices.masks is not None
    np.testing.assert_array_equal(slices.masks[:, 0], MASKS)
    assert slices.patient_count == 4
    assert "each slice counts as one" in slices.provenance


def test_medmnist_parts_become_splits(tmp_path: Path) -> None:
    parts = {
        f"{split}_{what}": array
        for split, count in (("train", 4), ("val", 2), ("test", 3))
        for what, array in (
            ("images", np.zeros((count, 28, 28), np.uint8)),
            ("labels", np.arange(count)[:, None] % 2),
        )
    }
    slices = load(saved(tmp_path, **parts))
    assert slices.split is not None
    assert slices.split.tolist() == ["train"] * 4 + ["val"] * 2 + ["test"] * 3
    assert slices.labels is not None
    assert slices.labels.dtype == np.int64
    assert slices.patient_count == 9


def test_size_resizes_images_and_masks_alike(tmp_path: Path) -> None:
    wide = np.zeros((1, 8, 16), np.uint8)
    wide[:, :, 8:] = 255
    slices = load(
        saved(tmp_path, images=wide, masks=wide, spacing_mm=[1.0, 1.0], labels=[0]), size=32
    )
    assert slices.masks is not None
    assert slices.images.shape == slices.masks.shape == (1, 1, 32, 32)
    assert slices.spacing_mm == (0.5, 0.5)
    assert slices.images[0, 0, 16].tolist()[:12] == [0] * 12
    assert slices.images[0, 0, 16, -8:].min() == 1
    assert slices.masks[0, 0, 0].max() == 0


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"pictures": GREY, "y": [0]}, "it holds pictures, y, but slices are looked for"),
        ({"images": GREY, "masks": MASKS[:, :4]}, "own size"),
        ({"images": GREY, "masks": MASKS * 0}, "no mask has any foreground"),
        ({"images": GREY, "masks": MASKS + 0.5}, "masks must be whole numbers"),
        ({"images": GREY, "masks": MASKS.astype(int) - 1}, "between 0 and 255"),
        ({"images": GREY, "labels": [1, 2, 1, 2]}, "without a gap, not 1, 2"),
        ({"images": GREY, "labels": [0, 2, 0, 2]}, "without a gap, not 0, 2"),
        ({"images": GREY, "labels": np.eye(4)}, "exactly one"),
        ({"images": GREY, "labels": ["a", "b", "a", "b"]}, "whole numbers"),
        ({"images": GREY, "labels": [0, 1]}, "labels has shape"),
        ({"images": GREY, "patient": [1, 2]}, "'patient' has shape"),
        ({"images": GREY, "split": ["train", "val", "holdout", "test"]}, "'holdout' is no split"),
        ({"images": GREY, "masks": MASKS, "classes": ["only"]}, "names 1 classes"),
        ({"images": GREY, "spacing_mm": [1.0]}, "two numbers"),
        ({"images": GREY[0]}, "must be .slices, height, width."),
        ({"images": GREY[:0]}, "at least one"),
        ({"images": np.zeros((4, 8, 8, 3), np.uint8)}, "in colour; convert them to grey"),
        ({"images": GREY.astype(np.int16)}, "float from 0 to 1"),
        ({"images": GREY.astype(float)}, "float from 0 to 1"),
        ({"images": np.where(GREY == 70, np.nan, 0.5)}, "slice 1 has pixels that are not numbers"),
        ({"images": np.array([{}], object)}, "cannot be read"),
        ({"train_images": GREY}, "train_labels is missing"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, arrays: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        load(saved(tmp_path, **arrays))


def test_an_unreadable_archive_is_refused(tmp_path: Path) -> None:
    file = Path(saved(tmp_path, images=GREY))
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not an archive"):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="npz file cannot be read"):
            load(str(file))


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(-2, 4)))
def test_labels_are_taken_exactly_when_they_count_up_from_zero(labels: np.ndarray) -> None:
    if set(labels.tolist()) == set(range(labels.max() + 1)):
        np.testing.assert_array_equal(class_labels("made up", labels), labels)
    else:
        with pytest.raises(BadInput, match="without a gap"):
            class_labels("made up", labels)


def test_real_liver_slices_are_read(shared_data: Path) -> None:
    slices = load(str(shared_data / "liver-ct-slices" / "liver-ct-128.npz"))
    assert (len(slices), slices.patient_count) == (519, 103)
    assert slices.images.shape == (519, 1, 128, 128)
    assert slices.masks is not None
    assert slices.masks.mean() == pytest.approx(0.07, abs=0.005)


def test_real_medmnist_is_read(shared_data: Path) -> None:
    slices = load(str(shared_data / "pneumoniamnist" / "pneumoniamnist.npz"))
    assert len(slices) == 4708 + 524 + 624
    assert slices.labels is not None
    assert np.bincount(slices.labels).tolist() == [1214 + 135 + 234, 3494 + 389 + 390]
