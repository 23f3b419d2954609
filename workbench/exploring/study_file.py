"""A study written down: one JSON file beside the runs, from which it can be taken up again."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.runs.configs import config_from_json, config_to_json
from workbench.runs.files import write_whole
from workbench.runs.store import Store

FORMAT = 1


def study_path(study: str, store: Store) -> Path:
    """Where a study of this name is written down."""
    return store.root / "studies" / f"{study}.json"


def remember(config: ExploreConfig, store: Store) -> None:
    """Write the study down, with its newest budget.

    Raises:
        BadInput: it is written down already by another version.
    """
    path = study_path(config.study, store)
    if path.exists():
        _read(path)
    text = json.dumps({"format": FORMAT, "config": config_to_json(config)}, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def recalled(study: str, store: Store) -> ExploreConfig:
    """The study of this name.

    Raises:
        BadInput: there is none, its file is damaged, or another version wrote it.
    """
    path = study_path(study, store)
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.json"))) or "none yet"
        raise BadInput(f"There is no study {study} in {store.root}; there are: {known}.",
                       field="study")  # fmt: skip
    return _read(path)


def _read(path: Path) -> ExploreConfig:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        written, values = content["format"], content["config"]
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            f"The study file {path} is damaged; remove it, the finished trainings are kept.",
            field="study",
        ) from None
    if written != FORMAT:
        raise BadInput(
            f"{path} was written by another version of the workbench (format {written}, this "
            f"version reads {FORMAT}); use that version. Finished trainings are kept.",
            field="study",
        )
    return config_from_json(ExploreConfig, values)
