import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from workbench.attacks.blunting import blunted
from workbench.attacks.defence import Defence, defence
from workbench.errors import BadInput

seeds = st.integers(0, 10_000)


def gradients(seed: int) -> dict[str, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    return {
        "conv": torch.randn(4, 1, 3, 3, generator=drawn),
        "bias": 10 * torch.randn(4, generator=drawn),
        "still": torch.full((5,), 0.25),
    }


def flat(tensors: dict[str, Tensor]) -> np.ndarray:
    return torch.cat([each.flatten() for each in tensors.values()]).numpy()


@given(seeds, st.floats(0.01, 0.99))
def test_pruning_keeps_the_largest_values_of_the_whole_gradient_as_they_are(
    seed: int, share: float
) -> None:
    before = gradients(seed)
    values, kept = flat(before), flat(blunted(before, Defence("prune", share)))
    count = max(1, round(share * values.size))
    assert np.count_nonzero(kept) == count
    stays = kept != 0
    np.testing.assert_array_equal(kept[stays], values[stays])
    assert np.abs(values[stays]).min() >= np.abs(values[~stays]).max(initial=0)


@given(seeds, st.integers(1, 16))
def test_quantising_moves_no_value_by_more_than_half_a_step(seed: int, bits: int) -> None:
    before = gradients(seed)
    for name, rounded in blunted(before, Defence("quantise", bits)).items():
        value = before[name]
        step = float(value.max() - value.min()) / (2**bits - 1)
        assert float((rounded - value).abs().max()) <= step / 2 + 1e-5
        assert len(rounded.unique()) <= 2**bits
        assert float(rounded.min()) >= float(value.min()) - 1e-5
        assert float(rounded.max()) <= float(value.max()) + 1e-5


@given(seeds)
def test_one_bit_leaves_smallest_and_largest(seed: int) -> None:
    before = gradients(seed)
    after = blunted(before, Defence("quantise", 1))
    expected = {float(before["conv"].min()), float(before["conv"].max())}
    assert len(expected) == 2
    np.testing.assert_allclose(sorted(after["conv"].unique().tolist()), sorted(expected), rtol=1e-5)


@given(seeds)
def test_signs_are_all_that_is_left(seed: int) -> None:
    before = gradients(seed)
    np.testing.assert_array_equal(flat(blunted(before, Defence("sign"))), np.sign(flat(before)))


@pytest.mark.parametrize("chosen", [None, "prune:0.5", "quantise:4", "sign"])
def test_names_and_shapes_stay_and_the_original_is_untouched(chosen: str | None) -> None:
    before = gradients(1)
    after = blunted(before, None if chosen is None else defence(chosen))
    assert {n: g.shape for n, g in after.items()} == {n: g.shape for n, g in before.items()}
    np.testing.assert_array_equal(flat(before), flat(gradients(1)))


@pytest.mark.parametrize("chosen", ["prune:0.3", "quantise:3", "sign"])
def test_doing_it_again_changes_nothing(chosen: str) -> None:
    once = blunted(gradients(2), defence(chosen))
    np.testing.assert_allclose(flat(blunted(once, defence(chosen))), flat(once), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("prune:0.1", Defence("prune", 0.1), "largest 0.1"),
        ("quantise:8", Defence("quantise", 8), "8 bits"),
        ("sign", Defence("sign"), "signs"),
    ],
)
def test_a_defence_is_read_and_said(text: str, expected: Defence, words: str) -> None:
    assert defence(text) == expected
    assert words in str(expected)


@pytest.mark.parametrize(
    "text",
    ["prune", "prune:0", "prune:1", "prune:-1", "prune:nan", "quantise:0", "quantise:17",
     "quantise:2.5", "quantise:", "sign:1", "noise:1", "", "prune:ten"],
)  # fmt: skip
def test_what_is_no_defence_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadInput, match="prune:0.1") as refused:
        defence(text)
    assert refused.value.field == "defence"
