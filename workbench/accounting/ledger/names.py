"""Which account a person means by a name or by the beginning of a fingerprint."""

from __future__ import annotations

from workbench.accounting.ledger.book import Book, DataSet
from workbench.accounting.ledger.plans import Identity
from workbench.errors import BadInput

SHORTEST = 6
"""Characters of a fingerprint that a person must give at least."""


def find(book: Book, which: str) -> DataSet:
    """The data set of this name, or whose fingerprint begins so; any one of an account.

    Raises:
        BadInput: there is none, or there are several that do not share an account.
    """
    named = [data for data in book.data.values() if which in data.names]
    if not named and len(which) >= SHORTEST:
        named = [data for mark, data in book.data.items() if mark.startswith(which)]
    if not named:
        raise BadInput(_unknown(book, which), field="data")
    if len({book.account_of(data.fingerprint) for data in named}) > 1:
        listed = " and ".join(str(data) for data in named)
        raise BadInput(
            f"{len(named)} data sets with different slices are called {which!r}: {listed}; use the "
            f"fingerprint instead, its first {SHORTEST} characters are enough.",
            field="data",
        )
    return named[0]


def namesakes(book: Book, identity: Identity) -> str:
    """A sentence about other accounts where this name is used; empty where there are none."""
    name, linked = identity.name, book.account_of(identity.fingerprint)
    others = [d for d in book.data.values() if name in d.names and d.fingerprint not in linked]
    if not others:
        return ""
    listed = " and ".join(str(data) for data in others)
    return (
        f"Another data set is called {name!r} and shares no slice with this one: {listed}; if it "
        "shows the same patients, for instance in another window or size, what they are charged "
        "adds up, and the ledger cannot know."
    )


def _unknown(book: Book, which: str) -> str:
    names = sorted({name for data in book.data.values() for name in data.names})
    if not names:
        return f"The ledger knows no data set {which!r}; nothing has been charged yet."
    return (
        f"The ledger knows no data set {which!r}; it knows {', '.join(names)}, and takes the first "
        f"{SHORTEST} characters of a fingerprint too."
    )
