"""What stands between a node and strangers, as the window sees it: its key, given addresses, who was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from bus.interface import Refusal
from server import entrance
from server.views import MeshView, RefusalView, SoughtView

if TYPE_CHECKING:
    from server.node import Node

ANY = "what the mesh has keys for"
"""A purpose for which nothing is made: only their number is of interest."""


def mesh_view(node: Node) -> MeshView:
    """How it stands now."""
    bus = node.bus
    ago = node.clock.wall_ms() - node.clock.now() * 1000
    return MeshView(
        bus.fingerprint,
        len(bus.derived(ANY)) > 1,
        tuple(SoughtView(each.given, each.address, each.connected) for each in bus.sought()),
        tuple(_refusal(each, ago) for each in bus.refusals()),
        entrance.views(node.turned_away, now=node.clock.now(), wall_ms=node.clock.wall_ms()),
    )


def _refusal(refusal: Refusal, ago: float) -> RefusalView:
    reason = cast(Literal["key", "plain", "garbage", "silent", "answer"], refusal.reason.name.lower())
    first, last = (round(ago + seconds * 1000) for seconds in (refusal.first, refusal.last))
    return RefusalView(refusal.address, reason, refusal.count, first, last)
