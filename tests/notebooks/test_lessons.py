"""The lessons run from top to bottom, and are stored the way a reviewer can read them."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def test_the_lessons_are_there() -> None:
    assert [lesson.stem for lesson in LESSONS] == [
        "00_start_here",
        "01_train_with_privacy",
        "02_epsilon_and_utility",
        "03_gradient_inversion",
        "04_attack_laboratory",
        "05_audit",
        "06_a_budget_that_lasts",
    ]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 17
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert len(cell.source.splitlines()) < 10


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_asks_to_predict_before_it_runs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    first = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    before = " ".join(cell.source.lower() for cell in cells[:first])
    assert "predict" in before or "guess" in before


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}}).execute()
    shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in shown)
    told = "".join(o.get("text", "") for o in shown if o.get("name") == "stderr")
    assert "Traceback" not in told
