"""The one door: names, paths and options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import block_reduce

from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.imaging.resizing import check_memory, resized_mask, resized_picture


def test_a_missing_path_names_what_is_built_in(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no file or folder .*phantom-liver, phantom-lesion, CT_sm"):
        load(str(tmp_path / "nothing"))
    with pytest.raises(BadInput, match="no file or folder") as caught:
        load("phantom-heart")
    assert caught.value.field == "data"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="this folder is empty"):
        load(str(tmp_path))


def test_what_nobody_reads_is_refused_with_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(BadInput, match=r"none of what can be read .npz file, picture"):
            load(str(path))


@pytest.mark.parametrize("options", ["label=x", "lable=5", "mask=", ""])
def test_options_after_a_path_are_checked(tmp_path: Path, options: str) -> None:
    with pytest.raises(BadInput, match="after '#' stands label=5"):
        load(f"{tmp_path}#{options}")


def test_labels_are_refused_where_there_are_no_numbered_masks(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((1, 8, 8), np.uint8))
    with pytest.raises(BadInput, match="only volumes with masks"):
        load(f"{tmp_path / 'a.npz'}#label=1")


@pytest.mark.parametrize("size", [15, 513, -1])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match="between 16 and 512") as caught:
        load("CT_small", size=size)
    assert caught.value.field == "image_size"


@pytest.mark.parametrize("options", ["patients=x", "people=3", "patients", "patients=-3"])
def test_options_of_phantoms_are_checked(options: str) -> None:
    with pytest.raises(BadInput, match="is no option of phantom-liver"):
        load(f"phantom-liver:{options}")


def test_a_set_larger_than_memory_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadInput, match="ask for a smaller size"):
        check_memory("huge", 10**9, 512, 512)


@given(
    hnp.arrays(np.float32, (24, 24), elements=st.floats(0, 1, width=32)),
    st.sampled_from([2, 3, 4]),
)
def test_shrinking_averages_over_the_area(picture: np.ndarray, factor: int) -> None:
    small = resized_picture(picture, 24 // factor, 0)
    np.testing.assert_allclose(small, block_reduce(picture, (factor, factor), np.mean), atol=1e-5)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))), st.integers(1, 40))
def test_resizing_a_mask_invents_no_class(mask: np.ndarray, size: int) -> None:
    small = resized_mask(mask, size)
    assert small.shape == (size, size)
    assert set(np.unique(small)) <= set(np.unique(mask)) | {0}
