"""PNG and JPEG pictures, alone and in class folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.errors import BadInput
from workbench.imaging.load import load

RAMP = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)


def save(file: Path, values: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(file)
    return file


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two classes of three pictures of different sizes."""
    for label, value in (("healthy", 50), ("ill", 200)):
        for number, shape in enumerate(((4, 6), (9, 3), (5, 5))):
            save(tmp_path / label / f"{label}{number}.png", np.full(shape, value, np.uint8))
    return tmp_path


def test_a_grey_picture_is_one_slice(tmp_path: Path) -> None:
    slices = load(str(save(tmp_path / "a.png", RAMP)))
    np.testing.assert_allclose(slices.images[0, 0], RAMP / 255.0, atol=1e-6)
    assert slices.task is None


def test_sixteen_bits_and_grey_stored_as_colour_are_understood(tmp_path: Path) -> None:
    deep = load(str(save(tmp_path / "deep.png", RAMP.astype(np.uint16) * 257)))
    colour = load(str(save(tmp_path / "rgb.png", np.stack([RAMP] * 3, axis=2))))
    np.testing.assert_allclose(deep.images, colour.images, atol=1e-6)


def test_a_mask_beside_a_picture_is_used(tmp_path: Path) -> None:
    save(tmp_path / "a.png", RAMP)
    save(tmp_path / "a_mask.png", (RAMP > 100).astype(np.uint8) * 255)
    slices = load(str(tmp_path / "a.png"), size=16)
    assert slices.masks is not None
    assert slices.masks.shape == (1, 1, 16, 16)
    assert set(np.unique(slices.masks)) == {0, 1}
    save(tmp_path / "a_mask.png", RAMP[:2])
    with pytest.raises(BadInput, match="mask is 2 x 6 but its picture is 4 x 6"):
        load(str(tmp_path / "a.png"))


def test_a_coloured_picture_is_refused(tmp_path: Path) -> None:
    colour = np.stack([RAMP, RAMP // 2, RAMP], axis=2)
    with pytest.raises(BadInput, match="in colour; convert it to grey"):
        load(str(save(tmp_path / "a.png", colour)))


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    file = save(
        tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64)).astype("u1")
    )
    whole = file.read_bytes()
    for content in (b"hello", b"", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="this is no picture, or it is cut short"):
            load(str(file))


def test_class_folders_are_squared_and_brought_to_the_largest_size(folders: Path) -> None:
    slices = load(str(folders))
    assert slices.classes == ("healthy", "ill")
    assert slices.images.shape == (6, 1, 9, 9)
    assert slices.labels is not None
    assert slices.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert slices.patient_count == 6
    # The second picture is 9 x 3: its margins are black.
    assert slices.images[1, 0, :, :3].max() == 0
    assert slices.images[1, 0, :, 3:6].min() > 0


def test_a_csv_names_the_patients_and_the_splits(folders: Path) -> None:
    files = sorted(file.relative_to(folders).as_posix() for file in folders.rglob("*.png"))
    rows = [
        f"{file},p{number // 2},{'val' if number > 3 else 'train'}"
        for number, file in enumerate(files)
    ]
    (folders / "index.csv").write_text("\n".join(["file,patient,split", *rows]))
    slices = load(str(folders), size=16)
    assert slices.patients.tolist() == ["p0", "p0", "p1", "p1", "p2", "p2"]
    assert slices.split is not None
    assert slices.split.tolist() == ["train"] * 4 + ["val"] * 2
    (folders / "index.csv").write_text("\n".join(["file,patient,split", *rows[1:]]))
    with pytest.raises(BadInput, match=r"names no patient for healthy/healthy0.png"):
        load(str(folders))


def test_further_columns_of_the_csv_are_groups(folders: Path) -> None:
    files = sorted(file.relative_to(folders).as_posix() for file in folders.rglob("*.png"))
    causes = ["none", "none", "none", "virus", "bacteria", ""]
    rows = [
        f"{file},p{number},{cause},{file.split('/')[0].upper()},same,{number}"
        for number, (file, cause) in enumerate(zip(files, causes, strict=True))
    ]
    head = "file,patient,cause,label,constant,number"
    (folders / "index.csv").write_text("\n".join([head, *rows]))
    slices = load(str(folders), size=16)
    # The label says what the folder says, and a word that all share sorts nobody.
    assert set(slices.groups) == {"cause", "number"}
    assert slices.groups["cause"].tolist() == causes
    assert slices.subset(slices.labels == 1).groups["cause"].tolist() == causes[3:]


def test_folders_named_after_splits_are_splits(folders: Path, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for label in ("healthy", "ill"):
            save(tmp_path / "set" / split / label / "a.png", RAMP)
    slices = load(str(tmp_path / "set"))
    assert slices.split is not None
    assert slices.split.tolist() == ["train", "train", "val", "val"]


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "healthy" / "a.png", RAMP)
    with pytest.raises(BadInput, match=r"one class folder .healthy."):
        load(str(tmp_path))


def test_a_damaged_picture_among_many_is_named(folders: Path) -> None:
    (folders / "ill" / "ill1.png").write_bytes(b"oops")
    with pytest.raises(BadInput, match=r"ill1\.png"):
        load(str(folders))


def test_real_x_rays_have_the_patients_of_their_csv(shared_data: Path) -> None:
    slices = load(str(shared_data / "chest-xray-pneumonia"), size=32)
    assert (len(slices), slices.patient_count) == (1444, 1109)
    assert slices.classes == ("NORMAL", "PNEUMONIA")
    assert slices.labels is not None
    assert np.bincount(slices.labels).tolist() == [729, 715]
    assert set(slices.groups) == {"cause"}
    assert set(slices.groups["cause"].tolist()) == {"normal", "bacteria", "virus"}
    assert set(slices.groups["cause"][slices.labels == 0].tolist()) == {"normal"}


def test_real_slices_of_varying_size_become_squares(shared_data: Path) -> None:
    slices = load(str(shared_data / "sars-cov-2-ct"))
    assert slices.images.shape == (2479, 1, 128, 128)
