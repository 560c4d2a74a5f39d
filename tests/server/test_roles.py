"""Who may do what, and where: every command for every role in its own and in other rooms, from the table."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import msgspec
import pytest

from server import acts, roles
from server.acts import AnyAct
from server.roles import TABLE, Command, Reach, may, outranks, require
from server.session import Actor, Role
from server.wire.native import Code, Refused
from server.wire.reading import AnyRequest
from tests.guest import Guest
from tests.nodes import Served, Serving, token
from tests.server.test_resume_cluster import pair

OWN, OTHER = "own 1", "other"
SCOPE = ("own*",)

CASES = list(itertools.product(TABLE, Role, (OWN, OTHER, None)))
"""Every command, every role, and in which room; None: in the whole cluster."""


def actor(role: Role, *, scope: tuple[str, ...] | None = SCOPE) -> Actor:
    """Somebody whose token limits a moderator to his own rooms."""
    return Actor("s", "by", "By", role, scope if role is Role.MODERATOR else None)


def expected(command: Command, role: Role, room: str | None) -> bool:
    """What the table means, said another way."""
    reach = TABLE[command][list(Role).index(role)]
    return reach is Reach.ANYWHERE or (reach is Reach.OWN and (role is Role.ADMIN or room == OWN))


@pytest.mark.parametrize("command", Command)
def test_every_command_stands_in_the_table_and_no_role_does_less_than_a_lower_one(command: Command) -> None:
    order = (Reach.NOWHERE, Reach.OWN, Reach.ANYWHERE)
    row = [order.index(reach) for reach in TABLE[command]]
    assert row == sorted(row)


def test_users_act_on_nobody() -> None:
    free = {command for command in TABLE if TABLE[command][0] is not Reach.NOWHERE}
    assert free == {Command.REPORT, Command.LIST_ROOMS}


@pytest.mark.parametrize(("command", "role", "room"), CASES)
def test_the_table_decides(command: Command, role: Role, room: str | None) -> None:
    assert may(actor(role), command, room) is expected(command, role, room)


@pytest.mark.parametrize("command", TABLE)
def test_who_is_not_limited_reaches_every_room_and_the_cluster(command: Command) -> None:
    for role, room in itertools.product((Role.MODERATOR, Role.ADMIN), (OWN, OTHER, None)):
        reach = TABLE[command][role.rank]
        assert may(actor(role, scope=None), command, room) is (reach is not Reach.NOWHERE)


@pytest.mark.parametrize("role", Role)
def test_what_is_not_in_the_table_nobody_may_do(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TABLE, Command.LIST_ROOMS)
    assert not may(actor(role, scope=None), Command.LIST_ROOMS, OWN)
    with pytest.raises(Refused) as refused:
        require(actor(role, scope=None), Command.LIST_ROOMS, OWN)
    assert refused.value.code is Code.FORBIDDEN


def test_all_places_of_an_act_must_be_ones_own() -> None:
    require(actor(Role.MODERATOR), Command.MOVE, OWN, "own 2")
    for places in ((OWN, OTHER), (OTHER, OWN), (OWN, None)):
        with pytest.raises(Refused) as refused:
            require(actor(Role.MODERATOR), Command.MOVE, *places)
        assert refused.value.field == "room"


@pytest.mark.parametrize(("low", "high"), list(itertools.product(Role, Role)))
def test_nobody_acts_on_a_higher_role(low: Role, high: Role) -> None:
    assert outranks(actor(low), high) is (list(Role).index(low) >= list(Role).index(high))


# Where a request enters.

REQUESTS: dict[Command, dict[str, Any]] = {
    Command.KICK: {"type": "kick", "user": "whom"},
    Command.UNKICK: {"type": "unkick", "user": "whom"},
    Command.MUTE: {"type": "mute", "user": "whom"},
    Command.UNMUTE: {"type": "unmute", "user": "whom"},
    Command.MOVE: {"type": "move", "user": "whom", "to": "own 2"},
    Command.BAN: {"type": "ban", "user": "nobody"},
    Command.UNBAN: {"type": "unban", "ban": "none"},
    Command.BANS: {"type": "bans"},
    Command.ANNOUNCE: {"type": "announce", "text": "hi"},
    Command.SET_ROOM: {"type": "set_room", "title": "hi"},
    Command.REPORTS: {"type": "list", "what": "reports"},
    Command.AUDIT: {"type": "audit"},
    Command.DRAIN: {"type": "drain", "node": "nobody"},
    Command.LIST_NODES: {"type": "list", "what": "nodes"},
    Command.LIST_ROOMS: {"type": "list", "what": "rooms"},
    Command.LIST_SESSIONS: {"type": "list", "what": "sessions"},
    Command.LIST_MEMBERS: {"type": "list", "what": "members"},
}
"""Each of these commands as a request, less the room."""

ROOMLESS = {Command.UNBAN, Command.BANS, Command.AUDIT, Command.DRAIN}


def limit(served: Served, guest: Guest) -> None:
    """Let a moderator have the rooms of these tests only."""
    client = served.node.conversations[guest.session]
    assert client.record is not None
    if client.record.role is Role.MODERATOR:
        client.record = msgspec.structs.replace(client.record, scope=SCOPE)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", REQUESTS)
async def test_a_request_is_checked_where_it_enters(served: Served, command: Command, role: Role) -> None:
    by = await served.enter_as(role.value, user="by")
    limit(served, by)
    for room in (OWN, OTHER, None):
        whom = await served.enter("Whom", user="whom")
        for place in (OWN, OTHER):
            await whom.join(place)
        if room is None and command in (Command.MOVE, Command.SET_ROOM, Command.REPORTS):
            continue
        fields = dict(REQUESTS[command])
        if room is not None and command not in ROOMLESS:
            fields["room"] = room
        answer = await by.ask(**fields)
        where = None if command in ROOMLESS else room
        assert (answer.get("code") == "forbidden") is not expected(command, role, where), answer
        await whom.leave_for_good()


def test_there_is_no_request_of_which_nobody_has_said_who_may_ask() -> None:
    tags = {str(request.__struct_config__.tag) for request in get_args(AnyRequest)}
    assert tags == {str(fields["type"]) for fields in REQUESTS.values()} | REPORTING | EVERYBODY


REPORTING = {"report", "report_take", "report_close", "report_reopen", "report_read"}
"""They have tests of their own, as who may ask hangs on the report."""

EVERYBODY = {"hello", "join", "leave", "say", "whisper", "voice_target", "deafen"}


async def test_whom_a_token_limits_to_rooms_acts_in_those_on_every_node_and_after_a_resume(serve: Serving) -> None:
    a, b = await pair(serve)
    (bob,) = await b.members("Bob", room=OWN)
    await bob.join(OTHER)
    mo = await a.enter(None, token=token("moderator", user="mo", rooms=SCOPE))
    await mo.join(OWN)
    for _ in range(2):
        assert (await mo.ask("mute", session=bob.session, room=OWN))["results"][0]["outcome"] == "done"
        assert (await mo.ask("unmute", session=bob.session, room=OWN))["type"] == "done"
        for where in ({"room": OTHER}, {}):
            assert (await mo.ask("mute", session=bob.session, **where))["code"] == "forbidden"
        for room, to in ((OWN, "somewhere"), (OTHER, OWN)):
            assert (await mo.ask("move", session=bob.session, room=room, to=to))["code"] == "forbidden"
        mo = await b.back(mo)
    assert (await mo.ask("move", session=bob.session, room=OWN, to="own 2"))["type"] == "done"


# Where it is carried out.

ACTS: dict[Command, AnyAct] = {
    Command.KICK: acts.Kick(by=actor(Role.USER), id="x", room=None),
    Command.UNKICK: acts.Unkick(by=actor(Role.USER), id="x", room=None),
    Command.MUTE: acts.Mute(by=actor(Role.USER), id="x", room=None),
    Command.UNMUTE: acts.Unmute(by=actor(Role.USER), id="x", room=None),
    Command.MOVE: acts.Move(by=actor(Role.USER), id="x", room=OWN, to="own 2"),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", ACTS)
async def test_an_order_is_checked_again_where_it_is_carried_out(
    served: Served, command: Command, role: Role
) -> None:
    for number, room in enumerate((OWN, OTHER, None)):
        whom = await served.enter("Whom", user="whom")
        for place in (OWN, OTHER):
            await whom.join(place)
        if command is Command.MOVE and room is None:
            continue
        if command is Command.UNKICK:  # there is something to undo
            kick = acts.Kick(by=actor(Role.ADMIN), id=f"k{number}", room=room, sessions=(whom.session,), grace=60)
            served.node.moderation.execution.carry_out_few(kick)
        act = msgspec.structs.replace(
            ACTS[command], by=actor(role), id=str(number), room=room, sessions=(whom.session,)
        )
        body = served.node.on_call("ff" * 8, acts.pack_act(act))
        assert isinstance(body, bytes)
        (outcome,) = acts.unpack_outcomes(body)
        assert outcome.outcome == ("done" if expected(command, role, room) else "failed")
        await whom.leave_for_good()


@pytest.mark.parametrize("command", ACTS)
async def test_an_order_against_a_higher_role_is_not_carried_out(served: Served, command: Command) -> None:
    whom = await served.enter_as("admin", user="whom")
    await whom.join(OWN)
    act = msgspec.structs.replace(
        ACTS[command], by=actor(Role.MODERATOR, scope=None), room=OWN, sessions=(whom.session,)
    )
    body = served.node.on_call("ff" * 8, acts.pack_act(act))
    assert isinstance(body, bytes)
    assert [outcome.outcome for outcome in acts.unpack_outcomes(body)] == ["failed"]
    await whom.settle()
    assert not whom.unread


def test_an_actor_comes_through_bytes_with_what_limits_him() -> None:
    act = acts.Kick(by=actor(Role.MODERATOR), id="x", room=OWN)
    assert acts.unpack_act(acts.pack_act(act)) == act
    assert not roles.may(acts.unpack_act(acts.pack_act(act)).by, Command.KICK, OTHER)
