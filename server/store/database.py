"""The database of a store: opened, written to, read and let go; what differs between the kinds ends here."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Delete, Executable, Insert, Table, bindparam, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bus import private
from server.plaintext import plain
from server.store.address import StoreAddress
from server.store.rows import HeadRow, Row, StoreError
from server.store.schema import HEADS, TABLES, as_tuple
from server.store.upgrade import is_current, upgrade

BUSY_SECONDS = 2.0
"""How long a file that another process has locked is waited for."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How long a server may take for anything before it counts as gone."""
SQLITE_VALUES = 900
"""Values in one statement; older builds of SQLite take 999."""
TRIES = 4
"""How often a transaction is tried that the database itself gave up in favour of another one."""
_CONNECTIONS = {"pool_size": 2, "max_overflow": 2}
"""One to write and, rarely, a few to read."""
_YIELDED = {"1205", "1213", "40001", "40P01"}
"""Codes of MariaDB and PostgreSQL for a transaction that gave way: to be tried again at once."""


class Database:
    """One database. Every method but `close` raises StoreError, with the reason in plain words."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._engine: AsyncEngine | None = None
        self._inserts: dict[type[Row], str] = {}
        self._shorten = ""
        self._file = 0
        """Inode of the file that is open."""
        self._is_new = True
        """Whether it was never opened, so that a file that is missing may be made."""

    async def open(self) -> None:
        """Connect, see that it can be written to, and bring its tables up to date."""
        await self.close()
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def open_to_read(self) -> None:
        """Connect to what is there already, and leave it as it is."""
        self._is_new = False
        await self.close()
        with _plainly():
            if self._address.kind == "sqlite" and not Path(self._address.url).exists():
                raise StoreError("there is no such file")
            self._engine = self._new_engine()
            async with self._limited(more=CONNECT_SECONDS), self._reading() as connection:
                if not await connection.run_sync(is_current):
                    raise StoreError("its tables are those of another version: start a node with it once")

    async def look(self) -> bool:
        """See that it could be opened and written to, and leave it as it is; whether its tables are up to date."""
        try:
            with _plainly():
                self._engine = self._new_engine()
                async with self._limited(more=CONNECT_SECONDS), self._writing() as connection:
                    return await connection.run_sync(is_current)
        finally:
            await self.close()

    async def _open(self) -> None:
        with _plainly():
            if self._address.kind == "sqlite":
                self._find_file(Path(self._address.url))
            engine = self._engine = self._new_engine()
            self._inserts = {kind: _sql(_insert_or_ignore(table, engine), engine) for kind, table in TABLES.items()}
            self._shorten = _sql(_without_earlier(), engine)
            async with self._limited(more=CONNECT_SECONDS), self._writing() as connection:
                if not await connection.run_sync(is_current):
                    await connection.run_sync(upgrade)
            self._is_new = False

    async def close(self) -> None:
        """Let every connection go, whatever state it is in."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(Exception):  # drivers raise what they like on what is gone already
                async with asyncio.timeout(CONNECT_SECONDS):
                    await engine.dispose()

    async def check(self) -> None:
        """See whether it is still there."""
        with _plainly():
            self._see_file()
            if self._address.kind != "sqlite":
                await self.fetch(text("SELECT 1"))

    async def write(self, rows: Sequence[Row]) -> None:
        """Put rows where they belong, all or none; those that are there already stay as they are."""
        with _plainly():
            self._see_file()
            kinds: dict[type[Row], list[tuple[object, ...]]] = {}
            for row in rows:
                kinds.setdefault(type(row), []).append(as_tuple(row))
            for attempt in range(TRIES):
                try:
                    async with self._limited(), self._writing() as connection:
                        await self._put(connection, kinds)
                    return
                except DBAPIError as error:
                    if attempt == TRIES - 1 or not _gave_way(error):
                        raise
                    await asyncio.sleep(0.02 * (attempt + 1))

    async def fetch(self, statement: Executable) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        with _plainly():
            async with self._limited(), self._reading() as connection:
                return [tuple(row) for row in await connection.execute(statement)]

    async def remove(self, statement: Delete) -> int:
        """Delete; returns how many rows."""
        with _plainly():
            async with self._limited(), self._writing() as connection:
                return (await connection.execute(statement)).rowcount

    async def _put(self, connection: AsyncConnection, kinds: dict[type[Row], list[tuple[object, ...]]]) -> None:
        for kind in TABLES:
            if kind in kinds:
                # In one order, so that nodes that write the same rows at once wait for each other in one order.
                rows = sorted(kinds[kind], key=lambda row: row[:4])
                if self._address.kind == "sqlite":
                    await self._put_at_once(connection, self._inserts[kind], rows)
                else:
                    await connection.exec_driver_sql(self._inserts[kind], rows)
        furthest = {}
        for chain, n, *_ in sorted(kinds.get(HeadRow, ()), key=lambda row: row[:2]):
            furthest[chain] = n
        if furthest:
            await connection.exec_driver_sql(self._shorten, list(furthest.items()))

    async def _put_at_once(self, connection: AsyncConnection, insert: str, rows: list[tuple[object, ...]]) -> None:
        """Put rows by statements of many: between two statements SQLite's thread wants the interpreter's lock."""
        one = f"({', '.join('?' * len(rows[0]))})"
        most = SQLITE_VALUES // len(rows[0])
        for first in range(0, len(rows), most):
            part = rows[first : first + most]
            many = insert.replace(one, ", ".join([one] * len(part)), 1)
            await connection.exec_driver_sql(many, tuple(itertools.chain.from_iterable(part)))

    def _find_file(self, path: Path) -> None:
        """See that the file is there; the first time make it, for this user alone. Raises OSError, StoreError."""
        if self._is_new:
            private.make_folder(path.absolute().parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not path.exists():
            raise StoreError("its file is gone: put it back, or start the node again to begin a new one")
        self._file = path.stat().st_ino

    def _see_file(self) -> None:
        """See that what is written to a file is still in the folder. Raises StoreError, OSError."""
        if self._address.kind == "sqlite":
            try:
                found = Path(self._address.url).stat().st_ino
            except FileNotFoundError:
                found = 0
            if found != self._file:
                raise StoreError("its file was replaced" if found else "its file is gone")

    def _new_engine(self) -> AsyncEngine:
        kind, url = self._address.kind, self._address.url
        if kind == "sqlite":
            engine = create_async_engine(
                URL.create("sqlite+aiosqlite", database=url), connect_args={"timeout": BUSY_SECONDS}, **_CONNECTIONS
            )
            event.listen(engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
            return engine
        if kind == "mysql":
            logging.getLogger("asyncmy").setLevel(logging.ERROR)  # it repeats every note of the server
            return create_async_engine(
                make_url(url),
                connect_args={"connect_timeout": CONNECT_SECONDS, "charset": "utf8mb4"},
                isolation_level="READ COMMITTED",  # its own level locks gaps, into which other nodes want to write
                pool_pre_ping=True,
                **_CONNECTIONS,
            )
        return create_async_engine(
            make_url(url), connect_args={"timeout": CONNECT_SECONDS}, pool_pre_ping=True, **_CONNECTIONS
        )

    def _limited(self, *, more: float = 0.0) -> asyncio.Timeout:
        """An end to waiting for a server; a file is waited for by SQLite itself."""
        return asyncio.timeout(None if self._address.kind == "sqlite" else ANSWER_SECONDS + more)

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._opened().execution_options(writes=True).begin() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._opened().connect() as connection:
            yield connection

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreError("it is not open")
        return self._engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below, those of the tables' changes too
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA journal_size_limit={64 << 20}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _insert_or_ignore(table: Table, engine: AsyncEngine) -> Insert:
    match engine.dialect.name:  # of the dialects only the one in use is loaded: a node starts sooner
        case "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table).on_conflict_do_nothing()
        case "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import mysql

    # Not IGNORE, which would also let pass what does not fit.
    first = next(iter(table.primary_key))
    return mysql.insert(table).on_duplicate_key_update({first.name: first})


def _without_earlier() -> Delete:
    return HEADS.delete().where(HEADS.c.chain == bindparam("chain"), HEADS.c.n < bindparam("n"))


def _sql(statement: Insert | Delete, engine: AsyncEngine) -> str:
    """A statement as the driver takes it, with values by their place: thousands of texts a second are written so."""
    return str(statement.compile(dialect=engine.dialect))


def _gave_way(error: DBAPIError) -> bool:
    found = error.orig
    codes = {str(getattr(found, "sqlstate", "")), str(getattr(found, "pgcode", ""))}
    codes |= {str(found.args[0])} if found is not None and found.args else set()
    return bool(codes & _YIELDED)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turn whatever a driver raises into a StoreError; they differ in that, and some raise their own classes bare."""
    try:
        yield
    except StoreError:
        raise
    except TimeoutError:
        raise StoreError("it does not answer") from None
    except Exception as error:
        raise StoreError(_words(error)) from error


def _words(error: Exception) -> str:
    """The reason alone: what SQLAlchemy adds names the statement and what people said."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    if isinstance(cause, OSError) and cause.strerror:
        return plain(cause.strerror)
    words = cause.args[1] if len(cause.args) > 1 and isinstance(cause.args[0], int) else str(cause)
    words = re.sub(r"^<class '[^']*'>: ", "", str(words)).partition("\n")[0]
    return plain(words)[:200] or type(cause).__name__
