"""Audit in a line, from a notebook or from the tests of one's own project."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_audits import CLAIMED, SMALL, by_hand, half_noise, labelled

import workbench as wb
from workbench.auditing.claim import Claim
from workbench.auditing.exam import Exam
from workbench.errors import BadInput
from workbench.runs.store import Store

CLAIM = Claim(noise_multiplier=1.0, sample_rate=0.05, steps=15, **CLAIMED)  # type: ignore[arg-type]
SIZE = {"canaries": 200, "nulls": 1500}


@pytest.fixture
def data(tmp_path: Path) -> str:
    return labelled(tmp_path)


def test_an_engine_is_audited_by_its_name(data: str) -> None:
    audited = wb.audit("bookkeeping", data=data, **SMALL)
    assert not audited.falsified
    assert str(audited).startswith("no violation found; ")
    record = Store().record(audited.id)
    assert (record.kind, record.status) == ("audit", "finished")
    assert record.result is not None
    assert record.result["says"] == str(audited)
    assert audited.html().startswith("<!")


def test_a_function_is_audited_as_it_stands(data: str) -> None:
    broken = wb.audit(half_noise, claim=CLAIM, data=data, **SIZE)
    assert broken.falsified
    assert "noise-variance" in broken.result["caught_by"]

    def mine(exam: Exam) -> None:
        by_hand(exam)

    claim = {"noise_multiplier": 1.0, "sample_rate": 0.05, "steps": 15, **CLAIMED}
    audited = wb.audit(mine, claim=claim, data=data, **SIZE)
    assert not audited.falsified
    assert audited.result["engine"] == "notebook:mine"


def test_of_ones_own_training_the_whole_claim_must_be_stated(data: str) -> None:
    with pytest.raises(BadInput, match="A claim without delta cannot be audited"):
        wb.audit(by_hand, claim={"noise_multiplier": 1.0}, data=data)
    with pytest.raises(BadInput, match="A claim without delta"):
        wb.audit("small_audits:by_hand", data=data)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BadInput, match="There is no engine 'magic'"):
        wb.audit("magic")
    with pytest.raises(BadInput, match="Unknown setting canarys"):
        wb.audit(canarys=3)
