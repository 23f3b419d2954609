"""Files in the formats that hospitals and challenges use, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from workbench.imaging.sliceset import SliceSet

SaveDicom = Callable[..., Path]


@pytest.fixture
def save_dicom() -> SaveDicom:
    """Writes one CT slice; every keyword sets or replaces a header field, ``None`` removes it."""

    def save(file: Path, stored: np.ndarray, **fields: object) -> Path:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
        rows, columns = stored.shape[:2]
        values: dict[str, object] = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "Modality": "CT",
            "PatientID": "anonymous",
            "StudyInstanceUID": "1.2.3",
            "SeriesInstanceUID": "1.2.3.4",
            "ImagePositionPatient": [0, 0, 0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [2.0, 1.5],
            "Rows": rows,
            "Columns": columns,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 1,
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "PixelData": stored.astype("<i2").tobytes(),
        }
        for keyword, value in (values | fields).items():
            if value is not None:
                setattr(header, keyword, value)
        file.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(file, header)
        return file

    return save


@pytest.fixture
def save_nifti() -> Callable[..., Path]:
    """Writes a volume ``(x, y, z)``; by default x runs to the right, y to the front, z up."""

    def save(file: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(values, np.eye(4) if affine is None else affine), file)
        return file

    return save


@pytest.fixture
def make_set() -> Callable[..., SliceSet]:
    """A small set of so many patients with so many slices each, and any other field."""

    def make(patients: int = 4, slices: int = 3, **fields: object) -> SliceSet:
        count = patients * slices
        rng = np.random.default_rng(0)
        values: dict[str, object] = {
            "name": "made up",
            "images": rng.random((count, 1, 8, 8), dtype=np.float32),
            "patients": np.repeat([f"p{n}" for n in range(patients)], slices),
        }
        return SliceSet(**(values | fields))  # type: ignore[arg-type]

    return make
