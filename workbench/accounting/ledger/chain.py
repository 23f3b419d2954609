"""The chain of lines: whether what is read is what was written, and where it is not.

What the chain finds: accidents and edits by hand. A line that was changed, removed, added or moved
breaks a hash, a number or a link; a file that was cut at its end has fewer lines than its head
says. What it does not find: somebody who writes the whole file anew, head included, or who removes
both. Against that helps only a head that was written down elsewhere; see
:func:`workbench.accounting.ledger.verdict.verify`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from workbench.accounting.ledger.entries import GENESIS, Entry, LineFault, read
from workbench.errors import BadInput


class LedgerDamaged(BadInput):
    """The ledger is not what was written. Nothing is charged and nothing runs on it."""

    @classmethod
    def at(cls, path: Path, problem: str) -> LedgerDamaged:
        """The sentence for this file."""
        return cls(
            f"The ledger {path} is damaged: {problem}; nothing is charged or run until an "
            "undamaged copy is back in its place ('workbench ledger verify' checks it)."
        )


@dataclass(frozen=True)
class Mark:
    """How far a ledger goes: the number of its lines and the hash of the last one."""

    lines: int = 0
    hash: str = GENESIS


@dataclass(frozen=True)
class Reading:
    """What a stretch of the file holds.

    Attributes:
        entries: the lines that fit, in order, up to the first that does not.
        size: bytes that those lines take.
        lines: lines in the stretch, those that do not fit included.
        torn: bytes after the last line end: a line whose writer died.
        problem: what is wrong with the first line that does not fit; empty where all do.
    """

    entries: tuple[Entry, ...]
    size: int
    lines: int
    torn: int
    problem: str


def examine(data: bytes, after: Mark) -> Reading:
    """Read the lines that follow a line already known.

    Args:
        data: the file's bytes from the end of that line on.
        after: that line; ``Mark()`` for the beginning of the file.
    """
    *raws, tail = data.split(b"\n")
    entries: list[Entry] = []
    size, previous, problem = 0, after.hash, ""
    for number, raw in enumerate(raws, start=after.lines + 1):
        try:
            entries.append(read(raw, number, previous))
        except LineFault as fault:
            problem = f"line {number} {fault}"
            break
        size += len(raw) + 1
        previous = entries[-1]["hash"]
    return Reading(tuple(entries), size, len(raws), len(tail), problem)


def against_head(hashes: list[str], lines: int, torn: bool, head: Mark | None) -> str:
    """What the head has to say against the lines; empty where it agrees.

    Lines beyond the head agree with it: their writer died before it could replace the head.

    Args:
        hashes: of the lines that fit.
        lines: in the file, whether they fit or not.
        torn: whether there is an unfinished line after them.
        head: ``None`` where there is none.
    """
    if head is None:
        return (
            "ledger.head, which says how many lines there are, is missing" if lines or torn else ""
        )
    if head.lines > lines:
        cut = f"line {lines + 1} is cut short and " if torn else ""
        return (
            f"{cut}lines are missing at the end: there are {lines}, and ledger.head knows of "
            f"{head.lines}"
        )
    if 0 < head.lines <= len(hashes) and hashes[head.lines - 1] != head.hash:
        return f"line {head.lines} is not the line that ledger.head names"
    return ""


def read_head(path: Path) -> Mark | None:
    """The head; ``None`` where there is none.

    Raises:
        LineFault: it cannot be read.
    """
    try:
        values = json.loads(path.read_bytes())
        lines, digest = values["lines"], values["hash"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise LineFault("ledger.head cannot be read") from None
    if type(lines) is not int or not isinstance(digest, str) or lines < 0:
        raise LineFault("ledger.head cannot be read")
    return Mark(lines, digest)
