"""A life that meets a newer one of its own node says nothing more."""

from __future__ import annotations

from bus.effects import Fenced, Send
from bus.packets import Digest, Outlived, Records
from bus.record import Kind
from bus.replica import Replica
from tests.bus.test_replica import ME, OTHER, PEER, hello, replica, said, text

NEWER, OLDER = f"{1:016x}.2", f"{1:016x}.0"


def fenced(node: Replica) -> bool:
    effects = node.turn(1.0)
    return effects == [Fenced(NEWER)] and node.fenced


def test_the_newer_itself_fences() -> None:
    node = replica()
    node.receive(Digest(NEWER, "h:9", (), {}, [], {}, b""), 1.0)
    assert fenced(node)


def test_so_does_who_hears_the_newer() -> None:
    node = replica()
    node.receive(Digest(PEER, "h:2", (), {}, [ME, NEWER], {}, b""), 1.0)
    assert fenced(node)


def test_so_does_who_has_met_the_newer() -> None:
    node = replica()
    node.receive(Outlived(PEER, NEWER), 1.0)
    assert fenced(node)


def test_who_is_fenced_says_and_hears_nothing_more() -> None:
    node = replica()
    node.receive(Outlived(PEER, NEWER), 1.0)
    node.turn(1.0)
    node.append(Kind.TEXT, b"anybody?")
    node.receive(Records(PEER, [text(PEER, 1)]), 1.0)
    for _ in range(20):
        node.tick(1.0)
    assert node.turn(1.0) == []
    assert PEER not in node.logs


def test_an_older_life_and_other_nodes_do_not() -> None:
    node = replica()
    node.receive(Digest(OLDER, "h:9", (), {}, [], {}, b""), 1.0)
    node.receive(Outlived(PEER, OLDER), 1.0)
    node.receive(Outlived(PEER, f"{3:016x}.99"), 1.0)
    node.receive(Digest(PEER, "h:2", (), {}, [ME, OTHER], {}, b""), 1.0)
    node.turn(1.0)
    assert not node.fenced


def test_an_older_life_of_a_peer_that_lives_is_told_so_now_and_then() -> None:
    node = replica()
    newer = f"{2:016x}.7"
    node.receive(Digest(newer, "h:3", (), {}, [ME], {}, b""), 1.0)
    node.turn(1.0)
    told = []
    for step in range(10):
        node.receive(hello(), 1.0 + step / 10)
        told += [effect for effect in node.turn(1.0) if effect == Send(None, Outlived(ME, newer))]
    assert 3 <= len(told) <= 5
    assert said([*told])[0] == Outlived(ME, newer)
