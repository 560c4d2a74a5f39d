"""What a store keeps, row by row, what may be asked of it, and how it stands; pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.record import Origin


class StoreError(Exception):
    """The store did not take or give what it was asked; the text is one plain sentence that says why."""


class RulingRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ruling, as a node took it. Its identity is `key` with `number` and `origin`: the first row of it stays."""

    key: str
    number: int
    origin: str
    """With `number` the stamp: of two rulings of one key the later one holds."""
    at: int
    """ms since 1970, as the ruling says; shown, never compared."""
    ends: int | None = None
    """When it ends by the wall clock of the node that wrote the row, ms since 1970; None: not by itself."""
    ruling: str
    """All of it as JSON, as its owner encodes it."""


class AuditRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a chain (`server/chain.py`). Its identity is `chain`, `n` and `hash`: the first row of it stays."""

    chain: Origin
    """The life of a node that wrote it."""
    n: int
    """Its place in the chain, from 1."""
    prev: str
    """SHA-256 of the line before, in hexadecimal."""
    hash: str
    """SHA-256 of this line."""
    origin: Origin
    seq: int
    """Where its record stands in the log."""
    kind: Literal["asked", "outcome", "began", "missed"]
    act: str
    """What several lines belong to."""
    at: int
    """ms since 1970."""
    by: str = ""
    """User id of who did it; this and the next ones are copies out of `line`, to search by."""
    action: str = ""
    user: str = ""
    """User id of whom it was done to."""
    room: str = ""
    line: str
    """The line itself as JSON, exactly what was hashed."""


class HeadRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a chain was seen to go. Of each chain the furthest stays, and all of them that differ there."""

    chain: Origin
    n: int
    hash: str
    at: int
    """When this was seen, ms since 1970."""


class TextRow(msgspec.Struct, frozen=True, gc=False):
    """One message of a room. Its identity is `origin` and `seq`."""

    origin: Origin
    seq: int
    room: str
    session: str
    user: str
    name: str
    at: int
    """ms since 1970, by the clock of the node that took it."""
    text: str


Row = RulingRow | AuditRow | HeadRow | TextRow


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the audit are wanted; what is empty or None excludes none.

    `server.ledger.Wanted` says nearly the same of acts and knows what fits; this is of lines of any kind, by their
    columns, as a store knows nothing of acts.
    """

    kind: Literal["", "asked", "outcome"] = ""
    chain: Origin = ""
    text: str = ""
    """Stands somewhere in `line`, in small or capital letters: at least all lines in which it does are found."""
    by: str = ""
    action: str = ""
    user: str = ""
    room: str = ""
    since: int | None = None
    """ms since 1970, inclusive."""
    until: int | None = None
    """ms since 1970, exclusive."""


AuditPlace = tuple[int, Origin, int]
"""`at`, `chain` and `n` of a line: where a page goes on. The audit is in this order, newest first."""


def place_of(row: AuditRow) -> AuditPlace:
    """Where the page that begins behind `row` goes on."""
    return row.at, row.chain, row.n


class StoreState(msgspec.Struct, frozen=True, kw_only=True):
    """How a store stands."""

    where: str
    """The store as people may see it: kind, host, name or path; never a password."""
    failing: str = ""
    """Why nothing can be written, in plain words; empty while it can."""
    since: int | None = None
    """Since when, ms since 1970."""
    waiting: int = 0
    """Rows that are not written yet."""
    dropped: int = 0
    """Texts that were not kept because too many waited, since the start."""
    written: int = 0
    """Rows written since the start."""
