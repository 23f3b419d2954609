import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.attacks.events import Reconstructing
from workbench.errors import BadInput
from workbench.figures.film import draw_film, film_numbers
from workbench.figures.theme import png

TRUTH = np.random.default_rng(0).uniform(size=(1, 16, 16)).astype(np.float32)


def frame(seconds: float, target: str = "record") -> Reconstructing:
    return Reconstructing(
        seconds=seconds, budget=9, stage="", objective=1.0, target=target,  # type: ignore[arg-type]
        image=np.clip(TRUTH + 0.5 / (1 + seconds), 0, 1),
    )  # fmt: skip


@given(st.integers(1, 40), st.integers(2, 9))
def test_a_film_begins_with_the_first_picture_and_ends_with_the_last_and_the_truth(
    count: int, frames: int
) -> None:
    numbers = film_numbers([frame(float(at)) for at in range(count)], TRUTH, frames=frames)
    assert len(numbers.pictures) == len(numbers.titles) <= frames + 1
    assert numbers.titles[0].startswith("0.0 s")
    assert numbers.titles[-2].startswith(f"{count - 1}.0 s")
    np.testing.assert_array_equal(numbers.pictures[-1], TRUTH[0])


def test_the_attack_on_pure_noise_is_not_in_the_film() -> None:
    with pytest.raises(BadInput, match="no picture"):
        film_numbers([frame(1.0, "floor")], TRUTH)


def test_every_picture_has_a_place_on_the_strip() -> None:
    figure = draw_film(film_numbers([frame(0.0), frame(1.0)], TRUTH))
    assert len(figure.axes) == 3
    assert png(figure).startswith(b"\x89PNG")
