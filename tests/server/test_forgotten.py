"""What a node says of others when they are gone, and what it lets go of (bus.interface.Listener)."""

from __future__ import annotations

from bus.interface import PeerState
from bus.keys import Identity
from bus.record import Kind
from server.events import NodeChanged
from tests.bus.ear import Ear, eventually
from tests.nodes import Serving


async def test_a_life_that_the_bus_forgot_leaves_nothing(serve: Serving) -> None:
    a = await serve(address="m:a")
    b = await serve("m:a", address="m:b")
    ann = await a.enter("Ann")
    await ann.join()
    bob = await b.enter("Bob")
    await bob.join()
    await ann.next("member_joined")
    origin = b.node.bus.origin
    await b.node.bus.stop()
    await ann.next("member_updated", state="reconnecting")
    assert origin in a.node.feeds.timeline.worked
    a.node.on_forgotten(origin)
    assert origin not in a.node.feeds.timeline.worked
    await ann.next("member_left", session=bob.session)
    a.node.on_forgotten(origin)


async def test_a_peer_that_died_is_shown_as_down_until_it_is_forgotten(serve: Serving) -> None:
    a = await serve(address="m:a")
    stranger = serve.network.bus(Identity("f" * 16, 1), address="m:s", peers=["m:a"])
    ear = Ear()
    await stranger.start(ear)
    await eventually(lambda: a.node.cards.state_of(stranger.node) is PeerState.UP)
    stranger.vanish()
    await eventually(lambda: a.node.cards.state_of(stranger.node) is PeerState.SUSPECT)
    told: list[object] = []
    a.node.watch(told.append)
    a.node.on_forgotten("f" * 16 + ".0")  # a former life; the row is of the present one
    assert stranger.node in a.node.cards.peers
    a.node.on_forgotten(stranger.origin)
    assert stranger.node not in a.node.cards.peers
    assert NodeChanged(stranger.node) in told


async def test_the_record_of_a_session_that_ended_is_its_last(serve: Serving) -> None:
    a = await serve(address="m:a")
    witness = serve.network.bus(Identity("f" * 16, 1), address="m:w", peers=["m:a"])
    ear = Ear()
    await witness.start(ear)
    try:
        await ear.until(lambda: a.node.node_id in ear.up())
        ann = await a.enter("Ann")
        await ann.join()
        await ann.leave_for_good()
        await ear.until(lambda: bool(ear.records) and ear.records[-1][0].last)
        records = [record for record, _ in ear.records if record.kind is Kind.SESSION]
        assert [record.last for record in records] == [False, False, True]
    finally:
        await witness.stop()
