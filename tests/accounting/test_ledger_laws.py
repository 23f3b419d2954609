"""Whatever happens in whatever order: never less charged than spent, and no line is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from ledger_cases import data, plan

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.reservation import Reservation
from workbench.errors import BadInput

STEPS = st.integers(1, 20)
SLICES = st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=4)


class Runs(RuleBasedStateMachine):
    """Runs that begin, take steps, end, die, and are taken up again; two processes by turns."""

    open = Bundle("open")
    dead = Bundle("dead")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.ledgers = [Ledger(self.path), Ledger(self.path)]
        self.spent: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        self.slices: dict[str, frozenset[str]] = {}
        self.lines = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    def ledger(self) -> Ledger:
        """Each time another one, as if another process wrote."""
        self.ledgers.reverse()
        return self.ledgers[0]

    @rule(target=open, slices=SLICES, steps=STEPS)
    def begin(self, slices: set[str], steps: int) -> Reservation:
        run = f"run-{len(self.spent)}"
        self.spent[run], self.slices[run] = 0, frozenset(slices)
        return self.ledger().reserve(data(run, slices), plan(steps), run=run)

    @rule(reservation=open, steps=STEPS)
    def take_steps(self, reservation: Reservation, steps: int) -> None:
        run = reservation.charge.run
        for _ in range(steps):
            if reservation.within(self.spent[run] + 1):
                self.spent[run] += 1

    @rule(target=dead, reservation=consumes(open))
    def end(self, reservation: Reservation) -> str:
        run = reservation.charge.run
        reservation.settle(self.spent[run])
        self.ended[run] = self.spent[run]
        return run

    @rule(target=dead, reservation=consumes(open), tail=st.sampled_from([b"", b"{", b"\0\0"]))
    def die(self, reservation: Reservation, tail: bytes) -> str:
        with open(self.path / "ledger.jsonl", "ab") as file:
            file.write(tail)
        self.ledgers[0] = Ledger(self.path)
        return reservation.charge.run

    @rule(target=open, run=consumes(dead), steps=STEPS)
    def take_up_again(self, run: str, steps: int) -> Reservation:
        self.ended.pop(run, None)
        # A run that goes on for less than it had planned is possible too.
        more = plan(max(1, self.spent[run] + steps - 10))
        return self.ledger().reserve(data(run, self.slices[run]), more, run=run)

    @rule(reservation=open)
    def report_too_little(self, reservation: Reservation) -> None:
        charge = reservation.charge
        if charge.counted:
            try:
                reservation.settle(charge.counted - 1)
            except BadInput:
                return
            raise AssertionError("fewer steps than reported before were taken for the truth")

    @rule(slices=SLICES)
    def ask(self, slices: set[str]) -> None:
        self.ledger().would_cost(data("asked", slices), plan(5))

    @invariant()
    def nothing_is_undercharged_and_no_line_is_lost(self) -> None:
        ledger = self.ledger()
        verdict = ledger.verify()
        assert verdict.problems == ()
        assert verdict.lines >= self.lines
        self.lines = verdict.lines
        for run, spent in self.spent.items():
            charges = {c.run: c for c in ledger.charges(data(run, self.slices[run]))}
            assert charges[run].steps >= spent
            if run in self.ended:
                assert charges[run].steps == spent, "a run that has ended pays what it took"

    @invariant()
    def data_share_an_account_exactly_where_slices_chain_them(self) -> None:
        groups: list[set[str]] = []
        for slices in self.slices.values():
            near = [group for group in groups if group & slices]
            groups = [group for group in groups if not group & slices]
            groups.append(set(slices).union(*near))
        accounts = self.ledger().accounts() if self.slices else []
        assert sorted(account.slices for account in accounts) == sorted(map(len, groups))


Runs.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_any_order_of_events = pytest.mark.slow(Runs.TestCase)
