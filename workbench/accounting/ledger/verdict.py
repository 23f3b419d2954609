"""Whether the ledger is what was written, and which charges stand in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.accounting.ledger.book import Book
from workbench.accounting.ledger.chain import LedgerDamaged, Mark
from workbench.accounting.ledger.entries import Entry, LineFault
from workbench.accounting.ledger.journal import Journal
from workbench.errors import BadInput

SHORTEST_HEAD = 12
"""Characters of a hash that a person must give at least."""

_FOREIGN = "no line has the hash"


@dataclass(frozen=True)
class Verdict:
    """What a look at every line has shown.

    Attributes:
        path: of the ledger.
        lines: that fit, from the first on.
        head: hash of the last of them; write it down elsewhere to compare with later.
        problems: what is wrong, the first line that does not fit first; empty where nothing is.
        standing: charges that count in full because their run has not reported its end.
        unfinished: whether a writer died in the middle of a line, which was never acknowledged and
            which the next line replaces.
    """

    path: Path
    lines: int
    head: str
    problems: tuple[str, ...]
    standing: tuple[str, ...]
    unfinished: bool

    def check(self) -> None:
        """Raise the first problem as a sentence.

        Raises:
            LedgerDamaged: there is one.
        """
        if not self.problems:
            return
        if self.problems[0].startswith(_FOREIGN):
            raise LedgerDamaged(
                f"The lines of {self.path} fit each other, but {self.problems[0]}; compare it with "
                "a copy from then."
            )
        raise LedgerDamaged.at(self.path, self.problems[0])


def verify(folder: Path, head: str | None = None) -> Verdict:
    """Read everything anew and check every hash, number, link and the head.

    This finds accidents and edits by hand. Somebody who wrote the whole file and its head anew is
    found only with a head that was written down elsewhere.

    Args:
        folder: of the ledger.
        head: the hash of any earlier or the present last line, or its first characters.

    Raises:
        BadInput: ``head`` is too short to mean a line.
    """
    if head is not None and len(head) < SHORTEST_HEAD:
        raise BadInput(
            f"A head needs {SHORTEST_HEAD} characters or more, not {head!r}; "
            "'workbench ledger' shows the present one.",
            field="head",
        )
    journal = Journal(folder)
    with journal.locked(alone=False):
        found, problems = journal.inspect()
    book, entries, fault = _follow(found.entries)
    problems = [*([fault] if fault else []), *problems]
    if head is not None and not any(entry["hash"].startswith(head) for entry in entries):
        problems.append(f"{_FOREIGN} {head}: the ledger was cut or written anew since")
    return Verdict(
        path=journal.path,
        lines=len(entries),
        head=entries[-1]["hash"] if entries else Mark().hash,
        problems=tuple(problems),
        standing=tuple(str(charge) for charge in book.charges.values() if not charge.settled),
        unfinished=bool(found.torn) and not problems,
    )


def _follow(entries: Sequence[Entry]) -> tuple[Book, Sequence[Entry], str]:
    book = Book()
    for done, entry in enumerate(entries):
        try:
            book.take(entry)
        except LineFault as fault:
            return book, entries[:done], f"line {entry['line']} {fault}"
    return book, entries, ""
