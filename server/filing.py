"""Lines of the audit as they lie in a store, and what is looked for there; pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bus.record import Origin
from server import chain
from server.chain import Asked, Came, Line
from server.ledger import Wanted
from server.store.rows import AuditRow, Sought
from server.unreadable import UNREADABLE


def row_of(origin: Origin, seq: int, payload: bytes) -> AuditRow:
    """A line with what is looked for, which follows from it. Raises one of `UNREADABLE`."""
    return filed(origin, seq, payload, chain.unpack(payload), chain.hash_of(origin, payload))


def filed(origin: Origin, seq: int, payload: bytes, line: Line, hash: str) -> AuditRow:
    """The same of one that was read already."""
    entry = line.entry
    asked = entry if isinstance(entry, Asked) else None
    person = asked.person if asked else None
    return AuditRow(
        chain=origin,
        n=line.n,
        prev=line.prev,
        hash=hash,
        origin=origin,
        seq=seq,
        kind=chain.kind_of(entry),
        act=entry.act if isinstance(entry, Asked | Came) else "",
        at=line.at,
        by=_plain(asked.by.user) if asked else "",
        action=_plain(asked.action) if asked else "",
        user=_plain(person.user) if person else "",
        room=_plain(asked.room or "") if asked else "",
        line=payload.decode(),
    )


def _plain(text: str) -> str:
    """Without what no column of PostgreSQL takes."""
    return text.replace("\0", "\ufffd")


def lines_of(rows: Iterable[AuditRow]) -> list[tuple[Origin, Line]]:
    """The lines in `rows`; one that somebody made unreadable is passed over, which verification tells."""
    found = []
    for row in rows:
        try:
            found.append((row.chain, chain.unpack(row.line)))
        except UNREADABLE:
            continue
    return found


def sought_of(wanted: Wanted) -> Sought:
    """What the store is asked for."""
    return Sought(kind="asked", **msgspec.structs.asdict(wanted))
