"""DICOM: one file, or a folder with the series of one or more patients."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_rescale

from workbench.errors import BadInput
from workbench.imaging.dicom_tags import identifying_tags
from workbench.imaging.readers.request import Request
from workbench.imaging.readers.volume import Volume, fitted, slice_set
from workbench.imaging.resizing import check_memory
from workbench.imaging.sliceset import SliceSet

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})


def recognises(path: Path) -> bool:
    """A file with DICOM's suffix or mark, or a folder that has one anywhere inside."""
    if path.is_file():
        return _is_dicom(path)
    return next(_dicom_files(path), None) is not None


def read(request: Request) -> SliceSet:
    """Every series: CT in HU, sorted by position, seen from the feet.

    A patient's largest series of slices is taken; the provenance says how many were left out.
    Patients get numbers: their names stay in the file. Scanners of several makers or models are
    groups of the set.

    Raises:
        BadInput: a file is cut short, in colour or compressed in a way nobody here reads, or none
            has pixels.
    """
    request.refuse_labels()
    files = [request.path] if request.path.is_file() else sorted(_dicom_files(request.path))
    chosen, left_out, tags = _largest_series(files)
    if not chosen:
        raise _no_pixels(request.path)
    first = _header(chosen[0][0])
    if request.size is None:
        total = sum(len(series) for series in chosen)
        check_memory(str(request.path), total, int(first.Rows), int(first.Columns))
    volumes, done, total = [], 0, sum(len(series) for series in chosen)
    for number, series in enumerate(chosen, start=1):
        volumes.append(_volume(f"patient {number}", series, request.size))
        done += len(series)
        request.tell(done, total)
    return slice_set(
        request.path.stem,
        volumes,
        size=request.size,
        provenance=_provenance(request.path, first, len(chosen), left_out),
        identifying_tags=tags,
    )


def _provenance(path: Path, first: Dataset, patients: int, left_out: int) -> str:
    kind = str(first.get("Modality", "of unknown modality"))
    more = f"; {left_out} smaller series left out" if left_out else ""
    people = "one patient" if patients == 1 else f"{patients} patients"
    return f"DICOM {kind} from {path.name}, {people}{more}."


def _is_dicom(file: Path) -> bool:
    if file.suffix.lower() in SUFFIXES:
        return True
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM" and file.name != "DICOMDIR"


def _dicom_files(folder: Path) -> Iterator[Path]:
    files = (f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    return (file for file in files if file.name != "DICOMDIR" and _is_dicom(file))


def _header(file: Path) -> Dataset:
    return _decoded(file, pixels=False)


def _decoded(file: Path, *, pixels: bool) -> Dataset:
    with warnings.catch_warnings():
        # Files from scanners bend the standard in many harmless ways that pydicom remarks upon.
        warnings.simplefilter("ignore")
        try:
            # An old file may have no preamble, but then its first elements must make sense.
            header = pydicom.dcmread(file, stop_before_pixels=not pixels, force=True)
            if "SOPClassUID" not in header:
                raise InvalidDicomError
            if pixels and not any(element in header for element in PIXELS):
                raise _no_pixels(file)
            if pixels:
                header.pixel_array  # noqa: B018  decoding is what can fail
        except BadInput:
            raise
        except (InvalidDicomError, EOFError, ValueError, KeyError, OSError) as error:
            raise BadInput(
                f"{file}: this DICOM file is cut short or damaged ({_first_line(error)}); "
                "fetch it again.",
                field="data",
            ) from error
        except (RuntimeError, NotImplementedError, AttributeError) as error:
            raise BadInput(
                f"{file}: the pixels of this DICOM file cannot be decoded "
                f"({_first_line(error)}); save it uncompressed.",
                field="data",
            ) from error
    return header


def _no_pixels(path: Path) -> BadInput:
    return BadInput(
        f"{path}: there is a DICOM header but no pixel data; it may be a report, a structure set "
        "or a file cut short, so name one with images.",
        field="data",
    )


def _first_line(error: Exception) -> str:
    # pydicom explains at length; what happened stands before the first dash.
    return str(error).split("\n")[0].split(" - ")[0].rstrip(".:") or "its header is incomplete"


def _largest_series(files: Sequence[Path]) -> tuple[list[list[Path]], int, tuple[str, ...]]:
    """The files of each patient's largest series, how many others there are, and the tags found."""
    series: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    tags: dict[str, None] = {}
    for file in files:
        header = _header(file)
        tags.update(dict.fromkeys(identifying_tags(header)))
        if "Rows" in header and "Columns" in header:
            person = str(header.get("PatientID", "")) or str(header.get("StudyInstanceUID", ""))
            series[person][str(header.get("SeriesInstanceUID", ""))].append(file)
    chosen = [max(of_person.values(), key=len) for _, of_person in sorted(series.items())]
    others = sum(len(of_person) for of_person in series.values()) - len(chosen)
    return chosen, others, tuple(tags)


def _volume(patient: str, files: Sequence[Path], size: int | None) -> Volume:
    placed: list[tuple[float, int, Volume]] = []
    for number, file in enumerate(files):
        header = _decoded(file, pixels=True)
        one = Volume(
            patient=patient,
            slices=_values(file, header),
            masks=None,
            spacing_mm=_spacing(header),
            hounsfield=str(header.get("Modality", "")) == "CT",
        )
        placed.append((_height(header), number, fitted(one, size)))
    placed.sort(key=lambda item: item[:2])
    pieces = [volume for _, _, volume in placed]
    if len({piece.slices.shape[1:] for piece in pieces}) > 1:
        raise BadInput(
            f"{files[0].parent}: slices of one series differ in size; give a size such as 128.",
            field="image_size",
        )
    return Volume(
        patient=patient,
        slices=np.concatenate([piece.slices for piece in pieces]),
        masks=None,
        spacing_mm=pieces[0].spacing_mm,
        hounsfield=pieces[0].hounsfield,
        scanner=_scanner(_header(files[0])),
    )


def _scanner(header: Dataset) -> str:
    """Maker and model; a station's or a hospital's name could tell who the patient is."""
    return " ".join(
        str(header.get(field, "") or "").strip()
        for field in ("Manufacturer", "ManufacturerModelName")
    ).strip()


def _values(file: Path, header: Dataset) -> np.ndarray:
    """float32 ``(frames, H, W)``: HU for CT, the stored unit otherwise."""
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise BadInput(f"{file}: this DICOM image is in colour; convert it to grey.", field="data")
    values = np.asarray(apply_rescale(header.pixel_array, header), dtype=np.float32)
    if str(header.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        values = values.max() - values
    frames = values if values.ndim == 3 else values[None]
    return np.stack([_radiological(frame, header) for frame in frames])


def _radiological(picture: np.ndarray, header: Dataset) -> np.ndarray:
    """The patient's right on the left and the front on top, where the slice is axial."""
    along_row, along_column = _directions(header)
    if abs(float(np.cross(along_row, along_column)[2])) < 0.7:
        return picture
    if abs(along_row[0]) < abs(along_row[1]):
        picture, along_row, along_column = picture.T, along_column, along_row
    if along_row[0] < 0:
        picture = picture[:, ::-1]
    return picture[::-1] if along_column[1] < 0 else picture


def _directions(header: Dataset) -> tuple[np.ndarray, np.ndarray]:
    given = header.get("ImageOrientationPatient") or (1, 0, 0, 0, 1, 0)
    both = np.array([float(value) for value in given])
    return both[:3], both[3:]


def _height(header: Dataset) -> float:
    # Distance along the slices' common normal: right for tilted gantries too.
    position = header.get("ImagePositionPatient")
    if position is None:
        return float(header.get("SliceLocation", header.get("InstanceNumber", 0)) or 0)
    normal = np.cross(*_directions(header))
    if normal[int(np.abs(normal).argmax())] < 0:
        normal = -normal
    return float(normal @ np.array([float(value) for value in position]))


def _spacing(header: Dataset) -> tuple[float, float] | None:
    given = header.get("PixelSpacing")
    return (float(given[0]), float(given[1])) if given else None
