"""When mutes and the grace of kicks are over, by a node's own count."""

from __future__ import annotations

import msgspec

from server.session import Actor, Notice, Role, SessionRecord, Silence
from server.terms import AGAIN_SECONDS, Terms, term_of

BY = Actor("m", "mod", "Mod", Role.MODERATOR)
RECORD = SessionRecord("s", "u", "U", Role.USER, "n", "n1", 1, 0, "", "")
KICK = Notice(None, 0, 10.0, BY, "")
MUTE = Silence("lobby", 0, "Mod", 5.0)


def kinds(terms: Terms, now: float) -> list[type]:
    return [kind for _, kind, _ in terms.advance(now)]


def test_each_is_over_in_its_own_time() -> None:
    terms = Terms(now=0.0)
    record = RECORD.with_silence(MUTE).with_notice(KICK)
    terms.follow("s", record, 0.0)
    assert kinds(terms, 4.9) == []
    assert kinds(terms, 5.2) == [Silence]
    terms.follow("s", record.without_silence("lobby"), 5.2)
    assert kinds(terms, 9.9) == []
    assert kinds(terms, 10.2) == [Notice]


def test_a_kick_and_a_mute_of_one_room_are_two() -> None:
    terms = Terms(now=0.0)
    record = RECORD.with_silence(msgspec.structs.replace(MUTE, room=None)).with_notice(KICK)
    terms.follow("s", record, 0.0)
    terms.follow("s", record.without_notice(None), 1.0)
    assert kinds(terms, 20.0) == [Silence]


def test_what_is_undone_or_over_with_its_session_is_not_over_later() -> None:
    terms = Terms(now=0.0)
    terms.follow("s", RECORD.with_notice(KICK), 0.0)
    terms.follow("s", RECORD, 1.0)
    terms.follow("t", RECORD.with_notice(KICK), 1.0)
    terms.follow("t", None, 2.0)
    assert kinds(terms, 60.0) == []


def test_the_same_record_again_does_not_begin_anew() -> None:
    terms = Terms(now=0.0)
    record = RECORD.with_notice(KICK)
    terms.follow("s", record, 0.0)
    terms.follow("s", record.gone_away(), 9.0)
    assert kinds(terms, 10.2) == [Notice]


def test_what_another_node_is_to_end_is_looked_at_again() -> None:
    terms = Terms(now=0.0)
    terms.follow("s", RECORD.with_notice(KICK), 0.0)
    (due,) = terms.advance(10.2)
    terms.again(due, 10.2)
    assert terms.advance(10.2 + AGAIN_SECONDS + 0.2) == [due]
    assert term_of(RECORD.with_notice(KICK), due) == KICK
    assert term_of(RECORD, due) is None
