"""What attacks on membership reach on an over-trained network, and on its private twin."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.accounting.guarantee import round_up
from workbench.auditing.membership.audit import membership_report
from workbench.auditing.membership.config import MembershipConfig
from workbench.imaging.phantoms.cohort import phantoms
from workbench.runs.jobs import close
from workbench.runs.store import Store
from workbench.training.config import PrivacyConfig, TrainConfig

CANDIDATES, HELD_OUT = 2400, 800
WRONG = 0.15
"""Share of labels that are turned round."""
PRIVATE = PrivacyConfig(target_epsilon=11.2, delta=1e-5)


def measure(references: str = "4") -> list[dict[str, object]]:
    """One row for each attack on either training.

    Each record is one slice, 32 x 32, of another phantom: the lowest or the highest of its liver?
    Lesions, the phantoms' own classes, are smaller than a pixel here. That question is learned
    too well to need remembering, so 15 % of the labels are turned round, as slips of a reader
    would; about half of the candidates train, until each of them is fitted.

    Args:
        references: how many.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = TrainConfig(
            data=str(_mislabelled(Path(folder) / "ends.npz")),
            model="cnn",
            steps=1500,
            sample_rate=0.05,
            learning_rate=3e-3,
        )
        store = Store(Path(folder))
        try:
            return [
                row
                for privacy in (None, PRIVATE)
                for row in _rows(
                    membership_report(
                        MembershipConfig(
                            train=TrainConfig(**vars(plain) | {"privacy": privacy}),
                            references=int(references),
                        ),
                        store,
                    ),
                    store,
                )
            ]
        finally:
            store.close()
            close()


def _mislabelled(path: Path) -> Path:
    patients = CANDIDATES + HELD_OUT
    drawn = phantoms(patients=patients, slices=2, size=32, seed=6, target="lesion")
    generator = np.random.default_rng(6)
    highest = generator.random(patients) < 0.5
    shown = drawn.subset(2 * np.arange(patients) + highest)
    np.savez(
        path,
        images=shown.images[:, 0],
        labels=(highest ^ (generator.random(patients) < WRONG)).astype(np.int64),
        patient=shown.patients,
        split=np.repeat(["train", "val"], [CANDIDATES, HELD_OUT]),
        classes=np.array(["lowest", "highest"]),
    )
    return path


def _rows(found: Mapping[str, Any], store: Store) -> list[dict[str, object]]:
    accuracy = (store.record(found["target"]).result or {})["balanced_accuracy"]
    return [
        {
            "epsilon claimed": round_up(found["claim"]["epsilon"]),
            "balanced accuracy": round(accuracy, 3),
            "members / strangers": f"{found['members']} / {found['strangers']}",
            "references": len(found["references"]),
            "attack": one["label"],
            "AUC": _interval(one["auc"]),
            "TPR at 1 %": _interval(one["rates"][0]),
            "TPR at 0.1 %": _interval(one["rates"][1]),
            "epsilon at least (errors)": round(one["epsilon_clopper_pearson"], 2),
            "epsilon at least (coins)": round(one["epsilon_steinke"], 2),
        }
        for one in found["attacks"].values()
    ]


def _interval(value: Mapping[str, Any]) -> str:
    said = f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return said if value.get("reliable", True) else f"({said})"
