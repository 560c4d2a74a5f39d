"""One request is carried out once, however often and wherever it comes; and many people in one request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bus.interface import BusError
from bus.record import Kind
from server import acts
from server.acts import Kick, Verdict
from server.moderation import FEW
from server.session import Actor, Role
from server.wire.moderation import TARGETS, Outcome, Whom
from tests.bus.ear import eventually
from tests.guest import Guest
from tests.nodes import Served, Serving
from tests.server.test_resume_cluster import pair, power_off

BY = Actor("m", "mod", "Mod", Role.MODERATOR)


async def back_in(served: Served, user: str = "bob") -> Guest:
    """Somebody who has come again after a kick."""
    guest = await served.enter("Bob", user=user)
    await guest.join()
    return guest


async def test_the_same_request_again_is_answered_by_the_same_and_done_once(served: Served) -> None:
    await back_in(served)
    moderator = await served.enter_as("moderator")
    first = await moderator.ask("kick", id="x", user="bob")
    again = await back_in(served)
    assert await moderator.ask("kick", id="x", user="bob") == first
    await again.say("I stay")
    other = await moderator.ask("kick", id="y", user="bob")
    assert [result["session"] for result in other["results"]] == [again.session]


async def test_another_request_under_the_same_id_is_another_one(served: Served) -> None:
    bob, cid = await served.members("Bob", "Cid")
    moderator = await served.enter_as("moderator")
    for guest in (bob, cid):
        done = await moderator.ask("kick", id=1, session=guest.session)
        assert done["results"][0]["session"] == guest.session
        assert (await guest.closed())[0] == 4403


async def test_without_an_id_each_request_is_its_own(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    for _ in range(2):
        bob = await back_in(served)
        await moderator.send("kick", user="bob")
        assert (await bob.closed())[0] == 4403


async def test_a_request_that_was_refused_has_not_used_up_its_id(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("kick", id="x", user="bob"))["code"] == "not_found"
    bob = await back_in(served)
    assert (await moderator.ask("kick", id="x", user="bob"))["results"][0]["outcome"] == "done"
    assert (await bob.closed())[0] == 4403


async def test_two_at_once_under_one_id_are_one(served: Served) -> None:
    bob = await back_in(served)
    moderator = await served.enter_as("moderator")
    for _ in range(2):
        await moderator.send("mute", id="x", user="bob", seconds=60)
    answers = [await moderator.answer("x") for _ in range(2)]
    assert answers[0] == answers[1]
    await bob.settle()
    assert len(bob.seen("moderated")) == 1


async def test_after_a_resume_at_another_node_a_request_is_answered_as_before(serve: Serving) -> None:
    a, b = await pair(serve)
    bob = await back_in(b)
    moderator = await a.enter_as("moderator")
    await moderator.join()
    first = await moderator.ask("kick", id="x", user="bob")
    assert (await bob.closed())[0] == 4403
    again = await back_in(b)
    act = next(iter(a.node.moderation.execution.memory._acts))
    await eventually(lambda: b.node.moderation.execution.memory.verdict(act, b.clock.now()) is not None)
    moderator = await b.back(moderator)
    assert await moderator.ask("kick", id="x", user="bob") == first
    await again.say("I stay")


async def test_where_the_node_that_was_asked_died_before_it_said_so_it_is_known_who_was_acted_on(
    serve: Serving,
) -> None:
    """The deeds are in the log of those who did them."""
    a, b = await pair(serve)
    bob = await back_in(b)
    act = acts.Mute(by=BY, id="x", room=None, sessions=(bob.session,))
    b.node.on_call(a.node.node_id, acts.pack_act(act))
    await bob.next("moderated")
    await eventually(lambda: bool(a.node.moderation.execution.memory.deeds("x", a.clock.now())))
    power_off(serve, b)
    await eventually(lambda: a.node.presence.is_reconnecting(bob.session))
    bob = await a.back(bob)
    (outcome,) = a.node.moderation.execution.carry_out_few(act)
    assert (outcome.node, outcome.outcome) == ("n2", "done")
    await bob.settle()
    assert not bob.seen("moderated")


async def test_an_order_that_comes_twice_to_the_executing_node_is_carried_out_once(served: Served) -> None:
    """Security: replayed, it does nothing more; the same one from a lower role neither."""
    bob = await back_in(served)
    order = Kick(by=BY, id="x", room="lobby", sessions=(bob.session,))
    first = served.node.on_call("ff" * 8, acts.pack_act(order))
    assert isinstance(first, bytes)
    await bob.next("left")
    await bob.join()
    assert served.node.on_call("ff" * 8, acts.pack_act(order)) == first
    low = msgspec.structs.replace(order, id="y", by=msgspec.structs.replace(BY, role=Role.USER))
    body = served.node.on_call("ff" * 8, acts.pack_act(low))
    assert isinstance(body, bytes)
    assert acts.unpack_outcomes(body)[0].outcome == "failed"
    await bob.say("still here")


async def test_an_order_from_who_has_not_the_key_is_none(served: Served) -> None:
    """Who is no node of the mesh can only send bytes; those that are no order change nothing."""
    bob = await back_in(served)
    for body in (b"", b"kick", msgspec.msgpack.encode({"type": "kick", "session": bob.session})):
        with pytest.raises(BusError):
            served.node.on_call("ff" * 8, body)
    await bob.say("still here")


async def test_who_went_to_another_node_while_the_act_was_on_its_way_is_acted_on_there(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await pair(serve)
    bob = await back_in(b)
    moderator = await a.enter_as("moderator")
    await moderator.join()
    call, came = a.node.bus.call, list[Guest]()

    async def late(node: str, body: bytes, *, timeout: float = 3.0) -> bytes:
        came.append(await a.back(bob))
        await eventually(lambda: bob.session not in b.node.conversations)
        return await call(node, body, timeout=timeout)

    monkeypatch.setattr(a.node.bus, "call", late)
    done = await moderator.ask("kick", session=bob.session)
    assert [(one["node"], one["outcome"]) for one in done["results"]] == [("n1", "done")]
    assert (await came[0].closed())[0] == 4403


async def test_every_deed_is_in_the_log_with_who_did_it_and_why(serve: Serving) -> None:
    a, b = await pair(serve)
    bob = await back_in(b)
    moderator = await a.enter_as("moderator")
    await moderator.join()
    said: list[Any] = []
    a.node.readers[Kind.MODERATION] = lambda record: said.append(acts.unpack(record))
    await moderator.ask("mute", session=bob.session, reason="noise")
    await eventually(lambda: len(said) == 2)
    (deed,) = [one for one in said if isinstance(one, acts.Deed)]
    assert (deed.action, deed.by.user, deed.reason, deed.node) == ("mute", "mod", "noise", "n2")
    (verdict,) = [one for one in said if isinstance(one, Verdict)]
    assert verdict.act == deed.act


# Many in one request.


async def test_many_sessions_are_acted_on_by_one_request_with_one_answer(serve: Serving) -> None:
    a, b = await pair(serve)
    here = await a.members(*(f"A{number}" for number in range(FEW + 2)))
    there = await b.members(*(f"B{number}" for number in range(FEW + 2)))
    moderator = await a.enter_as("moderator")
    await moderator.join()
    await eventually(lambda: len(a.node.presence.present) == len(here) + len(there) + 1)
    everybody = [*here, *there]
    sessions = [guest.session for guest in everybody]
    done = await moderator.ask("mute", sessions=[*sessions, "nobody", sessions[0]])
    outcomes = {result["session"]: (result["node"], result["outcome"]) for result in done["results"]}
    assert len(done["results"]) == len(sessions) + 1
    assert outcomes == {
        **{guest.session: ("n1", "done") for guest in here},
        **{guest.session: ("n2", "done") for guest in there},
        "nobody": ("n1", "gone"),
    }
    for guest in everybody:
        assert (await guest.next("moderated"))["action"] == "mute"
    done = await moderator.ask("kick", sessions=sessions, room="lobby")
    assert {result["outcome"] for result in done["results"]} == {"done"}
    for guest in everybody:
        assert (await guest.next("left"))["reason"] == "kicked"


async def test_many_users_are_acted_on(served: Served) -> None:
    for user in ("bob", "cid"):
        await back_in(served, user)
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", users=["bob", "cid", "nobody"])
    assert sorted(result["outcome"] for result in done["results"]) == ["done", "done", "gone"]
    assert [result["user"] for result in done["results"] if result["outcome"] == "gone"] == ["nobody"]
    assert (await moderator.ask("kick", users=["bob", "cid", "nobody"]))["code"] == "not_found"


async def test_one_of_a_higher_role_among_many_and_nobody_is_acted_on(served: Served) -> None:
    (bob,) = await served.members("Bob")
    admin = await served.enter_as("admin", user="boss")
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("kick", sessions=[bob.session, admin.session])
    assert error["code"] == "forbidden"
    assert "boss" in error["message"]
    await bob.say("still here")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"sessions": []}, "sessions"),
        ({"users": ["u"] * (TARGETS + 1)}, "users"),
        ({"sessions": "s"}, "sessions"),
        ({"sessions": [5]}, "sessions"),
        ({"sessions": ["s"], "session": "s"}, None),
        ({"sessions": ["s"], "users": ["u"]}, None),
    ],
)
async def test_another_list_is_a_bad_request(served: Served, fields: dict[str, Any], named: str | None) -> None:
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("kick", **fields)
    assert error["code"] == "bad_request"
    assert named is None or error["field"] == named


async def test_while_many_are_acted_on_others_are_served(served: Served) -> None:
    """It gives the loop away in between: what came of them all is known at the end."""
    guests = await served.members(*(f"G{number}" for number in range(40)))
    order = Kick(by=BY, id="x", room="lobby", sessions=tuple(guest.session for guest in guests))
    body = served.node.on_call("ff" * 8, acts.pack_act(order))
    assert not isinstance(body, bytes)
    outcomes = acts.unpack_outcomes(await body)
    assert [outcome.session for outcome in outcomes] == list(order.sessions)
    assert outcomes[0] == Outcome(session=guests[0].session, node="n1", outcome="done", ms=0)


async def test_what_a_request_had_not_done_yet_when_its_node_died_is_done_by_the_same_request(served: Served) -> None:
    """The kick is in the log of who did it; that its user is kept out is still to be decided."""
    node = served.node
    kicked = Outcome(session="gone", node="n2", outcome="done", ms=0)
    node.moderation.execution.memory.did("x", kicked, "bob", served.clock.now())
    act = Kick(by=BY, id="x", room=None, block=60)
    (outcome,) = await node.moderation.order(act, Whom(users=("bob",)))
    assert (outcome.session, outcome.node, outcome.outcome) == ("gone", "n2", "done")
    assert isinstance(outcome.ban, str)
    assert node.exclusion.find(outcome.ban).ban.user == "bob"
