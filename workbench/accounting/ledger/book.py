"""What the lines say together: data sets, the accounts that they share, charges and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.charges import Charge, charge_from
from workbench.accounting.ledger.entries import Entry, LineFault
from workbench.accounting.ledger.plans import Identity, distinct_slices
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput

Linked = frozenset[str]
"""Fingerprints of data sets that are linked by slices that they share."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set as the ledger knows it.

    Attributes:
        fingerprint: of its content.
        names: under which it was met, the first one first.
        slices: short hashes of its distinct slices.
        patients: the most that it was met with.
        largest_patient: the most slices of one patient that it was met with.
    """

    fingerprint: str
    names: tuple[str, ...] = ()
    slices: frozenset[str] = frozenset()
    patients: int = 1
    largest_patient: int = 1

    def __str__(self) -> str:
        slices = distinct_slices(self.slices)
        return f"{self.fingerprint[:8]} ({slices} slices of {self.patients} patients)"


class Book:
    """The state after some lines. Only :meth:`take` changes it."""

    def __init__(self) -> None:
        self.data: dict[str, DataSet] = {}
        self.charges: dict[tuple[str, str], Charge] = {}
        self._budgets: dict[str, Budget] = {}
        self._accounts: dict[str, Linked] = {}
        self._owner: dict[str, str] = {}

    def take(self, entry: Entry) -> None:
        """Go on by one line, which the chain has checked.

        Raises:
            LineFault: it speaks of data or a run that no line before it has named, or states a
                value that cannot be.
        """
        act = {
            "data": self._meet,
            "reserve": self._reserve,
            "settle": self._settle,
            "budget": self._budget,
        }[entry["kind"]]
        try:
            act(entry)
        except KeyError as error:
            raise LineFault(f"speaks of {error}, which no line before it has named") from None
        except BadInput as error:
            raise LineFault(f"states what cannot be ({error.message.rstrip('.')})") from None

    def snapshot(self) -> Book:
        """A copy that stays as it is; what it holds cannot change anyway."""
        copy = Book()
        copy.data, copy.charges = dict(self.data), dict(self.charges)
        copy._budgets, copy._accounts = dict(self._budgets), dict(self._accounts)
        copy._owner = dict(self._owner)
        return copy

    def having(self, identity: Identity) -> Book:
        """The state as it would be with this data set met."""
        copy = self.snapshot()
        record = self.unmet(identity)
        if record is not None:
            copy._meet(record[1])
        return copy

    def accounts(self) -> list[Linked]:
        """Every account, in the order in which their first data set was met."""
        return list(dict.fromkeys(self._accounts.values()))

    def account_of(self, fingerprint: str) -> Linked:
        """The account of a data set that was met."""
        return self._accounts[fingerprint]

    def on(self, account: Linked) -> list[Charge]:
        """The charges on an account, in the order in which their runs began."""
        return [charge for charge in self.charges.values() if charge.fingerprint in account]

    def mechanisms(self, linked: Linked) -> list[Mechanism]:
        """What a patient was exposed to by the protected runs on an account."""
        return [self.worst(charge) for charge in self.on(linked) if charge.protected]

    def beside(self, charge: Charge) -> list[Mechanism]:
        """The same without one run, made or not, on its account."""
        key = (charge.run, charge.fingerprint)
        return [
            self.worst(other)
            for other in self.on(self.account_of(charge.fingerprint))
            if other.protected and (other.run, other.fingerprint) != key
        ]

    def worst(self, charge: Charge) -> Mechanism:
        """What a charge exposes a patient to, if these pictures were met with larger patients."""
        if charge.planned.unit == "patient" or charge.fingerprint not in self.data:
            return charge.mechanism
        largest = self.data[charge.fingerprint].largest_patient
        return replace(charge.mechanism, group=max(charge.group, largest))

    def budgets_on(self, account: Linked) -> list[Budget]:
        """The budgets that hold: several where data sets with budgets were linked later."""
        return [self._budgets[one] for one in sorted(account) if one in self._budgets]

    def unmet(self, identity: Identity) -> tuple[str, dict[str, Any]] | None:
        """The line that makes a data set known; ``None`` where it is, under this name too."""
        known = self.data.get(identity.fingerprint, DataSet(fingerprint=identity.fingerprint))
        new = set(identity.slices) - known.slices
        larger = (
            identity.patients > known.patients or identity.largest_patient > known.largest_patient
        )
        if identity.name in known.names and not new and not larger:
            return None
        return "data", {
            "name": identity.name,
            "fingerprint": identity.fingerprint,
            "patients": identity.patients,
            "largest_patient": identity.largest_patient,
            "slices": sorted(new),
        }

    def _meet(self, entry: Mapping[str, Any]) -> None:
        mark, slices = entry["fingerprint"], frozenset(entry["slices"])
        known = self.data.get(mark, DataSet(fingerprint=mark))
        self.data[mark] = DataSet(
            fingerprint=mark,
            names=tuple(dict.fromkeys((*known.names, entry["name"]))),
            slices=known.slices | slices,
            patients=max(known.patients, entry["patients"]),
            largest_patient=max(known.largest_patient, entry["largest_patient"]),
        )
        owners = {self._owner[piece] for piece in slices if piece in self._owner}
        before = owners | ({mark} & self._accounts.keys())
        linked = frozenset({mark}).union(*(self._accounts[one] for one in before))
        self._accounts |= dict.fromkeys(linked, linked)
        for piece in slices:
            self._owner.setdefault(piece, mark)

    def _reserve(self, entry: Entry) -> None:
        charge = charge_from(entry)
        key = (charge.run, self.data[charge.fingerprint].fingerprint)
        earlier = self.charges.get(key)
        self.charges[key] = earlier.reserved_again(charge.planned) if earlier else charge

    def _settle(self, entry: Entry) -> None:
        key = (entry["run"], entry["fingerprint"])
        self.charges[key] = self.charges[key].settled_at(entry["steps"])

    def _budget(self, entry: Entry) -> None:
        account = self._accounts[entry["fingerprint"]]
        for one in account:
            self._budgets.pop(one, None)
        self._budgets[entry["fingerprint"]] = Budget(
            epsilon=entry["epsilon"], delta=entry["delta"], policy=entry["policy"]
        )
