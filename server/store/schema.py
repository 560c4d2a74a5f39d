"""The tables of a store as the program uses them; migrations/ makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql

from server.store.rows import AuditRow, HeadRow, Row, RulingRow, TextRow

NAME_CHARS = 256
"""As long as a name in a record can be (bus/record.py)."""

METADATA = MetaData()

_BINARY: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"), ("engine", "InnoDB"))
}
"""MariaDB would take ``Ann`` and ``ann`` for one name."""


def _name(chars: int = NAME_CHARS) -> String:
    return String(chars)


def _long() -> Text:
    """A text of some thousand characters; MariaDB's plain one ends at 64 KiB."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


RULINGS = Table(
    "rulings",
    METADATA,
    Column("slot", String(32), primary_key=True),
    Column("key", _long(), nullable=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("ends", BigInteger),
    Column("ruling", _long(), nullable=False),
    **_BINARY,
)
"""`slot` is a hash of `key`, because no index of MariaDB takes one of any length."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), primary_key=True),
    Column("origin", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("act", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", _name(), nullable=False),
    Column("action", String(64), nullable=False),
    Column("user", _name(), nullable=False),
    Column("room", _name(), nullable=False),
    Column("line", _long(), nullable=False),
    Index("audit_at", "at", "chain", "n"),
    Index("audit_act", "act"),
    Index("audit_by", "by", "at", "chain", "n"),
    Index("audit_action", "action", "at", "chain", "n"),
    Index("audit_user", "user", "at", "chain", "n"),
    Index("audit_room", "room", "at", "chain", "n"),
    **_BINARY,
)

HEADS = Table(
    "heads",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    **_BINARY,
)

TEXTS = Table(
    "texts",
    METADATA,
    Column("origin", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("room", _name(), nullable=False),
    Column("session", _name(), nullable=False),
    Column("user", _name(), nullable=False),
    Column("name", _name(), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", _long(), nullable=False),
    Index("texts_room", "room", "at"),
    Index("texts_at", "at"),
    **_BINARY,
)

TABLES: Mapping[type[Row], Table] = {RulingRow: RULINGS, AuditRow: AUDIT, HeadRow: HEADS, TextRow: TEXTS}
"""Which rows stand where, in the order in which they are written."""


_LIMITS = {kind: tuple(getattr(column.type, "length", None) for column in table.c) for kind, table in TABLES.items()}


def as_tuple(row: Row) -> tuple[object, ...]:
    """The values of the columns of a row's table, in their order.

    What no column takes is cut and marked; in what is true of our programs there is none of that, and a row that no
    database takes would hold up all others.
    """
    values = msgspec.structs.astuple(row)
    if isinstance(row, RulingRow):
        slot = hashlib.blake2b(row.key.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        values = (slot, *values)
    return tuple(
        value.replace("\0", "\ufffd")[:limit] if isinstance(value, str) else value
        for value, limit in zip(values, _LIMITS[type(row)], strict=True)
    )
