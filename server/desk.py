"""The operator's desk: what a console may see of its node and do through it, as frozen values."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from bus.interface import PeerState
from bus.record import NodeId, Origin
from server import inquiry, joining, lines, replay, trail
from server.banlist import BanList
from server.chronicle import Chronicle
from server.departure import Begin, Cancel
from server.deskacts import DeskActs, checked
from server.exposure import Exposure
from server.feed import FlowFeed
from server.folder import Folder
from server.inbox import Evidence, ReportView
from server.inspection import Format, written
from server.ledger import Wanted
from server.links import TOPIC as LINKS
from server.node import Node
from server.rates import SECONDS, RatesView
from server.refusals import TOPIC as REFUSALS
from server.roundtrips import TOPIC as ROUND_TRIPS
from server.session import Actor, Role, Seat, SessionRecord
from server.settings import Setting, settings
from server.store.rows import StoreState
from server.strangers import mesh_view
from server.talk import Stretch, TalkView
from server.texts import Receipt, Sender
from server.trace import Offsets, Trace
from server.views import (
    AgainView,
    AlarmView,
    AuditPage,
    BanView,
    ChatView,
    CopyView,
    HealthView,
    LinkView,
    MemberView,
    MeshView,
    NodeView,
    OutageView,
    PersonView,
    ReplayView,
    RoomState,
    RoomView,
    WantView,
)
from server.wire.moderation import Outcome
from server.wire.native import Address, Code, Refused

SILENT = 127

_ids = itertools.count(1)
"""Of the texts that operators say: two desks of one node share its session."""


class Desk(DeskActs):
    """A console's view of a node: what is so now, and what its chronicle has kept."""

    def __init__(self, node: Node, operator_name: str) -> None:
        super().__init__(node)
        self.operator = Actor(f"desk-{node.bus.origin}", "console", operator_name, Role.ADMIN)
        self._chronicle = chronicle = Chronicle(node)
        self._lines, self._talks, self._aftermath = chronicle.lines, chronicle.talks, chronicle.aftermath
        self._offsets, self._bans = Offsets(), BanList(node)
        node.bus.subscribe(ROUND_TRIPS)
        node.bus.subscribe(REFUSALS)
        node.bus.subscribe(LINKS)
        node.round_trips.remember()

    @property
    def name(self) -> str:
        """Name of the node."""
        return self._node.name

    @property
    def node_id(self) -> str:
        """Id of the node."""
        return self._node.node_id

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self._node.url

    @property
    def http(self) -> str:
        """Where the browser client is."""
        return self._node.http

    @property
    def exposure(self) -> Exposure:
        """How clients come in."""
        return self._node.exposure

    @property
    def folder(self) -> Folder:
        """Where the node keeps what it must."""
        return self._node.folder

    @property
    def store(self) -> StoreState | None:
        """How the store of this node stands; None where it has none."""
        return None if self._node.store is None else self._node.store.state

    def settings(self) -> list[Setting]:
        """What the node was told, each value with who gave it."""
        return settings(self._node.config, self._node.exposure, self._node.bus.fingerprint)

    @property
    def bus_address(self) -> str:
        """What peers give to ``--peer``; empty without a mesh."""
        return self._node.bus.address

    # What can be seen.

    def rooms(self) -> list[RoomView]:
        """Every room, in the order of opening, then those where nobody is and something is set."""
        names = dict.fromkeys((*self._node.rooms, *self._node.settings.rooms()))
        return [view for name in names if (view := self.room(name)) is not None]

    def room(self, name: str) -> RoomView | None:
        """One room, or None if nobody is in it and nothing of it is set."""
        room, present = self._node.rooms.get(name), self._node.presence.present
        if room is None:
            is_set = name in self._node.settings.rooms()
            return RoomView(name, 0, 0, (), None, None, self.settings_of(name)) if is_set else None
        seats = self._node.presence.rooms.get(name, {})
        return RoomView(
            name=name,
            members=len(seats),
            nodes=self._chronicle.spread(name),
            speaking=tuple(present[session].name for session in room.talkers if session in present),
            opened=room.opened,
            spoke=None if room.talkers else room.spoke,
            state=room.state,
        )

    def settings_of(self, room: str) -> RoomState:
        """What is set of a room, whether somebody is there or not."""
        return self._node.settings.of(room)

    def has_password(self, room: str) -> bool:
        """Whether who enters a room is asked for a password."""
        return self._node.settings.has_password(room)

    def members(self, room: str) -> list[MemberView]:
        """The members of a room, in the order of joining."""
        present = self._node.presence.present
        return [
            self._member(present[session], seat) for session, seat in self._node.presence.rooms.get(room, {}).items()
        ]

    def people(self) -> list[PersonView]:
        """Every session of the cluster, in no order."""
        return [
            PersonView(
                session=record.session,
                user=record.user,
                name=record.name,
                node_name=record.node_name,
                rooms=tuple(seat.room for seat in record.seats),
            )
            for record in self._node.presence.present.values()
        ]

    def levels(self, room: str) -> dict[str, int]:
        """-dBov of those who speak in a room now, by session."""
        return self._chronicle.levels(room)

    def strip(self, room: str, session: str) -> tuple[Stretch, ...]:
        """When a member spoke in the last minute, the last turn first."""
        return self._talks.strip(room, session, now=self._node.clock.now())

    def talk(self, room: str, session: str) -> TalkView:
        """What a member said in a room in the last ten minutes, in figures."""
        return self._talks.talk(room, session, now=self._node.clock.now())

    def activity(self, room: str) -> tuple[float, ...]:
        """How lively a room was in the last five minutes, oldest first."""
        return self._talks.activity(room, now=self._node.clock.now())

    def round_trips(self, session: str) -> tuple[tuple[float, float], ...]:
        """Round trips of the last five minutes, oldest first: seconds ago, and milliseconds."""
        return self._node.round_trips.past(session, now=self._node.clock.now())

    def chat(self, room: str) -> list[ChatView]:
        """The last lines of a room, oldest first."""
        return self._lines.of(room)

    def nodes(self) -> list[NodeView]:
        """Every node of the cluster, this one first; one whose process is known to have ended is down at once."""
        return self._chronicle.nodes()

    def outages(self) -> list[OutageView]:
        """The nodes that do not answer and those that are just back, the newest first."""
        return self._aftermath.outages()

    def last_outage(self, node: NodeId) -> OutageView | None:
        """The last outage of a node in the last hour, also one that is over."""
        return self._aftermath.last(node)

    def again(self) -> AgainView:
        """How long those of the last hour who spoke when their node was lost were not heard, all outages together."""
        return self._aftermath.again()

    def resumes(self) -> int:
        """How many sessions were resumed in the last hour, as far as this console saw it."""
        return self._aftermath.resumes()

    def links(self) -> list[LinkView]:
        """The ways between the nodes, every pair of which something is known."""
        node = self._node
        states = {peer.node: peer.state for peer, _ in node.cards.peers.values()}
        return node.links.views({node.node_id: PeerState.UP, **states}, node.clock.now())

    def copies(self, node: NodeId | None = None) -> list[CopyView] | None:
        """How this node sees the copying of the logs to and from each peer, or another node by its own account.

        None where the other has not said so of late: it says so while somebody listens (`listen_to_copies`).
        """
        copies = self._node.copies
        return copies.views() if node in (None, self._node.node_id) else copies.said(node)

    def wants(self, node: NodeId) -> WantView | None:
        """Of which rooms a node wants the voice; None where it has not said so of late, as for `copies`."""
        return self._node.copies.wants(node)

    def listen_to_copies(self) -> Callable[[], None]:
        """Have all nodes tell once a second how they see the copying. Returns what ends that."""
        return self._node.copies.listen()

    def places(self) -> dict[Origin, int]:
        """How far this node holds each log."""
        return dict(self._node.bus.holdings(self._node.node_id) or {})

    def has_caught_up(self, node: NodeId, places: Mapping[Origin, int]) -> bool:
        """Whether a node, by its own word, holds these places, of logs that are still known here."""
        own, held = self.places(), self._node.bus.holdings(node)
        return held is not None and all(held.get(o, 0) >= seq for o, seq in places.items() if o in own)

    def alarms(self) -> list[AlarmView]:
        """The gaps that do not close and the queues that grow."""
        return self._node.copies.alarms()

    async def replay(self, room: str, origin: str, seq: int) -> ReplayView:
        """A room's texts from a place on, in the order of this node's list; it changes nothing for anybody."""
        return await replay.replay(self._node, room, origin, seq)

    def health(self) -> HealthView:
        """The figures of the status bar."""
        node, views = self._node, self.nodes()
        up = [view for view in views if view.state == "up"]
        return HealthView(
            sessions=sum(view.sessions for view in views if view.state != "down"),
            speaking=sum(len(room.talkers) for room in node.rooms.values()),
            nodes=len(views),
            received_rate=sum(view.received_rate for view in up),
            sent_rate=sum(view.sent_rate for view in up),
            loop_lag=node.cards.loop_lag * 1000,
        )

    def open_flow(self, query: str, *, every_voice: bool = False) -> FlowFeed:
        """Look at the messages of the cluster that fit `query` (server/query.py), until the feed is closed.

        Raises QueryError.
        """
        return FlowFeed(self._node, self._offsets, query=query, every_voice=every_voice)

    async def trace(self, origin: str, seq: int, *, ssrc: int = 0) -> Trace:
        """The way of a text, or with its `ssrc` of a sampled voice frame, that a feed has shown."""
        return await inquiry.follow(self._node, self._offsets, origin, seq, ssrc)

    async def reveal(self, by: Actor, origin: str, seq: int, reason: str) -> str:
        """What a whisper says; that is logged, and shown in every Flow, with who asked and why. Raises Refused."""
        return await inquiry.reveal(self._node, by, origin, seq, reason)

    def rates(self, seconds: int = SECONDS) -> RatesView:
        """Messages a second of the cluster, one figure for each of the last seconds, an hour at most."""
        return self._chronicle.rates.view(seconds)

    async def audit_page(
        self, wanted: Wanted, *, limit: int = 100, after: tuple[int, str, int] | None = None
    ) -> AuditPage:
        """Acts of the audit that are wanted, newest first, behind the `next` of a page before. Raises Refused."""
        return await trail.act_page(self._node, wanted, limit=limit, before=after)

    def audit_text(self, wanted: Wanted, format: Format) -> AsyncIterator[str]:
        """All that is wanted of the audit as the text of a file, piece by piece. Raises Refused."""
        return written(trail.entries(self._node, wanted), format)

    def audit_since(self, at: int) -> tuple[int, int] | None:
        """How many acts there were since then, and of how many people; None where that is too many to be known."""
        return self._node.audit.since(at)

    def moderators(self) -> list[tuple[str, str]]:
        """User and name of who has acted of late, by name."""
        return self._node.audit.actors()

    def mutes(self) -> dict[str, tuple[str | None, ...]]:
        """Where those are muted who are, by session; None for everywhere."""
        present = self._node.presence.present.values()
        return {each.session: tuple(one.room for one in each.silences) for each in present if each.silences}

    def bans(self) -> list[BanView]:
        """The bans in force, the newest first: the same list until one of them changes, and not to be changed."""
        return self._bans.views()

    def watch(self, observer: Callable[[str, str], None]) -> Callable[[], None]:
        """Tell `observer` what changed: ``room``, ``chat`` or ``speaking`` and a room, ``node`` or ``report`` and its
        id, ``audit`` and ``acts`` or ``bans``.

        It is called from inside the node's work and may only note it. Returns what ends that.
        """
        return self._chronicle.watch(observer)

    # What can be done.

    def problem_of(self, address: str) -> str:
        """One sentence that says why no cluster can be joined at this address, or nothing."""
        return joining.problem(address, self.nodes(), keyed=bool(self._node.bus.fingerprint))

    def mesh(self) -> MeshView:
        """What stands between this node and strangers."""
        return mesh_view(self._node)

    def refused(self, session: str) -> int:
        """How many requests of a session were refused in the last minute, as far as is known here."""
        return self._node.refusals.of(session, self._node.clock.now())

    def give_up_peer(self, given: str) -> None:
        """Look for a peer at this address no more; it is one of those of `mesh`. Who was found there stays."""
        self._node.bus.give_up(given)

    async def join(self, address: str) -> str:
        """Join the cluster that has a node at this mesh address; returns that node's name. Raises Refused."""
        return await joining.join(self._node, address)

    def acting(self, by: Actor, action: str, target: str) -> contextlib.AbstractContextManager[None]:
        """Write down that something is done to `target` within the block, before it is, and whether it failed."""
        return self._node.audit.acting(by, action, target)

    def reports(self) -> list[ReportView]:
        """What members have reported, the newest first; what was closed long ago has left."""
        return self._node.reports.all(self.operator)

    def evidence(self, report: str) -> Evidence:
        """What a report brought along. Raises Refused: not_found."""
        return self._node.reports.evidence(self.operator, report)

    async def take_report(self, by: Actor, *, report: str, over: bool = False) -> list[Outcome]:
        """Work on a report, `over`: also where somebody else does. Raises Refused, `already` naming who does."""
        return await self._node.reports.take(by, report, over=over)

    async def close_report(self, by: Actor, *, report: str, note: str = "") -> list[Outcome]:
        """Be done with a report. Raises Refused, `already` naming who works on it or has closed it."""
        return await self._node.reports.close(by, report, checked(note, "note") if note else "")

    async def reopen_report(self, by: Actor, *, report: str) -> list[Outcome]:
        """Let a report be open again. Raises Refused."""
        return await self._node.reports.reopen(by, report)

    async def drain(self, by: Actor, *, node: NodeId, seconds: float | None = None) -> Outcome:
        """Let a node hand its clients to others, spread over so many seconds; how far it is, `nodes` tells.

        Returns when it has begun, which it does anew where it had. Raises Refused.
        """
        return await self._node.departure.order(node, Begin(by=by, seconds=seconds))

    async def cancel_drain(self, by: Actor, *, node: NodeId) -> Outcome:
        """Let a node take sessions again; who was told to go may stay. Raises Refused."""
        return await self._node.departure.order(node, Cancel(by=by))

    async def whisper(self, by: Actor, *, session: str, text: str) -> Receipt:
        """Say something to one session alone; returns when two nodes hold it. Raises Refused."""
        text = checked(text, "text")
        target = self._node.presence.present.get(session)
        receipt = await self._sent(partial(self._node.messenger.whisper, by, Address(session=session)), text)
        if target is not None:
            self._chronicle.add(lines.whispered(by, target, text, receipt), [seat.room for seat in target.seats])
        return receipt

    async def announce(self, by: Actor, *, room: str | None, text: str) -> Receipt:
        """Say something to the members of `room`, or to everybody; returns when two nodes hold it. Raises Refused."""
        return await self._sent(partial(self._node.messenger.announce, by, room), checked(text, "text"))

    async def _sent(self, say: Callable[[int, str, Sender], None], text: str) -> Receipt:
        shown: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

        def settle(receipt: Receipt, _asked: bool) -> None:
            if not shown.done():
                shown.set_result(receipt)

        def give_up() -> None:
            if not shown.done():
                shown.set_exception(Refused(Code.UNAVAILABLE, "no second node has confirmed the text"))

        say(next(_ids), text, Sender(settle, give_up))
        return await shown

    def node_ended(self, node: NodeId, *, name: str, at: int) -> None:
        """The process of a node was seen to end, at `at` in ms since 1970: whoever launched it knows first."""
        self._aftermath.node_ended(node, name=name, at=at)
        self._chronicle.tell("node", node)

    def excuse(self, node: NodeId) -> None:
        """The end of a node is wanted, or it is to be shown no more: it is no outage until it has been up again."""
        self._aftermath.excuse(node)
        self._chronicle.tell("node", node)

    def _member(self, record: SessionRecord, seat: Seat) -> MemberView:
        room = self._node.rooms.get(seat.room)
        talker = room.talkers.get(record.session) if room else None
        seen = self._aftermath.of(record.session)
        return MemberView(
            session=record.session,
            user=record.user,
            name=record.name,
            role=record.role.value,
            node=record.node,
            node_name=record.node_name,
            ssrc=seat.ssrc,
            muted=record.muted(seat.room),
            muted_until=record.muted_until(seat.room),
            leaves=record.leaves(seat.room),
            closes=record.notice(None) is not None,
            deafened=record.deafened,
            speaking=talker is not None,
            level=SILENT if talker is None else talker.level,
            state="reconnecting" if self._node.presence.is_reconnecting(record.session) else "online",
            away=seen.away,
            resumes=record.resumes,
            resumed=seen.resumed,
            before=seen.before,
            joined=seat.joined,
            connected=record.connected,
            round_trip=self._node.round_trips.of(record.session),
            refused=self.refused(record.session),
            client=record.client,
            ip=record.ip,
        )
