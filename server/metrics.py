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
