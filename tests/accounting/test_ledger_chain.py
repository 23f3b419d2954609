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

from workbench.accounting.ledger import lock
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


@pytest.mark.parametrize("known", [False, True], ids=["read anew", "read before"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "ledger.head, which says how many lines there are, is missing"),
        (b"", "ledger.head cannot be read"),
        (b'{"lines": 7}', "ledger.head cannot be read"),
        (b'{"lines": "7", "hash": ""}', "ledger.head cannot be read"),
        (b'{"lines": 8, "hash": ""}', "there are 7, and ledger.head knows of 8"),
        (b'{"lines": 7, "hash": "00"}', "line 7 is not the line that ledger.head names"),
        (b'{"lines": 3, "hash": "00"}', "line 3 is not the line that ledger.head names"),
    ],
)
def test_a_head_that_is_gone_or_does_not_fit_is_named(
    ledger: Ledger, tmp_path: Path, content: bytes | None, problem: str, known: bool
) -> None:
    head = tmp_path / "ledger.head"
    head.unlink()
    if content is not None:
        head.write_bytes(content)
    reader = ledger if known else Ledger(tmp_path)
    with pytest.raises(LedgerDamaged, match=problem):
        reader.reserve(data("liver"), plan(100), run="r9")
    assert problem in Ledger(tmp_path).verify().problems[0]


def test_a_ledger_that_is_gone_is_missed_by_its_head(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").unlink()
    for reader in (ledger, Ledger(tmp_path)):
        with pytest.raises(LedgerDamaged, match="there are 0, and ledger.head knows of 7"):
            reader.reserve(data("liver"), plan(100), run="r9")


def test_what_the_ledger_did_not_write_is_not_taken_for_one_that_died_young(
    tmp_path: Path,
) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(b"notes")
    with pytest.raises(LedgerDamaged, match="ledger.head, .* is missing"):
        Ledger(tmp_path).reserve(data("liver"), plan(100), run="r9")
    assert (tmp_path / "ledger.jsonl").read_bytes() == b"notes"


def test_once_the_copy_is_back_everything_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    copy = (tmp_path / "ledger.jsonl").read_bytes()
    rewrite(tmp_path, edited)
    with pytest.raises(LedgerDamaged):
        ledger.accounts()
    (tmp_path / "ledger.jsonl").write_bytes(copy)
    ledger.reserve(data("liver"), plan(100), run="r9")
    assert ledger.account("liver").runs == 4
    assert Ledger(tmp_path).verify().lines == 8


def test_a_running_run_does_not_go_on_over_damage(ledger: Ledger, tmp_path: Path) -> None:
    reservation = ledger.reserve(data("liver"), plan(100), run="r9")
    assert reservation.within(1)
    rewrite(tmp_path, lambda found: found[:-2])
    with pytest.raises(LedgerDamaged):
        reservation.within(2)
    with pytest.raises(LedgerDamaged):
        reservation.settle(1)


@given(drawn=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_byte_changed_removed_or_added_within_the_lines_is_found(
    tmp_path: Path, drawn: st.DataObject
) -> None:
    if not (tmp_path / "good").exists():
        ledger = Ledger(tmp_path)
        for number in range(2):
            ledger.reserve(data("liver"), plan(100), run=f"r{number}").settle(number)
        (tmp_path / "good").write_bytes((tmp_path / "ledger.jsonl").read_bytes())
    good = (tmp_path / "good").read_bytes()
    start = drawn.draw(st.integers(0, len(good) - 1))
    length = drawn.draw(st.integers(0, 40))
    put = drawn.draw(st.binary(max_size=4))
    bad = good[:start] + put + good[start + length :]
    (tmp_path / "ledger.jsonl").write_bytes(bad)
    # What stands after the last line end was never acknowledged.
    untouched = bad.startswith(good) and b"\n" not in bad[len(good) :]
    assert bool(Ledger(tmp_path).verify().problems) == (not untouched)


def test_a_line_of_a_later_version_asks_for_an_update(ledger: Ledger, tmp_path: Path) -> None:
    _forge(tmp_path, {"kind": "pledge"})
    with pytest.raises(LedgerDamaged, match=r"line 8 is of a kind .* \(pledge\); update"):
        Ledger(tmp_path).accounts()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "settle", "run": "r1"}, "has no usable 'fingerprint', although its hash fits"),
        (
            {"kind": "settle", "run": "r8", "fingerprint": "f", "steps": 1},
            "line 8 speaks of ('r8', 'f'), which no line before it has named",
        ),
        (
            {"kind": "budget", "name": "", "fingerprint": "f", "epsilon": 1.0, "delta": 0.1,
             "policy": "stop"},
            "line 8 speaks of 'f', which no line before it has named",
        ),
    ],
)  # fmt: skip
def test_a_line_forged_with_a_fitting_hash_that_says_nonsense_is_named(
    ledger: Ledger, tmp_path: Path, fields: dict[str, object], problem: str
) -> None:
    _forge(tmp_path, fields)
    for _ in range(2):
        with pytest.raises(LedgerDamaged) as refused:
            ledger.reserve(data("liver"), plan(100), run="r9")
        assert problem in refused.value.message
    assert problem in Ledger(tmp_path).verify().problems[0]


def _forge(folder: Path, fields: dict[str, object]) -> None:
    last = lines(folder)[-1]
    entry = {"line": last["line"] + 1, "at": "", **fields, "previous": last["hash"]}
    with open(folder / "ledger.jsonl", "ab") as file:
        file.write(render({**entry, "hash": digest(entry)}) + b"\n")


def test_a_head_that_was_written_down_tells_a_ledger_written_anew(
    ledger: Ledger, tmp_path: Path
) -> None:
    noted = ledger.verify().head
    ledger.reserve(data("liver"), plan(100), run="r9")
    # The ledger has grown since, and what it was is still in it.
    assert ledger.verify(noted).problems == ()
    assert ledger.verify(noted[:12]).problems == ()
    for name in ("ledger.jsonl", "ledger.head"):
        (tmp_path / name).unlink()
    anew = Ledger(tmp_path)
    anew.reserve(data("liver"), plan(100), run="r0")
    assert anew.verify().problems == ()
    (problem,) = anew.verify(noted).problems
    assert f"no line has the hash {noted}" in problem
    with pytest.raises(BadInput, match="12 characters or more"):
        anew.verify("abc")


TORN = [
    b'{"line": 8, "at": "2026',
    b'{"line": 8, "slices": [' + b"0" * 9000,
    b"\x00" * 100,
    b"{",
    b'{"line": 8}',
]


@pytest.mark.parametrize("tail", TORN)
@pytest.mark.parametrize("known", [False, True], ids=["read anew", "read before"])
def test_an_unfinished_line_that_was_never_acknowledged_is_dropped(
    ledger: Ledger, tmp_path: Path, tail: bytes, known: bool
) -> None:
    before = (tmp_path / "ledger.jsonl").read_bytes()
    (tmp_path / "ledger.jsonl").write_bytes(before + tail)
    reader = ledger if known else Ledger(tmp_path)
    assert reader.account("liver").runs == 3
    verdict = reader.verify()
    assert (verdict.problems, verdict.unfinished, verdict.lines) == ((), True, 7)
    reader.reserve(data("liver"), plan(100), run="r9")
    after = (tmp_path / "ledger.jsonl").read_bytes()
    assert after.startswith(before + b'{"line": 8, "at": ')
    verdict = Ledger(tmp_path).verify()
    assert (verdict.lines, verdict.unfinished) == (8, False)


def test_whole_lines_that_the_head_does_not_know_yet_count(ledger: Ledger, tmp_path: Path) -> None:
    head = (tmp_path / "ledger.head").read_bytes()
    ledger.reserve(data("other", "xyz"), plan(100), run="r9")
    (tmp_path / "ledger.head").write_bytes(head)
    for reader in (ledger, Ledger(tmp_path)):
        assert reader.account("other").open == 1
    Ledger(tmp_path).reserve(data("liver"), plan(100), run="r10")
    assert json.loads((tmp_path / "ledger.head").read_text())["lines"] == 10


@pytest.mark.parametrize("broken", ["pwrite", "part of a pwrite", "fsync", "replace"])
def test_where_the_disk_is_full_nothing_is_charged_and_nothing_is_lost(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = (tmp_path / "ledger.jsonl").read_bytes()
    pwrite = os.pwrite

    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if broken == "part of a pwrite":
            patch.setattr(os, "pwrite", lambda handle, text, at: pwrite(handle, text[:20], at))
        else:
            patch.setattr(os, broken, full)
        with pytest.raises(DiskFull):
            ledger.reserve(data("liver"), plan(100), run="r9")
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert ledger.account("liver").runs == 3
    ledger.reserve(data("liver"), plan(100), run="r9")
    assert Ledger(tmp_path).account("liver").runs == 4


def test_a_ledger_without_permission_is_one_sentence(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **more: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(BadInput, match="cannot be read or written; check its permissions"):
            ledger.reserve(data("liver"), plan(100), run="r9")


def test_where_the_system_has_no_locks_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    with pytest.raises(BadInput, match="use Linux or macOS"):
        Ledger(tmp_path).reserve(data("liver"), plan(100), run="r9")
    assert list(tmp_path.iterdir()) == []
