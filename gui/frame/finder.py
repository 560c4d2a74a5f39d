"""What the palette offers for what was typed: people, what can be done to them, rooms, nodes, commands."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from gui import wording
from gui.actions import EVERYWHERE, Command, MemberAct
from gui.search import Index, Marks, Match, match, words_of

if TYPE_CHECKING:
    from gui.actions import Actions
    from gui.views import View
    from server.desk import Desk
    from server.views import MemberView, NodeView, PersonView, RoomView

PEOPLE, ROOMS, NODES, COMMANDS, RECENT = "People", "Rooms", "Nodes", "Commands", "Recent"
PREFIXES = {"@": PEOPLE, "#": ROOMS, "!": NODES}
MOST = {PEOPLE: 6, ROOMS: 5, NODES: 5, COMMANDS: 8}
MOST_ALONE = 40
"""Where a prefix asked for one kind only."""
MOST_ACTED_ON = 2
"""People to whom an act is offered when act and person are typed together."""
MOST_RECENT = 5
CLEAR = 200
"""A person found with a better score than this is the one who was meant."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the palette."""

    key: str
    """Its identity."""
    group: str
    text: str
    run: Callable[[], object]
    marks: Marks = ()
    """What of the text was typed."""
    detail: str = ""
    icon: str = ""
    user: str = ""
    """Whose avatar stands instead of an icon."""
    speaking: bool = False
    keys: tuple[str, ...] = ()
    danger: bool = False
    asked: bool = False
    """Whether it was typed so plainly that it may stand first though it hurts somebody."""
    score: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Places:
    """How the palette takes a person somewhere."""

    member: Callable[[str, str], None]
    """Opens a room (first) and selects a session (second)."""
    room: Callable[[str], None]
    node: Callable[[str], None]
    view: Callable[[], View]
    """Tells which view is visible."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A person, in the room where an act meets them."""

    member: MemberView
    room: str


class Finder:
    """Looks at the node when the palette opens, and at what was typed with each key after it."""

    def __init__(self, desk: Desk, actions: Actions, places: Places, recent: Sequence[str] = ()) -> None:
        """Make a finder; `recent` are keys of entries, the newest first."""
        self._desk = desk
        self._actions = actions
        self._places = places
        self.recent = list(recent)
        """Keys of what was run, the newest first."""

    def open(self) -> None:
        """Forget what was seen of the node; it is looked at anew when something asks for it."""
        for name in ("_people", "_rooms", "_nodes"):
            self.__dict__.pop(name, None)

    def ran(self, entry: Entry) -> None:
        """Remember that an entry was chosen."""
        if not entry.key.startswith("act:"):
            self.recent = [entry.key, *(key for key in self.recent if key != entry.key)][:30]

    def find(self, typed: str) -> list[Entry]:
        """The entries for what was typed, grouped, the best group first."""
        group = PREFIXES.get(typed[:1], "")
        words = words_of(typed[1:] if group else typed)
        if group:
            return self._alone(group, words)
        if not words:
            return self._suggestions()
        acts = self._acts(words)
        people = self._people.find(words, MOST[PEOPLE])
        groups = [
            [entry for entry in acts if not entry.danger or entry.asked],
            [self._person(person, fit) for person, fit in people],
            list(self._found_rooms(words, MOST[ROOMS])),
            list(self._found_nodes(words, MOST[NODES])),
            list(self._found_commands(words, MOST[COMMANDS])),
        ]
        shown = sorted(filter(None, groups), key=lambda entries: entries[0].score // 100)
        shown.append([entry for entry in acts if entry.danger and not entry.asked])
        if people and not acts and people[0][1].score < CLEAR:
            shown.insert(1, self._acts_on(self._target(people[0][0])))
        return [entry for entries in shown for entry in entries]

    @functools.cached_property
    def _people(self) -> Index[PersonView]:
        return Index(self._desk.people(), lambda person: person.name)

    @functools.cached_property
    def _rooms(self) -> Index[RoomView]:
        return Index(self._desk.rooms(), lambda room: room.name)

    @functools.cached_property
    def _nodes(self) -> Index[NodeView]:
        return Index(self._desk.nodes(), lambda node: node.name)

    def _alone(self, group: str, words: Sequence[str]) -> list[Entry]:
        if group == PEOPLE:
            if words:
                return list(self._found_people(words, MOST_ALONE))
            return [self._person(person) for person in self._people.things[:MOST_ALONE]]
        if group == ROOMS:
            if words:
                return list(self._found_rooms(words, MOST_ALONE))
            rooms = sorted(self._rooms.things, key=lambda room: (-room.members, room.name.casefold()))
            return [self._room(room) for room in rooms[:MOST_ALONE]]
        if words:
            return list(self._found_nodes(words, MOST_ALONE))
        return [self._node(node) for node in self._nodes.things[:MOST_ALONE]]

    def _suggestions(self) -> list[Entry]:
        """What suits the selection, what was used last, and all commands."""
        commands = [self._command(command) for command in self._offered()]
        known = {entry.key: entry for entry in commands}
        recent = [found for key in self.recent if (found := known.get(key) or self._again(key)) is not None]
        recent = [dataclasses.replace(entry, group=RECENT) for entry in recent[:MOST_RECENT]]
        used = {entry.key for entry in recent}
        here = self._places.view().title
        rest = [entry for entry in commands if entry.key not in used]
        rest.sort(key=lambda entry: entry.danger or entry.detail != here)
        return [*self._acts_on(self._subject()), *recent, *rest]

    def _again(self, key: str) -> Entry | None:
        kind, _, id = key.partition(":")
        if kind == "room" and (room := self._desk.room(id)) is not None:
            return self._room(room)
        if kind == "node":
            return next((self._node(node) for node in self._desk.nodes() if node.node == id), None)
        if kind == "person":
            return next((self._person(person) for person in self._desk.people() if person.session == id), None)
        return None

    # --- people and what can be done to them -----------------------------------------------------------------

    def _found_people(self, words: Sequence[str], most: int) -> Iterator[Entry]:
        for person, fit in self._people.find(words, most):
            yield self._person(person, fit)

    def _acts(self, words: Sequence[str]) -> list[Entry]:
        """Acts of which one word or more was typed, on whom the other words name, or on who is selected."""
        subject = self._subject()
        found: list[Entry] = []
        met: dict[str, Target] = {}
        for act in self._actions.member_acts:
            verbs = words_of(act.phrase.replace("{name}", " "))
            rest = [word for word in words if not any(verb.startswith(word) for verb in verbs)]
            if len(rest) == len(words):
                continue
            if rest:
                people = self._people.find(rest, MOST_ACTED_ON)
                targets = [target for person, _ in people if (target := self._target(person)) is not None]
            else:
                targets = [subject] if subject is not None else []
            asked = verbs[0] in words
            met.update((target.member.session, target) for target in targets)
            found += [self._act(act, target, words, asked) for target in targets if act.suits(target.member)]
        if not found and met:
            # Who is muted cannot be muted: what can be done instead is offered, the nearest to what was typed first.
            found = [
                entry
                for act in self._actions.member_acts
                for target in met.values()
                if act.suits(target.member) and (entry := self._act(act, target, words)).marks
            ] or self._acts_on(next(iter(met.values())))
        return sorted(found, key=lambda entry: (entry.danger and not entry.asked, entry.group, entry.score))

    def _acts_on(self, target: Target | None) -> list[Entry]:
        """All that can be done to one person; what hurts comes last."""
        if target is None:
            return []
        fitting = [self._act(act, target) for act in self._actions.member_acts if act.suits(target.member)]
        return sorted(fitting, key=lambda entry: entry.danger)

    def _subject(self) -> Target | None:
        view = self._places.view()
        member = view.subject()
        return None if member is None else Target(member, view.place())

    def _target(self, person: PersonView) -> Target | None:
        """The person in the open room, or else in the room that was joined last."""
        here = self._places.view().place()
        for room in (here, *reversed(person.rooms)):
            for member in self._desk.members(room) if room in person.rooms else ():
                if member.session == person.session:
                    return Target(member, room)
        return None

    def _act(self, act: MemberAct, target: Target, words: Sequence[str] = (), asked: bool = False) -> Entry:
        member = target.member
        name = wording.name(member.name)
        text = act.phrase.replace("{name}", name)
        fit = match(words, text) if words else None
        command = self._actions.command(act.action)

        def run() -> None:
            if act.visit:
                self._places.member(target.room, member.session)
            act.act(member)

        return Entry(
            key=f"act:{act.phrase}:{member.session}",
            group=f"Actions on {name}",
            text=text,
            run=run,
            marks=fit.marks if fit is not None else (),
            detail=wording.name(target.room),
            icon=command.icon,
            keys=command.keys[:1],
            danger=command.danger,
            asked=asked,
            score=fit.score if fit is not None else 99,
        )

    def _person(self, person: PersonView, fit: Match | None = None) -> Entry:
        shown = wording.name(person.name)
        room = person.rooms[-1] if person.rooms else ""
        speaking = bool(room) and person.session in self._desk.levels(room)
        where = f"{wording.name(room)} on {wording.name(person.node_name)}" if room else "in no room"
        return Entry(
            key=f"person:{person.session}",
            group=PEOPLE,
            text=shown,
            run=lambda: self._places.member(room, person.session),
            marks=fit.marks if fit is not None and shown == person.name else (),
            detail=f"{where}, speaking" if speaking else where,
            user=person.user,
            speaking=speaking,
            score=fit.score if fit is not None else 0,
        )

    # --- rooms, nodes, commands ------------------------------------------------------------------------------

    def _found_rooms(self, words: Sequence[str], most: int) -> Iterator[Entry]:
        for room, fit in self._rooms.find(words, most):
            yield self._room(room, fit)

    def _room(self, room: RoomView, fit: Match | None = None) -> Entry:
        shown = wording.name(room.name)
        return Entry(
            key=f"room:{room.name}",
            group=ROOMS,
            text=shown,
            run=lambda: self._places.room(room.name),
            marks=fit.marks if fit is not None and shown == room.name else (),
            detail=wording.plural(room.members, "member"),
            icon="speaker-high" if room.speaking else "speaker-none",
            speaking=bool(room.speaking),
            score=fit.score if fit is not None else 0,
        )

    def _found_nodes(self, words: Sequence[str], most: int) -> Iterator[Entry]:
        for node, fit in self._nodes.find(words, most):
            yield self._node(node, fit)

    def _node(self, node: NodeView, fit: Match | None = None) -> Entry:
        shown = wording.name(node.name)
        state = {"up": "up", "suspect": "late", "down": "lost"}[node.state]
        return Entry(
            key=f"node:{node.node}",
            group=NODES,
            text=shown,
            run=lambda: self._places.node(node.node),
            marks=fit.marks if fit is not None and shown == node.name else (),
            detail="this console" if node.here else f"{state}, {wording.plural(node.sessions, 'session')}",
            icon="share-network",
            score=fit.score if fit is not None else 0,
        )

    def _found_commands(self, words: Sequence[str], most: int) -> Iterator[Entry]:
        found = []
        for command in self._offered():
            fit = match(words, command.text)
            if fit is None and (wider := match(words, f"{command.text} {command.group}")) is not None:
                fit = Match(wider.score + 100, ())
            if fit is not None:
                asked = words_of(command.text)[0] in words
                hidden = command.danger and not asked
                found.append((hidden, fit.score, self._command(command, fit, asked=asked)))
        yield from (entry for _, _, entry in sorted(found, key=lambda each: each[:2])[:most])

    def _offered(self) -> Iterator[Command]:
        """Commands that can be given now: those of a list only while its view is visible."""
        of_people = {act.action for act in self._actions.member_acts}
        here = self._places.view().title
        for command in self._actions.commands():
            anywhere = command.action.shortcutContext() is Qt.ShortcutContext.WindowShortcut
            if not command.enabled or command.action in of_people or command.action is self._actions.search:
                continue
            if anywhere or command.group == here:
                yield command

    def _command(self, command: Command, fit: Match | None = None, *, asked: bool = False) -> Entry:
        action: QAction = command.action
        return Entry(
            key=f"command:{command.group}/{command.text}",
            group=COMMANDS,
            text=command.text,
            run=action.trigger,
            marks=fit.marks if fit is not None else (),
            detail="" if command.group == EVERYWHERE else command.group,
            icon=command.icon,
            keys=command.keys[:1],
            danger=command.danger,
            asked=asked,
            score=fit.score if fit is not None else 0,
        )
