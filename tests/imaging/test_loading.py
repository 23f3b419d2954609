from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.imaging.keeping import keep
from workbench.imaging.load import load
from workbench.imaging.loading import loading
from workbench.runs.events import Progress


def drained(source: str) -> tuple[list[Progress], object]:
    events, generator = [], loading(source)
    while True:
        try:
            events.append(next(generator))
        except StopIteration as end:
            return events, end.value


def test_loading_gives_the_same_slices_as_load(discs: str) -> None:
    _, slices = drained(discs)
    assert slices.fingerprint == load(discs).fingerprint  # type: ignore[attr-defined]


def test_loading_refuses_what_load_refuses() -> None:
    with pytest.raises(BadInput, match="nowhere"):
        drained("/nowhere")


def test_groups_and_split_are_kept_too(discs: str) -> None:
    slices = load(discs)
    parity = np.where(np.arange(len(slices)) % 2, "odd", "even")
    split = np.repeat(["train", "val"], len(slices) // 2)
    grouped = replace(slices, groups={"parity": parity}, split=split)
    again = load(str(keep(grouped)))
    assert again.groups["parity"].tolist() == parity.tolist()
    assert again.split is not None
    assert again.split.tolist() == split.tolist()
    # The set without them is another file, not the first one that was written.
    keep(slices)
    assert load(str(keep(slices))).groups == {}


def test_a_kept_set_is_the_same_set_again(discs: str) -> None:
    slices = load(discs)
    path = keep(slices)
    again = load(str(path))
    assert again.fingerprint == slices.fingerprint
    assert again.classes == slices.classes
    assert keep(slices) == path
