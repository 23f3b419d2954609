import numpy as np
from attack_cases import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

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
