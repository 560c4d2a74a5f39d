"""The client as a program sees it: a session with its requests and its events."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from bus.record import ClientId
from server.client import inbox, outbox
from server.client.events import Closed, Event
from server.client.inbox import Inbox
from server.client.keeper import Keeper
from server.client.memory import Memory
from server.client.requests import A, Requests
from server.client.talk import Talk
from server.wire import native
from server.wire.native import Address

E = TypeVar("E")


class Client(Requests):
    """A session, for as long as it lasts: over lost connections, and from node to node.

    ::

        async with Client(["ws://n1:8765/ws", "ws://n2:8765/ws"], name="Ann") as client:
            await client.join("lobby")
            await client.say("lobby", "hello")
            async for event in client:
                match event:
                    case native.Said():
                        print(event.sender.name, event.text)
                    case native.Joined():
                        print(event.room, "holds", [member.name for member in event.members])
                    case Reconnecting():
                        print("one moment ...")
                    case Resumed() if event.gaps:
                        print("messages may be missing in", event.gaps)

    **A loss.** When the connection is lost, the client connects again by itself: at once to the next URL that it was
    told, then every 0.2 to 10 s at random, through all of them. `Reconnecting` and `Resumed` say so among the events.
    Requests wait meanwhile: those without an answer are sent again, in order and under the same `id`, and new ones
    after them, so that a text is said once. `Talk` goes on; what is spoken while there is no connection is dropped.
    What the others said meanwhile comes, each text once. A node that says goodbye is left in time, unnoticed.

    **The end.** A session ends by `close`, or for good when the client was kicked, is not let in, or its session goes
    on elsewhere. Then requests raise `Closed`, and ``async for`` ends. A session that is over, mostly because it was
    lost for too long, is begun anew under the same name (`Resumed.anew`): its rooms are joined again, and what waits
    is sent. Without `anew` that is an end too.

    **Bounds.** At most `pending` requests wait for their answers, then `Refused` is raised. At most `unread` events
    wait to be read; beyond that `Missed` stands for those that were dropped. Voice is dropped long before.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        *,
        name: str | None = None,
        user: str | None = None,
        token: str | None = None,
        client: str = "python/1.0",
        hears: bool = True,
        resume: bool = True,
        anew: bool = True,
        pending: int = outbox.MOST,
        unread: int = inbox.EVENTS_HELD,
        distance: Callable[[], float] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare to connect to the first of `urls`, ``ws://host:port/ws``, that answers.

        Args:
            urls: One node of the cluster or more; the others are learned.
            name: Said in the hello, as are `user`, `token` and `client`. A resume goes without the token.
            user: Who it is.
            token: Proves that.
            client: What program it is.
            hears: One who hears nothing gets the voice of others and lets it go, which costs little.
            resume: Whether the session survives its connection; without, it ends with it.
            anew: Whether a session that is over is followed by another one.
            pending: How many requests may wait.
            unread: How many events may wait.
            distance: Makes the line as long as that of somebody far away: asked for each piece that comes, it gives
                the seconds until the piece is there.
            chance: From 0 to 1, another one each time.
        """
        self._ids = itertools.count(1)
        self._memory = Memory({"name": name, "user": user, "token": token, "client": client})
        self._inbox = Inbox(unread)
        self._keeper = Keeper(
            [urls] if isinstance(urls, str) else urls,
            self._memory,
            self._inbox,
            hears=hears,
            resumes=resume,
            anew=anew,
            pending=pending,
            distance=distance,
            chance=chance,
        )

    async def open(self) -> native.Welcome:
        """Connect and say hello, to each node in turn until one answers.

        Raises what `NO_NODE` lists, Refused, Closed.
        """
        await self._keeper.open()
        return self.welcome

    async def close(self, code: int = 1000, reason: str = "") -> Closed:
        """End the connection, and with 1000 the session. Safe to call twice; returns how it ended.

        While there is no connection there is nobody to tell: the others see the session as lost when its time is up.
        """
        return await self._keeper.close(code, reason)

    async def wait_closed(self) -> Closed:
        """Wait until the session has ended for this client; returns how."""
        return await self._keeper.wait_closed()

    def drop(self, *, to: str | None = None) -> None:
        """Cut the connection without a word, as a bad network does; with `to`, go on at that URL."""
        self._keeper.drop(to)

    @property
    def welcome(self) -> native.Welcome:
        """What the node answered to the last hello."""
        return self._memory.welcome

    @property
    def session(self) -> str:
        """Id of this session."""
        return self.welcome.session

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that it is in."""
        return tuple(self._memory.rooms)

    @property
    def is_live(self) -> bool:
        """Whether there is a connection that takes requests now."""
        return self._keeper.is_live

    def ssrc(self, room: str) -> int | None:
        """The number under which it speaks in `room`; None where it is not."""
        return self._memory.rooms.get(room)

    def talk(self, joined: native.Joined, *, frame_ms: int = 20) -> Talk:
        """Get ready to speak in a room that was joined, in frames of 20, 40 or 60 ms."""
        return Talk(self, joined.room, frame_ms)

    async def voice_target(self, target: int, *, session: str | None = None, user: str | None = None) -> native.Ok:
        """Let frames with this target (`Talk.send`) be for one session or user alone."""
        answer = await super().voice_target(target, session=session, user=user)
        self._memory.targets[target] = Address(session, user)
        return answer

    async def deafen(self, on: bool) -> native.Ok:
        """Be sent no voice any more, or voice again."""
        answer = await super().deafen(on)
        self._memory.deaf = on
        return answer

    async def send(self, message: bytes | str) -> bool:
        """Send a message as it is, text or binary, and never again; returns whether it could be. Raises Closed."""
        return await self._keeper.send(message)

    async def next(self, kind: type[E] | tuple[type[E], ...]) -> E:
        """Give the next event of this class, or of one of these; those before it are dropped. Raises Closed."""
        async for event in self:
            if isinstance(event, kind):
                return event
        raise await self.wait_closed()

    def __aiter__(self) -> AsyncIterator[Event]:
        return aiter(self._inbox)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, answer: type[A], request: str, *, id: ClientId | None = None, **fields: object) -> A:
        id = f"c-{next(self._ids)}" if id is None else id
        found = await self._keeper.ask(request, id, fields)
        assert isinstance(found, answer), f"{request} was answered by {found}"
        return found
