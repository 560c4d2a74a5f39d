"""What nodes say of themselves fits into a heart-beat, whatever they were told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bus.interface import Peer, PeerState
from bus.packets import CARD_BYTES
from server.addresses import SCOPE_CHARS, URL_CHARS, listening_host, websocket_url
from server.cards import Card
from server.wire.names import NAME_CHARS, person_name
from tests.nodes import Served

NUMBER, SHARE = 2**63 - 1, 1e300


def test_the_largest_card_fits_into_a_heart_beat() -> None:
    host = listening_host("::ffff:255.255.255.255".replace("::", "0000:" * 5) + "%" + "x" * SCOPE_CHARS)
    url = "wss://a.example/"
    card = Card(
        name=person_name("\N{GRINNING FACE}" * NAME_CHARS),
        url=websocket_url(url + "x" * (URL_CHARS - len(url))),
        bus=f"[{host}]:65535",
        started=NUMBER,
        pid=NUMBER,
        sessions=NUMBER,
        cpu=SHARE,
        memory=NUMBER,
        received_rate=SHARE,
        sent_rate=SHARE,
    )
    assert len(f"ws://[{host}]:65535/ws") <= URL_CHARS
    assert len(msgspec.msgpack.encode(card)) <= CARD_BYTES


@pytest.mark.parametrize("wrong", [{"received_rate": float("inf")}, {"cpu": float("nan")}, {"url": "ws://["}])
async def test_a_card_that_cannot_be_leaves_the_one_before(served: Served, wrong: dict[str, Any]) -> None:
    board, peer = served.node.cards, "00ff00ff00ff00ff"
    for card in (board.card, msgspec.structs.replace(board.card, **wrong)):
        board.note(Peer(peer, f"{peer}.1", PeerState.UP, "h:1", 0.0, None, msgspec.msgpack.encode(card)))
    assert board.peers[peer][1] == board.card


async def test_who_is_met_is_no_warning_and_who_turns_late_is(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="server.node")
    state = PeerState
    for turned in (state.SUSPECT, state.UP, state.SUSPECT, state.DOWN, state.SUSPECT, state.UP):
        served.node.on_peer(Peer("b" * 16, f"{'b' * 16}.1", turned, "h:1", 0.0, None, b""))
    said = [(record.levelname, record.getMessage().rpartition("h:1 ")[2]) for record in caplog.records]
    assert said == [
        ("INFO", "is met"),
        ("INFO", "is up"),
        ("WARNING", "is suspect"),
        ("WARNING", "is down"),
        ("INFO", "is met"),
        ("INFO", "is up"),
    ]


async def test_who_leaves_is_named_and_named_once(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="server.node")
    card = msgspec.msgpack.encode(msgspec.structs.replace(served.node.cards.card, name="beta"))
    peer = Peer("b" * 16, f"{'b' * 16}.1", PeerState.UP, "h:1", 0.0, None, card)
    served.node.on_peer(peer)
    caplog.clear()
    for _ in range(2):  # it says goodbye, and then its connection ends
        served.node.on_peer(msgspec.structs.replace(peer, state=PeerState.DOWN, left=True))
    assert [record.getMessage() for record in caplog.records] == ["node beta at h:1 left"]
