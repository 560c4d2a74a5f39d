"""People who write and talk without a pause, over whatever becomes of their nodes, and keep account of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from server.client import Client, Missed, Reconnecting, Resumed, Voice
from server.wire import native
from tests.cluster.nodes import eventually
from tests.guest import PATIENCE

TEXT_SECONDS = 0.1
FRAME_SECONDS = 0.02
PACKET = b"\xfc" + b"speech" * 10


class Person:
    """One client that resumes, and all that it was told."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self.client = client
        self.said: list[str] = []
        """What was answered by `sent`."""
        self.heard: list[str] = []
        self.voices: Counter[int] = Counter()
        """Frames, by who spoke."""
        self.left: list[native.MemberLeft] = []
        self.joined: list[native.MemberJoined] = []
        self.resumed: list[Resumed] = []
        self.cuts = 0
        """How often there was no connection for a while."""
        self.missed = 0
        self.quiet = False

    async def listen(self) -> None:
        """Note what comes."""
        async for event in self.client:
            match event:
                case native.Said(text=text):
                    self.heard.append(text)
                case native.MemberLeft():
                    self.left.append(event)
                case native.MemberJoined():
                    self.joined.append(event)
                case Resumed():
                    self.resumed.append(event)
                case Reconnecting():
                    self.cuts += 1
                case Missed(events=events):
                    self.missed += events
                case Voice(ssrc=ssrc):
                    self.voices[ssrc] += 1

    async def write(self, room: str) -> None:
        """Say one thing after the other, until it is enough."""
        for number in itertools.count(1):
            if self.quiet:
                return
            text = f"{self.name} {number}"
            await self.client.say(room, text)
            self.said.append(text)
            await asyncio.sleep(TEXT_SECONDS)

    async def talk(self, joined: native.Joined) -> None:
        """Speak without taking breath, until it is enough."""
        talk = self.client.talk(joined)
        while not self.quiet:
            await talk.send(PACKET)
            await asyncio.sleep(FRAME_SECONDS)


class Company:
    """People in one room, each at the node of a URL."""

    def __init__(self, urls: Sequence[str], *, room: str = "lobby") -> None:
        self._urls = urls
        self._room = room
        self._stack = contextlib.AsyncExitStack()
        self._listening: list[asyncio.Task[None]] = []
        self._acting: list[asyncio.Task[None]] = []
        self.people: list[Person] = []

    async def __aenter__(self) -> Self:
        joined = []
        for name, url in zip(("Ann", "Bob", "Cid", "Dee"), self._urls, strict=False):
            client = await self._stack.enter_async_context(Client(url, name=name))
            joined.append(await client.join(self._room))
            self.people.append(Person(name, client))
        for person, seat in zip(self.people, joined, strict=True):
            self._listening.append(asyncio.create_task(person.listen()))
            self._acting.append(asyncio.create_task(person.write(self._room)))
            self._acting.append(asyncio.create_task(person.talk(seat)))
        await eventually(self.all_talk)
        for person in self.people:  # who came first saw the others come
            person.joined.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in (*self._acting, *self._listening):
            task.cancel()
        await asyncio.gather(*self._acting, *self._listening, return_exceptions=True)
        await self._stack.aclose()

    async def be_quiet(self) -> None:
        """Let them finish what they are about to say."""
        for person in self.people:
            person.quiet = True
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._acting)

    def all_talk(self) -> bool:
        """Whether everybody has said something and was heard by all others, in writing and speech."""
        others = len(self.people) - 1
        return all(person.said and len(person.voices) == others and person.heard for person in self.people)

    def forget_voices(self) -> None:
        """Count anew who is heard: `all_talk` is then true once more when all have spoken since."""
        for person in self.people:
            person.voices.clear()

    def all_heard(self) -> bool:
        """Whether as many texts have come as were said by the others."""
        said = sum(len(person.said) for person in self.people)
        return all(len(person.heard) >= said - len(person.said) for person in self.people)

    def complaints(self) -> list[str]:
        """What somebody noticed who should have noticed nothing."""
        found = []
        for person, other in itertools.permutations(self.people, 2):
            heard = [text for text in person.heard if text.startswith(f"{other.name} ")]
            if heard != other.said:
                found.append(f"{person.name} heard of {other.name}: {heard}, and not {other.said}")
        for person in self.people:
            found += [f"{person.name} was told {event}" for event in (*person.left, *person.joined)]
            found += [
                f"{person.name} got {event}"
                for event in person.resumed
                if not event.recovered or event.gaps or event.anew
            ]
            if person.missed:
                found.append(f"{person.name} missed {person.missed}")
        return found
