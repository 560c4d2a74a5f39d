"""What happens in a demo, and when: acts without end, the same for the same chance; pure."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from server.demo import cast, lines
from server.demo.cast import Person, Room

T = TypeVar("T")

NODES = 3
"""Nodes that the people are spread over."""
ENTRY_SECONDS = 0.05
"""How long one person waits for the next at the beginning."""
PACES = ((8.0, 0.12), (30.0, 0.3))
"""Until when the chats go how much faster than later: who opens the window sees conversations, not blanks."""


class Chance(Protocol):
    """What `random.Random` offers of use here."""

    def random(self) -> float: ...
    def uniform(self, a: float, b: float) -> float: ...
    def expovariate(self, lambd: float) -> float: ...
    def choice(self, seq: Sequence[T]) -> T: ...
    def shuffle(self, x: list[T]) -> None: ...
    def randrange(self, start: int) -> int: ...


class Act(msgspec.Struct, frozen=True, tag=True):
    """Something that `who` does `at` seconds after the beginning."""

    at: float
    who: str


class Enter(Act, frozen=True):
    """Connects to a node and joins rooms."""

    node: int
    rooms: tuple[str, ...]


class Exit(Act, frozen=True):
    """Takes its leave."""


class Join(Act, frozen=True):
    """Enters one more room."""

    room: str


class Leave(Act, frozen=True):
    """Leaves a room."""

    room: str


class Say(Act, frozen=True):
    """Writes in a room."""

    room: str
    text: str


class Whisper(Act, frozen=True):
    """Writes to one person alone."""

    to: str
    text: str


class Speak(Act, frozen=True):
    """Says a phrase of its voice in a room, as one talkspurt."""

    room: str
    phrase: int


class Announce(Act, frozen=True):
    """Says something to a whole room, as a moderator."""

    room: str
    text: str


class Mute(Act, frozen=True):
    """Silences somebody in a room for a while, as a moderator."""

    whom: str
    room: str
    seconds: int
    reason: str


class Kick(Act, frozen=True):
    """Puts somebody out, as a moderator."""

    whom: str
    reason: str


Process = Generator[float, None, None]
"""Something that goes on: it acts, then yields the seconds until it goes on."""


def script(chance: Chance, voices: Mapping[str, Sequence[float]]) -> Iterator[Act]:
    """Play: acts in rising `at`, without end.

    `voices` gives the seconds of each phrase of each voice that the cast names.
    """
    return _Play(chance, voices).acts()


class _Play:
    """A demo under way: who is where, and the processes that go on."""

    def __init__(self, chance: Chance, voices: Mapping[str, Sequence[float]]) -> None:
        self._chance = chance
        self._voices = voices
        self._languages = {name: _language(name) for name in voices}
        self._now = 0.0
        self._count = 0
        self._waiting: list[tuple[float, int, Process]] = []
        self._done: list[Act] = []
        self._people = {person.user: person for person in cast.PEOPLE}
        self._nodes = {person.user: person.home for person in cast.PEOPLE}
        self._inside: dict[str, list[str]] = {room.name: [] for room in cast.ROOMS}
        """Who is in each room."""
        self._away: set[str] = set()
        self._busy: dict[str, float] = {}
        """Until when somebody speaks."""
        self._muted: dict[tuple[str, str], float] = {}
        """Until when somebody is muted in a room."""

    def acts(self) -> Iterator[Act]:
        self._go(0, self._entry())
        while True:
            self._now, _, process = heapq.heappop(self._waiting)
            wait = next(process, None)
            if wait is not None:
                self._go(wait, process)
            yield from self._done
            self._done.clear()

    def _go(self, wait: float, process: Process) -> None:
        self._count += 1  # equal times: in the order in which they were wanted
        heapq.heappush(self._waiting, (self._now + wait, self._count, process))

    def _entry(self) -> Process:
        people = list(cast.PEOPLE)
        self._chance.shuffle(people)
        first = [person for person in people if cast.NIGHT in person.rooms]
        for person in first:
            self._enter(person, (cast.NIGHT,))
            yield ENTRY_SECONDS
        for person in people:
            if person not in first:
                self._enter(person, person.rooms)
                yield ENTRY_SECONDS
        for person in first:
            for name in person.rooms:
                if name != cast.NIGHT:
                    self._join(person, name)
        for room in cast.ROOMS:
            self._go(self._chance.uniform(0.2, 3), self._chat(room))
            if room.turn:
                self._go(self._chance.uniform(0, 1) if room.quiet < 10 else room.quiet / 3, self._turns(room))
        self._go(6, self._errands())
        self._go(9, self._asides())
        self._go(5, self._order())
        self._go(20, self._announcements())
        self._go(45, self._intruder())

    # Speaking.

    def _turns(self, room: Room) -> Process:
        """People of a room speak in turns, now and then over each other."""
        last = ""
        while True:
            able = [user for user in self._inside[room.name] if self._can_speak(user, room)]
            if not able:
                yield 0.5
                continue
            who = self._chance.choice([user for user in able if user != last] or able)
            last, phrases = who, self._phrases(who, 1 + self._chance.randrange(room.turn))
            for place, phrase in enumerate(phrases):
                if place and not self._can_speak(who, room):
                    break
                seconds = self._speak(who, room, phrase)
                if seconds > 1.5 and self._chance.random() < room.overlap:
                    self._go(seconds * self._chance.uniform(0.3, 0.8), self._interjection(room, who))
                if place < len(phrases) - 1:
                    yield seconds + self._chance.uniform(0.2, 0.6)
                elif self._chance.random() < room.overlap:
                    yield seconds - min(self._chance.uniform(0.2, 0.8), seconds / 2)
                else:
                    yield seconds + 0.15 + self._chance.expovariate(1 / room.quiet)

    def _interjection(self, room: Room, speaker: str) -> Process:
        """Somebody says a short word while somebody else speaks."""
        able = [user for user in self._inside[room.name] if user != speaker and self._can_speak(user, room)]
        if able:
            who = self._chance.choice(able)
            seconds = self._voices[self._people[who].voice]
            self._speak(who, room, seconds.index(min(seconds)))
        yield from ()

    def _can_speak(self, user: str, room: Room) -> bool:
        voice = self._people[user].voice
        there = user in self._inside[room.name] and not self._is_muted(user, room.name)
        fits = bool(voice) and (not room.language or self._languages[voice] == room.language)
        return there and fits and self._busy.get(user, 0) <= self._now

    def _phrases(self, user: str, number: int) -> list[int]:
        phrases = list(range(len(self._voices[self._people[user].voice])))
        self._chance.shuffle(phrases)
        return phrases[:number]

    def _speak(self, user: str, room: Room, phrase: int) -> float:
        seconds = self._voices[self._people[user].voice][phrase]
        self._busy[user] = self._now + seconds + 0.1
        self._done.append(Speak(self._now, user, room.name, phrase))
        return seconds

    # Writing.

    def _chat(self, room: Room) -> Process:
        """People of a room write to each other: one talk after the other, in an order that changes."""
        while True:
            talks = list(lines.TALKS[room.name])
            self._chance.shuffle(talks)
            for talk in talks:
                for who, text in talk:
                    if not all(self._can_write(each, room) for each, _ in talk):
                        break  # without one of them the rest makes no sense
                    self._done.append(Say(self._now, who, room.name, text))
                    yield self._typing(room, text)
                else:
                    yield 2 * self._typing(room, "")
            yield 1.0

    def _can_write(self, user: str, room: Room) -> bool:
        return user in self._inside[room.name] and not self._is_muted(user, room.name)

    def _typing(self, room: Room, text: str) -> float:
        pace = next((pace for end, pace in PACES if self._now < end), 1.0)
        return pace * (0.8 + len(text) / 40 + self._chance.expovariate(1 / room.lines))

    def _asides(self) -> Process:
        """Two people whisper."""
        while True:
            talks = list(lines.WHISPERS)
            self._chance.shuffle(talks)
            for (one, said), (other, answer) in talks:
                if not self._reaches(one, other):
                    continue
                self._done.append(Whisper(self._now, one, other, said))
                yield self._chance.uniform(2, 5)
                if self._reaches(other, one):
                    self._done.append(Whisper(self._now, other, one, answer))
                yield self._chance.uniform(4, 12)
            yield 1.0

    def _reaches(self, one: str, other: str) -> bool:
        """Whether they share a room, or a moderator whispers to somebody who is there."""
        rooms = self._inside.values()
        return any(one in inside and other in inside for inside in rooms) or (
            self._people[one].moderator and any(other in inside for inside in rooms)
        )

    # Keeping order.

    def _order(self) -> Process:
        """Now and then a moderator mutes somebody whose microphone is left open."""
        while True:
            room = self._chance.choice([room for room in cast.ROOMS if room.turn > 1])
            if self._now < PACES[0][0]:
                room = cast.ROOMS[0]
            noisy = [
                user
                for user in self._inside[room.name]
                if not self._people[user].moderator and not self._people[user].restless and self._people[user].voice
            ]
            if noisy:
                whom, seconds = self._chance.choice(noisy), 60 + self._chance.randrange(120)
                self._muted[whom, room.name] = self._now + seconds + 1
                reason = self._chance.choice(cast.MUTE_REASONS)
                self._done.append(Mute(self._now, self._moderator(), whom, room.name, seconds, reason))
            yield self._chance.uniform(40, 90)

    def _is_muted(self, user: str, room: str) -> bool:
        return self._muted.get((user, room), 0) > self._now

    def _announcements(self) -> Process:
        while True:
            notices = list(lines.NOTICES)
            self._chance.shuffle(notices)
            for room, text in notices:
                self._done.append(Announce(self._now, self._moderator(), room, text))
                yield self._chance.uniform(60, 120)

    def _intruder(self) -> Process:
        """Somebody comes to advertise, and is put out."""
        who = cast.INTRUDER.user
        while True:
            self._done.append(Enter(self._now, who, cast.INTRUDER.home, cast.INTRUDER.rooms))
            for text in lines.ADVERTISEMENTS:
                yield self._chance.uniform(2, 4)
                self._done.append(Say(self._now, who, cast.INTRUDER.rooms[0], text))
            yield self._chance.uniform(1.5, 3)
            self._done.append(Kick(self._now, self._moderator(), who, "advertising"))
            yield cast.TURNED_AWAY_SECONDS + self._chance.uniform(60, 300)

    def _moderator(self) -> str:
        return self._chance.choice([person.user for person in cast.PEOPLE if person.moderator])

    # Coming and going.

    def _errands(self) -> Process:
        """Now and then somebody restless goes elsewhere: to a room, for a while, or to another node."""
        while True:
            idle = [
                person
                for person in cast.PEOPLE
                if person.restless and person.user not in self._away and self._busy.get(person.user, 0) < self._now
            ]
            if idle:
                person = self._chance.choice(idle)
                luck = self._chance.random()
                if luck < 0.5:
                    self._stroll(person)
                else:
                    self._go(0, self._break(person, other_node=luck < 0.75))
            yield self._chance.uniform(3, 9)

    def _stroll(self, person: Person) -> None:
        """Into a room that it likes, or out of one that it strolled into."""
        visited = [room for room in person.haunts if person.user in self._inside[room]]
        if visited:
            room = self._chance.choice(visited)
            self._inside[room].remove(person.user)
            self._done.append(Leave(self._now, person.user, room))
        else:
            self._join(person, self._chance.choice(person.haunts))

    def _join(self, person: Person, room: str) -> None:
        self._inside[room].append(person.user)
        self._done.append(Join(self._now, person.user, room))

    def _break(self, person: Person, *, other_node: bool) -> Process:
        """Out, and in again: soon on another node, or after a while on its own."""
        rooms = tuple(room for room, inside in self._inside.items() if person.user in inside)
        self._away.add(person.user)
        for room in rooms:
            self._inside[room].remove(person.user)
        self._done.append(Exit(self._now, person.user))
        if other_node:
            self._nodes[person.user] = (self._nodes[person.user] + 1 + self._chance.randrange(NODES - 1)) % NODES
            yield self._chance.uniform(1, 2.5)
        else:
            yield self._chance.uniform(12, 30)
        self._away.discard(person.user)
        self._enter(person, rooms if other_node else person.rooms)

    def _enter(self, person: Person, rooms: tuple[str, ...]) -> None:
        for room in rooms:
            self._inside[room].append(person.user)
        self._done.append(Enter(self._now, person.user, self._nodes[person.user], rooms))


def _language(voice: str) -> str:
    return {"cmn": "zh"}.get(language := voice.partition("-")[0], language)
