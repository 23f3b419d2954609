"""``workbench data``: what a person is told about a set, and the contact sheet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.cli import data
from workbench.errors import BadInput
from workbench.figures.contact_sheet import contact_sheet_numbers, draw_contact_sheet
from workbench.imaging.load import load


def ran(*words: str, out: str | None = None) -> data.Result:
    parser = argparse.ArgumentParser()
    data.arguments(parser)
    parser.set_defaults(out=out)
    return data.run(parser.parse_args(words))


@pytest.fixture
def npz(tmp_path: Path) -> str:
    images = np.zeros((6, 8, 8), np.uint8)
    images[:, :4] = 51
    np.savez(
        tmp_path / "six.npz", images=images, masks=(images > 0).astype(np.uint8),
        patient=[1, 1, 1, 2, 2, 3], split=["train"] * 5 + ["val"],
    )  # fmt: skip
    return str(tmp_path / "six.npz")


def test_show_says_what_was_found(npz: str, tmp_path: Path) -> None:
    found = ran("show", npz, out=str(tmp_path / "sheets"))
    assert json.loads(json.dumps(found)) == found
    assert {key: found[key] for key in ("patients", "slices", "height", "width", "task")} == {
        "patients": 3, "slices": 6, "height": 8, "width": 8, "task": "segmentation",
    }  # fmt: skip
    assert found["value_range"] == pytest.approx([0, 0.2])
    assert found["classes"] == {"background": 0.5, "foreground": 0.5}
    assert found["splits"] == {"train": 5, "val": 1}
    assert found["identifying_tags"] == []
    assert Path(found["contact_sheet"]) == tmp_path / "sheets" / "six.png"


def test_the_contact_sheet_is_a_picture_with_the_masks_outlined(npz: str) -> None:
    with Image.open(ran("show", npz)["contact_sheet"]) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    orange = (pixels[..., 0] - pixels[..., 2]) > 120
    assert orange.sum() > 50


def test_labels_are_counted_and_headers_reported() -> None:
    lesions = ran("show", "phantom-lesion:patients=3,slices=2,size=32")
    assert sum(lesions["classes"].values()) == 6
    assert lesions["window"] == [-160, 240]
    assert "PatientName" in ran("show", "CT_small")["identifying_tags"]


def test_the_text_for_people_holds_the_same(npz: str) -> None:
    text = data.tell(ran("show", npz))
    assert "6 of 3 patients, 8 x 8 pixels" in text
    assert "foreground 50.0% of pixels" in text
    assert "train 5 slices, val 1 slices" in text
    assert "nothing found that identifies a patient" in text
    assert "PatientName" in data.tell(ran("show", "CT_small", "--size", "64"))


def test_list_names_the_built_in_sets() -> None:
    listed = ran("list")
    assert set(listed["built_in"]) == {"phantom-liver", "phantom-lesion", "CT_small"}
    assert data.tell(listed).count("\n") == 2


def test_show_without_a_path_is_refused() -> None:
    with pytest.raises(BadInput, match="needs a path or one of the built-in names"):
        ran("show")


def test_an_out_folder_that_cannot_be_made_is_refused(npz: str) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        ran("show", npz, out=npz)


def test_a_sheet_of_one_slice_and_of_many_have_a_picture_for_each() -> None:
    one = contact_sheet_numbers(load("CT_small"))
    assert len(draw_contact_sheet(one).axes) == 1
    many = contact_sheet_numbers(load("phantom-lesion:patients=3,slices=3,size=32"), count=7)
    assert len(many.pictures) == 7
    assert many.captions[0].startswith("slice 0: ")
    assert many.captions[-1].startswith("slice 8: ")
    assert draw_contact_sheet(many).get_suptitle() == many.title
