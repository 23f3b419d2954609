"""All numbers of a study as files that every statistics program reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.rows import rows
from workbench.runs.configs import config_to_json
from workbench.runs.events import to_json


def write_tables(config: ExploreConfig, explored: Sequence[Explored], folder: Path) -> list[Path]:
    """Write ``runs`` and, where the data carry groups, ``groups``, each as CSV and Parquet.

    Beside them ``study.json`` holds the whole config, from which the study can be repeated.

    Args:
        config: of the study.
        explored: its finished trainings.
        folder: to write into; made where it is missing.

    Returns:
        What was written.

    Raises:
        BadInput: nothing is finished yet, or the folder cannot be written.
    """
    if not explored:
        raise BadInput("No training of this study is finished, so there is nothing to export.",
                       field="study")  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / "study.json"
        values = {"study": config.study, "config": to_json(config_to_json(config))}
        about.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        written = [about, *_written(rows(explored), folder / "runs")]
        groups = group_rows(explored)
        return [*written, *(_written(groups, folder / "groups") if groups else [])]
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror}); name another folder.", field="export"
        ) from None


def group_rows(explored: Iterable[Explored]) -> list[dict[str, Any]]:
    """One row for each training and group of patients, with the scores of that group."""
    return [
        {"run": one.run, "epsilon": one.epsilon, "seed": one.seed, "group": name, **scores}
        for one in explored
        for name, scores in one.groups.items()
    ]


def _written(table: Sequence[dict[str, Any]], path: Path) -> list[Path]:
    import pyarrow
    from pyarrow import csv, parquet

    # A column that only later rows have would be left out: a metric that a group lacks, say.
    columns = list(dict.fromkeys(name for row in table for name in row))
    known = pyarrow.table({name: [_cell(row.get(name)) for row in table] for name in columns})
    csv_path, parquet_path = path.with_suffix(".csv"), path.with_suffix(".parquet")
    csv.write_csv(known, csv_path)
    parquet.write_table(known, parquet_path)
    return [csv_path, parquet_path]


def _cell(value: Any) -> Any:
    """Numbers stay numbers, infinity too; what a table has no type for becomes JSON."""
    return (
        value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)
    )
