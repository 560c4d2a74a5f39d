"""Who keeps a session: its connection, and after the loss of that another one, at whichever node answers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from bus.record import ClientId
from server import closing
from server.client import outbox
from server.client.events import Closed, Reconnecting, Resumed, told
from server.client.inbox import Inbox
from server.client.line import NO_NODE, NOT_THERE, Line, dial
from server.client.memory import HELLO, Memory
from server.client.outbox import Asked, Outbox
from server.client.retries import Retries
from server.limits import Bucket
from server.wire import moderation, native
from server.wire.native import Code, Refused

DIAL_SECONDS, ANSWER_SECONDS = 5.0, 10.0
"""A node that takes no connection is left for another one so soon, one that does not answer a hello later."""
CODE_SECONDS = 2.0
"""So long a refused hello waits for the close code that says what to do."""
RETIRED_SECONDS = 5.0
"""So long a connection that was left may stay open: the node closes it once it knows of the new one."""
LEAD_SECONDS = 1.0
"""So long before a node closes the connection it is left: connecting elsewhere takes its time."""
RATE_SECONDS = 5.0
"""Who asked too much stays away for so long at least."""

MOVED, REFUSED, OVER, RATE = (
    each.code for each in (closing.RESTARTING, closing.NOT_AUTHENTICATED, closing.SESSION_OVER, closing.RATE)
)
FINAL = frozenset({1000, 1002, 1003, REFUSED}) | {
    each.code for each in (closing.BROKEN_TEXT, closing.TOO_BIG, closing.ABUSE, closing.KICKED, closing.ELSEWHERE)
}
"""Close codes after which connecting again would be wrong (protocol.md section 8)."""

Waiter = asyncio.Future[native.Answer] | None
"""Whom an answer is for; None where the keeper has asked by itself."""

_encoder = msgspec.json.Encoder()


class Keeper:
    """Keeps a session going, and its requests in order."""

    def __init__(
        self,
        urls: Sequence[str],
        memory: Memory,
        inbox: Inbox,
        *,
        hears: bool,
        resumes: bool,
        anew: bool,
        pending: int,
        distance: Callable[[], float] | None,
        chance: Callable[[], float],
    ) -> None:
        """Prepare to keep the session of `memory`; the rest is as `server.client.Client` is told."""
        self._memory = memory
        self._inbox = inbox
        self._hears = hears
        self._resumes = resumes
        self._anew = anew and resumes
        self._chance = chance
        self._retries = Retries(urls)
        self._outbox: Outbox[Waiter] = Outbox(pending)
        self._dial = partial(dial, take=self._take, over=self._line_over, distance=distance)
        self._own = itertools.count(1)
        self._line: Line | None = None
        """The one connection that is read."""
        self._retired: set[Line] = set()
        self._greeting: asyncio.Future[native.Welcome | native.Error] | None = None
        self._welcomed = False
        """Voice may be sent."""
        self.is_live = False
        """Requests may be sent."""
        self._since = 0.0
        """When it was welcomed or, while it is away, when the connection was lost; by the loop's clock."""
        self._is_away = False
        self._here = ""
        """What its node calls itself."""
        self._leave_at: float | None = None
        self._stirred = asyncio.Event()
        """There is something to do for the task that keeps the session."""
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self.closed: Closed | None = None
        """How it ended, once it has."""

    async def open(self) -> None:
        """Begin the session at the first node that answers. Raises what `NO_NODE` lists, Refused, Closed."""
        ways = deque(self._retries.urls)
        known = set(ways)
        failed: Exception = ValueError("there is no URL to connect to")
        while ways:
            url = ways.popleft()
            try:
                await self._begin(url)
                return
            except (*NO_NODE, Closed) as error:
                failed = error
            except Refused as refused:
                if not refused.urls:
                    raise
                failed = refused
                ways.extend(other for other in refused.urls if other not in known)
                known.update(refused.urls)
        raise failed

    async def close(self, code: int, reason: str) -> Closed:
        """End the connection, and with 1000 the session; returns how it ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        line, ended = self._line, Closed(code, reason)
        try:
            if self.closed is None and line is not None:
                await line.close(code, reason)
                ended = line.ended or ended
        finally:
            self._finish(ended)
        return await self.wait_closed()

    async def wait_closed(self) -> Closed:
        """Wait until it has ended for good; returns how."""
        await self._over.wait()
        assert self.closed is not None
        return self.closed

    def drop(self, to: str | None) -> None:
        """Cut the connection without a word."""
        self._retries.prefer(to)
        if self._line is not None:
            self._line.cut()

    async def ask(self, request: str, id: ClientId, fields: dict[str, Any]) -> native.Answer:
        """Send a request, as often as it takes, until it is answered. Raises Refused, Closed, ValueError."""
        if self.closed is not None:
            raise self.closed
        waiter: asyncio.Future[native.Answer] = asyncio.get_running_loop().create_future()
        asked = _asked(request, id, fields, waiter)
        self._outbox.add(asked)
        try:
            if self.is_live and self._line is not None and self._outbox.is_next(asked):
                self._outbox.next()
                await self._line.write(asked.message)
            else:
                self._stirred.set()
            answer = await waiter
        finally:
            self._outbox.forget(asked)
        if isinstance(answer, native.Error):
            raise _refusal(answer)
        return answer

    async def send(self, message: bytes | str) -> bool:
        """Send a message once, if there is a connection; returns whether there was. Raises Closed."""
        if self.closed is not None:
            raise self.closed
        if not self._welcomed or self._line is None:
            return False
        sent = await self._line.write(message)
        if not sent and not self._resumes:
            raise await self.wait_closed()
        return sent

    # What comes.

    def _take(self, message: bytes, is_voice: bool) -> None:
        if is_voice:
            if self._hears:
                self._inbox.put_voice(message)
            return
        event = told(message)
        if self._greeting is not None and isinstance(event, native.Welcome | native.Error) and event.id == HELLO:
            greeting, self._greeting = self._greeting, None
            if isinstance(event, native.Welcome):
                self._enter(event)
            if not greeting.done():
                greeting.set_result(event)
            return
        match event:
            case native.Urls(urls=urls):
                self._retries.told(urls)
                if urls and urls[0] == self._here:
                    self._leave_at = None  # a node that takes sessions is not going away
                    self._stirred.set()
            case moderation.GoingAway():
                self._plan_to_leave(event)
            case native.Live():
                self.is_live = True
                self._stirred.set()
        if not self._memory.note(event):
            return
        if isinstance(event, native.Answer) and not isinstance(event.id, msgspec.UnsetType):
            if (asked := self._outbox.answered(event.id)) is not None:
                self._answer(asked, event)
                return
        self._inbox.put(event)

    def _answer(self, asked: Asked[Waiter], answer: native.Answer) -> None:
        if asked.waiter is not None:
            if not asked.waiter.done():
                asked.waiter.set_result(answer)
        elif isinstance(answer, native.Joined):
            self._inbox.put(answer)
        elif asked.type == "join" and isinstance(answer, native.Error):
            self._inbox.put(native.Left(room=asked.room or "", reason=answer.code))

    def _enter(self, welcome: native.Welcome) -> None:
        """Be welcome: for the first time, again, or as another session."""
        now = asyncio.get_running_loop().time()
        resumed, before = bool(self._memory.token), list(self._memory.rooms)
        tells = self._memory.enter(welcome, seconds=now - self._since if self._is_away else 0.0)
        if not self._resumes:
            self._memory.token = ""
        self._retries.told(welcome.urls)
        self._since, self._is_away, self._welcomed = now, False, True
        self.is_live = not resumed
        for event in tells:
            self._inbox.put(event)
        if resumed:
            joined = {event.room: event for event in tells if isinstance(event, native.Joined)}
            for asked, answer in self._outbox.known(joined):
                self._answer(asked, answer)
        if any(isinstance(event, Resumed) and not event.recovered for event in tells):
            for asked in self._outbox.doubtful():
                message = f"the session was lost before {asked.type} was answered: it may have been done, or not"
                self._answer(asked, native.Error(code=Code.UNAVAILABLE, message=message))
            self._recall([] if resumed else before)
        self._stirred.set()

    def _recall(self, rooms: Sequence[str]) -> None:
        """Put before all requests what makes a node know again what the session was."""
        for asked in self._outbox:
            if asked.waiter is None and asked.type != "join":
                self._outbox.forget(asked)
        requests = self._memory.recall(rooms)
        self._outbox.put_first(
            [_asked(request, f"own-{next(self._own)}", fields, None) for request, fields in requests]
        )

    def _plan_to_leave(self, going: moderation.GoingAway) -> None:
        """Leave this node a little before it would close the connection."""
        self._retries.told(going.urls)
        if going.urls and self._resumes:
            self._leave_at = asyncio.get_running_loop().time() + max(0.0, going.after_ms / 1000 - LEAD_SECONDS)
            self._stirred.set()

    def _line_over(self) -> None:
        self._stirred.set()
        line, greeting = self._line, self._greeting
        if greeting is not None and not greeting.done() and line is not None and line.ended is not None:
            greeting.set_exception(line.ended)

    # Keeping.

    async def _begin(self, url: str) -> None:
        line = await self._dial(url)
        try:
            await self._greet(line, url)
        except BaseException:
            self._line = None
            await line.close()
            raise
        self._task = asyncio.create_task(self._keep(), name=f"client of {url}")

    async def _keep(self) -> None:
        try:
            while True:
                await self._serve()
                await self._go_on()
        except Closed as closed:
            self._finish(closed)
        except Exception:
            self._finish(Closed(1006, "a fault of the client"))
            raise

    async def _serve(self) -> None:
        """Do what there is to do on this connection, until it has ended or is to be left."""
        line = self._line
        assert line is not None
        while line.ended is None:
            self._stirred.clear()
            if self.is_live and self._outbox.has_backlog:
                await self._catch_up(line)
                continue
            try:
                async with asyncio.timeout_at(self._leave_at):
                    await self._stirred.wait()
            except TimeoutError:
                return

    async def _catch_up(self, line: Line) -> None:
        """Send what waits, in order, no faster than the node takes it."""
        loop = asyncio.get_running_loop()
        bucket = Bucket(outbox.PER_SECOND, outbox.BURST, now=loop.time())
        while line.ended is None and self._outbox.has_backlog:
            if not bucket.take(loop.time()):
                await asyncio.sleep(bucket.wait_ms / 1000)
            elif (asked := self._outbox.next()) is not None and not await line.write(asked.message):
                await line.wait_closed()

    async def _go_on(self) -> None:
        """Find a node that goes on with the session. Raises Closed where that would be wrong."""
        old, self._leave_at = self._line, None
        self._retries.lost(asyncio.get_running_loop().time() - self._since)
        while True:
            self._check(old)
            url, wait = self._retries.next(self._chance())
            if wait:
                await asyncio.sleep(wait)
            try:
                line = await self._dial(url, timeout=DIAL_SECONDS)
            except NOT_THERE:
                continue
            try:
                self._check(old)
                old = None
                ended = await self._try(line, url)
            except BaseException:
                if self._line is not line:
                    line.cut()
                raise
            if ended is None:
                return
            line.hush()
            line.cut()
            self._judge(ended)
            if ended.code == OVER and self._memory.token:
                self._memory.token = ""
                self._retries.prefer(url)
            self._lose(ended)

    async def _try(self, line: Line, url: str) -> Closed | None:
        """Say hello; returns None when the session goes on here, else how this connection ends."""
        try:
            await self._greet(line, url)
        except TimeoutError:
            return Closed(1006, "")
        except Closed as closed:
            # Without an answer that says so it was not refused: it came too late, to a node that is busy.
            return Closed(1006, closed.reason) if closed.code == REFUSED else closed
        except Refused as refused:
            return await self._verdict(line, refused)
        return None

    async def _greet(self, line: Line, url: str) -> None:
        """Say hello on `line`, from now on the one that is read. Raises Refused, Closed, TimeoutError."""
        loop = asyncio.get_running_loop()
        old, self._line = self._line, line
        if old is not None and old.ended is None:
            self._retired.add(old)
            old.hush(partial(self._retired.discard, old))
            loop.call_later(RETIRED_SECONDS, old.cut)
        self._quiet()
        while True:
            greeting = self._greeting = loop.create_future()
            await line.write(_encoder.encode(self._memory.hello(int(time.time() * 1000))).decode())
            async with asyncio.timeout(ANSWER_SECONDS):
                if line.ended is not None:
                    raise line.ended
                answer = await greeting
            if isinstance(answer, native.Welcome):
                self._here = next(iter(answer.urls), url)
                self._retries.connected(self._here)
                return
            if not self._memory.token or answer.code != Code.RATE_LIMITED or answer.retry_after_ms is None:
                raise _refusal(answer)
            # The node is busy and has given this session its turn, which counts on this connection alone.
            self._lose(Closed(MOVED, answer.message))
            await line.ends_within(answer.retry_after_ms / 1000)

    async def _verdict(self, line: Line, refused: Refused) -> Closed:
        """What a refused hello means: how this connection ends."""
        self._retries.told(refused.urls or ())
        self._retries.wait_at_least((refused.retry_after_ms or 0) / 1000)
        if refused.code in (Code.UNAVAILABLE, Code.INTERNAL, Code.RATE_LIMITED):
            return Closed(MOVED, refused.message)
        if refused.code in (Code.UNAUTHORIZED, Code.BANNED):
            await line.ends_within(CODE_SECONDS)
            return line.ended or Closed(REFUSED, refused.message)
        return Closed(4400, refused.message)

    def _check(self, old: Line | None) -> None:
        """See whether the connection that is to be left has ended by itself, and how."""
        if old is not None and old.ended is not None:
            self._judge(old.ended)
            self._lose(old.ended)

    def _judge(self, ended: Closed) -> None:
        """Raise `ended` where it is the end of the session for this client."""
        if not self._resumes or ended.code in FINAL:
            raise ended
        if not self._anew and (ended.code == OVER or not self._memory.token):
            raise ended
        if ended.code == RATE:
            self._retries.wait_at_least(RATE_SECONDS)

    def _lose(self, ended: Closed) -> None:
        """Say, once for each loss, that there is no connection."""
        self._quiet()
        if not self._is_away:
            self._is_away = True
            self._since = asyncio.get_running_loop().time()
            self._inbox.put(Reconnecting(since=int(time.time() * 1000), code=ended.code, reason=ended.reason))

    def _quiet(self) -> None:
        """Send nothing for now."""
        self._welcomed = self.is_live = False
        self._outbox.lost()

    def _finish(self, closed: Closed) -> None:
        """Be closed for good; the first time counts."""
        if self.closed is not None:
            return
        self.closed = closed
        self._welcomed = self.is_live = False
        for line in (self._line, *self._retired):
            if line is not None and line.ended is None:
                line.cut()
        for asked in self._outbox:
            if asked.waiter is not None and not asked.waiter.done():
                asked.waiter.set_exception(closed)
        self._inbox.close()
        self._over.set()


def _asked(request: str, id: ClientId, fields: dict[str, Any], waiter: Waiter) -> Asked[Waiter]:
    given = {key: value for key, value in fields.items() if value is not None}
    message = _encoder.encode({"type": request, "id": id, **given}).decode()
    return Asked(id, request, message, fields.get("room"), waiter)


def _refusal(error: native.Error) -> Refused:
    return Refused(error.code, error.message, field=error.field, retry_after_ms=error.retry_after_ms, urls=error.urls)
