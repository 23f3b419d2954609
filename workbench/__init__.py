"""An interactive privacy-auditing workbench for medical imaging.

Importing this is instant: nothing heavy is loaded before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.door.attacking import attack as attack
    from workbench.door.attacking import compare as compare
    from workbench.door.attacking import observe as observe
    from workbench.door.attacks import attack_each as attack_each
    from workbench.door.auditing import audit as audit
    from workbench.door.catching import catch as catch
    from workbench.door.exercises import exercise as exercise
    from workbench.door.leaking import leakage as leakage
    from workbench.door.training import train as train
    from workbench.imaging.load import load as load
    from workbench.imaging.phantoms.cohort import phantoms as phantoms
    from workbench.panels.attack import AttackPanel as AttackPanel
    from workbench.panels.audit import AuditPanel as AuditPanel
    from workbench.panels.desk import desk as desk
    from workbench.panels.engines import EnginesPanel as EnginesPanel
    from workbench.panels.explore import ExplorePanel as ExplorePanel
    from workbench.panels.ledger import LedgerPanel as LedgerPanel
    from workbench.panels.planner import PlannerPanel as PlannerPanel
    from workbench.panels.train import TrainPanel as TrainPanel

__version__ = "0.2.0"

# A panel must open without waiting for torch, so every name is fetched from its own room.
_HOMES = {
    "AttackPanel": "panels.attack",
    "AuditPanel": "panels.audit",
    "EnginesPanel": "panels.engines",
    "ExplorePanel": "panels.explore",
    "LedgerPanel": "panels.ledger",
    "PlannerPanel": "panels.planner",
    "TrainPanel": "panels.train",
    "attack": "door.attacking",
    "attack_each": "door.attacks",
    "audit": "door.auditing",
    "catch": "door.catching",
    "compare": "door.attacking",
    "desk": "panels.desk",
    "exercise": "door.exercises",
    "leakage": "door.leaking",
    "load": "imaging.load",
    "observe": "door.attacking",
    "phantoms": "imaging.phantoms.cohort",
    "train": "door.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_HOMES, "__version__"]
