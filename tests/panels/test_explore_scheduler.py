"""The workers of a Dask scheduler train the panel's study, if one is named and answers."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.panels import explore_model
from workbench.panels.explore import ExplorePanel
from workbench.panels.explore_controls import explore_controls
from workbench.panels.explore_model import ExploreModel
from workbench.panels.parts.controls import TextField
from workbench.panels.parts.model import PanelModel
from workbench.runs import elsewhere
from workbench.runs.jobs import close
from workbench.runs.store import Store


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    for model in list(PanelModel._living.values()):
        model.close()
    close()
    gc.collect()  # what a connection leaves behind complains here, and not in another test


@pytest.fixture
def grid(discs: str) -> dict[str, Any]:
    small = {"data": discs, "image_size": None, "sample_rate": 0.3, "steps": 2, "seeds": 1}
    return small | {"epsilons": "2, inf"}


def scheduler_field(model: ExploreModel) -> TextField:
    unseen = explore_controls(model)
    while unseen:
        widget = unseen.pop()
        if isinstance(widget, TextField) and widget.label == "Scheduler":
            return widget
        unseen += getattr(widget, "children", ())
    raise AssertionError("there is no field for a scheduler")


def test_a_scheduler_that_does_not_answer_is_said_at_its_field(
    grid: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.5)
    model = ExploreModel(**grid)
    field = scheduler_field(model)
    field.value = " 127.0.0.1:1 "
    assert model.scheduler == "127.0.0.1:1"
    assert model.plan == "2 trainings, on the scheduler's workers"
    model.start()
    end = time.monotonic() + 60
    while model.status != "failed" and time.monotonic() < end:
        time.sleep(0.02)
    assert "no Dask scheduler answers at 127.0.0.1:1; check the address" in field.error
    assert Store().list() == []
    field.value = ""
    assert field.error == ""
    assert model.plan.startswith("2 trainings, 2 at a time")


@pytest.mark.parametrize(("typed", "address"), [("", None), ("tls://host:8786", "tls://host:8786")])
def test_the_workers_of_the_scheduler_train(
    grid: dict[str, Any], monkeypatch: pytest.MonkeyPatch, typed: str, address: str | None
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        explore_model, "SweepJob", lambda config, store, *, scheduler: asked.append(scheduler)
    )
    ExploreModel(**grid, scheduler=typed).launch()
    assert asked == [address]


@pytest.mark.parametrize(("typed", "hired"), [({}, 1), ({"scheduler": "tls://host:8786"}, 0)])
def test_workers_of_this_machine_are_hired_only_where_they_train(
    grid: dict[str, Any], monkeypatch: pytest.MonkeyPatch, typed: dict[str, str], hired: int
) -> None:
    begun: list[str] = []
    monkeypatch.setattr("workbench.panels.explore.warm", begun.append)
    ExplorePanel(**grid, **typed)
    assert len(begun) == hired
