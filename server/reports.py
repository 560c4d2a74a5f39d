"""Reports of members: taken with what is known at that moment, told to moderators, worked on by one at a time."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from typing import TYPE_CHECKING, get_args

import msgspec

from bus.interface import PeerState
from bus.record import Origin, node_of
from server import evidence
from server.events import ReportChanged
from server.inbox import (
    KEPT_SECONDS,
    OPEN,
    OWN,
    WAITS_SECONDS,
    Evidence,
    Filed,
    Inbox,
    Line,
    Party,
    Report,
    ReportView,
    State,
    Work,
    report_key,
    work_key,
)
from server.intent import Intent
from server.limits import Shares
from server.orders import Unconfirmed
from server.roles import Command, may, require
from server.rulings import REPORT, Change, parts_of
from server.session import Actor, Role, SessionRecord
from server.unreadable import UNREADABLE
from server.wire import native, reporting
from server.wire.moderation import Outcome
from server.wire.native import Address, Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

USER = 1 / 20, 5
"""Reports of one user at a node, a second and at once."""

ADDRESS = 1 / 2, 30
"""Those of one address, where a whole school may sit."""

SYSTEM = Actor("", "", "", Role.ADMIN)
"""Who lets go of what was closed long ago."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What somebody wants to report, checked as far as it can be without looking around."""

    to: Address
    room: str
    text: str
    message: tuple[Origin, int] | None
    network: str
    """Address of who reports, as limits count it."""


class Reports:
    """The inbox of a cluster as one node holds it: open reports for a month, closed ones for a day."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._inbox = Inbox()
        self._gone: set[str] = set()
        """Reports that have left, whose work is to be let go too."""
        self._users: Shares[str] = Shares(*USER)
        self._addresses: Shares[str] = Shares(*ADDRESS)
        node.orders.follow(REPORT, self._follow)

    # What members report.

    async def take_in(self, by: Actor, complaint: Complaint) -> None:
        """Let moderators know. Raises Refused: bad_request, not_found, rate_limited, unavailable."""
        require(by, Command.REPORT, complaint.room)
        record, said = self._told_of(by, complaint)
        report = self._report(by, complaint, record, said)
        if self._inbox.is_known(by, report):
            return
        self._admit(by, complaint.network)
        found = await evidence.gather(self._node, report, record, said)
        if self._inbox.is_known(by, report):  # it was sent twice
            return
        await self._file(by, report, found, record)

    async def _file(self, by: Actor, report: Report, found: Evidence, record: SessionRecord | None) -> None:
        node, target = self._node, report.target
        id = f"r_{node.clock.new_session().removeprefix('s_')}"
        act = node.audit.asked(
            Intent(
                "report",
                by=by,
                target=target.user,
                people=[] if record is None else [record],
                room=report.room,
                reason=report.text,
            )
        )
        filed = Filed(report.target, report.room, report.text, report.message, found)
        try:
            ruling = node.orders.decide(by, report_key(id), filed, seconds=WAITS_SECONDS, act=act)
            outcomes = await node.orders.confirm(ruling)
        except Unconfirmed as unconfirmed:  # it stands all the same
            outcomes = unconfirmed.outcomes
        node.audit.outcome(act, outcomes)

    def _told_of(self, by: Actor, complaint: Complaint) -> tuple[SessionRecord | None, Line | None]:
        """Whose session is reported and what they said, each None where it is not known any more. Raises Refused."""
        room, presence = complaint.room, self._node.presence
        if by.role is Role.USER and by.session not in presence.rooms.get(room, {}):
            raise Refused(Code.NOT_FOUND, f"you are not in {room}")
        line = None if complaint.message is None else evidence.line_at(self._node, by, room, complaint.message)
        if line is not None and complaint.to not in (Address(session=line.by.session), Address(user=line.by.user)):
            raise Refused(Code.BAD_REQUEST, "that was said by somebody else", field="seq")
        if line is not None:
            return presence.known(line.by.session), line
        named = [*presence.addressed(complaint.to), *presence.absent(complaint.to)]
        there = next((record for record in named if record.seat(room) is not None), None)
        if there is None:
            said = next(
                (line for line in evidence.shown(self._node, room) if evidence.is_of(line.by, complaint.to)), None
            )
            if said is None:
                raise Refused(Code.NOT_FOUND, f"nobody of that name is in {room}")
            return presence.known(said.by.session), said
        return there, None

    def _report(self, by: Actor, complaint: Complaint, record: SessionRecord | None, said: Line | None) -> Report:
        if said is not None:
            target = said.by
        else:
            assert record is not None, "whoever is not here is known by what they said"
            target = Party(record.session, record.user, record.name)
        if target.user == by.user:
            raise Refused(Code.BAD_REQUEST, "you cannot report yourself")
        is_held = said is not None and (said.origin, said.seq) == complaint.message
        return Report(target, complaint.room, complaint.text, complaint.message if is_held else None)

    def _admit(self, by: Actor, network: str) -> None:
        now = self._node.clock.now()
        wait = self._users.take(by.user, now)
        if network and not wait:
            wait = self._addresses.take(network, now)
        if wait:
            sentence = "you report very often, wait a little: moderators see what you have reported"
            raise Refused(Code.RATE_LIMITED, sentence, retry_after_ms=wait)
        if self._inbox.waiting(by.user) >= OWN:
            raise Refused(Code.UNAVAILABLE, f"{OWN} of your reports wait for a moderator: try again later")
        if self._inbox.waiting() >= OPEN:
            raise Refused(Code.UNAVAILABLE, "the moderators have more reports than they can see: try again later")

    # What moderators do with them.

    def all(self, by: Actor) -> list[ReportView]:
        """The reports that somebody may see, the newest first."""
        return [view for view in self._inbox.all() if may(by, Command.REPORTS, view.room)]

    def count(self) -> dict[State, int]:
        """How many are in each state."""
        found = Counter(view.state for view in self._inbox.all())
        return {state: found[state] for state in get_args(State)}

    def get(self, by: Actor, id: str) -> ReportView:
        """One of them. Raises Refused: not_found, forbidden."""
        view = self._inbox.get(id)
        if view is None:
            require(by, Command.REPORTS, *(by.scope or (None,)))
            raise Refused(Code.NOT_FOUND, "there is no such report, or it has left the inbox", field="report")
        require(by, Command.REPORTS, view.room)
        return view

    def evidence(self, by: Actor, id: str) -> Evidence:
        """What one of them brought along. Raises Refused: not_found, forbidden."""
        self.get(by, id)
        found = self._inbox.evidence(id)
        earlier = tuple(each for each in found.earlier if may(by, Command.AUDIT, each.room))
        return msgspec.structs.replace(found, earlier=earlier)

    async def take(self, by: Actor, id: str, *, over: bool = False) -> list[Outcome]:
        """Work on a report, `over`: also where somebody else does. Raises Refused: already, as all that follow."""
        view = self.get(by, id)
        if view.state == "closed":
            raise Refused(Code.ALREADY, f"{_worker(view)} has closed it")
        if view.state == "taken" and _is_by(view, by):
            return self._as_it_is()
        self._leave_to(by, view, over=over)
        return await self._decide(by, view, "report_take", Work("taken", ""))

    async def close(self, by: Actor, id: str, note: str = "") -> list[Outcome]:
        """Be done with a report; it leaves the inbox after a day."""
        self._node.require_durable()
        view = self.get(by, id)
        if view.state == "closed" and _is_by(view, by) and view.note == note:
            return self._as_it_is()
        if view.state == "closed":
            raise Refused(Code.ALREADY, f"{_worker(view)} has closed it")
        self._leave_to(by, view)
        outcomes = await self._decide(by, view, "report_close", Work("closed", note), seconds=KEPT_SECONDS)
        await self._node.kept()
        return outcomes

    async def reopen(self, by: Actor, id: str) -> list[Outcome]:
        """Let a report be open again, whoever took or closed it."""
        view = self.get(by, id)
        if view.state == "open" and _is_by(view, by):
            return self._as_it_is()
        if view.state == "open":
            raise Refused(Code.ALREADY, "it is open")
        if view.state == "taken":
            self._leave_to(by, view)
        return await self._decide(by, view, "report_reopen", None)

    def _as_it_is(self) -> list[Outcome]:
        """The answer to who asks again for what they have done."""
        return [Outcome(node=self._node.name, outcome="done", ms=0.0)]

    def _leave_to(self, by: Actor, view: ReportView, *, over: bool = False) -> None:
        """Nobody works on what somebody else works on without knowing it."""
        if view.state == "taken" and not _is_by(view, by) and not over:
            raise Refused(Code.ALREADY, f"{_worker(view)} works on it")

    async def _decide(
        self, by: Actor, view: ReportView, action: str, work: Work | None, *, seconds: float | None = None
    ) -> list[Outcome]:
        node, key, note = self._node, work_key(view.report), work.note if work else ""
        whom = f"{view.target.name}, reported by {view.reporter.name}"
        act = node.audit.asked(Intent(action, by=by, target=view.report, room=view.room, reason=note, detail=whom))
        ruling = node.orders.decide(by, key, work, reason=note, seconds=seconds, act=act)
        try:
            outcomes = await node.orders.confirm(ruling)
        except Unconfirmed as unconfirmed:
            node.audit.outcome(act, unconfirmed.outcomes)
            raise
        node.audit.outcome(act, outcomes)
        last = node.rulings.last(key)
        if last is not None and last.rank != ruling.rank and last.by.session != by.session:
            raise Refused(Code.ALREADY, f"{last.by.name} was quicker")
        return outcomes

    # What comes of it, here and from elsewhere.

    def _follow(self, change: Change) -> None:
        try:
            id = self._inbox.hear(change)
        except UNREADABLE as error:
            logger.warning("what was decided on %s is not readable: %s", change.key, error)
            return
        view, is_work = self._inbox.get(id), len(parts_of(change.key)) > 2
        if change.now is None and not is_work:
            self._gone.add(id)
        elif view is not None and is_work:
            self._tell(view, updated(view))
        elif view is not None and change.before is None:
            self._tell(view, reported(view))
        self._node.emit(ReportChanged(id))

    def _tell(self, view: ReportView, message: native.Message) -> None:
        """Tell the moderators of the room who are connected here."""
        for conversation in list(self._node.conversations.values()):
            if conversation.session.role is not Role.USER and may(conversation.actor, Command.REPORTS, view.room):
                conversation.send(message)

    def tick(self, now: float) -> None:
        """Let go of what has left, for all; called every second."""
        self._users.forget(now)
        self._addresses.forget(now)
        if self._is_first():
            orders, rulings = self._node.orders, self._node.rulings
            for id in self._inbox.done():
                orders.decide(SYSTEM, report_key(id), None)
            for id in self._gone:
                if rulings.get(work_key(id)) is not None:
                    orders.decide(SYSTEM, work_key(id), None)
        self._gone.clear()

    def _is_first(self) -> bool:
        """Whether this node is the one that does what one has to do."""
        bus = self._node.bus
        up = (peer.node for peer in bus.peers() if peer.state is PeerState.UP and not peer.left)
        return self._node.synced and all(bus.node < node for node in up)


def reported(view: ReportView) -> reporting.Reported:
    """A report as moderators are told of it."""
    return reporting.Reported(
        report=view.report,
        sender=_sender(view.reporter),
        session=view.target.session,
        user=view.target.user,
        name=view.target.name,
        room=view.room,
        text=view.text,
        at=view.at,
        message=None if view.message is None else reporting.Place(*view.message),
    )


def updated(view: ReportView) -> reporting.ReportUpdated:
    """What moderators are told when somebody works on it."""
    return reporting.ReportUpdated(
        report=view.report,
        room=view.room,
        state=view.state,
        by=_sender(view.worker or Party("", "", "")),
        note=view.note,
        at=view.worked or 0,
    )


def _sender(party: Party) -> native.Sender:
    return native.Sender(party.session, party.user, party.name)


def _worker(view: ReportView) -> str:
    return view.worker.name if view.worker else "somebody"


def _is_by(view: ReportView, by: Actor) -> bool:
    """Whether who works on it is this person: by the user, and at a console by whose it is."""
    worker = view.worker
    return worker is not None and worker.user == by.user and _desk(worker.session) == _desk(by.session)


def _desk(session: str) -> str:
    """The node of the console that a session stands for; empty for that of a client."""
    return node_of(session) if session.startswith("desk-") else ""
