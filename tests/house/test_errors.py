"""Sentences about numbers say name, range and value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput, check_range


@pytest.mark.parametrize(
    ("interval", "value", "words"),
    [
        ("(0, 1)", 1.0, "Delta must be between 0 and 1, not 1."),
        ("(0, 1]", 0.0, "Delta must be above 0 and at most 1, not 0."),
        ("[16, 512]", 15, "Delta must be 16 to 512, not 15."),
        ("[1, inf)", 0, "Delta must be 1 or more, not 0."),
        ("(0, inf)", math.inf, "Delta must be above 0, not inf."),
        ("(0, inf)", math.nan, "Delta must be above 0, not nan."),
    ],
)
def test_what_lies_outside_is_refused_in_words(interval: str, value: float, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_range("delta", value, interval)
    assert str(refused.value) == words
    assert refused.value.field == "delta"


def test_a_hint_ends_the_sentence() -> None:
    with pytest.raises(BadInput, match=r"Sample rate must be .*, not 2; 0\.05 is usual\.$"):
        check_range("sample_rate", 2, "(0, 1]", hint="0.05 is usual")


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_an_interval_means_what_it_means_in_mathematics(a: float, b: float, value: float) -> None:
    low, high = sorted((a, b))
    for left, right in ("[]", "[)", "(]", "()"):
        inside = (value >= low if left == "[" else value > low) and (
            value <= high if right == "]" else value < high
        )
        try:
            check_range("x", value, f"{left}{low!r}, {high!r}{right}")
        except BadInput:
            assert not inside
        else:
            assert inside
