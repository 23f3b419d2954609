"""Data sets and plans that the ledger's tests share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.accounting.ledger.plans import Identity, Planned


def data(name: str, slices: Iterable[str] = "abcd", *, largest: int = 2) -> Identity:
    """Data of one-letter slices; the fingerprint is that of the letters, whatever the name."""
    pieces = tuple(sorted(set(slices)))
    mark = hashlib.sha256("".join(pieces).encode()).hexdigest()[:16]
    return Identity(name, mark, pieces, patients=len(pieces), largest_patient=largest)


def plan(steps: int = 100, **other: Any) -> Planned:
    """Sampling rate 1, where epsilon has a closed form: about 5.0 at 100 steps."""
    values = {"noise_multiplier": 8.0, "sample_rate": 1.0, "delta": 1e-4, **other}
    return Planned(steps=steps, **values)


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "ledger.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
