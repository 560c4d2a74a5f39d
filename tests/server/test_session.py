"""A session as plain data: bytes and back, seats, roles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import session
from server.execution import NOTICE_CHARS
from server.execution import NOTICES as MOST_NOTICES
from server.execution import SILENCES as MOST_SILENCES
from server.session import RECORD_BYTES, Actor, Aim, Notice, Role, Seat, SessionRecord, Silence, Standing

TEXT = st.text(max_size=40)
NUMBER = st.integers(0, 2**53)
SEATS = st.builds(Seat, room=TEXT, ssrc=st.integers(1, 2**32 - 1), joined=NUMBER, order=NUMBER)
SILENCES = st.builds(Silence, room=st.none() | TEXT, until=st.none() | NUMBER, by=TEXT)
AIMS = st.builds(Aim, target=st.integers(1, 65534), session=st.none() | TEXT, user=st.none() | TEXT)
ACTORS = st.builds(Actor, session=TEXT, user=TEXT, name=TEXT, role=st.sampled_from(Role))
NOTICES = st.builds(
    Notice,
    room=st.none() | TEXT,
    until=NUMBER,
    seconds=st.floats(0, 3600),
    by=ACTORS,
    reason=TEXT,
    block=st.floats(0, 3600),
    act=TEXT,
)
RECORDS = st.builds(
    SessionRecord,
    session=TEXT,
    user=TEXT,
    name=TEXT,
    role=st.sampled_from(Role),
    node=TEXT,
    node_name=TEXT,
    n=st.integers(-(2**63), 2**63 - 1),
    connected=NUMBER,
    client=TEXT,
    ip=TEXT,
    seats=st.lists(SEATS, max_size=20).map(tuple),
    parted=TEXT,
    ended=st.booleans(),
    silences=st.lists(SILENCES, max_size=20).map(tuple),
    deafened=st.booleans(),
    standing=st.sampled_from(Standing),
    resumes=NUMBER,
    whole=st.booleans(),
    aims=st.lists(AIMS, max_size=20).map(tuple),
    notices=st.lists(NOTICES, max_size=8).map(tuple),
)


@given(RECORDS)
def test_a_record_comes_back_from_its_bytes(record: SessionRecord) -> None:
    again = session.unpack(session.pack(record))
    assert again == record
    assert hash(again) == hash(record)
    assert type(again.seats) is tuple
    assert session.pack(again) == session.pack(record)


def test_the_biggest_record_fits_a_log() -> None:
    seats = tuple(Seat("部" * 64, 2**32 - 1, 2**53, 2**53) for _ in range(20))
    silences = tuple(Silence("𠀀" * 64, 2**53, "😀" * 32) for _ in range(MOST_SILENCES))
    record = SessionRecord(
        "s" * 32, "u" * 64, "😀" * 32, Role.MODERATOR, "f" * 16, "😀" * 32, 2**63 - 1, 2**53, "😀" * 64, "::1", seats
    )
    by = Actor("s" * 32, "u" * 64, "😀" * 32, Role.ADMIN)
    notices = tuple(
        Notice("𠀀" * 64, 2**53, 3600.0, by, "😀" * NOTICE_CHARS, 1e7, "a" * 32) for _ in range(MOST_NOTICES)
    )
    scope = tuple("部" * 64 for _ in range(64))
    record = msgspec.structs.replace(record, silences=silences, notices=notices, scope=scope)
    assert len(session.pack(record)) < 60 * 1024


def test_what_most_people_do_fits_two_kibibytes() -> None:
    record = SessionRecord(
        "s_" + "x" * 16, "u" * 64, "Å" * 32, Role.USER, "f" * 16, "n" * 32, 2**63 - 1, 2**53, "c" * 64, "::1"
    )
    for number in range(20):
        record = record.seated(Seat(f"room number {number}", 2**32 - 1, 2**43, 2**20))
    for number in range(20):
        record = record.aimed(Aim(number + 1, "s_" + "x" * 16, None))
    assert len(session.pack(record)) <= RECORD_BYTES


def test_a_target_takes_the_place_of_the_one_of_its_number() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1")
    bob, cid, dan = Aim(1, None, "bob"), Aim(2, "s3", None), Aim(1, None, "dan")
    assert ann.aimed(bob).aimed(cid).aimed(dan).aims == (cid, dan)


def test_a_moderator_who_is_limited_to_rooms_is_like_others_elsewhere() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.MODERATOR, "a" * 16, "n1", 1, 1000, "", "::1", scope=("team-*",))
    assert (ann.moderates("team-a"), ann.moderates("lobby")) == (True, False)
    assert msgspec.structs.replace(ann, scope=None).moderates("lobby")
    assert not msgspec.structs.replace(ann, role=Role.USER, scope=None).moderates("lobby")


def test_a_session_goes_away_is_given_up_comes_again_and_ends() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1", (Seat("lobby", 1, 2, 3),))
    assert ann.standing is Standing.HERE
    away = ann.gone_away()
    lost = away.given_up()
    assert (away.standing, lost.standing, lost.parted) == (Standing.AWAY, Standing.LOST, "lost")
    again = lost.moved(node="b" * 16, node_name="n2", n=7, ip="::2", rights=(Role.MODERATOR, ("a*",)), whole=False)
    assert again == msgspec.structs.replace(
        lost,
        node="b" * 16,
        node_name="n2",
        n=7,
        ip="::2",
        role=Role.MODERATOR,
        scope=("a*",),
        whole=False,
        resumes=1,
        standing=Standing.HERE,
    )
    assert again.moved(node="a" * 16, node_name="n1", n=8, ip="::1").scope == ("a*",)
    assert again.moved(node="a" * 16, node_name="n1", n=8, ip="::1").resumes == 2
    assert (again.over("left").is_for_good, again.over("kicked").is_for_good) == (False, True)
    assert again.over("kicked").seats == ()


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode({"session": "s"})])
def test_bytes_that_are_no_record_are_refused(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        session.unpack(payload)


def test_a_record_changes_by_making_another() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1")
    lobby, second = Seat("lobby", 1, 1000, 1), Seat("second", 2, 1001, 1)
    both = ann.seated(lobby).seated(second)
    assert (ann.seats, both.seats) == ((), (lobby, second))
    assert (both.seat("second"), both.seat("third")) == (second, None)
    left = both.unseated("lobby", "kicked")
    assert (left.seats, left.parted, left.ended) == ((second,), "kicked", False)
    over = both.over("lost")
    assert (over.seats, over.parted, over.ended) == ((), "lost", True)
    with pytest.raises(AttributeError):
        ann.name = "Bob"  # type: ignore[misc]  # that it cannot be is the test


def test_a_mute_is_of_a_room_or_of_everywhere() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1")
    lobby, everywhere = Silence("lobby", 5000, "Mo"), Silence(None, None, "Mo")
    there = ann.with_silence(lobby)
    assert (there.muted("lobby"), there.muted("second"), there.muted()) == (True, False, False)
    both = there.with_silence(everywhere)
    assert both.muted("lobby")
    assert both.muted("second")
    assert both.muted()
    assert (both.silence("lobby"), both.silence(None), both.silence("second")) == (lobby, everywhere, None)
    assert both.without_silence(None) == there
    assert there.without_silence("lobby") == ann


def test_a_mute_takes_the_place_of_the_one_before() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1")
    longer = Silence("lobby", 9000, "Mo")
    assert ann.with_silence(Silence("lobby", 5000, "Mo")).with_silence(longer).silences == (longer,)


def test_who_is_muted_twice_may_be_heard_when_the_last_mute_ends() -> None:
    ann = SessionRecord("s1", "ann", "Ann", Role.USER, "a" * 16, "n1", 1, 1000, "", "::1")
    assert ann.muted_until("lobby") is None
    both = ann.with_silence(Silence("lobby", 5000, "Mo")).with_silence(Silence(None, 7000, "Mo"))
    assert (both.muted_until("lobby"), both.muted_until("second")) == (7000, 7000)
    assert both.with_silence(Silence("lobby", None, "Mo")).muted_until("lobby") is None


def test_higher_roles_rank_higher() -> None:
    assert Role.USER.rank < Role.MODERATOR.rank < Role.ADMIN.rank


def test_the_module_brings_no_socket_loop_or_window_with_it() -> None:
    """In a process of its own, since others have imported them here."""
    script = "import sys, server.session; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "server.session" in loaded
    roots = {name.partition(".")[0] for name in loaded}
    assert not roots & {"asyncio", "websockets", "zmq", "PySide6", "socket", "threading"}
