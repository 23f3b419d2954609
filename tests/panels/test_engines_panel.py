from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from workbench.panels import engines_model
from workbench.panels.engines import EnginesPanel, EnginesStage
from workbench.panels.engines_model import EnginesModel
from workbench.panels.parts.model import PanelModel
from workbench.runs.jobs import start


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engines_model, "start", partial(start, where="inline"))
    monkeypatch.setattr("workbench.panels.engines.warm", lambda *modules: None)
    yield
    for model in list(PanelModel._living.values()):
        model.close()


def test_comparing_fills_bars_and_table() -> None:
    model = EnginesModel(model="cnn", size=32, batch=4, slices_each=2, rounds=1)
    stage = EnginesStage(model)
    model.start()
    end = time.monotonic() + 60
    while model.status != "finished" and time.monotonic() < end:
        time.sleep(0.02)
    assert model.status == "finished", model.message
    rows = {row[0]: row for row in stage.table.rows}
    assert rows["bookkeeping"][3] == "0e+00 of its norm"
    assert rows["opacus-ghost"][4].startswith("refused: ")
    assert len(stage.bars.data[0].x) >= 3


def test_the_task_follows_the_model() -> None:
    assert EnginesModel(model="cnn").config().task == "classification"
    assert EnginesModel(model="unet").config().task == "segmentation"


def test_a_bad_number_blocks_the_start_with_a_sentence() -> None:
    model = EnginesModel()
    model.choose("batch", 0)
    assert "Batch must be 1 or more" in model.errors["batch"]


def test_the_panel_says_that_nobody_is_involved() -> None:
    assert "no patient" in EnginesPanel(name="x").guarantee.text
