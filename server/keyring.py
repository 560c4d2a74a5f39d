"""The keys of resume tokens: made from the cluster's secret; or where it has none, handed on between its nodes."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Annotated

import msgspec

from bus import private
from bus.interface import BusError, Peer, PeerState
from bus.record import NodeId, Origin
from server.identity import LEEWAY_SECONDS
from server.resumption import KEYS, LIVES, SECRET_BYTES, Resumption
from server.unreadable import UNREADABLE

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL = b"\x00keys"
"""What a call for keys is, all of it."""

CALL_SECONDS = 3.0

FILE = "resume.keys"
"""Name of the file in the data folder."""

_Secret = Annotated[bytes, msgspec.Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
_Secrets = Annotated[list[_Secret], msgspec.Meta(max_length=KEYS)]
_answer: msgspec.msgpack.Decoder[_Secrets] = msgspec.msgpack.Decoder(_Secrets)
_file: msgspec.json.Decoder[_Secrets] = msgspec.json.Decoder(_Secrets)


PURPOSE = "switchboard resume tokens"
"""What these keys are for, among all that the cluster's secret makes."""


class Keyring:
    """What a node knows of the keys of its cluster. The mesh is among nodes that trust each other.

    A key that the secret of before a change made is read with until no token that it signed is good any more.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._path = node.config.data_dir / FILE
        self._derived = list(node.bus.derived(PURPOSE))
        self._retired: dict[bytes, float] = {}
        self._asked: dict[NodeId, Origin] = {}
        self._asking = 0
        if self._derived:
            self.tokens = Resumption(())
            self.tokens.use(self._derived)
            return
        known = self._read()
        self.tokens = Resumption(known or [secrets.token_bytes(SECRET_BYTES)])
        """Makes and reads tokens with them."""
        if not known:
            self._keep()

    @property
    def is_learning(self) -> bool:
        """Whether keys of the cluster may be told soon that are not known yet."""
        return not self._derived and (self._asking > 0 or not self._node.synced)

    def tick(self, now: float) -> None:
        """Follow the cluster's secret; called every second."""
        if not self._derived:
            return
        derived = list(self._node.bus.derived(PURPOSE))
        over = [secret for secret, until in self._retired.items() if now > until or secret in derived]
        if derived == self._derived and not over:
            return
        for secret in over:
            del self._retired[secret]
        for secret in self._derived:
            if secret not in derived:
                self._retired[secret] = now + LIVES * self._node.config.resume_seconds + LEEWAY_SECONDS
        self._derived = derived
        self.tokens.use([*derived, *self._retired])

    def meet(self, peer: Peer) -> None:
        """A peer has said something: if it is up, and was not asked in this life, ask what keys it knows."""
        if not self._derived and peer.state is PeerState.UP and self._asked.get(peer.node) != peer.origin:
            self._asked[peer.node] = peer.origin
            self._node.tasks.start(self._ask(peer), name="keys")

    def answer(self) -> bytes:
        """What a peer that asks is told; nothing where it can make them itself."""
        return msgspec.msgpack.encode([] if self._derived else self.tokens.secrets)

    async def _ask(self, peer: Peer) -> None:
        self._asking += 1
        try:
            told = _answer.decode(await self._node.bus.call(peer.node, CALL, timeout=CALL_SECONDS))
        except (BusError, *UNREADABLE) as error:
            logger.info("the keys of node %s are not known: %s", peer.node, error)
            self._asked.pop(peer.node, None)  # it is asked again when it next says something
            return
        finally:
            self._asking -= 1
        if self.tokens.learn(told):
            self._keep()

    def _read(self) -> list[bytes]:
        """The keys in the file; none where it is not there, cannot be read, or can be read by everybody."""
        try:
            return _file.decode(private.read(self._path))
        except FileNotFoundError:
            return []
        except (OSError, *UNREADABLE) as error:
            logger.warning("the keys of resume tokens in %s cannot be read: %s", self._path, error)
            return []

    def _keep(self) -> None:
        """Write the keys; processes that share the folder keep each other's."""
        self.tokens.learn(self._read())
        try:
            private.make_folder(self._path.parent)
            private.replace(self._path, msgspec.json.encode(self.tokens.secrets), durable=False)
        except OSError as error:
            logger.warning("the keys of resume tokens cannot be kept in %s: %s", self._path, error)
