"""A training's charge in the ledger: reserved before the first gradient, settled at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity, Planned
from workbench.accounting.ledger.reservation import Reservation
from workbench.dpsgd.processes import Processes
from workbench.imaging.recognition import file_marks, slice_marks
from workbench.imaging.sliceset import SliceSet
from workbench.runs.attempt import Attempt
from workbench.training.events import Warned
from workbench.training.plan import Plan, largest_patient


class Charge:
    """What a training has spent so far, and whether it may spend more.

    Attributes:
        steps: counted, those of earlier attempts included.
        stopped: why the budget ended the training; empty where it did not.
    """

    def __init__(self, reservation: Reservation | None) -> None:
        self.steps = 0 if reservation is None else reservation.charge.counted
        self.stopped = ""
        self._reservation = reservation
        self._sentences = [reservation.warning, reservation.notice] if reservation else []

    def allows(self, step: int) -> bool:
        """Whether the budget, as it is now, has room for this step."""
        if self._reservation is None or self._reservation.within(step):
            return True
        self.stopped = self._reservation.stopped
        return False

    def count(self, step: int) -> None:
        """A step is about to be taken, or was by an earlier attempt."""
        self.steps = max(self.steps, step)

    def warnings(self) -> Iterator[Warned]:
        """What the ledger has to say, once."""
        sentences, self._sentences = self._sentences, []
        yield from (Warned(message=sentence) for sentence in sentences if sentence)


@contextmanager
def charged(
    plan: Plan, identity: Callable[[], Identity], attempt: Attempt, processes: Processes
) -> Iterator[Charge]:
    """Reserve what the training will cost; settle to the steps counted, however it ends.

    The charge is on the whole set, also where a few of its patients are trained on. A process that
    is killed settles nothing: then the whole reservation stays charged. Of several processes the
    first one is charged, for all of them.

    Raises:
        BadInput: a budget has no room for the run, or the ledger is damaged.
    """
    if not processes.first:
        yield Charge(None)
        return
    ledger = Ledger(attempt.home)
    reservation = ledger.reserve(identity(), planned(plan), run=attempt.run)
    charge = Charge(reservation)
    try:
        yield charge
    finally:
        reservation.settle(charge.steps)


def identity_of(slices: SliceSet, source: str) -> Identity:
    """What the ledger knows a data set by.

    Args:
        slices: all of them, those to validate on included.
        source: where they were read.
    """
    marks = slice_marks(slices)
    return Identity(
        name=slices.name,
        fingerprint=hashlib.sha256("\n".join(marks).encode()).hexdigest(),
        slices=(*marks, *file_marks(source)),
        patients=slices.patient_count,
        largest_patient=largest_patient(slices),
    )


def planned(plan: Plan) -> Planned:
    """What the ledger needs to know of a training before its first step."""
    privacy = plan.config.privacy
    return Planned(
        noise_multiplier=plan.noise_multiplier,
        sample_rate=plan.config.sample_rate,
        steps=plan.config.steps,
        delta=privacy.delta if privacy else 0.0,
        unit=plan.unit,
        unprotected=plan.unprotected,
    )
