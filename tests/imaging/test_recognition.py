"""A data set is its pictures, whatever it is called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.imaging.load import load
from workbench.imaging.recognition import file_marks, slice_marks
from workbench.imaging.sliceset import SliceSet


@pytest.fixture
def slices(discs: str) -> SliceSet:
    return load(discs)


def test_every_distinct_slice_has_its_own_mark(slices: SliceSet) -> None:
    assert len(slice_marks(slices)) == len(slices)
    twice = slices.subset(np.array([0, 1, 1, 0]))
    assert len(slice_marks(twice)) == 2


def test_name_order_patients_and_targets_do_not_matter(slices: SliceSet) -> None:
    shuffled = slices.subset(np.random.default_rng(0).permutation(len(slices)))
    other = replace(shuffled, name="other", masks=None, patients=np.arange(len(slices)).astype(str))
    assert slice_marks(other) == slice_marks(slices)


def test_a_set_saved_in_another_format_is_known_again(slices: SliceSet, tmp_path: Path) -> None:
    for number, picture in enumerate(slices.images[:, 0]):
        grey = Image.fromarray(np.round(255 * picture).astype(np.uint8))
        folder = tmp_path / "pictures" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        grey.save(folder / f"{number}.png")
    assert slice_marks(load(str(tmp_path / "pictures"))) == slice_marks(slices)


def test_a_part_shares_the_marks_of_its_slices(slices: SliceSet) -> None:
    assert set(slice_marks(slices.subset(np.arange(5)))) < set(slice_marks(slices))


def test_empty_slices_link_nothing(slices: SliceSet) -> None:
    black = replace(slices, images=np.zeros_like(slices.images))
    assert slice_marks(black) == ()


def test_a_file_read_at_another_size_keeps_its_file_mark(discs: str, tmp_path: Path) -> None:
    assert not set(slice_marks(load(discs))) & set(slice_marks(load(discs, size=16)))
    renamed = tmp_path / "renamed.npz"
    renamed.write_bytes(Path(discs).read_bytes())
    assert file_marks(str(renamed)) == file_marks(discs) != ()
    assert file_marks(str(tmp_path)) == file_marks(discs)
    assert file_marks(f"{renamed}#label=5") == file_marks(discs)


def test_built_in_names_have_no_file() -> None:
    assert file_marks("phantom-liver") == file_marks("phantom-liver:patients=5") == ()
