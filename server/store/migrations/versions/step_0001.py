"""The first tables: rulings, audit, heads, texts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_BINARY: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    """Take the step."""
    long = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    op.create_table(
        "rulings",
        sa.Column("slot", sa.String(32), primary_key=True),
        sa.Column("key", long, nullable=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("origin", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger),
        sa.Column("ruling", long, nullable=False),
        **_BINARY,
    )
    op.create_table(
        "audit",
        sa.Column("chain", sa.String(64), primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("prev", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("user", sa.String(256), nullable=False),
        sa.Column("room", sa.String(256), nullable=False),
        sa.Column("line", long, nullable=False),
        **_BINARY,
    )
    op.create_index("audit_at", "audit", ["at", "chain", "n"])
    op.create_index("audit_act", "audit", ["act"])
    for column in ("by", "action", "user", "room"):
        op.create_index(f"audit_{column}", "audit", [column, "at", "chain", "n"])
    op.create_table(
        "heads",
        sa.Column("chain", sa.String(64), primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        **_BINARY,
    )
    op.create_table(
        "texts",
        sa.Column("origin", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("room", sa.String(256), nullable=False),
        sa.Column("session", sa.String(256), nullable=False),
        sa.Column("user", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("text", long, nullable=False),
        **_BINARY,
    )
    op.create_index("texts_room", "texts", ["room", "at"])
    op.create_index("texts_at", "texts", ["at"])
