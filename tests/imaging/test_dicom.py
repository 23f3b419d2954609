"""DICOM files and series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from workbench.errors import BadInput
from workbench.imaging.dicom_tags import identifying_tags
from workbench.imaging.hounsfield import SOFT_TISSUE
from workbench.imaging.load import load

SaveDicom = Callable[..., Path]


def stored(value: int = 1024, size: int = 16) -> np.ndarray:
    """Stored values of an even slice; 1024 are 0 HU."""
    return np.full((size, size), value, np.int16)


def test_the_built_in_slice_is_pydicoms_own_in_the_soft_tissue_window() -> None:
    slices = load("CT_small")
    raw = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    hu = raw.pixel_array.astype(float) * float(raw.RescaleSlope) + float(raw.RescaleIntercept)
    assert slices.name == "CT_small"
    assert slices.window == SOFT_TISSUE
    np.testing.assert_allclose(slices.images[0, 0], np.clip((hu + 200) / 500, 0, 1), atol=1e-6)
    assert slices.spacing_mm == (0.661468, 0.661468)
    assert "InstitutionName" in slices.identifying_tags


def test_the_built_in_slice_is_averaged_to_a_smaller_size() -> None:
    slices = load("CT_small", size=64)
    assert slices.images.shape == (1, 1, 64, 64)
    assert slices.spacing_mm == (2 * 0.661468, 2 * 0.661468)


def test_slope_and_intercept_give_hounsfield_units(tmp_path: Path, save_dicom: SaveDicom) -> None:
    file = save_dicom(tmp_path / "a.dcm", stored(100), RescaleSlope=2, RescaleIntercept=-150)
    np.testing.assert_allclose(load(str(file)).images, (50 + 200) / 500, atol=1e-6)


def test_a_series_is_sorted_by_position_whatever_the_files_are_called(
    tmp_path: Path, save_dicom: SaveDicom
) -> None:
    for name, z, value in (("a", 20, 1034), ("b", 0, 1024), ("c", 10, 1029)):
        save_dicom(tmp_path / f"{name}.dcm", stored(value), ImagePositionPatient=[0, 0, z])
    hu = SOFT_TISSUE.to_hu(load(str(tmp_path)).images[:, 0, 0, 0])
    np.testing.assert_allclose(hu, [0, 5, 10], atol=1e-3)


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        ([1, 0, 0, 0, 1, 0], lambda a: a),
        ([-1, 0, 0, 0, 1, 0], lambda a: a[:, ::-1]),
        ([1, 0, 0, 0, -1, 0], lambda a: a[::-1]),
        ([0, 1, 0, 1, 0, 0], lambda a: a.T),
    ],
)
def test_slices_are_turned_to_the_radiological_view(
    tmp_path: Path,
    save_dicom: SaveDicom,
    orientation: list[int],
    undo: Callable[[np.ndarray], np.ndarray],
) -> None:
    seen = np.arange(256, dtype=np.int16).reshape(16, 16) + 1024
    file = save_dicom(tmp_path / "a.dcm", undo(seen), ImageOrientationPatient=orientation)
    hu = SOFT_TISSUE.to_hu(load(str(file)).images[0, 0])
    np.testing.assert_allclose(hu, seen - 1024, atol=1e-3)


def test_patients_are_kept_apart_and_their_names_are_not_taken_over(
    tmp_path: Path, save_dicom: SaveDicom
) -> None:
    for person in ("Smith-4711", "Jones-0815"):
        for z in (0, 1):
            save_dicom(
                tmp_path / person / f"{z}.dcm", stored(), PatientID=person,
                SeriesInstanceUID=f"1.{len(person)}{ord(person[0])}",
                ImagePositionPatient=[0, 0, z],
            )  # fmt: skip
    slices = load(str(tmp_path))
    assert slices.patients.tolist() == ["patient 1"] * 2 + ["patient 2"] * 2
    assert slices.identifying_tags == ("PatientID",)


def test_scanners_of_several_makers_are_groups_and_stations_are_not(
    tmp_path: Path, save_dicom: SaveDicom
) -> None:
    makers = ("Siemens", "GE", "")
    for number, maker in enumerate(makers):
        for z in (0, 1):
            save_dicom(
                tmp_path / f"{number}" / f"{z}.dcm", stored(), PatientID=f"anonymous{number}",
                SeriesInstanceUID=f"1.{number}", ImagePositionPatient=[0, 0, z],
                Manufacturer=maker, ManufacturerModelName="One" if maker else None,
                StationName=f"ward {number}",
            )  # fmt: skip
    slices = load(str(tmp_path), size=16)
    assert slices.groups.keys() == {"scanner"}
    assert slices.groups["scanner"].tolist() == ["Siemens One"] * 2 + ["GE One"] * 2 + [""] * 2
    assert load(str(tmp_path / "0")).groups == {}  # one scanner alone sorts nobody


def test_the_largest_series_is_taken_and_the_others_are_counted(
    tmp_path: Path, save_dicom: SaveDicom
) -> None:
    save_dicom(tmp_path / "scout.dcm", stored(size=20), SeriesInstanceUID="1.9")
    for z in range(3):
        save_dicom(tmp_path / f"{z}.dcm", stored(), ImagePositionPatient=[0, 0, z])
    slices = load(str(tmp_path))
    assert len(slices) == 3
    assert "1 smaller series left out" in slices.provenance


def test_other_modalities_are_shown_over_their_own_range(
    tmp_path: Path, save_dicom: SaveDicom
) -> None:
    ramp = np.arange(256, dtype=np.int16).reshape(16, 16)
    slices = load(str(save_dicom(tmp_path / "a.dcm", ramp, Modality="MR")))
    assert slices.window is None
    assert slices.images.min() == 0
    assert slices.images.max() == 1


def test_inverted_grey_is_turned_round(tmp_path: Path, save_dicom: SaveDicom) -> None:
    ramp = np.arange(256, dtype=np.int16).reshape(16, 16)
    file = save_dicom(
        tmp_path / "a.dcm", ramp, Modality="CR", PhotometricInterpretation="MONOCHROME1"
    )
    images = load(str(file)).images[0, 0]
    assert images[0, 0] > images[-1, -1]


def test_a_truncated_file_is_refused(tmp_path: Path, save_dicom: SaveDicom) -> None:
    file = save_dicom(tmp_path / "a.dcm", stored())
    whole = file.read_bytes()
    for kept in (len(whole) - 100, 400, 140, 20):
        file.write_bytes(whole[:kept])
        with pytest.raises(BadInput, match=r"cut short or damaged|no pixel data"):
            load(str(file))


def test_a_file_without_pixel_data_is_refused(tmp_path: Path, save_dicom: SaveDicom) -> None:
    report = save_dicom(tmp_path / "a.dcm", stored(), PixelData=None, Rows=None, Columns=None)
    with pytest.raises(BadInput, match="no pixel data"):
        load(str(report))
    headless = save_dicom(tmp_path / "b.dcm", stored(), PixelData=None)
    with pytest.raises(BadInput, match="no pixel data"):
        load(str(headless))


def test_colour_is_refused(tmp_path: Path, save_dicom: SaveDicom) -> None:
    colour = np.zeros((16, 16, 3), np.uint8)
    file = save_dicom(
        tmp_path / "a.dcm", colour, SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0, BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0,
        PixelData=colour.tobytes(), Modality="US",
    )  # fmt: skip
    with pytest.raises(BadInput, match="in colour; convert it to grey"):
        load(str(file))


def test_a_text_file_named_like_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_text("these are not the pixels you are looking for" * 20)
    with pytest.raises(BadInput, match="cut short or damaged"):
        load(str(tmp_path / "a.dcm"))


@pytest.mark.parametrize("emptied", ["", "ANONYMOUS", "Anonymous^", "0", "00000000", "removed"])
def test_emptied_fields_are_not_reported(emptied: str) -> None:
    header = Dataset()
    header.PatientID = emptied
    header.PatientName = emptied
    assert identifying_tags(header) == ()


def test_names_dates_burnt_in_text_and_private_fields_are_reported() -> None:
    header = Dataset()
    header.PatientName = "Doe^Jane"
    header.PatientBirthDate = "19700131"
    header.ReferringPhysicianName = "House^G"
    header.AccessionNumber = "A-1"
    header.BurnedInAnnotation = "YES"
    header.private_block(0x0009, "MAKER", create=True).add_new(0x01, "LO", "ward 7")
    assert set(identifying_tags(header)) == {
        "PatientName", "PatientBirthDate", "ReferringPhysicianName", "AccessionNumber",
        "BurnedInAnnotation", "PrivateTags",
    }  # fmt: skip
