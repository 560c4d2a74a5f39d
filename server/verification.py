"""Whether the lines of an audit still are what was written, and which is the first that is not; pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bus.record import Origin
from server import chain
from server.chain import NOTHING, Began, Head, Line, Missed
from server.filing import row_of
from server.store.rows import AuditRow, HeadRow
from server.unreadable import UNREADABLE

_Run = tuple[int, int]
"""First and last of numbers in a row."""

_BYTES = 32
"""Of a hash."""


class Fault(msgspec.Struct, frozen=True):
    """The first line of a chain that does not hold, and why."""

    chain: Origin
    n: int
    why: str


class Verifier:
    """Looks at a store once: first at every head, then at every line, by chain and in each by number."""

    def __init__(self) -> None:
        self.lines = 0
        self.names: dict[Origin, str] = {}
        """Of the nodes, by chain."""
        self.lost: list[Origin] = []
        """Chains that began anew although others knew lines before them."""
        self._faults: dict[Origin, Fault] = {}
        self._holes: dict[Origin, list[_Run]] = {}
        self._missed: dict[Origin, list[_Run]] = {}
        """What some node says that it never had."""
        self._hashes: dict[Origin, bytearray] = {}
        """Of the lines of each chain from 1 on, those that are not there as zeros."""
        self._witnesses: dict[tuple[str, Origin], Head] = {}
        """The newest line of a chain of which another chain, or the store, has the hash."""

    def expect(self, head: HeadRow) -> None:
        """A line was seen by who writes to this store."""
        self._witness(f"store {head.hash}", Head(head.chain, head.n, head.hash))

    def check(self, row: AuditRow) -> None:
        """Take the next line."""
        self.lines += 1
        hashes = self._hashes.setdefault(row.chain, bytearray())
        if row.chain in self._faults:
            return
        held = len(hashes) // _BYTES
        if row.n <= held:
            self._fault(row.chain, row.n, "there are two of it")
            return
        if row.n > held + 1:
            self._holes.setdefault(row.chain, []).append((held + 1, row.n - 1))
            hashes.extend(bytes((row.n - held - 1) * _BYTES))
        why = self._wrong(row)
        if why:
            self._fault(row.chain, row.n, why)
            return
        line = chain.unpack(row.line)
        before = hashes[-_BYTES:].hex() if row.n > 1 else None
        if before not in (None, NOTHING, line.prev):
            self._fault(row.chain, row.n - 1, f"line {row.n} follows another one")
            return
        hashes.extend(bytes.fromhex(row.hash))
        self._hear(row.chain, line)

    def finish(self) -> list[Fault]:
        """The first fault of each chain that has one, when all has been looked at."""
        for head in self._witnesses.values():
            hashes = self._hashes.setdefault(head.chain, bytearray())
            held = len(hashes) // _BYTES
            if held < head.n and head.chain not in self._faults:
                self._holes.setdefault(head.chain, []).append((held + 1, head.n))
                hashes.extend(bytes((head.n - held) * _BYTES))
            if held >= head.n and hashes[(head.n - 1) * _BYTES : head.n * _BYTES].hex() not in (NOTHING, head.hash):
                self._fault(head.chain, head.n, "it is not the one that others have seen")
        for origin, holes in self._holes.items():
            missing = _first(holes, self._missed.get(origin, []))
            if missing is not None:
                self._fault(origin, missing, "it is missing")
        return sorted(self._faults.values(), key=lambda fault: fault.chain)

    @property
    def heads(self) -> Mapping[Origin, Head]:
        """The last line of each chain, to be compared with what the stores of other nodes have."""
        return {
            origin: Head(origin, len(hashes) // _BYTES, hashes[-_BYTES:].hex())
            for origin, hashes in self._hashes.items()
            if hashes
        }

    @property
    def absent(self) -> Mapping[Origin, int]:
        """How many lines of a chain never came here, as some node has written down."""
        return {
            origin: sum(last - first + 1 for first, last in holes)
            for origin, holes in self._holes.items()
            if origin not in self._faults
        }

    def _wrong(self, row: AuditRow) -> str:
        """What is wrong with a line by itself."""
        payload = row.line.encode(errors="surrogatepass")
        if chain.hash_of(row.chain, payload) != row.hash:
            return _moved(row) or "it was changed"
        try:
            written = row_of(row.chain, row.seq, payload)
        except UNREADABLE:
            return "it cannot be read"
        if written.n != row.n:
            return f"what stands there is line {written.n}"
        return "" if written == row else "what is looked for in it was changed"

    def _hear(self, origin: Origin, line: Line) -> None:
        self.names[origin] = line.node
        for head in line.seen:
            self._witness(origin, head)
        match line.entry:
            case Began(before, lost):
                if line.n != 1 or line.prev != (before.hash if before else NOTHING):
                    self._fault(origin, line.n, "it does not begin where it says")
                elif before is not None:
                    self._witness(f"{origin} before", before)
                if lost:
                    self.lost.append(origin)
            case Missed(missed, first, last):
                self._missed.setdefault(missed, []).append((first, last))

    def _witness(self, who: str, head: Head) -> None:
        known = self._witnesses.get((who, head.chain))
        if known is None or known.n < head.n:
            self._witnesses[who, head.chain] = head

    def _fault(self, origin: Origin, n: int, why: str) -> None:
        known = self._faults.get(origin)
        if known is None or n < known.n:
            self._faults[origin] = Fault(origin, n, why)


def _moved(row: AuditRow) -> str:
    """Which other line of the chain stands there, if that is what is wrong."""
    try:
        n = chain.unpack(row.line).n
    except UNREADABLE:
        return ""
    return f"what stands there is line {n}" if n != row.n else ""


def _first(holes: list[_Run], missed: list[_Run]) -> int | None:
    """The first number in `holes` that is not in `missed`."""
    for first, last in sorted(holes):
        for start, end in sorted(missed):
            if start <= first:
                first = max(first, end + 1)
        if first <= last:
            return first
    return None
