"""The button that writes a study into a folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.exploring.events import Explored
from workbench.figures import study_page
from workbench.panels.explore_export import ExportStudy
from workbench.panels.explore_model import ExploreModel

ONE = Explored(
    epsilon=math.inf, seed=0, run="run", score=0.5, score_name="dice", noise_multiplier=0.0,
    guarantee="none",
)  # fmt: skip


@pytest.fixture
def model(discs: str) -> Iterator[ExploreModel]:
    model = ExploreModel(data=discs, image_size=None)
    yield model
    model.close()


def test_it_is_there_as_soon_as_there_is_something_to_write(model: ExploreModel) -> None:
    export = ExportStudy(model)
    assert export.layout.display == "none"
    model.explored = {"run": ONE}
    assert export.layout.display == ""


def test_the_folder_stands_beside_the_notebook_and_is_named(
    model: ExploreModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []

    def written(config: object, store: object, folder: Path) -> list[Path]:
        asked.append(folder)
        return [folder / "report.html", folder / "runs.csv"]

    monkeypatch.setattr(study_page, "export_study", written)
    monkeypatch.chdir(tmp_path)
    model.explored = {"run": ONE}
    export = ExportStudy(model)
    export.button.click()
    assert export.work.join(30)
    assert asked == [tmp_path / model.config().study]
    assert export.said.text == f"2 files in {asked[0].name}, the report is report.html."


def test_what_cannot_be_written_is_said_in_the_panel(
    model: ExploreModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> list[Path]:
        raise BadInput("There is no browser.")

    monkeypatch.setattr(study_page, "export_study", refused)
    model.explored = {"run": ONE}
    export = ExportStudy(model)
    export.button.click()
    assert export.work.join(30)
    assert model.message == "There is no browser."
    assert export.said.text == ""
