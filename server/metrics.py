"""What `/metrics` shows: the counters of a node in Prometheus' text form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bus.interface import Peer
from server.copying import Part
from server.entrance import Entrance, Refusal
from server.interruptions import totals

if TYPE_CHECKING:
    from server.node import Node

CONTENT_TYPE = CONTENT_TYPE_LATEST


class NodeMetrics(Collector):
    """Reads a node when it is asked, so that counting costs an addition and nothing more."""

    def __init__(self, node: Node, entrance: Entrance[Any]) -> None:
        self._node = node
        self._entrance = entrance
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics as they are now."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        node = self._node
        yield GaugeMetricFamily("switchboard_sessions", "Sessions on this node", value=len(node.conversations))
        yield GaugeMetricFamily(
            "switchboard_draining",
            "1 while the node takes no sessions and hands its own to others",
            value=node.draining,
        )
        yield GaugeMetricFamily("switchboard_rooms", "Rooms in the cluster", value=len(node.rooms))
        yield GaugeMetricFamily(
            "switchboard_loop_lag_seconds",
            "How late the event loop was in the last second, at worst",
            value=node.cards.loop_lag,
        )
        counters = node.counters
        received = {"text": counters.received_text, "voice": counters.received_voice}
        yield _counters("switchboard_received", "Messages from clients", "kind", received)
        sent = {"text": counters.sent_text, "voice": counters.sent_voice}
        yield _counters("switchboard_deliveries", "Messages to clients", "kind", sent)
        yield from self._refusing()
        strangers = {why.name.lower(): count for why, count in sorted(node.bus.refused_connections.items())}
        yield _counters(
            "switchboard_mesh_refused", "Connections that the mesh refused, or was refused", "reason", strangers
        )
        dropped = {**counters.voice_dropped, "late": counters.voice_dropped["late"] + node.bus.stale}
        yield _counters("switchboard_voice_dropped", "Voice frames dropped", "reason", dict(sorted(dropped.items())))
        acts = dict(sorted(counters.moderated.items()))
        yield _counters("switchboard_moderations", "Acts of moderators on sessions here", "action", acts)
        states = {"up": 1, "suspect": 0, "down": 0}
        for peer, _ in node.cards.peers.values():
            states[peer.state.value] += 1
        reports = GaugeMetricFamily("switchboard_reports", "Reports in the inbox, by state", labels=["state"])
        for kind, count in node.reports.count().items():
            reports.add_metric([kind], count)
        yield reports
        nodes = GaugeMetricFamily("switchboard_nodes", "Nodes known, by state", labels=["state"])
        for state, count in states.items():
            nodes.add_metric([state], count)
        yield nodes
        if (certificate := node.exposure.certificate) is not None:
            yield GaugeMetricFamily(
                "switchboard_tls_certificate_expiry_seconds",
                "Until the certificate of this node expires; below 0 since then",
                value=(certificate.expires - node.clock.wall_ms()) / 1000,
            )
        yield from self._storing()
        yield from self._resuming()
        yield from self._copying()

    def _storing(self) -> Iterator[Metric]:
        """How the store stands, where there is one."""
        store = self._node.store
        if store is None:
            return
        state = store.state
        yield GaugeMetricFamily(
            "switchboard_store_failing", "1 while nothing can be written to the store", value=bool(state.failing)
        )
        yield GaugeMetricFamily("switchboard_store_waiting", "Rows that are not written yet", value=state.waiting)
        yield CounterMetricFamily("switchboard_store_written", "Rows written to the store", value=state.written)
        yield CounterMetricFamily(
            "switchboard_store_dropped", "Texts that the store could not keep up with", value=state.dropped
        )

    def _refusing(self) -> Iterator[Metric]:
        """Who and what is turned away."""
        counters, entrance = self._node.counters, self._entrance
        yield GaugeMetricFamily("switchboard_connections", "Connections of clients", value=len(entrance))
        yield GaugeMetricFamily(
            "switchboard_handshakes", "Those of them that have not said what they want", value=entrance.unheard
        )
        away = {reason.value: entrance.refused[reason] for reason in Refusal}
        yield _counters("switchboard_connections_refused", "Connections that were turned away", "reason", away)
        refused = dict(sorted(counters.refused.items()))
        yield _counters("switchboard_refused", "Requests that were refused", "code", refused)
        limits = ("session", "user", "address", "room", "repeats", "messages", "pace", "passwords")
        limited = {limit: counters.limited[limit] for limit in limits}
        yield _counters("switchboard_limited", "Requests over a limit, by which", "limit", limited)

    def _resuming(self) -> Iterator[Metric]:
        """How sessions go on whose node was lost; each by the node at which it does, so that nodes add up."""
        known, presence = self._node.interruptions, self._node.presence
        resumes = {kind: self._node.counters.resumed[kind] for kind in ("here", "moved", "unknown")}
        yield _counters("switchboard_resumes", "Sessions that were resumed here", "kind", resumes)
        yield GaugeMetricFamily(
            "switchboard_sessions_reconnecting",
            "Sessions of the cluster without a connection, that may resume",
            value=len(presence.reconnecting),
        )
        yield HistogramMetricFamily(
            "switchboard_resume_speaking_seconds",
            "From the last word of a lost node on somebody who spoke to the first frame here, to 0.2 s",
            buckets=totals(known.buckets),
            sum_value=known.seconds,
        )

    def _copying(self) -> Iterator[Metric]:
        """How the copying of the logs to and from each peer goes."""
        node, label = self._node, ["peer"]
        lag = GaugeMetricFamily("switchboard_peer_lag_records", "Records held here and not by the peer", labels=label)
        behind = GaugeMetricFamily(
            "switchboard_peer_behind_records", "Records held by the peer and not here", labels=label
        )
        unconfirmed = GaugeMetricFamily(
            "switchboard_peer_unconfirmed_seconds",
            "Since the oldest own record it has not acknowledged",
            labels=label,
        )
        trip = GaugeMetricFamily("switchboard_peer_round_trip_seconds", "Round trip to the peer", labels=label)
        repaired = CounterMetricFamily(
            "switchboard_peer_repaired_records", "Records of the peer that closed a gap here", labels=label
        )
        given = CounterMetricFamily("switchboard_peer_given_records", "Records the peer asked for", labels=label)
        refused = CounterMetricFamily("switchboard_peer_refused_packets", "Packets that were refused", labels=label)
        queue = GaugeMetricFamily(
            "switchboard_peer_queue_records", "Own records it has not acknowledged", labels=label
        )
        gap = GaugeMetricFamily("switchboard_peer_gap_seconds", "Since the oldest of its gaps opened", labels=label)
        wants = GaugeMetricFamily("switchboard_peer_wanted_rooms", "Rooms of which it wants the voice", labels=label)
        state = GaugeMetricFamily(
            "switchboard_peer_state", "1 for the state in which the peer is", labels=["peer", "state"]
        )
        for peer, name, figures in self._peers():
            state.add_metric([name, peer.state.value], 1)
            lag.add_metric([name], figures.lag)
            behind.add_metric([name], figures.behind)
            queue.add_metric([name], figures.queue)
            unconfirmed.add_metric([name], figures.unconfirmed)
            gap.add_metric([name], node.copies.gaps.age(peer.node))
            repaired.add_metric([name], figures.repaired)
            given.add_metric([name], figures.given)
            refused.add_metric([name], figures.refused)
            if peer.round_trip is not None:
                trip.add_metric([name], peer.round_trip)
            if (wanted := node.cards.wanted_by(peer.node)) is not None:
                wants.add_metric([name], wanted)
        yield from (state, trip, lag, behind, queue, unconfirmed, gap, repaired, given, refused, wants)
        alarms = GaugeMetricFamily("switchboard_alarms", "What does not get better by itself", labels=["kind"])
        kinds = [alarm.kind for alarm in node.copies.gaps.alarms]
        for kind in ("gap", "queue"):
            alarms.add_metric([kind], kinds.count(kind))
        yield alarms

    def _peers(self) -> Iterator[tuple[Peer, str, Part]]:
        """Those that did not say goodbye, each with a name of its own, as they were looked at last."""
        node = self._node
        found = node.copies.parts
        peers = [peer for peer in node.bus.peers() if peer.node in found and not peer.left]
        names = Counter(node.cards.name_of(peer.node) for peer in peers)
        for peer in peers:
            name = node.cards.name_of(peer.node)
            yield peer, name if names[name] == 1 else f"{name} {peer.node}", found[peer.node]


def _counters(name: str, meaning: str, label: str, counts: Mapping[str, float]) -> CounterMetricFamily:
    """A counter for each value of a label."""
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
