"""DICOM header fields that could tell who a patient is."""

from __future__ import annotations

from pydicom import Dataset

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "MilitaryRank",
    "MedicalRecordLocator",
    "PatientComments",
    "AdditionalPatientHistory",
    "IssuerOfPatientID",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "ReferringPhysicianName",
    "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
    "OperatorsName",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "DeviceSerialNumber",
)
"""Keywords from the Basic Application Level Confidentiality Profile (DICOM PS3.15, table E.1-1).

Unique identifiers are left out: every DICOM file must have them, so naming them would say nothing.
"""

ANONYMOUS = frozenset(
    {"", "anon", "anonymous", "anonymized", "anonymised", "removed", "none", "unknown", "na", "x",
     "deidentified", "noname", "00000000", "000000", "19000101", "00010101"}
)  # fmt: skip
"""What stands in a field that was emptied, letters and digits only, lower case."""


def identifying_tags(header: Dataset) -> tuple[str, ...]:
    """Keywords of the fields that hold something that could identify the patient.

    ``PrivateTags`` stands for fields that only their maker understands, ``BurnedInAnnotation``
    for text in the picture itself.
    """
    found = [keyword for keyword in IDENTIFYING if _tells(header, keyword)]
    if str(header.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        found.append("BurnedInAnnotation")
    if any(element.tag.is_private and element.value not in (None, "") for element in header):
        found.append("PrivateTags")
    return tuple(found)


def _tells(header: Dataset, keyword: str) -> bool:
    value = header.get(keyword)
    if keyword.endswith("Sequence"):
        return bool(value)
    plain = "".join(letter for letter in str(value or "").lower() if letter.isalnum())
    return plain not in ANONYMOUS and not (plain.isdigit() and int(plain) == 0)
