"""A study leaves as a folder that others can read without the workbench."""

import csv
import json
import math
from functools import partial
from pathlib import Path

import pytest
from pyarrow import parquet

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.sweep import Sweep
from workbench.exploring.tables import write_tables
from workbench.figures.study_page import export_study
from workbench.runs import fleet
from workbench.runs.jobs import start
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

CONFIG = ExploreConfig(
    train=TrainConfig(
        data="phantom-liver:patients=8,size=32", model="unet-small", steps=1,
        privacy=PrivacyConfig(target_epsilon=1.0, delta=1e-2),
    ),
    epsilons=(8.0, math.inf), seeds=1,
)  # fmt: skip


def one(epsilon: float, **more: object) -> Explored:
    return Explored(
        epsilon=epsilon, seed=0, run=f"run-{epsilon}", score=0.5, score_name="dice",
        noise_multiplier=1.0, guarantee="a sentence, with a comma", **more,
    )  # type: ignore[arg-type]  # fmt: skip


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_both_tables_hold_the_same_numbers(tmp_path: Path) -> None:
    explored = [one(3.0, scores={"ece": 0.1}), one(math.inf, scores={"ece": 0.2})]
    write_tables(CONFIG, explored, tmp_path)
    by_csv, by_parquet = (
        read(tmp_path / "runs.csv"),
        parquet.read_table(tmp_path / "runs.parquet").to_pylist(),
    )
    assert [float(row["epsilon"]) for row in by_csv] == [3.0, math.inf]
    assert [row["epsilon"] for row in by_parquet] == [3.0, math.inf]
    assert [row["ece"] for row in by_parquet] == [0.1, 0.2]
    assert by_csv[0]["guarantee"] == "a sentence, with a comma"


def test_groups_have_a_row_for_each_run_and_group(tmp_path: Path) -> None:
    groups = {"cause: virus": {"auroc": 0.8, "count": 12}, "cause: bacteria": {"count": 3}}
    write_tables(CONFIG, [one(3.0, groups=groups)], tmp_path)
    found = parquet.read_table(tmp_path / "groups.parquet").to_pylist()
    assert [row["group"] for row in found] == list(groups)
    assert [row["auroc"] for row in found] == [0.8, None]


def test_the_study_can_be_repeated_from_its_file(tmp_path: Path) -> None:
    write_tables(CONFIG, [one(8.0)], tmp_path)
    about = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert about["study"] == CONFIG.study
    assert about["config"]["train"]["steps"] == 1


def test_with_nothing_finished_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to export"):
        write_tables(CONFIG, [], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_place_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match="another folder"):
        write_tables(CONFIG, [one(8.0)], tmp_path / "taken")


@pytest.mark.slow
def test_a_real_study_becomes_a_report_with_its_figures(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "start", partial(start, where="inline"))
    store = Store(workspace)
    list(Sweep(CONFIG, store, at_once=1).events())
    written = export_study(CONFIG, store, tmp_path / "out", kinds=("svg",))
    names = {path.name for path in written}
    assert {"report.html", "runs.csv", "frontier.svg", "price.svg", "fading.svg"} <= names
    report = written[0].read_text(encoding="utf-8")
    for run in store.list("train"):
        assert run.id in report
        assert (run.result or {})["guarantee"] in report
