"""A session goes on at another node, whatever became of its own (protocol.md section 8), in one process."""

from __future__ import annotations

from typing import Any

from bus.interface import PeerState
from server.keyring import FILE
from server.resumption import Resumption
from server.session import Role, Seat, SessionRecord
from tests.bus.ear import eventually
from tests.guest import FIRST, Guest, frame
from tests.nodes import Served, Serving, token


async def pair(serve: Serving, **options: Any) -> tuple[Served, Served]:
    a, b = await serve(address="m:a", **options), await serve("m:a", address="m:b", **options)
    await eventually(lambda: all(served.node.synced and served.node.cards.urls_of_others() for served in (a, b)))
    return a, b


async def talk(a: Served, b: Served) -> tuple[Guest, Guest]:
    """Ann on a and Bob on b, who know of each other."""
    (ann,) = await a.members("Ann")
    (bob,) = await b.members("Bob")
    await ann.take(lambda event: isinstance(event, dict) and event["type"] == "member_joined")
    return ann, bob


def power_off(serve: Serving, served: Served) -> None:
    """The machine of a node dies: nobody hears of it any more."""
    serve.network.buses[served.node.bus.address].vanish()


async def test_a_session_goes_on_at_another_node_and_its_older_socket_is_closed(serve: Serving) -> None:
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    again = await a.back(bob)
    assert again.welcome["node"] == "n1"
    assert (await bob.closed())[0] == 4409
    updated = await ann.next("member_updated")
    assert (updated["state"], updated["node"]) == ("online", "n1")
    await again.say("from a")
    await ann.next("message", text="from a")
    assert b.node.conversations == {}
    assert not b.node.rooms["lobby"].outboxes
    await ann.settle()
    assert not {"member_left", "member_joined"} & {event["type"] for event in ann.unread if isinstance(event, dict)}


async def test_who_comes_from_another_node_does_not_hear_what_he_said_there(serve: Serving) -> None:
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    bob = await a.back(bob)
    mine, hers = (
        frame(a.node.presence.present[guest.session].seats[0].ssrc, flags=FIRST, packet=b"late")
        for guest in (bob, ann)
    )
    for late in (mine, hers):
        b.node.bus.cast(b.node.rooms["lobby"].topic, late)
    assert await bob.voice() == hers
    assert await ann.voice() == mine
    await bob.ask("leave", room="lobby")
    assert not a.node.rooms["lobby"].returned


async def test_a_session_goes_on_though_its_node_has_died(serve: Serving) -> None:
    """Its texts come once and in order; its ssrc, its mute and the time of its joining are the same."""
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    before = a.node.presence.present[bob.session].seats
    await bob.say("one")
    await ann.say("two")
    await bob.next("message", text="two")
    power_off(serve, b)
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    await ann.say("three")
    bob = await a.back(bob)
    assert a.node.presence.present[bob.session].seats == before
    assert bob.welcome["recovered"] is True
    assert [event["text"] for event in bob.seen("message")] == ["three"]
    await ann.next("member_updated", session=bob.session, state="online", node="n1")
    await bob.send_raw(frame(before[0].ssrc, flags=FIRST))
    assert (await ann.voice())[4:8] == before[0].ssrc.to_bytes(4, "big")
    await bob.say("four")
    assert [(await ann.next("message"))["text"] for _ in range(2)] == ["one", "four"]
    await ann.settle()
    assert not ann.seen("member_left")
    assert not ann.seen("member_joined")


async def test_the_lowest_node_says_once_that_the_sessions_of_a_dead_one_are_lost(serve: Serving) -> None:
    a, b = await pair(serve, lost_seconds=2)
    c = await serve("m:a", address="m:c", lost_seconds=2)
    await eventually(lambda: len(c.node.cards.urls_of_others()) == 2)
    ann, bob = await talk(a, b)
    (cid,) = await c.members("Cid")
    power_off(serve, b)
    for guest in (ann, cid):
        await guest.next("member_updated", session=bob.session, state="reconnecting")
    c.wait(10)
    await cid.settle()
    assert not cid.seen("member_left"), "it is not the lowest"
    a.wait(3)
    for guest in (ann, cid):
        assert (await guest.next("member_left", session=bob.session))["reason"] == "lost"
    a.wait(3)
    c.wait(3)
    for guest in (ann, cid):
        await guest.settle()
        assert not guest.seen("member_left")
    bob = await c.back(bob)
    assert [room["room"] for room in bob.welcome["rooms"]] == ["lobby"]
    for guest in (ann, cid):
        await guest.take(lambda event: isinstance(event, dict) and event["type"] == "member_joined")


async def test_who_is_out_of_reach_for_one_node_and_not_for_another_is_not_given_up(serve: Serving) -> None:
    """The link between a and b is cut, and c has both."""
    a, b = await pair(serve, lost_seconds=1, resume_seconds=2)
    c = await serve("m:a", address="m:c", lost_seconds=1)
    await eventually(lambda: all(len(served.node.cards.urls_of_others()) == 2 for served in (a, c)))
    ann, bob = await talk(a, b)
    a.node.tell(a.node.presence.lose(b.node.bus.origin))
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    for _ in range(5):
        a.wait(2)
        await ann.settle()
    assert not ann.seen("member_left")
    power_off(serve, b)
    await eventually(lambda: bob.session in c.node.presence.reconnecting)

    def is_given_up() -> bool:
        a.wait(6)
        return bob.session not in a.node.presence.present

    await eventually(is_given_up)
    await ann.next("member_left", reason="lost")


async def test_who_came_with_an_old_log_and_is_known_to_nobody_else_is_given_up_in_the_end(serve: Serving) -> None:
    """The lowest node has forgotten that the session ended long ago, and so does not say it again."""
    a, b = await pair(serve, lost_seconds=1, resume_seconds=5)
    gone = SessionRecord("s_old", "old", "Old", Role.USER, "f" * 16, "f", 1, 0, "", "::1", (Seat("attic", 9, 0, 1),))
    b.node.tell(b.node.presence.merge("f" * 16 + ".1", gone, lamport=1))
    assert b.node.presence.is_reconnecting("s_old")
    b.wait(20)
    assert b.node.presence.is_reconnecting("s_old")

    def has_ended() -> bool:
        b.wait(3)
        return b.node.presence.has_ended("s_old")

    await eventually(has_ended)
    await eventually(lambda: a.node.presence.has_ended("s_old"))


async def test_a_moderator_reaches_a_session_whose_node_has_died(serve: Serving) -> None:
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    moderator = await a.enter_as("moderator")
    power_off(serve, b)
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    done = await moderator.ask("mute", session=bob.session, room="lobby", seconds=60)
    assert (done["results"][0]["outcome"], done["results"][0]["node"]) == ("done", "n1")
    await ann.next("member_updated", session=bob.session, muted=True)
    bob = await a.back(bob)
    assert (await bob.ask("say", room="lobby", text="x"))["code"] == "muted"
    a.advance(61)
    await bob.next("moderated", action="unmute")
    await bob.say("at last")


async def test_the_time_of_a_mute_goes_on_at_the_node_that_takes_the_session_over(serve: Serving) -> None:
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    moderator = await a.enter_as("moderator")
    await moderator.ask("mute", session=bob.session, seconds=60)
    await ann.next("member_updated", session=bob.session, muted=True)
    power_off(serve, b)
    bob = await a.back(bob)
    assert (await bob.ask("say", room="lobby", text="x"))["code"] == "muted"
    a.advance(61)
    await ann.next("member_updated", session=bob.session, muted=False)


async def test_who_was_kicked_at_one_node_is_out_at_all(serve: Serving) -> None:
    a, b = await pair(serve)
    _ann, bob = await talk(a, b)
    moderator = await a.enter_as("moderator")
    assert (await moderator.ask("kick", session=bob.session))["results"][0]["node"] == "n2"
    assert (await bob.closed())[0] == 4403
    await eventually(lambda: a.node.presence.has_ended(bob.session))
    for served in (a, b):
        back = await served.connect()
        await back.send("hello", resume=bob.token, cursors=bob.cursors)
        assert (await back.closed())[0] == 4410


async def test_a_session_of_which_no_node_knows_is_taken_at_its_clients_word(serve: Serving) -> None:
    """All nodes were started again: the same key, and nothing else."""
    a, b = await pair(serve)
    _ann, bob = await talk(a, b)
    new = await serve(address="m:x")
    seen = await new.enter("Seen")
    await seen.join("lobby")
    back = await new.back(bob, rooms=["lobby", "other"], n=7)
    welcome = back.welcome
    assert (welcome["session"], welcome["user"], welcome["name"]) == (bob.session, bob.welcome["user"], "Bob")
    assert (welcome["recovered"], welcome["gaps"]) == (False, ["lobby", "other"])
    assert [room["room"] for room in welcome["rooms"]] == ["lobby", "other"]
    assert [member["name"] for member in welcome["rooms"][0]["members"]] == ["Seen", "Bob"]
    assert (await seen.next("member_joined"))["member"]["session"] == bob.session
    assert (await back.ask("say", id="c-1", room="lobby", text="resent"))["type"] == "sent"
    assert (await seen.next("message"))["text"] == "resent"
    assert not back.seen("gap")
    again = await new.back(back, rooms=["elsewhere"], n=8)
    assert (again.welcome["recovered"], [room["room"] for room in again.welcome["rooms"]]) == (
        True,
        ["lobby", "other"],
    )


async def test_a_session_that_was_taken_for_lost_by_the_other_side_of_a_cut_is_here_after_all(serve: Serving) -> None:
    a, b = await pair(serve, lost_seconds=1, resume_seconds=3)
    ann, bob = await talk(a, b)
    record = a.node.presence.present[bob.session]
    a.node.custody.write(record.given_up())
    assert (await ann.next("member_left"))["reason"] == "lost"
    assert (await ann.next("member_joined"))["member"]["session"] == bob.session
    a.node.custody.write(a.node.presence.present[bob.session].over("lost"))
    assert (await ann.next("member_left"))["reason"] == "lost"
    assert (await ann.next("member_joined"))["member"]["session"] == bob.session
    assert bob.socket.close_code is None
    await bob.settle()
    assert not {"member_left", "member_joined", "left"} & {e["type"] for e in bob.unread if isinstance(e, dict)}


async def test_nodes_share_the_keys_of_resume_tokens_and_keep_them(serve: Serving) -> None:
    a = await serve(address="m:a")
    first = a.node.keyring.tokens.secrets
    assert a.node.config.data_dir.joinpath(FILE).stat().st_mode & 0o077 == 0
    a.node.config.data_dir.joinpath(FILE).unlink()
    b = await serve("m:a", address="m:b")
    assert b.node.keyring.tokens.secrets != first
    await eventually(
        lambda: (
            len(a.node.keyring.tokens.secrets) == 2 and a.node.keyring.tokens.secrets == b.node.keyring.tokens.secrets
        )
    )
    ann = await a.enter("Ann")
    assert (await b.back(ann)).session == ann.session
    c = await serve(address="m:c")
    assert c.node.keyring.tokens.secrets == a.node.keyring.tokens.secrets


async def test_a_node_that_has_just_begun_reads_tokens_of_keys_that_it_is_not_told_yet(serve: Serving) -> None:
    a = await serve(address="m:a")
    ann, bob = await a.members("Ann", "Bob")
    bob.vanish()
    await ann.next("member_updated")
    await ann.say("missed")
    a.node.config.data_dir.joinpath(FILE).unlink()
    b = await serve("m:a", address="m:b")
    assert b.node.keyring.tokens.lacks_key_of(bob.token)
    back = await b.connect()
    await back.send("hello", id=1, resume=bob.token, cursors=bob.cursors, rooms=["a/b"])
    await back.send("hello", id=2, resume=bob.token, cursors=bob.cursors)
    await back.send("say", id=3, room="lobby", text="here")
    stranger = await b.connect()
    foreign = Resumption([b"?" * 32]).issue(a.node.presence.present[ann.session], expires=2**40)
    await stranger.send("hello", resume=foreign, cursors={})
    assert (await back.next("error", id=1))["field"] == "rooms"
    assert (await back.next("welcome", id=2))["recovered"] is True
    assert (await back.next("message"))["text"] == "missed"
    await back.next("live")
    await back.next("sent", id=3)
    assert (await stranger.next("error"))["code"] == "unauthorized"
    assert (await stranger.closed())[0] == 4410


async def test_a_node_that_says_goodbye_leaves_its_sessions_reconnecting(serve: Serving) -> None:
    a, b = await pair(serve)
    ann, bob = await talk(a, b)
    await b.gateway.drain(0)
    await b.node.stop()
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    await eventually(lambda: a.node.cards.state_of(b.node.node_id) in (None, PeerState.DOWN))
    bob = await a.back(bob)
    await ann.next("member_updated", session=bob.session, state="online", node="n1")
    assert not ann.seen("member_left")


async def test_a_moderator_stays_limited_to_rooms_wherever_it_resumes(serve: Serving) -> None:
    a, b = await pair(serve)
    mo = await a.enter(None, token=token("moderator", user="mo", rooms=("lobby", "team-*")))
    assert mo.welcome["scope"] == ["lobby", "team-*"]
    await mo.join()

    def scopes() -> set[object]:
        return {each.node.presence.present[mo.session].scope for each in (a, b)}

    await eventually(lambda: mo.session in b.node.presence.present)
    assert scopes() == {("lobby", "team-*")}
    mo = await b.back(mo)
    await eventually(lambda: a.node.presence.present[mo.session].node_name == "n2")
    assert scopes() == {("lobby", "team-*")}
    mo = await a.back(mo, token=token("moderator", user="mo", rooms=("lobby",)))
    await eventually(lambda: b.node.presence.present[mo.session].node_name == "n1")
    assert scopes() == {("lobby",)}
    mo = await b.back(mo, token=token("moderator", user="mo"))
    await eventually(lambda: a.node.presence.present[mo.session].node_name == "n2")
    assert scopes() == {None}
    assert "scope" not in mo.welcome


async def test_a_moderator_stays_limited_to_rooms_where_nobody_knows_the_session(serve: Serving) -> None:
    a = await serve(address="a")
    mo = await a.enter(None, token=token("moderator", user="mo", rooms=("team-*",)))
    await a.gateway.drain(0)
    await a.node.stop()
    b = await serve(address="b")
    b.node.keyring.tokens.learn(a.node.keyring.tokens.secrets)
    mo = await b.back(mo)
    record = b.node.presence.present[mo.session]
    assert (record.role, record.scope) == ("moderator", ("team-*",))


async def test_a_token_gives_the_role_and_must_be_of_the_same_user(serve: Serving) -> None:
    a, b = await pair(serve)
    (watcher,) = await a.members("Watcher")
    ann = await a.enter(None, token=token("user", user="ann"))
    await ann.join()
    again = await b.back(ann, token=token("moderator", user="ann"))
    assert again.welcome["role"] == "moderator"
    assert (await watcher.next("member_updated", state="online"))["role"] == "moderator"
    other = await a.connect()
    await other.send("hello", id=1, resume=again.token, cursors={}, token=token("admin", user="eve"))
    assert (await other.next("error"))["code"] == "unauthorized"
    assert (await other.closed())[0] == 4401
    assert (await again.ask("list", what="sessions"))["type"] == "listed"


async def test_two_sockets_that_race_for_one_session_leave_one(serve: Serving) -> None:
    a, b = await pair(serve)
    ann = await a.enter("Ann", n=1)
    await ann.join()
    await eventually(lambda: ann.session in b.node.presence.present)
    one, other = await a.connect(), await b.connect()
    for guest, n in ((one, 5), (other, 6)):
        await guest.send("hello", resume=ann.token, cursors=ann.cursors, n=n)
    assert (await one.closed())[0] == 4409
    await other.next("live")
    await eventually(lambda: a.node.presence.known(ann.session) == b.node.presence.known(ann.session))
    assert (list(a.node.conversations), list(b.node.conversations)) == ([], [ann.session])
