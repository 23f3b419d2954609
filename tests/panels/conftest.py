"""An attack panel around jobs that compute nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attack_events import until
from fakes import FakeJob

from workbench.attacks.config import AttackConfig
from workbench.panels import attack as attack_panel
from workbench.panels import attack_model
from workbench.panels.attack import AttackPanel
from workbench.panels.attack_model import AttackModel


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[AttackConfig, FakeJob]]:
    """What was begun: nothing is computed, and no worker is hired."""
    jobs: list[tuple[AttackConfig, FakeJob]] = []

    def begin(config: AttackConfig, study: str | None = None) -> FakeJob:
        jobs.append((config, FakeJob(f"fake-{len(jobs)}")))
        return jobs[-1][1]

    monkeypatch.setattr(attack_model, "begin", begin)
    monkeypatch.setattr(attack_panel, "warm", lambda *modules: None)
    return jobs


@pytest.fixture
def model(begun: object) -> Iterator[AttackModel]:
    made = AttackModel()
    until(lambda: made.preview is not None)
    yield made
    made.close()


@pytest.fixture
def panel(begun: object) -> Iterator[AttackPanel]:
    made = AttackPanel(name="test")
    until(lambda: made.model.preview is not None)
    yield made
    made.model.close()
