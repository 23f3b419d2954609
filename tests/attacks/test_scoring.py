import numpy as np
from attack_cases import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import f1_score

from workbench.attacks.events import Reconstruction
from workbench.attacks.scoring.affine import matched
from workbench.attacks.scoring.batch import scored
from workbench.attacks.scoring.mask import mask_dice
from workbench.attacks.scoring.rank import Gallery
from workbench.attacks.scoring.score import EXACT_PSNR, assign, body, mean_score, score

seeds = st.integers(0, 10_000)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_a_picture_is_equal_to_itself(seed: int) -> None:
    image = picture(24, seed)
    same = score(image, image)
    assert same.mse == 0
    assert same.psnr == same.psnr_body == EXACT_PSNR
    assert same.ssim == 1
    assert abs(same.ncc - 1) < 1e-9


@settings(max_examples=25, deadline=None)
@given(seed=seeds, noise=st.floats(0.01, 0.3))
def test_scores_agree_with_scikit_image_and_numpy(seed: int, noise: float) -> None:
    image = picture(24, seed)
    other = np.clip(image + noise * np.random.default_rng(seed).standard_normal(image.shape), 0, 1)
    scored = score(image, other)
    reference = peak_signal_noise_ratio(image.astype(float), other.astype(float), data_range=1)
    assert abs(scored.psnr - reference) < 1e-6
    assert abs(scored.ncc - np.corrcoef(image.ravel(), other.ravel())[0, 1]) < 1e-6
    assert scored.ssim < 1


def test_correlation_with_a_flat_picture_is_zero() -> None:
    assert score(picture(24), np.full((24, 24), 0.3)).ncc == 0


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(4)))
def test_the_order_of_a_batch_does_not_matter(order: list[int]) -> None:
    truths = np.stack([picture(24, seed) for seed in range(4)])
    noisy = truths + 0.05 * np.random.default_rng(0).standard_normal(truths.shape)
    found = noisy[order]
    np.testing.assert_array_equal(found[assign(truths, found)], noisy)
    assert mean_score(truths, found[assign(truths, found)]) == mean_score(truths, noisy)


def test_the_body_is_filled_and_alone() -> None:
    image = np.zeros((24, 24), np.float32)
    image[4:20, 4:20] = 0.5
    image[8:12, 8:12] = 0
    image[0, 0] = 1
    expected = np.zeros((24, 24), bool)
    expected[4:20, 4:20] = True
    np.testing.assert_array_equal(body(image), expected)


def test_errors_in_the_air_do_not_count_inside_the_body() -> None:
    image = np.zeros((24, 24), np.float32)
    image[4:20, 4:20] = 0.5
    other = image.copy()
    other[0] = 1
    scored = score(image, other)
    assert scored.psnr_body == EXACT_PSNR
    assert scored.psnr < 20


@settings(max_examples=25, deadline=None)
@given(seed=seeds, slope=st.floats(-2, 2).filter(lambda a: abs(a) > 0.05), offset=st.floats(-1, 1))
def test_matched_scores_do_not_depend_on_brightness_and_contrast(
    seed: int, slope: float, offset: float
) -> None:
    image, other = picture(24, seed).astype(float), picture(24, seed + 1).astype(float)
    plain, changed = score(image, other), score(image, slope * other + offset)
    assert abs(plain.psnr_affine - changed.psnr_affine) < 1e-6
    assert abs(plain.psnr_body_affine - changed.psnr_body_affine) < 1e-6
    assert score(image, slope * image + offset).psnr_affine > 100


@settings(max_examples=25, deadline=None)
@given(seed=seeds, noise=st.floats(0.01, 0.5))
def test_matching_never_lowers_a_score_nor_puts_it_below_flat_grey(seed: int, noise: float) -> None:
    image = picture(24, seed)
    other = image + noise * np.random.default_rng(seed).standard_normal(image.shape)
    scored, flat = score(image, other), score(image, np.full(image.shape, image.mean()))
    assert scored.psnr_affine >= max(scored.psnr, flat.psnr) - 1e-9
    assert scored.psnr_body_affine >= scored.psnr_body - 1e-9


def test_matching_is_linear_regression() -> None:
    image, other = picture(24, 0).astype(float), picture(24, 5).astype(float)
    slope, offset = np.polyfit(other.ravel(), image.ravel(), 1)
    np.testing.assert_allclose(matched(image, other), slope * other + offset, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_dice_is_the_f1_score_of_the_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, found = random.integers(0, 3, (8, 8)), random.random((8, 8))
    expected = f1_score(truth.ravel() > 0, found.ravel() >= 0.5)
    assert abs(mask_dice(truth, found) - expected) < 1e-12


def test_an_empty_mask_that_is_found_empty_is_found() -> None:
    nothing = np.zeros((8, 8))
    assert mask_dice(nothing, nothing) == 1
    assert mask_dice(nothing, nothing + 1) == 0


def test_a_batch_is_scored_in_the_order_of_the_truth_with_masks_and_labels() -> None:
    truths = np.stack([picture(24, seed) for seed in range(3)])
    masks = truths > 0.6
    order = np.array([2, 0, 1])
    found = Reconstruction(
        images=truths[order], labels=order, objective=0.0, objective_history=np.zeros((0, 2)),
        seconds=1.0, masks=masks[order].astype(np.float32),
    )  # fmt: skip
    seen = scored(truths, masks, Gallery(truths, np.arange(3), "themselves"), found)
    np.testing.assert_array_equal(seen.images, truths)
    assert seen.labels == [0, 1, 2]
    assert seen.ranks == (1, 1, 1)
    assert seen.rank == 1
    assert seen.dice == (1.0, 1.0, 1.0)
    assert seen.summary()["psnr"] == EXACT_PSNR
    assert [one["rank"] for one in seen.per_slice()] == [1, 1, 1]
