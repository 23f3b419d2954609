import numpy as np
import pytest

from workbench.attacks.events import Reconstructing
from workbench.figures.reconstruction import (
    draw_noise,
    draw_objective,
    draw_reconstruction,
    noise_numbers,
    objective_numbers,
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


def test_the_row_is_in_order_of_noise() -> None:
    numbers = noise_numbers([result(0.1, 9.0), result(None, 155.3), result(0.0, 40.0)])
    assert numbers.labels == ("no DP", "clipping only", "σ = 0.1")
    assert numbers.psnr == (80.0, 40.0, 9.0)
    assert len(draw_noise(numbers).data) == 3


@pytest.mark.parametrize("target", ["record", "floor"])
def test_the_objective_has_a_curve_for_record_and_floor(target: str) -> None:
    frames = [
        Reconstructing(
            seconds=second, budget=3, stage="searching", objective=value,
            image=np.zeros((1, 8, 8)), target=target,
        )
        for second, value in ((0.0, 1.0), (1.0, float("nan")), (2.0, 0.1))
    ]  # fmt: skip
    numbers = objective_numbers(frames)
    assert getattr(numbers, target) == ([0.0, 2.0], [1.0, 0.1])
    assert draw_objective(numbers).layout.yaxis.type == "log"
