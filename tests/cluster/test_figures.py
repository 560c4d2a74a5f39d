"""What a node says of the copying to and from its peers (`/metrics`)."""

from __future__ import annotations

import asyncio
import re
import urllib.request

from tests.cluster.nodes import Cluster, Node, eventually


async def figures(node: Node, name: str) -> dict[str, float]:
    """One figure of every peer."""
    url = str(node.process.ready["http"]) + "metrics"

    def fetch() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    text = await asyncio.to_thread(fetch)
    found = re.findall(rf'^switchboard_peer_{name}\{{peer="([^"]+)"\}} (\S+)$', text, flags=re.M)
    return {peer: float(value) for peer, value in found}


async def test_lag_rises_while_a_peer_hangs_and_the_repair_is_counted_when_it_is_back(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    assert (await ann.say("before"))["copies"] == 2

    async def measured() -> bool:
        return set(await figures(a, "round_trip_seconds")) == {"b"}

    await eventually(measured)
    await b.stop()
    for number in range(5):
        await ann.send("say", id=f"x{number}", room="lobby", text="during")

    async def lags() -> bool:
        return (await figures(a, "lag_records"))["b"] >= 5 and (await figures(a, "unconfirmed_seconds"))["b"] > 0.5

    await eventually(lags)
    b.go_on()
    for _ in range(5):
        await bob.next("message", text="during")

    async def level() -> bool:
        return (await figures(a, "lag_records"))["b"] == 0 == (await figures(a, "unconfirmed_seconds"))["b"]

    await eventually(level)
    assert await figures(b, "refused_packets_total") == {"a": 0.0}
