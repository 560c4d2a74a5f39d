"""What `/metrics` shows: the counters of a node in Prometheus' text form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from server.node import Node

CONTENT_TYPE = CONTENT_TYPE_LATEST


class NodeMetrics(Collector):
    """Reads a node when it is asked, so that counting costs an addition and nothing more."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics as they are now."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        node = self._node
        yield GaugeMetricFamily("switchboard_sessions", "Sessions on this node", value=len(node.conversations))
        yield GaugeMetricFamily("switchboard_rooms", "Rooms in the cluster", value=len(node.rooms))
        yield GaugeMetricFamily(
            "switchboard_loop_lag_seconds",
            "How late the event loop was in the last second, at worst",
            value=node.cards.loop_lag,
        )
        received = CounterMetricFamily("switchboard_received", "Messages from clients", labels=["kind"])
        received.add_metric(["text"], node.counters.received_text)
        received.add_metric(["voice"], node.counters.received_voice)
        yield received
        sent = CounterMetricFamily("switchboard_deliveries", "Messages to clients", labels=["kind"])
        sent.add_metric(["text"], node.counters.sent_text)
        sent.add_metric(["voice"], node.counters.sent_voice)
        yield sent
        dropped = CounterMetricFamily("switchboard_voice_dropped", "Voice frames dropped", labels=["reason"])
        for reason, count in sorted(node.counters.voice_dropped.items()):
            dropped.add_metric([reason], count)
        yield dropped
        acts = CounterMetricFamily(
            "switchboard_moderations", "Acts of moderators on sessions here", labels=["action"]
        )
        for action, count in sorted(node.counters.moderated.items()):
            acts.add_metric([action], count)
        yield acts
        states = {"up": 1, "suspect": 0, "down": 0}
        for peer, _ in node.cards.peers.values():
            states[peer.state.value] += 1
        nodes = GaugeMetricFamily("switchboard_nodes", "Nodes known, by state", labels=["state"])
        for state, count in states.items():
            nodes.add_metric([state], count)
        yield nodes
        yield from self._copying()

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
        trips = {peer.node: peer.round_trip for peer in node.bus.peers()}
        for peer, figures in sorted(node.bus.figures().items()):
            name = [node.cards.name_of(peer)]
            lag.add_metric(name, figures.lag)
            behind.add_metric(name, figures.behind)
            unconfirmed.add_metric(name, figures.unconfirmed)
            repaired.add_metric(name, figures.repaired)
            given.add_metric(name, figures.given)
            refused.add_metric(name, figures.refused)
            if (round_trip := trips.get(peer)) is not None:
                trip.add_metric(name, round_trip)
        yield from (lag, behind, unconfirmed, trip, repaired, given, refused)
