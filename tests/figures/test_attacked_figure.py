"""Several attacks side by side: the pictures that belong together, and a table of the scores."""

from html.parser import HTMLParser
from typing import Any

import numpy as np

from workbench.figures.attacked import (
    COLUMNS,
    Outcome,
    attacked_html,
    attacked_numbers,
    draw_attacked,
)


def outcome(psnrs: list[float], *, floor: bool = False) -> Outcome:
    truth = np.random.default_rng(0).random((len(psnrs), 8, 8), dtype=np.float32)
    result: dict[str, Any] = {
        "psnr": float(np.mean(psnrs)), "ssim": 0.5, "psnr_affine": 21.0, "seconds": 6.0,
        "per_slice": [{"psnr": value} for value in psnrs], "baseline": "flat grey",
        "baseline_psnr": 10.6, "mask_dice": None, "bound_rero": 0.374, "rank_of": 17,
        "floor_psnr": 9.5 if floor else None,
    }  # fmt: skip
    arrays = {"truth": truth, "reconstruction": 1 - truth}
    return result, arrays | ({"floor": truth / 2} if floor else {})


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.alt = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "img":
            self.alt = dict(attrs)["alt"] or ""

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1][-1] += data


def test_of_a_batch_the_middle_slice_is_shown_and_never_the_best() -> None:
    result, arrays = outcome([20.0, 50.0, 30.0])
    numbers = attacked_numbers({"three": (result, arrays)})
    np.testing.assert_array_equal(numbers.truths[0], arrays["truth"][2])
    np.testing.assert_array_equal(numbers.found[0], arrays["reconstruction"][2])
    even = attacked_numbers({"two": outcome([20.0, 50.0])})
    np.testing.assert_array_equal(even.truths[0], outcome([20.0, 50.0])[1]["truth"][0])


def test_the_row_of_pure_noise_is_there_where_it_was_made() -> None:
    plain = draw_attacked(attacked_numbers({"a": outcome([20.0]), "b": outcome([30.0])}))
    assert len(plain.axes) == 4
    mixed = draw_attacked(
        attacked_numbers({"a": outcome([20.0]), "b": outcome([30.0], floor=True)})
    )
    assert [len(axes.images) for axes in mixed.axes] == [1, 1, 1, 1, 0, 1]


def test_every_attack_has_its_row_beside_what_a_blind_guess_reaches() -> None:
    page = _Cells()
    page.feed(
        attacked_html(attacked_numbers({"a": outcome([20.0]), "b": outcome([30.0], floor=True)}))
    )
    assert [row[0] for row in page.rows[1:]] == ["a", "b"]
    assert [row[1] for row in page.rows[1:]] == ["20.0 dB", "30.0 dB"]
    told = dict(zip(page.rows[0], page.rows[1], strict=True))
    assert told["without the gradient"] == "10.6 dB (flat grey)"
    assert told["same attack on pure noise"] == "not made"
    assert told["anybody names it, at most"] == "38 % among 17"
    assert "a, b" in page.alt


def test_columns_that_say_nothing_are_left_out() -> None:
    page = _Cells()
    page.feed(attacked_html(attacked_numbers({"a": outcome([20.0])})))
    assert set(COLUMNS) - set(page.rows[0]) == {"mask found (Dice)", "same attack on pure noise"}


def test_a_name_cannot_bring_markup_along() -> None:
    page = attacked_html(attacked_numbers({"<script>": outcome([20.0])}))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
