"""Brings the tables of a store to the form that this version uses, by the steps in migrations/."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from server.store.rows import StoreError
from server.store.schema import make_tables

NEWEST = "0001"
"""The last of the steps."""

FOLDER = Path(__file__).resolve().parent / "migrations"

_LOCK = "switchboard schema"
_LOCK_SECONDS = 20


def is_current(connection: Connection) -> bool:
    """Whether nothing has to be done."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return [*connection.execute(text("SELECT version_num FROM alembic_version")).scalars()] == [NEWEST]


def upgrade(connection: Connection) -> None:
    """Take the steps that are missing; of nodes that try at once one does. Raises StoreError.

    The caller has begun a transaction, of SQLite one that writes.
    """
    _lock(connection)
    try:
        if not inspect(connection).get_table_names():
            _make(connection)
        elif not is_current(connection):
            take_steps(connection)
    finally:
        if connection.dialect.name in ("mysql", "mariadb"):
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})


def _lock(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":  # until the transaction ends
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": _LOCK})
        case "mysql" | "mariadb":
            asked = {"name": _LOCK, "seconds": _LOCK_SECONDS}
            if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), asked).scalar() != 1:
                raise StoreError("another node is changing its tables and does not finish")


def _make(connection: Connection) -> None:
    """Make the tables where there is none: to load what takes the steps would cost a start a quarter of a second."""
    make_tables(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": NEWEST})


def take_steps(connection: Connection) -> None:
    """Take the steps that are missing. Raises StoreError."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each step, and of being imported
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise StoreError("its tables are those of a newer version of Switchboard: run that, or use another") from None
