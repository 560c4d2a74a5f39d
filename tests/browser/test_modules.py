"""The modules of the page that only compute, run in the browser that will run them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import VisitorFactory
from tests.browser.nodes import RunningNode
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]

ROUND_TRIP = """async () => {
    const { pack, unpack, levelByte, START } = await import('/frame.js');
    const payload = Uint8Array.of(1, 2, 3);
    const level = levelByte(-20, true);
    const [ssrc, seq, target, ts] = [0xfedcba98, 65535, 0x0102, 0xffffffff];
    const bytes = pack({ flags: START, level, ssrc, seq, target, ts, payload });
    const { payload: received, ...header } = unpack(bytes.buffer);
    return { bytes: [...bytes], header, payload: [...received] };
}"""

FOREIGN = """async () => {
    const { unpack } = await import('/frame.js');
    return [new ArrayBuffer(0), new ArrayBuffer(16), new ArrayBuffer(20)].map(unpack);
}"""

GATE = """async (loudness) => {
    const { Gate } = await import('/gate.js');
    const gate = new Gate();
    return loudness.map((db) => gate.step(db));
}"""

CHAT = """async () => {
    const { Chat } = await import('/chat.js');
    const chat = new Chat();
    const from = { session: 's1', user: 'u1', name: 'Ann' };
    const first = chat.receive({ id: '1', at: 1, from, text: 'one' });
    const repeated = chat.receive({ id: '1', at: 1, from, text: 'one' });
    const other = chat.receive({ id: 1, at: 2, from, text: 'two' });
    const me = { session: 's2', user: 'u2', name: 'Bob' };
    const own = chat.compose({ id: 'a', at: 3, ...me, text: 'three', to: null });
    chat.settle(own, 'unknown', 'why');
    const returned = chat.receive({ id: 'a', at: 3, from: me, text: 'three' });
    const [, joinedIsNew] = chat.note('came', 'Cid', 4);
    const [folded, foldedIsNew] = chat.note('came', 'Dee', 5);
    return {
        shown: [first, repeated, other, returned].map((line) => line !== null),
        fate: own.fate, joinedIsNew, foldedIsNew, names: folded.names, kinds: chat.lines.map(({ kind }) => kind),
    };
}"""


async def run(visitor: Visitor, node: RunningNode, script: str, argument: object = None) -> Any:
    await visitor.page.goto(node.http)
    return await visitor.page.evaluate(script, argument)


async def test_frame_is_packed_in_network_byte_order(cluster: Cluster, visit: VisitorFactory) -> None:
    result = await run(await visit("Ann"), cluster[0], ROUND_TRIP)
    assert bytes(result["bytes"]) == bytes.fromhex("51 01 94 02 fedcba98 ffff 0102 ffffffff 010203")
    assert result["header"] == {
        "flags": 1, "level": 0x94, "samples": 960, "ssrc": 0xFEDCBA98, "seq": 65535, "ts": 0xFFFFFFFF,
    }  # fmt: skip
    assert result["payload"] == [1, 2, 3]


async def test_bytes_that_are_no_voice_frame_are_none(cluster: Cluster, visit: VisitorFactory) -> None:
    assert await run(await visit("Ann"), cluster[0], FOREIGN) == [None, None, None]


@pytest.mark.parametrize(
    ("loudness", "opened"),
    [
        ([-45, -45, -45], [False, False, True]),
        ([-45, -45, -46, -45, -45], [False] * 5),
        ([-20] * 3 + [-51] * 20, [False, False] + [True] * 20 + [False]),
        ([-20] * 3 + [-51] * 19 + [-50] + [-51] * 19, [False, False] + [True] * 40),
    ],
    ids=["opens at the third frame", "starts again after a quiet one", "closes after 400 ms", "stays open by one"],
)
async def test_gate(cluster: Cluster, visit: VisitorFactory, loudness: list[int], opened: list[bool]) -> None:
    assert await run(await visit("Ann"), cluster[0], GATE, loudness) == opened


async def test_chat_shows_each_text_once(cluster: Cluster, visit: VisitorFactory) -> None:
    assert await run(await visit("Ann"), cluster[0], CHAT) == {
        "shown": [True, False, True, False],
        "fate": "sent",
        "joinedIsNew": True,
        "foldedIsNew": False,
        "names": ["Cid", "Dee"],
        "kinds": ["message", "message", "message", "came"],
    }
