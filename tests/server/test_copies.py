"""How nodes watch the copying of their logs: figures of each peer, what others say, what needs a person."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial

import pytest

from bus.interface import Figures, Peer, PeerState
from bus.record import Kind, NodeId, Origin
from server.copies import TICK_STEPS
from server.copying import LOGS
from server.desk import Desk
from server.gaps import GROWTH
from server.metrics import NodeMetrics
from server.views import AlarmView
from tests.cluster.nodes import eventually
from tests.nodes import Served, Serving, deaf


def sees(desk: Desk, count: int) -> bool:
    """Whether so many nodes are up."""
    return sum(view.state == "up" for view in desk.nodes()) == count


async def met(serve: Serving, *names: str) -> list[Served]:
    """A cluster of nodes that hold each other to be up."""
    served = [await serve(*names[:1], address=name) for name in names]
    for desk in [Desk(one.node, "L") for one in served]:
        await eventually(partial(sees, desk, len(names)))
    return served


def alarms_after(served: Served, desk: Desk, seconds: int) -> list[AlarmView]:
    for _ in range(seconds):
        served.advance(1)
    return desk.alarms()


async def test_a_gap_that_stays_is_logged_once_and_is_an_alarm_until_it_closes(
    serve: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server.copies")
    a, b = await met(serve, "a", "b")
    desk = Desk(a.node, "Lena")
    deaf(b.node, monkeypatch)
    (ann,) = await a.members("Ann")
    for text in ("one", "two"):
        await ann.send("say", id=text, room="lobby", text=text)
    lacked = a.node.bus.held(a.node.bus.origin)
    await eventually(lambda: a.node.bus.held(a.node.bus.origin) > lacked)
    (alarm,) = alarms_after(a, desk, 5)
    assert (alarm.kind, alarm.name, alarm.log, alarm.here, alarm.silent) == ("gap", "n2", "n1", False, ())
    assert alarm.missing == (desk.copies() or [])[0].lag > 2
    alarms_after(a, desk, 3)
    assert [record.levelname for record in caplog.records if record.name == "server.copies"] == ["WARNING"]
    assert f"node n2 lacks {alarm.missing} records of log {a.node.bus.origin}" in caplog.text

    monkeypatch.undo()
    await eventually(lambda: (alarms_after(a, desk, 1), desk.alarms())[1] == [])
    assert [record.levelname for record in caplog.records if record.name == "server.copies"] == ["WARNING", "INFO"]
    assert (desk.copies() or [])[0].lag == 0


async def test_what_this_node_lacks_itself_is_an_alarm_too(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await met(serve, "a", "b")
    deaf(a.node, monkeypatch)
    await b.members("Bob")
    held = b.node.bus.held(b.node.bus.origin)
    await eventually(lambda: (a.node.bus.holdings(b.node.node_id) or {}).get(b.node.bus.origin) == held)
    (alarm,) = alarms_after(a, Desk(a.node, "Lena"), 5)
    assert (alarm.here, alarm.name, alarm.log, alarm.holders) == (True, "n1", "n2", ("n2",))


async def test_a_lag_is_told_with_the_log_in_which_it_is(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await met(serve, "a", "b")
    deaf(b.node, monkeypatch)
    await a.members("Ann")
    a.advance(1)
    (copy,) = Desk(a.node, "Lena").copies() or []
    (log,) = copy.logs
    assert (log.name, log.origin) == ("n1", a.node.bus.origin)
    assert log.high - log.held == copy.lag == copy.queue > 0
    assert copy.oldest > 0


async def test_a_queue_that_grows_is_an_alarm_with_how_much_waits(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await met(serve, "a", "b")
    desk = Desk(a.node, "Lena")
    deaf(b.node, monkeypatch)
    for _ in range(12):
        for _ in range(GROWTH // 4):
            a.node.bus.append(Kind.MODERATION, b"")
        a.advance(1)
    (queue,) = [alarm for alarm in desk.alarms() if alarm.kind == "queue"]
    assert (queue.name, queue.missing) == ("n2", 12 * (GROWTH // 4))
    monkeypatch.undo()
    await eventually(lambda: (alarms_after(a, desk, 1), desk.alarms())[1] == [])


async def test_other_nodes_tell_their_part_and_what_they_want_while_a_console_listens(serve: Serving) -> None:
    a, b, _ = await met(serve, "a", "b", "c")
    await b.members("Bob", room="den")
    desk = Desk(a.node, "Lena")
    other = b.node.node_id
    b.advance(1)
    assert desk.copies(other) is None
    assert desk.wants(other) is None
    end = desk.listen_to_copies()
    b.advance(1)
    await eventually(lambda: desk.copies(other) is not None)
    assert [copy.name for copy in desk.copies(other) or []] == ["n1", "n3"]
    wanted = desk.wants(other)
    assert wanted is not None
    assert (wanted.rooms, wanted.more) == (("den",), 0)
    end()
    a.advance(4)
    assert desk.copies(other) is None


async def test_a_look_at_many_logs_takes_many_ticks_and_little_of_each(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = await met(serve, "a")
    bus, copies = a.node.bus, a.node.copies
    peers = [Peer(f"{n:016x}", f"{n:016x}.1", PeerState.UP, f"h:{n}", 0.0, None, b"") for n in range(100, 124)]
    logs = [f"{number:016x}.1" for number in range(200, 1200)]
    asked: list[NodeId] = []

    def holdings(node: NodeId) -> Mapping[Origin, int]:
        asked.append(node)
        return {log: 1 + (at + len(asked)) % 24 for at, log in enumerate(logs)}

    none = Figures(lag=1, behind=0, queue=0, unconfirmed=0.0, repaired=0, given=0, refused=0)
    monkeypatch.setattr(bus, "peers", lambda: peers)
    monkeypatch.setattr(bus, "holdings", holdings)
    monkeypatch.setattr(bus, "figures", lambda node: none)
    copies.tick()
    copies.look(100.0)
    assert copies.parts == {}
    seen, ticks = 0, 0
    while not copies.parts:
        copies.tick()
        ticks += 1
        assert len(asked) - seen <= 1 + TICK_STEPS // len(logs)
        seen = len(asked)
    assert ticks >= len(peers) * len(logs) // TICK_STEPS
    copies.look(101.0)
    assert len(asked) == 1 + len(peers), "a look is finished before the next begins"
    assert len(copies.views()[0].logs) == LOGS


async def test_what_this_node_wants_itself_is_known(served: Served) -> None:
    await served.members("Ann", room="den")
    wanted = Desk(served.node, "Lena").wants(served.node.node_id)
    assert wanted is not None
    assert wanted.rooms == ("den",)


async def test_metrics_name_every_peer(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await met(serve, "a", "b")
    await b.members("Bob")
    b.advance(1)
    await eventually(lambda: a.node.cards.wanted_by(b.node.node_id) == 1)
    deaf(b.node, monkeypatch)
    await a.members("Ann")
    alarms_after(a, Desk(a.node, "Lena"), 5)
    text = NodeMetrics(a.node, a.gateway.entrance).text().decode()
    found = dict(re.findall(r"^(switchboard_(?:peer|alarms)\S+) (\S+)$", text, flags=re.M))
    lag = found['switchboard_peer_lag_records{peer="n2"}']
    assert float(lag) > 0
    assert found['switchboard_peer_queue_records{peer="n2"}'] == lag
    assert found['switchboard_peer_state{peer="n2",state="up"}'] == "1.0"
    assert float(found['switchboard_peer_gap_seconds{peer="n2"}']) >= 4
    assert found['switchboard_peer_wanted_rooms{peer="n2"}'] == "1.0"
    assert found['switchboard_alarms{kind="gap"}'] == "1.0"
    assert found['switchboard_alarms{kind="queue"}'] == "0.0"


async def test_peers_of_one_name_are_told_apart_in_metrics(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = await met(serve, "a", "b", "c")
    a.advance(1)
    monkeypatch.setattr(a.node.cards, "name_of", lambda node: "twin")
    found = re.findall(
        r'^switchboard_peer_refused_packets_total\{peer="([^"]+)"\}',
        NodeMetrics(a.node, a.gateway.entrance).text().decode(),
        flags=re.M,
    )
    assert sorted(found) == [f"twin {b.node.node_id}", f"twin {c.node.node_id}"]
