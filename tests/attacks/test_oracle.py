from typing import Any

import numpy as np
from attack_cases import picture

from workbench.attacks.events import Reconstructing
from workbench.attacks.scoring.oracle import Oracle
from workbench.attacks.scoring.score import score
from workbench.attacks.scoring.spread import spread

TRUTH = np.stack([picture(24, seed) for seed in range(2)])


def frame(image: np.ndarray, second: float, **more: Any) -> Reconstructing:
    return Reconstructing(
        seconds=second, budget=3, stage="searching", objective=0.0, image=image, **more
    )


def test_the_best_frame_counts_wherever_it_was_and_the_curve_shows_all() -> None:
    oracle = Oracle(TRUTH)
    for second, error in enumerate((0.2, 0.05, 0.1)):
        oracle.see(frame(TRUTH + error, float(second)))
    np.testing.assert_allclose(oracle.curve[:, 0], [0, 1, 2])
    np.testing.assert_allclose(oracle.curve[:, 1], -20 * np.log10([0.2, 0.05, 0.1]), rtol=1e-5)
    assert oracle.best_psnr == oracle.curve[1, 1]


def test_it_scores_as_the_score_does() -> None:
    oracle = Oracle(TRUTH[:1])
    oracle.see(frame(TRUTH[1:], 0.0))
    assert oracle.best_psnr is not None
    assert abs(oracle.best_psnr - score(TRUTH[0], TRUTH[1]).psnr) < 1e-9


def test_the_order_of_a_batch_does_not_matter() -> None:
    oracle = Oracle(TRUTH)
    oracle.see(frame(TRUTH[::-1] + 0.1, 0.0))
    assert oracle.best_psnr is not None
    assert abs(oracle.best_psnr - 20) < 1e-4


def test_floors_are_passed_over() -> None:
    oracle = Oracle(TRUTH)
    oracle.see(frame(TRUTH, 0.0, target="floor"))
    assert oracle.best_psnr is None
    assert oracle.curve.shape == (0, 2)


def test_several_draws_follow_each_other_in_time() -> None:
    oracle = Oracle(TRUTH)
    oracle.see(frame(TRUTH + 0.1, 2.0))
    oracle.see(frame(TRUTH + 0.1, 1.0, before=3.0))
    np.testing.assert_array_equal(oracle.curve[:, 0], [2, 4])


def test_one_draw_has_no_spread() -> None:
    assert spread([12.0]) is None
    deviation = spread([10.0, 12.0, 14.0])
    assert deviation is not None
    assert abs(deviation - 2) < 1e-12
