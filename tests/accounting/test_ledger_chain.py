"""A ledger that is not what was written is named, and nothing is charged or run on it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_cases import data, lines, plan

from workbench.accounting.ledger import journal
from workbench.accounting.ledger.chain import LedgerDamaged
from workbench.accounting.ledger.entries import digest, render
from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.runs.files import DiskFull

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Seven lines: data, then three runs reserved and settled."""
    ledger = Ledger(tmp_path)
    for number in range(3):
        ledger.reserve(data("liver"), plan(100), run=f"r{number}").settle(10 + number)
    return ledger


def rewrite(folder: Path, change: Change) -> None:
    path = folder / "ledger.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def swapped(found: list[bytes]) -> list[bytes]:
    return [*found[:2], found[3], found[2], *found[4:]]


def edited(found: list[bytes]) -> list[bytes]:
    assert b'"steps": 10,' in found[2]
    return [*found[:2], found[2].replace(b'"steps": 10,', b'"steps": 11,'), *found[3:]]


def edited_with_a_new_hash(found: list[bytes]) -> list[bytes]:
    entry = json.loads(edited(found)[2])
    return [*found[:2], render({**entry, "hash": digest(entry)}) + b"\n", *found[3:]]


def reformatted(found: list[bytes]) -> list[bytes]:
    return [*found[:4], found[4].replace(b'": ', b'":'), *found[5:]]


def said_twice(found: list[bytes]) -> list[bytes]:
    """The same key twice: a person reads the first, a parser takes the second."""
    twice = found[2].replace(b'"steps": 10,', b'"steps": 1, "steps": 10,')
    return [*found[:2], twice, *found[3:]]


DAMAGE: dict[str, tuple[Change, str]] = {
    "an edited line": (edited, "line 3 was changed after it was written"),
    "an edited line with a new hash": (edited_with_a_new_hash, "line 4 does not follow"),
    "an edited last line with its hash kept": (
        lambda found: [*found[:6], found[6].replace(b"r2", b"r9")],
        "line 7 was changed",
    ),
    "a reformatted line": (reformatted, "line 5 was changed"),
    "a key said twice": (said_twice, "line 3 was changed"),
    "a deleted line": (lambda found: [*found[:3], *found[4:]], "line 4 says that it is line 5"),
    "a deleted first line": (lambda found: found[1:], "line 1 says that it is line 2"),
    "a line said again": (lambda found: [*found[:3], *found[2:]], "line 4 says that it is line 3"),
    "swapped lines": (swapped, "line 3 says that it is line 4"),
    "a cut last line": (
        lambda found: [*found[:6], found[6][:-20]],
        "line 7 is cut short and lines are missing at the end: there are 6",
    ),
    "a cut line in the middle": (
        lambda found: [*found[:3], found[3][:-20] + b"\n", *found[4:]],
        "line 4 is no line of a ledger",
    ),
    "missing last lines": (
        lambda found: found[:5],
        "lines are missing at the end: there are 5, and ledger.head knows of 7",
    ),
    "an emptied file": (lambda found: [], "there are 0, and ledger.head knows of 7"),
    "an added line": (lambda found: [*found, b'{"hello": 1}\n'], "line 8 is no line of a ledger"),
    "garbage": (lambda found: [b"\x00\xff\xfe\n", *found], "line 1 is no line of a ledger"),
    "an empty line": (lambda found: [*found[:2], b"\n", *found[2:]], "line 3 is no line"),
    "a number instead of a line": (lambda found: [b"7\n"], "line 1 is no line of a ledger"),
    "NaN": (lambda found: [*found, b'{"line": NaN}\n'], "line 8 is no line of a ledger"),
    "nesting without end": (lambda found: [b"[" * 100_000 + b"\n"], "line 1 is no line"),
}


@pytest.mark.parametrize(("change", "problem"), DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("known", [False, True], ids=["read anew", "read before"])
def test_damage_is_found_and_named_and_nothing_is_charged(
    ledger: Ledger, tmp_path: Path, change: Change, problem: str, known: bool
) -> None:
    rewrite(tmp_path, change)
    damaged = (tmp_path / "ledger.jsonl").read_bytes()
    reader = ledger if known else Ledger(tmp_path)
    for act in (
        lambda: reader.reserve(data("liver"), plan(100), run="r9"),
        lambda: reader.settle("r0", data("liver").fingerprint, 50),
        lambda: reader.set_budget("liver", epsilon=1, delta=1e-5),
        reader.accounts,
    ):
        with pytest.raises(LedgerDamaged) as refused:
            act()
        assert problem in refused.value.message
        assert str(tmp_path / "ledger.jsonl") in refused.value.message
        assert "workbench ledger verify" in refused.value.message
    assert problem in Ledger(tmp_path).verify().problems[0]
    assert (tmp_path / "ledger.jsonl").read_bytes() == damaged
