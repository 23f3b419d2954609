"""The ledger's files: lines are only ever added, by one process at a time, and checked when read.

``ledger.jsonl``
    the lines; anybody can read them.
``ledger.head``
    how many lines there are and the hash of the last one; replaced after each addition.
``ledger.lock``
    held by whoever writes, shared by those who read. Local disks only: locks over network file
    systems are not to be trusted.

An addition is on the disk, line and head, when :meth:`Journal.append` returns. A process killed
before that leaves an unfinished line, which the next addition removes, or whole lines that the head
does not know yet, which count: a charge too many is safe, one too few is not.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.accounting.ledger.chain import (
    LedgerDamaged,
    Mark,
    Reading,
    against_head,
    examine,
    read_head,
)
from workbench.accounting.ledger.entries import Entry, LineFault, render, seal
from workbench.accounting.ledger.lock import explained, locked
from workbench.runs.files import write_whole

Stamp = tuple[int, int, int] | None


class Journal:
    """The lines of one ledger, as far as this object has read them. Not for several threads.

    Args:
        folder: the workspace.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.jsonl"
        self._head = folder / "ledger.head"
        self._lock = folder / "ledger.lock"
        self._hashes: list[str] = []
        self._offset = 0
        # Of all bytes read: cheaper to compare than lines, and an edit of a known line shows.
        self._known = hashlib.sha256()

    @property
    def mark(self) -> Mark:
        """The last line that was read."""
        return Mark(len(self._hashes), self._hashes[-1]) if self._hashes else Mark()

    def stamp(self) -> Stamp:
        """Something that differs once somebody has written; costs one look at the folder."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ino

    @contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """Keep others from writing, and with ``alone`` from reading too."""
        if not alone and not self.path.exists() and not self._head.exists():
            yield  # nothing to read, and looking should not make files
            return
        with locked(self._lock, alone=alone):
            yield

    def news(self) -> tuple[tuple[Entry, ...], bool]:
        """Lines added since the last call, checked; to be called with the lock held.

        Returns:
            The lines, and whether they begin again at line 1 because the file was replaced.

        Raises:
            LedgerDamaged: a line, a link or the head does not fit. The next call reads everything.
        """
        data, again = self._read()
        if again:
            self._forget()
        known = len(self._hashes)
        found = examine(data, self.mark)
        self._hashes += [entry["hash"] for entry in found.entries]
        self._grow(data[: found.size])
        problems = self._problems(found, self._hashes, known)
        if problems:
            self._forget()
            raise LedgerDamaged.at(self.path, problems[0])
        return found.entries, again

    def inspect(self) -> tuple[Reading, list[str]]:
        """Everything in the file, and everything that is wrong with it; with the lock held."""
        self._forget()
        found = examine(self._read()[0], Mark())
        return found, self._problems(found, [entry["hash"] for entry in found.entries], 0)

    def append(self, *records: tuple[str, Mapping[str, Any]]) -> list[Entry]:
        """Add lines, all in one write; to be called with the lock held alone, after :meth:`news`.

        Args:
            records: kind and fields of each line.

        Raises:
            DiskFull: there is no room; no line was added.
            BadInput: the folder cannot be written.
        """
        mark = self.mark
        entries = _sealed(records, mark)
        data = b"".join(render(entry) + b"\n" for entry in entries)
        with explained(self.path.parent):
            if not self._head.exists():
                # Before the first line, so that lines without a head are always damage.
                self._replace_head(mark)
            try:
                self._add(data)
                self._replace_head(Mark(entries[-1]["line"], entries[-1]["hash"]))
            except BaseException:
                self._take_back(mark)
                raise
        self._hashes += [entry["hash"] for entry in entries]
        self._grow(data)
        return entries

    def _problems(self, found: Reading, hashes: list[str], known: int) -> list[str]:
        try:
            head = read_head(self._head)
        except LineFault as fault:
            return [problem for problem in (found.problem, str(fault)) if problem]
        said = against_head(hashes, known + found.lines, bool(found.torn), head)
        return [problem for problem in (found.problem, said) if problem]

    def _add(self, data: bytes) -> None:
        """Write at the known end, over what a dead writer left there, down to the disk."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if os.fstat(handle).st_size > self._offset:
                os.ftruncate(handle, self._offset)
            # Of ordinary files the system takes everything at once, unless the disk is full.
            if os.pwrite(handle, data, self._offset) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)

    def _take_back(self, mark: Mark) -> None:
        """Remove lines that were not acknowledged; those that the head names have to stay."""
        with suppress(OSError, LineFault):
            head = read_head(self._head)
            if head is not None and head.lines <= mark.lines:
                os.truncate(self.path, self._offset)
        self._forget()

    def _replace_head(self, mark: Mark) -> None:
        text = json.dumps({"lines": mark.lines, "hash": mark.hash}) + "\n"
        write_whole(self._head, lambda file: file.write(text.encode()))

    def _read(self) -> tuple[bytes, bool]:
        """What stands after the last known line; everything if what was known has changed."""
        try:
            with explained(self.path.parent):
                data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        known = self._offset
        if known and hashlib.sha256(data[:known]).digest() == self._known.digest():
            return data[known:], False
        return data, True

    def _grow(self, data: bytes) -> None:
        self._offset += len(data)
        self._known.update(data)

    def _forget(self) -> None:
        self._hashes, self._offset, self._known = [], 0, hashlib.sha256()


def _sealed(records: Sequence[tuple[str, Mapping[str, Any]]], mark: Mark) -> list[Entry]:
    entries: list[Entry] = []
    previous = mark.hash
    for number, (kind, fields) in enumerate(records, start=mark.lines + 1):
        entries.append(seal(number, kind, fields, previous))
        previous = entries[-1]["hash"]
    return entries
