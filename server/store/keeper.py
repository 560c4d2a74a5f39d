"""The store of a node: one task writes what waits, goes on when it fails, and says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from bus.record import Origin
from server.store import reading
from server.store.address import StoreAddress
from server.store.database import Database
from server.store.queue import BATCH, Queue
from server.store.rows import (
    AuditPlace,
    AuditRow,
    HeadRow,
    Row,
    RulingRow,
    Sought,
    StoreError,
    StoreState,
    TextRow,
)
from server.tasks import Tasks

GATHER_SECONDS = 1.0
"""How long texts wait for further ones, so that they share a transaction; what must last does not wait.

Who loses a node loses no more by it: until then they are in the logs of the others.
"""
LOOK_SECONDS = 3.0
"""How often an idle store is looked at, so that it is known when it is gone."""
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
"""Between tries while it fails: the first wait, and what it doubles up to."""
TIDY_SECONDS = 600.0
"""How often texts that are too old are looked for."""
CLOSING_SECONDS = 2.0
DAY_MS = 86_400_000

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=msgspec.Struct)


class Keeper:
    """See `server.store.interface.Store`; with a beginning and an end of its own."""

    def __init__(self, address: StoreAddress, *, history_days: int, wall_ms: Callable[[], int]) -> None:
        self._address = address
        self._history_days = history_days
        self._wall_ms = wall_ms
        self._database = Database(address)
        self._queue = Queue()
        self._tasks = Tasks()
        self._some = asyncio.Event()
        """Something waits, or it is over."""
        self._urgent = asyncio.Event()
        """Something waits that must last, or it is over."""
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failing = ""
        self._since: int | None = None
        self._written = 0
        self._tidied = float("-inf")
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        """How many rows that must last have to be written, and who waits for that."""

    async def open(self) -> None:
        """Open the database, bring its tables up to date, and begin to write. Raises StoreError."""
        await self._database.open()
        self._task = self._tasks.start(self._run(), name="store")

    async def open_to_read(self) -> None:
        """Open a database that is there already, to look at it and leave it as it is. Raises StoreError."""
        await self._database.open_to_read()

    async def close(self) -> None:
        """Write what waits, if that can be done in a moment, and let the database go."""
        for signal in (self._end, self._some, self._urgent):
            signal.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSING_SECONDS)
        await self._tasks.cancel()
        self._give_up("this node ends")
        if len(self._queue):
            logger.error("%d rows are lost for the store, which fails: %s", len(self._queue), self._failing)
        await self._database.close()

    @property
    def state(self) -> StoreState:
        """See Store."""
        return StoreState(
            where=self._address.shown,
            failing=self._failing,
            since=self._since,
            waiting=len(self._queue),
            dropped=self._queue.dropped,
            written=self._written,
        )

    @property
    def failing(self) -> str:
        """See Store."""
        return self._failing

    @property
    def keeps_texts(self) -> bool:
        """See Store."""
        return self._history_days > 0

    def save(self, row: Row) -> None:
        """See Store."""
        self._queue.put(row)
        if not self._some.is_set():
            self._some.set()
        if self._queue.urgent:
            self._urgent.set()

    async def settled(self, timeout: float = 2.5) -> None:
        """See Store."""
        due = self._queue.taken
        if self._queue.kept >= due:
            return
        if self._failing:
            raise StoreError(self._failing)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (due, future)
        self._awaited.append(waiting)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise StoreError("it has not written in time") from None
        finally:
            if waiting in self._awaited:
                self._awaited.remove(waiting)

    # What it gives.

    async def rulings(self) -> Sequence[RulingRow]:
        """See Store."""
        return await self._read(RulingRow, reading.latest_rulings())

    async def heads(self) -> Sequence[HeadRow]:
        """See Store."""
        return await self._read(HeadRow, reading.heads())

    async def audit_page(
        self, sought: Sought, *, limit: int = 100, before: AuditPlace | None = None
    ) -> Sequence[AuditRow]:
        """See Store."""
        return await self._read(AuditRow, reading.audit_page(sought, limit, before))

    async def audit_of(self, acts: Sequence[str]) -> Sequence[AuditRow]:
        """See Store."""
        return await self._read(AuditRow, reading.audit_of(acts))

    async def chain(self, chain: Origin, first: int = 1) -> AsyncIterator[AuditRow]:
        """See Store."""
        behind = (first, "")
        while rows := await self._read(AuditRow, reading.part_of_chain(chain, behind)):
            for row in rows:
                yield row
            behind = rows[-1].n, rows[-1].hash

    async def chains(self) -> Sequence[Origin]:
        """See Store."""
        return [str(chain) for (chain,) in await self._fetch(reading.chains())]

    async def history(
        self, room: str, since: int, until: int, *, limit: int = 1000, user: str = ""
    ) -> Sequence[TextRow]:
        """See Store."""
        return (await self._read(TextRow, reading.history(room, since, until, limit, user)))[::-1]

    async def actions_on(self, user: str, *, limit: int = 50) -> Sequence[AuditRow]:
        """See Store."""
        return await self.audit_page(Sought(kind="asked", user=user), limit=limit)

    async def _read(self, kind: type[R], statement: Any) -> list[R]:
        names = kind.__struct_fields__
        found = await self._fetch(statement)
        return [kind(**dict(zip(names, row, strict=True))) for row in found]

    async def _fetch(self, statement: Any) -> list[tuple[Any, ...]]:
        if self._failing:
            raise StoreError(self._failing)
        return await self._database.fetch(statement)

    # Writing.

    async def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._end.is_set() or len(self._queue):
            if not self._failing:
                await self._until_due()
            try:
                if self._failing:
                    await self._database.open()
                await self._write()
                await self._tidy()
            except StoreError as error:
                self._fails(str(error))
                await self._database.close()
                if self._end.is_set():
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._end.wait()
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._works()
                pause = PAUSE_SECONDS

    async def _until_due(self) -> None:
        """Wait for something to write: with texts alone a moment longer, with nothing until it is to be looked at."""
        if not len(self._queue):
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._some.wait()
        if not self._queue.urgent and len(self._queue):
            self._urgent.clear()
            if self._end.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._urgent.wait()

    async def _write(self) -> None:
        """Write what waits. What came meanwhile waits for more to come, unless it is much, or must last."""
        if not len(self._queue):
            await self._database.check()
        while batch := self._queue.first():
            await self._database.write(batch)
            self._queue.done(batch)
            self._written += len(batch)
            self._tell_settled()
            if not self._queue.urgent and len(self._queue) < BATCH:
                break

    async def _tidy(self) -> None:
        """Remove what is too old to be kept, a few at a time: what comes meanwhile is written in between."""
        now = asyncio.get_running_loop().time()
        if now - self._tidied < TIDY_SECONDS:
            return
        before = self._wall_ms() - self._history_days * DAY_MS
        while found := await self._database.fetch(reading.expired_upto(before)):
            await self._database.remove(reading.without_texts(found[0][0] + 1))
            if len(self._queue):
                await self._write()
        await self._database.remove(reading.without_texts(before))
        await self._database.remove(reading.without_reports(self._wall_ms() - DAY_MS))  # clocks differ
        self._tidied = now

    def _tell_settled(self) -> None:
        kept = self._queue.kept
        for due, future in self._awaited:
            if kept >= due and not future.done():
                future.set_result(None)
        self._awaited = [waiting for waiting in self._awaited if not waiting[1].done()]

    def _give_up(self, why: str) -> None:
        """Let everybody know who waits that it will not be written soon."""
        awaited, self._awaited = self._awaited, []
        for _, future in awaited:
            if not future.done():
                future.set_exception(StoreError(why))

    def _fails(self, why: str) -> None:
        if not self._failing:
            self._since = self._wall_ms()
            logger.error("the store at %s fails: %s; rooms go on, %d rows wait", self._address, why, len(self._queue))
        self._failing = why
        self._give_up(why)

    def _works(self) -> None:
        if self._failing:
            lost = f", {self._queue.dropped} texts were not kept" if self._queue.dropped else ""
            logger.warning("the store at %s works again: all that waited is written%s", self._address, lost)
        self._failing, self._since = "", None
