"""Whispered voice: frames for one session or user alone, here and on other nodes (protocol.md section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bus.record import NodeId
from server.outbox import Outbox
from server.wire import voice
from server.wire.native import Address
from server.wire.websocket import binary_frame

if TYPE_CHECKING:
    from server.conversation import Conversation
    from server.node import Node


def topic_of(node: NodeId) -> str:
    """The topic of what is whispered to sessions of a node."""
    return "asides/" + node


class Aside(msgspec.Struct, array_like=True, frozen=True):
    """One frame on its way to the node of its receivers."""

    session: str
    """Whose it is."""
    to: Address
    frame: bytes


class Target:
    """Whom a session's frames with one target number are for, and where they are."""

    __slots__ = ("here", "nodes", "to", "version")

    def __init__(self, to: Address) -> None:
        self.to = to
        self.version = -1
        """Of the presence from which `here` and `nodes` were read."""
        self.here: list[Outbox] = []
        self.nodes: list[NodeId] = []
        """Other nodes on which somebody listens."""


class Asides:
    """Brings whispered voice to its receivers. Nobody is shown to speak by it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def speak(self, client: Conversation, target: Target, frame: bytes) -> None:
        """Send a frame of a session of this node to its target. Raises Refused: not_found, forbidden."""
        node = self._node
        if target.version != node.presence.version:
            self._aim(client, target)
        frame = voice.as_whispered(frame)
        if target.here:
            self._deliver(target.here, frame)
        if target.nodes:
            aside = _encoder.encode(Aside(client.session.session, target.to, frame))
            for there in target.nodes:
                node.bus.cast(topic_of(there), aside)
        if node.tap is not None:
            node.tap.aside(client, target, frame)

    def hear(self, told: bytes) -> None:
        """Take a frame from another node. Raises msgspec.MsgspecError if it is not readable."""
        aside = _decoder.decode(told)
        here = [
            conversation.outbox
            for record in self._node.presence.addressed(aside.to)
            if not record.deafened
            and record.session != aside.session
            and (conversation := self._node.conversations.get(record.session)) is not None
        ]
        if here:
            self._deliver(here, aside.frame)

    def _aim(self, client: Conversation, target: Target) -> None:
        """Read anew where the receivers are, and whether `client` may still whisper to them."""
        node = self._node
        target.version = -1
        listening = [record for record in node.messenger.receivers(client.actor, target.to) if not record.deafened]
        target.here = [
            conversation.outbox
            for record in listening
            if (conversation := node.conversations.get(record.session)) is not None
        ]
        target.nodes = sorted({record.node for record in listening} - {node.node_id})
        target.version = node.presence.version

    def _deliver(self, outboxes: list[Outbox], frame: bytes) -> None:
        counters = self._node.counters
        slow = self._node.post.voice(outboxes, binary_frame(frame), None)
        counters.sent_voice += len(outboxes) - slow
        if slow:
            counters.voice_dropped["slow"] += slow


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Aside] = msgspec.msgpack.Decoder(Aside)
