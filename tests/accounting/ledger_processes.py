"""Processes that write to one ledger, and die while they do; run as a program, without pytest.

``kills FOLDER COUNT SEED``: one process after another, each killed with ``SIGKILL`` at a random
moment; ``write FOLDER COUNT``: so many at once; ``race FOLDER COUNT``: so many at once, all wanting
a run of 100 steps; ``moments FOLDER ACT TORN``: one act, dying at every call in turn, where
``TORN`` is 1 if it begins behind a torn line. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_cases import data, plan

from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput

STEPS = 6
TURNS = 12


def forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def spent(folder: Path, run: str) -> int:
    """Steps that a run has taken in all its lives, by its own log: one byte for each."""
    path = folder / f"spent-{run}"
    return path.stat().st_size if path.exists() else 0


def train(folder: Path, run: str) -> None:
    """Reserve, take steps, settle; a run taken up again goes on behind its last step."""
    before = spent(folder, run)
    reservation = Ledger(folder).reserve(data("liver"), plan(before + STEPS), run=run)
    log = os.open(folder / f"spent-{run}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for step in range(before + 1, before + STEPS + 1):
        if not reservation.within(step):
            break
        os.write(log, b".")
        os.fsync(log)
    reservation.settle(spent(folder, run))


def kills(folder: Path, count: int, seed: int) -> dict[str, object]:
    chance = random.Random(seed)
    usual = min(_quiet(folder, number) for number in range(3))
    runs: list[str] = []
    ends: Counter[str] = Counter()
    for number in range(count):
        again = bool(runs) and chance.random() < 0.3
        run = chance.choice(runs) if again else f"run-{number}"
        runs += [] if again else [run]
        child = forked(lambda run=run: train(folder, run))
        time.sleep(chance.uniform(0, 1.5 * usual))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ends[judge(folder, runs, run)] += 1
    return {"ends": dict(ends), "usual": usual, "lines": Ledger(folder).verify().lines}


def _quiet(folder: Path, number: int) -> float:
    """Seconds that a run takes which nobody kills."""
    began = time.perf_counter()
    os.waitpid(forked(lambda: train(folder, f"quiet-{number}")), 0)
    return time.perf_counter() - began


def judge(folder: Path, runs: list[str], last: str) -> str:
    """Check everything after a death; say in which state the run was."""
    ledger = Ledger(folder)
    verdict = ledger.verify()
    assert verdict.problems == (), verdict.problems
    charges = {charge.run: charge for charge in ledger.charges("liver")}
    for run in runs:
        charged = charges[run].steps if run in charges else 0
        assert charged >= spent(folder, run), (run, charged, spent(folder, run))
    if last not in charges:
        return "not yet reserved"
    if charges[last].settled:
        return "settled"
    return "at work" if spent(folder, last) else "reserved"


def write(folder: Path, count: int) -> dict[str, object]:
    """Everybody reserves and settles in turns, on data of their own and on shared data."""

    def work(number: int) -> None:
        ledger = Ledger(folder)
        for turn in range(TURNS):
            mine = data("liver") if turn % 2 else data(f"own {number}", f"{number}")
            ledger.reserve(mine, plan(50), run=f"run-{number}-{turn}").settle(turn)

    together(folder, count, work)
    ledger = Ledger(folder)
    names = ["liver", *(f"own {number}" for number in range(count))]
    charges = [charge for name in names for charge in ledger.charges(name)]
    return {
        "problems": ledger.verify().problems,
        "lines": ledger.verify().lines,
        "charged": {charge.run: charge.steps for charge in charges},
        "unsettled": sum(not charge.settled for charge in charges),
    }


def race(folder: Path, count: int) -> dict[str, object]:
    """Everybody wants a run at the same moment; who gets one takes all its steps."""

    # The accountant is imported once, before the processes part.
    import workbench.accounting.composition  # noqa: F401

    def work(number: int) -> None:
        try:
            reservation = Ledger(folder).reserve(data("liver"), plan(100), run=f"run-{number}")
        except BadInput as error:
            (folder / f"refused-{number}").write_text(error.message)
            return
        reservation.settle(100 if reservation.within(100) else 0)

    together(folder, count, work)
    ledger = Ledger(folder)
    return {
        "problems": ledger.verify().problems,
        "epsilon": ledger.account("liver").epsilon,
        "charged": {charge.run: charge.steps for charge in ledger.charges("liver")},
        "refused": [path.read_text() for path in sorted(folder.glob("refused-*"))],
    }


def together(folder: Path, count: int, work: Callable[[int], None]) -> None:
    """So many processes, which begin when all of them are there."""
    waiting, gate = os.pipe()

    def wait_and_work(number: int) -> None:
        os.close(gate)
        os.read(waiting, 1)
        work(number)

    children = [forked(lambda number=number: wait_and_work(number)) for number in range(count)]
    os.close(gate)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)


def moments(folder: Path, act: str, torn: str) -> dict[str, object]:
    """The same act again and again, dying at each of its calls that change a file in turn."""
    found: list[dict[str, object]] = []
    while not found or found[-1]["died"]:
        found.append(_moment(folder / str(len(found)), act, torn == "1", len(found) + 1))
    return {"moments": found}


def _moment(folder: Path, act: str, torn: bool, number: int) -> dict[str, object]:
    before = b""
    if act != "first":
        Ledger(folder).reserve(data("liver"), plan(100), run="r0")
        before = (folder / "ledger.jsonl").read_bytes()
    if torn:
        (folder / "ledger.jsonl").write_bytes(before + b'{"line": 3, "at"')

    def dying() -> None:
        _die_at(number)
        _act(Ledger(folder), act)

    died = os.waitstatus_to_exitcode(os.waitpid(forked(dying), 0)[1]) == 9
    verdict = Ledger(folder).verify()
    path = folder / "ledger.jsonl"
    kept = path.read_bytes().startswith(before) if before else True
    charges = [] if act == "first" else Ledger(folder).charges("liver")
    Ledger(folder).reserve(data("lung", "xyz"), plan(10), run="r9").settle(10)
    return {
        "died": died,
        "problems": verdict.problems + Ledger(folder).verify().problems,
        "kept": kept,
        "lines": verdict.lines,
        "steps": charges[0].steps if charges else None,
        "lines afterwards": len(path.read_bytes().splitlines()),
    }


def _die_at(number: int) -> None:
    """Die at the given call of these; a write that it dies in leaves half of its bytes."""
    left = [number]

    def watch(name: str) -> None:
        whole = getattr(os, name)

        def call(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if name == "pwrite":
                    whole(args[0], args[1][: len(args[1]) // 2], args[2])
                os._exit(9)
            return whole(*args, **more)

        setattr(os, name, call)

    for name in ("open", "ftruncate", "pwrite", "fsync", "replace", "close"):
        watch(name)


def _act(ledger: Ledger, act: str) -> None:
    if act == "settle":
        ledger.settle("r0", data("liver").fingerprint, 40)
    elif act == "budget":
        ledger.set_budget("liver", epsilon=9, delta=1e-5)
    else:
        ledger.reserve(data("new", "uvw"), plan(100), run="r1")


def main(act: str, folder: str, *more: str) -> None:
    """Run one act; see the words at the top."""
    acts: dict[str, Callable[..., dict[str, object]]] = {
        "kills": kills,
        "write": write,
        "race": race,
        "moments": moments,
    }
    counts = (int(word) if word.isdigit() and act != "moments" else word for word in more)
    print(json.dumps(acts[act](Path(folder), *counts)))


if __name__ == "__main__":
    main(*sys.argv[1:])
