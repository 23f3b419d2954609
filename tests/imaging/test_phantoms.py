"""Drawn patients: the same for the same seed, plausible in HU, different from each other."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from workbench.errors import BadInput
from workbench.imaging.hounsfield import ABDOMEN
from workbench.imaging.load import load
from workbench.imaging.phantoms import storage
from workbench.imaging.phantoms.anatomy import draw_anatomy
from workbench.imaging.phantoms.cohort import phantoms
from workbench.imaging.phantoms.drawing import FIELD_OF_VIEW_MM, DrawnSlice, draw_slice
from workbench.imaging.phantoms.plan import CohortPlan, DrawnPatient, draw_patient
from workbench.imaging.phantoms.scanner import scan
from workbench.imaging.phantoms.solids import Cut, Ellipsoid, Plane, Tube, Union
from workbench.imaging.phantoms.storage import draw_cohort, drawn_once

SIZE = 64


def drawn(patient: int, z: float, size: int = SIZE) -> DrawnSlice:
    return draw_slice(draw_anatomy(np.random.default_rng([1, patient])), z, size)


def plane(z: float) -> Plane:
    axis = np.linspace(-60, 60, 61, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return Plane(x, y, z)


def test_a_sphere_is_as_large_as_its_radius_says() -> None:
    at = plane(12.0)
    inside = Ellipsoid((0, 0, 0), (20, 20, 20)).distance(at) < 0
    np.testing.assert_array_equal(inside, at.x**2 + at.y**2 + 12.0**2 < 400)


def test_distances_near_a_round_surface_are_in_millimetres() -> None:
    at = plane(0.0)
    exact = np.hypot(at.x, at.y) - 30
    near = np.abs(exact) < 3
    for solid in (Ellipsoid((0, 0, 0), (30, 30, 40)), Tube(((0, 0, -50), (0, 0, 50)), 30)):
        np.testing.assert_allclose(solid.distance(at)[near], exact[near], atol=0.2)


def test_solids_combine_as_sets_do() -> None:
    at = plane(0.0)
    left, right = Ellipsoid((-10, 0, 0), (20, 20, 20)), Ellipsoid((10, 0, 0), (20, 20, 20))
    in_left, in_right = left.distance(at) < 0, right.distance(at) < 0
    np.testing.assert_array_equal(Union((left, right)).distance(at) < 0, in_left | in_right)
    only = Cut(left, right).distance(at) < 0
    np.testing.assert_array_equal(only, in_left & (right.distance(at) > 0))


@pytest.mark.parametrize("patient", range(4))
def test_liver_bone_fat_and_air_have_their_hounsfield_units(patient: int) -> None:
    cut = drawn(patient, 0.0, 128)
    core = ndimage.binary_erosion(cut.liver & ~cut.lesions, iterations=3)
    assert 10 <= np.median(cut.hu[core]) <= 125
    outside = ~ndimage.binary_dilation(cut.body, iterations=1)
    assert np.median(cut.hu[outside]) == -1000
    assert cut.hu.max() > 250
    fat = (cut.hu > -130) & (cut.hu < -80) & cut.body
    assert fat.sum() > 0.03 * cut.body.sum()


@pytest.mark.parametrize("patient", range(6))
@pytest.mark.parametrize("z", [-52.0, 0.0, 46.0])
def test_liver_and_lesions_lie_inside_the_body_on_the_patients_right(
    patient: int, z: float
) -> None:
    cut = drawn(patient, z)
    assert cut.liver.any()
    assert not (cut.liver & ~cut.body).any()
    assert not (cut.lesions & ~cut.liver).any()
    assert ndimage.center_of_mass(cut.liver)[1] < SIZE / 2


def test_the_body_fits_into_the_field_of_view() -> None:
    for patient in range(30):
        body = drawn(patient, 0.0).body
        assert not body[:, [0, -1]].any()
        assert not body[[0, -1]].any()


def test_a_patient_changes_smoothly_from_slice_to_slice() -> None:
    near = [np.mean(np.abs(drawn(p, 0.0).hu - drawn(p, 1.0).hu)) for p in range(5)]
    far = [np.mean(np.abs(drawn(p, 0.0).hu - drawn(p, 40.0).hu)) for p in range(5)]
    assert np.mean(near) < 0.15 * np.mean(far)
    overlap = [drawn(p, 0.0).liver == drawn(p, 3.0).liver for p in range(5)]
    assert np.mean(overlap) > 0.99


def test_patients_differ() -> None:
    slices = phantoms(6, 1, size=SIZE)
    for one in range(6):
        for other in range(one):
            difference = np.abs(slices.images[one] - slices.images[other])
            assert difference.mean() > 0.02


def test_the_scanners_noise_is_unbiased_and_stronger_with_fewer_photons() -> None:
    hu = drawn(0, 0.0, 128).hu
    pixel = FIELD_OF_VIEW_MM / 128
    middle = (slice(40, 88), slice(40, 88))
    weak, strong = (
        (scan(hu, pixel, photons, np.random.default_rng(0)) - hu)[middle] for photons in (1e5, 1e4)
    )
    assert strong.std() == pytest.approx(weak.std() * 10**0.5, rel=0.1)
    assert abs(weak.mean()) < 0.2 * weak.std()


def test_a_wider_body_lets_fewer_photons_through() -> None:
    axis = np.arange(64) - 32
    radius = np.hypot(axis[:, None], axis[None, :])
    spreads = []
    for width in (12, 28):
        hu = np.where(radius < width, 0, -1000).astype(np.float32)
        noise = scan(hu, 6.0, 1e5, np.random.default_rng(0)) - hu
        spreads.append(noise[28:36, 28:36].std())
    assert spreads[1] > 3 * spreads[0]


def test_the_same_seed_draws_the_same_and_another_seed_another() -> None:
    plan = CohortPlan(patients=2, slices=2, seed=3, size=32)
    one, again = draw_cohort(plan), draw_cohort(plan)
    np.testing.assert_array_equal(one.hu, again.hu)
    np.testing.assert_array_equal(one.masks, again.masks)
    other = draw_cohort(CohortPlan(patients=2, slices=2, seed=4, size=32))
    assert (one.hu != other.hu).any()


def test_a_larger_cohort_begins_with_the_smaller_one() -> None:
    plans = (CohortPlan(patients=n, slices=1, size=32) for n in (2, 3))
    small, large = (draw_cohort(plan) for plan in plans)
    np.testing.assert_array_equal(small.hu, large.hu[:2])


@pytest.mark.slow
def test_two_processes_draw_what_one_draws() -> None:
    plan = CohortPlan(patients=64, slices=4, size=64)
    heard: list[tuple[float, float]] = []
    together = draw_cohort(plan, lambda done, total: heard.append((done, total)), processes=2)
    for number in (0, 31, 63):
        alone = draw_patient(plan, number)
        np.testing.assert_array_equal(together.hu[4 * number : 4 * number + 4], alone.hu)
        np.testing.assert_array_equal(together.masks[4 * number : 4 * number + 4], alone.masks)
    assert heard[0] == (1, 64)
    assert heard[-1] == (64, 64)


@pytest.mark.slow
def test_a_script_without_a_guard_is_not_run_again_by_the_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('started')\n"
        "from workbench.imaging.phantoms.cohort import phantoms\n"
        "print(len(phantoms(64, 4, size=64)))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.split() == ["started", "256"]
    assert done.stderr == ""


def test_drawing_can_be_called_off_by_whoever_is_told() -> None:
    def call_off(done: float, total: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        draw_cohort(CohortPlan(patients=200, slices=8, size=128), call_off)
    assert not multiprocessing.active_children()


def test_what_was_drawn_is_read_from_the_cache_and_a_damaged_cache_is_drawn_again(
    workspace: Path,
) -> None:
    plan = CohortPlan(patients=1, slices=2, size=32)
    first = drawn_once(plan)
    (file,) = (workspace / "cache").glob("*.npz")
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(drawn_once(plan).hu, first.hu)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:500])
    np.testing.assert_array_equal(drawn_once(plan).hu, first.hu)
    assert file.stat().st_size > 500


def test_two_who_want_the_same_phantoms_draw_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def slowly(plan: CohortPlan, progress: object = None) -> DrawnPatient:
        drawn.append(plan)
        time.sleep(0.3)
        return draw_cohort(plan)

    monkeypatch.setattr(storage, "draw_cohort", slowly)
    plan = CohortPlan(patients=1, slices=1, size=32, seed=77)
    told: list[float] = []
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(
            lambda _: drawn_once(plan, lambda done, total: told.append(done)), range(2)
        )
    assert len(drawn) == 1
    assert 0 in told  # whoever waits says so, and can be called off
    np.testing.assert_array_equal(one.hu, other.hu)


def test_an_unwritable_cache_loses_no_drawing(
    workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace / "cache").write_text("a file where the folder should be")
    assert len(drawn_once(CohortPlan(patients=1, slices=1, size=32)).hu) == 1
    assert "phantoms were not kept" in caplog.text


def test_the_liver_set_has_masks_and_the_lesion_set_labels() -> None:
    liver = load("phantom-liver:patients=3,slices=4,size=32")
    lesion = load("phantom-lesion:patients=3,slices=4", size=32)
    # The people are the same; only their lesions are brighter, wherever a slice shows one.
    same = (np.abs(liver.images - lesion.images) < 0.2).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(same, lesion.labels == 0)
    assert liver.task == "segmentation"
    assert liver.classes == ("background", "liver")
    assert lesion.task == "classification"
    assert lesion.classes == ("no lesion", "lesion")
    assert liver.window == lesion.window == ABDOMEN
    assert liver.patient_count == 3
    assert liver.spacing_mm == (FIELD_OF_VIEW_MM / 32,) * 2


def test_about_half_of_the_slices_show_a_lesion() -> None:
    labels = load("phantom-lesion:patients=40,slices=4,size=32").labels
    assert labels is not None
    assert 0.35 < labels.mean() < 0.65


def test_a_drawn_size_and_an_asked_size_may_differ() -> None:
    fine = load("phantom-liver:patients=1,slices=1,size=64")
    coarse = load("phantom-liver:patients=1,slices=1,size=64", size=32)
    blocks = fine.images.reshape(1, 1, 32, 2, 32, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(coarse.images, blocks, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"slices": 0}, {"seed": -1}, {"size": 8}])
def test_impossible_cohorts_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="Phantoms need"):
        phantoms(**wrong)
