"""The tables of a store as the program uses them; migrations/ makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Dialect, Index, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from server.store.rows import AuditRow, HeadRow, Row, RulingRow, TextRow

NAME_CHARS = 256
"""As long as a name in a record can be (bus/record.py)."""

METADATA = MetaData()

MARIADB = ("mysql", "mariadb")
"""What its dialect may be called."""

_BINARY: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in MARIADB
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"), ("engine", "InnoDB"))
}
"""MariaDB would take ``Ann`` and ``ann`` for one name."""


def _name(chars: int = NAME_CHARS) -> String:
    return String(chars)


class _Long(TypeDecorator[str]):
    """A text of some thousand characters; MariaDB's plain one ends at 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name not in MARIADB:
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.mysql import MEDIUMTEXT  # with all its drivers, which other stores do without

        return MEDIUMTEXT()


RULINGS = Table(
    "rulings",
    METADATA,
    Column("slot", String(32), primary_key=True),
    Column("key", _Long(), nullable=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("ends", BigInteger),
    Column("ruling", _Long(), nullable=False),
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
    Column("line", _Long(), nullable=False),
    Index("audit_at", "at", "chain", "n"),
    Index("audit_act", "act"),
    Index("audit_by", "by", "at", "chain", "n"),
    Index("audit_action", "action", "at", "chain", "n"),
    Index("audit_user", "user", "at", "chain", "n"),
    Index("audit_room", "room", "at", "chain", "n"),
)

HEADS = Table(
    "heads",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
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
    Column("text", _Long(), nullable=False),
    Index("texts_room", "room", "at"),
    Index("texts_at", "at"),
)


def make_tables(connection: Connection) -> None:
    """Make all of them where there is none."""
    if connection.dialect.name in MARIADB:
        for table in METADATA.tables.values():
            table.dialect_kwargs.update(_BINARY)  # said to a table at once, they would load the dialect everywhere
    METADATA.create_all(connection)


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
