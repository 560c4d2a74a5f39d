"""What moderators ask for: whom it is for, which nodes are to do it, and what came of it (protocol.md section 7)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bus.interface import BusError
from bus.record import PAYLOAD_BYTES, Kind, NodeId
from server import acts, roles
from server.acts import Act, AnyAct, Verdict, block_id
from server.bans import Ban
from server.execution import Execution
from server.intent import Intent
from server.rulings import Ruling, parts_of
from server.session import SessionRecord
from server.turns import Turns
from server.unreadable import UNREADABLE
from server.usermutes import UserMutes
from server.wire.moderation import Outcome, Whom
from server.wire.native import Address, Code, Refused

if TYPE_CHECKING:
    from server.node import Node

CALL_SECONDS = 3.0
"""How long another node may take to confirm an act (protocol.md section 7)."""

FEW = 4
"""So many are acted on at once."""

LINES_AT_ONCE, RULINGS_AT_ONCE = 16, 32
"""So many lines are written to the audit, and so many rulings confirmed, before others have their turn."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done of an act, and may be."""

    act: AnyAct
    whom: Whom
    targets: Sequence[SessionRecord]
    users: Sequence[str]
    """Who is muted, whichever sessions come."""
    lifts: Sequence[str]
    """The mutes of users that are lifted, by key."""
    before: Sequence[Outcome]
    """What was done before, and what cannot be."""


class Moderation:
    """Finds whom an act is for, and has it carried out by the nodes that have them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.execution = Execution(node)
        self.mutes = UserMutes(node, self.execution)
        self._running: dict[str, asyncio.Future[list[Outcome]]] = {}
        """The acts under way here, by id."""

    def follow(self, record: SessionRecord) -> None:
        """A record of a session came to be known, here or from elsewhere."""
        self.execution.follow(record)

    def tick(self, now: float) -> None:
        """Do what is due; called ten times a second."""
        self.execution.tick(now)

    def order(self, act: AnyAct, whom: Whom, *, asked: bool = False) -> Coroutine[Any, Any, list[Outcome]]:
        """Have an act carried out, on whichever nodes; what is awaited gives what came of each.

        The same act again does nothing new, and gives the same; `asked`: it may come again, at another node too.
        Raises Refused at once: bad_request, forbidden, not_found, and others for moves; and when it is awaited:
        unavailable.
        """
        roles.require(act.by, act.command, *act.places)
        running, memory, now = self._running.get(act.id), self.execution.memory, self._node.clock.now()
        if running is not None:
            return _wait(running)
        if (verdict := memory.verdict(act.id, now)) is not None:
            return _give(verdict)
        done = memory.deeds(act.id, now)
        targets, gone = self._find(act, whom, done)
        lifts = self._lifts(act, whom, targets)
        if not targets and not done and not lifts:
            raise Refused(Code.NOT_FOUND, "nobody of that name is here" if act.room is None else f"not in {act.room}")
        for target in targets:
            if not roles.outranks(act.by, target.role):
                raise Refused(Code.FORBIDDEN, f"nobody acts on a higher role, and {target.name} has one")
        match act:
            case acts.Move():
                self._check_move(act, targets)
            case acts.Kick(block=block) if block:
                self._check_block(act, targets)
        users = sorted({target.user for target in targets} & set(whom.users)) if isinstance(act, acts.Mute) else []
        if users or lifts:
            self._node.require_durable()
        running = self._running[act.id] = asyncio.get_running_loop().create_future()
        plan = Plan(act, whom, targets, users, lifts, before=[*done.values(), *gone])
        return self._run(plan, running, asked=asked)

    async def _write_down(self, plan: Plan) -> None:
        """Let the audit have what is about to be done."""
        act, audit, turns = plan.act, self._node.audit, Turns()
        seconds = act.seconds if isinstance(act, acts.Mute) else act.grace if isinstance(act, acts.Kick) else None
        until = self._node.clock.wall_ms() + round(seconds * 1000) if seconds else None
        target = plan.whom.users[0] if len(plan.whom.users) == 1 else ""
        if audit.is_known(act.id):
            return
        intent = Intent(
            act.command.value,
            by=act.by,
            target=target,
            room=act.room,
            reason=act.reason,
            detail=act.to if isinstance(act, acts.Move) else "",
            until=until,
            act=act.id,
        )
        for start in range(0, max(1, len(plan.targets)), LINES_AT_ONCE):
            await turns.step()
            some = dataclasses.replace(intent, people=plan.targets[start : start + LINES_AT_ONCE])
            audit.asked(some, more=start > 0)

    def _lifts(self, act: AnyAct, whom: Whom, targets: Sequence[SessionRecord]) -> list[str]:
        """The keys of the mutes of users that an act lifts: of those whom it names, as users or by a session."""
        if not isinstance(act, acts.Unmute):
            return []
        users = dict.fromkeys([*whom.users, *(target.user for target in targets)])
        return [key for user in users for key in self.mutes.of(user, act.room)]

    async def _decide(self, plan: Plan) -> list[Ruling]:
        """What is to hold for sessions to come, too; it does here from now on."""
        rulings, turns = list[Ruling](), Turns()
        if isinstance(plan.act, acts.Mute):
            for user in plan.users:
                await turns.step()
                rulings.append(self.mutes.decide(plan.act, user))
        if isinstance(plan.act, acts.Unmute):
            for key in plan.lifts:
                await turns.step()
                rulings.append(self.mutes.lift(plan.act, key))
        return rulings

    def _check_block(self, act: acts.Kick, targets: Sequence[SessionRecord]) -> None:
        """Raise Refused where users may not or cannot be kept out."""
        self._node.require_durable()
        presence = self._node.presence
        for user in {target.user for target in targets}:
            to = Address(user=user)
            others = (*presence.addressed(to), *presence.absent(to))
            if not all(roles.outranks(act.by, other.role) for other in others):
                raise Refused(Code.FORBIDDEN, f"nobody acts on a higher role, and {user} has one")

    def _check_move(self, act: acts.Move, targets: Sequence[SessionRecord]) -> None:
        """Raise Refused where one person alone cannot be moved, with why; of many each has an outcome of its own."""
        if act.room == act.to:
            raise Refused(Code.BAD_REQUEST, "to is the room where they are", field="to")
        if len(targets) == 1:
            (target,) = targets
            if target.seat(act.to) is not None:
                raise Refused(Code.ALREADY, f"{target.name} is in {act.to}")
            if self._node.settings.is_full(target, act.to):
                raise Refused(Code.ROOM_FULL, f"{act.to} is full")
            if self._node.exclusion.against(target, act.to) is not None:
                raise Refused(Code.BANNED, f"{target.name} is banned from {act.to}")

    def _find(self, act: Act, whom: Whom, done: dict[str, Outcome]) -> tuple[list[SessionRecord], list[Outcome]]:
        """The sessions that are still to be acted on, and what is said of those of a list that are not there."""
        presence = self._node.presence
        found: dict[str, SessionRecord] = {}
        gone: list[Outcome] = []
        lost = [record for record in map(presence.known, presence.given_up) if record is not None]
        for user in whom.users:
            records = [*presence.of_user(user), *(record for record in lost if record.user == user)]
            fit = [record for record in records if _fits(act, record)]
            found |= {record.session: record for record in fit}
            if whom.many and not fit:
                gone.append(Outcome(user=user, node=self._node.name, outcome="gone", ms=0))
        for session in whom.sessions:
            record = presence.known(session)
            if record is not None and _fits(act, record):
                found[session] = record
            elif whom.many and session not in done:
                gone.append(Outcome(session=session, node=self._node.name, outcome="gone", ms=0))
        return [record for session, record in found.items() if session not in done], gone

    async def _run(self, plan: Plan, running: asyncio.Future[list[Outcome]], *, asked: bool) -> list[Outcome]:
        try:
            outcomes = await self._complete(plan)
            if asked:
                self._conclude(plan.act, outcomes)
            running.set_result(outcomes)
            return outcomes
        except BaseException as error:
            broken_off = Refused(Code.UNAVAILABLE, "it was broken off")
            running.set_exception(error if isinstance(error, Exception) else broken_off)
            running.exception()  # nobody may have waited for it
            raise
        finally:
            self._running.pop(plan.act.id, None)

    def _conclude(self, act: AnyAct, outcomes: Sequence[Outcome]) -> None:
        """Let every node know what this request is answered by, should it come again there."""
        verdict, node = Verdict(act.id, tuple(outcomes)), self._node
        self.execution.memory.answered(verdict, node.clock.now())
        if len(payload := acts.pack(verdict)) <= PAYLOAD_BYTES:  # else there are the deeds
            node.bus.append(Kind.MODERATION, payload, room=act.room or "", session=act.by.session)

    async def _complete(self, plan: Plan) -> list[Outcome]:
        """Have it done, and confirmed by all nodes what is to hold for sessions to come."""
        act, targets = plan.act, plan.targets
        await self._write_down(plan)
        rulings = await self._decide(plan)
        try:
            came, confirmed = await _all(self._everywhere(act, targets), self._confirm(rulings))
        except Refused:
            if isinstance(act, acts.Kick) and act.block:  # whom no node could put out is kept out all the same
                await self._blocked(act, targets, ())
            raise
        outcomes = [*plan.before, *came]
        if isinstance(act, acts.Kick) and act.block:
            outcomes = await self._blocked(act, targets, outcomes)
        here = {target.user for target in targets}
        for ruling, told in zip(rulings, confirmed, strict=True):
            user = parts_of(ruling.key)[1]
            if user not in here:
                self._node.audit.outcome(act.id, told)
                outcomes += [msgspec.structs.replace(one, user=user) for one in told]
        return outcomes

    async def _confirm(self, rulings: Sequence[Ruling]) -> list[list[Outcome]]:
        """Have all nodes take them, so many at a time that these have time for others, and the store keep them."""
        confirmed: list[list[Outcome]] = []
        for start in range(0, len(rulings), RULINGS_AT_ONCE):
            asked = rulings[start : start + RULINGS_AT_ONCE]
            confirmed += await _all(*(self._node.orders.confirm(ruling) for ruling in asked))
        if rulings:
            await self._node.kept()
        return confirmed

    async def _blocked(
        self, act: acts.Kick, targets: Sequence[SessionRecord], outcomes: Sequence[Outcome]
    ) -> list[Outcome]:
        """Have it confirmed that who was put out is kept out, and say by which bans."""
        users = {target.session: target.user for target in targets}
        users |= self.execution.memory.users(act.id, self._node.clock.now())
        bans = {session: block_id(act.id, user) for session, user in users.items()}
        if not act.grace:
            await _all(*(self._block(act, user) for user in sorted(set(users.values()))))
        return [
            msgspec.structs.replace(one, ban=bans[one.session]) if one.session in bans else one for one in outcomes
        ]

    def _block(self, act: acts.Kick, user: str) -> Coroutine[Any, Any, list[Outcome]]:
        id, ban = block_id(act.id, user), Ban(user=user, room=act.room or "")
        return self._node.exclusion.ban(act.by, ban, reason=act.reason, seconds=act.block, act=id, id=id)

    async def _follow(
        self, act: AnyAct, asked: Mapping[str, NodeId], outcomes: Mapping[Any, Outcome]
    ) -> list[Outcome]:
        """Act on those who went to another node meanwhile, and are gone from the one that was `asked`."""
        presence, elsewhere = self._node.presence, list[SessionRecord]()
        for session, executor in asked.items():
            outcome, record = outcomes.get(session), presence.known(session)
            if outcome is None or outcome.outcome != "gone" or record is None:
                continue
            if _fits(act, record) and presence.responsible(session) not in (executor, None):
                elsewhere.append(record)
        return await self._everywhere(act, elsewhere, again=True) if elsewhere else []

    async def _everywhere(
        self, act: AnyAct, targets: Sequence[SessionRecord], *, again: bool = False
    ) -> list[Outcome]:
        node = self._node
        groups: dict[NodeId, list[SessionRecord]] = {}
        for target in targets:
            groups.setdefault(node.presence.responsible(target.session) or node.node_id, []).append(target)
        came = await _all(*(self._at(executor, act, group) for executor, group in groups.items()))
        outcomes = {outcome.session: outcome for one in came for outcome in one}
        if not again:
            asked = {target.session: executor for executor, group in groups.items() for target in group}
            outcomes |= {one.session: one for one in await self._follow(act, asked, outcomes)}
        return [outcomes[target.session] for target in targets if target.session in outcomes]

    async def _at(self, executor: NodeId, act: AnyAct, targets: Sequence[SessionRecord]) -> list[Outcome]:
        """Have it done to those whom one node has."""
        node, began = self._node, self._node.clock.now()
        order = msgspec.structs.replace(act, sessions=tuple(target.session for target in targets))
        if executor == node.node_id:
            outcomes = await self.execution.carry_out(order)
        else:
            try:
                answer = await node.bus.call(executor, acts.pack_act(order), timeout=CALL_SECONDS)
                outcomes = acts.unpack_outcomes(answer)
            except (BusError, *UNREADABLE):
                theirs = [target.node_name for target in targets if target.node == executor]
                name = theirs[0] if theirs else node.cards.name_of(executor)
                raise Refused(Code.UNAVAILABLE, f"node {name} did not answer") from None
        ms = round((node.clock.now() - began) * 1000, 1)
        outcomes = [msgspec.structs.replace(outcome, ms=ms) for outcome in outcomes]
        node.audit.outcome(act.id, outcomes)
        return outcomes

    def answer(self, body: bytes) -> bytes | Coroutine[Any, Any, bytes]:
        """Carry out what another node asks for. Raises one of `UNREADABLE` at once if it is no act."""
        act = acts.unpack_act(body)
        if len(act.sessions) <= FEW:
            return acts.pack_outcomes(self.execution.carry_out_few(act))
        return self._answer(act)

    async def _answer(self, act: AnyAct) -> bytes:
        return acts.pack_outcomes(await self.execution.carry_out(act))


def _fits(act: Act, record: SessionRecord) -> bool:
    """Whether an act in a room can be for a session: it is there, or it has what is to be undone there."""
    room = act.room
    if room is None or record.seat(room) is not None:
        return True
    undoes = {acts.Unmute: record.silence, acts.Unkick: record.notice}.get(type(act))
    return undoes is not None and undoes(room) is not None


async def _all(*asked: Coroutine[Any, Any, Any]) -> list[Any]:
    """What came of each; where one is refused, after all the others have come to an end."""
    came = await asyncio.gather(*asked, return_exceptions=True)
    for one in came:
        if isinstance(one, BaseException):
            raise one
    return came


async def _wait(running: asyncio.Future[list[Outcome]]) -> list[Outcome]:
    return await asyncio.shield(running)


async def _give(outcomes: list[Outcome]) -> list[Outcome]:
    return outcomes
