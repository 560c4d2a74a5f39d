"""The modules of the page that only compute, run in the browser that will run them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.conftest import reception
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

BACKOFF = """async (share) => {
    const { Backoff } = await import('/backoff.js');
    const backoff = new Backoff(() => share);
    const waits = Array.from({ length: 9 }, () => backoff.next());
    backoff.reset();
    return [...waits, backoff.next()];
}"""

CURSORS = """async () => {
    const { Cursors } = await import('/cursors.js');
    const cursors = new Cursors({ a: 5 });
    cursors.see({ type: 'message', origin: 'a', seq: 4 });
    cursors.see({ type: 'sent', origin: 'b', seq: 7 });
    cursors.see({ type: 'joined', cursors: { a: 6, c: 0 } });
    cursors.see({ type: 'speaking' });
    const few = JSON.parse(JSON.stringify(cursors));
    for (let at = 0; at < 1000; at++) cursors.see({ origin: `o${at}`, seq: 1 });
    cursors.see({ origin: 'o0', seq: 2 });
    const many = JSON.parse(JSON.stringify(cursors));
    return { few, count: Object.keys(many).length, kept: [many.o0, many.o999], gone: many.a };
}"""

OUTBOX = """async () => {
    const { MOST_WAITING, Outbox } = await import('/outbox.js');
    const outbox = new Outbox();
    const ids = () => outbox.due().map(({ id }) => id);
    for (const id of ['1', '2', '3']) outbox.add({ id, text: id, room: 'lobby' });
    const seen = [ids(), ids()];
    outbox.remove('1');
    outbox.add({ id: '4', text: '4', to: 's2' });
    seen.push(ids());
    outbox.again();
    const again = outbox.due();
    outbox.again('3');
    seen.push(ids());
    const kept = JSON.parse(JSON.stringify(outbox));
    const after = new Outbox();
    after.restore(kept);
    const restored = after.due();
    for (let at = after.size; at < MOST_WAITING; at++) after.add({ id: `more ${at}`, text: '', room: 'lobby' });
    return { seen, again, restored, full: [outbox.isFull, after.isFull] };
}"""

TICKET = """async () => {
    const { Ticket } = await import('/ticket.js');
    const ticket = new Ticket('Ann');
    const first = ticket.hello(1000);
    const welcome = {
        type: 'welcome', session: 's1', user: 'u1', name: 'Ann', role: 'user', node: 'n1', resume: 'one',
        resume_seconds: 300, urls: ['ws://n1', 'ws://n2'], limits: { text_chars: 4000 }, cursors: { a: 1 },
        recovered: null,
    };
    ticket.take(welcome, 1000);
    ticket.room = 'lobby';
    ticket.take({ type: 'message', origin: 'a', seq: 9 }, 2000);
    ticket.take({ type: 'resume_token', resume: 'two' }, 2000);
    ticket.take({ type: 'urls', urls: ['ws://n2'] }, 2000);
    const again = ticket.hello(900);
    const kept = JSON.parse(JSON.stringify(ticket));
    const reloaded = Ticket.from(kept, 302000);
    const afterReload = reloaded.hello(302000);
    reloaded.end();
    return {
        first, again, afterReload, anew: reloaded.hello(302001), urls: reloaded.urls,
        old: Ticket.from(kept, 302001), none: [Ticket.from(null, 0), Ticket.from({}, 0)],
    };
}"""

TEXTS = """async () => {
    const { Chat } = await import('/chat.js');
    const { Outbox } = await import('/outbox.js');
    const { Texts } = await import('/texts.js');
    const { Lost, Refused } = await import('/connection.js');
    const author = { session: 's1', user: 'u1', name: 'Ann' };
    const [chat, outbox] = [new Chat(), new Outbox()];
    const asked = [];
    let live = false;
    let answer = () => ({ type: 'sent' });
    const texts = new Texts({
        chat, outbox, changed() {}, paced: (ms) => seen.paced.push(ms), isLive: () => live,
        request: async (type, fields, id) => {
            asked.push([type, fields.text, id]);
            return answer(fields.text);
        },
    });
    const settled = () => new Promise((next) => setTimeout(next));
    const fates = () => chat.lines.map(({ text, fate }) => `${text} ${fate}`);
    const seen = { paced: [] };
    const [one] = ['one', 'two', 'three'].map((text) => texts.say({ text, to: null, room: 'lobby', author }));
    texts.send();
    seen.waiting = [fates(), asked.length];

    live = true;
    answer = (text) => {
        if (text === 'one') throw new Lost();
        throw new Refused({ code: text === 'two' ? 'unavailable' : 'muted', message: 'You are muted.' });
    };
    texts.repeat();
    await settled();
    seen.troubled = [fates(), outbox.toJSON().map(({ text }) => text)];

    chat.receive({ type: 'message', id: one.id, at: 1, from: author, text: 'one' });
    texts.moveTo('s2');
    answer = () => ({ type: 'sent' });
    asked.length = 0;
    texts.repeat();
    await settled();
    seen.anew = [fates(), asked.map(([, text]) => text), outbox.size, chat.lines.map(({ session }) => session)];

    let refusals = 1;
    answer = () => {
        if (refusals-- > 0) throw new Refused({ code: 'rate_limited', message: '', retry_after_ms: 1 });
    };
    const hasty = texts.say({ text: 'hasty', to: { session: 's9', user: 'u9', name: 'Bob' }, room: 'lobby', author });
    asked.length = 0;
    texts.send();
    while (hasty.fate !== 'sent') await settled();
    seen.hasty = [asked.map(([type]) => type), new Set(asked.map(([, , id]) => id)).size];
    return seen;
}"""

STANDING = """async () => {
    const { wordsForAway, wordsForBack, wordsForElsewhere } = await import('/standing.js');
    const since = new Date(2026, 0, 1, 14, 32, 8).getTime();
    const away = (fields) => wordsForAway({ since, now: since, offline: false, waiting: 0, ...fields });
    const back = (fields) => wordsForBack({ since, now: since + 3400, node: 'n2', complete: true, ...fields });
    return {
        away: [away({}), away({ now: since + 60000, waiting: 2 }), away({ offline: true, waiting: 1 })],
        back: [back({}), back({ complete: false, now: since + 200000 })],
        elsewhere: [wordsForElsewhere('lobby', 0), wordsForElsewhere('lobby', 1)],
    };
}"""

PACE = """async () => {
    const { Pace } = await import('/pace.js');
    const pace = new Pace();
    const seen = [];
    const look = (now) => seen.push([pace.left(now), ...Object.values(pace.words(now))]);
    pace.write(0);
    pace.wait(5000, 0);
    look(0);
    pace.set(90);
    look(0);
    pace.write(1000);
    look(1001);
    look(60000);
    pace.set(90);
    look(90999);
    look(91000);
    pace.wait(1500, 100000);
    look(100000);
    pace.set(0);
    look(100000);
    return seen;
}"""

FAREWELL = """async () => {
    const { sentenceForBan, sentenceForLeft, sentenceForRefusal, sentenceForRemoval, wordsForMove } =
        await import('/farewell.js');
    const { momentOf } = await import('/moment.js');
    const [by, reason] = ['Lena', 'spam'];
    const until = Date.now() + 60000;
    const end = momentOf(until);
    const words = (action, more) => ({ action, by, reason: '', until: null, ...more });
    return {
        end,
        left: [sentenceForLeft('kicked', words('kick', { reason, until })), sentenceForLeft('banned', words('ban')),
            sentenceForLeft('kicked', null), sentenceForLeft('room_full', null)],
        removed: [sentenceForRemoval(words('ban', { until }), 'banned'),
            sentenceForRemoval(words('kick', { reason }), 'kicked'),
            sentenceForRemoval(null, 'kicked'), sentenceForRemoval(null, '')],
        banned: [['you are banned: spam', 0], ['you are banned until 2026-11-26 23:56 UTC: spam', 60000]]
            .map(([message, retryAfter]) => sentenceForBan({ message, retryAfter }, Date.now())),
        refused: [sentenceForRefusal('you are banned'), sentenceForRefusal('the room lobby is full.')],
        moved: [wordsForMove('lobby', words('move', { reason })), wordsForMove('lobby', null)],
    };
}"""

SILENCES = """async () => {
    const { Silences, sentenceFor, wordsFor } = await import('/silences.js');
    const silences = new Silences();
    const seen = [];
    const take = (action, room, more) => {
        silences.take({ action, by: 'Lena', reason: '', until: null, room, ...more });
        const here = silences.of('lobby');
        seen.push(here && [sentenceFor(here), wordsFor(here).detail]);
    };
    take('mute', 'lobby', { reason: 'noise' });
    take('kick', 'attic');
    take('kick', 'lobby', { reason: 'spam' });
    take('unkick', 'lobby');
    take('kick', null);
    take('unkick', null);
    take('unmute', null);
    return seen;
}"""

MOMENTS = """async () => {
    const { momentOf } = await import('/moment.js');
    const at = (...when) => new Date(...when).getTime();
    const now = at(2026, 4, 20, 14, 0);
    const later = [at(2026, 4, 20, 15, 30), at(2026, 4, 21, 15, 30), at(2027, 0, 2, 15, 30)];
    return later.map((then) => momentOf(then, now));
}"""

SCOPE = """async () => {
    const { covers } = await import('/scope.js');
    const asked = [
        [null, 'lobby'], [undefined, 'lobby'], [[], 'lobby'], [['lobby'], 'lobby'], [['lobby'], 'lobby2'],
        [['team-*'], 'team-'], [['team-*'], 'my team-a'], [['*-a'], 'team-a'], [['a*a'], 'a'], [['a*a'], 'aa'],
        [['a*b*c'], 'axbxc'], [['a*b*c'], 'a-c-b'], [['*'], 'whatever'], [['t.am*'], 'team'], [['x', 't*m'], 'team'],
        [['*' + 'a*'.repeat(31) + 'b'], 'a'.repeat(64)],
    ];
    return asked.map(([scope, room]) => Number(covers(scope, room))).join('');
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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ann(chromium: Browser) -> AsyncIterator[Visitor]:
    """One page for all: each script finds it just loaded, and keeps nothing."""
    async with reception(chromium) as visit:
        yield await visit("Ann")


async def run(ann: Visitor, node: RunningNode, script: str, argument: object = None) -> Any:
    await ann.page.goto(node.http)
    result = await ann.page.evaluate(script, argument)
    assert ann.complaints == []
    return result


async def test_frame_is_packed_in_network_byte_order(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], ROUND_TRIP)
    assert bytes(result["bytes"]) == bytes.fromhex("51 01 94 02 fedcba98 ffff 0102 ffffffff 010203")
    assert result["header"] == {
        "flags": 1, "level": 0x94, "samples": 960, "ssrc": 0xFEDCBA98, "seq": 65535, "ts": 0xFFFFFFFF,
    }  # fmt: skip
    assert result["payload"] == [1, 2, 3]


async def test_bytes_that_are_no_voice_frame_are_none(cluster: Cluster, ann: Visitor) -> None:
    assert await run(ann, cluster[0], FOREIGN) == [None, None, None]


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
async def test_gate(cluster: Cluster, ann: Visitor, loudness: list[int], opened: list[bool]) -> None:
    assert await run(ann, cluster[0], GATE, loudness) == opened


async def test_chat_shows_each_text_once(cluster: Cluster, ann: Visitor) -> None:
    assert await run(ann, cluster[0], CHAT) == {
        "shown": [True, False, True, False],
        "fate": "sent",
        "joinedIsNew": True,
        "foldedIsNew": False,
        "names": ["Cid", "Dee"],
        "kinds": ["message", "message", "message", "came"],
    }


async def test_first_try_is_at_once_and_later_ones_are_spread(cluster: Cluster, ann: Visitor) -> None:
    longest = await run(ann, cluster[0], BACKOFF, 1)
    assert longest == [0, 800, 1600, 3200, 6400, 10000, 10000, 10000, 10000, 0]
    assert await run(ann, cluster[0], BACKOFF, 0) == [0, *[200] * 8, 0]


async def test_cursors_are_the_highest_places_seen(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], CURSORS)
    assert result["few"] == {"a": 6, "b": 7, "c": 0}
    assert (result["count"], result["kept"], result.get("gone")) == (1000, [2, 1], None)


async def test_outbox_gives_each_text_once_until_it_is_repeated(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], OUTBOX)
    assert result["seen"] == [["1", "2", "3"], [], ["4"], ["3"]]
    waiting = [
        {"id": "2", "text": "2", "room": "lobby"},
        {"id": "3", "text": "3", "room": "lobby"},
        {"id": "4", "text": "4", "to": "s2"},
    ]
    assert result["again"] == result["restored"] == waiting
    assert result["full"] == [False, True]


async def test_ticket_makes_a_reloaded_page_the_same_session(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], TICKET)
    assert result["first"] == {"client": "web/1.0", "n": 1000, "name": "Ann"}
    session = {"client": "web/1.0", "resume": "two", "cursors": {"a": 9}, "rooms": ["lobby"]}
    assert result["again"] == {**session, "n": 1001}, "the number rises though the clock was set back"
    assert result["afterReload"] == {**session, "n": 302000}
    assert result["anew"] == {"client": "web/1.0", "n": 302001, "name": "Ann", "user": "u1"}
    assert result["urls"] == ["ws://n2"]
    assert (result["old"], result["none"]) == (None, [None, None]), "a session that must be over is not asked for"


async def test_what_one_writes_waits_is_repeated_and_is_said_anew(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], TEXTS)
    assert result["waiting"] == [["one sending", "two sending", "three sending"], 0]
    assert result["troubled"] == [["one sending", "two unknown", "three unsent"], ["one", "two"]]
    assert result["anew"] == [["one sent", "two sent", "three unsent"], ["two"], 0, ["s1", "s2", "s1"]]
    assert result["hasty"] == [["whisper", "whisper"], 1]
    assert result["paced"] == [1]


async def test_a_moderator_may_be_limited_to_rooms(cluster: Cluster, ann: Visitor) -> None:
    assert await run(ann, cluster[0], SCOPE) == "1101010101101010"


async def test_slow_mode_says_how_long_it_takes(cluster: Cluster, ann: Visitor) -> None:
    assert await run(ann, cluster[0], PACE) == [
        [0, "", ""],
        [0, "", "Slow mode: one message in 1 min 30 s."],
        [90, "Slow mode: you can write again in 1 min 30 s.", ""],
        [31, "Slow mode: you can write again in 31 s.", ""],
        [1, "Slow mode: you can write again in 1 s.", ""],
        [0, "", "Slow mode: one message in 1 min 30 s."],
        [2, "Slow mode: you can write again in 2 s.", ""],
        [0, "", ""],
    ]


async def test_who_is_put_out_is_told_by_whom_until_when_and_why(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], FAREWELL)
    assert result["left"] == [
        f"You were put out of this room by Lena until {result['end']}: spam",
        "You were banned from this room by Lena.",
        "You were put out of this room.",
        "This room is full. Try again when somebody has left.",
    ]
    assert result["removed"] == [
        f"You were banned by Lena until {result['end']}.",
        "You were removed by Lena: spam",
        "You were removed: kicked",
        "You were removed.",
    ]
    assert result["banned"][0] == "You are banned: spam."
    assert result["banned"][1].startswith("You are banned until ")
    assert "UTC" not in result["banned"][1]
    assert result["refused"] == ["You are banned.", "The room lobby is full."]
    assert result["moved"] == [
        "Lena has moved you here from lobby: spam",
        "A moderator has moved you here from lobby",
    ]


async def test_who_is_muted_or_put_out_in_a_moment_reads_so(cluster: Cluster, ann: Visitor) -> None:
    muted = ["Lena has muted you: noise", "noise"]
    assert await run(ann, cluster[0], SILENCES) == [
        muted,
        muted,
        ["Lena puts you out in a moment: spam", "by Lena, in a moment · spam"],
        muted,
        ["Lena puts you out in a moment.", "by Lena, in a moment"],
        muted,
        None,
    ]


async def test_a_moment_has_its_day_where_that_is_not_today(cluster: Cluster, ann: Visitor) -> None:
    today, tomorrow, next_year = await run(ann, cluster[0], MOMENTS)
    assert "30" in today
    assert "May" not in today
    assert "21" in tomorrow
    assert "May" in tomorrow
    assert "2027" in next_year


async def test_words_say_since_when_and_what_will_happen(cluster: Cluster, ann: Visitor) -> None:
    result = await run(ann, cluster[0], STANDING)
    plain, long, offline = result["away"]
    assert plain["title"] == "Reconnecting…"
    assert "2:32:08" in plain["detail"] or "14:32:08" in plain["detail"]
    assert "What you write is kept and sent." in plain["detail"]
    assert long["title"] == "Still reconnecting…"
    assert "2 texts are waiting and will be sent." in long["detail"]
    assert offline["title"] == "You are offline"
    assert "One text is waiting" in offline["detail"]
    assert result["back"] == [
        {"title": "Connected again", "detail": "You are on n2, after 3 s. Nothing was missed."},
        {"title": "Connected again", "detail": "You are on n2, after 3 min. Some messages may be missing."},
    ]
    assert "another tab or window" in result["elsewhere"][0]
    assert "One text is not sent from this one." in result["elsewhere"][1]
