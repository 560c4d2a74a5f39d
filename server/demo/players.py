"""The process of a demo's people: each is a client of its own, and plays what the script says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.client import NO_NODE, Client, Closed, Talk
from server.config import ConfigError
from server.demo import cast
from server.demo.cast import Person
from server.demo.script import Act, Announce, Enter, Exit, Join, Kick, Leave, Mute, Say, Speak, Whisper, script
from server.demo.voices import FRAME_SECONDS, Voice, read_voices
from server.wire import native
from server.wire.moderation import Whom
from server.wire.native import Refused

logger = logging.getLogger(__name__)

SPEAKING_ON_STAGE = 4
"""So many people speak at once, and everybody is in, when the cast is on stage."""
KICKED = 4403
_LATE_SECONDS = 0.1
"""A speaker who is so late skips what should have been said meanwhile: it would come in a burst."""
_TOLD = 64
"""Lines that wait for one player at most."""


class Playbill(msgspec.Struct, frozen=True):
    """What the console tells the players, in one line of JSON on their standard input."""

    seed: int
    urls: tuple[str, ...]
    """Of the nodes that they are spread over."""
    tokens: Mapping[str, str]
    """User to access token, of those who have one."""
    voices: str
    """The folder of the voices."""
    data_dir: str
    log_format: Literal["text", "json"]


class OnStage(msgspec.Struct, frozen=True, tag_field="event", tag="on_stage"):
    """What the players say on their standard output, once: everybody is in."""

    people: int
    speaking: int


def read_playbill() -> Playbill:
    """Read standard input to the end of its first line. Raises ConfigError where no console wrote it."""
    line = b""
    try:
        while not line.endswith(b"\n") and (piece := os.read(0, 1)):
            line += piece
        return msgspec.json.decode(line, type=Playbill)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        raise ConfigError("players are started by a console: use --demo") from None


async def play(bill: Playbill) -> None:
    """Play until cancelled; then everybody takes their leave."""
    try:
        async with Company(bill) as company:
            await company.play()
    except Exception:
        logger.exception("the people of the demo cannot go on")


class Company:
    """All players, and the tasks that they need."""

    def __init__(self, bill: Playbill) -> None:
        self.bill = bill
        self.chance = random.Random(bill.seed)
        self.voices: Mapping[str, Voice] = read_voices(Path(bill.voices))
        self._loop = asyncio.get_running_loop()
        self.began = self._loop.time()
        self.speaking = 0
        self._players = {person.user: Player(self, person) for person in (*cast.PEOPLE, cast.INTRUDER)}
        self._tasks: set[asyncio.Task[None]] = set()
        self._announced = False

    async def __aenter__(self) -> Company:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(player.exit() for player in self._players.values()), return_exceptions=True)

    async def play(self) -> None:
        """Give every act of the script to who does it, at its time."""
        lengths = {name: [phrase.seconds for phrase in voice.phrases] for name, voice in self.voices.items()}
        for player in self._players.values():
            self.start(player.live())
        for act in script(random.Random(self.bill.seed), lengths):
            await self.until(self.began + act.at)
            self._players[act.who].told(act)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` until the end of the demo at most."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def until(self, due: float) -> None:
        """Wait until the loop's clock shows `due`."""
        if (wait := due - self._loop.time()) > 0:
            await asyncio.sleep(wait)

    def next_beat(self) -> float:
        """The next time at which frames are due; all share one clock, so that the process wakes for all at once."""
        beats = (self._loop.time() - self.began) // FRAME_SECONDS + 1
        return self.began + beats * FRAME_SECONDS

    def age(self) -> float:
        """Seconds since the beginning."""
        return self._loop.time() - self.began

    def is_guest(self, user: str) -> bool:
        """Whether that is somebody who does not play here."""
        return user not in self._players

    def host(self, room: str) -> Player | None:
        """Who looks after the guests of a room."""
        people = (player for player in self._players.values() if player.is_in_room(room))
        return next(people, None)

    def check_stage(self) -> None:
        """Say so once everybody is in and enough people speak."""
        if self._announced or self.speaking < SPEAKING_ON_STAGE:
            return
        if all(self._players[person.user].is_in for person in cast.PEOPLE):
            self._announced = True
            line = OnStage(people=len(cast.PEOPLE), speaking=self.speaking)
            with contextlib.suppress(OSError):
                os.write(1, msgspec.json.encode(line) + b"\n")


class Player:
    """One person: a client that comes, goes, writes and speaks; who loses its node goes on at another one."""

    def __init__(self, company: Company, person: Person) -> None:
        self._company = company
        self._person = person
        self._client: Client | None = None
        self._talks: dict[str, Talk] = {}
        """Of the rooms it is in."""
        self._spoke: dict[str, float] = {}
        """When it last sent a frame to a room."""
        self._inbox: asyncio.Queue[Act] = asyncio.Queue(_TOLD)
        self._back = 0.0
        """It was put out, and does not come back before this time."""
        self._door = asyncio.Lock()
        """Held by the one way in that is taken."""

    @property
    def is_in(self) -> bool:
        """Whether it is in a room."""
        return bool(self._talks)

    def is_in_room(self, room: str) -> bool:
        """Whether it is in that room."""
        return room in self._talks

    def told(self, act: Act) -> None:
        """Take an act of the script; one who cannot keep up leaves it out."""
        with contextlib.suppress(asyncio.QueueFull):
            self._inbox.put_nowait(act)

    async def live(self) -> None:
        """Do what it is told, in order."""
        while True:
            act = await self._inbox.get()
            # What fails, failed for a reason that everybody sees: a kick, a mute, a node that is gone.
            with contextlib.suppress(Refused, Closed, *NO_NODE):
                await self._do(act)

    async def exit(self) -> None:
        """Take its leave, if it is in."""
        client, self._client = self._client, None
        self._talks.clear()
        if client is not None:
            await client.close()

    async def _do(self, act: Act) -> None:
        match act:
            case Enter(node=node, rooms=rooms):
                await self._enter(node, rooms)
            case Exit():
                await self.exit()
            case Speak(room=room, phrase=phrase):
                if room in self._talks:
                    self._company.start(self._speak(room, phrase))
            case _ if self._client is None:
                pass
            case Join(room=room):
                await self._join(self._client, room)
            case Leave(room=room):
                self._talks.pop(room, None)
                await self._client.leave(room)
            case Say(room=room, text=text):
                if room in self._talks:
                    await self._client.say(room, text)
            case Whisper(to=to, text=text):
                await self._client.whisper(text, user=to)
            case Announce(room=room, text=text):
                await self._client.announce(text, room=room)
            case Mute(whom=whom, room=room, seconds=seconds, reason=reason):
                await self._client.mute(Whom.of(user=whom), room=room, seconds=seconds, reason=reason)
            case Kick(whom=whom, reason=reason):
                await self._client.kick(Whom.of(user=whom), reason=reason)

    async def _enter(self, node: int, rooms: Iterable[str]) -> None:
        async with self._door:
            if self._client is not None or asyncio.get_running_loop().time() < self._back:
                return
            person, chance, urls = self._person, self._company.chance, self._company.bill.urls
            home = node % len(urls)
            client = Client(
                urls[home:] + urls[:home],
                name=person.name,
                user=person.user,
                token=self._company.bill.tokens.get(person.user),
                client=person.client,
                hears=False,
                distance=partial(chance.uniform, person.far * 0.0009, person.far * 0.0012),
            )
            await client.open()
            self._client = client
            self._company.start(self._listen(client))
            if person.deaf:
                await client.deafen(True)
            for room in rooms:
                await self._join(client, room)
        self._company.check_stage()

    async def _join(self, client: Client, room: str) -> None:
        joined = await client.join(room)
        if self._client is client:
            self._talks[room] = client.talk(joined)

    async def _speak(self, room: str, phrase: int) -> None:
        company, talk = self._company, self._talks[room]
        frames = company.voices[self._person.voice].phrases[phrase].frames
        due = company.next_beat()
        if (before := self._spoke.get(room)) is not None:
            talk.pause(round((due - before) / FRAME_SECONDS) * 20)
        company.speaking += 1
        company.check_stage()
        try:
            for place, frame in enumerate(frames):
                await company.until(due)
                if self._talks.get(room) is not talk:
                    return
                if asyncio.get_running_loop().time() - due < _LATE_SECONDS or place == len(frames) - 1:
                    last = place == len(frames) - 1
                    await talk.send(frame.packet, level=frame.level, first=place == 0, last=last)
                else:
                    talk.pause(20)
                due += FRAME_SECONDS
        except Closed:
            pass
        finally:
            company.speaking -= 1
            self._spoke[room] = due

    # What it hears.

    async def _listen(self, client: Client) -> None:
        """Hear what comes, until the session ends."""
        async for event in client:
            match event:
                case native.Said():
                    self._company.start(self._answer_room(client, event))
                case native.MemberJoined(room=room, member=member) if self._company.is_guest(member.user):
                    if self._company.host(room) is self:
                        self._company.start(self._greet(client, room, member))
                case native.Whispered() if self._company.is_guest(event.sender.user):
                    self._company.start(self._answer_whisper(client, event))
                case native.Left(room=room):
                    self._talks.pop(room, None)
        ended = await client.wait_closed()
        if self._client is not client:
            return
        self._client = None
        self._talks.clear()
        self._spoke.clear()
        if ended.code == KICKED:
            self._back = asyncio.get_running_loop().time() + cast.TURNED_AWAY_SECONDS

    async def _answer_room(self, client: Client, said: native.Said) -> None:
        """Answer a command, if it is the bot; else a guest, if it is the one who looks after guests."""
        text = said.text.strip()
        if self._person.user == cast.BOT:
            if text.startswith("!"):
                await self._say(client, said.room, await self._command(client, said.room, text), wait=0.4)
        elif self._company.is_guest(said.sender.user) and self._company.host(said.room) is self:
            await self._say(client, said.room, self._company.chance.choice(cast.REPLIES), wait=2.5)

    async def _greet(self, client: Client, room: str, member: native.Member) -> None:
        greeting = self._company.chance.choice(cast.GREETINGS).format(name=member.name)
        await self._say(client, room, greeting, wait=1.5)

    async def _command(self, client: Client, room: str, text: str) -> str:
        match text.split():
            case ["!who"]:
                rooms = (await client.list("rooms", limit=1000)).items
                members = next((item["members"] for item in rooms if item["room"] == room), 0)
                return f"{members} people are in this room, and {len(rooms)} rooms are open."
            case ["!roll"]:
                return f"{1 + self._company.chance.randrange(100)} of 100."
            case ["!uptime"]:
                minutes, seconds = divmod(int(self._company.age()), 60)
                return f"Up for {minutes} min {seconds} s."
            case _:
                return cast.HELP

    async def _answer_whisper(self, client: Client, whisper: native.Whispered) -> None:
        """Answer somebody who is not of the cast: alone, or where it has no session, in the room."""
        text = self._company.chance.choice(cast.REPLIES)
        await asyncio.sleep(self._company.chance.uniform(1.5, 3.5))
        with contextlib.suppress(Refused, Closed):
            try:
                await client.whisper(text, session=whisper.sender.session)
            except Refused:
                if self._talks:
                    await client.say(next(iter(self._talks)), f"{whisper.sender.name}: {text}")

    async def _say(self, client: Client, room: str, text: str, *, wait: float) -> None:
        await asyncio.sleep(wait * self._company.chance.uniform(0.7, 1.6))
        with contextlib.suppress(Refused, Closed):
            if room in self._talks:
                await client.say(room, text)
