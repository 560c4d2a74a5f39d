"""The reference client: what a program needs to be in rooms, in the terms of protocol.md."""

from server.client.events import Closed, Event, Missed, Reconnecting, Resumed, Unknown, Voice, history
from server.client.line import NO_NODE
from server.client.session import Client
from server.client.talk import Talk

__all__ = [
    "NO_NODE",
    "Client",
    "Closed",
    "Event",
    "Missed",
    "Reconnecting",
    "Resumed",
    "Talk",
    "Unknown",
    "Voice",
    "history",
]
