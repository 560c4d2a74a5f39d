"""What is said before a connection is a WebSocket, in the terms of `websockets`: answers, and what is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server import web

SUBPROTOCOL = Subprotocol("switchboard.v1")


def select_subprotocol(_wire: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours, which is also meant where none is offered. Raises NegotiationError."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    if offered:
        raise NegotiationError(f"this node speaks {SUBPROTOCOL}")
    return None


def as_response(reply: web.Reply) -> Response:
    """An answer as the library sends it."""
    headers = Headers()
    for name, value in reply.headers.items():
        headers[name] = value
    return Response(reply.status.value, reply.status.phrase, headers, reply.body)


def write_reply(reply: web.Reply) -> bytes:
    """The bytes of an answer."""
    return as_response(reply).serialize()
