"""Whether a node that this one does not reach lives for another: only one that is dead for all is taken for dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.interface import BusError, PeerState
from bus.record import Origin

if TYPE_CHECKING:
    from server.node import Node

CALL = b"\x00lives"
"""What a call that asks so begins with; the origin follows."""

CALL_SECONDS = 2.0

GOOD_SECONDS = 5.0
"""For so long what was heard counts; then it is asked again."""

_YES, _NO = b"yes", b"no"


class Hearsay:
    """Asks the peers about lives that are gone for this node. Seconds are those of `Presence.age`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._heard: dict[Origin, tuple[float, bool]] = {}
        """When it was heard, and whether the life is dead for all."""
        self._asking: set[Origin] = set()

    def is_dead(self, origin: Origin) -> bool:
        """Whether a life is dead for all, as far as it is known; else that is found out for a later question."""
        presence = self._node.presence
        if presence.lives(origin):
            return False
        heard = self._heard.get(origin)
        if heard is not None and presence.age - heard[0] <= GOOD_SECONDS:
            return heard[1]
        if origin not in self._asking:
            self._ask(origin)
        return False

    def answer(self, body: bytes) -> bytes:
        """What a peer that asks is told."""
        origin = body.removeprefix(CALL).decode(errors="replace")
        return _YES if self._node.presence.lives(origin) else _NO

    def _ask(self, origin: Origin) -> None:
        bus = self._node.bus
        peers = [
            peer.node
            for peer in bus.peers()
            if peer.origin != origin and peer.state is not PeerState.DOWN and not peer.cut
        ]
        said: list[bytes] = []

        def hear(answer: bytes | BusError) -> None:
            said.append(_NO if isinstance(answer, BusError) else answer)  # who does not answer knows of nobody
            if len(said) == len(peers):
                self._note(origin, dead=_YES not in said)

        self._asking.add(origin)
        for peer in peers:
            bus.ask(peer, CALL + origin.encode(), timeout=CALL_SECONDS, done=hear)
        if not peers:
            self._note(origin, dead=True)

    def _note(self, origin: Origin, *, dead: bool) -> None:
        age = self._node.presence.age
        self._asking.discard(origin)
        self._heard = {life: heard for life, heard in self._heard.items() if age - heard[0] <= GOOD_SECONDS}
        self._heard[origin] = age, dead
