"""The engine over ZeroMQ, in one process."""

from __future__ import annotations

from collections.abc import Sequence

from bus.keys import Identity
from bus.zeromq import ZeroMQBus
from tests.bus.contract import BusContract, Mesh


class ZeroMQMesh(Mesh):
    def make(self, who: Identity, peers: Sequence[str]) -> ZeroMQBus:
        return ZeroMQBus(who, port=0, peers=peers)


class TestZeroMQ(BusContract):
    def make_mesh(self) -> Mesh:
        return ZeroMQMesh()
