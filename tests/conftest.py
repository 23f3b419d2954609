"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

# One thread per test process: the machine has two cores and background workers want the other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LATER = ("slow", "browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, then slow ones, browsers last: what is broken is seen early."""
    items.sort(key=lambda item: sum(item.get_closest_marker(m) is not None for m in LATER))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real CT slices and X-rays that lies beside a checkout, where there is one."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real images: there is no folder ../shared/data beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def workspace(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace for every test, so that no test sees a person's runs."""
    folder = tmp_path_factory.mktemp("workspace")
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An npz of 48 slices with masks, 32 x 32: bright discs of twelve patients."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    images, masks = [], []
    for _ in range(48):
        row, column, radius = generator.uniform((10, 10, 4), (22, 22, 8))
        mask = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        noise = generator.normal(0, 0.05, mask.shape)
        images.append(np.clip(0.3 + 0.4 * mask + noise, 0, 1))
        masks.append(mask)
    path: Path = tmp_path_factory.mktemp("discs") / "discs.npz"
    np.savez(
        path,
        images=np.array(images, dtype=np.float32),
        masks=np.array(masks, dtype=np.uint8),
        patient=np.repeat(np.arange(12), 4),
    )
    return str(path)


@pytest.fixture
def sized_study(workspace: Path) -> str:
    """The name of a finished study of 50, 100 and 200 patients in the test's own workspace."""
    from recorded_sizes import record_sizes

    from workbench.runs.store import Store

    return record_sizes(Store(workspace))
