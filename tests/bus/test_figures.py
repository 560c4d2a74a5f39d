"""What a node can say of the copying to and from each peer."""

from __future__ import annotations

from bus.figures import Ledger
from bus.interface import Figures, PeerState
from bus.packets import Ack, Bye, Digest, Fill, Records
from bus.record import Kind
from bus.replica import Replica
from tests.bus.test_replica import ME, OTHER, PEER, World, hello, replica, text


def figures_of(node: Replica, now: float) -> Figures:
    """How the copying to and from PEER goes."""
    found = node.holdings.figures(PEER.partition(".")[0], now)
    assert found is not None
    return found


def test_lag_is_what_the_peer_has_not_acknowledged_and_behind_what_it_holds_more() -> None:
    node = replica()
    for _ in range(3):
        node.append(Kind.TEXT, b"")
    node.turn(1.0)
    node.receive(Ack(PEER, ME, 1), 1.5)
    node.receive(hello({OTHER: (0, 7)}), 1.5)
    figures = figures_of(node, 3.0)
    assert (figures.lag, figures.behind, figures.queue, figures.unconfirmed) == (2, 7, 2, 2.0)
    node.receive(Ack(PEER, ME, 3), 3.0)
    assert figures_of(node, 3.0).unconfirmed == 0.0


def test_what_a_peer_that_is_down_lacks_grows_older() -> None:
    node = replica()
    node.receive(hello({}), 0.0)
    node.append(Kind.TEXT, b"")
    node.turn(1.0)
    for tick in range(200):
        node.tick(1.0 + tick)
    assert [node.membership.state(seen) for seen in node.membership.nodes.values()] == [PeerState.DOWN]
    figures = figures_of(node, 201.0)
    assert (figures.queue, figures.unconfirmed) == (1, 200.0)


def test_what_each_node_holds_is_told_of_all_who_did_not_say_goodbye() -> None:
    node = replica()
    node.append(Kind.TEXT, b"")
    node.receive(hello({OTHER: (0, 7), ME: (0, 1)}), 1.5)
    assert node.holdings.of(ME.partition(".")[0]) == {ME: 1}
    assert node.holdings.of(PEER.partition(".")[0]) == {OTHER: 7, ME: 1}
    assert node.holdings.of(OTHER.partition(".")[0]) is None
    node.receive(Bye(PEER), 2.0)
    assert node.holdings.of(PEER.partition(".")[0]) is None


def test_what_a_peer_wrote_itself_it_does_not_lack() -> None:
    node = replica()
    node.receive(hello({}), 1.0)
    node.receive(Digest(OTHER, "h:3", (), {}, [ME], {}, b""), 1.0)
    node.receive(Fill(OTHER, PEER, 0, 3, 0, 3, [text(PEER, seq) for seq in (1, 2, 3)]), 1.5)
    assert (figures_of(node, 2.0).lag, node.logs[PEER].high) == (0, 3)
    assert node.holdings.of(PEER.partition(".")[0]) == {PEER: 3}


def test_a_log_that_was_forgotten_here_is_not_behind() -> None:
    node = replica()
    node.receive(hello({OTHER: (0, 7)}), 1.5)
    node._dead.forget(OTHER, high=7)
    assert figures_of(node, 2.0).behind == 0
    assert node.holdings.of(PEER.partition(".")[0]) == {}


def test_what_was_repaired_given_and_refused_is_counted_by_peer() -> None:
    world = World(2)
    world.clock.advance(1)
    a, b = world.buses
    world.cut({0}, {1})
    for _ in range(5):
        a.append(Kind.TEXT, b"")
    world.clock.advance(1)
    world.heal()
    world.clock.advance(2)
    ours, theirs = a.figures(b.node), b.figures(a.node)
    assert ours is not None
    assert theirs is not None
    assert (ours.given, ours.lag, theirs.repaired, theirs.behind) == (5, 0, 5, 0)


def test_what_waited_behind_a_gap_was_not_repaired() -> None:
    node = replica()
    node.receive(hello({}), 1.0)
    node.receive(Records(PEER, [text(PEER, 1), text(PEER, 3), text(PEER, 4)]), 1.0)
    node.receive(Fill(PEER, PEER, 1, 2, 0, 4, [text(PEER, 2)]), 1.5)
    assert (node.logs[PEER].high, figures_of(node, 2.0).repaired) == (4, 1)


def test_a_packet_that_contradicts_itself_counts_for_its_sender() -> None:
    node = replica()
    node.receive(Records(PEER, [text(OTHER, 1)]), 1.0)
    node.receive(Fill(PEER, OTHER, 0, 1, 0, 1, [text(PEER, 1)]), 1.0)
    node.receive(Records(OTHER, []), 1.0)
    assert figures_of(node, 1.0) == Figures(lag=0, behind=0, queue=0, unconfirmed=0.0, repaired=0, given=0, refused=2)
    assert node.refused == 3


def test_the_times_of_what_all_hold_are_forgotten() -> None:
    ledger = Ledger()
    for turn in range(5):
        ledger.appended(10 * (turn + 1), float(turn))
    assert (ledger.unconfirmed_since(0), ledger.unconfirmed_since(10), ledger.unconfirmed_since(45)) == (
        0.0,
        1.0,
        4.0,
    )
    assert ledger.unconfirmed_since(50) is None
    ledger.confirmed(30)
    assert ledger.unconfirmed_since(0) == 3.0
