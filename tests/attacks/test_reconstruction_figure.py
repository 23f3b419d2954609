import numpy as np

from workbench.figures.reconstruction import (
    draw_reconstruction,
    reconstruction_numbers,
    reconstruction_png,
)


def result(noise: float | None, psnr: float, floor: float | None = 8.0) -> dict[str, object]:
    return {
        "noise_multiplier": noise, "psnr": psnr, "floor_psnr": floor, "floor_ssim": 0.1,
        "baseline": "flat grey", "baseline_psnr": 10.0, "baseline_ssim": 0.1, "model": "unet",
        "attack": "two-stage", "per_slice": [{"psnr": psnr, "ssim": 0.9}],
    }  # fmt: skip


ARRAYS = {"truth": np.zeros((1, 8, 8)), "reconstruction": np.full((1, 8, 8), 0.25)}


def test_the_sheet_shows_the_absolute_error_and_the_scores() -> None:
    numbers = reconstruction_numbers(result(0.0, 31.0), ARRAYS)
    np.testing.assert_array_equal(numbers.error, 0.25)
    assert numbers.captions == ("31.0 dB, SSIM 0.90",)
    assert "clipping only" in numbers.title
    assert "pure noise: 8.0 dB" in numbers.footer
    assert len(draw_reconstruction(numbers).axes) == 3
    assert reconstruction_png(result(None, 200.0, None), ARRAYS).startswith(b"\x89PNG")
